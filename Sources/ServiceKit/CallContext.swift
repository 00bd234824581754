package import AWSProtocol
package import Support

/// Who calls, where and when: what every service operation may depend on besides its input.
package struct CallContext: Sendable {
    /// The twelve digits under which records are kept.
    package var account: String
    /// The region of the credential scope; records of different regions do not see each other.
    package var region: String
    /// The key that signed the request; nil for calls made without a signature and for the server's own.
    package var accessKeyID: String?
    package var permissions = Permissions.all
    /// As `IncomingRequest.isSecure`.
    package var isSecure = false
    /// As `IncomingRequest.clientAddress`.
    package var clientAddress: String?
    /// As `IncomingRequest.client`.
    package var client: ClientPresence?
    package var requestID: String
    package var receivedAt: Timestamp
    /// Identifies the effect for repetition: an operation that creates something records it in the transaction that
    /// does so, and answers a repeated call with the first outcome. Set for commands of the workflow engine.
    package var commandID: String?
    /// What all repetitions of a job's effects share, when the caller knows it better than the job does: a task state
    /// keeps its scope over retries, each of which has a command id of its own.
    package var commitScope: String?

    package init(
        account: String, region: String, accessKeyID: String? = nil, requestID: String, receivedAt: Timestamp,
        commandID: String? = nil
    ) {
        self.account = account
        self.region = region
        self.accessKeyID = accessKeyID
        self.requestID = requestID
        self.receivedAt = receivedAt
        self.commandID = commandID
    }

    /// The caller as policies name them; nil for anybody.
    package var principal: String? {
        switch permissions {
        case .all: "arn:aws:iam::\(account):root"
        case .policies(let user, _): "arn:aws:iam::\(account):user/\(user)"
        case .anonymous: nil
        }
    }

    package func arn(service: String, resource: String) -> ARN {
        ARN(service: service, region: region, account: account, resource: resource)
    }
}

/// What a caller may do.
package enum Permissions: Sendable, Hashable {
    /// Everything: the root key, keys of jobs within their services, and the server itself.
    case all
    /// What the policies of a user's key allow.
    case policies(user: String, [AccessPolicy])
    /// Made without a signature: only what a resource's own policy grants to anybody.
    case anonymous

    /// What the policies say; nil for callers that have none.
    package func decision(_ question: AccessPolicy.Question) -> AccessPolicy.Decision? {
        guard case .policies(_, let policies) = self else { return nil }
        let decisions = policies.map { $0.decision(question) }
        if decisions.contains(.denied) { return .denied }
        return decisions.contains(.allowed) ? .allowed : .unmentioned
    }
}
