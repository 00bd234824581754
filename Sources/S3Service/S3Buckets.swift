import AWSProtocol
import Crypto
import JSONModel
import NIOCore
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func listBuckets(_ request: S3Request) throws -> HTTPAnswer {
        guard request.call.method == "GET" || request.call.method == "HEAD" else {
            throw S3Errors.methodNotAllowed(request.call.method, "SERVICE")
        }
        let limit = try request.number("max-buckets", in: 1...10_000) ?? 10_000
        let prefix = request.query["prefix"] ?? ""
        let region = request.query["bucket-region"]
        let after = try request.query["continuation-token"].map { try decodeToken($0) }
        var buckets = server.buckets(ofAccount: request.call.context.account)
            .filter { $0.name.hasPrefix(prefix) && (region == nil || $0.region == region) }
        if let after { buckets.removeAll { !after.lexicographicallyPrecedes(Array($0.name.utf8)) } }
        let page = buckets.prefix(limit)
        var xml = XMLWriter()
        xml.element("ListAllMyBucketsResult", namespace: Self.namespace) { xml in
            xml.element("Owner") { $0.element("ID", canonicalID(request.call.context.account)) }
            xml.element("Buckets") { xml in
                for bucket in page {
                    xml.element("Bucket") { xml in
                        xml.element("Name", bucket.name)
                        xml.element("CreationDate", wholeSeconds(bucket.createdAt).iso8601)
                        xml.element("BucketRegion", bucket.region)
                    }
                }
            }
            if !prefix.isEmpty { xml.element("Prefix", prefix) }
            if page.count < buckets.count, let last = page.last {
                xml.element("ContinuationToken", encodeToken(Array(last.name.utf8)))
            }
        }
        return xmlAnswer(xml)
    }

    func createBucket(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let fields = request.fields
        for name in ["x-amz-bucket-object-lock-enabled"] where fields[name]?.lowercased() == "true" {
            throw S3Errors.headerNotImplemented(name)
        }
        let context = request.call.context
        let region = try requestedRegion(try await document(request), context.region)
        var record = BucketRecord(
            name: bucket, account: context.account, region: region, createdAt: context.receivedAt)
        if let ownership = fields["x-amz-object-ownership"] {
            guard Self.ownerships.contains(ownership) else {
                throw S3Errors.invalidArgument("Invalid x-amz-object-ownership header: \(ownership)", "x-amz-object-ownership", ownership)
            }
            record.documents["ownershipControls"] = ownership
        }
        if let acl = try cannedACL(fields, record), acl != .private { record.documents["acl"] = acl.rawValue }
        do {
            try await server.createBucket(record)
        } catch let error as ObjectServerError where error.code == .bucketAlreadyOwnedByYou {
            // In us-east-1 S3 answers a repeated creation with success.
            guard region == "us-east-1", try server.bucket(bucket).region == region else { throw error }
        }
        return HTTPAnswer(status: 200, fields: ["location": "/\(bucket)"])
    }

    private func requestedRegion(_ body: [UInt8], _ scope: String) throws -> String {
        var constraint: String?
        if !body.isEmpty {
            guard let root = try? XMLReader.read(body), root.name == "CreateBucketConfiguration" else {
                throw S3Errors.malformedXML()
            }
            for child in root.children where child.name != "LocationConstraint" {
                throw S3Errors.notImplemented("\(child.name) of CreateBucketConfiguration")
            }
            constraint = root.children.first.map { $0.text.trimmingSpaces() }
        }
        if let constraint, !constraint.isEmpty {
            guard !checksRegion || scope == constraint || scope == "us-east-1" else {
                throw AWSError(
                    "IllegalLocationConstraintException",
                    "The \(constraint) location constraint is incompatible for the region specific endpoint this request was sent to.")
            }
            return constraint == "EU" ? "eu-west-1" : constraint
        }
        guard !checksRegion || scope == "us-east-1" else {
            throw AWSError(
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
        }
        return scope
    }

    func headBucket(_ bucket: String) throws -> HTTPAnswer {
        HTTPAnswer(
            status: 200,
            fields: [
                "x-amz-bucket-region": try server.bucket(bucket).region, "content-type": "application/xml",
                "x-amz-access-point-alias": "false",
            ])
    }

    func deleteBucket(_ bucket: String) async throws -> HTTPAnswer {
        try await server.deleteBucket(bucket)
        return HTTPAnswer(status: 204)
    }

    func location(of bucket: String) throws -> HTTPAnswer {
        let region = try server.bucket(bucket).region
        var xml = XMLWriter()
        xml.element("LocationConstraint", namespace: Self.namespace) { xml in
            if region != "us-east-1" { xml.text(region) }
        }
        return xmlAnswer(xml)
    }

    func getVersioning(_ bucket: String) throws -> HTTPAnswer {
        let versioning = try server.bucket(bucket).versioning
        var xml = XMLWriter()
        xml.element("VersioningConfiguration", namespace: Self.namespace) { xml in
            if versioning != .never { xml.element("Status", versioning == .enabled ? "Enabled" : "Suspended") }
        }
        return xmlAnswer(xml)
    }

    func putVersioning(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        _ = try server.bucket(bucket)
        guard let root = try? XMLReader.read(try await document(request)), root.name == "VersioningConfiguration" else {
            throw S3Errors.malformedXML()
        }
        if root["MfaDelete"]?.text == "Enabled" { throw S3Errors.notImplemented("MFA delete") }
        switch root["Status"]?.text {
        case "Enabled": try await server.changeBucket(bucket, .versioning(.enabled))
        case "Suspended": try await server.changeBucket(bucket, .versioning(.suspended))
        case nil:
            throw AWSError(
                "IllegalVersioningConfigurationException", "The Versioning element must be specified")
        default: throw S3Errors.malformedXML()
        }
        return HTTPAnswer(status: 200)
    }

    /// Reads a configuration that no bucket here can have.
    func fixedConfiguration(_ resource: String, of bucket: String, _ request: S3Request) throws -> HTTPAnswer {
        _ = try server.bucket(bucket)
        if request.has("id"), ["analytics", "intelligent-tiering", "inventory", "metrics"].contains(resource) {
            throw AWSError("NoSuchConfiguration", "The specified configuration does not exist.", httpStatus: 404)
        }
        if let absence = absent(resource, bucket) { throw absence }
        var xml = XMLWriter()
        switch resource {
        case "logging": xml.element("BucketLoggingStatus", namespace: Self.namespace) { _ in }
        case "notification": xml.element("NotificationConfiguration", namespace: Self.namespace) { _ in }
        case "accelerate": xml.element("AccelerateConfiguration", namespace: Self.namespace) { _ in }
        case "requestPayment":
            xml.element("RequestPaymentConfiguration", namespace: Self.namespace) { $0.element("Payer", "BucketOwner") }
        case "analytics": writeNone("ListBucketAnalyticsConfigurationsResult", &xml)
        case "intelligent-tiering": writeNone("ListBucketIntelligentTieringConfigurationsOutput", &xml)
        case "inventory": writeNone("ListInventoryConfigurationsResult", &xml)
        case "metrics": writeNone("ListMetricsConfigurationsResult", &xml)
        default: throw S3Errors.notImplemented("the sub-resource \(resource) of buckets")
        }
        return xmlAnswer(xml)
    }
}

/// A list of configurations of which there are none.
private func writeNone(_ name: StaticString, _ xml: inout XMLWriter) {
    xml.element(name, namespace: S3Service.namespace) { $0.element("IsTruncated", false) }
}

/// The canonical user of an account: 64 hexadecimal digits.
func canonicalID(_ account: String) -> String {
    hexText(SHA256.hash(data: Array("millrace canonical user \(account)".utf8)))
}

/// S3 gives times in whole seconds.
func wholeSeconds(_ time: Timestamp) -> Timestamp {
    let milliseconds = time.millisecondsSince1970
    return Timestamp(millisecondsSince1970: milliseconds - (milliseconds % 1000 + 1000) % 1000)
}
