package import AWSProtocol
import Crypto
package import NIOCore
package import StateStore
import Support

/// What a request says about the bytes it brings. Whatever is given is compared.
package struct DataExpectations: Sendable {
    /// Bytes.
    package var length: Int64?
    package var md5: [UInt8]?
    /// Lower-case hexadecimal SHA-256 from the signature.
    package var payloadHash: String?
    /// Computed when given.
    package var checksum: ChecksumAlgorithm?
    /// Base64.
    package var checksumValue: String?
    /// Computed, too, and kept with the bytes in place of `checksum`, which then is compared only.
    package var keptChecksum: ChecksumAlgorithm?

    package init() {}
}

/// Takes an object's bytes: keeps few in memory, writes many to a staged file, and computes their digests.
///
/// Its calls block; those that write more than `inlineMax` bytes belong on a blocking thread.
package final class ObjectWriter: @unchecked Sendable {
    // Unchecked: belongs to one request, which waits for each call before it makes the next.

    /// Objects up to this size, in bytes, are kept in the index.
    package static let inlineMax = 16 * 1024

    /// The disk begins to write a file whenever so many more bytes of it have come, and not only at its end.
    private static let beginBytes: Int64 = 4 << 20

    /// From so many bytes on, a second thread is worth waking.
    private static let forkBytes = 64 * 1024

    package var expectations: DataExpectations
    package private(set) var size: Int64 = 0
    private let files: DataFiles
    private let executor: BlockingExecutor
    private let sizeMax: Int64
    private let inlineMax: Int
    private var small: [UInt8] = []
    private var file: (id: DataFileID, handle: DataFile)?
    private var trailer = DataTrailer()
    /// Bytes of data in the file, and up to where the disk has been told to begin.
    private var writtenTo: Int64 = 0
    private var begunTo: Int64 = 0
    private var md5 = Insecure.MD5()
    private var sha256: SHA256?
    private var checksum: ChecksumState?
    private var kept: ChecksumState?

    init(
        files: DataFiles, executor: BlockingExecutor, expectations: DataExpectations, sizeMax: Int64,
        inlineMax: Int = ObjectWriter.inlineMax
    ) {
        self.files = files
        self.executor = executor
        self.expectations = expectations
        self.sizeMax = sizeMax
        self.inlineMax = inlineMax
        if expectations.payloadHash != nil { sha256 = SHA256() }
        if let algorithm = expectations.checksum { checksum = ChecksumState(algorithm) }
        if let algorithm = expectations.keptChecksum { kept = ChecksumState(algorithm) }
    }

    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        try count(bytes.count)
        md5.update(bufferPointer: bytes)
        try store(bytes)
    }

    /// As `append` of one after the other. MD5 takes longer than all the rest together: of many bytes it is computed while
    /// another thread does the rest.
    package func append(_ pieces: [ByteBuffer]) throws {
        let total = pieces.reduce(0) { $0 + $1.readableBytes }
        guard total >= Self.forkBytes else {
            for piece in pieces { try piece.withUnsafeReadableBytes { try append($0) } }
            return
        }
        try count(total)
        let outcome = executor.runBoth {
            for piece in pieces { piece.withUnsafeReadableBytes { md5.update(bufferPointer: $0) } }
        } _: { [self] in
            Result { for piece in pieces { try piece.withUnsafeReadableBytes { try store($0) } } }
        }
        try outcome.get()
    }

    private func count(_ more: Int) throws {
        size += Int64(more)
        guard size <= sizeMax else {
            throw ObjectServerError(
                .entityTooLarge, "Your proposed upload exceeds the maximum allowed size",
                details: [.init("MaxSizeAllowed", String(sizeMax)), .init("ProposedSize", String(size))])
        }
    }

    /// All but MD5. `size` counts the bytes already.
    private func store(_ bytes: UnsafeRawBufferPointer) throws {
        sha256?.update(bufferPointer: bytes)
        checksum?.update(bytes)
        kept?.update(bytes)
        if let file { return try write(bytes, to: file.handle) }
        guard size > inlineMax else { return small.append(contentsOf: bytes) }
        let id = DataFileID.random()
        let handle = try files.create(id)
        file = (id, handle)
        try small.withUnsafeBytes { try write($0, to: handle) }
        small = []
        try write(bytes, to: handle)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to handle: DataFile) throws {
        try handle.append(bytes)
        trailer.update(bytes)
        writtenTo += Int64(bytes.count)
        guard writtenTo - begunTo >= Self.beginBytes else { return }
        handle.beginWriting(from: begunTo, count: writtenTo - begunTo)
        begunTo = writtenTo
    }

    /// Whether `finish` has a file to make durable, which takes its time.
    var usesFile: Bool { file != nil || inlineMax == 0 }

    /// Compares what was expected, and makes the bytes durable when they are in a file.
    func finish() throws -> StagedData {
        let md5 = Array(md5.finalize())
        try compare(md5: md5)
        var staged = StagedData(content: .inline(small), size: size, etag: hexText(md5), checksum: nil)
        if let checksum {
            let computed = checksum.computed()
            try compare(checksum: computed.value, checksum.algorithm)
            staged.checksum = kept?.computed() ?? computed
            staged.answeredChecksum = computed
        }
        if inlineMax == 0 && file == nil {
            let id = DataFileID.random()
            file = (id, try files.create(id))
        }
        if let file {
            try trailer.finish().withUnsafeBytes { try file.handle.append($0) }
            try file.handle.synchronise()
            try files.publish([file.id])
            staged.content = .segments([DataSegment(file: file.id, length: size)])
            self.file = nil
        }
        return staged
    }

    /// Removes what has been staged; does nothing after `finish`.
    func discard() {
        if let file { files.remove(file.id) }
        file = nil
    }

    private func compare(md5: [UInt8]) throws {
        if let length = expectations.length, length != size {
            throw ObjectServerError(
                .incompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header",
                details: [.init("NumberBytesExpected", String(length)), .init("NumberBytesProvided", String(size))])
        }
        if let declared = expectations.payloadHash, let computed = sha256.map({ hexText($0.finalize()) }),
            declared.lowercased() != computed
        {
            throw ObjectServerError(
                .payloadHashMismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.",
                details: [
                    .init("ClientComputedContentSHA256", declared), .init("S3ComputedContentSHA256", computed),
                ])
        }
        if let declared = expectations.md5, declared != md5 {
            throw ObjectServerError(
                .badDigest, "The Content-MD5 you specified did not match what we received.",
                details: [.init("ExpectedDigest", Base64.encode(declared)), .init("CalculatedDigest", Base64.encode(md5))])
        }
    }

    private func compare(checksum computed: String, _ algorithm: ChecksumAlgorithm) throws {
        if let declared = expectations.checksumValue, declared != computed {
            throw ObjectServerError(
                .badDigest, "The \(algorithm.rawValue) you specified did not match the calculated checksum.")
        }
    }
}

extension ObjectServer {
    /// Compares bytes that are held in memory, such as a request document, with what the request says about them.
    /// - Throws: `.badDigest`, `.payloadHashMismatch`, `.incompleteBody`.
    package func verify(_ bytes: [UInt8], against expectations: DataExpectations) throws {
        let writer = ObjectWriter(
            files: files, executor: executor, expectations: expectations, sizeMax: .max, inlineMax: .max)
        try bytes.withUnsafeBytes { try writer.append($0) }
        _ = try writer.finish()
    }
}

/// Durable bytes that no object refers to yet.
package struct StagedData: Sendable {
    package var content: ObjectContent
    package var size: Int64
    /// MD5, lower-case hexadecimal.
    package var etag: String
    package var checksum: ObjectChecksum?
    /// Of the algorithm that the request asked for.
    package var answeredChecksum: ObjectChecksum?
}

extension ChecksumState {
    func computed() -> ObjectChecksum { ObjectChecksum(algorithm: algorithm.rawValue, value: Base64.encode(finish())) }
}
