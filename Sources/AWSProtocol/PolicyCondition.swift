import Support

/// One key of a statement's `Condition`: the operator, the key and the values of which one must fit.
package struct PolicyCondition: Sendable, Hashable {
    /// Lower case.
    package let key: String
    private let test: Test
    private let values: [String]
    /// Holds when the request has no such key, too.
    private let isOptional: Bool

    private enum Test: Sendable, Hashable {
        case text(isNegated: Bool, ignoresCase: Bool)
        case pattern(isNegated: Bool)
        case number(Comparison)
        case date(Comparison)
        case bool
        case null
        case address(isNegated: Bool)
    }

    private enum Comparison: Sendable, Hashable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

        func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
            switch self {
            case .equal: a == b
            case .notEqual: a != b
            case .less: a < b
            case .lessOrEqual: a <= b
            case .greater: a > b
            case .greaterOrEqual: a >= b
            }
        }
    }

    /// Keys whose values the server knows for every request that has them.
    private static let knownKeys: Set<String> = [
        "aws:currenttime", "aws:principalarn", "aws:principaltype", "aws:referer", "aws:securetransport",
        "aws:sourceip", "aws:useragent",
        "aws:username", "s3:authtype", "s3:delimiter", "s3:max-keys", "s3:prefix", "s3:signatureversion", "s3:versionid",
        "s3:x-amz-acl", "s3:x-amz-content-sha256", "s3:x-amz-copy-source", "s3:x-amz-metadata-directive",
        "s3:x-amz-server-side-encryption", "s3:x-amz-storage-class",
    ]
    private static let knownPrefixes = ["s3:existingobjecttag/", "s3:requestobjecttag/"]

    /// - Throws: `MalformedPolicy` for an operator or a key that is not supported, and values that do not fit.
    init(_ name: String, key: String, _ values: [String]) throws(AWSError) {
        let lower = key.lowercased()
        let prefix = Self.knownPrefixes.first { lower.hasPrefix($0) }
        guard Self.knownKeys.contains(lower) || prefix != nil else {
            throw AWSError(
                "MalformedPolicy",
                "Policy has an invalid condition key: \(key) is not supported\(AccessPolicy.hint(key, Self.knownKeys))")
        }
        // The case of a tag's name counts.
        self.key = prefix.map { $0 + key.dropFirst($0.utf8.count) } ?? lower
        isOptional = name.hasSuffix("IfExists")
        guard let test = Self.test(isOptional ? String(name.dropLast(8)) : name) else {
            throw AWSError("MalformedPolicy", "The condition operator \(name) is not supported")
        }
        for value in values {
            let fits =
                switch test {
                case .number: Double(value) != nil
                case .date: Self.time(value) != nil
                case .bool, .null: ["true", "false"].contains(value.lowercased())
                case .address: AddressRange(value) != nil
                case .text, .pattern: !value.contains("${")
                }
            guard fits else { throw AWSError("MalformedPolicy", "The value \(value) does not fit the condition \(name)") }
        }
        self.test = test
        self.values = values
    }

    private static func test(_ name: String) -> Test? {
        switch name {
        case "StringEquals": .text(isNegated: false, ignoresCase: false)
        case "StringNotEquals": .text(isNegated: true, ignoresCase: false)
        case "StringEqualsIgnoreCase": .text(isNegated: false, ignoresCase: true)
        case "StringNotEqualsIgnoreCase": .text(isNegated: true, ignoresCase: true)
        case "StringLike", "ArnEquals", "ArnLike": .pattern(isNegated: false)
        case "StringNotLike", "ArnNotEquals", "ArnNotLike": .pattern(isNegated: true)
        case "IpAddress": .address(isNegated: false)
        case "NotIpAddress": .address(isNegated: true)
        case "Bool": .bool
        case "Null": .null
        default:
            if name.hasPrefix("Numeric") {
                comparison(name.dropFirst(7)).map(Test.number)
            } else if name.hasPrefix("Date") {
                comparison(name.dropFirst(4)).map(Test.date)
            } else {
                nil
            }
        }
    }

    private static func comparison(_ name: Substring) -> Comparison? {
        switch name {
        case "Equals": .equal
        case "NotEquals": .notEqual
        case "LessThan": .less
        case "LessThanEquals": .lessOrEqual
        case "GreaterThan": .greater
        case "GreaterThanEquals": .greaterOrEqual
        default: nil
        }
    }

    /// - Parameter found: the request's values by key.
    func holds(_ found: [String: String]) -> Bool {
        let value = found[key]
        if case .null = test { return values.contains { ($0.lowercased() == "true") == (value == nil) } }
        guard let value else { return isOptional || isNegated }
        switch test {
        case .text(let isNegated, let ignoresCase):
            let fits = values.contains { ignoresCase ? $0.lowercased() == value.lowercased() : $0 == value }
            return fits != isNegated
        case .pattern(let isNegated): return values.contains { matchesWildcards(value, pattern: $0) } != isNegated
        case .number(let comparison): return compare(comparison, Double(value), Double.init)
        case .date(let comparison): return compare(comparison, Self.time(value), Self.time)
        case .bool: return values.contains { $0.lowercased() == value.lowercased() }
        case .address(let isNegated):
            return values.contains { AddressRange($0)?.contains(value) == true } != isNegated
        case .null: return false
        }
    }

    private func compare<T: Comparable>(_ comparison: Comparison, _ value: T?, _ read: (String) -> T?) -> Bool {
        guard let value else { return false }
        let wanted = values.compactMap(read)
        return comparison == .notEqual
            ? !wanted.contains(value) : wanted.contains { comparison.holds(value, $0) }
    }

    /// Whether it holds for some callers only, rather than for what callers say.
    var limitsCallers: Bool {
        ["aws:principalarn", "aws:sourceip", "aws:username"].contains(key) && !isNegated && !isOptional && test != .null
            && !values.contains { $0 == "*" || $0.hasSuffix("/0") }
    }

    private var isNegated: Bool {
        switch test {
        case .text(let isNegated, _), .pattern(let isNegated), .address(let isNegated): isNegated
        case .number(let comparison), .date(let comparison): comparison == .notEqual
        case .bool, .null: false
        }
    }

    private static func time(_ text: String) -> Int64? {
        Timestamp(iso8601: text)?.millisecondsSince1970
            ?? Int64(text).flatMap { $0.multipliedReportingOverflow(by: 1000).overflow ? nil : $0 * 1000 }
    }
}
