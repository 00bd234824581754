import StatesLanguage
import Synchronization

/// Parsed definitions by their texts, the most recently added ones.
final class DefinitionCache: Sendable {
    private static let entriesMax = 256

    private struct Entries {
        var definitions: [String: StateMachineDefinition] = [:]
        var order: [String] = []
    }
    private let entries = Mutex(Entries())

    /// - Throws: `DefinitionError`.
    func definition(_ text: String, type: String) throws -> StateMachineDefinition {
        let key = type + "\n" + text
        if let known = entries.withLock({ $0.definitions[key] }) { return known }
        let definition = try StateMachineDefinition(stored: text, type: StateMachineType(rawValue: type) ?? .standard)
        entries.withLock { entries in
            guard entries.definitions.updateValue(definition, forKey: key) == nil else { return }
            entries.order.append(key)
            if entries.order.count > Self.entriesMax {
                entries.definitions[entries.order.removeFirst()] = nil
            }
        }
        return definition
    }
}
