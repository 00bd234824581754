import ObjectStore
import Support
import Synchronization

/// A condition in the form that the store understands.
struct S3Condition: Sendable, Hashable {
    let condition: PutCondition
    /// RGW up to at least 16 compares If-Match of a put with the ETag without quotes.
    let quotesETag: Bool

    init(_ condition: PutCondition, quotesETag: Bool = true) {
        self.condition = condition
        self.quotesETag = quotesETag
    }

    static let none = S3Condition(.none)
}

/// Which conditions a bucket's store honours. Some ignore them without a word, so each kind is tried before its first
/// use, with an object of its own that is removed again, and the outcome is kept.
final class S3Conditions: Sendable {
    /// What can have a condition.
    enum Effect: Sendable, Hashable { case put, completion, copy }

    enum Kind: Sendable, Hashable { case ifAbsent, ifMatch }

    private enum Finding: Sendable { case honoured(quotesETag: Bool), ignored }

    private struct Question: Hashable {
        let effect: Effect
        let kind: Kind
    }

    private let known = Mutex<[Question: Finding]>([:])

    /// - Parameter near: a key in whose directory objects are put to find out, as keys may be restricted to it.
    /// - Returns: nil when the store does not honour the condition.
    func form(
        of condition: PutCondition, for effect: Effect, in store: S3ObjectStore, near key: String
    ) async throws -> S3Condition? {
        let kind: Kind
        switch condition {
        case .none: return S3Condition.none
        case .ifAbsent: kind = .ifAbsent
        case .ifMatch: kind = .ifMatch
        }
        guard store.connection.configuration.probesConditionalWrites else { return S3Condition(condition) }
        let question = Question(effect: effect, kind: kind)
        let finding: Finding
        if let found = known.withLock({ $0[question] }) {
            finding = found
        } else {
            finding = try await Trial(store: store, effect: effect, near: key).finding(kind)
            known.withLock { $0[question] = finding }
        }
        return switch finding {
        case .honoured(let quotesETag): S3Condition(condition, quotesETag: quotesETag)
        case .ignored: nil
        }
    }

    /// One probing, of a key of its own.
    private struct Trial {
        enum Outcome {
            case done
            case refused
            case unknownToStore
        }

        let store: S3ObjectStore
        let effect: Effect
        let key: String

        init(store: S3ObjectStore, effect: Effect, near: String) {
            self.store = store
            self.effect = effect
            let directory = near.lastIndex(of: "/").map { String(near[...$0]) } ?? ""
            key = "\(directory).millrace-probe-\(randomUUIDText())"
        }

        func finding(_ kind: Kind) async throws -> Finding {
            do {
                let present = try await store.putUnchecked(key, [], condition: .none)
                let source = try await effect == .copy ? store.putUnchecked(key + "-source", [1], condition: .none) : nil
                let finding = try await kind == .ifAbsent ? ifAbsent(source) : ifMatch(present.etag, source)
                try await remove()
                return finding
            } catch {
                // What was found wrong first is what counts.
                try? await remove()
                throw error
            }
        }

        private func remove() async throws {
            try await store.delete(key)
            if effect == .copy { try await store.delete(key + "-source") }
        }

        private func ifAbsent(_ source: ObjectMetadata?) async throws -> Finding {
            // Whether it is sent once or more often, what it is answered with says the same.
            if case .refused = try await attempt(S3Condition(.ifAbsent), source) { return .honoured(quotesETag: true) }
            return .ignored
        }

        private func ifMatch(_ etag: String, _ source: ObjectMetadata?) async throws -> Finding {
            for quotesETag in [true, false] {
                switch try await attempt(S3Condition(.ifMatch(etag), quotesETag: quotesETag), source) {
                case .refused: continue
                case .unknownToStore: return .ignored
                case .done:
                    // Of other contents than the object has in any trial.
                    let stale = S3Condition(.ifMatch("0123456789abcdef0123456789abcdef"), quotesETag: quotesETag)
                    if case .refused = try await attempt(stale, source) { return .honoured(quotesETag: quotesETag) }
                    return .ignored
                }
            }
            return .ignored
        }

        private func attempt(_ condition: S3Condition, _ source: ObjectMetadata?) async throws -> Outcome {
            do {
                if let source {
                    _ = try await store.copyWhole(source, to: key, condition: condition)
                    return .done
                }
                if effect == .put {
                    _ = try await store.putUnchecked(
                        key, [], condition: condition, isRepeatable: condition.condition == .ifAbsent)
                    return .done
                }
                let upload = try await S3Multipart(beginning: key, connection: store.connection)
                do {
                    let part = try await upload.put(1, [1])
                    _ = try await upload.complete([part], condition: condition)
                    return .done
                } catch {
                    await upload.abort()
                    throw error
                }
            } catch let error as ObjectStoreError {
                switch error.code {
                case .preconditionFailed: return .refused
                case .other("NotImplemented"): return .unknownToStore
                case .ambiguous:
                    throw ObjectStoreError(
                        .unavailable, "Whether the store honours conditions could not be found out: \(error.message)", key: key)
                default: throw error
                }
            }
        }
    }
}
