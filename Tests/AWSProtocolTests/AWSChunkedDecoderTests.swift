import AWSProtocol
import Support
import Testing

/// The two examples of the S3 API reference: 66,560 times `a` in chunks of 64 KiB and the rest.
@Suite struct AWSChunkedDecoderTests {
    private static let scope = SigV4.CredentialScope(
        accessKeyID: documented.accessKeyID, date: "20130524", region: "us-east-1", service: "s3")

    private static func signing(seed: String) -> SigV4.ChunkSigning {
        SigV4.ChunkSigning(
            key: SigV4.SigningKey(secret: documented.secretAccessKey, scope: scope), date: "20130524T000000Z",
            scope: scope.text, seedSignature: seed)
    }

    private static let payload = [UInt8](repeating: UInt8(ascii: "a"), count: 66_560)

    private static func body(_ signatures: [String], trailer: String = "") -> [UInt8] {
        var body = Array("10000;chunk-signature=\(signatures[0])\r\n".utf8) + payload[..<65_536] + Array("\r\n".utf8)
        body += Array("400;chunk-signature=\(signatures[1])\r\n".utf8) + payload[65_536...] + Array("\r\n".utf8)
        return body + Array("0;chunk-signature=\(signatures[2])\r\n\(trailer)\r\n".utf8)
    }

    static let signed = (
        SigV4.PayloadDeclaration.streamingSigned(
            signing(seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")),
        body([
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ])
    )

    static let withTrailer = (
        SigV4.PayloadDeclaration.streamingSignedTrailer(
            signing(seed: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")),
        body(
            [
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ],
            trailer: "x-amz-checksum-crc32c:sOO8/Q==\r\n"
                + "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n")
    )

    static func decode(
        _ declaration: SigV4.PayloadDeclaration, _ body: [UInt8], length: Int64? = nil, step: Int = .max
    ) throws -> (payload: [UInt8], trailers: HTTPFields) {
        var decoder = try #require(AWSChunkedDecoder(declaration, decodedLength: length))
        var result: [UInt8] = []
        var start = 0
        while start < body.count {
            let piece = Array(body[start..<min(body.count, start + min(step, body.count))])
            var ranges: [Range<Int>] = []
            try piece.withUnsafeBytes { try decoder.push($0, payload: &ranges) }
            for range in ranges { result += piece[range] }
            start += piece.count
        }
        return (result, try decoder.finish())
    }

    @Test(arguments: [1, 2, 7, 1000, 65_536, 70_000]) func documentedExamples(step: Int) throws {
        let first = try Self.decode(Self.signed.0, Self.signed.1, length: 66_560, step: step)
        #expect(first.payload == Self.payload)
        let second = try Self.decode(Self.withTrailer.0, Self.withTrailer.1, length: 66_560, step: step)
        #expect(second.payload == Self.payload)
        #expect(second.trailers["x-amz-checksum-crc32c"] == "sOO8/Q==")
        #expect(Base64.encode(ChecksumAlgorithm.crc32c.checksum(of: second.payload)) == "sOO8/Q==")
    }

    @Test func everyChangedByteIsNoticed() throws {
        for (declaration, body) in [Self.signed, Self.withTrailer] {
            let interesting = Array(0..<120) + [40_000] + Array(65_600..<65_800) + Array(body.count - 300..<body.count)
            for index in interesting {
                var changed = body
                changed[index] ^= 0x04
                // The case of hexadecimal digits and of trailer names is free; nothing else is.
                #expect(throws: (any Error).self, "byte \(index)") {
                    try Self.decode(declaration, changed, length: 66_560)
                }
            }
        }
    }

    @Test func everyTruncationIsNoticed() throws {
        let (declaration, body) = Self.signed
        for end in Array(0..<200) + Array(body.count - 100..<body.count - 2) {
            #expect(throws: AWSError.self, "\(end) bytes") {
                try Self.decode(declaration, Array(body[..<end]), length: 66_560)
            }
        }
    }

    @Test func unsignedWithTrailer() throws {
        let body = Array("5\r\nhello\r\n6; ext=1\r\n world\r\n0\r\nx-amz-checksum-crc32: DUoRhQ==\r\n\r\n".utf8)
        let decoded = try Self.decode(.streamingUnsignedTrailer, body, length: 11, step: 3)
        #expect(decoded.payload == Array("hello world".utf8))
        #expect(decoded.trailers["x-amz-checksum-crc32"] == "DUoRhQ==")
        #expect(Base64.encode(ChecksumAlgorithm.crc32.checksum(of: decoded.payload)) == "DUoRhQ==")
    }

    @Test(arguments: [
        "", "0", "5\r\nhell", "5\r\nhelloo\r\n0\r\n\r\n", "x\r\n\r\n", "-5\r\n", "+5\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n", "fffffffffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nmore",
        "6\r\nhello!\r\n0\r\n\r\n", "4\r\nhell\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    ])
    func malformed(_ body: String) {
        #expect(throws: AWSError.self) { try Self.decode(.streamingUnsignedTrailer, Array(body.utf8), length: 5) }
    }

    @Test func endlessLinesAreCut() {
        let head = [UInt8](repeating: UInt8(ascii: "0"), count: 100_000)
        #expect(throws: AWSError.self) { try Self.decode(.streamingUnsignedTrailer, head) }
        let trailers = Array(("0\r\n" + String(repeating: "a:b\r\n", count: 20_000)).utf8)
        #expect(throws: AWSError.self) { try Self.decode(.streamingUnsignedTrailer, trailers) }
    }
}
