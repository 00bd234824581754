import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import SettingsModel
import Support

/// The configured S3 store: whether it can be reached and what it can do.
struct S3Checks {
    private let configuration: S3Configuration
    private let endpoint: HTTPEndpoint
    private let credentials: AWSCredentials
    private let transport: CurlTransport
    private let probe: SignedProbe
    private var found: [Finding] = []

    /// - Parameter bucket: to try things in; nil makes one and removes it.
    static func findings(_ settings: EffectiveSettings, bucket: String?) async -> [Finding] {
        do {
            guard let s3 = try S3Settings(settings), var checks = S3Checks(s3) else {
                return [.ok("s3", "jobs use the embedded store; s3.endpoint would name another")]
            }
            await checks.run(bucket: bucket)
            return checks.found
        } catch {
            return [.fail("s3", "\(error)", fix: "correct the s3 settings; `millrace config show` says where they come from")]
        }
    }

    /// Nil without an endpoint and keys, which the settings have made sure of.
    private init?(_ s3: S3Settings) {
        guard let endpoint = s3.configuration.endpoint, let credentials = s3.configuration.credentials else { return nil }
        configuration = s3.configuration
        self.endpoint = endpoint
        self.credentials = credentials
        transport = CurlTransport(s3.transport)
        probe = SignedProbe(
            endpoint: endpoint, region: configuration.region, service: "s3", credentials: credentials, transport: transport)
    }

    private mutating func run(bucket given: String?) async {
        guard await reach() else { return }
        let bucket = given ?? "millrace-doctor-" + randomUUIDText().prefix(8).lowercased()
        if given == nil {
            do {
                try await store(bucket, pathStyle: configuration.pathStyle).createBucket()
            } catch {
                found.append(
                    .warn(
                        "s3", "no bucket could be made to try things in: \(error)",
                        fix: "name one that these keys may write to: millrace doctor --bucket NAME"))
                return
            }
        }
        if await address(bucket) {
            await tryObjects(bucket)
        }
        if given == nil {
            let answer = try? await probe.send("DELETE", "/" + bucket)  // What went wrong is of no use to anybody.
            if answer.map({ $0.status >= 300 }) ?? true {
                found.append(.warn("s3", "the bucket \(bucket) could not be removed", fix: "aws s3 rb s3://\(bucket)"))
            }
        }
    }

    // MARK: - Reaching it

    /// Asks for the buckets. False when nothing else is worth trying.
    private mutating func reach() async -> Bool {
        let before = SystemWallClock().now()
        let answer: SignedProbe.Answer
        do {
            answer = try await probe.send("GET", "/")
        } catch {
            let fix = endpoint.scheme == "https"
                ? "is it running, and is its certificate known? s3.ca-file names the authority's" : "is it running, and is the port right?"
            found.append(.fail("s3", "\(endpoint) does not answer: \(error)", fix: fix))
            return false
        }
        clock(answer, before)
        guard let error = answer.error else {
            found.append(.ok("s3", "\(endpoint) answers and takes the key"))
            return true
        }
        let key = credentials.accessKeyID
        switch error.code {
        case "AccessDenied":
            found.append(.ok("s3", "\(endpoint) answers and knows the key, which may not list buckets"))
            return true
        case "InvalidAccessKeyId":
            found.append(.fail("s3", "\(endpoint) does not know the key \(key)", fix: "correct s3.access-key-id"))
        case "SignatureDoesNotMatch":
            found.append(
                .fail(
                    "s3", "the secret does not belong to the key \(key), or a proxy changes the Host field",
                    fix: "correct s3.secret-access-key; a proxy must pass Host on"))
        case "RequestTimeTooSkewed":
            found.append(.fail("s3", "the store's clock and this machine's differ too much", fix: "set both by NTP"))
        case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
            found.append(.fail("s3", "region \(configuration.region) is wrong: \(error.message)", fix: "correct s3.region"))
        default:
            found.append(
                .fail("s3", "\(endpoint) refuses with \(error.code): \(error.message)", fix: "is this an S3 endpoint?"))
        }
        return false
    }

    /// Signatures are refused when the clocks are 15 minutes apart.
    private mutating func clock(_ answer: SignedProbe.Answer, _ before: Timestamp) {
        guard let date = answer.fields["date"], let there = Timestamp(httpDate: date) else { return }
        let now = SystemWallClock().now()
        let apart = min(abs(there.milliseconds(since: before)), abs(there.milliseconds(since: now))) / 1000
        let fix = "set the clocks of both machines by NTP: chrony or systemd-timesyncd"
        if apart > 840 {
            found.append(.fail("clock", "the store's clock is \(apart) s apart: it refuses signatures at 900 s", fix: fix))
        } else if apart > 60 {
            found.append(.warn("clock", "the store's clock is \(apart) s apart", fix: fix))
        } else {
            found.append(.ok("clock", "the store's clock agrees within \(max(1, apart)) s"))
        }
    }

