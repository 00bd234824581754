import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Canned access control lists. There is one account, so that grants to its owner, to every key of it and to anybody are
/// all there can be; a list that says anything else is refused by name.
enum CannedACL: String {
    case `private` = "private"
    case publicRead = "public-read"
    case publicReadWrite = "public-read-write"
    case authenticatedRead = "authenticated-read"
    case bucketOwnerRead = "bucket-owner-read"
    case bucketOwnerFullControl = "bucket-owner-full-control"

    var isPublic: Bool { self != .private && self != .bucketOwnerRead && self != .bucketOwnerFullControl }

    /// The groups that it grants something, besides everything to the owner.
    var grants: [(group: String, permission: String)] {
        switch self {
        case .private, .bucketOwnerRead, .bucketOwnerFullControl: []
        case .publicRead: [("AllUsers", "READ")]
        case .publicReadWrite: [("AllUsers", "READ"), ("AllUsers", "WRITE")]
        case .authenticatedRead: [("AuthenticatedUsers", "READ")]
        }
    }
}

/// What a bucket's public access block says; nothing is blocked without one.
struct PublicAccessBlock {
    var blocksACLs = false
    var ignoresACLs = false
    var blocksPolicy = false
    var restrictsBuckets = false
}

private let groupURI = "http://acs.amazonaws.com/groups/global/"

extension S3Service {
    func bucketACL(_ bucket: String) throws -> HTTPAnswer {
        let record = try server.bucket(bucket)
        return accessControl(of: record.documents["acl"], record)
    }

    func objectACL(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let read = try await read(key, try request.version(), in: bucket, for: request)
        var answer = accessControl(of: read.record.attributes.cannedACL, try server.bucket(bucket))
        try addVersion(of: read.record, to: &answer.fields)
        return answer
    }

    func putBucketACL(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let record = try server.bucket(bucket)
        let acl = try await requestedACL(request, record)
        try await server.changeBucket(bucket, .document(name: "acl", text: acl == .private ? nil : acl.rawValue))
        return HTTPAnswer(status: 200)
    }

    func putObjectACL(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let record = try server.bucket(bucket)
        let acl = try await requestedACL(request, record)
        try await server.changeAttributes(of: key, version: try request.version(), in: bucket, .cannedACL(acl.rawValue))
        return HTTPAnswer(status: 200)
    }

    /// The list that a request's fields or document ask for.
    private func requestedACL(_ request: S3Request, _ bucket: BucketRecord) async throws -> CannedACL {
        let body = try await document(request)
        if body.isEmpty {
            guard let acl = try cannedACL(request.fields, bucket) else {
                throw AWSError(
                    "MissingSecurityHeader", "Your request was missing a required header",
                    members: ["MissingHeaderName": "x-amz-acl"])
            }
            return acl
        }
        guard let root = try? XMLReader.read(body), root.name == "AccessControlPolicy",
            let list = root["AccessControlList"]
        else { throw AWSError("MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema") }
        return try check(try cannedACL(list, bucket), bucket)
    }

    private func cannedACL(_ list: XMLElement, _ bucket: BucketRecord) throws -> CannedACL {
        var grants: Set<String> = []
        for grant in list.children {
            let permission = grant["Permission"]?.text ?? ""
            if let id = grant["Grantee"]?["ID"]?.text {
                guard id == canonicalID(bucket.account) else {
                    throw AWSError("InvalidArgument", "Invalid id", members: ["ArgumentName": "CanonicalUser/ID", "ArgumentValue": .string(id)])
                }
                guard permission == "FULL_CONTROL" else {
                    throw S3Errors.notImplemented("a grant that takes \(permission) alone from the owner")
                }
            } else if let uri = grant["Grantee"]?["URI"]?.text, uri.hasPrefix(groupURI) {
                grants.insert("\(uri.dropFirst(groupURI.utf8.count)) \(permission)")
            } else {
                throw S3Errors.notImplemented("grants to others than the owner and the groups of all and of authenticated users")
            }
        }
        let all: [CannedACL] = [.private, .publicRead, .publicReadWrite, .authenticatedRead]
        guard let acl = all.first(where: { Set($0.grants.map { "\($0.group) \($0.permission)" }) == grants }) else {
            throw S3Errors.notImplemented("access control lists other than the canned ones")
        }
        return acl
    }

