/// One thing that can be configured. The file's validation, the flags' help, `config show` and the reference in
/// docs/configuration.md all follow from this declaration.
package struct Setting: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case text
        /// In a file, relative to the file's directory.
        case path
        /// http or https.
        case url
        /// Shown as asterisks. May also come from a file of its own, see `fileKey`, or as a systemd credential.
        case secret
        case integer(ClosedRange<Int>)
        case flag
        case choice([String])
        case digits(Int)
        /// Domain names with commas between them.
        case domains
    }

    /// Where it stands in the file: names separated by a point.
    package let key: String
    package let kind: Kind
    /// What holds when nobody says anything; nil leaves it out.
    package let standard: String?
    /// What leaving it out means.
    package let absence: String?
    package let help: String
    /// Whether `serve` has a flag for it.
    package let hasFlag: Bool

    init(
        _ key: String, _ kind: Kind, standard: String? = nil, absence: String? = nil, hasFlag: Bool = false, _ help: String
    ) {
        self.key = key
        self.kind = kind
        self.standard = standard
        self.absence = absence
        self.help = help
        self.hasFlag = hasFlag
    }

    package var environment: String {
        "MILLRACE_" + String(key.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    package var flag: String? { hasFlag ? "--" + key : nil }

    /// Under which a secret's file is named, such as `s3.secret-access-key-file`.
    package var fileKey: String? { kind == .secret ? key + "-file" : nil }

    /// The file in `$CREDENTIALS_DIRECTORY` that a secret is taken from, such as `s3-secret-access-key`.
    package var credentialName: String? { kind == .secret ? String(key.map { $0 == "." ? "-" : $0 }) : nil }
}

extension Setting {
    package static let data = Setting(
        "data", .path, standard: "./millrace-data", hasFlag: true,
        "Directory that keeps everything; made if it is missing.")
    package static let host = Setting(
        "host", .text, standard: "127.0.0.1", hasFlag: true, "Address that the AWS interface listens on.")
    package static let port = Setting(
        "port", .integer(0...65_535), standard: "9400", hasFlag: true, "Port of the AWS interface; 0 takes a free one.")
    package static let consoleHost = Setting(
        "console-host", .text, standard: "127.0.0.1", hasFlag: true,
        "Address that the console listens on. It asks for no password: who reaches it sees everything.")
    package static let consolePort = Setting(
        "console-port", .integer(0...65_535), standard: "9401", hasFlag: true,
        "Port of the console; 0 takes a free one.")
    package static let tlsCertificate = Setting(
        "tls-certificate", .path, absence: "none", hasFlag: true,
        "PEM file of a certificate and those that lead to its authority: the AWS interface then speaks HTTPS, and so does a console on another address than loopback.")
    package static let tlsKey = Setting(
        "tls-key", .path, hasFlag: true, "PEM file of the certificate's key, without a passphrase.")
    package static let auth = Setting(
        "auth", .choice(["keys", "none"]), standard: "keys", hasFlag: true,
        "keys: requests must be signed with a known key. none: anything goes, on loopback only.")
    package static let account = Setting(
        "account", .digits(12), standard: "123456789012", hasFlag: true, "Twelve digits of the account.")
    package static let catalog = Setting(
        "catalog", .path, absence: "nothing", hasFlag: true,
        "Apply the definitions of this directory at start, as `catalog apply` does.")
    package static let logLevel = Setting(
        "log-level", .choice(["trace", "debug", "info", "notice", "warning", "error"]), standard: "notice", hasFlag: true,
        "What is logged on standard error.")

    package static let awsLimits = Setting(
        "aws-limits", .flag, standard: "false", hasFlag: true,
        "Whether the documented quotas of Step Functions hold, see docs/limits.md.")
    package static let executionEvents = Setting(
        "executions.events-max", .integer(100...100_000_000), standard: "1000000",
        "Events that the history of one execution may have.")
    package static let executionSize = Setting(
        "executions.mib-max", .integer(1...1 << 20), standard: "1024", "MiB that the history of one execution may have.")
    package static let executionRetention = Setting(
        "executions.retention-days", .integer(1...36_500), standard: "90",
        "Days that closed executions are kept, with their histories and logs.")

    package static let accessLog = Setting(
        "access-log", .path, absence: "none", hasFlag: true,
        "File that gets a line of JSON for each request. It may be moved away at any time.")

    package static let idleSeconds = Setting(
        "http.idle-seconds", .integer(1...86_400), standard: "120",
        "How long a connection may be without a whole request head before it is closed.")
    package static let stallSeconds = Setting(
        "http.stall-seconds", .integer(1...86_400), standard: "60",
        "A client that sends less than 4 KiB of a body, or takes no piece of an answer, in this time is cut off.")

    package static let serviceModels = Setting(
        "service-models", .path, absence: "that of an installed AWS CLI or botocore",
        "Directory of AWS service models: how services elsewhere are called, and what mocked results of TestState are held to.")

    package static let s3Endpoint = Setting(
        "s3.endpoint", .url, absence: "the embedded store",
        "Another S3 store for jobs and queries, such as http://minio:9000.")
    package static let s3AccessKeyID = Setting("s3.access-key-id", .secret, "Its key.")
    package static let s3SecretAccessKey = Setting("s3.secret-access-key", .secret, "The key's secret.")
    package static let s3SessionToken = Setting("s3.session-token", .secret, absence: "none", "The token of a temporary key.")
    package static let s3Region = Setting("s3.region", .text, standard: "us-east-1", "Its region.")
    package static let s3PathStyle = Setting(
        "s3.path-style", .flag, absence: "true, but for AWS",
        "Whether a bucket stands in the path (true) or in the host's name (false).")
    package static let s3CertificateFile = Setting(
        "s3.ca-file", .path, absence: "the system's", "PEM file of the certificates to trust.")

    package static let objectOwnership = Setting(
        "objects.ownership", .choice(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]),
        standard: "BucketOwnerEnforced",
        "Object ownership of buckets of the embedded store that say nothing themselves. As on AWS, the first refuses access control lists; the others let buckets and objects have canned ones.")

    package static let objectDomains = Setting(
        "objects.domains", .domains, absence: "localhost",
        "Names of this server, with commas between them, under which a bucket of the embedded store has a host of its own: with s3.example.com, lake.s3.example.com is the bucket lake. See docs/s3.md.")

    package static let jobCPUs = Setting(
        "jobs.cpus", .integer(1...4096), absence: "all", "Cores that running jobs may occupy together.")
    package static let jobMemory = Setting(
        "jobs.memory-mib", .integer(64...1 << 30), absence: "80 % of RAM",
        "Memory in MiB that running jobs may occupy together.")
    package static let jobEnforceMemory = Setting(
        "jobs.enforce-memory", .flag, standard: "true",
        "Whether an attempt that uses more memory than its job asked for is killed.")
    package static let jobGrace = Setting(
        "jobs.grace-seconds", .integer(0...86_400), standard: "30",
        "How long a stopped job has between TERM and KILL.")
    package static let jobOutput = Setting(
        "jobs.output-mib", .integer(1...1 << 20), standard: "64", "MiB of each attempt's output that are kept.")

    package static let awsAccessKeyID = Setting(
        "aws.access-key-id", .secret, absence: "that of the AWS variables or profile",
        "The key that calls of Task states to the services under `endpoints` are signed with.")
    package static let awsSecretAccessKey = Setting("aws.secret-access-key", .secret, "The key's secret.")
    package static let awsSessionToken = Setting("aws.session-token", .secret, absence: "none", "The token of a temporary key.")
    package static let eventsBus = Setting(
        "events.bus", .text, standard: "default", "Event bus that status changes of executions are sent to.")
    package static let eventsSource = Setting(
        "events.source", .text, standard: "aws.states",
        "Source of those events. EventBridge itself keeps names that begin with aws. for AWS: choose another one there.")

    /// Every one, in the order of the reference.
    package static let all: [Setting] = [
        .data, .host, .port, .consoleHost, .consolePort, .tlsCertificate, .tlsKey, .auth, .account, .catalog, .logLevel, .accessLog,
        .idleSeconds, .stallSeconds, .awsLimits, .executionEvents, .executionSize, .executionRetention, .serviceModels,
        .s3Endpoint, .s3AccessKeyID, .s3SecretAccessKey, .s3SessionToken, .s3Region, .s3PathStyle, .s3CertificateFile,
        .objectOwnership, .objectDomains, .jobCPUs, .jobMemory, .jobEnforceMemory, .jobGrace, .jobOutput,
        .awsAccessKeyID, .awsSecretAccessKey, .awsSessionToken, .eventsBus, .eventsSource,
    ]
}

