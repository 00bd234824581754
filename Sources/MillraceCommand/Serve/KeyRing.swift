import AWSProtocol
import AWSServer
import BatchEngine
import Crypto
import ServiceKit
import Support

/// The server's keys: the root key of the data directory, those of users, and those of running jobs and functions.
///
/// A job's key is not stored anywhere: its id carries the time it expires, and its secret follows from the id and the
/// root secret. So a restarted server knows the keys of the jobs it adopts.
///
///     MRJB <8 hexadecimal digits: expiry, seconds since 1970> <8 random ones>
///
/// A local Lambda function's begins with `MRFN`.
struct KeyRing: CredentialDirectory, JobCredentialIssuer {
    let root: AWSCredentials
    let users: UserKeys
    let clock: any WallClock

    private static let jobPrefix = "MRJB"
    private static let functionPrefix = "MRFN"
    /// What jobs need: their data, the catalog, and to know who they are.
    private static let jobServices: Set<String> = ["s3", "glue", "sts"]

    func credentials(
        forJob id: String, attempt: Int, account: String, region: String, lifetimeSeconds: Int
    ) async throws -> JobCredentials {
        let key = newKey(Self.jobPrefix, lifetimeSeconds)
        return JobCredentials(accessKeyID: key, secretAccessKey: secret(of: key))
    }

    /// For one invocation of a local Lambda function, which may call all services: it may report the outcome of a task.
    func functionCredentials(lifetimeSeconds: Int) -> AWSCredentials {
        let key = newKey(Self.functionPrefix, lifetimeSeconds)
        return AWSCredentials(accessKeyID: key, secretAccessKey: secret(of: key))
    }

    private func newKey(_ prefix: String, _ lifetimeSeconds: Int) -> String {
        let now = clock.now().millisecondsSince1970 / 1000
        let expiry = UInt64(clamping: now.addingReportingOverflow(Int64(lifetimeSeconds)).partialValue) & 0xFFFF_FFFF
        var random = SystemRandomNumberGenerator()
        return prefix + (hexText(expiry, digits: 8) + hexText(random.next(), digits: 8)).uppercased()
    }

    func credentials(for accessKeyID: String, at now: Timestamp) -> AWSCredentials? {
        if accessKeyID == root.accessKeyID { return root }
        guard [Self.jobPrefix, Self.functionPrefix].contains(where: { accessKeyID.hasPrefix($0) }),
            accessKeyID.utf8.count == 20,
            let expiry = Int64(accessKeyID.dropFirst(4).prefix(8), radix: 16),
            expiry > now.millisecondsSince1970 / 1000
        else { return users.key(accessKeyID)?.credentials }
        return AWSCredentials(accessKeyID: accessKeyID, secretAccessKey: secret(of: accessKeyID))
    }

    func permits(_ accessKeyID: String, service: String) -> Bool {
        !accessKeyID.hasPrefix(Self.jobPrefix) || Self.jobServices.contains(service)
    }

    func permissions(of accessKeyID: String) -> Permissions {
        let isOurs = [Self.jobPrefix, Self.functionPrefix].contains { accessKeyID.hasPrefix($0) }
        if isOurs || accessKeyID == root.accessKeyID { return .all }
        return users.key(accessKeyID)?.permissions ?? .anonymous
    }

    private func secret(of id: String) -> String {
        let key = SymmetricKey(data: Array(root.secretAccessKey.utf8))
        return hexText(HMAC<SHA256>.authenticationCode(for: Array("millrace job key \(id)".utf8), using: key))
    }
}
