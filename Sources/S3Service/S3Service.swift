package import AWSProtocol
import JSONModel
import NIOCore
package import ObjectServer
package import ServiceKit
import StateStore
package import Support

/// S3's REST interface on the embedded object store.
///
/// Buckets are addressed by path, or by host when the host is a bucket's name before one of the server's own names.
/// What is not supported is refused by name with `NotImplemented`; a configuration that a bucket does not have is
/// answered as S3 answers for a bucket without it.
/// - Source: Amazon S3 API reference, version 2006-03-01.
package struct S3Service: HTTPService {
    /// Who a key belongs to; nil for one that does not exist or has expired.
    package typealias CallerLookup =
        @Sendable (_ accessKeyID: String, _ now: Timestamp) -> (credentials: AWSCredentials, permissions: Permissions)?

    static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    /// Names of every server, under which buckets can have hosts.
    package static let ownNames = ["localhost", "127.0.0.1", "s3.amazonaws.com"]

    let server: ObjectServer
    let hostNames: [String]
    let checksRegion: Bool
    let defaultOwnership: String
    let lookup: CallerLookup
    let policies = ParsedDocuments<AccessPolicy>()
    let crossOriginRules = ParsedDocuments<CORSConfiguration>()

    /// - Parameters:
    ///   - hostNames: names of this server in lower case, under which `<bucket>.<name>` addresses a bucket.
    ///   - checksRegion: refuse signed requests whose credential scope names another region than the bucket's.
    ///   - defaultOwnership: of buckets without ownership controls. As on S3, the default is that their owner owns what
    ///     is in them and access control lists are refused; `ObjectWriter` lets them be set.
    ///   - lookup: for forms, whose signature is in the body.
    package init(
        server: ObjectServer, hostNames: [String] = ownNames,
        checksRegion: Bool = true, defaultOwnership: String = "BucketOwnerEnforced",
        lookup: @escaping CallerLookup = { _, _ in nil }
    ) {
        self.server = server
        self.defaultOwnership = defaultOwnership
        self.lookup = lookup
        // Of names that end in each other the longest holds: `a.b.example` is `a` of `b.example` if both are names.
        self.hostNames = hostNames.sorted { $0.utf8.count > $1.utf8.count }
        self.checksRegion = checksRegion
    }

    package func respond(to call: HTTPCall) async -> HTTPAnswer {
        var answer: HTTPAnswer
        do {
            let request = try S3Request(call, hostNames: hostNames)
            do {
                try checkOwnerAndRegion(request)
                try await authorize(request)
                answer = try await perform(request)
            } catch {
                answer = self.answer(to: call, failing: error)
            }
            addCrossOrigin(request, to: &answer)
        } catch {
            answer = self.answer(to: call, failing: error)
        }
        return finished(answer, call)
    }

    package func refuse(_ call: HTTPCall, because error: AWSError) -> HTTPAnswer {
        var answer = answer(to: call, failing: error)
        // Browsers hide refusals, too, from pages that a bucket does not let in. What cannot be read names no bucket.
        if let request = try? S3Request(call, hostNames: hostNames) { addCrossOrigin(request, to: &answer) }
        return finished(answer, call)
    }

    private func finished(_ answer: HTTPAnswer, _ call: HTTPCall) -> HTTPAnswer {
        var answer = answer
        answer.fields["x-amz-request-id"] = call.context.requestID
        answer.fields["x-amz-id-2"] = "millrace"
        if call.method == "HEAD" { answer.body = .empty }
        return answer
    }

    /// Moving one object's bytes, or a part's, computes little here; the rest reads or writes documents, for which the
    /// other connections of the caller's event loop shall not wait.
    private func perform(_ request: S3Request) async throws -> HTTPAnswer {
        let isLight = request.key != nil && request.call.method != "POST"
            && request.subresource(of: objectSubresources) == nil
        if isLight { return try await operation(request) }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await operation(request) }
    }

    private func operation(_ request: S3Request) async throws -> HTTPAnswer {
        guard let bucket = request.bucket else { return try listBuckets(request) }
        if request.call.method == "OPTIONS" { return try preflight(bucket, request) }
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
        case ("GET", "versioning"): return try getVersioning(bucket)
        case ("PUT", "versioning"): return try await putVersioning(bucket, request)
        case ("GET", "location"): return try location(of: bucket)
        case ("GET", "acl"): return try bucketACL(bucket)
        case ("PUT", "acl"): return try await putBucketACL(bucket, request)
        case ("HEAD", nil): return try headBucket(bucket)
        case ("PUT", nil): return try await createBucket(bucket, request)
        case ("DELETE", nil): return try await deleteBucket(bucket)
        case ("POST", "delete"): return try await deleteObjects(bucket, request)
        case (let method, let resource?):
            if let answer = try await configuration(resource, of: bucket, request) { return answer }
            if method == "GET" { return try fixedConfiguration(resource, of: bucket, request) }
            throw S3Errors.notImplemented("the sub-resource \(resource) of buckets")
        case ("POST", nil): return try await postObject(bucket, request)
        default: throw S3Errors.methodNotAllowed(request.call.method, "BUCKET")
        }
    }

    private func performOnObject(
        _ key: ObjectKey, _ bucket: String, _ request: S3Request
    ) async throws -> HTTPAnswer {
        if request.has("uploadId") { return try await performOnUpload(key, bucket, request) }
        let resource = request.subresource(of: objectSubresources)
        switch (request.call.method, resource) {
        case ("GET", nil), ("HEAD", nil): return try await getObject(key, bucket, request)
        case ("GET", "tagging"): return try await getTags(key, bucket, request)
        case ("PUT", "tagging"): return try await putTags(key, bucket, request)
        case ("DELETE", "tagging"): return try await deleteTags(key, bucket, request)
        case ("GET", "acl"): return try await objectACL(key, bucket, request)
        case ("PUT", "acl"): return try await putObjectACL(key, bucket, request)
        case ("GET", "attributes"): return try await attributes(of: key, bucket, request)
        case ("PUT", nil):
            return request.fields["x-amz-copy-source"] == nil
                ? try await putObject(key, bucket, request) : try await copyObject(to: key, bucket, request)
        case ("DELETE", nil): return try await deleteObject(key, bucket, request)
        case ("POST", "uploads"): return try await createUpload(key, bucket, request)
        case (_, let resource?): throw S3Errors.notImplemented("the sub-resource \(resource) of objects")
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
        if let marker = (error as? ObjectServerError)?.deleteMarker {
            fields["x-amz-delete-marker"] = "true"
            fields["x-amz-version-id"] = marker.version.description
            if failure.httpStatus == 405 {
                fields["allow"] = "DELETE"
                fields["last-modified"] = marker.modifiedAt.httpDate
            }
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

let bucketSubresources: Set<String> = [
    "abac", "accelerate", "acl", "analytics", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
    "lifecycle", "location", "logging", "metadataConfiguration", "metadataInventoryTable",
    "metadataJournalTable", "metadataTable", "metrics", "notification",
    "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
    "session", "tagging", "uploads", "versioning", "versions", "website",
]

let objectSubresources: Set<String> = [
    "acl", "append", "attributes", "encryption", "legal-hold", "renameObject", "restore", "retention", "select",
    "tagging", "torrent", "uploads",
]
