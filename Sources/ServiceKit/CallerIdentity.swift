package import JSONModel
import Support

/// What STS's GetCallerIdentity says of a caller: there are no roles here, so everyone is the account.
package struct CallerIdentity: Sendable {
    package let arn: String
    package let userID: String
    package let account: String

    package init(_ context: CallContext) {
        arn = ARN(service: "iam", region: "", account: context.account, resource: "root").description
        userID = context.accessKeyID ?? context.account
        account = context.account
    }

    /// The operation's output.
    package var json: JSONObject {
        ["Account": .string(account), "Arn": .string(arn), "UserId": .string(userID)]
    }

    /// What every other operation of STS is answered with.
    package static func refusal(of action: String) -> String {
        "The action '\(action.prefix(100))' of sts is not supported: there are no roles here. GetCallerIdentity is."
    }
}
