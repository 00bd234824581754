import AWSProtocol
import Crypto
import JSONModel
import NIOCore
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Uploads from HTML forms, which a signed policy document lets in.
/// - Source: Amazon S3 API reference, "POST Object" and "Creating a POST policy".
extension S3Service {
    func postObject(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let record = try server.bucket(bucket)
        guard var reader = MultipartFormReader(contentType: request.fields["content-type"] ?? "") else {
            throw AWSError(
                "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data", httpStatus: 412)
        }
        var form: PostForm?
        var writer: ObjectWriter?
        do {
            for try await buffer in request.call.body {
                var payload: [ByteBuffer] = []
                try buffer.withUnsafeReadableBytes { bytes in
                    try reader.push(bytes) { if !$0.isEmpty { payload.append(ByteBuffer(bytes: $0)) } }
                }
                if form == nil, let file = reader.file {
                    let accepted = try await accept(reader.fields, file, record, request)
                    form = accepted
                    writer = try server.writer(for: bucket, expecting: accepted.expectations)
                }
                guard let writer, !payload.isEmpty else { continue }
                let pieces = payload
                try await server.executor.run { () throws -> Void in try writer.append(pieces) }
            }
            guard let form, let writer, reader.isAtEnd else {
                throw reader.file == nil
                    ? S3Errors.invalidArgument("POST requires exactly one file upload per request.", "file", "0")
                    : AWSError("IncompleteBody", "The request body terminated unexpectedly")
            }
            try form.checkLength(writer.size)
        } catch {
            if let writer { await server.discard(writer) }
            throw server.translate(error)
        }
        guard let form, let writer else { throw S3Errors.malformedXML() }
        let data = try await server.stage(writer)
        let stored = try await server.put(data, as: form.key, in: bucket, attributes: form.attributes)
        return answer(to: form, stored, request.url(of: stored.key))
    }

    /// Checks the fields that came before the file.
    private func accept(
        _ fields: [MultipartFormReader.Field], _ file: MultipartFormReader.File, _ bucket: BucketRecord,
        _ request: S3Request
    ) async throws -> PostForm {
        var form = PostForm(fields, file, bucket.name)
        guard let key = form["key"] else {
            throw S3Errors.invalidArgument("Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.", "key", "")
        }
        form.key = ObjectKey(key.replacing("${filename}", with: file.name))
        guard (1...ObjectServer.keyBytesMax).contains(form.key.utf8.count) else {
            throw AWSError("KeyTooLongError", "Your key is too long")
        }
        var caller = request
        if form["policy"] != nil {
            caller.call.context = try signer(of: form, request)
            try form.checkPolicy(now: request.call.context.receivedAt)
        }
        var headers: HTTPFields = [:]
        for field in fields { headers[field.name.lowercased()] = field.value }
        for name in ["policy", "key", "x-amz-signature", "tagging"] { headers[name] = nil }
        if headers["content-type"] == nil { headers["content-type"] = file.contentType }
        headers["x-amz-acl"] = form["acl"]
        caller.call.fields = headers
        try await authorize("s3:PutObject", bucket, form.key, caller)
        form.attributes = try attributes(of: headers, in: bucket.name, isForm: true)
        if let tagging = form["tagging"] {
            let tags = try tags(of: Array(tagging.utf8))
            try check(tags)
            form.attributes.tags = tags
        }
        for algorithm in ChecksumAlgorithm.allCases {
            guard let value = form[algorithm.fieldName] else { continue }
            guard Base64.decode(value)?.count == algorithm.byteCount else {
                throw S3Errors.invalidRequest("Value for \(algorithm.fieldName) header is invalid.")
            }
            form.expectations.checksum = algorithm
            form.expectations.checksumValue = value
        }
        return form
    }

    /// Who signed the form's policy.
    private func signer(of form: PostForm, _ request: S3Request) throws -> CallContext {
        var context = request.call.context
        guard context.permissions == .anonymous else { return context }
        guard form["x-amz-algorithm"] == SigV4.algorithm, let credential = form["x-amz-credential"],
            let scope = SigV4.CredentialScope(credential: credential), let signature = form["x-amz-signature"],
            let policy = form["policy"]
        else {
            throw S3Errors.invalidArgument(
                "Bucket POST must contain the fields x-amz-algorithm, x-amz-credential, x-amz-date and x-amz-signature",
                "x-amz-signature", "")
        }
        guard let caller = lookup(scope.accessKeyID, context.receivedAt) else {
            throw AWSError(
                "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", httpStatus: 403,
                members: ["AWSAccessKeyId": .string(scope.accessKeyID)])
        }
        let key = SigV4.SigningKey(secret: caller.credentials.secretAccessKey, scope: scope)
        guard scope.service == "s3", SigV4.equalInConstantTime(key.signature(of: policy), signature) else {
            throw AWSError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
                httpStatus: 403)
        }
        context.accessKeyID = scope.accessKeyID
        context.permissions = caller.permissions
        return context
    }

    private func answer(to form: PostForm, _ record: ObjectRecord, _ url: String) -> HTTPAnswer {
        var fields: HTTPFields = ["etag": "\"\(record.etag)\"", "location": url]
        addChecksum(record.attributes.checksum, to: &fields)
        addNewVersion(record.version, to: &fields)
        if let target = form["success_action_redirect"] ?? form["redirect"],
            target.hasPrefix("http://") || target.hasPrefix("https://")
        {
            fields["location"] = target + (target.contains("?") ? "&" : "?")
                + "bucket=\(PercentEncoding.encode(record.bucket))&key=\(PercentEncoding.encode(record.key.utf8))"
                + "&etag=%22\(record.etag)%22"
            return HTTPAnswer(status: 303, fields: fields)
        }
        switch form["success_action_status"] {
        case "200": return HTTPAnswer(status: 200, fields: fields)
        case "201":
            var xml = XMLWriter()
            xml.element("PostResponse") { xml in
                xml.element("Location", url)
                xml.element("Bucket", record.bucket)
                xml.element("Key", record.key.description)
                xml.element("ETag", "\"\(record.etag)\"")
            }
            return xmlAnswer(xml, status: 201, fields: fields)
        default: return HTTPAnswer(status: 204, fields: fields)
        }
    }
}

