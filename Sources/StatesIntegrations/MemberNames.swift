import JSONModel
import Support

/// Step Functions writes the members of every service's shapes in Pascal case, whatever the service itself does.
enum MemberNames {
    /// `JobQueue` to `jobQueue` for services whose members begin in lower case; keys of maps are data and stay.
    static func lowercased(_ parameters: JSONObject, maps: Set<String>) -> JSONObject {
        renamed(parameters, maps: maps) { $0.prefix(1).lowercased() + $0.dropFirst() }
    }

    static func capitalized(_ output: JSONObject, maps: Set<String>) -> JSONObject {
        renamed(output, maps: maps) { $0.prefix(1).uppercased() + $0.dropFirst() }
    }

    /// Members of these names hold maps, or other data whose keys stay, in the services that have them here.
    static func maps(ofService name: String) -> Set<String> {
        switch name {
        case "batch": ["parameters", "tags", "options", "shareIdentifierMap"]
        // Of these the first three hold data of the execution as JSON.
        case "states": ["input", "output", "definition", "tags", "variableReferences"]
        default: ["parameters", "tags", "arguments", "defaultArguments", "nonOverridableArguments"]
        }
    }

    /// Whether the service's own wire names begin in lower case.
    static func beginLowercase(_ service: String) -> Bool { ["batch", "logs", "states"].contains(service) }

    private static func renamed(_ object: JSONObject, maps: Set<String>, _ rename: (String) -> String) -> JSONObject {
        var result = JSONObject()
        result.reserveCapacity(object.count)
        for (key, value) in object {
            let isMap = maps.contains(key.prefix(1).lowercased() + key.dropFirst())
            result[rename(key)] = isMap ? value : renamed(value, maps: maps, rename)
        }
        return result
    }

    // As deep as the document, which the parser has limited.
    private static func renamed(_ value: JSONValue, maps: Set<String>, _ rename: (String) -> String) -> JSONValue {
        switch value {
        case .object(let object): .object(renamed(object, maps: maps, rename))
        case .array(let elements): .array(elements.map { renamed($0, maps: maps, rename) })
        default: value
        }
    }

    /// Writes the times of an answer, which awsJson sends in seconds, as the integrations show them: ISO 8601.
    static func withTimeTexts(_ output: JSONObject, ofService name: String) -> JSONObject {
        let times = times(ofService: name)
        guard !times.isEmpty else { return output }
        return withTimeTexts(output, times)
    }

    /// Members of these names are times, in the services that have them here.
    private static func times(ofService name: String) -> Set<String> {
        switch name {
        case "states": ["CreationDate", "UpdateDate", "StartDate", "StopDate", "RedriveDate", "Timestamp"]
        case "glue":
            [
                "CreateTime", "UpdateTime", "CreationTime", "LastAccessTime", "LastAnalyzedTime", "CreatedOn", "StartedOn",
                "CompletedOn", "LastModifiedOn",
            ]
        default: []
        }
    }

    private static func withTimeTexts(_ object: JSONObject, _ times: Set<String>) -> JSONObject {
        var result = JSONObject()
        result.reserveCapacity(object.count)
        for (key, value) in object {
            if times.contains(key), let seconds = value.double, abs(seconds) < 1e12 {
                result[key] = .string(
                    Timestamp(millisecondsSince1970: Int64((seconds * 1000).rounded())).iso8601)
            } else {
                result[key] = withTimeTexts(value, times)
            }
        }
        return result
    }

    // As deep as the document, which the parser has limited.
    private static func withTimeTexts(_ value: JSONValue, _ times: Set<String>) -> JSONValue {
        switch value {
        case .object(let object): .object(withTimeTexts(object, times))
        case .array(let elements): .array(elements.map { withTimeTexts($0, times) })
        default: value
        }
    }
}
