package import AWSProtocol
import JSONModel
import NIOCore
package import ObjectServer
package import ServiceKit
import StateStore
import Support

/// S3's REST interface on the embedded object store.
///
/// Buckets are addressed by path, or by host when the host is a bucket's name before one of the server's own names.
/// What is not supported is refused by name with `NotImplemented`; a configuration that a bucket does not have is
/// answered as S3 answers for a bucket without it.
/// - Source: Amazon S3 API reference, version 2006-03-01.
package struct S3Service: HTTPService {
    static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    let server: ObjectServer
    let hostNames: [String]
    let checksRegion: Bool

    /// - Parameter hostNames: names of this server, under which `<bucket>.<name>` addresses a bucket.
    /// - Parameter checksRegion: refuse signed requests whose credential scope names another region than the bucket's.
    package init(
        server: ObjectServer, hostNames: [String] = ["localhost", "127.0.0.1", "s3.amazonaws.com"],
        checksRegion: Bool = true
    ) {
        self.server = server
        self.hostNames = hostNames
        self.checksRegion = checksRegion
    }

    package func respond(to call: HTTPCall) async -> HTTPAnswer {
        var answer: HTTPAnswer
        do {
            let request = try S3Request(call, hostNames: hostNames)
            try checkOwnerAndRegion(request)
            answer = try await perform(request)
        } catch {
            answer = self.answer(to: call, failing: error)
        }
        answer.fields["x-amz-request-id"] = call.context.requestID
        answer.fields["x-amz-id-2"] = "millrace"
        if call.method == "HEAD" { answer.body = .empty }
        return answer
    }

    private func perform(_ request: S3Request) async throws -> HTTPAnswer {
        guard let bucket = request.bucket else { return try listBuckets(request) }
        guard let key = request.key else { return try await performOnBucket(bucket, request) }
        return try await performOnObject(key, bucket, request)
    }

    private func performOnBucket(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let resource = request.subresource(of: bucketSubresources)
        switch (request.call.method, resource) {
        case ("GET", nil):
            return request.query["list-type"] == "2"
                ? try await listObjectsV2(bucket, request) : try await listObjects(bucket, request)
        case ("GET", "versions"): return try await listVersions(bucket, request)
        case ("GET", "uploads"): return try await listUploads(bucket, request)
        case ("GET", "location"): return try location(of: bucket)
        case ("GET", let resource?): return try configuration(resource, of: bucket)
        case ("HEAD", nil): return try headBucket(bucket)
        case ("PUT", nil): return try await createBucket(bucket, request)
        case ("DELETE", nil): return try await deleteBucket(bucket)
        case ("POST", "delete"): return try await deleteObjects(bucket, request)
        case (_, let resource?): throw S3Errors.notImplemented("the sub-resource \(resource) of buckets")
        case ("POST", nil): throw S3Errors.notImplemented("uploads from HTML forms")
        case ("OPTIONS", nil): throw S3Errors.notImplemented("cross-origin requests")
        default: throw S3Errors.methodNotAllowed(request.call.method, "BUCKET")
        }
    }

    private func performOnObject(
        _ key: ObjectKey, _ bucket: String, _ request: S3Request
    ) async throws -> HTTPAnswer {
        try request.checkVersion()
        if request.has("uploadId") { return try await performOnUpload(key, bucket, request) }
        let resource = request.subresource(of: objectSubresources)
        switch (request.call.method, resource) {
        case ("GET", nil), ("HEAD", nil): return try await getObject(key, bucket, request)
        case ("GET", "tagging"): return try await getTags(key, bucket)
        case ("PUT", "tagging"): return try await putTags(key, bucket, request)
        case ("DELETE", "tagging"):
            try await server.setTags([], of: key, in: bucket)
            return HTTPAnswer(status: 204)
        case ("GET", "attributes"): return try await attributes(of: key, bucket, request)
        case ("PUT", nil):
            return request.fields["x-amz-copy-source"] == nil
                ? try await putObject(key, bucket, request) : try await copyObject(to: key, bucket, request)
        case ("DELETE", nil): return try await deleteObject(key, bucket, request)
        case ("POST", "uploads"): return try await createUpload(key, bucket, request)
        case (_, let resource?): throw S3Errors.notImplemented("the sub-resource \(resource) of objects")
        case ("OPTIONS", nil): throw S3Errors.notImplemented("cross-origin requests")
        default: throw S3Errors.methodNotAllowed(request.call.method, "OBJECT")
        }
    }

    private func performOnUpload(
        _ key: ObjectKey, _ bucket: String, _ request: S3Request
    ) async throws -> HTTPAnswer {
        switch request.call.method {
        case "PUT":
            return request.fields["x-amz-copy-source"] == nil
                ? try await uploadPart(key, bucket, request) : try await uploadPartCopy(key, bucket, request)
        case "POST": return try await completeUpload(key, bucket, request)
        case "DELETE": return try await abortUpload(key, bucket, request)
        case "GET": return try await listParts(key, bucket, request)
        default: throw S3Errors.methodNotAllowed(request.call.method, "UPLOAD")
        }
    }

    private func checkOwnerAndRegion(_ request: S3Request) throws {
        guard let name = request.bucket, let bucket = try? server.bucket(name) else { return }
        if let expected = request.fields["x-amz-expected-bucket-owner"], expected != bucket.account {
            throw AWSError("AccessDenied", "Access Denied", httpStatus: 403)
        }
        let context = request.call.context
        if checksRegion, context.accessKeyID != nil, context.region != bucket.region,
            !(request.call.method == "GET" && request.has("location"))
        {
            throw AWSError(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the region '\(context.region)' is wrong; expecting '\(bucket.region)'",
                members: ["Region": .string(bucket.region)])
        }
    }

    private func answer(to call: HTTPCall, failing error: any Error) -> HTTPAnswer {
        let failure = S3Errors.awsError(error)
        let envelope = failure.s3Envelope(resource: call.rawPath, requestID: call.context.requestID)
        var fields = envelope.fields
        if failure.code == "AuthorizationHeaderMalformed", let region = failure.members["Region"]?.string {
            fields["x-amz-bucket-region"] = region
        }
        if failure.httpStatus == 304 {
            if let etag = failure.members["ETag"]?.string { fields["etag"] = etag }
            fields["content-type"] = nil
            return HTTPAnswer(status: 304, fields: fields)
        }
        return HTTPAnswer(status: failure.httpStatus, fields: fields, body: .bytes(ByteBuffer(bytes: envelope.body)))
    }

    func xmlAnswer(_ xml: XMLWriter, status: Int = 200, fields: HTTPFields = [:]) -> HTTPAnswer {
        var fields = fields
        fields["content-type"] = "application/xml"
        return HTTPAnswer(status: status, fields: fields, body: .bytes(ByteBuffer(bytes: xml.bytes)))
    }
}

private let bucketSubresources: Set<String> = [
    "abac", "accelerate", "acl", "analytics", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
    "lifecycle", "location", "logging", "metadataConfiguration", "metadataInventoryTable",
    "metadataJournalTable", "metadataTable", "metrics", "notification",
    "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
    "session", "tagging", "uploads", "versioning", "versions", "website",
]

private let objectSubresources: Set<String> = [
    "acl", "append", "attributes", "encryption", "legal-hold", "renameObject", "restore", "retention", "select",
    "tagging", "torrent", "uploads",
]