/// The fields of a form, and what they ask for.
private struct PostForm {
    var key = ObjectKey("")
    var attributes = ObjectAttributes()
    var expectations = DataExpectations()
    private let fields: [String: String]
    private var length: ClosedRange<Int64>?

    init(_ fields: [MultipartFormReader.Field], _ file: MultipartFormReader.File, _ bucket: String) {
        var found = Dictionary(fields.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        found["bucket"] = bucket
        if let key = found["key"] { found["key"] = key.replacing("${filename}", with: file.name) }
        self.fields = found
    }

    subscript(name: String) -> String? { fields[name] }

    func checkLength(_ bytes: Int64) throws {
        guard let length else { return }
        if bytes < length.lowerBound {
            throw AWSError(
                "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
                members: ["ProposedSize": .string(String(bytes)), "MinSizeAllowed": .string(String(length.lowerBound))])
        }
        if bytes > length.upperBound {
            throw AWSError(
                "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
                members: ["ProposedSize": .string(String(bytes)), "MaxSizeAllowed": .string(String(length.upperBound))])
        }
    }

    /// Holds the fields to the policy: each of its conditions must hold, and speak of each field.
    mutating func checkPolicy(now: Timestamp) throws {
        guard let bytes = Base64.decode(fields["policy"] ?? ""), let policy = try? JSONValue(parsing: bytes) else {
            throw invalid("Invalid Policy: Invalid JSON.")
        }
        guard let text = policy["expiration"]?.string, let expiry = Timestamp(iso8601: text) else {
            throw invalid("Invalid Policy: Policy missing expiration.")
        }
        guard now <= expiry else { throw denied("Invalid according to Policy: Policy expired.") }
        guard let conditions = policy["conditions"]?.array else {
            throw invalid("Invalid Policy: Policy missing conditions.")
        }
        var covered: Set<String> = ["policy", "x-amz-signature", "file", "bucket"]
        for condition in conditions {
            if let object = condition.object {
                for (name, value) in object { try check("eq", name.lowercased(), value.string ?? "", condition, &covered) }
            } else if let list = condition.array, list.count == 3, let kind = list[0].string?.lowercased() {
                if kind == "content-length-range" {
                    guard let low = whole(list[1]), let high = whole(list[2]), low <= high else {
                        throw invalid("Invalid Policy: Invalid content-length-range: \(condition.text)")
                    }
                    length = low...high
                } else {
                    guard let name = list[1].string, name.hasPrefix("$"), let value = list[2].string else {
                        throw invalid("Invalid Policy: Invalid condition: \(condition.text)")
                    }
                    try check(kind, name.dropFirst().lowercased(), value, condition, &covered)
                }
            } else {
                throw invalid("Invalid Policy: Invalid condition: \(condition.text)")
            }
        }
        for name in fields.keys.sorted() where !covered.contains(name) && !name.hasPrefix("x-ignore-") {
            throw denied("Invalid according to Policy: Extra input fields: \(name)")
        }
    }

    private func check(
        _ kind: String, _ name: String, _ wanted: String, _ condition: JSONValue, _ covered: inout Set<String>
    ) throws {
        covered.insert(name)
        let value = fields[name] ?? ""
        let holds: Bool
        switch kind {
        case "eq": holds = value == wanted
        case "starts-with": holds = value.hasPrefix(wanted)
        default: throw invalid("Invalid Policy: Invalid condition: \(condition.text)")
        }
        guard holds else { throw denied("Invalid according to Policy: Policy Condition failed: \(condition.text)") }
    }

    private func whole(_ value: JSONValue) -> Int64? { value.int64 ?? value.string.flatMap { Int64($0) } }

    private func invalid(_ message: String) -> AWSError { AWSError("InvalidPolicyDocument", message) }
    private func denied(_ message: String) -> AWSError { AWSError("AccessDenied", message, httpStatus: 403) }
}
