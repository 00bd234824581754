import AWSProtocol
import AWSServer
import BatchEngine
import BatchScheduling
import BatchService
import CatalogEngine
import Console
import FoundationEssentials
import GlueService
import HTTPTransport
import JSONModel
import Logging
import LogsService
import ObjectServer
import ObjectStore
import ObjectStoreS3
import ProcessRunner
import S3Service
import ServiceKit
import ServiceModels
import ServiceLifecycle
import StatesIntegrations
import StatesService
import StateStore
import Support
import UnixSignals
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#endif

/// The whole server: opens what is durable, binds ports to adapters, engines to services, services to listeners.
struct Server {
    private let settings: Settings
    private let endpoint: String
    private let consoleEndpoint: String
    private let certificate: ServerCertificate?
    /// From their choice until the end, as listeners are bound only when everything else is ready.
    private let heldPorts: [HeldPort]
    /// Where programs of this machine and the server itself reach the API without TLS: they need not trust a certificate,
    /// nor be called by its names. Nil where `endpoint` is that.
    private let localAPI: ListeningAddress?
    private let credentials: AWSCredentials
    private let workflow: WorkflowEngine
    private let integrations: any IntegrationRegistry
    private let batch: BatchEngine
    private let objects: ObjectServer
    private let api: APIResponder
    private let console: WebConsole
    private let glue: GlueService
    private let functions: LocalFunctions
    private let statusChanges: StatusChangeEvents?
    private let activity: ActivityCounters
    private let logger: Logger

