#if canImport(Glibc)
import Glibc
#endif

/// The program that started the server and waits to hear that it serves: systemd, for a unit of `Type=notify`.
///
/// - Source: sd_notify(3): one datagram to the socket that `$NOTIFY_SOCKET` names.
enum ServiceManager {
    /// Says that the server answers. Does nothing when nobody asked for it.
    static func announceReady(_ status: String) {
        guard let name = environmentValue("NOTIFY_SOCKET") else { return }
        do throws(CommandFailure) {
            try send("READY=1\nSTATUS=\(status)\n", to: name)
        } catch {
            note("millrace: cannot tell $NOTIFY_SOCKET that the server is ready: \(error.description)")
        }
    }

    private static func send(_ text: String, to name: String) throws(CommandFailure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path), path[0] == 47 || path[0] == 64 else {
            throw CommandFailure("'\(name)' is neither a path nor an abstract name of a socket")
        }
        if path[0] == 64 { path[0] = 0 }  // @name is abstract: it begins with a zero byte and has no other end.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + path.count } ?? 0)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw CommandFailure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), generic, length)
            }
        }
        guard sent == bytes.count else { throw CommandFailure(String(cString: strerror(errno))) }
    }
}
