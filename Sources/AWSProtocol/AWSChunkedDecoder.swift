import Crypto
import Support

/// Takes the `aws-chunked` framing off a request body and verifies what it signs.
///
///     <size in hex>[;chunk-signature=<64 hex digits>]\r\n <size bytes> \r\n      repeated
///     0[;chunk-signature=<…>]\r\n
///     name:value\r\n                      repeated, only in the trailer forms
///     [x-amz-trailer-signature:<…>\r\n]   only when signed
///     \r\n
///
/// Synchronous: bytes are pushed in as they arrive, and the places of payload among them come out. Payload is given
/// out before the signature of its chunk has been checked, which happens at the chunk's end: nothing that was
/// received may become visible before `finish` has returned.
///
/// - Source: S3 API reference, "Signature calculations for the authorization header: transferring payload in
///   multiple chunks", and the same "(with trailing headers)".
package struct AWSChunkedDecoder {
    /// Longest chunk head and longest trailing section.
    package static let lineBytesMax = 4096
    package static let trailerBytesMax = 16 * 1024

    private enum Position {
        case head
        case payload(left: Int)
        /// The CR LF after a chunk's payload.
        case payloadEnd
        case trailer
        case done
    }

    private var position = Position.head
    private var line: [UInt8] = []
    private var trailerBytes = 0
    private var trailers = HTTPFields()
    private var trailerText = ""
    private var trailerSignature: String?
    private let signing: SigV4.ChunkSigning?
    private let hasTrailer: Bool
    private let declaredLength: Int64?
    private var decodedLength: Int64 = 0
    private var previousSignature: String
    private var chunkSignature: String?
    private var chunkHash = SHA256()

    /// - Parameters:
    ///   - payload: how the body was declared; nil results unless it is one of the streaming forms.
    ///   - decodedLength: `x-amz-decoded-content-length`, when the request has it.
    package init?(_ payload: SigV4.PayloadDeclaration, decodedLength: Int64?) {
        switch payload {
        case .streamingSigned(let signing): (self.signing, hasTrailer) = (signing, false)
        case .streamingSignedTrailer(let signing): (self.signing, hasTrailer) = (signing, true)
        case .streamingUnsignedTrailer: (signing, hasTrailer) = (nil, true)
        case .absent, .hash, .unsigned: return nil
        }
        declaredLength = decodedLength
        previousSignature = signing?.seedSignature ?? ""
    }

    /// For a body in chunks without signatures, whoever declared it.
    package init(unsignedWithDecodedLength decodedLength: Int64?) {
        (signing, hasTrailer, declaredLength, previousSignature) = (nil, true, decodedLength, "")
    }

    /// Takes the next bytes of the body.
    ///
    /// - Parameter payload: gets the ranges of `input` that are payload appended, in order.
    /// - Throws: `AWSError` `IncompleteBody` for framing that is not as above or more payload than declared,
    ///   `SignatureDoesNotMatch` for a chunk or trailer with another signature.
    package mutating func push(
        _ input: UnsafeRawBufferPointer, payload: inout [Range<Int>]
    ) throws(AWSError) {
        var index = 0
        while index < input.count {
            switch position {
            case .head:
                guard let text = try readLine(input, &index, max: Self.lineBytesMax) else { return }
                try beginChunk(text)
            case .payload(let left):
                let count = min(left, input.count - index)
                payload.append(index..<index + count)
                if signing != nil {
                    chunkHash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: input[index..<index + count]))
                }
                index += count
                position = left == count ? .payloadEnd : .payload(left: left - count)
            case .payloadEnd:
                guard let text = try readLine(input, &index, max: 2) else { return }
                guard text.isEmpty else { throw malformed("a chunk is longer than its size says") }
                try endChunk()
                position = .head
            case .trailer:
                let before = index
                guard let text = try readLine(input, &index, max: Self.trailerBytesMax) else { return }
                trailerBytes += index - before
                guard trailerBytes <= Self.trailerBytesMax else { throw malformed("the trailing fields are too long") }
                try takeTrailer(text)
            case .done:
                throw malformed("there are bytes after the last chunk")
            }
        }
    }

    /// To be called once at the end of the body.
    ///
    /// - Returns: the trailing fields, without the signature.
    /// - Throws: `AWSError` `IncompleteBody` when the last chunk or payload is missing.
    package mutating func finish() throws(AWSError) -> HTTPFields {
        // Some senders leave out the empty line after the trailing fields, or after the last chunk.
        if case .trailer = position, line.isEmpty { try takeTrailer("") }
        guard case .done = position else { throw malformed("the body ended before its last chunk") }
        if let declaredLength, declaredLength != decodedLength {
            throw malformed("\(declaredLength) bytes were declared, \(decodedLength) came")
        }
        return trailers
    }

    /// Payload bytes announced by chunk heads so far.
    package var payloadLength: Int64 { decodedLength }

    /// The text of the line that ends in `input`, without CR LF; nil when its end has not arrived.
    private mutating func readLine(
        _ input: UnsafeRawBufferPointer, _ index: inout Int, max: Int
    ) throws(AWSError) -> String? {
        while index < input.count {
            let byte = input[index]
            index += 1
            if byte == UInt8(ascii: "\n") {
                guard line.last == UInt8(ascii: "\r") else { throw malformed("a line does not end in CR LF") }
                line.removeLast()
                let text = String(decoding: line, as: UTF8.self)
                line.removeAll(keepingCapacity: true)
                return text
            }
            guard line.count < max else { throw malformed("a line is too long") }
            line.append(byte)
        }
        return nil
    }

    private mutating func beginChunk(_ head: String) throws(AWSError) {
        let parts = head.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts[0].utf8
        guard (1...15).contains(digits.count), digits.allSatisfy({ hexValue($0) != nil }),
            let size = Int(parts[0], radix: 16)
        else { throw malformed("'\(parts[0].prefix(40))' is not a chunk size") }
        chunkSignature = nil
        if parts.count == 2, parts[1].hasPrefix("chunk-signature=") {
            chunkSignature = String(parts[1].dropFirst("chunk-signature=".count))
        }
        if signing != nil, chunkSignature == nil { throw malformed("a chunk has no signature") }
        decodedLength += Int64(size)  // At most 2^60 each, and as much must then arrive: no overflow.
        if let declaredLength, decodedLength > declaredLength {
            throw malformed("\(declaredLength) bytes were declared, more came")
        }
        if size > 0 {
            position = .payload(left: size)
        } else {
            try endChunk()
            position = .trailer
        }
    }

    private mutating func endChunk() throws(AWSError) {
        guard let signing else { return }
        let hash = hexText(chunkHash.finalize())
        chunkHash = SHA256()
        let expected = signing.signature(ofChunkHash: hash, after: previousSignature)
        guard let chunkSignature, SigV4.equalInConstantTime(expected, chunkSignature) else { throw differs("chunk") }
        previousSignature = expected
    }

    private mutating func takeTrailer(_ text: String) throws(AWSError) {
        if text.isEmpty {
            try endTrailer()
            position = .done
            return
        }
        guard hasTrailer, let colon = text.firstIndex(of: ":") else {
            throw AWSError("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
        }
        let name = text[..<colon].lowercased()
        let value = String(
            decoding: text[text.index(after: colon)...].utf8.drop { $0 == UInt8(ascii: " ") }, as: UTF8.self)
        if name == "x-amz-trailer-signature" {
            trailerSignature = value
        } else {
            trailers.append(name, value)
            trailerText += "\(name):\(value)\n"
        }
    }

    private func endTrailer() throws(AWSError) {
        guard let signing, hasTrailer else { return }
        let expected = signing.signature(
            ofTrailerHash: SigV4.hash(trailerText.utf8), after: previousSignature)
        guard let trailerSignature, SigV4.equalInConstantTime(expected, trailerSignature) else {
            throw differs("trailer")
        }
    }

    private func malformed(_ what: String) -> AWSError {
        AWSError("IncompleteBody", "The chunked request body is not as declared: \(what).")
    }

    private func differs(_ part: String) -> AWSError {
        AWSError(
            "SignatureDoesNotMatch",
            "The signature of a \(part) of the body does not match the signature you provided.", httpStatus: 403)
    }
}