    init(settings: Settings) async throws {
        var settings = settings
        let data = settings.data
        try data.create()
        try data.takeLock()
        let clock = SystemWallClock()
        logger = Logger(label: "millrace")
        certificate = try settings.tls?.load(logger)
        if let certificate, certificate.validUntil < clock.now() {
            note("the certificate \(settings.tls?.certificate ?? "") has ended on \(certificate.validUntil.iso8601): clients will refuse it")
        }
        let apiPort = try settings.api.hold(flag: "--port")
        let consolePort = try settings.console.hold(flag: "--console-port")
        let localPort = certificate == nil ? nil : try Self.holdLocalPort(data)
        heldPorts = [apiPort, consolePort] + (localPort.map { [$0] } ?? [])
        settings.port = apiPort.number
        settings.consolePort = consolePort.number
        self.settings = settings
        endpoint = settings.api.url(certificate)
        consoleEndpoint = settings.console.url(settings.isConsoleEncrypted ? certificate : nil)
        localAPI = localPort.map { ListeningAddress(host: Self.localHost, port: $0.number) }
        let ownEndpoint = localAPI?.url() ?? endpoint
        credentials = try data.rootCredentials()
        let keys = KeyRing(
            root: credentials, users: try UserKeys(file: UserKeyFile(path: data.userKeys)), clock: clock)

        let store = try Self.openStore(data.state, StateStoreSchema.all, data)
        try FileManager.default.createDirectory(atPath: data.objects, withIntermediateDirectories: true)
        let index = try Self.openStore(data.objectIndex, StateStoreSchema.objects, data)
        objects = try ObjectServer(directory: data.objects, index: index, clock: clock) { error in
            endProcess("the object store is not durable: \(error)")
        }
        try await objects.start()

        var configuration = BatchEngineConfiguration(
            workDirectory: data.work, executablePath: programPath(), endpointURL: ownEndpoint, machine: settings.jobs.machine)
        configuration.graceMilliseconds = settings.jobs.graceMilliseconds
        configuration.outputBytesMax = settings.jobs.outputBytesMax
        configuration.enforcesMemory = settings.jobs.enforcesMemory
        // The server has decided: what a configuration file on the machine says is not for its jobs.
        configuration.environment = [EnvironmentVariable("MILLRACE_CONFIG", "/dev/null")]
        configuration.environment += settings.s3?.variables.map { EnvironmentVariable($0.name, $0.value) } ?? []
        var jobStore = settings.s3?.configuration
            ?? S3Configuration(endpoint: HTTPEndpoint(url: ownEndpoint), credentials: credentials, pathStyle: true)
        jobStore.retry = .patient
        let stores = ObjectStores(
            s3: jobStore, transport: CurlTransport(settings.s3?.transport ?? HTTPTransportConfiguration()))
        batch = BatchEngine(
            store: store, runner: ProcessRunner(shimPath: try findShim()), configuration: configuration, credentials: keys,
            artifacts: ObjectArtifacts(stores: stores), clock: clock)
        workflow = WorkflowEngine(
            store: store, logs: store, objects: stores, clock: clock, configuration: settings.workflow)

        let models = settings.serviceModels
        let states = StatesService(engine: workflow, models: { models ?? ServiceModels.installed() })
        let glue = GlueService(catalog: GlueCatalog(records: store, clock: clock), jobs: batch, clock: clock)
        let batchService = BatchService(engine: batch)
        let logs = LogsService(engine: batch, executions: store)
        self.glue = glue
        let services: [any JSONService] = [states, glue, batchService, logs]
        var foreign = settings.foreignEndpoints
        // The store of the jobs, by HTTP even when it is the server's own.
        if let address = settings.s3?.configuration.endpoint ?? HTTPEndpoint(url: ownEndpoint) {
            foreign["s3"] = ForeignServices.Endpoint(
                address: address, credentials: settings.s3?.configuration.credentials ?? credentials)
        }
        let foreignCredentials = settings.foreignCredentials
        let functionKeys = keys
        functions = LocalFunctions(
            functions: settings.functions, directory: data.functions, runner: ProcessRunner(shimPath: try findShim()),
            endpointURL: ownEndpoint, key: { functionKeys.functionCredentials(lifetimeSeconds: $0) }, clock: clock)
        let elsewhere = ForeignServices(
            endpoints: foreign, credentials: { foreignCredentials.current() },
            http: CurlTransport(HTTPTransportConfiguration(certificateFile: settings.certificateFile)),
            models: { models ?? ServiceModels.installed() }, clock: clock)
        integrations = ServiceIntegrations(
            services: Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0) }), jobs: batch, workflow: workflow,
            foreign: elsewhere, functions: functions, clock: clock)
        if foreign.keys.contains(ServiceNames.key("events")) {
            try await store.recordStatusChanges()
            statusChanges = StatusChangeEvents(
                store: store, workflow: workflow, foreign: elsewhere, bus: settings.eventsBus, source: settings.eventsSource)
        } else {
            statusChanges = nil
        }
        let s3 = S3Service(
            server: objects, hostNames: settings.objectDomains + S3Service.ownNames, defaultOwnership: settings.objectOwnership,
            lookup: { id, now in keys.credentials(for: id, at: now).map { ($0, keys.permissions(of: id)) } })
        let log: AccessLog?
        do {
            log = try settings.accessLog.map { try AccessLog(path: $0) }
        } catch {
            throw CommandFailure("access-log: \(settings.accessLog ?? ""): \(error)")
        }
        api = APIResponder(
            configuration: APIResponder.Configuration(
                account: settings.account, requiresSignature: settings.requiresSignature),
            services: ServiceRegistry(json: services, s3: s3), credentials: keys, clock: clock,
            logger: Logger(label: "millrace.api"), log: log)
        let account = settings.account
        let activity = ActivityCounters(began: clock.now())
        self.activity = activity
        console = WebConsole(
            states: states, batch: batchService, logs: logs, builtInQueues: JobQueueNames.builtIn,
            context: {
                CallContext(account: account, region: "us-east-1", requestID: randomUUIDText(), receivedAt: clock.now())
            },
            metrics: { [workflow] in activity.metrics(storeCommits: store.commitCount, executions: workflow.counts) },
            readiness: { nil })
    }

    /// Serves until SIGTERM or Ctrl-C. Jobs go on; the next start takes them up.
    func run() async throws {
        try await batch.start()
        try await glue.start()
        let api = api
        let console = console
        let workflow = workflow
        let integrations = integrations
        let batch = batch
        let objects = objects
        let activity = activity
        let functions = functions
        let statusChanges = statusChanges
        let logger = logger
        let deadlines = settings.deadlines
        let listening = ListeningSignal(count: localAPI == nil ? 2 : 3)
        func listener(
            _ address: ListeningAddress, _ certificate: ServerCertificate? = nil, isSecure: Bool = false,
            respond: @escaping HTTPListener.Responder
        ) -> ServiceGroupConfiguration.ServiceConfiguration {
            .init(
                service: HTTPListener(
                    host: address.host, port: address.port, certificate: certificate, isSecure: isSecure,
                    deadlines: deadlines, logger: logger, onListening: { _ in listening.signal() },
                    respond: respond))
        }
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: Background { try await workflow.run(integrations) }),
                .init(service: Background { await objects.run() }),
                .init(service: Background { await functions.run() }),
                .init(service: Background { await statusChanges?.run() }),
                .init(service: Background { await activity.follow(await batch.changes()) }),
                .init(service: Background { try await self.announce(listening) }),
                listener(settings.console, settings.isConsoleEncrypted ? certificate : nil) { await console.respond(to: $0) },
                listener(settings.api, certificate) { await api.respond(to: $0) },
            ] + (localAPI.map { [listener($0, isSecure: true) { await api.respond(to: $0) }] } ?? []) + [
                // Services are told to stop from the last one on, each when the one after it has ended.
                .init(service: StopNotice()),
            ], gracefulShutdownSignals: Self.stopSignals(), logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(Self.drainSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("cannot serve on \(endpoint) and \(consoleEndpoint): \(error)")
        }
        await batch.shutDown()
        note("millrace: stopped")
    }

    /// How long requests that are being answered may take once the server has been told to stop.
    private static let drainSeconds = 15

    /// SIGHUP, which a closing terminal sends, stops the server too, unless whoever started it had it ignored (nohup).
    private static func stopSignals() -> [UnixSignal] {
        // A function pointer cannot be compared with SIG_IGN in Swift; signal 1 is the mask's lowest bit.
        let ignored = procText("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("SigIgn:") }
        let mask = ignored.flatMap { UInt64($0.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) } ?? 0
        return mask & 1 == 1 ? [.sigterm, .sigint] : [.sigterm, .sigint, .sighup]
    }

    private static let localHost = "127.0.0.1"

    /// The port that jobs of an earlier start know, unless another program has it now.
    private static func holdLocalPort(_ data: DataDirectory) throws -> HeldPort {
        let flag = "--port"
        if let known = data.lastLocalPort(), let port = try? ListeningAddress(host: localHost, port: known).hold(flag: flag) {
            return port
        }
        return try ListeningAddress(host: localHost, port: 0).hold(flag: flag)
    }

    /// Opens a database and says what to do about one that cannot be used.
    private static func openStore(
        _ path: String, _ migrations: [StateStoreMigration], _ data: DataDirectory
    ) throws -> SQLiteStateStore {
        do {
            return try SQLiteStateStore(path: path, migrations: migrations) { error in
                endProcess("\(path) is not durable: \(error)")
            }
        } catch let error as StateStoreError {
            let next =
                switch error {
                case .newerFormat:
                    "\(data.path) was written by a later release of Millrace. Start that one; nothing has been changed."
                case .corrupt: "`millrace doctor --data \(data.path)` says more; `millrace restore` brings back a backup."
                case .full: "Nothing is lost."
                default: "`millrace doctor --data \(data.path)` says more."
                }
            throw CommandFailure("\(path): \(error)\n\(next)")
        }
    }

    /// Once both ports listen: applies the catalog, tells other programs where the server is, and says so.
    private func announce(_ listening: ListeningSignal) async throws {
        await listening.wait()
        guard !Task.isCancelled else { return }
        if let catalog = settings.catalog {
            let context = CallContext(
                account: settings.account, region: "us-east-1", requestID: randomUUIDText(),
                receivedAt: SystemWallClock().now())
            let changes = try await CatalogFiles(directory: catalog).apply { try await glue.call($0, $1, context) }
            note("\(changes.count { $0.action != .left }) of \(changes.count) definitions of \(catalog) were new or changed")
        }
        let store = settings.s3?.configuration.endpoint?.description
        try settings.data.writeEndpoints(
            api: endpoint, local: localAPI?.url(), console: consoleEndpoint, store: store)
        ServiceManager.announceReady("serving \(endpoint), console \(consoleEndpoint)")
        note(
            """
            millrace \(Version.text) serves \(endpoint), console \(consoleEndpoint), data \(settings.data.path)
            in another shell:  eval "$(millrace env --data \(settings.data.path))"
            """)
        if let store { note("jobs read and write the S3 store at \(store); upload input there, not here") }
    }
}

/// Ends the process: nobody knows any more what the medium holds, and the next start finds out.
private func endProcess(_ why: String) {
    note("millrace: \(why)")
    _exit(70)
}
