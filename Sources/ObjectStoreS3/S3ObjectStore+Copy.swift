import AWSProtocol
import HTTPTransport
package import ObjectStore
import Support

extension S3ObjectStore {
    package func copy(
        _ source: String, to target: String, ifMatch: String?, condition: PutCondition
    ) async throws -> ObjectMetadata {
        // S3 does not copy an object onto itself, and most stores ignore the conditions of a copy.
        guard !keysEqual(source, target), let form = try await honoured(condition, for: .copy, near: target) else {
            return try await copyThroughHere(source, to: target, ifMatch: ifMatch, condition: condition)
        }
        let response = try await headResponse(source)
        let found = try ObjectMetadata(response.fields, key: source)
        try require(ifMatch, found)
        if found.size <= connection.configuration.copyPartBytes {
            return try await copyWhole(found, to: checked(target), condition: form)
        }
        guard let form = try await honoured(condition, for: .completion, near: target) else {
            return try await copyThroughHere(source, to: target, ifMatch: ifMatch, condition: condition)
        }
        return try await copyParts(of: found, response.fields, to: checked(target), form)
    }

    /// By one request.
    func copyWhole(_ source: ObjectMetadata, to target: String, condition: S3Condition) async throws -> ObjectMetadata {
        let response = try await connection.send(copyRequest(source, to: target, condition))
        return try copied(source, to: target, response)
    }

    private func copyRequest(_ source: ObjectMetadata, to target: String, _ condition: S3Condition) -> S3Request {
        var request = S3Request(method: "PUT", key: target, fields: copySource(source), isAnsweredEarly: true)
        request.apply(condition)
        return request
    }

    private func copied(_ source: ObjectMetadata, to target: String, _ response: HTTPResponse) throws -> ObjectMetadata {
        let etag = try S3Documents.etag(response.body)
        guard !etag.isEmpty else {
            throw ObjectStoreError(.other("MissingETag"), "The answer to a copy has no ETag.", key: target)
        }
        return ObjectMetadata(key: target, size: source.size, etag: etag, lastModified: connection.clock.now())
    }

    /// Part by part, some at a time. `fields` are the source's, of which the copy gets what describes it.
    private func copyParts(
        of source: ObjectMetadata, _ fields: HTTPFields, to target: String, _ condition: S3Condition
    ) async throws -> ObjectMetadata {
        var description: HTTPFields = [:]
        for field in fields.entries where field.name.hasPrefix("x-amz-meta-") || Self.descriptions.contains(field.name) {
            description[field.name] = field.value
        }
        let upload = try await S3Multipart(beginning: target, connection: connection, fields: description)
        let from = copySource(source)
        // S3 takes 10,000 parts.
        let step = max(connection.configuration.copyPartBytes, source.size / 9_999 + 1)
        do {
            let parts = try await withThrowingTaskGroup(of: S3Part.self) { group in
                var parts: [S3Part] = []
                var begun = 0
                for start in stride(from: 0, to: source.size, by: Int64.Stride(step)) {
                    if begun - parts.count >= connection.configuration.partsInFlightMax, let part = try await group.next() {
                        parts.append(part)
                    }
                    begun += 1
                    group.addTask { [begun] in
                        try await upload.copy(begun, start..<min(start + step, source.size), of: from)
                    }
                }
                for try await part in group { parts.append(part) }
                return parts.sorted { $0.number < $1.number }
            }
            return try await upload.complete(parts, condition: condition)
        } catch {
            await upload.abort()
            throw error
        }
    }

    private static let descriptions: Set = [
        "content-type", "content-encoding", "content-language", "content-disposition", "cache-control", "expires",
    ]

    private func copySource(_ source: ObjectMetadata) -> HTTPFields {
        [
            "x-amz-copy-source":
                "/\(PercentEncoding.encode(connection.bucket))/\(PercentEncoding.encode(source.key, keepingSlashes: true))",
            "x-amz-copy-source-if-match": "\"\(source.etag)\"",
        ]
    }
}
