import AWSProtocol
import JSONModel
import NIOCore
import ObjectServer
import ServiceKit
import Support
import Synchronization

/// What a request says about its body, in whichever of S3's ways.
struct S3BodyDeclaration {
    var expectations = DataExpectations()
    /// The trailing field that will bring the checksum.
    var trailer: String?
    /// Nil for a body without chunk framing.
    var decoder: AWSChunkedDecoder?

    init(_ request: S3Request, needsLength: Bool) throws {
        let fields = request.fields
        if let text = fields["content-md5"] {
            guard let digest = Base64.decode(text), digest.count == 16 else {
                throw AWSError("InvalidDigest", "The Content-MD5 you specified was invalid.",
                    members: ["Content-MD5": .string(text)])
            }
            expectations.md5 = digest
        }
        if case .hash(let hash) = request.call.payload { expectations.payloadHash = hash }
        try readChecksum(fields)
        let decodedLength = try Self.length(fields, "x-amz-decoded-content-length")
        let contentLength = try Self.length(fields, "content-length")
        decoder = AWSChunkedDecoder(request.call.payload, decodedLength: decodedLength)
        if decoder == nil, case .absent = request.call.payload,
            fields["x-amz-content-sha256"]?.hasPrefix("STREAMING-") == true
        {
            decoder = AWSChunkedDecoder(unsignedWithDecodedLength: decodedLength)
        }
        expectations.length = decoder == nil ? contentLength : decodedLength
        if needsLength, expectations.length == nil {
            throw AWSError(
                "MissingContentLength", "You must provide the Content-Length HTTP header.", httpStatus: 411)
        }
    }

    private mutating func readChecksum(_ fields: HTTPFields) throws {
        var found: [(algorithm: ChecksumAlgorithm, value: String?)] = []
        for entry in fields.entries where entry.name.hasPrefix("x-amz-checksum-") {
            if ["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"].contains(entry.name) { continue }
            guard let algorithm = ChecksumAlgorithm(fieldName: entry.name) else {
                throw S3Errors.headerNotImplemented(entry.name)
            }
            guard Base64.decode(entry.value)?.count == algorithm.byteCount else {
                throw S3Errors.invalidRequest("Value for \(entry.name) header is invalid.")
            }
            found.append((algorithm, entry.value))
        }
        if let names = fields["x-amz-trailer"] {
            for name in names.lowercased().split(separator: ",") {
                let name = String(name.drop { $0 == " " })
                guard name.hasPrefix("x-amz-checksum-") else { continue }
                guard let algorithm = ChecksumAlgorithm(fieldName: name) else { throw S3Errors.headerNotImplemented(name) }
                found.append((algorithm, nil))
                trailer = name
            }
        }
        guard found.count <= 1 else {
            throw S3Errors.invalidRequest(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
        }
        if let wanted = fields["x-amz-sdk-checksum-algorithm"]?.uppercased() {
            guard let algorithm = ChecksumAlgorithm(rawValue: wanted) else {
                throw S3Errors.invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [\(ChecksumAlgorithm.names)]")
            }
            guard let first = found.first else {
                throw S3Errors.invalidRequest(
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
            }
            guard first.algorithm == algorithm else {
                throw S3Errors.invalidRequest(
                    "Value for x-amz-sdk-checksum-algorithm header is invalid.")
            }
        }
        expectations.checksum = found.first?.algorithm
        expectations.checksumValue = found.first?.value
    }

    private static func length(_ fields: HTTPFields, _ name: String) throws -> Int64? {
        guard let text = fields[name] else { return nil }
        guard let length = Int64(text), length >= 0 else {
            throw S3Errors.invalidArgument("Value for \(name) header is invalid.", name, text)
        }
        return length
    }
}

/// Takes body bytes on a blocking thread: framing off, the rest to the writer.
private final class BodyPipe: @unchecked Sendable {
    // Unchecked: belongs to one request; `decoder` and `writer` to the batch that is being consumed, before the next one
    // and before `finish`.
    private struct State {
        var isBusy = false
        var failure: (any Error)?
        var waiter: CheckedContinuation<Void, any Error>?
    }

    private var decoder: AWSChunkedDecoder?
    private let writer: ObjectWriter
    private let state = Mutex(State())

    init(_ decoder: AWSChunkedDecoder?, _ writer: ObjectWriter) {
        self.decoder = decoder
        self.writer = writer
    }

    /// Has one of the threads consume `buffers` as soon as what was pushed before has been consumed, and returns then: the
    /// next buffers may be gathered meanwhile.
    /// - Throws: what went wrong before.
    func push(_ buffers: [ByteBuffer], on executor: BlockingExecutor) async throws {
        try await settled()
        state.withLock { $0.isBusy = true }
        executor.submit { [self] in
            let outcome = Result { try consume(buffers) }
            let waiter = state.withLock { state in
                state.isBusy = false
                if case .failure(let error) = outcome { state.failure = error }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(with: outcome)
        }
    }

    /// Returns when what was pushed has been consumed.
    /// - Throws: what went wrong with it.
    func settled() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = state.withLock { state -> Result<Void, any Error>? in
                if let failure = state.failure { return .failure(failure) }
                if !state.isBusy { return .success(()) }
                state.waiter = continuation
                return nil
            }
            if let outcome { continuation.resume(with: outcome) }
        }
    }

    func consume(_ buffers: [ByteBuffer]) throws {
        guard decoder != nil else { return try writer.append(buffers) }
        var ranges: [Range<Int>] = []
        var pieces: [ByteBuffer] = []
        for buffer in buffers {
            ranges.removeAll(keepingCapacity: true)
            try buffer.withUnsafeReadableBytes { try decoder?.push($0, payload: &ranges) }
            for range in ranges {
                var piece = buffer
                piece.moveReaderIndex(forwardBy: range.lowerBound)
                piece.moveWriterIndex(to: piece.readerIndex + range.count)
                pieces.append(piece)
            }
        }
        try writer.append(pieces)
    }

    func finish() throws -> HTTPFields { try decoder?.finish() ?? [:] }
}

extension S3Service {
    /// Bytes handed to a blocking thread at once. As much again waits for it, and in the channel, which then stops reading.
    private static let batchBytes = 256 * 1024
    /// Bytes of a request document.
    private static let documentBytesMax = 8 << 20

