import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support

/// The members of an operation's input, read with the service's complaints about them.
struct OperationInput {
    let members: JSONObject
    private var complaints: [String] = []

    init(_ members: JSONObject) { self.members = members }

    /// What may stand in a text member, as the service model says.
    struct TextRule: Sendable {
        var minimum = 1
        var maximum: Int
        /// What the complaint calls the pattern or set, and whether a text fits.
        var pattern: (text: String, fits: @Sendable (String) -> Bool)?

        static let arn = TextRule(maximum: 256)
        static let name = TextRule(maximum: 80)
        static let definition = TextRule(maximum: 1 << 20)
        static let data = TextRule(minimum: 0, maximum: 1 << 30)
        /// `data` where the service's quotas hold.
        static let limitedData = TextRule(minimum: 0, maximum: 262_144)
        static let error = TextRule(minimum: 0, maximum: 256)
        static let cause = TextRule(minimum: 0, maximum: 32_768)
        static let pageToken = TextRule(maximum: 1024)
        static let longPageToken = TextRule(maximum: 3096)
        static let taskToken = TextRule(maximum: 2048)

        static func oneOf(_ values: [String]) -> TextRule {
            TextRule(
                minimum: 0, maximum: .max,
                pattern: ("enum value set: [\(values.joined(separator: ", "))]", { values.contains($0) }))
        }
    }

    /// Reads a member that must be there. `finish` throws if it is not.
    mutating func required(_ name: String, _ rule: TextRule) throws -> String {
        if let text = try optional(name, rule) { return text }
        complaints.append("Value null at '\(name)' failed to satisfy constraint: Member must not be null")
        return ""
    }

    mutating func optional(_ name: String, _ rule: TextRule) throws -> String? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let text = value.string else { throw Self.wrongType(name, "a string") }
        let length = text.unicodeScalars.count
        if length > rule.maximum {
            complain(name, text, "Member must have length less than or equal to \(rule.maximum)")
        } else if length < rule.minimum {
            complain(name, text, "Member must have length greater than or equal to \(rule.minimum)")
        } else if let pattern = rule.pattern, !pattern.fits(text) {
            complain(name, text, "Member must satisfy \(pattern.text)")
        }
        return text
    }

    func flag(_ name: String) throws -> Bool? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let flag = value.bool else { throw Self.wrongType(name, "a boolean") }
        return flag
    }

    func object(_ name: String) throws -> JSONObject? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let object = value.object else { throw Self.wrongType(name, "a structure") }
        return object
    }

    func list(_ name: String) throws -> [JSONValue]? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let list = value.array else { throw Self.wrongType(name, "a list") }
        return list
    }

    /// `maxResults` of a list; 0 and no value mean `standard`.
    mutating func maxResults(_ name: String = "maxResults", standard: Int = 100, maximum: Int = 1000) throws -> Int {
        guard let value = members[name], !value.isNull else { return standard }
        guard let number = value.int64 else { throw Self.wrongType(name, "an integer") }
        if number > maximum {
            complain(name, String(number), "Member must have value less than or equal to \(maximum)")
        } else if number < 0 {
            complain(name, String(number), "Member must have value greater than or equal to 0")
        }
        return number <= 0 ? standard : Int(min(number, Int64(maximum)))
    }

    /// A number within bounds, which are whole.
    mutating func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let number = value.double else { throw Self.wrongType(name, "a number") }
        if number > range.upperBound {
            complain(name, value.text, "Member must have value less than or equal to \(Int64(range.upperBound))")
        } else if number < range.lowerBound {
            complain(name, value.text, "Member must have value greater than or equal to \(Int64(range.lowerBound))")
        } else {
            return number
        }
        return nil
    }

    /// Throws the complaints, all in one `ValidationException`.
    func finish() throws {
        guard !complaints.isEmpty else { return }
        let errors = complaints.count == 1 ? "1 validation error" : "\(complaints.count) validation errors"
        throw AWSError("ValidationException", "\(errors) detected: \(complaints.joined(separator: "; "))")
    }

    private mutating func complain(_ name: String, _ value: String, _ constraint: String) {
        complaints.append("Value '\(value)' at '\(name)' failed to satisfy constraint: \(constraint)")
    }

    private static func wrongType(_ name: String, _ expected: String) -> AWSError {
        AWSError("SerializationException", "The value of '\(name)' is not \(expected).")
    }
}

