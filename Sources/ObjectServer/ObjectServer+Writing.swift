package import AWSProtocol
import NIOCore
package import StateStore
import Support

extension ObjectServer {
    /// Begins to take the bytes of an object, or of a part; `stage` ends it, `discard` gives it up.
    /// - Throws: `.noSuchBucket`, `.entityTooLarge` for a declared length.
    package func writer(
        for bucket: String, expecting expectations: DataExpectations, isPart: Bool = false
    ) throws -> ObjectWriter {
        _ = try self.bucket(bucket)
        if let length = expectations.length, length > Self.putSizeMax {
            throw ObjectServerError(
                .entityTooLarge, "Your proposed upload exceeds the maximum allowed size",
                details: [.init("MaxSizeAllowed", String(Self.putSizeMax)), .init("ProposedSize", String(length))])
        }
        return ObjectWriter(
            files: files, executor: executor, expectations: expectations, sizeMax: Self.putSizeMax,
            inlineMax: isPart ? 0 : ObjectWriter.inlineMax)
    }

    package func discard(_ writer: ObjectWriter) async {
        if writer.size > 0 { executor.submit { writer.discard() } }
    }

    /// Compares what was expected and makes the bytes durable; nothing is visible yet.
    /// - Throws: `.badDigest`, `.payloadHashMismatch`, `.incompleteBody`, `.serviceUnavailable`.
    package func stage(_ writer: ObjectWriter) async throws -> StagedData {
        // What is kept with the record becomes durable with it.
        guard writer.usesFile else { return try writer.finish() }
        return try await blocking {
            do {
                return try writer.finish()
            } catch {
                writer.discard()
                throw error
            }
        }
    }

    /// Makes staged bytes the object of `key`, a new version of it where versioning is enabled.
    /// - Throws: `.preconditionFailed`, `.noSuchKey` when the condition needs an object, `.noSuchBucket`.
    package func put(
        _ data: StagedData, as key: ObjectKey, in bucket: String, attributes: ObjectAttributes,
        condition: WriteCondition = .none
    ) async throws -> ObjectRecord {
        var attributes = attributes
        attributes.checksum = data.checksum
        return try await commit(data) {
            let record = ObjectRecord(
                bucket: bucket, key: key, size: data.size, etag: data.etag, modifiedAt: clock.now(),
                attributes: attributes, content: data.content, version: try newVersion(in: bucket))
            try check(try await index.putObject(record, condition: condition), condition.field, key, bucket)
            return record
        }
    }

    /// - Throws: `.noSuchBucket`.
    func newVersion(in bucket: String) throws -> ObjectVersion {
        try self.bucket(bucket).versioning == .enabled ? .random() : .null
    }

    /// Removes objects or versions of them, all in one transaction.
    /// - Returns: for each its outcome, or why it was not removed.
    /// - Throws: `.noSuchBucket`.
    package func remove(
        _ removals: [ObjectRemoval], from bucket: String
    ) async throws -> [Result<ObjectRemovalOutcome, ObjectServerError>] {
        _ = try self.bucket(bucket)
        let now = clock.now()
        let outcomes = try await indexed { try await index.removeObjects(removals, from: bucket, at: now) }
        garbageSignal.continuation.yield()
        return zip(removals, outcomes).map { removal, outcome in
            Result { () throws(ObjectServerError) in
                try check(outcome.outcome, "If-Match", removal.key, bucket)
                return outcome
            }
        }
    }

    /// - Parameter version: nil for the latest.
    /// - Throws: `.noSuchKey`, `.noSuchVersion`, `.noSuchBucket`.
    package func changeAttributes(
        of key: ObjectKey, version: ObjectVersion? = nil, in bucket: String, _ change: AttributeChange
    ) async throws {
        let outcome = try await indexed {
            try await index.changeAttributes(of: key, version: version, in: bucket, change)
        }
        if outcome == .noSuchKey, let version { throw ObjectServerError.noSuchVersion(version, of: key) }
        try check(outcome, "If-Match", key, bucket)
    }

