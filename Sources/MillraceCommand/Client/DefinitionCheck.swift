import JSONModel
import StatesLanguage

extension Diagnostic {
    var isError: Bool { severity == .error }

    /// For people: severity, place, message, code.
    var text: String { "\(severity.rawValue.lowercased()): \(location.map { "\($0): " } ?? "")\(message) [\(code)]" }

    /// As ValidateStateMachineDefinition answers.
    var json: JSONValue {
        var object: JSONObject = [
            "severity": .string(severity.rawValue), "code": .string(code), "message": .string(message),
        ]
        if let location { object["location"] = .string(location) }
        return .object(object)
    }
}
