import AWSProtocol
import HTTPTransport
import ObjectStore
import Support

/// A multipart upload; an object smaller than one part is put at once.
///
/// Full parts are sent while the next one is being written, a few at a time. When anything fails the upload is
/// aborted, so that no parts are left to be paid for.
actor S3Upload: ObjectUpload {
    private let store: S3ObjectStore
    private let connection: S3Connection
    private let key: String
    private var buffer: [UInt8] = []
    /// The memory of a part that has been sent, for the next one.
    private var spare: [UInt8] = []
    private var total: Int64 = 0
    private var uploadID: String?
    private var sending: [(task: Task<String, any Error>, part: [UInt8])] = []
    private var etags: [String] = []
    private var isOver = false

    /// S3 takes 10,000 parts; growing them every 1,000 reaches its largest object.
    private var partBytes: Int {
        connection.configuration.partBytes << min(8, (etags.count + sending.count) / 1000)
    }

    init(store: S3ObjectStore, connection: S3Connection, key: String) {
        self.store = store
        self.connection = connection
        self.key = key
    }

    func write(_ bytes: [UInt8]) async throws {
        try checkOpen()
        total += Int64(bytes.count)
        var rest = bytes[...]
        while buffer.count + rest.count >= partBytes {
            let count = partBytes - buffer.count
            reserve(count)
            buffer += rest.prefix(count)
            rest = rest.dropFirst(count)
            let part = buffer
            buffer = []
            do {
                try await send(part)
            } catch {
                await abort()
                throw error
            }
            swap(&buffer, &spare)
        }
        reserve(rest.count)
        buffer += rest
    }

    /// Room for `more` bytes: doubled, but never beyond a part.
    private func reserve(_ more: Int) {
        let needed = buffer.count + more
        if buffer.capacity < needed { buffer.reserveCapacity(min(partBytes, max(needed, 2 * buffer.capacity))) }
    }

    func complete(condition: PutCondition) async throws -> ObjectMetadata {
        try checkOpen()
        do {
            if condition != .none { try await store.requireConditions(near: key) }
            guard let uploadID else {
                isOver = true
                return try await store.putUnchecked(key, buffer, condition: condition)
            }
            if !buffer.isEmpty { try await send(buffer) }
            buffer = []
            while !sending.isEmpty { try await awaitOldest() }
            let etag = try await finish(uploadID, condition)
            isOver = true
            return ObjectMetadata(key: key, size: total, etag: etag, lastModified: connection.clock.now())
        } catch {
            await abort()
            throw error
        }
    }

    func abort() async {
        isOver = true
        buffer = []
        spare = []
        for part in sending { part.task.cancel() }
        for part in sending { _ = await part.task.result }
        sending = []
        guard let uploadID else { return }
        self.uploadID = nil
        // Left to the store's own cleaning up when it fails: nothing of it is visible.
        _ = try? await connection.send(S3Request(method: "DELETE", key: key, query: [("uploadId", uploadID)]))
    }

    private func send(_ part: [UInt8]) async throws {
        let id: String
        if let uploadID {
            id = uploadID
        } else {
            // Repeated after a lost answer it leaves an empty upload behind, which nobody sees.
            let response = try await connection.send(S3Request(method: "POST", key: key, query: [("uploads", "")]))
            id = try S3Documents.uploadID(response.body)
            uploadID = id
        }
        while sending.count >= connection.configuration.partsInFlightMax { try await awaitOldest() }
        let number = etags.count + sending.count + 1
        let request = S3Request(
            method: "PUT", key: key, query: [("partNumber", String(number)), ("uploadId", id)], body: part)
        let task = Task { [connection] in
            guard let etag = try await connection.send(request).fields["etag"] else {
                throw ObjectStoreError(.other("MissingETag"), "The answer to a part has no ETag.", key: "")
            }
            return unquoted(etag)
        }
        sending.append((task, part))
    }

    private func awaitOldest() async throws {
        guard let oldest = sending.first?.task else { return }
        let etag = try await withTaskCancellationHandler {
            try await oldest.value
        } onCancel: {
            oldest.cancel()
        }
        spare = sending.removeFirst().part
        // Keeps the memory, which nobody else refers to by now.
        spare.removeAll(keepingCapacity: true)
        etags.append(etag)
    }

    private func finish(_ uploadID: String, _ condition: PutCondition) async throws -> String {
        var request = S3Request(
            method: "POST", key: key, query: [("uploadId", uploadID)], fields: ["content-type": "application/xml"],
            body: S3Documents.completion(etags))
        request.apply(condition)
        do {
            switch try S3Documents.completed(try await connection.send(request).body) {
            case .success(let etag) where !etag.isEmpty: return etag
            case .success: return try await store.head(key).etag
            case .failure(let error):
                throw ObjectStoreError(
                    condition == .none ? .unavailable : .ambiguous, "The upload could not be completed: \(error)",
                    key: key)
            }
        } catch let error as ObjectStoreError where error.code == .other("NoSuchUpload") && condition == .none {
            // An earlier sending may have completed it while its answer was lost.
            let found = try await store.head(key)
            guard found.size == total, found.etag.hasSuffix("-\(etags.count)") else { throw error }
            return found.etag
        }
    }

    private func checkOpen() throws {
        guard !isOver else {
            throw ObjectStoreError(.other("UploadEnded"), "The upload has been completed or aborted.", key: key)
        }
    }
}
