package import JSONModel
package import Support

/// A policy document in IAM's language: of a bucket, or of an access key.
///
/// What is not evaluated (policy variables, `NotPrincipal`, set operators, unknown condition keys) is refused when the
/// document is read, so that a statement is never taken for more or less than it says.
/// - Source: IAM user guide, "IAM JSON policy elements reference".
package struct AccessPolicy: Sendable, Hashable {
    package let statements: [Statement]

    package struct Statement: Sendable, Hashable {
        /// For errors: `statement 2`, or `statement 'AllowReads'` by its `Sid`.
        package var label: String
        package var allows: Bool
        /// Nil in the policy of a key, whose owner is the principal.
        package var principals: [String]?
        package var actions: Match
        package var resources: Match
        package var conditions: [PolicyCondition]
    }

    /// Patterns of `Action` and `Resource`, or of `NotAction` and `NotResource`.
    package struct Match: Sendable, Hashable {
        package var patterns: [String]
        package var isNegated: Bool

        func holds(_ test: (String) -> Bool) -> Bool { patterns.contains(where: test) != isNegated }
    }

    package enum Decision: Sendable, Hashable {
        case allowed
        case denied
        /// No statement speaks of the request.
        case unmentioned
    }

    /// What is asked for.
    package struct Question: Sendable {
        /// The caller's ARN; nil for anybody.
        package var principal: String?
        package var account: String
        /// Such as `s3:GetObject`.
        package var action: String
        package var resource: String
        /// The values of condition keys, whose names are in lower case.
        package var values: [String: String]

        package init(
            principal: String?, account: String, action: String, resource: String, values: [String: String] = [:]
        ) {
            self.principal = principal
            self.account = account
            self.action = action
            self.resource = resource
            self.values = values
        }
    }

    package func decision(_ question: Question) -> Decision {
        var result = Decision.unmentioned
        for statement in statements where statement.applies(to: question) {
            if !statement.allows { return .denied }
            result = .allowed
        }
        return result
    }

    /// Whether anybody at all is allowed something. Of conditions only one on who calls, or from where, changes that: everything else is
    /// the caller's to say.
    package var isPublic: Bool {
        statements.contains { statement in
            statement.allows && statement.principals?.contains("*") == true
                && !statement.conditions.contains(where: \.limitsCallers)
        }
    }

    /// Whether a statement asks for a key that begins with `prefix`.
    package func asks(forKeysWithPrefix prefix: String) -> Bool {
        statements.contains { $0.conditions.contains { $0.key.hasPrefix(prefix) } }
    }
}

extension AccessPolicy.Statement {
    fileprivate func applies(to question: AccessPolicy.Question) -> Bool {
        actions.holds { matchesWildcards(question.action.lowercased(), pattern: $0.lowercased()) }
            && resources.holds { matchesWildcards(question.resource, pattern: $0) }
            && (principals?.contains { names($0, question) } ?? true)
            && conditions.allSatisfy { $0.holds(question.values) }
    }

    private func names(_ principal: String, _ question: AccessPolicy.Question) -> Bool {
        if principal == "*" { return true }
        guard let caller = question.principal else { return false }
        return principal == caller || principal == question.account
            || principal == "arn:aws:iam::\(question.account):root"
    }
}

// MARK: - Reading

extension AccessPolicy {
    package enum Kind: Sendable, Hashable {
        /// Statements name principals, and resources within this bucket.
        case bucket(String)
        /// Of a key.
        case identity
    }

    /// - Throws: `MalformedPolicy` with what was found.
    package init(parsing bytes: [UInt8], _ kind: Kind) throws(AWSError) {
        let root: JSONValue
        do {
            root = try JSONValue(parsing: bytes)
        } catch {
            throw Self.malformed("Policies must be valid JSON and the first byte must be '{'")
        }
        try self.init(root, kind)
    }

    package init(_ root: JSONValue, _ kind: Kind) throws(AWSError) {
        guard let object = root.object else {
            throw Self.malformed("Policies must be valid JSON and the first byte must be '{'")
        }
        for (name, _) in object where !["Version", "Id", "Statement"].contains(name) {
            throw Self.malformed("Unknown field \(name)")
        }
        if let version = object["Version"], version.string != "2012-10-17", version.string != "2008-10-17" {
            throw Self.malformed("The policy must contain a valid version string")
        }
        let items = object["Statement"].map { $0.array ?? [$0] } ?? []
        guard !items.isEmpty else { throw Self.malformed("Could not parse the policy: Statement is empty!") }
        var statements: [Statement] = []
        for (index, item) in items.enumerated() { statements.append(try Statement(item, kind, number: index + 1)) }
        self.statements = statements
    }

