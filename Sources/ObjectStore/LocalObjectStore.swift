package import Support
import Synchronization

/// Objects as files under a directory: the key `a/b` is the file `b` in the directory `a`.
///
/// Keys that a path cannot express are refused: empty segments (also a slash at either end), `.` and `..`, segments
/// over 255 bytes, and `a` beside `a/b` (`.conflict`). Symbolic links to files are followed, those to directories are
/// not listed. Puts are durable on return and safe between processes: see `LocalFiles`.
package final class LocalObjectStore: ObjectStore {
    private let files: LocalFiles
    private let executor: BlockingExecutor

    /// Four threads for all local stores of the process: more would only wait for the same disks.
    private static let sharedExecutor = BlockingExecutor(name: "files", threads: 4)

    /// - Parameter root: an absolute path; it is created with the first put if it does not exist.
    package init(root: String, executor: BlockingExecutor? = nil) {
        files = LocalFiles(root: root)
        self.executor = executor ?? Self.sharedExecutor
    }

    package var blockingAccess: (any BlockingObjectAccess)? { files }

    package func get(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> ObjectRead {
        try await executor.run { [files] in try files.get(key, range: range, ifMatch: ifMatch) }
    }

    package func download(_ key: String, range: Range<Int64>?, ifMatch: String?) async throws -> any ObjectDownload {
        let file = try await executor.run { [files] in try files.download(key, range: range, ifMatch: ifMatch) }
        return LocalFileDownload(file: file, executor: executor)
    }

    package func head(_ key: String) async throws -> ObjectMetadata {
        try await executor.run { [files] in try files.head(key) }
    }

    package func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) async throws -> ObjectMetadata {
        try await executor.run { [files] in try files.put(key, bytes, condition: condition) }
    }

    package func upload(_ key: String) async throws -> any ObjectUpload {
        LocalUpload(file: try await executor.run { [files] in try files.newFile(key) }, executor: executor)
    }

    package func delete(_ key: String) async throws {
        try await executor.run { [files] in try files.delete(key) }
    }

    package func delete(_ keys: [String]) async throws {
        try await executor.run { [files] in try files.delete(keys) }
    }

    package func list(prefix: String, startAfter: String?, delimiter: String?) -> ObjectPages {
        let walk = Shared(
            Mutex(files.walk(prefix: prefix, startAfter: startAfter, delimiter: delimiter)))
        return ObjectPages { [executor] in
            try await executor.run { try walk.value.withLock { try $0.nextPage() } }
        }
    }
}

private struct LocalFileDownload: ObjectDownload {
    let file: any BlockingObjectDownload
    let executor: BlockingExecutor

    var metadata: ObjectMetadata { file.metadata }
    func read() async throws -> [UInt8]? { try await executor.run { [file] in try file.read() } }
}

private struct LocalUpload: ObjectUpload {
    let file: UnpublishedFile
    let executor: BlockingExecutor

    func write(_ bytes: [UInt8]) async throws {
        try await executor.run { [file] in try file.write(bytes) }
    }

    func complete(condition: PutCondition) async throws -> ObjectMetadata {
        try await executor.run { [file] in try file.complete(condition: condition) }
    }

    func abort() async { await executor.run { [file] in file.abort() } }
}
