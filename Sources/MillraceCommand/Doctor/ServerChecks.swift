import AWSProtocol
import AWSServer
import HTTPTransport
import Logging
import SettingsModel
import Support

/// The server when one runs on the data directory, else whether its ports are free.
struct ServerChecks {
    let directory: DataDirectory
    let settings: EffectiveSettings

    /// Days before its end in which a certificate should have been renewed.
    private static let renewalDays: Int64 = 14

    func findings() async -> [Finding] {
        guard directory.isServed() else { return ports() + certificate() }
        // Endpoints that cannot be read are as good as none: the server is about to write them.
        guard let endpoints = try? directory.readEndpoints() else {
            return [
                .warn(
                    "server", "a server holds \(directory.path) and has not said yet where it listens",
                    fix: "run this again in a moment; what it waits for is in its log")
            ]
        }
        return [version(endpoints), await health(endpoints), await identity(endpoints)] + certificate()
    }

    private func certificate() -> [Finding] {
        // Settings that contradict each other have been said.
        guard let files = (try? Server.Settings(settings))?.tls else { return [] }
        do {
            let end = try files.load(Logger(label: "millrace")).validUntil
            let text = "the certificate \(files.certificate) is valid until \(end.iso8601)"
            let daysLeft = end.milliseconds(since: SystemWallClock().now()) / 86_400_000
            return [
                daysLeft >= Self.renewalDays
                    ? .ok("tls", text) : .warn("tls", text, fix: "renew it; the server takes the new files up by itself")
            ]
        } catch {
            return [.fail("tls", "\(error)", fix: "put files there that fit; the server takes them up by itself")]
        }
    }

    private func ports() -> [Finding] {
        var found = [Finding.ok("server", "no server runs on \(directory.path)")]
        do {
            let server = try Server.Settings(settings)
            for (address, flag) in [(server.api, "--port"), (server.console, "--console-port")] {
                do {
                    let port = try address.hold(flag: flag).number
                    found.append(.ok("ports", address.port == 0 ? "a port is free" : "port \(port) of \(address.host) is free"))
                } catch {
                    let lines = "\(error)".split(separator: "\n", maxSplits: 1).map(String.init)
                    found.append(.fail("ports", lines[0], fix: lines.count > 1 ? lines[1] : "choose another with \(flag)"))
                }
            }
        } catch {
            found.append(.fail("config", "\(error)", fix: "correct it; `millrace config show` says where it comes from"))
        }
        return found
    }

    private func version(_ endpoints: DataDirectory.Endpoints) -> Finding {
        let running = endpoints.version.isEmpty ? "an older release" : endpoints.version
        let text = "process \(endpoints.process) serves \(endpoints.api), version \(running)"
        return running == Version.text
            ? .ok("server", text)
            : .warn("server", "\(text), and this program is \(Version.text)", fix: "start the server again with this program")
    }

    private func health(_ endpoints: DataDirectory.Endpoints) async -> Finding {
        guard let console = HTTPEndpoint(url: endpoints.console) else {
            return .fail("server", "\(directory.endpoints) names no URL", fix: "start the server again")
        }
        let timeouts = HTTPTimeouts(connectMilliseconds: 3000, idleMilliseconds: 10_000)
        do {
            let transport = CurlTransport(HTTPTransportConfiguration(certificateFile: environmentValue("AWS_CA_BUNDLE")))
            let answer = try await transport.send(
                HTTPRequest(method: "GET", endpoint: console, rawPath: "/readyz", timeouts: timeouts))
            return answer.status == 200
                ? .ok("server", "it is ready, console \(endpoints.console)")
                : .fail(
                    "server", "it is not ready: \(String(decoding: answer.body.prefix(200), as: UTF8.self))",
                    fix: "look at its log")
        } catch let error as HTTPClientError where error.kind == .untrusted {
            return .warn(
                "server", "\(endpoints.console) has a certificate that is not trusted here",
                fix: "set AWS_CA_BUNDLE to the file (PEM) of the authority that signed it")
        } catch {
            return .fail(
                "server", "\(endpoints.console) does not answer: \(error)",
                fix: "look at its log; if it hangs: kill -ABRT \(endpoints.process), and start it again")
        }
    }

    private func identity(_ endpoints: DataDirectory.Endpoints) async -> Finding {
        do {
            guard let credentials = try directory.readCredentials(), let url = HTTPEndpoint(url: endpoints.local) else {
                return .fail("server", "there is no \(directory.credentials)", fix: "restore it from a backup")
            }
            let request = SignedProbe(
                endpoint: url, region: "us-east-1", service: "sts", credentials: credentials, transport: CurlTransport())
            let answer = try await request.send("POST", "/", body: Array("Action=GetCallerIdentity&Version=2011-06-15".utf8))
            guard answer.status == 200 else {
                return .fail(
                    "server", "it refuses the root key: \(answer.error?.description ?? "status \(answer.status)")",
                    fix: "start the server again: it reads \(directory.credentials) at its start")
            }
            return .ok("server", "it answers requests signed with the root key")
        } catch {
            return .fail("server", "\(endpoints.local) does not answer: \(error)", fix: "look at its log")
        }
    }
}
