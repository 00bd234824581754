import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Who may do what: the root key everything that the bucket's policy does not deny; other keys what their policies,
/// the bucket's policy or an access control list allow and none of the policies denies; callers without a signature what
/// the bucket's policy or an access control list grants to anybody.
extension S3Service {
    /// - Throws: `AccessDenied`.
    func authorize(_ request: S3Request) async throws {
        let permissions = request.call.context.permissions
        guard let name = request.bucket else {
            if permissions == .all || isPermitted(request, "s3:ListAllMyBuckets", "*") { return }
            throw denial(request, "s3:ListAllMyBuckets", "*")
        }
        let bucket = try? server.bucket(name)
        if permissions == .all, bucket?.documents["policy"] == nil { return }
        guard let action = S3Actions.action(of: request) else { return }
        guard let bucket else {
            // What a bucket that does not exist answers is no secret; whether one may be made is another question.
            if action != "s3:CreateBucket" || isPermitted(request, action, "arn:aws:s3:::\(name)") { return }
            throw denial(request, action, "arn:aws:s3:::\(name)")
        }
        try await authorize(action, bucket, request.key, request)
        guard action == "s3:PutObject", !request.has("uploadId") else { return }
        if request.fields["x-amz-tagging"] != nil {
            try await authorize("s3:PutObjectTagging", bucket, request.key, request)
        }
        if request.fields.entries.contains(where: { $0.name == "x-amz-acl" || $0.name.hasPrefix("x-amz-grant-") }) {
            try await authorize("s3:PutObjectAcl", bucket, request.key, request)
        }
    }

    /// An object for the caller's eyes: that one is not there learns only who may list the bucket.
    /// - Throws: `AccessDenied` in place of `NoSuchKey`.
    func read(
        _ key: ObjectKey, _ version: ObjectVersion?, in bucket: String, for request: S3Request
    ) async throws -> ObjectRead {
        do {
            return try await server.read(key, version: version, in: bucket)
        } catch let error as ObjectServerError where error.code == .noSuchKey {
            try await authorize("s3:ListBucket", try server.bucket(bucket), nil, request)
            throw error
        }
    }

    /// - Throws: `AccessDenied`; `NoSuchKey` for an object that does not exist in a bucket that the caller may list.
    func authorize(
        _ action: String, _ bucket: BucketRecord, _ key: ObjectKey?, _ request: S3Request
    ) async throws {
        let resource = "arn:aws:s3:::\(bucket.name)\(key.map { "/\($0)" } ?? "")"
        let permissions = request.call.context.permissions
        let policy = try policy(of: bucket)
        if permissions == .all, policy == nil { return }
        let values = try await conditionValues(request, bucket, key, policy)
        let question = question(request, action, resource, values)
        let own = permissions.decision(question)
        let ofBucket = policy?.decision(question) ?? .unmentioned
        // Whoever owns the account can always repair a policy that locks everybody out.
        let repairs = permissions == .all && ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"].contains(action)
        if own == .denied || (ofBucket == .denied && !repairs) { throw denial(request, action, resource, isExplicit: true) }
        if permissions == .all || own == .allowed { return }
        let isRestricted = permissions == .anonymous && publicAccess(of: bucket).restrictsBuckets
        if ofBucket == .allowed, !isRestricted { return }
        if try await isGranted(action, bucket, key, request) { return }
        throw denial(request, action, resource)
    }

    private func isPermitted(_ request: S3Request, _ action: String, _ resource: String) -> Bool {
        request.call.context.permissions.decision(question(request, action, resource, [:])) == .allowed
    }

    private func question(
        _ request: S3Request, _ action: String, _ resource: String, _ values: [String: String]
    ) -> AccessPolicy.Question {
        let context = request.call.context
        return AccessPolicy.Question(
            principal: context.principal, account: context.account, action: action, resource: resource, values: values)
    }

    private func denial(
        _ request: S3Request, _ action: String, _ resource: String, isExplicit: Bool = false
    ) -> AWSError {
        var message = "Access Denied"
        if let principal = request.call.context.principal {
            message = "User: \(principal) is not authorized to perform: \(action) on resource: \"\(resource)\" "
                + (isExplicit
                    ? "with an explicit deny in a policy" : "because no identity-based policy allows the \(action) action")
        }
        return AWSError("AccessDenied", message, httpStatus: 403)
    }

    func policy(of bucket: BucketRecord) throws -> AccessPolicy? {
        guard let text = bucket.documents["policy"] else { return nil }
        return try policies.value(of: text) { try AccessPolicy(parsing: Array(text.utf8), .bucket(bucket.name)) }
    }

