package import AWSProtocol

/// Endpoints, region and keys as the variables that AWS tools share give them. Programs pass the environment in.
package struct AWSEnvironment: Sendable {
    private let variables: [String: String]

    package init(_ variables: [String: String]) {
        self.variables = variables.filter { !$0.value.isEmpty }
    }

    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, else us-east-1.
    package var region: String { variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"] ?? "us-east-1" }

    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and perhaps `AWS_SESSION_TOKEN`; nil when one of the first two is
    /// missing.
    package var credentials: AWSCredentials? {
        guard let id = variables["AWS_ACCESS_KEY_ID"], let secret = variables["AWS_SECRET_ACCESS_KEY"] else { return nil }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: variables["AWS_SESSION_TOKEN"])
    }

    /// `AWS_ENDPOINT_URL_<SERVICE>`, then `AWS_ENDPOINT_URL`; nil for AWS itself.
    ///
    /// - Throws: `HTTPClientError` `.invalidRequest` naming the variable whose value is no URL.
    package func endpoint(of service: String) throws -> HTTPEndpoint? {
        try endpoint(variables: ["AWS_ENDPOINT_URL_\(service.uppercased())", "AWS_ENDPOINT_URL"])
    }

    /// `MILLRACE_S3_ENDPOINT` for a store apart from the other services, then as `endpoint(of:)`.
    package func s3Endpoint() throws -> HTTPEndpoint? {
        try endpoint(variables: ["MILLRACE_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
    }

    /// `MILLRACE_S3_ACCESS_KEY_ID` and `MILLRACE_S3_SECRET_ACCESS_KEY` for a store apart, else `credentials`.
    package var s3Credentials: AWSCredentials? {
        guard let id = variables["MILLRACE_S3_ACCESS_KEY_ID"], let secret = variables["MILLRACE_S3_SECRET_ACCESS_KEY"]
        else { return credentials }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: variables["MILLRACE_S3_SESSION_TOKEN"])
    }

    /// Whether S3 is a store apart from the other services.
    package var hasSeparateS3: Bool { variables["MILLRACE_S3_ENDPOINT"] != nil }

    /// `MILLRACE_S3_REGION`; else us-east-1 for a store apart, which does not follow the other services, else `region`.
    package var s3Region: String { variables["MILLRACE_S3_REGION"] ?? (hasSeparateS3 ? "us-east-1" : region) }

    /// `MILLRACE_S3_PATH_STYLE`; nil chooses by the endpoint.
    ///
    /// - Throws: `HTTPClientError` `.invalidRequest` for a value that is neither true nor false.
    package func s3PathStyle() throws -> Bool? {
        guard let value = variables["MILLRACE_S3_PATH_STYLE"] else { return nil }
        switch value.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            throw HTTPClientError(
                .invalidRequest, mayHaveHappened: false, "MILLRACE_S3_PATH_STYLE must be true or false, found '\(value)'.")
        }
    }

    /// `MILLRACE_S3_CA_FILE`, else `certificateFile`.
    package var s3CertificateFile: String? { variables["MILLRACE_S3_CA_FILE"] ?? certificateFile }

    /// `AWS_CA_BUNDLE`.
    package var certificateFile: String? { variables["AWS_CA_BUNDLE"] }

    private func endpoint(variables names: [String]) throws -> HTTPEndpoint? {
        for name in names {
            guard let url = variables[name] else { continue }
            guard let endpoint = HTTPEndpoint(url: url) else {
                throw HTTPClientError(
                    .invalidRequest, mayHaveHappened: false, "\(name) is not an http or https URL: '\(url)'.")
            }
            return endpoint
        }
        return nil
    }
}
