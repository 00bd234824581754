import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func deleteObject(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let removal = ObjectRemoval(
            key: key, version: try request.version(), condition: try removalCondition(request.fields))
        let outcome = try await server.remove([removal], from: bucket)[0].get()
        var fields: HTTPFields = [:]
        if let version = outcome.version { fields["x-amz-version-id"] = version.description }
        if outcome.isDeleteMarker { fields["x-amz-delete-marker"] = "true" }
        return HTTPAnswer(status: 204, fields: fields)
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
        var removals: [ObjectRemoval] = []
        var refused: [(key: String, version: String?, error: AWSError)] = []
        for object in root.children where object.name == "Object" {
            guard let key = object["Key"]?.text, !key.isEmpty else { throw S3Errors.malformedXML() }
            let version = object["VersionId"]?.text
            do {
                removals.append(
                    ObjectRemoval(
                        key: ObjectKey(key), version: try version.map { try S3Request.version($0) },
                        condition: try removalCondition(object)))
            } catch let error as AWSError {
                refused.append((key, version, error))
            }
        }
        guard (1...1000).contains(removals.count + refused.count) else { throw S3Errors.malformedXML() }
        let (allowed, denied) = try await allowedRemovals(removals, bucket, request)
        refused += denied
        let outcomes = try await server.remove(allowed, from: bucket)
        var xml = XMLWriter()
        xml.element("DeleteResult", namespace: Self.namespace) { xml in
            for (removal, result) in zip(allowed, outcomes) {
                switch result {
                case .success(let outcome):
                    if !isQuiet { writeDeleted(removal, outcome, &xml) }
                case .failure(let error):
                    refused.append((removal.key.description, removal.version?.description, S3Errors.awsError(error)))
                }
            }
            for (key, version, error) in refused {
                xml.element("Error") { xml in
                    xml.element("Key", key)
                    if let version { xml.element("VersionId", version) }
                    xml.element("Code", error.code)
                    xml.element("Message", error.message)
                }
            }
        }
        return xmlAnswer(xml)
    }

    /// Each object is asked about by itself.
    private func allowedRemovals(
        _ removals: [ObjectRemoval], _ bucket: String, _ request: S3Request
    ) async throws -> (allowed: [ObjectRemoval], denied: [(key: String, version: String?, error: AWSError)]) {
        let record = try server.bucket(bucket)
        if request.call.context.permissions == .all, record.documents["policy"] == nil { return (removals, []) }
        var allowed: [ObjectRemoval] = []
        var denied: [(key: String, version: String?, error: AWSError)] = []
        for removal in removals {
            let action = removal.version == nil ? "s3:DeleteObject" : "s3:DeleteObjectVersion"
            do {
                try await authorize(action, record, removal.key, request)
                allowed.append(removal)
            } catch let error as AWSError where error.code == "AccessDenied" {
                denied.append((removal.key.description, removal.version?.description, error))
            }
        }
        return (allowed, denied)
    }

    private func writeDeleted(_ removal: ObjectRemoval, _ outcome: ObjectRemovalOutcome, _ xml: inout XMLWriter) {
        xml.element("Deleted") { xml in
            xml.element("Key", removal.key.description)
            if let version = removal.version { xml.element("VersionId", version.description) }
            if outcome.isDeleteMarker {
                xml.element("DeleteMarker", true)
                if let marker = outcome.version { xml.element("DeleteMarkerVersionId", marker.description) }
            }
        }
    }

    private func removalCondition(_ fields: HTTPFields) throws -> RemovalCondition {
        if fields["if-none-match"] != nil { throw S3Errors.headerNotImplemented("If-None-Match") }
        return try removalCondition(
            etag: fields["if-match"], size: fields["x-amz-if-match-size"],
            time: fields["x-amz-if-match-last-modified-time"])
    }

    private func removalCondition(_ object: XMLElement) throws -> RemovalCondition {
        try removalCondition(
            etag: object["ETag"]?.text, size: object["Size"]?.text, time: object["LastModifiedTime"]?.text)
    }

    private func removalCondition(etag: String?, size: String?, time: String?) throws -> RemovalCondition {
        var condition = RemovalCondition()
        if let etag {
            condition.exists = true
            if etag != "*" { condition.etag = unquoted(etag) }
        }
        if let size {
            guard let bytes = Int64(size) else {
                throw S3Errors.invalidArgument("The size to match must be a number of bytes", "Size", size)
            }
            condition.size = bytes
        }
        if let time {
            guard let date = Timestamp(httpDate: time) ?? Timestamp(iso8601: time) else {
                throw S3Errors.invalidArgument("The time to match must be an HTTP date", "LastModifiedTime", time)
            }
            condition.modifiedAt = date
        }
        return condition
    }
}