extension Setting {
    /// Whether `text` may be the value.
    ///
    /// - Throws: what it must be, as the rest of a sentence.
    func check(_ text: String) throws(SettingMismatch) {
        switch kind {
        case .text, .path, .secret:
            guard !text.isEmpty, !text.utf8.contains(0) else { throw SettingMismatch("must not be empty") }
        case .url:
            guard text.hasPrefix("http://") || text.hasPrefix("https://"), !text.hasSuffix("//") else {
                throw SettingMismatch("must be a URL such as http://127.0.0.1:9000, found '\(text)'")
            }
        case .integer(let range):
            guard let value = Int(text), range.contains(value) else {
                throw SettingMismatch(
                    "must be a whole number from \(range.lowerBound) to \(range.upperBound), found '\(text)'")
            }
        case .flag:
            guard text == "true" || text == "false" else {
                throw SettingMismatch("must be true or false, found '\(text)'")
            }
        case .choice(let names):
            guard names.contains(text) else {
                throw SettingMismatch("must be one of \(names.joined(separator: ", ")), found '\(text)'")
            }
        case .digits(let count):
            guard text.utf8.count == count, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
                throw SettingMismatch("must be \(count) digits, found '\(text)'")
            }
        case .domains: _ = try DomainNames.read(text)
        }
    }

    /// As the reference names it.
    package var kindText: String {
        switch kind {
        case .text: "text"
        case .path: "path"
        case .url: "URL"
        case .secret: "secret"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .flag: "true, false"
        case .choice(let names): names.joined(separator: ", ")
        case .digits(let count): "\(count) digits"
        case .domains: "domain names"
        }
    }
}

struct SettingMismatch: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
