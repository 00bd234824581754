import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// `MILLRACE_TEST_S3=http://host:port KEY SECRET BUCKET`, as for `S3ServerTests`. `MILLRACE_TEST_S3_MIB` is the size
/// of the object, 300 by default. To be run alone: memory is the process's.
@Suite(.enabled(if: getenv("MILLRACE_TEST_S3") != nil, "needs a server, named by MILLRACE_TEST_S3"), .serialized)
struct S3MemoryTests {
    private static let blockBytes = 1 << 20

    /// Pseudo-random bytes; the first eight are the block's number.
    private static func block(_ number: Int, _ pattern: [UInt8]) -> [UInt8] {
        var block = pattern
        for index in 0..<8 { block[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
        return block
    }

    @Test func sizeOfAnObjectDoesNotShowInMemory() async throws {
        let words = String(cString: try #require(getenv("MILLRACE_TEST_S3"))).split(separator: " ").map(String.init)
        let blocks = getenv("MILLRACE_TEST_S3_MIB").flatMap { Int(String(cString: $0)) } ?? 300
        let (store, _) = try ObjectStores(
            s3: S3Configuration(
                endpoint: HTTPEndpoint(url: words[0]),
                credentials: AWSCredentials(accessKeyID: words[1], secretAccessKey: words[2])),
            transport: CurlTransport()
        ).store(for: "s3://\(words[3])/")
        var state: UInt64 = 42
        let pattern = (0..<Self.blockBytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }

        try resetPeak()
        let before = try memory("VmRSS")
        let upload = try await store.upload("huge")
        for number in 0..<blocks { try await upload.write(Self.block(number, pattern)) }
        #expect(try await upload.complete(condition: .ifAbsent).size == Int64(blocks * Self.blockBytes))
        let uploadPeak = try memory("VmHWM") - before

        try resetPeak()
        let between = try memory("VmRSS")
        let download = try await store.download("huge")
        var position = 0
        while let piece = try await download.read() {
            guard matches(piece, at: position, pattern) else {
                Issue.record("other bytes at \(position)")
                break
            }
            position += piece.count
        }
        #expect(position == blocks * Self.blockBytes)
        let downloadPeak = try memory("VmHWM") - between
        try await store.delete("huge")
        print("object of \(blocks) MiB: upload took \(uploadPeak) kB of memory, download \(downloadPeak) kB")
        // Parts of 8 MiB: four on their way, one being filled, and what malloc keeps of those sent.
        #expect(uploadPeak < 120_000)
        #expect(downloadPeak < 24_000)
    }

    private func matches(_ piece: [UInt8], at start: Int, _ pattern: [UInt8]) -> Bool {
        var done = 0
        while done < piece.count {
            let offset = (start + done) % Self.blockBytes
            let count = min(piece.count - done, Self.blockBytes - offset)
            let block = Self.block((start + done) / Self.blockBytes, pattern)
            let same = piece.withUnsafeBytes { piece in
                block.withUnsafeBytes { block in
                    piece.baseAddress.flatMap { a in block.baseAddress.map { b in memcmp(a + done, b + offset, count) == 0 } }
                }
            }
            guard same == true else { return false }
            done += count
        }
        return true
    }

    /// In kB.
    private func memory(_ field: String) throws -> Int {
        let file = try #require(fopen("/proc/self/status", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let words = line.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                .split { $0 == " " || $0 == "\t" || $0 == ":" }
            if words.first.map(String.init) == field, words.count > 1 { return try #require(Int(words[1])) }
        }
        throw CancellationError()
    }

    /// From now on the peak is what is used from now on.
    private func resetPeak() throws {
        let file = try #require(fopen("/proc/self/clear_refs", "w"))
        fputs("5", file)
        fclose(file)
    }
}
