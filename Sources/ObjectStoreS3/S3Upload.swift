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
    private var multipart: S3Multipart?
    private var sending: [(task: Task<S3Part, any Error>, bytes: [UInt8])] = []
    private var parts: [S3Part] = []
    private var isOver = false

    /// S3 takes 10,000 parts; growing them every 1,000 reaches its largest object.
    private var partBytes: Int {
        connection.configuration.partBytes << min(8, (parts.count + sending.count) / 1000)
    }

    init(store: S3ObjectStore, connection: S3Connection, key: String) {
        self.store = store
        self.connection = connection
        self.key = key
    }

    func write(_ bytes: [UInt8]) async throws {
        try checkOpen()
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
            guard multipart != nil else {
                let form = try await store.required(condition, for: .put, near: key)
                isOver = true
                return try await store.putUnchecked(key, buffer, condition: form)
            }
            let form = try await store.required(condition, for: .completion, near: key)
            if !buffer.isEmpty { try await send(buffer) }
            buffer = []
            while !sending.isEmpty { try await awaitOldest() }
            guard let multipart else { throw ended() }
            let metadata = try await multipart.complete(parts, condition: form)
            isOver = true
            return metadata
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
        guard let multipart else { return }
        self.multipart = nil
        await multipart.abort()
    }

    private func send(_ bytes: [UInt8]) async throws {
        let target: S3Multipart
        if let multipart {
            target = multipart
        } else {
            target = try await S3Multipart(
                beginning: key, connection: connection, checksum: connection.configuration.checksum)
            multipart = target
        }
        while sending.count >= connection.configuration.partsInFlightMax { try await awaitOldest() }
        let number = parts.count + sending.count + 1
        sending.append((Task { try await target.put(number, bytes) }, bytes))
    }

    private func awaitOldest() async throws {
        guard let oldest = sending.first?.task else { return }
        let part = try await withTaskCancellationHandler {
            try await oldest.value
        } onCancel: {
            oldest.cancel()
        }
        spare = sending.removeFirst().bytes
        // Keeps the memory, which nobody else refers to by now.
        spare.removeAll(keepingCapacity: true)
        parts.append(part)
    }

    private func checkOpen() throws {
        guard !isOver else { throw ended() }
    }

    private func ended() -> ObjectStoreError {
        ObjectStoreError(.other("UploadEnded"), "The upload has been completed or aborted.", key: key)
    }
}
