package import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Receives the reports of jobs: datagrams of one JSON object each, on a socket whose path stays the same over restarts.
/// Reports that come while nobody listens are lost, which is their nature.
package enum ReportSocket {
    private static let datagramBytesMax = 64 << 10

    /// Listens until the process ends.
    ///
    /// - Returns: false when the socket cannot be had, such as for a path longer than 107 bytes; jobs then run without.
    package static func listen(at path: String, _ receive: @escaping @Sendable (JSONValue) -> Void) -> Bool {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        unlink(path)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, chmod(path, 0o600) == 0 else {
            close(descriptor)
            return false
        }
        startReceiving(descriptor, receive)
        return true
    }

    private static func startReceiving(_ descriptor: Int32, _ receive: @escaping @Sendable (JSONValue) -> Void) {
        startThread(name: "job-reports", stackBytes: 512 << 10) {
            var buffer = [UInt8](repeating: 0, count: datagramBytesMax)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                if count < 0 { break }
                for line in buffer[..<count].split(separator: 10) {
                    // What is not JSON is no report.
                    if let report = try? JSONValue(parsing: Array(line)) { receive(report) }
                }
            }
            close(descriptor)
        }
    }
}
