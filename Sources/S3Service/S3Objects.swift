import AWSProtocol
import JSONModel
import NIOCore
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Fields kept with an object and given back.
private let systemFields = [
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires",
    "x-amz-website-redirect-location",
]

extension S3Service {
    func putObject(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let condition = try writeCondition(request.fields)
        let attributes = try attributes(of: request.fields, in: bucket)
        let data = try await receive(request, into: bucket, checksum: .crc64nvme)
        let record = try await server.put(data, as: key, in: bucket, attributes: attributes, condition: condition)
        var fields: HTTPFields = ["etag": "\"\(record.etag)\""]
        addChecksum(record.attributes.checksum, to: &fields)
        addNewVersion(record.version, to: &fields)
        return HTTPAnswer(status: 200, fields: fields)
    }

    /// The id of a version that has just been made; S3 does not tell that of the version null.
    func addNewVersion(_ version: ObjectVersion, to fields: inout HTTPFields) {
        if version != .null { fields["x-amz-version-id"] = version.description }
    }

    /// The id of a version that is being read, where there may be several.
    func addVersion(of record: ObjectRecord, to fields: inout HTTPFields) throws {
        if try server.bucket(record.bucket).versioning != .never {
            fields["x-amz-version-id"] = record.version.description
        }
    }

    /// Refuses to store what the request wants encrypted.
    func refuseEncryption(_ fields: HTTPFields) throws {
        for entry in fields.entries where entry.name.hasPrefix("x-amz-server-side-encryption") {
            throw S3Errors.headerNotImplemented(entry.name)
        }
    }

