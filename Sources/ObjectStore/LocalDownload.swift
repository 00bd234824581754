#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A file being read. It stays open, so that the bytes can be had when the name is another file's by now.
final class LocalDownload: BlockingObjectDownload, @unchecked Sendable {
    // Unchecked: a download is used by one task at a time, as `ObjectDownload` says.
    private static let pieceBytes: Int64 = 1 << 20

    let metadata: ObjectMetadata
    private let descriptor: Int32
    private var rest: Range<Int64>

    init(path: String, key: String, range: Range<Int64>?, ifMatch: String?) throws {
        // Not to wait for the other end, should the name be a pipe's.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(errno, key) }
        do {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw failure(errno, key) }
            guard let found = ObjectMetadata(of: status, key: key) else { throw ObjectStoreError.notFound(key) }
            if let ifMatch, ifMatch != found.etag { throw etagDiffers(key, found.etag) }
            rest = try byteRange(range, size: found.size, key: key) ?? 0..<found.size
            metadata = found
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    func read() throws -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        return try take(Int(min(Self.pieceBytes, rest.upperBound - rest.lowerBound)))
    }

    func readAll() throws -> [UInt8] { try take(Int(rest.upperBound - rest.lowerBound)) }

    private func take(_ wanted: Int) throws -> [UInt8] {
        let start = rest.lowerBound
        let bytes = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            while count < wanted {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + count }, wanted - count, off_t(start) + off_t(count))
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else { throw failure(errno, metadata.key) }
                guard got > 0 else {
                    throw ObjectStoreError(.other("ShortRead"), "The file was cut while it was read.", key: metadata.key)
                }
                count += got
            }
        }
        rest = start + Int64(wanted)..<rest.upperBound
        return bytes
    }
}
