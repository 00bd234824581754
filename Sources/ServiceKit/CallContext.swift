package import Support

/// Who calls, where and when: what every service operation may depend on besides its input.
package struct CallContext: Sendable {
    /// The twelve digits under which records are kept.
    package var account: String
    /// The region of the credential scope; records of different regions do not see each other.
    package var region: String
    /// The key that signed the request; nil for calls made without a signature and for the server's own.
    package var accessKeyID: String?
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

    package func arn(service: String, resource: String) -> ARN {
        ARN(service: service, region: region, account: account, resource: resource)
    }
}
