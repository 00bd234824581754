import AWSServer

#if canImport(Glibc)
import Glibc
#endif

/// A port that nobody else is given while this is held: a listener of this process is bound to it all the same.
///
/// - Source: socket(7), `SO_REUSEADDR`: both sockets have it, and only one listens.
final class HeldPort: Sendable {
    let number: Int
    private let descriptor: Int32

    fileprivate init(_ number: Int, _ descriptor: Int32) {
        self.number = number
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}

/// An address that a listener can be bound to.
struct ListeningAddress {
    let host: String
    let port: Int

    /// Where programs on this machine reach the listener: a wildcard address answers on loopback. With a certificate it is
    /// called by a name in there, where possible: clients insist on it.
    func url(_ certificate: ServerCertificate? = nil) -> String {
        var host =
            switch host {
            case "0.0.0.0", "": "127.0.0.1"
            case "::", "[::]": "::1"
            default: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
            }
        if let names = certificate?.names, !names.contains(host.lowercased()) {
            host = names.first { $0 == "localhost" } ?? names.first { !$0.hasPrefix("*") } ?? host
        }
        return "\(certificate == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    static func isLoopback(_ host: String) -> Bool { ["127.0.0.1", "localhost", "::1"].contains(host) }

    /// Takes the port for listeners of this process; a free one for port 0.
    ///
    /// - Throws: `CommandFailure`, for a port that is taken with the process that has it.
    /// - Parameter flag: `--port` or `--console-port`: what the person may change.
    func hold(flag: String) throws -> HeldPort {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0, let list else {
            throw CommandFailure("cannot listen on '\(host)': \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(list) }
        let found = list.pointee
        let descriptor = socket(found.ai_family, found.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), found.ai_protocol)
        guard descriptor >= 0 else { throw failure(flag, errno) }
        do {
            return HeldPort(try bind(descriptor, to: found, flag), descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// The port that the socket has then.
    private func bind(_ descriptor: Int32, to address: addrinfo, _ flag: String) throws -> Int {
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard Glibc.bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 else { throw failure(flag, errno) }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard named == 0 else { throw failure(flag, errno) }
        // The port stands at the same place for both families.
        return withUnsafeBytes(of: &storage) { Int($0[2]) << 8 | Int($0[3]) }
    }

    private func failure(_ flag: String, _ number: Int32) -> CommandFailure {
        let setting = flag.dropFirst(2)
        switch number {
        case EADDRINUSE:
            let holder = portHolder(port).map { "process \($0.process) (\($0.command))" } ?? "another program"
            return CommandFailure(
                """
                port \(port) of \(host) is taken by \(holder).
                Stop that one, or choose another port with \(flag) (`\(setting):` in millrace.yaml); 0 takes a free one.
                """)
        case EACCES:
            return CommandFailure("port \(port) of \(host) needs privileges: choose one above 1023 with \(flag).")
        case EADDRNOTAVAIL:
            return CommandFailure("\(host) is no address of this machine: choose another with --host or --console-host.")
        default:
            return CommandFailure("cannot listen on port \(port) of \(host): \(String(cString: strerror(number)))")
        }
    }
}

/// The process that listens on a TCP port of this machine, as far as this user may see; nil when it cannot be told.
///
/// - Source: proc_net_tcp(5): the fourth column `0A` is a listening socket, the tenth its inode.
func portHolder(_ port: Int) -> (process: Int32, command: String)? {
    var inodes: Set<String> = []
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in (procText(table) ?? "").split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            guard words.count > 9, words[3] == "0A", let colon = words[1].lastIndex(of: ":"),
                Int(words[1][words[1].index(after: colon)...], radix: 16) == port
            else { continue }
            inodes.insert("socket:[\(words[9])]")
        }
    }
    guard !inodes.isEmpty else { return nil }
    for name in directoryNames("/proc") {
        guard let process = Int32(name) else { continue }
        for descriptor in directoryNames("/proc/\(name)/fd") {
            var buffer = [CChar](repeating: 0, count: 64)
            let length = readlink("/proc/\(name)/fd/\(descriptor)", &buffer, buffer.count)
            guard length > 0,
                inodes.contains(String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self))
            else { continue }
            return (process, processCommand(process) ?? "?")
        }
    }
    return nil
}

/// A process's command line, its words separated by blanks.
func processCommand(_ process: Int32) -> String? {
    guard let text = procText("/proc/\(process)/cmdline"), !text.isEmpty else { return nil }
    let words = text.split(separator: "\0")
    let program = words.first?.split(separator: "/").last ?? ""
    return ([program] + words.dropFirst()).joined(separator: " ")
}

private func directoryNames(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
}

/// A file of /proc, which has no size before it is read; at most 4 MiB of it.
func procText(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < 4 << 20 {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