/// Names and ARNs, as the service takes them.
enum ResourceName {
    /// Characters that no name may have.
    /// - Source: CreateStateMachine, `name`.
    private static let forbidden = Set("<>{}[]?*\"#%\\^|~`$&,;:/".unicodeScalars)

    static func check(_ name: String) throws {
        let isValid = name.unicodeScalars.allSatisfy { scalar in
            !forbidden.contains(scalar) && !scalar.properties.isWhitespace && scalar.value >= 0x20
                && !(0x7F...0x9F).contains(scalar.value)
        }
        guard isValid else { throw AWSError("InvalidName", "Invalid Name: '\(name)'") }
    }

    /// Throws unless `text` is an ARN of Step Functions whose resource is of one of the given types.
    static func checkARN(_ text: String, types: [String]) throws {
        guard text.hasPrefix("arn:") else { throw invalidARN("Invalid ARN prefix: \(text)") }
        guard let arn = ARN(text) else { throw invalidARN(text) }
        guard arn.service == "states" else { throw invalidARN("Invalid ARN service: \(arn.service)") }
        let type = arn.resource.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        guard types.contains(type) else { throw invalidARN("Resource type not valid in this context: \(type)") }
    }

    static func checkRole(_ text: String) throws {
        guard let arn = ARN(text), arn.service == "iam", arn.resource.hasPrefix("role/"), arn.account.utf8.count == 12,
            arn.account.utf8.allSatisfy({ (48...57).contains($0) })
        else {
            throw AWSError("InvalidArn", "Invalid Role Arn: '\(text)'")
        }
    }

    private static func invalidARN(_ message: String) -> AWSError { AWSError("InvalidArn", "Invalid Arn: '\(message)'") }
}

/// The `nextToken` of lists: opaque to callers, good for the same list only.
enum PageToken {
    static func encode(_ kind: String, _ place: [JSONValue]) -> JSONValue {
        .string(Base64.encode(JSONValue.array([.string(kind)] + place).bytes))
    }

    static func decode(_ kind: String, _ token: String?) throws -> [JSONValue]? {
        guard let token else { return nil }
        guard let bytes = Base64.decode(token), let list = try? JSONValue(parsing: bytes).array,  // The token is at fault.
            list.first?.string == kind
        else { throw invalid }
        return Array(list.dropFirst())
    }

    static func decodeKey(_ kind: String, _ token: String?) throws -> PageKey? {
        guard let place = try decode(kind, token) else { return nil }
        guard place.count == 2, let time = place[0].int64, let arn = place[1].string else { throw invalid }
        return PageKey(time: Timestamp(millisecondsSince1970: time), arn: arn)
    }

    static func decodeName(_ kind: String, _ token: String?) throws -> String? {
        guard let place = try decode(kind, token) else { return nil }
        guard place.count == 1, let name = place[0].string else { throw invalid }
        return name
    }

    /// One page of a list, and the token of the next one.
    /// - Parameters:
    ///   - rows: as far as `limit`, and one more when there is a next page.
    ///   - place: where a row stands in the list.
    static func page<Row>(
        _ member: String, _ kind: String, _ rows: [Row], limit: Int, place: (Row) -> [JSONValue], json: (Row) -> JSONValue
    ) -> JSONObject {
        let shown = rows.prefix(limit)
        var answer: JSONObject = [member: .array(shown.map(json))]
        if rows.count > limit, let last = shown.last { answer["nextToken"] = encode(kind, place(last)) }
        return answer
    }

    static var invalid: AWSError { AWSError("InvalidToken", "Invalid Token: 'Invalid token'") }
    static var inconsistent: AWSError { AWSError("InvalidToken", "Invalid Token: 'Input inconsistent with page token'") }
}

extension Timestamp {
    /// Epoch seconds with milliseconds, as awsJson sends times.
    var json: JSONValue { .number(secondsSince1970) }
}

extension PageKey {
    /// The place in a list by time.
    var place: [JSONValue] { [.number(time.millisecondsSince1970), .string(arn)] }
}
