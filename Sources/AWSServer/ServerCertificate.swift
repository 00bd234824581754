package import Logging
import NIOSSL
package import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The certificate and key that a listener presents, as they are in their files now.
///
/// New connections look whether the files have changed. What has been replaced by something unusable, as between the
/// moments in which a renewal writes one and the other, is passed over; the last that was good stays.
package final class ServerCertificate: Sendable {
    /// A certificate or key that cannot be used: which file, what is wrong, what to do.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    /// What tells one version of the files from the next.
    private struct Stamp: Hashable {
        var size: Int, seconds: Int, nanoseconds: Int, inode: UInt64
    }

    private struct State {
        var context: NIOSSLContext
        /// Of the files that were tried last.
        var stamps: [Stamp?]
    }

    /// The names in the certificate at the start, DNS names and addresses, in its order.
    package let names: [String]
    /// Of the certificate at the start.
    package let validUntil: Timestamp
    private let certificateFile: String
    private let keyFile: String
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - certificateFile: PEM; the server's certificate, then those that lead to the authority.
    ///   - keyFile: PEM, without a passphrase.
    package init(certificateFile: String, keyFile: String, logger: Logger) throws(Failure) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.logger = logger
        let stamps = [Self.stamp(certificateFile), Self.stamp(keyFile)]
        let (context, leaf) = try Self.load(certificateFile, keyFile)
        names = Self.names(of: leaf)
        // The times of X.509 end with the year 9999.
        validUntil = Timestamp(millisecondsSince1970: Int64(leaf.notValidAfter) * 1000)
        state = Mutex(State(context: context, stamps: stamps))
    }

    /// For a new connection.
    var context: NIOSSLContext {
        state.withLock { state in
            let stamps = [Self.stamp(certificateFile), Self.stamp(keyFile)]
            guard stamps != state.stamps else { return state.context }
            state.stamps = stamps
            do {
                state.context = try Self.load(certificateFile, keyFile).context
                logger.notice("the certificate has been renewed", metadata: ["file": "\(certificateFile)"])
            } catch {
                logger.warning("the certificate stays the one before", metadata: ["error": "\(error)"])
            }
            return state.context
        }
    }

    private static func load(
        _ certificateFile: String, _ keyFile: String
    ) throws(Failure) -> (context: NIOSSLContext, leaf: NIOSSLCertificate) {
        let certificate = try contents(of: certificateFile, "certificate")
        let key = try contents(of: keyFile, "key")
        guard let chain = try? NIOSSLCertificate.fromPEMBytes(certificate), let leaf = chain.first else {
            throw Failure(
                "\(certificateFile) has no certificate: it must be PEM, beginning with -----BEGIN CERTIFICATE-----.")
        }
        guard let privateKey = try? NIOSSLPrivateKey(bytes: key, format: .pem) else {
            throw Failure(
                String(decoding: key, as: UTF8.self).contains("ENCRYPTED")
                    ? "the key \(keyFile) has a passphrase: take it off with `openssl pkey -in \(keyFile) -out FILE`."
                    : "\(keyFile) has no private key: it must be PEM, with -----BEGIN PRIVATE KEY-----.")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        do {
            return (try NIOSSLContext(configuration: configuration), leaf)
        } catch {
            throw Failure(
                "\(keyFile) is not the key of the first certificate in \(certificateFile): the server's own must come before "
                    + "those of authorities, and both files must be of one renewal (\(error)).")
        }
    }

    private static func contents(of path: String, _ what: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("the \(what) \(path) cannot be read by uid \(geteuid()): \(String(cString: strerror(errno))).")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw Failure("the \(what) \(path) cannot be read: \(String(cString: strerror(errno))).")
            }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        throw Failure("the \(what) \(path) has 1 MiB or more: it is none.")
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            size: Int(status.st_size), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec,
            inode: UInt64(status.st_ino))
    }

    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().compactMap { name in
            let bytes = Array(name.contents)
            switch name.nameType {
            case .dnsName: return String(decoding: bytes, as: UTF8.self).lowercased()
            case .ipAddress where bytes.count == 4: return bytes.map(String.init).joined(separator: ".")
            case .ipAddress where bytes.count == 16:
                var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
                guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return nil }
                return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            default: return nil
            }
        }
    }
}