    /// The list of `x-amz-acl`, nil without.
    func cannedACL(_ fields: HTTPFields, _ bucket: BucketRecord) throws -> CannedACL? {
        for entry in fields.entries where entry.name.hasPrefix("x-amz-grant-") {
            throw usesACLs(bucket) ? S3Errors.headerNotImplemented(entry.name) : Self.aclsNotSupported
        }
        guard let name = fields["x-amz-acl"] else { return nil }
        guard let acl = CannedACL(rawValue: name) else {
            throw S3Errors.invalidArgument("This is no canned access control list.", "x-amz-acl", name)
        }
        return try check(acl, bucket)
    }

    private func check(_ acl: CannedACL, _ bucket: BucketRecord) throws -> CannedACL {
        guard usesACLs(bucket) || acl == .private || acl == .bucketOwnerFullControl else { throw Self.aclsNotSupported }
        if acl.isPublic, publicAccess(of: bucket).blocksACLs { throw AWSError("AccessDenied", "Access Denied", httpStatus: 403) }
        return acl
    }

    private static let aclsNotSupported = AWSError("AccessControlListNotSupported", "The bucket does not allow ACLs")

    /// Whether the bucket's ownership lets access control lists be set and count.
    func usesACLs(_ bucket: BucketRecord) -> Bool {
        (bucket.documents["ownershipControls"] ?? defaultOwnership) != Self.ownerEnforced
    }

    func publicAccess(of bucket: BucketRecord) -> PublicAccessBlock {
        guard let text = bucket.documents["publicAccessBlock"], let root = try? XMLReader.read(Array(text.utf8)) else {
            return PublicAccessBlock()
        }
        func flag(_ name: String) -> Bool { root[name]?.text.lowercased() == "true" }
        return PublicAccessBlock(
            blocksACLs: flag("BlockPublicAcls"), ignoresACLs: flag("IgnorePublicAcls"),
            blocksPolicy: flag("BlockPublicPolicy"), restrictsBuckets: flag("RestrictPublicBuckets"))
    }

    /// Whether an access control list lets the caller do what no policy allows.
    func isGranted(
        _ action: String, _ bucket: BucketRecord, _ key: ObjectKey?, _ request: S3Request
    ) async throws -> Bool {
        guard usesACLs(bucket), !publicAccess(of: bucket).ignoresACLs else { return false }
        func grants(_ name: String?, _ permission: String) -> Bool {
            (name.flatMap(CannedACL.init(rawValue:))?.grants ?? []).contains {
                $0.permission == permission && ($0.group == "AllUsers" || request.call.context.principal != nil)
            }
        }
        let ofBucket = bucket.documents["acl"]
        switch action {
        case "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads": return grants(ofBucket, "READ")
        case "s3:PutObject", "s3:DeleteObject": return grants(ofBucket, "WRITE")
        case "s3:GetObject", "s3:GetObjectVersion":
            guard let key else { return false }
            do {
                let record = try await server.read(key, version: try request.version(), in: bucket.name).record
                return grants(record.attributes.cannedACL, "READ")
            } catch let error as ObjectServerError where error.code == .noSuchKey {
                // Who may list the bucket may learn that the object is not there.
                if grants(ofBucket, "READ") { throw error }
                return false
            }
        default: return false
        }
    }

    private func accessControl(of name: String?, _ bucket: BucketRecord) -> HTTPAnswer {
        let acl = usesACLs(bucket) ? name.flatMap(CannedACL.init(rawValue:)) ?? .private : .private
        let owner = canonicalID(bucket.account)
        var xml = XMLWriter()
        xml.element("AccessControlPolicy", namespace: Self.namespace) { xml in
            xml.element("Owner") { $0.element("ID", owner) }
            xml.element("AccessControlList") { xml in
                writeGrant("CanonicalUser", "FULL_CONTROL", &xml) { $0.element("ID", owner) }
                for (group, permission) in acl.grants {
                    writeGrant("Group", permission, &xml) { $0.element("URI", groupURI + group) }
                }
            }
        }
        return xmlAnswer(xml)
    }

    private func writeGrant(
        _ type: String, _ permission: String, _ xml: inout XMLWriter, _ grantee: (inout XMLWriter) -> Void
    ) {
        xml.element("Grant") { xml in
            if type == "Group" {
                xml.open("Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"")
            } else {
                xml.open("Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"")
            }
            grantee(&xml)
            xml.close("Grantee")
            xml.element("Permission", permission)
        }
    }
}
