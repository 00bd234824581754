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
        let attributes = try attributes(of: request.fields)
        let data = try await receive(request, into: bucket)
        let record = try await server.put(data, as: key, in: bucket, attributes: attributes, condition: condition)
        var fields: HTTPFields = ["etag": "\"\(record.etag)\""]
        addChecksum(record.attributes.checksum, to: &fields)
        return HTTPAnswer(status: 200, fields: fields)
    }

    /// The fields and tags that a request wants kept; refuses what is not implemented by name.
    func attributes(of fields: HTTPFields) throws -> ObjectAttributes {
        try refuseAccessControl(fields)
        for entry in fields.entries
        where entry.name.hasPrefix("x-amz-server-side-encryption") || entry.name.hasPrefix("x-amz-object-lock-")
            || entry.name == "x-amz-write-offset-bytes"
        {
            throw S3Errors.headerNotImplemented(entry.name)
        }
        var attributes = ObjectAttributes()
        for name in systemFields {
            guard var value = fields[name] else { continue }
            if name == "content-encoding" {
                value = value.split(separator: ",").map { $0.trimmingSpaces() }.filter { $0 != "aws-chunked" }
                    .joined(separator: ",")
                if value.isEmpty { continue }
            }
            attributes.fields.append(.init(name, value))
        }
        var bytes = 0
        for entry in fields.entries where entry.name.hasPrefix("x-amz-meta-") {
            bytes += entry.name.utf8.count - 11 + entry.value.utf8.count
            if let index = attributes.fields.firstIndex(where: { $0.name == entry.name }) {
                attributes.fields[index].value += ",\(entry.value)"
            } else {
                attributes.fields.append(.init(entry.name, entry.value))
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
        let read = try await server.read(key, in: bucket)
        let record = read.record
        try checkReadConditions(request.fields, record)
        var fields = commonFields(of: record)
        overrideFields(request, &fields)
        var range = try requestedRange(request.fields["range"], size: record.size)
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
        }
        let whole = 0..<record.size
        if request.fields["x-amz-checksum-mode"]?.uppercased() == "ENABLED", range == nil || range == whole {
            addChecksum(record.attributes.checksum, to: &fields)
        }
        if let range, !range.isEmpty {
            fields["content-range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(record.size)"
        }
        let wanted = range ?? whole
        fields["content-length"] = String(wanted.count)
        let status = range == nil ? 200 : 206
        if request.call.method == "HEAD" { return HTTPAnswer(status: status, fields: fields) }
        if let bytes = read.inlineBytes {
            let body = ByteBuffer(bytes: bytes[Int(wanted.lowerBound)..<Int(wanted.upperBound)])
            return HTTPAnswer(status: status, fields: fields, body: .bytes(body))
        }
        return HTTPAnswer(
            status: status, fields: fields,
            body: .stream(length: wanted.count) { write in try await read.forEachChunk(in: wanted, write) })
    }

    private func commonFields(of record: ObjectRecord) -> HTTPFields {
        var fields: HTTPFields = [
            "etag": "\"\(record.etag)\"", "last-modified": record.modifiedAt.httpDate, "accept-ranges": "bytes",
        ]
        for field in record.attributes.fields { fields.append(field.name, field.value) }
        if fields["content-type"] == nil { fields["content-type"] = "binary/octet-stream" }
        if !record.attributes.tags.isEmpty { fields["x-amz-tagging-count"] = String(record.attributes.tags.count) }
        return fields
    }

    private func overrideFields(_ request: S3Request, _ fields: inout HTTPFields) {
        for name in systemFields {
            if let value = request.query["response-\(name)"] { fields[name] = value }
        }
    }

    func addChecksum(_ checksum: ObjectChecksum?, to fields: inout HTTPFields) {
        guard let checksum, let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm) else { return }
        fields[algorithm.fieldName] = checksum.value
        fields["x-amz-checksum-type"] = checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT"
    }

    func deleteObject(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        try await server.delete(key, in: bucket, condition: try writeCondition(request.fields, forDelete: true))
        return HTTPAnswer(status: 204)
    }

    func deleteObjects(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let hasDigest = request.fields["content-md5"] != nil || request.fields["x-amz-trailer"] != nil
            || ChecksumAlgorithm.allCases.contains { request.fields[$0.fieldName] != nil }
        guard hasDigest else {
            throw S3Errors.invalidRequest(
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
        }
        let body = try await document(request)
        guard let root = try? XMLReader.read(body), root.name == "Delete" else { throw S3Errors.malformedXML() }
        let isQuiet = root["Quiet"]?.text.lowercased() == "true"
        var items: [(key: ObjectKey, condition: WriteCondition)] = []
        var refused: [(key: String, error: AWSError)] = []
        for object in root.children where object.name == "Object" {
            guard let key = object["Key"]?.text, !key.isEmpty else { throw S3Errors.malformedXML() }
            if let version = object["VersionId"]?.text, !version.isEmpty, version != "null" {
                refused.append((key, AWSError("NoSuchVersion", "The specified version does not exist.")))
            } else if object["Size"] != nil || object["LastModifiedTime"] != nil {
                refused.append((key, S3Errors.notImplemented("conditions on Size and LastModifiedTime")))
            } else {
                let condition = object["ETag"].map { WriteCondition.ifMatch(unquoted($0.text)) }
                items.append((ObjectKey(key), condition ?? .none))
            }
        }
        guard (1...1000).contains(items.count + refused.count) else { throw S3Errors.malformedXML() }
        let failures = try await server.delete(items, in: bucket)
        for (item, failure) in zip(items, failures) {
            if let failure { refused.append((item.key.description, S3Errors.awsError(failure))) }
        }
        var xml = XMLWriter()
        xml.element("DeleteResult", namespace: Self.namespace) { xml in
            if !isQuiet {
                for (item, failure) in zip(items, failures) where failure == nil {
                    xml.element("Deleted") { $0.element("Key", item.key.description) }
                }
            }
            for (key, error) in refused {
                xml.element("Error") { xml in
                    xml.element("Key", key)
                    xml.element("Code", error.code)
                    xml.element("Message", error.message)
                }
            }
        }
        return xmlAnswer(xml)
    }

    /// GetObjectAttributes.
    func attributes(of key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let wanted = Set(
            request.fields.values(of: "x-amz-object-attributes").flatMap { $0.split(separator: ",") }
                .map { $0.trimmingSpaces() })
        let known: Set<String> = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
        guard !wanted.isEmpty, wanted.isSubset(of: known) else {
            throw S3Errors.invalidArgument(
                "Invalid attribute name specified.", "x-amz-object-attributes",
                request.fields["x-amz-object-attributes"])
        }
        let record = try await server.read(key, in: bucket).record
        var xml = XMLWriter()
        xml.element("GetObjectAttributesResponse", namespace: Self.namespace) { xml in
            if wanted.contains("ETag") { xml.element("ETag", record.etag) }
            if wanted.contains("Checksum"), let checksum = record.attributes.checksum {
                xml.element("Checksum") { xml in
                    writeChecksum(checksum, &xml)
                    xml.element("ChecksumType", checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT")
                }
            }
            if wanted.contains("ObjectParts"), record.etag.utf8.contains(UInt8(ascii: "-")) {
                xml.element("ObjectParts") { $0.element("PartsCount", record.content.files.count) }
            }
            if wanted.contains("StorageClass") {
                let storageClass = record.attributes.fields.first { $0.name == "x-amz-storage-class" }?.value
                xml.element("StorageClass", storageClass ?? "STANDARD")
            }
            if wanted.contains("ObjectSize") { xml.element("ObjectSize", record.size) }
        }
        return xmlAnswer(xml, fields: ["last-modified": record.modifiedAt.httpDate])
    }

    func writeChecksum(_ checksum: ObjectChecksum?, _ xml: inout XMLWriter) {
        guard let checksum, let algorithm = ChecksumAlgorithm(rawValue: checksum.algorithm) else { return }
        switch algorithm {
        case .crc32: xml.element("ChecksumCRC32", checksum.value)
        case .crc32c: xml.element("ChecksumCRC32C", checksum.value)
        case .crc64nvme: xml.element("ChecksumCRC64NVME", checksum.value)
        case .sha1: xml.element("ChecksumSHA1", checksum.value)
        case .sha256: xml.element("ChecksumSHA256", checksum.value)
        }
    }
}
