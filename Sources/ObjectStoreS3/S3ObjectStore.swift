import AWSProtocol
package import HTTPTransport
package import ObjectStore
package import Support
import Synchronization

/// One bucket of an S3 store, AWS's or another's.
///
/// Unconditional requests are repeated after connection failures, 5xx and throttling, as repeating them is harmless. A
/// conditional put is repeated only when the server cannot have acted on it; otherwise its outcome is `.ambiguous`.
package final class S3ObjectStore: ObjectStore {
    let connection: S3Connection
    private let honoursConditions = Mutex<Bool?>(nil)

    package init(
        bucket: String, configuration: S3Configuration, transport: any HTTPClient,
        clock: any WallClock = SystemWallClock()
    ) {
        connection = S3Connection(bucket: bucket, configuration: configuration, transport: transport, clock: clock)
        if !configuration.probesConditionalWrites { honoursConditions.withLock { $0 = true } }
    }

    package func get(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> ObjectRead {
        if let range, range.isEmpty {
            return ObjectRead(metadata: try await head(key, ifMatch: ifMatch), bytes: [])
        }
        let response = try await connection.send(try S3Request(reading: checked(key), range: range, ifMatch: ifMatch))
        var metadata = try metadata(response.fields, key: key, length: Int64(response.body.count))
        try require(ifMatch, metadata)
        guard let range else { return ObjectRead(metadata: metadata, bytes: response.body) }
        if let total = response.fields["content-range"]?.split(separator: "/").last.flatMap({ Int64($0) }) {
            metadata.size = total
        }
        let expected = min(range.upperBound, metadata.size) - range.lowerBound
        if Int64(response.body.count) == expected { return ObjectRead(metadata: metadata, bytes: response.body) }
        // The whole object: a server that does not know ranges, or leaves them out for small objects.
        guard response.status == 200, response.fields["content-range"] == nil else {
            throw ObjectStoreError(
                .other("ShortRead"), "\(expected) bytes were asked for, \(response.body.count) came.", key: key)
        }
        guard expected > 0 else {
            throw ObjectStoreError(.invalidRange, "The range \(range) begins after the object's end.", key: key)
        }
        let low = Int(range.lowerBound)
        return ObjectRead(metadata: metadata, bytes: Array(response.body[low..<low + Int(expected)]))
    }

    package func download(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> any ObjectDownload {
        if let range, range.isEmpty {
            return S3Download(connection: connection, metadata: try await head(key, ifMatch: ifMatch))
        }
        let response = try await connection.open(try S3Request(reading: checked(key), range: range, ifMatch: ifMatch))
        let place = try S3BodyPlace(response.fields, key: key)
        let metadata = try metadata(response.fields, key: key, length: place.objectSize)
        try require(ifMatch, metadata)
        return try S3Download(
            connection: connection, metadata: metadata, range: range, body: response.body, place: place)
    }

    private func head(_ key: String, ifMatch: String?) async throws -> ObjectMetadata {
        let metadata = try await head(key)
        try require(ifMatch, metadata)
        return metadata
    }

    /// Some stores ignore If-Match.
    private func require(_ ifMatch: String?, _ metadata: ObjectMetadata) throws(ObjectStoreError) {
        guard let ifMatch, ifMatch != metadata.etag else { return }
        throw ObjectStoreError(.preconditionFailed, "The object has another ETag: \(metadata.etag).", key: metadata.key)
    }

    package func head(_ key: String) async throws -> ObjectMetadata {
        let response = try await connection.send(S3Request(method: "HEAD", key: try checked(key)))
        guard let length = response.fields["content-length"].flatMap({ Int64($0) }) else {
            throw ObjectStoreError(.other("MissingLength"), "The answer to HEAD has no Content-Length.", key: key)
        }
        return try metadata(response.fields, key: key, length: length)
    }

    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) async throws -> ObjectMetadata {
        if condition != .none { try await requireConditions(near: key) }
        return try await putUnchecked(key, bytes, condition: condition)
    }

    package func upload(_ key: String) async throws -> any ObjectUpload {
        S3Upload(store: self, connection: connection, key: try checked(key))
    }

    package func delete(_ key: String) async throws {
        do {
            _ = try await connection.send(S3Request(method: "DELETE", key: try checked(key)))
        } catch let error as ObjectStoreError where error.code == .notFound {
            // Some servers say so; the outcome is what was asked for.
        }
    }

    package func delete(_ keys: [String]) async throws {
        for start in stride(from: 0, to: keys.count, by: 1000) {
            try await deleteMany(keys[start..<min(start + 1000, keys.count)])
        }
    }

    package func list(prefix: String, startAfter: String?, delimiter: String?) -> ObjectPages {
        let position = ListPosition()
        return ObjectPages { [connection] in
            guard let token = position.next.withLock({ $0 }) else { return nil }
            var query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", "1000")]
            if !prefix.isEmpty { query.append(("prefix", prefix)) }
            if let delimiter, !delimiter.isEmpty { query.append(("delimiter", delimiter)) }
            if !token.isEmpty {
                query.append(("continuation-token", token))
            } else if let startAfter, !startAfter.isEmpty {
                query.append(("start-after", startAfter))
            }
            let response = try await connection.send(S3Request(method: "GET", query: query))
            let (page, next) = try S3Documents.listing(response.body)
            position.next.withLock { $0 = next }
            return page
        }
    }

    /// Whether the store honours `If-None-Match`. Found out once, by putting a small object twice and removing it.
    ///
    /// - Parameter near: a key in whose directory the object is put, as keys may be restricted to it.
    package func supportsConditionalWrites(near key: String) async throws -> Bool {
        if let known = honoursConditions.withLock({ $0 }) { return known }
        let directory = key.lastIndex(of: "/").map { String(key[...$0]) } ?? ""
        let probe = "\(directory).millrace-probe-\(randomUUIDText())"
        var honours = false
        _ = try await putUnchecked(probe, [], condition: .none)
        do {
            // Whether it is sent once or more often, what it is answered with says the same.
            _ = try await putUnchecked(probe, [], condition: .ifAbsent, isRepeatable: true)
        } catch let error as ObjectStoreError where error.code == .preconditionFailed {
            honours = true
        } catch let error as ObjectStoreError where error.code == .other("NotImplemented") {
            honours = false
        }
        try await delete(probe)
        honoursConditions.withLock { $0 = honours }
        return honours
    }

    func requireConditions(near key: String) async throws {
        guard try await supportsConditionalWrites(near: key) else {
            throw ObjectStoreError(
                .other("ConditionalWritesUnsupported"),
                "The store of bucket '\(connection.bucket)' replaces objects despite 'If-None-Match: *': two writers at once "
                    + "would overwrite each other. Nothing was written.", key: key)
        }
    }

    func putUnchecked(
        _ key: String, _ bytes: [UInt8], condition: PutCondition, isRepeatable: Bool = false
    ) async throws -> ObjectMetadata {
        var request = S3Request(method: "PUT", key: try checked(key), body: bytes)
        request.apply(condition)
        if isRepeatable { request.isRepeatable = true }
        let response = try await connection.send(request)
        var metadata = try metadata(response.fields, key: key, length: Int64(bytes.count))
        metadata.lastModified = connection.clock.now()
        return metadata
    }

    private func deleteMany(_ keys: ArraySlice<String>) async throws {
        let body = S3Documents.deletion(keys)
        let request = S3Request(
            method: "POST", query: [("delete", "")],
            fields: ["content-md5": contentMD5(body), "content-type": "application/xml"], body: body)
        let response = try await connection.send(request)
        if let failure = try S3Documents.deletionFailure(response.body) { throw failure }
    }

    private func checked(_ key: String) throws(ObjectStoreError) -> String {
        guard !key.isEmpty else { throw ObjectStoreError(.invalidKey, "A key cannot be empty.", key: key) }
        return key
    }

    private func metadata(_ fields: HTTPFields, key: String, length: Int64) throws -> ObjectMetadata {
        guard let etag = fields["etag"] else {
            throw ObjectStoreError(.other("MissingETag"), "The answer has no ETag.", key: key)
        }
        return ObjectMetadata(
            key: key, size: length, etag: unquoted(etag),
            lastModified: fields["last-modified"].flatMap { Timestamp(httpDate: $0) }
                ?? Timestamp(millisecondsSince1970: 0))
    }
}

/// Nil at the end of the listing, empty at its beginning.
private final class ListPosition: Sendable {
    let next = Mutex<String?>("")
}

extension S3Request {
    /// - Parameter range: not empty; nil for all.
    init(reading key: String, range: Range<Int64>?, ifMatch: String?) throws(ObjectStoreError) {
        self.init(method: "GET", key: key, bodyBytesMax: .max)
        if let ifMatch { fields["if-match"] = "\"\(ifMatch)\"" }
        guard let range else { return }
        guard range.lowerBound >= 0 else {
            throw ObjectStoreError(.invalidRange, "The range \(range) begins before the object.", key: key)
        }
        fields["range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
    }

    mutating func apply(_ condition: PutCondition) {
        switch condition {
        case .none: break
        case .ifAbsent: fields["if-none-match"] = "*"
        case .ifMatch(let etag): fields["if-match"] = "\"\(etag)\""
        }
        isRepeatable = condition == .none
    }
}

/// An ETag without the quotes that fields and documents put around it.
func unquoted(_ etag: String) -> String {
    etag.count >= 2 && etag.hasPrefix("\"") && etag.hasSuffix("\"") ? String(etag.dropFirst().dropLast()) : etag
}
