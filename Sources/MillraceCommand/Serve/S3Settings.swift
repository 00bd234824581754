import AWSProtocol

/// The S3 store that jobs read and write, when it is not the embedded one.
struct S3Settings: Sendable {
    var endpoint: String
    var region: String
    var credentials: AWSCredentials

    /// `MILLRACE_S3_ENDPOINT`, `MILLRACE_S3_ACCESS_KEY_ID`, `MILLRACE_S3_SECRET_ACCESS_KEY`, `MILLRACE_S3_REGION`.
    static func fromEnvironment(_ value: (String) -> String?) throws -> S3Settings? {
        guard let endpoint = value("MILLRACE_S3_ENDPOINT") else { return nil }
        guard let key = value("MILLRACE_S3_ACCESS_KEY_ID"), let secret = value("MILLRACE_S3_SECRET_ACCESS_KEY") else {
            throw CommandFailure(
                "MILLRACE_S3_ENDPOINT is set: set MILLRACE_S3_ACCESS_KEY_ID and MILLRACE_S3_SECRET_ACCESS_KEY, too.")
        }
        return S3Settings(
            endpoint: endpoint, region: value("MILLRACE_S3_REGION") ?? "us-east-1",
            credentials: AWSCredentials(accessKeyID: key, secretAccessKey: secret))
    }
}
