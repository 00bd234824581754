#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A fresh directory, removed with all it holds when the value goes away.
package final class TemporaryDirectory: Sendable {
    /// Absolute, without a slash at the end.
    package let path: String

    package init() throws {
        var template = Array("/tmp/millrace-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestSupportError(message: "mkdtemp: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }
}

/// Removes a file, or a directory with all it holds; symbolic links are not followed.
package func removeTree(_ path: String) {
    if remove(path) == 0 { return }
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { removeTree(path + "/" + name) }
    }
    closedir(directory)
    remove(path)
}

/// What a test needed from its surroundings and did not get.
package struct TestSupportError: Error, Sendable {
    package let message: String

    package init(message: String) { self.message = message }
}

/// The size of a file in bytes.
package func fileSize(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
        throw TestSupportError(message: "stat \(path): \(String(cString: strerror(errno)))")
    }
    return Int(status.st_size)
}
