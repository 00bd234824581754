import Support

/// What a Task state calls, from its `Resource` ARN.
package struct TaskResource: Sendable, Hashable {
    /// How the state waits for what it calls.
    package enum Pattern: Sendable, Hashable {
        case requestResponse, sync, sync2, waitForTaskToken

        /// The suffix of the action in the ARN.
        package var suffix: String {
            switch self {
            case .requestResponse: ""
            case .sync: ".sync"
            case .sync2: ".sync:2"
            case .waitForTaskToken: ".waitForTaskToken"
            }
        }
    }

    package enum Kind: Sendable, Hashable {
        /// `arn:aws:states:::service:action`, an integration made for Step Functions.
        case optimized
        /// `arn:aws:states:::aws-sdk:service:action`, any operation of an AWS service.
        case awsSDK
        /// `arn:aws:states:region:account:activity:name`.
        case activity
        /// `arn:aws:lambda:region:account:function:name`.
        case lambda
    }

    package let kind: Kind
    /// The lower-case service name: `glue`, `batch`, `sfn`; `states` for an activity, `lambda` for a function.
    package let service: String
    /// The operation in camel case without the pattern, such as `startJobRun`; the name of an activity or function.
    package let action: String
    package let pattern: Pattern
    /// The `Resource` as written.
    package let arn: String

    /// Nil when the text is no ARN of one of the four kinds.
    package init?(_ text: String) {
        guard let parsed = ARN(text) else { return nil }
        arn = text
        let parts = parsed.resource.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parsed.service == "lambda", parts.count >= 2, parts[0] == "function", !parts[1].isEmpty {
            (kind, service, action, pattern) = (.lambda, "lambda", parts[1], .requestResponse)
            return
        }
        guard parsed.service == "states" else { return nil }
        if parts.count == 2, parts[0] == "activity", !parts[1].isEmpty {
            (kind, service, action, pattern) = (.activity, "states", parts[1], .requestResponse)
            return
        }
        guard parsed.region.isEmpty, parsed.account.isEmpty else { return nil }
        let isSDK = parts.first == "aws-sdk"
        var rest = parts.dropFirst(isSDK ? 1 : 0)
        guard let service = rest.popFirst(), !service.isEmpty, !rest.isEmpty else { return nil }
        var action = rest.joined(separator: ":")
        var pattern = Pattern.requestResponse
        for candidate in [Pattern.sync2, .sync, .waitForTaskToken] where action.hasSuffix(candidate.suffix) {
            action.removeLast(candidate.suffix.count)
            pattern = candidate
            break
        }
        guard !action.isEmpty, !action.contains(":"), !action.contains(".") else { return nil }
        self.kind = isSDK ? .awsSDK : .optimized
        self.service = service
        self.action = action
        self.pattern = pattern
    }

    /// How states can wait for them, besides not at all.
    private static let patterns: [String: Set<Pattern>] = [
        "batch": [.sync], "dynamodb": [], "ecs": [.sync, .waitForTaskToken], "events": [.waitForTaskToken],
        "glue": [.sync], "lambda": [.waitForTaskToken], "sns": [.waitForTaskToken], "sqs": [.waitForTaskToken],
        "states": [.sync, .sync2, .waitForTaskToken],
    ]

    /// False for what is known not to be: an action that its service does not have in the optimised form, or a way of
    /// waiting that it does not have.
    var isKnown: Bool {
        switch kind {
        case .activity, .lambda: true
        case .awsSDK: pattern == .requestResponse || pattern == .waitForTaskToken
        case .optimized:
            (Self.optimizedActions[service]?.contains(action) ?? true)
                && (pattern == .requestResponse || Self.patterns[service]?.contains(pattern) ?? true)
        }
    }

    /// `resourceType` in history: `glue`, or `aws-sdk:glue`.
    package var historyResourceType: String { kind == .awsSDK ? "aws-sdk:\(service)" : service }
    /// `resource` in history: the action with its pattern; the ARN of an activity or function.
    package var historyResource: String {
        switch kind {
        case .optimized, .awsSDK: action + pattern.suffix
        case .activity, .lambda: arn
        }
    }
}
