package import AWSProtocol
package import Support

/// Where the server finds the secrets that signatures are checked against.
package protocol CredentialDirectory: Sendable {
    /// The secret of a key that may be used now; nil for one that does not exist or has expired.
    func credentials(for accessKeyID: String, at now: Timestamp) -> AWSCredentials?
}
