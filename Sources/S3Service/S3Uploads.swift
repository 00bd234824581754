import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func createUpload(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        var attributes = try attributes(of: request.fields, in: bucket)
        var fields: HTTPFields = [:]
        let type = try checksumType(request)
        if let name = request.fields["x-amz-checksum-algorithm"] {
            let algorithm = try checksumAlgorithm(name)
            let isComposite = try isComposite(algorithm, type)
            attributes.checksum = ObjectChecksum(algorithm: algorithm.rawValue, value: "", isComposite: isComposite)
            fields["x-amz-checksum-algorithm"] = algorithm.rawValue
            fields["x-amz-checksum-type"] = isComposite ? "COMPOSITE" : "FULL_OBJECT"
        } else if type != nil {
            throw S3Errors.invalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
        }
        let id = try await server.createUpload(of: key, in: bucket, attributes: attributes)
        var xml = XMLWriter()
        xml.element("InitiateMultipartUploadResult", namespace: Self.namespace) { xml in
            xml.element("Bucket", bucket)
            xml.element("Key", key.description)
            xml.element("UploadId", id)
        }
        return xmlAnswer(xml, fields: fields)
    }

    private func checksumType(_ request: S3Request) throws -> String? {
        guard let type = request.fields["x-amz-checksum-type"]?.uppercased() else { return nil }
        guard ["COMPOSITE", "FULL_OBJECT"].contains(type) else {
            throw S3Errors.invalidRequest("Value for x-amz-checksum-type header is invalid.")
        }
        return type
    }

    private func isComposite(_ algorithm: ChecksumAlgorithm, _ type: String?) throws -> Bool {
        let isComposite = type.map { $0 == "COMPOSITE" } ?? (algorithm != .crc64nvme)
        guard isComposite ? algorithm != .crc64nvme : CRCCombination(algorithm) != nil else {
            throw S3Errors.invalidRequest(
                "The \(type ?? "") checksum type cannot be used with the \(algorithm.rawValue.lowercased()) checksum algorithm.")
        }
        return isComposite
    }

    /// The upload and part number that the query names.
    func addressedPart(
        _ key: ObjectKey, _ bucket: String, _ request: S3Request
    ) async throws -> (UploadRecord, Int) {
        guard let text = request.query["partNumber"], let number = Int(text),
            (1...ObjectServer.partNumberMax).contains(number)
        else {
            throw S3Errors.invalidArgument(
                "Part number must be an integer between 1 and 10000, inclusive", "partNumber", request.query["partNumber"])
        }
        return (try await addressedUpload(key, bucket, request), number)
    }

    private func addressedUpload(
        _ key: ObjectKey, _ bucket: String, _ request: S3Request
    ) async throws -> UploadRecord {
        try await server.upload(request.query["uploadId"] ?? "", of: key, in: bucket)
    }

    func uploadPart(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        try refuseEncryption(request.fields)
        let (upload, number) = try await addressedPart(key, bucket, request)
        if let wanted = upload.attributes.checksum?.algorithm {
            let trailers = (request.fields["x-amz-trailer"] ?? "").lowercased().split(separator: ",").map { $0.trimmingSpaces() }
            for other in ChecksumAlgorithm.allCases
            where other.rawValue != wanted && (request.fields[other.fieldName] != nil || trailers.contains(other.fieldName)) {
                throw S3Errors.invalidRequest(
                    "Checksum Type mismatch occurred, expected checksum Type: \(wanted.lowercased()), actual checksum Type: \(other.rawValue.lowercased())")
            }
        }
        let algorithm = upload.checksumAlgorithm
        let data = try await receive(request, into: bucket, isPart: true, checksum: algorithm, keeping: algorithm)
        let part = try await server.putPart(data, number: number, of: upload)
        var fields: HTTPFields = ["etag": "\"\(part.etag)\""]
        addChecksum(data.answeredChecksum, to: &fields)
        fields["x-amz-checksum-type"] = nil
        return HTTPAnswer(status: 200, fields: fields)
    }

    func completeUpload(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let condition = try writeCondition(request.fields)
        let id = request.query["uploadId"] ?? ""
        // The checksum fields of this request speak of the object, not of the document.
        var plain = request
        var expected = CompletionExpectations()
        for algorithm in ChecksumAlgorithm.allCases {
            if let value = plain.fields[algorithm.fieldName] { expected.checksum = value }
            plain.call.fields[algorithm.fieldName] = nil
        }
        plain.call.fields["x-amz-sdk-checksum-algorithm"] = nil
        expected.isComposite = try checksumType(request).map { $0 == "COMPOSITE" }
        expected.size = try request.field("x-amz-mp-object-size", in: 0...Int.max).map(Int64.init)
        let parts = try namedParts(try await document(plain))
        let record = try await server.completeUpload(
            id, of: key, in: bucket, parts: parts, expecting: expected, condition: condition)
        var xml = XMLWriter()
        xml.element("CompleteMultipartUploadResult", namespace: Self.namespace) { xml in
            xml.element("Location", request.url(of: key))
            xml.element("Bucket", bucket)
            xml.element("Key", key.description)
            xml.element("ETag", "\"\(record.etag)\"")
            if let checksum = record.attributes.checksum {
                writeChecksum(checksum, &xml)
                xml.element("ChecksumType", checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT")
            }
        }
        var fields: HTTPFields = [:]
        addNewVersion(record.version, to: &fields)
        return xmlAnswer(xml, fields: fields)
    }

    private func namedParts(_ body: [UInt8]) throws -> [NamedPart] {
        guard let root = try? XMLReader.read(body, limits: XMLLimits(elementsMax: 100_000)),
            root.name == "CompleteMultipartUpload", !root.children.isEmpty
        else { throw S3Errors.malformedXML() }
        return try root.children.map { part in
            guard part.name == "Part", let text = part["PartNumber"]?.text, let number = Int(text.trimmingSpaces()),
                let etag = part["ETag"]?.text
            else { throw S3Errors.malformedXML() }
            guard (1...ObjectServer.partNumberMax).contains(number) else {
                throw S3Errors.invalidArgument(
                    "PartNumber must be an integer between 1 and 10000, inclusive", "PartNumber", text)
            }
            let checksum = part.children.first { $0.name.hasPrefix("Checksum") }.map {
                ObjectChecksum(algorithm: String($0.name.dropFirst(8)), value: $0.text)
            }
            return NamedPart(number: number, etag: unquoted(etag.trimmingSpaces()), checksum: checksum)
        }
    }

    func abortUpload(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        try await server.abortUpload(try await addressedUpload(key, bucket, request))
        return HTTPAnswer(status: 204)
    }

    func listParts(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let upload = try await addressedUpload(key, bucket, request)
        let limit = min(1000, try request.number("max-parts", in: 0...Int(Int32.max)) ?? 1000)
        let marker = try request.number("part-number-marker", in: 0...Int(Int32.max)) ?? 0
        let found = try await server.parts(of: upload, after: marker, limit: limit + 1)
        let parts = found.prefix(limit)
        let account = try server.bucket(bucket).account
        var xml = XMLWriter()
        xml.element("ListPartsResult", namespace: Self.namespace) { xml in
            xml.element("Bucket", bucket)
            xml.element("Key", key.description)
            xml.element("UploadId", upload.id)
            xml.element("Initiator") { $0.element("ID", canonicalID(account)) }
            xml.element("Owner") { $0.element("ID", canonicalID(account)) }
            xml.element("StorageClass", storageClass(upload))
            if let checksum = upload.attributes.checksum {
                xml.element("ChecksumAlgorithm", checksum.algorithm)
                xml.element("ChecksumType", checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT")
            }
            xml.element("PartNumberMarker", marker)
            if let last = parts.last { xml.element("NextPartNumberMarker", last.number) }
            xml.element("MaxParts", limit)
            xml.element("IsTruncated", found.count > limit && limit > 0)
            for part in parts {
                xml.element("Part") { xml in
                    xml.element("PartNumber", part.number)
                    xml.element("LastModified", wholeSeconds(part.modifiedAt).iso8601)
                    xml.element("ETag", "\"\(part.etag)\"")
                    xml.element("Size", part.size)
                    writeChecksum(part.checksum, &xml)
                }
            }
        }
        return xmlAnswer(xml)
    }

    func storageClass(_ upload: UploadRecord) -> String {
        upload.attributes.fields.first { $0.name == "x-amz-storage-class" }?.value ?? "STANDARD"
    }
}