    /// Tries the bucket's address as configured, then the other way.
    private mutating func address(_ bucket: String) async -> Bool {
        let usesPath = configuration.pathStyle
        let works = await answers(bucket, pathStyle: usesPath)
        let name = usesPath ? "in the path" : "in the host's name"
        if case .success(let region) = works {
            found.append(.ok("s3", "bucket \(bucket) is found \(name)"))
            if let region, region != configuration.region {
                found.append(.fail("s3", "bucket \(bucket) is in region \(region)", fix: "s3.region: \(region)"))
                return false
            }
            return true
        }
        if case .success = await answers(bucket, pathStyle: !usesPath) {
            found.append(
                .fail(
                    "s3", "bucket \(bucket) is not found \(name), but is \(usesPath ? "in the host's name" : "in the path")",
                    fix: "s3.path-style: \(!usesPath)"))
        } else if case .failure(let why) = works {
            found.append(.fail("s3", "bucket \(bucket): \(why.description)", fix: "name a bucket that the key may use"))
        }
        return false
    }

    private func answers(_ bucket: String, pathStyle: Bool) async -> Result<String?, CommandFailure> {
        do {
            let answer = try await pathStyle
                ? probe.send("HEAD", "/" + bucket) : probe.send("HEAD", "/", host: "\(bucket).\(endpoint.host)")
            guard answer.status < 300 else {
                return .failure(CommandFailure("status \(answer.status)" + (answer.status == 404 ? ", there is no such bucket" : "")))
            }
            return .success(answer.fields["x-amz-bucket-region"])
        } catch {
            return .failure(CommandFailure("\(error)"))
        }
    }

    // MARK: - What it can do

    private func store(_ bucket: String, pathStyle: Bool) -> S3ObjectStore {
        var configuration = configuration
        configuration.pathStyle = pathStyle
        configuration.partBytes = 5 << 20
        configuration.retry.attemptsMax = 2
        configuration.retry.connectionPatience = .seconds(3)
        return S3ObjectStore(bucket: bucket, configuration: configuration, transport: transport)
    }

    private mutating func tryObjects(_ bucket: String) async {
        let store = store(bucket, pathStyle: configuration.pathStyle)
        let prefix = "millrace-doctor-\(randomUUIDText())/"
        await check("objects are stored, read back in part and removed", "the key needs s3:GetObject, PutObject and DeleteObject") {
            _ = try await store.put(prefix + "small", Array("0123456789".utf8))
            let part = try await store.get(prefix + "small", range: 2..<5)
            guard part.bytes == Array("234".utf8) else { throw CommandFailure("bytes 2 to 4 are not what was stored") }
            try await store.delete(prefix + "small")
        }
        await check("it honours If-None-Match: *, which Delta tables need", "use a release of the store that does") {
            guard try await store.supportsConditionalWrites(near: prefix + "x") else {
                throw CommandFailure(
                    "it ignores If-None-Match: *, so that two writers of a Delta table would overwrite each other; "
                        + "writes to tables are refused")
            }
        }
        await check("it lists keys in the order of their bytes", "tables are read all the same; other tools may not expect it") {
            // In UTF-16 the last two would change places.
            let names = ["A", "a", "a-b", "a/b", "aa", "\u{FF5A}", "\u{1F600}"]
            for name in names { _ = try await store.put(prefix + "list/" + name, []) }
            let listed = try await store.listAll(prefix: prefix + "list/").map { String($0.key.dropFirst(prefix.count + 5)) }
            try await store.delete(names.map { prefix + "list/" + $0 })
            guard listed.map({ Array($0.utf8) }) == names.map({ Array($0.utf8) }) else {
                throw CommandFailure("\(listed.joined(separator: " ")) came, expected \(names.joined(separator: " "))")
            }
        }
        await check("it takes uploads in parts", "the key needs s3:AbortMultipartUpload, too; a proxy must pass 5 MiB bodies") {
            let upload = try await store.upload(prefix + "parts")
            do {
                try await upload.write([UInt8](repeating: 1, count: 5 << 20))
                try await upload.write([2, 3])
            } catch {
                await upload.abort()
                throw error
            }
            let stored = try await upload.complete()
            let size = try await store.head(prefix + "parts").size
            try await store.delete(prefix + "parts")
            guard size == 5 << 20 + 2, !stored.etag.isEmpty else { throw CommandFailure("\(size) bytes were stored of \(5 << 20 + 2)") }
        }
    }

    private mutating func check(_ what: String, _ fix: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            found.append(.ok("s3", what))
        } catch let error as CommandFailure {
            found.append(.fail("s3", error.description, fix: fix))
        } catch {
            found.append(.fail("s3", "not so: \(what): \(error)", fix: fix))
        }
    }
}