    /// Takes a body as an object's or a part's bytes; they are durable but not visible afterwards.
    ///
    /// - Parameters:
    ///   - checksum: what is computed when the request brings none.
    ///   - keeping: what is kept, whatever the request brings.
    func receive(
        _ request: S3Request, into bucket: String, isPart: Bool = false, checksum: ChecksumAlgorithm? = nil,
        keeping: ChecksumAlgorithm? = nil
    ) async throws -> StagedData {
        var declaration = try S3BodyDeclaration(request, needsLength: true)
        if declaration.expectations.checksum == nil { declaration.expectations.checksum = checksum }
        if keeping != declaration.expectations.checksum { declaration.expectations.keptChecksum = keeping }
        let writer = try server.writer(for: bucket, expecting: declaration.expectations, isPart: isPart)
        let pipe = BodyPipe(declaration.decoder, writer)
        do {
            // So little that a thread change costs more than the work.
            let isSmall = !isPart && (declaration.expectations.length ?? .max) <= ObjectWriter.inlineMax
            var pending: [ByteBuffer] = []
            var pendingBytes = 0
            for try await buffer in request.call.body {
                pending.append(buffer)
                pendingBytes += buffer.readableBytes
                if pendingBytes >= Self.batchBytes {
                    let batch = pending
                    pending.removeAll(keepingCapacity: true)
                    pendingBytes = 0
                    try await pipe.push(batch, on: server.executor)
                }
            }
            if isSmall {
                try pipe.consume(pending)
            } else {
                try await pipe.push(pending, on: server.executor)
                try await pipe.settled()
            }
            try take(trailers: try pipe.finish(), declaration, writer)
        } catch {
            // The writer is in use until then; what else goes wrong matters no more.
            try? await pipe.settled()
            await server.discard(writer)
            throw server.translate(error)
        }
        return try await server.stage(writer)
    }

    /// Reads and verifies a small document.
    func document(_ request: S3Request) async throws -> [UInt8] {
        var declaration = try S3BodyDeclaration(request, needsLength: false)
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        for try await buffer in request.call.body {
            try buffer.withUnsafeReadableBytes { input in
                ranges.removeAll(keepingCapacity: true)
                if declaration.decoder == nil {
                    ranges.append(0..<input.count)
                } else {
                    try declaration.decoder?.push(input, payload: &ranges)
                }
                for range in ranges { bytes.append(contentsOf: input[range]) }
            }
            guard bytes.count <= Self.documentBytesMax else {
                throw AWSError(
                    "MaxMessageLengthExceeded", "Your request was too big.",
                    members: ["MaxMessageLengthBytes": .string(String(Self.documentBytesMax))])
            }
        }
        if let trailers = try declaration.decoder?.finish(), let name = declaration.trailer {
            declaration.expectations.checksumValue = trailers[name]
        }
        try server.verify(bytes, against: declaration.expectations)
        return bytes
    }

    private func take(trailers: HTTPFields, _ declaration: S3BodyDeclaration, _ writer: ObjectWriter) throws {
        guard let name = declaration.trailer else { return }
        guard let value = trailers[name] else {
            throw AWSError("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
        }
        guard Base64.decode(value)?.count == declaration.expectations.checksum?.byteCount else {
            throw S3Errors.invalidRequest("Value for \(name) trailing header is invalid.")
        }
        writer.expectations.checksumValue = value
    }
}
