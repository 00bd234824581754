import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The file operations behind `LocalObjectStore`; they block.
///
/// A put writes a temporary file in the target's directory, syncs it, gives it its name, and syncs the directory:
///
/// - if absent: by `link()`, which fails when the name exists, whoever made it;
/// - if its ETag matches, and without condition: by `rename()` while holding `flock()` on the directory, so that
///   nothing is put or deleted between the comparison and the renaming.
///
/// Temporary files are named `.millrace-<random>.tmp`; such names are no keys and are left out of listings.
struct LocalFiles: BlockingObjectAccess {
    /// Without a slash at its end; empty for the root of the file system.
    let root: String

    init(root: String) {
        var root = root[...]
        while root.hasSuffix("/") { root = root.dropLast() }
        self.root = String(root)
    }

    func get(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> ObjectRead {
        let file = try LocalDownload(path: try path(of: key), key: key, range: range, ifMatch: ifMatch)
        return ObjectRead(metadata: file.metadata, bytes: try file.readAll())
    }

    func download(_ key: String, range: Range<Int64>?, ifMatch: String?) throws -> any BlockingObjectDownload {
        try LocalDownload(path: try path(of: key), key: key, range: range, ifMatch: ifMatch)
    }

    func head(_ key: String) throws -> ObjectMetadata {
        var status = stat()
        guard stat(try path(of: key), &status) == 0 else { throw failure(errno, key) }
        guard let metadata = ObjectMetadata(of: status, key: key) else { throw ObjectStoreError.notFound(key) }
        return metadata
    }

    func put(_ key: String, _ bytes: [UInt8], condition: PutCondition) throws -> ObjectMetadata {
        let file = try newFile(key)
        do {
            try file.write(bytes)
        } catch {
            file.abort()
            throw error
        }
        return try file.complete(condition: condition)
    }

    func upload(_ key: String) throws -> any BlockingObjectUpload { try newFile(key) }

    /// Creates the directories of `key` and an empty temporary file in the last.
    func newFile(_ key: String) throws -> UnpublishedFile {
        let target = try path(of: key)
        let directory = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
        for _ in 0..<3 {
            var random = SystemRandomNumberGenerator()
            let temporary = "\(directory)/.millrace-\(hexText(random.next(), digits: 16)).tmp"
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                return UnpublishedFile(
                    descriptor: descriptor, temporary: temporary, target: target, directory: directory, key: key)
            }
            let code = errno
            guard code == ENOENT || code == EEXIST else { throw creationFailure(code, key) }
            if code == ENOENT { try makeDirectories(directory, key: key) }
        }
        throw ObjectStoreError(.unavailable, "The directory '\(directory)' vanishes as often as it is made.", key: key)
    }

    func delete(_ key: String) throws {
        let path = try path(of: key)
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard let lock = DirectoryLock(directory) else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw failure(errno, key)
        }
        defer { lock.release() }
        guard unlink(path) == 0 else {
            // EISDIR: a directory is no object, so there is none under this key.
            if [ENOENT, ENOTDIR, EISDIR].contains(errno) { return }
            throw failure(errno, key)
        }
        guard lock.sync() else { throw failure(errno, key) }
    }

    func delete(_ keys: [String]) throws {
        for key in keys { try delete(key) }
    }

    func forEachPage(
        prefix: String, startAfter: String?, delimiter: String?, _ body: (ObjectPage) throws -> Bool
    ) throws {
        var walk = walk(prefix: prefix, startAfter: startAfter, delimiter: delimiter)
        while let page = try walk.nextPage() {
            guard try body(page) else { return }
        }
    }

    func walk(prefix: String, startAfter: String?, delimiter: String?) -> LocalWalk {
        LocalWalk(root: root, prefix: prefix, startAfter: startAfter, delimiter: delimiter)
    }

    private func path(of key: String) throws(ObjectStoreError) -> String {
        guard isLocalKey(key.utf8) else {
            throw ObjectStoreError(
                .invalidKey,
                "The key '\(key)' cannot be a file: it has an empty segment, '.', '..', a NUL, a segment over 255 bytes "
                    + "or the name of a temporary file.", key: key)
        }
        return "\(root)/\(key)"
    }

    /// Makes each missing directory and makes it durable in the one above.
    private func makeDirectories(_ path: String, key: String) throws {
        var missing: [String] = []
        var current = path[...]
        while !current.isEmpty, access(String(current), F_OK) != 0, errno == ENOENT {
            missing.append(String(current))
            current = current[..<(current.lastIndex(of: "/") ?? current.startIndex)]
        }
        for directory in missing.reversed() {
            if mkdir(directory, 0o777) != 0, errno != EEXIST { throw creationFailure(errno, key) }
            let parent = String(directory[..<(directory.lastIndex(of: "/") ?? directory.startIndex)])
            guard syncDirectory(parent) else { throw failure(errno, key) }
        }
    }

    /// ENOTDIR: a part of the key before a slash is itself an object.
    private func creationFailure(_ code: Int32, _ key: String) -> ObjectStoreError {
        code == ENOTDIR
            ? ObjectStoreError(.conflict, "An object's key is a leading part of '\(key)'.", key: key)
            : failure(code, key)
    }
}

/// A file that has no name in the store yet.
final class UnpublishedFile: BlockingObjectUpload, @unchecked Sendable {
    // Unchecked: an upload is used by one task at a time, as `ObjectUpload` says.
    private var descriptor: Int32
    private let temporary: String
    private let target: String
    private let directory: String
    private let key: String

