package import AWSProtocol
package import ServiceKit
package import Support

/// Where the server finds the secrets that signatures are checked against, and what each key is for.
package protocol CredentialDirectory: Sendable {
    /// The secret of a key that may be used now; nil for one that does not exist or has expired.
    func credentials(for accessKeyID: String, at now: Timestamp) -> AWSCredentials?

    /// Whether the key may call operations of `service` (its signing name).
    func permits(_ accessKeyID: String, service: String) -> Bool

    /// What the key's owner may do within the services that the key is for.
    func permissions(of accessKeyID: String) -> Permissions
}