    /// The fields and tags that a request wants kept; refuses what is not implemented by name.
    ///
    /// - Parameter isForm: whether the values are a form's, which are text, and not a request's fields.
    func attributes(of fields: HTTPFields, in bucket: String, isForm: Bool = false) throws -> ObjectAttributes {
        try refuseEncryption(fields)
        for entry in fields.entries
        where entry.name.hasPrefix("x-amz-object-lock-") || entry.name == "x-amz-write-offset-bytes" {
            throw S3Errors.headerNotImplemented(entry.name)
        }
        var attributes = ObjectAttributes()
        if fields["x-amz-acl"] != nil || fields.entries.contains(where: { $0.name.hasPrefix("x-amz-grant-") }) {
            let acl = try cannedACL(fields, try server.bucket(bucket))
            attributes.cannedACL = acl == .private ? nil : acl?.rawValue
        }
        for name in systemFields {
            guard var value = fields[name] else { continue }
            if name == "content-encoding" {
                // What is left is kept as it was written.
                value = value.split(separator: ",").filter { $0.trimmingSpaces() != "aws-chunked" }
                    .joined(separator: ",").trimmingSpaces()
                if value.isEmpty { continue }
            }
            attributes.fields.append(.init(name, value))
        }
        var bytes = 0
        for entry in fields.entries where entry.name.hasPrefix("x-amz-meta-") {
            bytes += entry.name.utf8.count - 11 + entry.value.utf8.count
            let value = isForm ? entry.value : S3UserMetadata.decoded(entry.value)
            if let index = attributes.fields.firstIndex(where: { $0.name == entry.name }) {
                attributes.fields[index].value += ",\(value)"
            } else {
                attributes.fields.append(.init(entry.name, value))
            }
        }
        guard bytes <= 2048 else {
            throw AWSError(
                "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size",
                members: ["Size": .string(String(bytes)), "MaxSizeAllowed": "2048"])
        }
        if let storageClass = fields["x-amz-storage-class"], storageClass != "STANDARD" {
            guard ["REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]
                .contains(storageClass)
            else {
                throw ["GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS"]
                    .contains(storageClass)
                    ? S3Errors.headerNotImplemented("x-amz-storage-class")
                    : AWSError("InvalidStorageClass", "The storage class you specified is not valid")
            }
            attributes.fields.append(.init("x-amz-storage-class", storageClass))
        }
        if let tagging = fields["x-amz-tagging"] { attributes.tags = try tags(ofQuery: tagging) }
        return attributes
    }

    func getObject(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        if request.fields["x-amz-server-side-encryption-customer-algorithm"] != nil {
            throw S3Errors.invalidRequest("The encryption parameters are not applicable to this object.")
        }
        let read = try await read(key, try request.version(), in: bucket, for: request)
        let record = read.record
        try checkReadConditions(request.fields, record)
        var fields = commonFields(of: record)
        try addVersion(of: record, to: &fields)
        try overrideFields(request, &fields)
        let rangeField = rangeStillApplies(request.fields, record) ? request.fields["range"] : nil
        var range = try requestedRange(rangeField, size: record.size)
        var partChecksum: ObjectChecksum?
        if let number = try request.number("partNumber", in: 1...ObjectServer.partNumberMax) {
            guard request.fields["range"] == nil else {
                throw S3Errors.invalidRequest("Cannot specify both Range header and partNumber query parameter")
            }
            guard let part = read.part(number) else {
                throw AWSError(
                    "InvalidPartNumber", "The requested partnumber is not satisfiable", httpStatus: 416,
                    members: ["PartNumberRequested": .string(String(number))])
            }
            range = part.range
            if part.count > 0 { fields["x-amz-mp-parts-count"] = String(part.count) }
            partChecksum = read.partChecksum(number)
        }
        let whole = 0..<record.size
        if request.fields["x-amz-checksum-mode"]?.uppercased() == "ENABLED" {
            if let partChecksum {
                addChecksum(partChecksum, to: &fields)
            } else if range == nil || range == whole {
                addChecksum(record.attributes.checksum, to: &fields)
            }
        }
        if let range, !range.isEmpty {
            fields["content-range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(record.size)"
        }
        let wanted = range ?? whole
        fields["content-length"] = String(wanted.count)
        let status = range == nil ? 200 : 206
        if request.call.method == "HEAD" { return HTTPAnswer(status: status, fields: fields) }
        if let bytes = try read.inlineBytes() {
            let body = ByteBuffer(bytes: bytes[Int(wanted.lowerBound)..<Int(wanted.upperBound)])
            return HTTPAnswer(status: status, fields: fields, body: .bytes(body))
        }
        let chunks = try await read.chunks(in: wanted)
        return HTTPAnswer(
            status: status, fields: fields,
            body: .stream(length: wanted.count) { write in try await chunks.forEach(write) })
    }

    private func commonFields(of record: ObjectRecord) -> HTTPFields {
        var fields: HTTPFields = [
            "etag": "\"\(record.etag)\"", "last-modified": record.modifiedAt.httpDate, "accept-ranges": "bytes",
        ]
        for field in record.attributes.fields {
            let isOfUser = field.name.hasPrefix("x-amz-meta-")
            fields.append(field.name, isOfUser ? S3UserMetadata.encoded(field.value) : field.value)
        }
        if fields["content-type"] == nil { fields["content-type"] = "binary/octet-stream" }
        if !record.attributes.tags.isEmpty { fields["x-amz-tagging-count"] = String(record.attributes.tags.count) }
        return fields
    }

    private func overrideFields(_ request: S3Request, _ fields: inout HTTPFields) throws {
        for name in systemFields {
            guard let value = request.query["response-\(name)"] else { continue }
            // Else anybody could make a page of ours out of somebody's file.
            guard request.call.context.permissions != .anonymous else {
                throw S3Errors.invalidRequest(
                    "Request specific response headers cannot be used for anonymous GET requests.")
            }
            fields[name] = value
        }
    }

    func addChecksum(_ checksum: ObjectChecksum?, to fields: inout HTTPFields) {
        guard let checksum, let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm) else { return }
        fields[algorithm.fieldName] = checksum.value
        fields["x-amz-checksum-type"] = checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT"
    }

    func writeChecksum(_ checksum: ObjectChecksum?, _ xml: inout XMLWriter) {
        guard let checksum, let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm) else { return }
        xml.element(named: "Checksum\(algorithm.rawValue)", checksum.value)
    }
}