    static func malformed(_ message: String) -> AWSError { AWSError("MalformedPolicy", message) }
}

extension AccessPolicy.Statement {
    private static let known: Set<String> = [
        "Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    ]

    fileprivate init(_ value: JSONValue, _ kind: AccessPolicy.Kind, number: Int) throws(AWSError) {
        guard let object = value.object else { throw AccessPolicy.malformed("A statement must be an object") }
        label = "statement " + (object["Sid"]?.string.map { "'\($0)'" } ?? String(number))
        for (name, _) in object where !Self.known.contains(name) {
            throw AccessPolicy.malformed("The statement element \(name) is not supported")
        }
        switch object["Effect"]?.string {
        case "Allow": allows = true
        case "Deny": allows = false
        default: throw AccessPolicy.malformed("Invalid effect: \(object["Effect"]?.text ?? "none"), expected Allow or Deny")
        }
        actions = try Self.match(object, "Action")
        resources = try Self.match(object, "Resource")
        switch kind {
        case .identity:
            guard object["Principal"] == nil else {
                throw AccessPolicy.malformed("The policy of a key has no Principal: the key's owner is meant")
            }
            principals = nil
        case .bucket(let bucket):
            principals = try Self.principals(object["Principal"])
            for pattern in actions.patterns where pattern != "*" && !pattern.lowercased().hasPrefix("s3:") {
                throw AccessPolicy.malformed("Policy has invalid action \(pattern)")
            }
            let own = "arn:aws:s3:::\(bucket)"
            for pattern in resources.patterns where pattern != own && !pattern.hasPrefix(own + "/") {
                throw AccessPolicy.malformed("Policy has invalid resource \(pattern)")
            }
        }
        conditions = []
        if let block = object["Condition"] {
            guard let operators = block.object else { throw AccessPolicy.malformed("A Condition must be an object") }
            for (name, keys) in operators {
                guard let keys = keys.object else { throw AccessPolicy.malformed("The condition \(name) must be an object") }
                for (key, values) in keys {
                    do {
                        conditions.append(try PolicyCondition(name, key: key, try Self.texts(values, name)))
                    } catch {
                        throw AccessPolicy.malformed("In \(label): \(error.message)")
                    }
                }
            }
        }
    }

    private static func match(_ object: JSONObject, _ name: String) throws(AWSError) -> AccessPolicy.Match {
        let negated = object["Not\(name)"]
        guard let value = object[name] ?? negated, object[name] == nil || negated == nil else {
            throw AccessPolicy.malformed("Missing required field \(name)")
        }
        let patterns = try texts(value, name)
        guard !patterns.isEmpty else { throw AccessPolicy.malformed("Missing required field \(name)") }
        for pattern in patterns where pattern.contains("${") {
            throw AccessPolicy.malformed("The policy variable in \(pattern) is not supported")
        }
        return AccessPolicy.Match(patterns: patterns, isNegated: object[name] == nil)
    }

    private static func principals(_ value: JSONValue?) throws(AWSError) -> [String] {
        guard let value else { throw AccessPolicy.malformed("Missing required field Principal") }
        if value.string == "*" { return ["*"] }
        guard let object = value.object, !object.isEmpty else { throw AccessPolicy.malformed("Invalid principal in policy") }
        var found: [String] = []
        for (kind, names) in object {
            guard kind == "AWS" else { throw AccessPolicy.malformed("Principals of the kind \(kind) are not supported") }
            found += try texts(names, "Principal")
        }
        for name in found where name != "*" && !name.hasPrefix("arn:aws:iam::") && Int64(name) == nil {
            throw AccessPolicy.malformed("Invalid principal in policy: \(name)")
        }
        return found
    }

    private static func texts(_ value: JSONValue, _ name: String) throws(AWSError) -> [String] {
        var texts: [String] = []
        for item in value.array ?? [value] {
            switch item {
            case .string(let text): texts.append(text)
            case .bool, .number: texts.append(item.text)
            default: throw AccessPolicy.malformed("\(name) must be a text or a list of texts")
            }
        }
        return texts
    }
}

/// `*` stands for any characters, `?` for one.
package func matchesWildcards(_ text: String, pattern: String) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var t = 0
    var p = 0
    // Where to go on after the last `*` when a later part does not fit.
    var retry: (pattern: Int, text: Int)?
    while t < text.count {
        if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
            retry = (p, t)
            p += 1
        } else if p < pattern.count, pattern[p] == text[t] || pattern[p] == UInt8(ascii: "?") {
            t += 1
            p += 1
        } else if let last = retry {
            retry = (last.pattern, last.text + 1)
            t = last.text + 1
            p = last.pattern + 1
        } else {
            return false
        }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
}