    /// What policies can ask about the request.
    private func conditionValues(
        _ request: S3Request, _ bucket: BucketRecord, _ key: ObjectKey?, _ policy: AccessPolicy?
    ) async throws -> [String: String] {
        let context = request.call.context
        var values = [
            "aws:currenttime": context.receivedAt.iso8601, "s3:signatureversion": "AWS4-HMAC-SHA256",
            "aws:securetransport": context.isSecure ? "true" : "false",
            "aws:principaltype": context.principal == nil ? "Anonymous" : "User",
        ]
        values["aws:principalarn"] = context.principal
        values["aws:sourceip"] = context.clientAddress
        if case .policies(let user, _) = context.permissions { values["aws:username"] = user }
        if request.fields["authorization"] != nil { values["s3:authtype"] = "REST-HEADER" }
        if request.has("X-Amz-Signature") { values["s3:authtype"] = "REST-QUERY-STRING" }
        for (name, field) in [
            ("aws:referer", "referer"), ("aws:useragent", "user-agent"), ("s3:x-amz-acl", "x-amz-acl"),
            ("s3:x-amz-content-sha256", "x-amz-content-sha256"), ("s3:x-amz-copy-source", "x-amz-copy-source"),
            ("s3:x-amz-metadata-directive", "x-amz-metadata-directive"),
            ("s3:x-amz-server-side-encryption", "x-amz-server-side-encryption"),
            ("s3:x-amz-storage-class", "x-amz-storage-class"),
        ] {
            values[name] = request.fields[field]
        }
        for (name, parameter) in [
            ("s3:prefix", "prefix"), ("s3:delimiter", "delimiter"), ("s3:max-keys", "max-keys"), ("s3:versionid", "versionId"),
        ] {
            values[name] = request.query[parameter]
        }
        if let text = request.fields["x-amz-tagging"] {
            for tag in try tags(ofQuery: text) { values["s3:requestobjecttag/\(tag.key)"] = tag.value }
        }
        if let key, asksForTags(request, policy) {
            // An object that does not exist has no tags.
            let record = try? await server.read(key, version: try request.version(), in: bucket.name).record
            for tag in record?.attributes.tags ?? [] { values["s3:existingobjecttag/\(tag.key)"] = tag.value }
        }
        return values
    }

    private func asksForTags(_ request: S3Request, _ policy: AccessPolicy?) -> Bool {
        var policies = policy.map { [$0] } ?? []
        if case .policies(_, let own) = request.call.context.permissions { policies += own }
        return policies.contains { $0.asks(forKeysWithPrefix: "s3:existingobjecttag/") }
    }
}

/// The actions of S3's policies.
enum S3Actions {
    /// What a request asks for; nil where each of its items is asked about by itself.
    static func action(of request: S3Request) -> String? {
        request.key == nil ? bucketAction(request) : objectAction(request)
    }

    private static func bucketAction(_ request: S3Request) -> String? {
        let resource = request.subresource(of: bucketSubresources)
        switch (request.call.method, resource) {
        case ("GET", nil), ("HEAD", nil): return "s3:ListBucket"
        case ("PUT", nil): return "s3:CreateBucket"
        case ("DELETE", nil): return "s3:DeleteBucket"
        case ("GET", "versions"): return "s3:ListBucketVersions"
        case ("GET", "uploads"): return "s3:ListBucketMultipartUploads"
        case ("DELETE", "policy"): return "s3:DeleteBucketPolicy"
        case ("DELETE", "website"): return "s3:DeleteBucketWebsite"
        case ("POST", nil), ("POST", "delete"), ("OPTIONS", _): return nil
        case (let method, let resource?): return "s3:\(method == "GET" ? "Get" : "Put")\(configuration(resource))"
        default: return "s3:ListBucket"
        }
    }

    private static func configuration(_ resource: String) -> String {
        switch resource {
        case "cors": "BucketCORS"
        case "object-lock": "BucketObjectLockConfiguration"
        case "intelligent-tiering": "IntelligentTieringConfiguration"
        case "metadataConfiguration", "metadataTable", "metadataInventoryTable", "metadataJournalTable":
            "BucketMetadataTableConfiguration"
        case "accelerate", "analytics", "encryption", "inventory", "lifecycle", "metrics", "replication":
            "\(resource.prefix(1).uppercased())\(resource.dropFirst())Configuration"
        default: "Bucket\(resource.prefix(1).uppercased())\(resource.dropFirst())"
        }
    }

    private static func objectAction(_ request: S3Request) -> String? {
        let version = request.has("versionId") ? "Version" : ""
        if request.has("uploadId") {
            return switch request.call.method {
            case "GET": "s3:ListMultipartUploadParts"
            case "DELETE": "s3:AbortMultipartUpload"
            default: "s3:PutObject"
            }
        }
        switch (request.call.method, request.subresource(of: objectSubresources)) {
        case ("OPTIONS", _): return nil
        case ("GET", nil), ("HEAD", nil): return "s3:GetObject\(version)"
        case ("DELETE", nil): return "s3:DeleteObject\(version)"
        case ("GET", "tagging"): return "s3:GetObject\(version)Tagging"
        case ("PUT", "tagging"): return "s3:PutObject\(version)Tagging"
        case ("DELETE", "tagging"): return "s3:DeleteObject\(version)Tagging"
        case ("GET", "acl"): return "s3:GetObject\(version)Acl"
        case ("PUT", "acl"): return "s3:PutObject\(version)Acl"
        case ("GET", "attributes"): return "s3:GetObject\(version)Attributes"
        default: return "s3:PutObject"
        }
    }
}
