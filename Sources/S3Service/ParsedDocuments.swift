import Synchronization

/// What texts mean, so that a text that many requests need is read once.
final class ParsedDocuments<Value: Sendable>: Sendable {
    /// Texts; beyond, all are forgotten.
    private static var limit: Int { 256 }

    private let known = Mutex<[String: Value]>([:])

    func value(of text: String, _ parse: () throws -> Value) throws -> Value {
        if let value = known.withLock({ $0[text] }) { return value }
        let value = try parse()
        known.withLock { known in
            if known.count >= Self.limit { known = [:] }
            known[text] = value
        }
        return value
    }
}
