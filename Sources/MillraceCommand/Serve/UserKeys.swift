import AWSProtocol
import FoundationEssentials
import JSONModel
import ServiceKit
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A key besides the root key, and what its owner may do.
struct UserKey: Sendable {
    /// Names the owner in policies: `arn:aws:iam::<account>:user/<user>`.
    var user: String
    var credentials: AWSCredentials
    /// As they were given: documents, or the names of `PolicyTemplate`.
    var policies: [JSONValue]
    var permissions: Permissions
}

/// The file of the data directory that has them, `keys.json`:
///
///     {"keys": [{"user": "etl", "accessKeyId": "AKIA…", "secretAccessKey": "…", "policies": ["readonly", {…}]}]}
struct UserKeyFile: Sendable {
    let path: String

    /// - Throws: `CommandFailure` saying where the file is wrong.
    func read() throws -> [UserKey] {
        guard access(path, F_OK) == 0 else { return [] }
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw CommandFailure("cannot read \(path), which has the users' keys. Run this as its owner.")
        }
        let root: JSONValue
        do {
            root = try JSONValue(parsing: bytes)
        } catch {
            throw CommandFailure("\(path) is not JSON: \(error)")
        }
        let items: [JSONValue] = root["keys"]?.array ?? []
        return try items.enumerated().map { index, item in
            guard let user = item["user"]?.string, let id = item["accessKeyId"]?.string,
                let secret = item["secretAccessKey"]?.string, !user.isEmpty, !id.isEmpty, !secret.isEmpty
            else {
                throw CommandFailure("\(path): keys[\(index)] must have user, accessKeyId and secretAccessKey.")
            }
            let policies = item["policies"]?.array ?? []
            return UserKey(
                user: user, credentials: AWSCredentials(accessKeyID: id, secretAccessKey: secret), policies: policies,
                permissions: .policies(
                    user: user,
                    try policies.enumerated().map { number, policy in
                        do {
                            return try PolicyTemplate.policy(policy)
                        } catch let error as AWSError {
                            throw CommandFailure("\(path): policy \(number + 1) of \(user): \(error.message)")
                        }
                    }))
        }
    }

    func write(_ keys: [UserKey]) throws {
        let value: JSONValue = [
            "keys": .array(
                keys.map { key in
                    [
                        "user": .string(key.user), "accessKeyId": .string(key.credentials.accessKeyID),
                        "secretAccessKey": .string(key.credentials.secretAccessKey), "policies": .array(key.policies),
                    ]
                }),
        ]
        try DataDirectory.writeDurably(path, value.prettyText + "\n", mode: 0o600)
    }
}

/// Policies that have a name.
enum PolicyTemplate {
    static let names = ["all", "readwrite", "readonly"]

    /// - Parameter value: one of `names`, or a document.
    static func policy(_ value: JSONValue) throws(AWSError) -> AccessPolicy {
        guard let name = value.string else {
            let policy = try AccessPolicy(value, .identity)
            try policy.checkNames(.identity)
            return policy
        }
        let actions: [JSONValue]
        switch name {
        case "all": actions = ["*"]
        case "readwrite": actions = ["s3:*"]
        case "readonly": actions = ["s3:Get*", "s3:List*"]
        default:
            throw AWSError(
                "MalformedPolicy", "there is no policy named \(name); the names are \(names.joined(separator: ", "))")
        }
        return try AccessPolicy(
            ["Statement": [["Effect": "Allow", "Action": .array(actions), "Resource": "*"]]], .identity)
    }
}

/// The users' keys as the file has them now: it is read again once it has changed.
final class UserKeys: Sendable {
    private struct State {
        var keys: [String: UserKey] = [:]
        var stamp: Stamp?
        var checkedAt: ContinuousClock.Instant?
    }

    private struct Stamp: Equatable {
        var seconds: Int
        var nanoseconds: Int
        var file: UInt64
    }

    private let file: UserKeyFile
    private let state = Mutex(State())

    /// - Throws: `CommandFailure` for a file that cannot be used.
    init(file: UserKeyFile) throws {
        self.file = file
        try reload(ContinuousClock.now)
    }

    func key(_ id: String) -> UserKey? {
        let now = ContinuousClock.now
        let isFresh = state.withLock { $0.checkedAt.map { now - $0 < .seconds(1) } ?? false }
        if !isFresh {
            do {
                try reload(now)
            } catch {
                // The keys that were valid before stay so.
                note("millrace: \(error)")
            }
        }
        return state.withLock { $0.keys[id] }
    }

    private func reload(_ now: ContinuousClock.Instant) throws {
        var status = stat()
        let stamp =
            stat(file.path, &status) == 0
            ? Stamp(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, file: UInt64(status.st_ino)) : nil
        let isKnown = state.withLock { state in
            defer { state.checkedAt = now }
            return state.checkedAt != nil && state.stamp == stamp
        }
        if isKnown { return }
        state.withLock { $0.stamp = stamp }
        let keys = try file.read()
        state.withLock { state in
            state.keys = Dictionary(keys.map { ($0.credentials.accessKeyID, $0) }) { _, last in last }
        }
    }
}
