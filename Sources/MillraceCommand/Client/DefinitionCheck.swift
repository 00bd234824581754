import JSONModel
import StatesLanguage

extension Diagnostic {
    var isError: Bool { severity == .error }

    /// For people: severity, place, message, code.
    ///
    /// - Parameter definition: the text that was checked. Of a syntax error the service repeats it; here its place will do.
    func text(in definition: String) -> String {
        var place = location.map { "\($0): " } ?? ""
        var message = message
        if code == Self.invalidJSON {
            do {
                _ = try JSONValue(parsing: definition)
            } catch {
                place = "line \(error.line), column \(error.column): "
                message = error.message
            }
        }
        return "\(severity.rawValue.lowercased()): \(place)\(message) [\(code)]"
    }

    /// As ValidateStateMachineDefinition answers.
    var json: JSONValue {
        var object: JSONObject = [
            "severity": .string(severity.rawValue), "code": .string(code), "message": .string(message),
        ]
        if let location { object["location"] = .string(location) }
        return .object(object)
    }
}
