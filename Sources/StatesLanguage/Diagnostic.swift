/// Whether executions of a machine are durable (`STANDARD`) or short and in memory (`EXPRESS`).
package enum StateMachineType: String, Sendable, Hashable {
    case standard = "STANDARD"
    case express = "EXPRESS"
}

/// One finding about a definition, with the members of `ValidateStateMachineDefinition`'s answer.
package struct Diagnostic: Sendable, Hashable {
    package enum Severity: String, Sendable, Hashable {
        case error = "ERROR"
        case warning = "WARNING"
    }

    package static let invalidJSON = "INVALID_JSON_DESCRIPTION"
    package static let invalidSchema = "SCHEMA_VALIDATION_FAILED"
    /// The one code that is not the service's: AWS accepts the task, and this server cannot perform it.
    package static let unsupportedIntegration = "UNSUPPORTED_INTEGRATION"

    package var severity: Severity
    /// The service's code, such as `SCHEMA_VALIDATION_FAILED`.
    package var code: String
    package var message: String
    /// A path such as `/States/Load/Next`, or the place of a syntax error; nil for an empty text.
    package var location: String?

    package init(_ severity: Severity, code: String, message: String, location: String?) {
        self.severity = severity
        self.code = code
        self.message = message
        self.location = location
    }
}

/// A definition that cannot be used, with every finding in document order.
package struct DefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    package let diagnostics: [Diagnostic]

    /// The message of the service's `InvalidDefinition`.
    package var exceptionMessage: String { "Invalid State Machine Definition: '\(summary)'" }

    /// Errors as `code: message at location`, separated by commas.
    package var summary: String {
        diagnostics.filter { $0.severity == .error }.map { diagnostic in
            // The message of a syntax error names its place itself.
            if diagnostic.code == Diagnostic.invalidJSON { return "\(diagnostic.code): \(diagnostic.message)" }
            return "\(diagnostic.code): \(diagnostic.message) at \(diagnostic.location ?? "null")"
        }.joined(separator: ", ")
    }

    package var description: String { exceptionMessage }
}
