import Support

/// What is checked when a policy is given, and not again when a stored one is read: a name that means nothing makes a
/// statement that never applies.
extension AccessPolicy {
    /// - Throws: `MalformedPolicy` naming the statement, what it says, and the nearest right name.
    package func checkNames(_ kind: Kind) throws(AWSError) {
        for statement in statements {
            for pattern in statement.actions.patterns { try Self.checkAction(pattern, statement) }
            for principal in statement.principals ?? [] { try Self.checkPrincipal(principal, statement) }
            switch kind {
            case .bucket(let bucket): try Self.checkResources(bucket, statement)
            case .identity:
                for pattern in statement.resources.patterns where pattern != "*" && !isARN(pattern) {
                    throw Self.malformed(
                        "Resource \(pattern) in \(statement.label) must be in ARN format or \"*\", such as arn:aws:s3:::bucket/*")
                }
            }
        }
    }

    private static func checkAction(_ pattern: String, _ statement: Statement) throws(AWSError) {
        if pattern == "*" { return }
        let parts = pattern.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            // `GetObject` is the usual case.
            throw malformed("Policy has invalid action \(pattern) in \(statement.label)\(hint("s3:\(pattern)", S3ActionNames.all.values))")
        }
        // What other services name is theirs to say.
        if parts[0].lowercased() != "s3" || S3ActionNames.has(pattern, in: S3ActionNames.all) { return }
        throw malformed("Policy has invalid action \(pattern) in \(statement.label)\(hint(pattern, S3ActionNames.all.values))")
    }

    /// `: did you mean …?`, when there is a name that is near enough.
    static func hint(_ text: String, _ names: some Collection<String>) -> String {
        let spelled = text.lowercased()
        let nearest = names.map { (distance: editDistance(spelled, $0.lowercased()), name: $0) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        guard let nearest, nearest.distance <= max(2, spelled.utf8.count / 4) else { return "" }
        return ": did you mean \(nearest.name)?"
    }

    private static func checkPrincipal(_ principal: String, _ statement: Statement) throws(AWSError) {
        if principal == "*" || isAccount(principal) { return }
        let parts = principal.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        let resource = parts.last ?? ""
        guard parts.count == 6, isAccount(parts[4]), resource == "root" || isNamed(resource, "user/") || isNamed(resource, "role/")
        else {
            throw malformed(
                "Invalid principal in policy: \(principal) in \(statement.label), expected \"*\", an account, or such as arn:aws:iam::123456789012:user/name")
        }
    }

    private static func isAccount(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    /// Wildcards would not be one: principals are compared letter by letter.
    private static func isNamed(_ resource: Substring, _ kind: String) -> Bool {
        resource.hasPrefix(kind) && resource != kind[...] && !resource.contains("*")
    }

    /// Every action of the statement must be able to act on one of its resources.
    private static func checkResources(_ bucket: String, _ statement: Statement) throws(AWSError) {
        guard !statement.actions.isNegated, !statement.resources.isNegated else { return }
        let own = "arn:aws:s3:::\(bucket)"
        let hasBucket = statement.resources.patterns.contains(own)
        let hasObjects = statement.resources.patterns.contains { $0 != own }
        for pattern in statement.actions.patterns where pattern != "*" {
            if hasObjects, S3ActionNames.has(pattern, in: S3ActionNames.ofObjects) { continue }
            if hasBucket, S3ActionNames.has(pattern, in: S3ActionNames.ofBuckets) { continue }
            let wanted = hasObjects ? own : "\(own)/*"
            throw malformed("Action does not apply to any resource(s) in statement: in \(statement.label) \(pattern) needs \(wanted)")
        }
    }
}

private func isARN(_ text: String) -> Bool {
    // A wildcard may stand for the parts after it.
    text.hasPrefix("arn:") && (text.contains("*") || text.split(separator: ":", omittingEmptySubsequences: false).count >= 6)
}
