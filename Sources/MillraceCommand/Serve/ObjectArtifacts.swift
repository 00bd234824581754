import BatchEngine
import ObjectStore

#if canImport(Glibc)
import Glibc
#endif

/// Fetches jobs' executables from the store that jobs use.
struct ObjectArtifacts: ArtifactFetcher {
    let stores: ObjectStores

    func fetch(_ uri: String, account: String, region: String, to path: String) async throws {
        let (store, key) = try stores.store(for: uri)
        let download = try await store.download(key)
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o700)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        while let piece = try await download.read() { try append(piece, to: descriptor, path) }
    }

    private func append(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
            guard count > 0 || errno == EINTR else {
                throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))")
            }
            written += max(0, count)
        }
    }
}
