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
    private let conditions = S3Conditions()

    package init(
        bucket: String, configuration: S3Configuration, transport: any HTTPClient,
        clock: any WallClock = SystemWallClock()
    ) {
        connection = S3Connection(bucket: bucket, configuration: configuration, transport: transport, clock: clock)
    }

    package func get(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> ObjectRead {
        if let range, range.isEmpty {
            return ObjectRead(metadata: try await head(key, ifMatch: ifMatch), bytes: [])
        }
        let response = try await connection.send(try S3Request(reading: checked(key), range: range, ifMatch: ifMatch))
        var metadata = try ObjectMetadata(response.fields, key: key, size: Int64(response.body.count))
        try require(ifMatch, metadata)
        if var verification = S3Verification(response.fields) {
            verification.update(response.body)
            try verification.finish(key)
        }
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
        let metadata = try ObjectMetadata(response.fields, key: key, size: place.objectSize)
        try require(ifMatch, metadata)
        return try S3Download(
            connection: connection, metadata: metadata, range: range, body: response.body, place: place,
            verification: range == nil ? S3Verification(response.fields) : nil)
    }

    private func head(_ key: String, ifMatch: String?) async throws -> ObjectMetadata {
        let metadata = try await head(key)
        try require(ifMatch, metadata)
        return metadata
    }

    /// Some stores ignore If-Match.
    func require(_ ifMatch: String?, _ metadata: ObjectMetadata) throws(ObjectStoreError) {
        guard let ifMatch, ifMatch != metadata.etag else { return }
        throw ObjectStoreError(.preconditionFailed, "The object has another ETag: \(metadata.etag).", key: metadata.key)
    }

    package func head(_ key: String) async throws -> ObjectMetadata {
        try ObjectMetadata(try await headResponse(key).fields, key: key)
    }

    func headResponse(_ key: String) async throws -> HTTPResponse {
        try await connection.send(S3Request(method: "HEAD", key: try checked(key)))
    }

    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) async throws -> ObjectMetadata {
        try await putUnchecked(key, bytes, condition: try await required(condition, for: .put, near: key))
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
        // A document cannot hold every key.
        let named = keys.filter(S3Documents.canHold)
        for start in stride(from: 0, to: named.count, by: 1000) {
            try await deleteMany(Array(named[start..<min(start + 1000, named.count)]))
        }
        for key in keys where !S3Documents.canHold(key) { try await delete(key) }
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
        try await honoured(.ifAbsent, for: .put, near: key) != nil
    }

    /// The condition as the store takes it; nil when it does not honour it. Found out once for each kind.
    func honoured(
        _ condition: PutCondition, for effect: S3Conditions.Effect, near key: String
    ) async throws -> S3Condition? {
        try await conditions.form(of: condition, for: effect, in: self, near: key)
    }

    /// - Throws: `ObjectStoreError` `.other("ConditionalWritesUnsupported")`.
    func required(
        _ condition: PutCondition, for effect: S3Conditions.Effect, near key: String
    ) async throws -> S3Condition {
        if let form = try await honoured(condition, for: effect, near: key) { return form }
        let what = condition == .ifAbsent ? "'If-None-Match: *'" : "'If-Match'"
        let wherein = effect == .completion ? " when an upload in parts is completed" : ""
        throw ObjectStoreError(
            .other("ConditionalWritesUnsupported"),
            "The store of bucket '\(connection.bucket)' does not honour \(what)\(wherein): two writers at once would "
                + "overwrite each other. Nothing was written. A release of the store that honours it is needed, or another "
                + "store.", key: key)
    }

    func putUnchecked(
        _ key: String, _ bytes: [UInt8], condition: S3Condition, isRepeatable: Bool = false
    ) async throws -> ObjectMetadata {
        var request = S3Request(method: "PUT", key: try checked(key), body: bytes)
        request.apply(condition)
        if isRepeatable { request.isRepeatable = true }
        let checksum = connection.configuration.checksum
        request.apply(checksum, checksum?.checksum(of: bytes))
        let response = try await connection.send(request)
        var metadata = try ObjectMetadata(response.fields, key: key, size: Int64(bytes.count))
        metadata.lastModified = connection.clock.now()
        return metadata
    }

    /// A URL by which anyone may get the object, or put it, until it expires.
    ///
    /// - Parameter expirySeconds: up to a week.
    /// - Throws: `ObjectStoreError` `.invalidKey`; `.accessDenied` without keys; `.other("InvalidExpiry")`.
    package func presignedURL(
        _ method: PresignedMethod, _ key: String, expirySeconds: Int
    ) throws(ObjectStoreError) -> String {
        guard let credentials = connection.configuration.credentials else {
            throw ObjectStoreError(.accessDenied, "A URL cannot be signed without keys.", key: key)
        }
        guard (1...SigV4.presignExpirySecondsMax).contains(expirySeconds) else {
            throw ObjectStoreError(
                .other("InvalidExpiry"),
                "A signed URL lasts from 1 to \(SigV4.presignExpirySecondsMax) seconds, not \(expirySeconds).", key: key)
        }
        let request = S3Request(method: method.rawValue, key: try checked(key))
        return connection.presigned(request, expirySeconds: expirySeconds, credentials)
    }

    /// What a presigned URL lets its holder do.
    package enum PresignedMethod: String, Sendable { case get = "GET", put = "PUT" }

    /// Stores refuse single keys of a request for want of patience, too.
    private func deleteMany(_ keys: [String]) async throws {
        var left = keys
        var patience = connection.retryState()
        while true {
            let body = S3Documents.deletion(left)
            let request = S3Request(
                method: "POST", query: [("delete", "")],
                fields: ["content-md5": contentMD5(body), "content-type": "application/xml"], body: body)
            let failures = try S3Documents.deletionFailures(try await connection.send(request).body)
            guard let first = failures.first(where: { $0.code != .unavailable }) ?? failures.first else { return }
            guard first.code == .unavailable, try await patience.waitAfterAnswer() else {
                throw ObjectStoreError(
                    first.code, "\(failures.count) objects were not removed, the first with \(first.message)", key: first.key)
            }
            left = failures.map(\.key)
        }
    }

    func checked(_ key: String) throws(ObjectStoreError) -> String {
        guard !key.isEmpty else { throw ObjectStoreError(.invalidKey, "A key cannot be empty.", key: key) }
        return key
    }
}

extension ObjectMetadata {
    /// - Parameter size: nil for that of the answer.
    init(_ fields: HTTPFields, key: String, size: Int64? = nil) throws(ObjectStoreError) {
        guard let etag = fields["etag"] else {
            throw ObjectStoreError(.other("MissingETag"), "The answer has no ETag.", key: key)
        }
        guard let size = size ?? fields["content-length"].flatMap({ Int64($0) }) else {
            throw ObjectStoreError(.other("MissingLength"), "The answer has no Content-Length.", key: key)
        }
        self.init(
            key: key, size: size, etag: unquoted(etag),
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
        guard let range else {
            fields["x-amz-checksum-mode"] = "ENABLED"
            return
        }
        guard range.lowerBound >= 0 else {
            throw ObjectStoreError(.invalidRange, "The range \(range) begins before the object.", key: key)
        }
        fields["range"] = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
    }
}

/// An ETag without the quotes that fields and documents put around it.
func unquoted(_ etag: String) -> String {
    etag.count >= 2 && etag.hasPrefix("\"") && etag.hasSuffix("\"") ? String(etag.dropFirst().dropLast()) : etag
}
