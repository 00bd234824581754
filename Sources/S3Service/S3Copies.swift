import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func copyObject(to key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let fields = request.fields
        let condition = try writeCondition(fields)
        _ = try server.bucket(bucket)
        let replacesMetadata = try directive("x-amz-metadata-directive", fields)
        let replacesTags = try directive("x-amz-tagging-directive", fields)
        var attributes = try attributes(of: fields, in: bucket)
        let (source, read) = try await copySource(request)
        let record = read.record
        try checkReadConditions(fields, record, prefix: "x-amz-copy-source-")
        let wanted = try fields["x-amz-checksum-algorithm"].map { try checksumAlgorithm($0) }
        if source.bucket == bucket, source.key == key, source.version == nil, !replacesMetadata, !replacesTags,
            fields["x-amz-storage-class"] == nil, fields["x-amz-website-redirect-location"] == nil, wanted == nil
        {
            throw S3Errors.invalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
        }
        guard record.size <= ObjectServer.putSizeMax else {
            throw S3Errors.invalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: \(ObjectServer.putSizeMax)")
        }
        if !replacesMetadata {
            let own = attributes.fields.filter {
                ["x-amz-storage-class", "x-amz-website-redirect-location"].contains($0.name)
            }
            attributes.fields = record.attributes.fields.filter {
                !["x-amz-storage-class", "x-amz-website-redirect-location"].contains($0.name)
            } + own
        }
        if !replacesTags, !record.attributes.tags.isEmpty {
            let action = source.version == nil ? "s3:GetObjectTagging" : "s3:GetObjectVersionTagging"
            try await authorize(action, try server.bucket(source.bucket), source.key, request)
            try await authorize("s3:PutObjectTagging", try server.bucket(bucket), key, request)
            attributes.tags = record.attributes.tags
        }
        let data = try await server.duplicate(read, checksum: wanted)
        let copy = try await server.put(data, as: key, in: bucket, attributes: attributes, condition: condition)
        var xml = XMLWriter()
        xml.element("CopyObjectResult", namespace: Self.namespace) { xml in
            xml.element("LastModified", wholeSeconds(copy.modifiedAt).iso8601)
            xml.element("ETag", "\"\(copy.etag)\"")
            writeChecksum(copy.attributes.checksum, &xml)
            // Of one put, not of parts.
            xml.element("ChecksumType", "FULL_OBJECT")
        }
        var answered = try sourceVersion(of: record)
        addNewVersion(copy.version, to: &answered)
        return xmlAnswer(xml, fields: answered)
    }

    func uploadPartCopy(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        try refuseEncryption(request.fields)
        let (upload, number) = try await addressedPart(key, bucket, request)
        let read = try await copySource(request).read
        try checkReadConditions(request.fields, read.record, prefix: "x-amz-copy-source-")
        let range = try request.fields["x-amz-copy-source-range"].map { try copyRange($0, size: read.record.size) }
        let size = range.map { Int64($0.count) } ?? read.record.size
        guard size <= ObjectServer.putSizeMax else {
            throw S3Errors.invalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: \(ObjectServer.putSizeMax)")
        }
        let data = try await server.duplicate(read, range: range, checksum: upload.checksumAlgorithm, isPart: true)
        let part = try await server.putPart(data, number: number, of: upload)
        var xml = XMLWriter()
        xml.element("CopyPartResult", namespace: Self.namespace) { xml in
            xml.element("LastModified", wholeSeconds(part.modifiedAt).iso8601)
            xml.element("ETag", "\"\(part.etag)\"")
            writeChecksum(part.checksum, &xml)
        }
        return xmlAnswer(xml, fields: try sourceVersion(of: read.record))
    }

    private func sourceVersion(of record: ObjectRecord) throws -> HTTPFields {
        try server.bucket(record.bucket).versioning == .never
            ? [:] : ["x-amz-copy-source-version-id": record.version.description]
    }

    func checksumAlgorithm(_ name: String) throws -> ChecksumAlgorithm {
        guard let algorithm = ChecksumAlgorithm(rawValue: name.uppercased()) else {
            throw S3Errors.invalidRequest(
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [\(ChecksumAlgorithm.names)]")
        }
        return algorithm
    }

    private struct CopySource {
        var bucket: String
        var key: ObjectKey
        /// Nil for the latest.
        var version: ObjectVersion?
    }

    /// What is copied, which the caller may read.
    private func copySource(_ request: S3Request) async throws -> (source: CopySource, read: ObjectRead) {
        let source = try copySource(request.fields["x-amz-copy-source"] ?? "")
        let action = source.version == nil ? "s3:GetObject" : "s3:GetObjectVersion"
        try await authorize(action, try server.bucket(source.bucket), source.key, request)
        do {
            return (source, try await read(source.key, source.version, in: source.bucket, for: request))
        } catch let error as ObjectServerError where error.code == .methodNotAllowed {
            throw S3Errors.invalidRequest(
                "The source of a copy request may not specifically refer to a delete marker by version id.")
        }
    }

    private func copySource(_ text: String) throws -> CopySource {
        var path = text[...]
        var version: ObjectVersion?
        if let question = path.firstRange(of: "?versionId=") {
            version = try S3Request.version(String(path[question.upperBound...]))
            path = path[..<question.lowerBound]
        }
        guard var bytes = PercentEncoding.decode(path) else { throw invalidSource(text) }
        if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")), slash > 0, slash + 1 < bytes.count,
            let bucket = String(validating: bytes[..<slash], as: UTF8.self)
        else { throw invalidSource(text) }
        return CopySource(bucket: bucket, key: ObjectKey(utf8: Array(bytes[(slash + 1)...])), version: version)
    }

    private func invalidSource(_ text: String) -> AWSError {
        S3Errors.invalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", text)
    }

    private func copyRange(_ text: String, size: Int64) throws -> Range<Int64> {
        let parts = text.hasPrefix("bytes=") ? text.dropFirst(6).split(separator: "-") : []
        guard parts.count == 2, let first = Int64(parts[0]), let last = Int64(parts[1]), first >= 0, first <= last else {
            throw S3Errors.invalidArgument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
                "x-amz-copy-source-range", text)
        }
        guard last < size else {
            throw S3Errors.invalidArgument(
                "Range specified is not valid for source object of size: \(size)", "x-amz-copy-source-range", text)
        }
        return first..<last + 1
    }

    private func directive(_ name: String, _ fields: HTTPFields) throws -> Bool {
        switch fields[name] {
        case nil, "COPY": return false
        case "REPLACE": return true
        case let other: throw S3Errors.invalidArgument("Unknown directive.", name, other)
        }
    }
}
