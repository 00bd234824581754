import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// An open file; closed with its last reference.
final class BackupFile {
    let path: String
    let descriptor: Int32

    /// - Throws: `BackupError`.
    init(_ path: String, _ flags: Int32) throws(BackupError) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw systemError("open", path) }
    }

    /// Nil when there is no such file.
    static func ifPresent(_ path: String) throws(BackupError) -> BackupFile? {
        if access(path, F_OK) != 0, errno == ENOENT { return nil }
        return try BackupFile(path, O_RDONLY)
    }

    deinit { close(descriptor) }

    func size() throws(BackupError) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError("fstat", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw BackupError("\(path) is no ordinary file") }
        return Int64(status.st_size)
    }

    /// The bytes at `offset` that fit in `buffer`; fewer at the file's end only.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BackupError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("read", path)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(BackupError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("write", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func synchronise() throws(BackupError) {
        guard fsync(descriptor) == 0 else { throw systemError("fsync", path) }
    }
}

func systemError(_ operation: String, _ path: String) -> BackupError {
    BackupError("\(operation) \(path): \(String(cString: strerror(errno)))")
}

/// Names in a directory but for `.` and `..`, sorted; none for a directory that is not there.
func names(in path: String) throws(BackupError) -> [String] {
    guard let directory = opendir(path) else {
        if errno == ENOENT { return [] }
        throw systemError("opendir", path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Makes what a directory's name says durable.
func synchronise(directory: String) throws(BackupError) {
    try BackupFile(directory, O_RDONLY | O_DIRECTORY).synchronise()
}

/// Makes a file, or a directory with all it holds, durable.
func synchroniseTree(_ path: String) throws(BackupError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw systemError("stat", path) }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in try names(in: path) { try synchroniseTree(path + "/" + name) }
    }
    try BackupFile(path, O_RDONLY).synchronise()
}

func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Removes a file, or a directory with all it holds; symbolic links are not followed.
func removeTree(_ path: String) throws(BackupError) {
    if unlink(path) == 0 || errno == ENOENT { return }
    for name in try names(in: path) { try removeTree(path + "/" + name) }
    guard rmdir(path) == 0 else { throw systemError("remove", path) }
}
