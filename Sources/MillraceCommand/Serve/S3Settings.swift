import HTTPTransport
import ObjectStoreS3
import SettingsModel

#if canImport(Glibc)
import Glibc
#endif

/// The S3 store that jobs and queries use, when it is not the embedded one.
struct S3Settings: Sendable {
    let configuration: S3Configuration
    /// What jobs and sessions are given: every setting, so that nothing is taken from `AWS_…`, which means the server.
    let variables: [(name: String, value: String)]
    let transport: HTTPTransportConfiguration

    /// Nil when no other store's endpoint is set.
    ///
    /// - Throws: `CommandFailure` for settings that are missing, or a certificate file that cannot be read.
    init?(_ settings: EffectiveSettings) throws {
        guard settings[.s3Endpoint] != nil else { return nil }
        guard settings[.s3AccessKeyID] != nil, settings[.s3SecretAccessKey] != nil else {
            let origin = settings[.s3Endpoint]?.origin.text ?? ""
            throw CommandFailure(
                "s3.endpoint is set (\(origin)): set s3.access-key-id and s3.secret-access-key, too, or "
                    + "MILLRACE_S3_ACCESS_KEY_ID and MILLRACE_S3_SECRET_ACCESS_KEY.")
        }
        let all: [Setting] = [
            .s3Endpoint, .s3AccessKeyID, .s3SecretAccessKey, .s3SessionToken, .s3Region, .s3PathStyle, .s3CertificateFile,
        ]
        var variables: [(name: String, value: String)] = []
        for setting in all {
            guard var text = settings.text(setting) else { continue }
            if setting.key == Setting.s3CertificateFile.key { text = try Self.readablePath(text) }
            variables.append((setting.environment, text))
        }
        self.variables = variables
        let environment = AWSEnvironment(Dictionary(variables.map { ($0.name, $0.value) }) { first, _ in first })
        do {
            configuration = try S3Configuration(environment)
        } catch let error as HTTPClientError {
            throw CommandFailure(error.message)
        }
        transport = HTTPTransportConfiguration(certificateFile: environment.s3CertificateFile)
    }

    /// Jobs run in directories of their own.
    private static func readablePath(_ file: String) throws -> String {
        guard access(file, R_OK) == 0, let path = realpath(file, nil) else {
            throw CommandFailure("s3.ca-file names '\(file)', which cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { free(path) }
        return String(cString: path)
    }
}
