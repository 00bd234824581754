import AWSProtocol
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