    /// The bytes of another object as staged data. A whole object in one file, or kept with its record, is not copied:
    /// the file gets another name, and is read only for a checksum that the source does not have.
    ///
    /// - Parameter checksum: the algorithm wanted; nil keeps that of the source, or CRC64NVME where it has none.
    package func duplicate(
        _ read: ObjectRead, range: Range<Int64>? = nil, checksum: ChecksumAlgorithm? = nil, isPart: Bool = false
    ) async throws -> StagedData {
        let record = read.record
        let old = record.attributes.checksum
        let wanted = checksum ?? old.flatMap { ChecksumAlgorithm(rawValue: $0.algorithm) } ?? .crc64nvme
        if range == nil || range == 0..<record.size, !record.isMultipart {
            switch record.content {
            case .inline where !isPart:
                return StagedData(
                    content: record.content, size: record.size, etag: record.etag,
                    checksum: try await self.checksum(of: read, wanted))
            case .segments(let segments) where segments.count == 1:
                let checksum = try await self.checksum(of: read, wanted)
                let id = DataFileID.random()
                let source = segments[0].file
                try await blocking { [files] in try files.duplicate(source, as: id) }
                return StagedData(
                    content: .segments([DataSegment(file: id, length: record.size)]), size: record.size,
                    etag: record.etag, checksum: checksum)
            default: break
            }
        }
        var expectations = DataExpectations()
        expectations.checksum = wanted
        let writer = ObjectWriter(
            files: files, executor: executor, expectations: expectations, sizeMax: Self.putSizeMax,
            inlineMax: isPart ? 0 : ObjectWriter.inlineMax)
        do {
            try await read.forEachChunk(in: range ?? 0..<record.size) { chunk in
                try await blocking { try writer.append([chunk]) }
            }
        } catch {
            await discard(writer)
            throw error
        }
        return try await stage(writer)
    }

    /// That of the whole object, computed unless it is known.
    private func checksum(of read: ObjectRead, _ algorithm: ChecksumAlgorithm) async throws -> ObjectChecksum {
        if let known = read.record.attributes.checksum, !known.isComposite, known.algorithm == algorithm.rawValue {
            return known
        }
        var state = ChecksumState(algorithm)
        try await read.forEachChunk(in: 0..<read.record.size) { chunk in
            state = try await blocking { [state] in
                var next = state
                chunk.withUnsafeReadableBytes { next.update($0) }
                return next
            }
        }
        return state.computed()
    }

    /// Runs the transaction that makes `data` visible; on failure its files go.
    func commit<T: Sendable>(_ data: StagedData, _ transaction: () async throws -> T) async throws -> T {
        let staged = data.content.files
        let result: T
        do {
            result = try await indexed(transaction)
        } catch {
            if !staged.isEmpty {
                // The outcome may be unknown: what the index knows stays.
                let live = try? await index.live(among: staged)
                if let live {
                    executor.submit { [files] in
                        for id in staged {
                            if live.contains(id) { files.unstage(id) } else { files.remove(id) }
                        }
                    }
                }
            }
            throw error
        }
        if !staged.isEmpty {
            executor.submit { [files] in
                for id in staged { files.unstage(id) }
            }
        }
        garbageSignal.continuation.yield()
        return result
    }

    /// - Parameter condition: the request field that may not have held.
    func check(
        _ outcome: ObjectWriteOutcome, _ condition: String, _ key: ObjectKey, _ bucket: String
    ) throws(ObjectServerError) {
        switch outcome {
        case .done: break
        case .preconditionFailed: throw .preconditionFailed(condition)
        case .noSuchKey: throw .noSuchKey(key)
        case .noSuchBucket: throw .noSuchBucket(bucket)
        case .noSuchUpload: throw .noSuchUpload("")
        case .partsChanged:
            throw ObjectServerError(
                .conditionalRequestConflict,
                "The conditional request cannot succeed due to a conflicting operation against this resource.")
        }
    }
}

extension WriteCondition {
    /// The request field that sets it.
    var field: String {
        switch self {
        case .ifAbsent, .ifNoneMatch: "If-None-Match"
        case .none, .ifPresent, .ifMatch: "If-Match"
        }
    }
}
