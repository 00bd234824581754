package import AWSProtocol
import Crypto
import NIOCore
package import StateStore
import Support

extension ObjectServer {
    /// Bytes of another object as staged data. Where they are whole files, or kept with the record, nothing is written: the
    /// files get further names. They are read for an MD5 or a checksum that is not known of these bytes.
    ///
    /// - Parameters:
    ///   - range: nil for the whole object.
    ///   - checksum: the algorithm wanted; nil keeps that of the source, or CRC64NVME where it has none.
    ///   - isPart: whether they have to be in one file.
    package func duplicate(
        _ read: ObjectRead, range: Range<Int64>? = nil, checksum: ChecksumAlgorithm? = nil, isPart: Bool = false
    ) async throws -> StagedData {
        let record = read.record
        let range = range ?? 0..<record.size
        let old = record.attributes.checksum
        let algorithm = checksum ?? old.flatMap { ChecksumAlgorithm(rawValue: $0.algorithm) } ?? .crc64nvme
        switch record.content {
        case .inline where !isPart && range == 0..<record.size:
            return try await staged(record.content, read, range, algorithm)
        case .segments(let all):
            let segments = Self.segments(all, within: range)
            guard segments.reduce(0, { $0 + $1.length }) == range.count, !isPart || segments.count == 1 else { break }
            var data = try await staged(record.content, read, range, algorithm)
            guard let names = try await blocking({ [files] in try files.duplicate(segments.map(\.file)) }) else { break }
            data.content = .segments(zip(names, segments).map { DataSegment(file: $0, length: $1.length) })
            return data
        default: break
        }
        return try await rewritten(read, range, algorithm, isPart: isPart)
    }

    /// Those that lie in a range of the object as a whole.
    private static func segments(_ all: [DataSegment], within range: Range<Int64>) -> [DataSegment] {
        var offset: Int64 = 0
        return all.filter { segment in
            defer { offset += segment.length }
            return range.lowerBound <= offset && offset + segment.length <= range.upperBound
        }
    }

    /// `content`, which has the bytes of the range, with their digests.
    private func staged(
        _ content: ObjectContent, _ read: ObjectRead, _ range: Range<Int64>, _ algorithm: ChecksumAlgorithm
    ) async throws -> StagedData {
        let record = read.record
        let isWhole = range == 0..<record.size
        let known = record.attributes.checksum.flatMap {
            isWhole && !$0.isComposite && $0.algorithm == algorithm.rawValue ? $0 : nil
        }
        var digests = Digests(
            md5: isWhole && !record.isMultipart ? nil : Insecure.MD5(),
            checksum: known == nil ? ChecksumState(algorithm) : nil)
        if digests.areWanted {
            try await read.forEachChunk(in: range) { chunk in
                digests = try await blocking { [digests] in
                    var next = digests
                    chunk.withUnsafeReadableBytes { next.update($0) }
                    return next
                }
            }
        }
        return StagedData(
            content: content, size: Int64(range.count), etag: digests.md5.map { hexText($0.finalize()) } ?? record.etag,
            checksum: known ?? digests.checksum?.computed())
    }

    /// A copy of the bytes in a file of their own.
    private func rewritten(
        _ read: ObjectRead, _ range: Range<Int64>, _ algorithm: ChecksumAlgorithm, isPart: Bool
    ) async throws -> StagedData {
        var expectations = DataExpectations()
        expectations.checksum = algorithm
        let writer = ObjectWriter(
            files: files, executor: executor, expectations: expectations, sizeMax: Self.putSizeMax,
            inlineMax: isPart ? 0 : ObjectWriter.inlineMax)
        do {
            try await read.forEachChunk(in: range) { chunk in
                try await blocking { try writer.append([chunk]) }
            }
        } catch {
            await discard(writer)
            throw error
        }
        return try await stage(writer)
    }
}

/// What is computed of bytes that are not written.
private struct Digests: Sendable {
    var md5: Insecure.MD5?
    var checksum: ChecksumState?

    var areWanted: Bool { md5 != nil || checksum != nil }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        md5?.update(bufferPointer: bytes)
        checksum?.update(bytes)
    }
}
