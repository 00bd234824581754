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
/// of the profile in the files that AWS's tools share.
struct ForeignCredentials: Sendable {
    private let fixed: AWSCredentials?
    private let environment: [String: String]

    /// - Throws: `CommandFailure` when only one half of a key is set.
    init(_ settings: EffectiveSettings, environment: [String: String]) throws {
        self.environment = environment
        switch (settings.text(.awsAccessKeyID), settings.text(.awsSecretAccessKey)) {
        case (let key?, let secret?):
            fixed = AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: settings.text(.awsSessionToken))
        case (nil, nil): fixed = nil
        default: throw CommandFailure("aws.access-key-id and aws.secret-access-key belong together: one is missing.")
        }
    }

    /// The files are read each time, so that a renewed key counts at once; nil when they have none.
    func current() -> AWSCredentials? {
        if let fixed { return fixed }
        let variables = try? AWSSharedFiles.completing(environment)  // A profile that cannot be used has no key.
        return AWSEnvironment(variables ?? environment).credentials
    }
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
