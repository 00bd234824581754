package import AWSProtocol
import Crypto
package import StateStore
import Support

/// A part that a completion names.
package struct NamedPart: Sendable, Hashable {
    package var number: Int
    /// Without quotes.
    package var etag: String
    /// When the request gives one.
    package var checksum: ObjectChecksum?

    package init(number: Int, etag: String, checksum: ObjectChecksum? = nil) {
        self.number = number
        self.etag = etag
        self.checksum = checksum
    }
}

/// What a completion says about the whole, where it does.
package struct CompletionExpectations: Sendable, Hashable {
    /// Base64.
    package var checksum: String?
    package var isComposite: Bool?
    /// Bytes.
    package var size: Int64?

    package init(checksum: String? = nil, isComposite: Bool? = nil, size: Int64? = nil) {
        self.checksum = checksum
        self.isComposite = isComposite
        self.size = size
    }
}

extension ObjectServer {
    package static let partNumberMax = 10_000
    /// Bytes; of every part but the last.
    package static let partSizeMin: Int64 = 5 << 20

    /// - Returns: the upload's id.
    /// - Throws: `.noSuchBucket`.
    package func createUpload(
        of key: ObjectKey, in bucket: String, attributes: ObjectAttributes
    ) async throws -> String {
        _ = try self.bucket(bucket)
        let now = clock.now()
        // Listings tell uploads of one key in the order of their ids, which begin with the time.
        let time = hexText(UInt64(clamping: now.millisecondsSince1970), digits: 16)
        let id = time + DataFileID.random().text + DataFileID.random().text.prefix(16)
        let upload = UploadRecord(id: id, bucket: bucket, key: key, initiatedAt: now, attributes: attributes)
        guard try await indexed({ try await index.createUpload(upload) }) else {
            throw ObjectServerError.noSuchBucket(bucket)
        }
        return id
    }

    /// - Throws: `.noSuchUpload`, also for an upload of another key.
    package func upload(_ id: String, of key: ObjectKey, in bucket: String) async throws -> UploadRecord {
        _ = try self.bucket(bucket)
        guard let upload = try await indexed({ try await index.upload(id) }), upload.bucket == bucket, upload.key == key
        else { throw ObjectServerError.noSuchUpload(id) }
        return upload
    }

    /// - Parameter data: staged as a part, so that it is in a file.
    package func putPart(_ data: StagedData, number: Int, of upload: UploadRecord) async throws -> PartRecord {
        guard case .segments(let segments) = data.content, segments.count == 1 else {
            throw ObjectServerError(.internalError, "A part is not in one file.")
        }
        let part = PartRecord(
            number: number, file: segments[0].file, size: data.size, etag: data.etag, checksum: data.checksum,
            modifiedAt: clock.now())
        try await commit(data) {
            guard try await index.putPart(part, of: upload.id) else { throw ObjectServerError.noSuchUpload(upload.id) }
        }
        return part
    }

    package func parts(of upload: UploadRecord, after number: Int, limit: Int) async throws -> [PartRecord] {
        try await indexed { try await index.parts(of: upload.id, after: number, limit: limit) }
    }

    package func listUploads(_ query: UploadListQuery) async throws -> UploadListPage {
        _ = try bucket(query.bucket)
        return try await indexed { try await index.listUploads(query) }
    }

    package func abortUpload(_ upload: UploadRecord) async throws {
        guard try await indexed({ try await index.abortUpload(upload.id) }) else {
            throw ObjectServerError.noSuchUpload(upload.id)
        }
        garbageSignal.continuation.yield()
    }

    /// Makes the named parts, in their order, the object. Repeating a completion that took place gives its outcome,
    /// as long as the object has not been replaced.
    ///
    /// - Throws: `.invalidPart`, `.invalidPartOrder`, `.entityTooSmall`, `.badDigest`, `.invalidRequest`, `.noSuchUpload`,
    ///   `.preconditionFailed`, `.conditionalRequestConflict` when parts change meanwhile.
    package func completeUpload(
        _ id: String, of key: ObjectKey, in bucket: String, parts named: [NamedPart],
        expecting expected: CompletionExpectations, condition: WriteCondition
    ) async throws -> ObjectRecord {
        let upload: UploadRecord
        do {
            upload = try await self.upload(id, of: key, in: bucket)
        } catch let error as ObjectServerError where error.code == .noSuchUpload {
            let present = try await indexed { try await index.object(key, version: nil, in: bucket) }
            if let present, present.uploadID == id { return present }
            throw error
        }
        let stored = try await parts(of: upload, after: 0, limit: Self.partNumberMax)
        let chosen = try choose(named, from: stored, upload)
        var attributes = upload.attributes
        attributes.checksum = try combinedChecksum(of: chosen, upload, expected)
        if attributes.checksum != nil { attributes.partChecksums = chosen.map { $0.checksum?.value ?? "" } }
        let record = ObjectRecord(
            bucket: bucket, key: key, size: chosen.reduce(0) { $0 + $1.size }, etag: Self.etag(of: chosen),
            modifiedAt: clock.now(), attributes: attributes,
            content: .segments(
                chosen.map { DataSegment(file: $0.file, length: $0.size, partNumber: $0.number) }),
            uploadID: id, version: try newVersion(in: bucket))
        if let size = expected.size, size != record.size {
            throw ObjectServerError(
                .invalidRequest,
                "The provided 'x-amz-mp-object-size' header value \(size) does not match what was computed: \(record.size)")
        }
        guard record.size <= Self.objectSizeMax else {
            throw ObjectServerError(.entityTooLarge, "Your proposed upload exceeds the maximum allowed object size.")
        }
        let used = Dictionary(chosen.map { ($0.number, $0.file) }) { first, _ in first }
        let outcome = try await indexed {
            try await index.completeUpload(id, as: record, parts: used, condition: condition)
        }
        if outcome == .noSuchUpload { throw ObjectServerError.noSuchUpload(id) }
        try check(outcome, condition.field, key, bucket)
        garbageSignal.continuation.yield()
        return record
    }

