import AWSProtocol
import FoundationEssentials
import HTTPTransport
import ServiceModels
import SettingsModel
import StatesIntegrations

extension ForeignServices.Endpoint {
    /// Where Task states find services that are not this server's: `AWS_ENDPOINT_URL_<SERVICE>`, then `endpoints` of the
    /// file.
    ///
    /// - Parameter own: names of the services that this server has itself; endpoints of these are an error in the file and
    ///   pass unnoticed in the environment, where they are for other programs.
    /// - Throws: `CommandFailure` for what is no URL.
    static func configured(
        _ settings: EffectiveSettings, environment: [String: String], own: Set<String>
    ) throws -> [String: ForeignServices.Endpoint] {
        let own = Set(own.map(ServiceNames.key))
        var endpoints: [String: ForeignServices.Endpoint] = [:]
        func add(_ name: String, _ url: String, _ origin: String) throws -> String {
            guard let address = HTTPEndpoint(url: url) else {
                throw CommandFailure("\(origin) is not an http or https URL: '\(url)'.")
            }
            let key = ServiceNames.key(name)
            endpoints[key] = ForeignServices.Endpoint(address: address)
            return key
        }
        for (name, endpoint) in settings.integrations.endpoints.sorted(by: { $0.key < $1.key }) {
            guard !own.contains(ServiceNames.key(name)) else {
                throw CommandFailure(
                    "endpoints.\(name) (\(endpoint.origin.text)) has no effect: this server is \(name) itself. Remove it.")
            }
            let key = try add(name, endpoint.url, "endpoints.\(name) (\(endpoint.origin.text))")
            endpoints[key]?.repeatsUnknownOutcome = endpoint.repeatsUnknownOutcome
        }
        let ignored = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() == "true"
        let prefix = "AWS_ENDPOINT_URL_"
        for (variable, url) in environment where !ignored && !url.isEmpty && variable.hasPrefix(prefix) {
            let name = String(variable.dropFirst(prefix.count))
            guard !own.contains(ServiceNames.key(name)) else { continue }
            let repeats = endpoints[ServiceNames.key(name)]?.repeatsUnknownOutcome ?? false
            let key = try add(name, url, variable)
            endpoints[key]?.repeatsUnknownOutcome = repeats
        }
        return endpoints
    }
}

/// The key that calls to services elsewhere are signed with: that of the settings, else that of the AWS variables, else that
/// of the profile in the shared files.
struct ForeignCredentials: Sendable {
    private let fixed: AWSCredentials?
    private let files: [String]
    private let profile: String

    /// - Throws: `CommandFailure` when only one half of a key is set.
    init(_ settings: EffectiveSettings, environment: [String: String]) throws {
        let key = settings.text(.awsAccessKeyID), secret = settings.text(.awsSecretAccessKey)
        if let key, let secret {
            fixed = AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: settings.text(.awsSessionToken))
        } else if key != nil || secret != nil {
            throw CommandFailure("aws.access-key-id and aws.secret-access-key belong together: one is missing.")
        } else {
            fixed = AWSEnvironment(environment).credentials
        }
        let home = environment["HOME"] ?? ""
        files = [
            environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials",
            environment["AWS_CONFIG_FILE"] ?? "\(home)/.aws/config",
        ]
        profile = environment["AWS_PROFILE"] ?? "default"
    }

    /// The files are read each time, so that a renewed key counts at once.
    func current() -> AWSCredentials? {
        if let fixed { return fixed }
        for (file, section) in zip(files, [profile, profile == "default" ? profile : "profile \(profile)"]) {
            // A file that is not there, or not for us, has no key.
            guard let text = FileManager.default.contents(atPath: file) else { continue }
            let values = Self.values(of: section, in: String(decoding: text, as: UTF8.self))
            if let key = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] {
                return AWSCredentials(
                    accessKeyID: key, secretAccessKey: secret, sessionToken: values["aws_session_token"])
            }
        }
        return nil
    }

    /// Of the INI format that the AWS tools share.
    private static func values(of section: String, in text: String) -> [String: String] {
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.hasPrefix("[") {
                isInside = line == "[\(section)]"
            } else if isInside, let equals = line.firstIndex(of: "="), !line.hasPrefix("#"), !line.hasPrefix(";") {
                values[trimmed(line[..<equals])] = trimmed(line[line.index(after: equals)...])
            }
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private static func trimmed(_ text: String) -> String { trimmed(text[...]) }
}

extension LocalFunctions.Function {
    init(_ function: IntegrationSettings.Function) {
        self.init(
            command: function.command.first.map { [absoluteProgram($0)] + function.command.dropFirst() } ?? [],
            timeoutSeconds: function.timeoutSeconds,
            environment: function.environment.map { ($0.name, $0.value) },
            workingDirectory: function.workingDirectory.map(absolutePath), maxConcurrency: function.maxConcurrency)
    }
}

/// A name without a slash is looked for in `PATH`.
private func absoluteProgram(_ program: String) -> String { program.contains("/") ? absolutePath(program) : program }
