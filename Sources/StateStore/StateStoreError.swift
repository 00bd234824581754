/// Why durable state could not be read or written.
package enum StateStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The disk, or the quota on it, is full; nothing of the write happened. The same write may succeed later.
    case full
    /// The disk has become read-only; nothing of the write happened.
    case readOnly
    /// Too many writes wait already; nothing of this one happened.
    case tooManyWrites(limit: Int)
    /// The database was written by a later release than this one.
    case newerFormat(found: String, supported: String)
    /// The file is not a database of ours, or its contents contradict each other.
    case corrupt(String)
    /// The connection could not be given the promised durability.
    case notDurable(String)
    /// The storage failed to make data durable; what the medium holds is unknown, and the store accepts no writes.
    case syncFailed(String)
    /// The store has been closed.
    case closed
    /// Another failure of the database, in its own words.
    case failed(String)

    /// Whether nothing of the write happened and the same one may succeed later.
    package var isPassing: Bool {
        switch self {
        case .full, .readOnly, .tooManyWrites: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .full: "The disk that holds the state database is full. Free space on it, then try again."
        case .readOnly:
            "The disk that holds the state database cannot be written to: the system's log says why. Mount it for writing, then try again."
        case .tooManyWrites(let limit): "More than \(limit) writes to the state database are waiting."
        case .newerFormat(let found, let supported):
            "The state database has format \(found); this release reads formats up to \(supported)."
        case .corrupt(let message): "The state database is damaged: \(message)"
        case .notDurable(let message): "The state database cannot be opened durably: \(message)"
        case .syncFailed(let message): "The state database could not be synchronised with its disk: \(message)"
        case .closed: "The state database has been closed."
        case .failed(let message): "The state database failed: \(message)"
        }
    }
}