    init(descriptor: Int32, temporary: String, target: String, directory: String, key: String) {
        self.descriptor = descriptor
        self.temporary = temporary
        self.target = target
        self.directory = directory
        self.key = key
    }

    deinit { abort() }

    func write(_ bytes: [UInt8]) throws {
        guard descriptor >= 0 else { throw ended() }
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let written = posixWrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if written < 0 && errno == EINTR { continue }
                guard written >= 0 else { throw failure(errno, key) }
                done += written
            }
        }
    }

    func complete(condition: PutCondition) throws -> ObjectMetadata {
        guard descriptor >= 0 else { throw ended() }
        defer { abort() }
        guard fsync(descriptor) == 0 else { throw failure(errno, key) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno, key) }
        guard let metadata = ObjectMetadata(of: status, key: key) else { throw ObjectStoreError.notFound(key) }
        if condition == .ifAbsent {
            try publishIfAbsent()
        } else {
            try publishReplacing(condition)
        }
        return metadata
    }

    func abort() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)  // Gone already when it was renamed.
    }

    private func publishIfAbsent() throws {
        guard link(temporary, target) == 0 else {
            let code = errno
            if code == EEXIST { throw isDirectory(target) ? shadowed() : alreadyPresent(key) }
            throw failure(code, key)
        }
        guard syncDirectory(directory) else {
            throw ObjectStoreError(
                .ambiguous, "'\(key)' has its name, but the directory could not be synced: \(errorText(errno)).",
                key: key)
        }
    }

    private func publishReplacing(_ condition: PutCondition) throws {
        guard let lock = DirectoryLock(directory) else { throw failure(errno, key) }
        defer { lock.release() }
        if case .ifMatch(let etag) = condition {
            var status = stat()
            let found = stat(target, &status) == 0 ? ObjectMetadata(of: status, key: key)?.etag : nil
            guard found == etag else { throw etagDiffers(key, found) }
        }
        if rename(temporary, target) != 0 {
            // An empty directory is what deleted objects leave behind.
            guard errno == EISDIR, rmdir(target) == 0, rename(temporary, target) == 0 else {
                throw isDirectory(target) ? shadowed() : failure(errno, key)
            }
        }
        guard lock.sync() else {
            throw ObjectStoreError(
                condition == .none ? .unavailable : .ambiguous,
                "'\(key)' has its name, but the directory could not be synced: \(errorText(errno)).", key: key)
        }
    }

    private func shadowed() -> ObjectStoreError {
        ObjectStoreError(.conflict, "'\(key)' is a leading part of another object's key.", key: key)
    }

    private func ended() -> ObjectStoreError {
        ObjectStoreError(.other("UploadEnded"), "The upload has been completed or aborted.", key: key)
    }
}

/// An exclusive lock on a directory, honoured by every process that puts or deletes through `LocalFiles`.
private struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// Nil with `errno` set.
    init?(_ path: String) {
        descriptor = open(path.isEmpty ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let code = errno
                close(descriptor)
                errno = code
                return nil
            }
        }
    }

    func sync() -> Bool { fsync(descriptor) == 0 }
    func release() { close(descriptor) }
}

/// False with `errno` set.
private func syncDirectory(_ path: String) -> Bool {
    let descriptor = open(path.isEmpty ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    let result = fsync(descriptor)
    let code = errno
    close(descriptor)
    errno = code
    return result == 0
}

private func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

extension ObjectMetadata {
    /// Nil unless it is a regular file.
    init?(of status: stat, key: String) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let nanoseconds = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        // A put always makes a new file, so the inode, its time and its size tell contents apart.
        let etag = "\(String(UInt64(status.st_ino), radix: 16))-\(String(nanoseconds, radix: 16))"
            + "-\(String(status.st_size, radix: 16))"
        let milliseconds = Int64(status.st_mtim.tv_sec) &* 1000 &+ Int64(status.st_mtim.tv_nsec) / 1_000_000
        self.init(
            key: key, size: Int64(status.st_size), etag: etag,
            lastModified: Timestamp(millisecondsSince1970: milliseconds))
    }
}

/// Whether `key` can be a path below the root, and only there.
func isLocalKey(_ key: some Collection<UInt8>) -> Bool {
    key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { segment in
        !segment.isEmpty && segment.count <= 255 && !segment.contains(0) && !segment.elementsEqual(".".utf8)
            && !segment.elementsEqual("..".utf8) && !isTemporaryName(segment)
    }
}

func isTemporaryName(_ name: some Collection<UInt8>) -> Bool {
    name.starts(with: ".millrace-".utf8) && name.suffix(4).elementsEqual(".tmp".utf8)
}

func failure(_ code: Int32, _ key: String) -> ObjectStoreError {
    switch code {
    case ENOENT, ENOTDIR: .notFound(key)
    case EACCES, EPERM, EROFS: ObjectStoreError(.accessDenied, "\(errorText(code)).", key: key)
    case ENAMETOOLONG, ELOOP: ObjectStoreError(.invalidKey, "\(errorText(code)).", key: key)
    case ENOSPC, EDQUOT: ObjectStoreError(.other("NoSpace"), "\(errorText(code)).", key: key)
    default: ObjectStoreError(.other("errno \(code)"), "\(errorText(code)).", key: key)
    }
}

private func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }

/// `write(2)`, which a method of the same name would hide.
private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