    private func choose(
        _ named: [NamedPart], from stored: [PartRecord], _ upload: UploadRecord
    ) throws(ObjectServerError) -> [PartRecord] {
        let byNumber = Dictionary(stored.map { ($0.number, $0) }) { first, _ in first }
        var chosen: [PartRecord] = []
        for part in named {
            if let last = chosen.last, last.number >= part.number {
                throw ObjectServerError(
                    .invalidPartOrder,
                    "The list of parts was not in ascending order. Parts must be ordered by part number.",
                    details: [.init("UploadId", upload.id)])
            }
            guard let found = byNumber[part.number], found.etag == part.etag, upload.accepts(part.checksum, for: found)
            else {
                throw ObjectServerError(
                    .invalidPart,
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
                    details: [
                        .init("UploadId", upload.id), .init("PartNumber", String(part.number)), .init("ETag", part.etag),
                    ])
            }
            chosen.append(found)
        }
        for part in chosen.dropLast() where part.size < Self.partSizeMin {
            throw ObjectServerError(
                .entityTooSmall, "Your proposed upload is smaller than the minimum allowed size",
                details: [
                    .init("ProposedSize", String(part.size)), .init("MinSizeAllowed", String(Self.partSizeMin)),
                    .init("PartNumber", String(part.number)), .init("ETag", part.etag),
                ])
        }
        return chosen
    }

    /// MD5 of the parts' MD5s, and their number.
    private static func etag(of parts: [PartRecord]) -> String {
        var md5 = Insecure.MD5()
        for part in parts { md5.update(data: bytes(fromHex: part.etag) ?? []) }
        return "\(hexText(md5.finalize()))-\(parts.count)"
    }

    private func combinedChecksum(
        of parts: [PartRecord], _ upload: UploadRecord, _ expected: CompletionExpectations
    ) throws(ObjectServerError) -> ObjectChecksum? {
        let algorithm = upload.checksumAlgorithm
        let wanted = upload.attributes.checksum ?? ObjectChecksum(algorithm: algorithm.rawValue, value: "")
        var values: [[UInt8]] = []
        for part in parts {
            // Parts of an earlier version's uploads may have another.
            guard let checksum = part.checksum, checksum.algorithm == wanted.algorithm,
                let value = Base64.decode(checksum.value)
            else { return nil }
            values.append(value)
        }
        var result: ObjectChecksum
        if wanted.isComposite {
            var running = ChecksumState(algorithm)
            for value in values { value.withUnsafeBytes { running.update($0) } }
            result = ObjectChecksum(
                algorithm: wanted.algorithm, value: "\(Base64.encode(running.finish()))-\(parts.count)",
                isComposite: true)
        } else if let combination = CRCCombination(algorithm) {
            var total = values.first ?? []
            for (value, part) in zip(values, parts).dropFirst() {
                total = combination.combine(total, (value, part.size))
            }
            result = ObjectChecksum(algorithm: wanted.algorithm, value: Base64.encode(total))
        } else {
            return nil
        }
        if let isComposite = expected.isComposite, isComposite != result.isComposite {
            throw ObjectServerError(
                .badDigest,
                "The upload was created with the \(result.isComposite ? "COMPOSITE" : "FULL_OBJECT") checksum type. The complete request must use the same checksum type.")
        }
        if let declared = expected.checksum, declared != result.value, "\(declared)-\(parts.count)" != result.value {
            throw ObjectServerError(
                .badDigest, "The \(algorithm.rawValue) you specified did not match the calculated checksum.")
        }
        return result
    }
}

extension UploadRecord {
    /// Of the parts and the whole: as S3 does, CRC64NVME for clients that ask for none.
    package var checksumAlgorithm: ChecksumAlgorithm {
        attributes.checksum.flatMap { ChecksumAlgorithm(rawValue: $0.algorithm) } ?? .crc64nvme
    }

    /// Whether a completion may name `part` with this checksum. Where the upload has not said which it wants, clients bring
    /// any: those were compared when the part came.
    fileprivate func accepts(_ named: ObjectChecksum?, for part: PartRecord) -> Bool {
        guard let named, let kept = part.checksum else { return true }
        return named.value == kept.value || attributes.checksum == nil && named.algorithm != kept.algorithm
    }
}
