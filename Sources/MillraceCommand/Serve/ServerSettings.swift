import AWSServer
import BatchScheduling
import FoundationEssentials
import HTTPTransport
import Logging
import ServiceModels
import SettingsModel
import StatesIntegrations
import StatesRuntime
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#endif

extension Server {
    /// What the settings mean to the server: checked, and with the machine's own numbers where nothing is said.
    struct Settings: Sendable {
        var data: DataDirectory
        var host: String
        var port: Int
        var consoleHost: String
        var consolePort: Int
        /// Nil: HTTP only.
        var tls: TLSFiles?
        var requiresSignature: Bool
        var account: String
        /// Of buckets without ownership controls of their own.
        var objectOwnership: String
        /// Under which buckets have hosts of their own.
        var objectDomains: [String]
        var deadlines: HTTPListener.Deadlines
        /// Nil: requests are not logged.
        var accessLog: String?
        var catalog: String?
        /// Nil: those that are installed, if any.
        var serviceModels: ServiceModels?
        /// Nil: the embedded store serves S3.
        var s3: S3Settings?
        var jobs: JobLimits
        var workflow: WorkflowEngine.Configuration
        /// Services that Task states find elsewhere.
        var foreignEndpoints: [String: ForeignServices.Endpoint]
        var foreignCredentials: ForeignCredentials
        /// Nil: the system's certificates are trusted.
        var certificateFile: String?
        /// Where status changes of executions go, should EventBridge have an endpoint.
        var eventsBus: String
        var eventsSource: String
        /// Lambda functions that are programs of this machine.
        var functions: [String: LocalFunctions.Function]

        struct TLSFiles: Sendable {
            var certificate: String
            var key: String
        }

        struct JobLimits: Sendable {
            /// What all attempts together may occupy.
            var machine: ResourceDemand
            var graceMilliseconds: Int64
            var outputBytesMax: Int64
            var enforcesMemory: Bool
        }

        var api: ListeningAddress { ListeningAddress(host: host, port: port) }
        var console: ListeningAddress { ListeningAddress(host: consoleHost, port: consolePort) }
        /// On loopback nobody listens, and browsers would not find the address among the certificate's names.
        var isConsoleEncrypted: Bool { tls != nil && !ListeningAddress.isLoopback(consoleHost) }
    }
}

extension Server.Settings {
    /// - Throws: `CommandFailure` for settings that contradict each other.
    init(_ settings: EffectiveSettings) throws {
        data = DataDirectory(path: absolutePath(settings.text(.data) ?? "./millrace-data"))
        host = settings.text(.host) ?? "127.0.0.1"
        port = settings.integer(.port) ?? 9400
        consoleHost = settings.text(.consoleHost) ?? "127.0.0.1"
        consolePort = settings.integer(.consolePort) ?? 9401
        tls = try TLSFiles(settings)
        requiresSignature = settings.text(.auth) != "none"
        account = settings.text(.account) ?? "123456789012"
        objectOwnership = settings.text(.objectOwnership) ?? "BucketOwnerEnforced"
        objectDomains = settings.domains(.objectDomains)
        deadlines = HTTPListener.Deadlines(
            idle: settings.integer(.idleSeconds) ?? 120, stall: settings.integer(.stallSeconds) ?? 60)
        accessLog = settings.text(.accessLog)
        catalog = settings.text(.catalog)
        serviceModels = try settings.text(.serviceModels).map { directory in
            do {
                return try ServiceModels(directory: directory)
            } catch {
                throw CommandFailure("service-models: \(error)")
            }
        }
        s3 = try S3Settings(settings)
        jobs = JobLimits(settings)
        workflow = WorkflowEngine.Configuration(settings)
        let environment = ProcessInfo.processInfo.environment
        // A profile that cannot be used says nothing; the calls that need its key say so.
        let shared = (try? AWSSharedFiles.completing(environment)) ?? environment
        foreignEndpoints = try ForeignServices.Endpoint.configured(
            settings, environment: shared, own: ["states", "glue", "batch", "logs", "s3"])
        foreignCredentials = try ForeignCredentials(settings, environment: environment)
        certificateFile = AWSEnvironment(shared).certificateFile
        eventsBus = settings.text(.eventsBus) ?? "default"
        eventsSource = settings.text(.eventsSource) ?? "aws.states"
        functions = settings.integrations.functions.mapValues { LocalFunctions.Function($0) }
        guard requiresSignature || ListeningAddress.isLoopback(host) else {
            throw CommandFailure(
                "auth: none is for loopback addresses only, and host is \(host) (\(settings[.host]?.origin.text ?? "")).")
        }
        guard port == 0 || port != consolePort || host != consoleHost else {
            throw CommandFailure("port and console-port are both \(port): give the console another one.")
        }
    }
}

extension Server.Settings.TLSFiles {
    fileprivate init?(_ settings: EffectiveSettings) throws {
        switch (settings.text(.tlsCertificate), settings.text(.tlsKey)) {
        case (let certificate?, let key?): self.init(certificate: certificate, key: key)
        case (nil, nil): return nil
        case (nil, _?): throw Self.missing(.tlsCertificate, besides: .tlsKey, settings)
        case (_?, nil): throw Self.missing(.tlsKey, besides: .tlsCertificate, settings)
        }
    }

    private static func missing(_ setting: Setting, besides other: Setting, _ settings: EffectiveSettings) -> CommandFailure {
        CommandFailure(
            "\(other.key) is set (\(settings[other]?.origin.text ?? "")) and \(setting.key) is not: set \(setting.key), too, "
                + "or \(setting.environment).")
    }

    /// - Throws: `CommandFailure` when the files cannot be used.
    func load(_ logger: Logger) throws -> ServerCertificate {
        do {
            return try ServerCertificate(certificateFile: certificate, keyFile: key, logger: logger)
        } catch {
            throw CommandFailure("tls-certificate, tls-key: \(error)")
        }
    }
}

extension WorkflowEngine.Configuration {
    init(_ settings: EffectiveSettings) {
        self.init()
        hasAWSLimits = settings.flag(.awsLimits) ?? false
        limits.historyEventsMax = settings.integer(.executionEvents).map { Int64($0) } ?? limits.historyEventsMax
        limits.historyBytesMax = settings.integer(.executionSize).map { Int64($0) << 20 } ?? limits.historyBytesMax
        retentionDays = settings.integer(.executionRetention).map { Int64($0) } ?? retentionDays
    }
}

extension Server.Settings.JobLimits {
    /// Every core, and the memory but for a part that stays for the server, unless the settings say otherwise.
    init(_ settings: EffectiveSettings) {
        let cores = settings.integer(.jobCPUs) ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let bytes = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
        let memory = bytes.overflow ? 512 : max(512, bytes.partialValue / (1 << 20) / 10 * 8)
        machine = ResourceDemand(milliCPUs: cores * 1000, memoryMiB: settings.integer(.jobMemory) ?? memory)
        graceMilliseconds = Int64(settings.integer(.jobGrace) ?? 30) * 1000
        outputBytesMax = Int64(settings.integer(.jobOutput) ?? 64) << 20
        enforcesMemory = settings.flag(.jobEnforceMemory) ?? true
    }
}
