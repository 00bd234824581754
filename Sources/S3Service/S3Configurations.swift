import AWSProtocol
import JSONModel
import NIOCore
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Configurations of buckets that are kept as they were given, once they have been read.
extension S3Service {
    static let ownerEnforced = "BucketOwnerEnforced"
    static let ownerships = [ownerEnforced, "BucketOwnerPreferred", "ObjectWriter"]
    /// Bytes.
    private static let policyBytesMax = 20 * 1024

    /// GET, PUT and DELETE of a sub-resource; nil for one that is answered elsewhere.
    func configuration(_ resource: String, of bucket: String, _ request: S3Request) async throws -> HTTPAnswer? {
        let record = try server.bucket(bucket)
        switch (request.call.method, resource) {
        case ("GET", "policyStatus"): return try policyStatus(of: record)
        case ("GET", "policy"): return plain(try stored("policy", of: record), type: "application/json")
        case ("GET", "ownershipControls"): return ownershipControls(of: record)
        case ("GET", "tagging"):
            let tags = try tags(of: Array(try stored("tagging", of: record).utf8))
            var xml = XMLWriter()
            write(tags, &xml)
            return xmlAnswer(xml)
        case ("GET", "cors"), ("GET", "publicAccessBlock"):
            return plain(try stored(resource, of: record), type: "application/xml")
        case ("PUT", "policy"), ("PUT", "ownershipControls"), ("PUT", "tagging"), ("PUT", "cors"),
            ("PUT", "publicAccessBlock"):
            let body = try await document(request)
            try check(body, resource, record)
            let text = resource == "ownershipControls" ? try ownership(of: body) : String(decoding: body, as: UTF8.self)
            try await server.changeBucket(bucket, .document(name: resource, text: text))
            return HTTPAnswer(status: ["policy", "tagging"].contains(resource) ? 204 : 200)
        case ("DELETE", "policy"), ("DELETE", "ownershipControls"), ("DELETE", "tagging"), ("DELETE", "cors"),
            ("DELETE", "publicAccessBlock"):
            // Without controls of its own, S3 lets a bucket fall back to the oldest behaviour.
            let text = resource == "ownershipControls" ? "ObjectWriter" : nil
            try await server.changeBucket(bucket, .document(name: resource, text: text))
            return HTTPAnswer(status: 204)
        // What a bucket cannot have is gone when it is taken away.
        case ("DELETE", "encryption"), ("DELETE", "lifecycle"), ("DELETE", "replication"), ("DELETE", "website"):
            return HTTPAnswer(status: 204)
        default: return nil
        }
    }

    private func stored(_ resource: String, of bucket: BucketRecord) throws -> String {
        if let text = bucket.documents[resource] { return text }
        throw absent(resource, bucket.name) ?? S3Errors.notImplemented("the sub-resource \(resource) of buckets")
    }

    private func plain(_ text: String, type: String) -> HTTPAnswer {
        HTTPAnswer(status: 200, fields: ["content-type": type], body: .bytes(ByteBuffer(string: text)))
    }

    private func check(_ body: [UInt8], _ resource: String, _ bucket: BucketRecord) throws {
        switch resource {
        case "policy": try checkPolicy(body, bucket)
        case "tagging":
            let tags = try tags(of: body)
            try check(tags, limit: 50)
        case "cors": _ = try CORSConfiguration(parsing: body)
        case "publicAccessBlock":
            let flags: Set<String> = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
            guard let root = try? XMLReader.read(body), root.name == "PublicAccessBlockConfiguration",
                root.children.allSatisfy({ flags.contains($0.name) && ["true", "false"].contains($0.text.lowercased()) })
            else { throw S3Errors.malformedXML() }
        default: break
        }
    }

    private func checkPolicy(_ body: [UInt8], _ bucket: BucketRecord) throws {
        guard body.count <= Self.policyBytesMax else {
            throw AWSError("PolicyTooLarge", "Policies are limited to \(Self.policyBytesMax) bytes")
        }
        let policy = try AccessPolicy(parsing: body, .bucket(bucket.name))
        try policy.checkNames(.bucket(bucket.name))
        if policy.isPublic, publicAccess(of: bucket).blocksPolicy { throw AWSError("AccessDenied", "Access Denied", httpStatus: 403) }
    }

    private func policyStatus(of bucket: BucketRecord) throws -> HTTPAnswer {
        _ = try stored("policy", of: bucket)
        let isPublic = try policy(of: bucket)?.isPublic == true
        var xml = XMLWriter()
        xml.element("PolicyStatus", namespace: Self.namespace) { $0.element("IsPublic", isPublic) }
        return xmlAnswer(xml)
    }

    private func ownershipControls(of bucket: BucketRecord) -> HTTPAnswer {
        var xml = XMLWriter()
        xml.element("OwnershipControls", namespace: Self.namespace) { xml in
            xml.element("Rule") { $0.element("ObjectOwnership", bucket.documents["ownershipControls"] ?? defaultOwnership) }
        }
        return xmlAnswer(xml)
    }

    private func ownership(of body: [UInt8]) throws -> String {
        guard let root = try? XMLReader.read(body), root.name == "OwnershipControls",
            let ownership = root["Rule"]?["ObjectOwnership"]?.text, Self.ownerships.contains(ownership)
        else { throw S3Errors.malformedXML() }
        return ownership
    }

    /// The answer for a bucket without the configuration; nil for one that every bucket has.
    func absent(_ resource: String, _ bucket: String) -> AWSError? {
        absentConfigurations[resource].map { code, message in
            AWSError(code, message, httpStatus: 404, members: ["BucketName": .string(bucket)])
        }
    }
}

private let absentConfigurations: [String: (String, String)] = [
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "tagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "website": ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    "replication": ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    "object-lock": ("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
    "publicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"
    ),
    "encryption": (
        "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"
    ),
]
