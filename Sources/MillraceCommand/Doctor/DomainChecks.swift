import AWSServer
import Logging
import SettingsModel

#if canImport(Glibc)
import Glibc
#endif

/// Whether clients find buckets under the configured domains: by the name server, and in the certificate.
struct DomainChecks {
    let settings: EffectiveSettings

    func findings() -> [Finding] {
        // Settings that contradict each other have been said, and a certificate that cannot be read.
        guard let server = try? Server.Settings(settings) else { return [] }
        let names = server.tls.flatMap { try? $0.load(Logger(label: "millrace")).names }
        return server.objectDomains.map { domain in
            if let names, !names.contains(where: { $0.lowercased() == "*.\(domain)" }) {
                return .warn(
                    "domains", "the certificate has no name *.\(domain), so that clients refuse the hosts of buckets",
                    fix: "get a certificate for \(domain) and *.\(domain)")
            }
            guard Self.isFound("millrace-doctor.\(domain)") else {
                return .warn(
                    "domains", "the name of a bucket before \(domain) has no address here",
                    fix: "let the name server answer *.\(domain) with the server's address")
            }
            return .ok("domains", "buckets have hosts under \(domain)")
        }
    }

    private static func isFound(_ name: String) -> Bool {
        var found: UnsafeMutablePointer<addrinfo>?
        defer { if let found { freeaddrinfo(found) } }
        return getaddrinfo(name, nil, nil, &found) == 0
    }
}
