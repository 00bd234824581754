#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// `errno`'s meaning in the system's words.
func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }

/// An open file, closed with the last reference to it.
final class OpenFile {
    let descriptor: Int32

    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(ProcessRunnerError) {
        descriptor = open(path, flags | O_CLOEXEC, mode)
        if descriptor < 0 { throw .system(operation: "open", path: path, errno: errno) }
    }

    deinit { close(descriptor) }
}

/// A file's bytes; nil if there is no such file.
func readFile(_ path: String, maxBytes: Int = 64 << 20) throws(ProcessRunnerError) -> [UInt8]? {
    let file: OpenFile
    do throws(ProcessRunnerError) {
        file = try OpenFile(path, O_RDONLY)
    } catch .system(_, _, ENOENT) {
        return nil
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(file.descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        if count < 0 { throw .system(operation: "read", path: path, errno: errno) }
        if count == 0 { return bytes }
        bytes.append(contentsOf: chunk[..<count])
        if bytes.count > maxBytes { throw .system(operation: "read", path: path, errno: EFBIG) }
    }
}

/// Makes a file hold `bytes`, for as long as the machine is up.
@discardableResult
func writeFile(_ bytes: [UInt8], _ path: String) throws(ProcessRunnerError) -> OpenFile {
    let file = try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC)
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes {
            write(file.descriptor, UnsafeRawBufferPointer(rebasing: $0[written...]).baseAddress, bytes.count - written)
        }
        if count < 0, errno == EINTR { continue }
        if count < 0 { throw ProcessRunnerError.system(operation: "write", path: path, errno: errno) }
        written += count
    }
    return file
}

/// Makes `name` in `directory` hold `bytes`, durably and at once.
func writeDurably(_ bytes: [UInt8], directory: String, name: String) throws(ProcessRunnerError) {
    let temporary = "\(directory)/.\(name).tmp"
    let path = "\(directory)/\(name)"
    do {
        let file = try writeFile(bytes, temporary)
        if fsync(file.descriptor) != 0 {
            throw ProcessRunnerError.system(operation: "fsync", path: temporary, errno: errno)
        }
    }
    if rename(temporary, path) != 0 { throw .system(operation: "rename", path: path, errno: errno) }
    let parent = try OpenFile(directory, O_RDONLY | O_DIRECTORY)
    if fsync(parent.descriptor) != 0 { throw .system(operation: "fsync", path: directory, errno: errno) }
}

/// Makes a directory and those above it that are missing.
func makeDirectories(_ path: String) throws(ProcessRunnerError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
        throw .system(operation: "mkdir", path: path, errno: errno)
    }
    try makeDirectories(String(path[..<slash]))
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw .system(operation: "mkdir", path: path, errno: errno) }
}
