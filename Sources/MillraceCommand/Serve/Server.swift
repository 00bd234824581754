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
    struct Settings: Sendable {
        var data: DataDirectory
        var host: String
        var port: Int
        var consolePort: Int
        var requiresSignature: Bool
        var account: String
        var catalog: String?
        /// Nil: the embedded store serves S3.
        var s3: S3Settings?
    }

    private let settings: Settings
    private let endpoint: String
    private let consoleEndpoint: String
    private let credentials: AWSCredentials
    private let workflow: WorkflowEngine
    private let integrations: any IntegrationRegistry
    private let batch: BatchEngine
    private let objects: ObjectServer
    private let api: APIResponder
    private let console: WebConsole
    private let glue: GlueService
    private let activity: ActivityCounters
    private let logger = Logger(label: "millrace")

    init(settings: Settings) async throws {
        var settings = settings
        let data = settings.data
        try data.create()
        try data.takeLock()
        let clock = SystemWallClock()
        if settings.port == 0 { settings.port = try freePort(settings.host) }
        if settings.consolePort == 0 { settings.consolePort = try freePort(settings.host) }
        self.settings = settings
        endpoint = "http://\(settings.host):\(settings.port)"
        consoleEndpoint = "http://\(settings.host):\(settings.consolePort)"
        credentials = try data.rootCredentials()
        let keys = KeyRing(root: credentials, clock: clock)

        let store = try SQLiteStateStore(path: data.state) { error in endProcess("the state store is not durable: \(error)") }
        try FileManager.default.createDirectory(atPath: data.objects, withIntermediateDirectories: true)
        let index = try SQLiteStateStore(path: data.objects + "/index.sqlite", migrations: [.objectIndex]) { error in
            endProcess("the object index is not durable: \(error)")
        }
        objects = try ObjectServer(directory: data.objects, index: index, clock: clock) { error in
            endProcess("the object store is not durable: \(error)")
        }
        try await objects.start()

        var configuration = BatchEngineConfiguration(
            workDirectory: data.work, executablePath: programPath(), endpointURL: endpoint, machine: Self.machine())
        if let s3 = settings.s3 {
            configuration.environment = [
                EnvironmentVariable("MILLRACE_S3_ENDPOINT", s3.endpoint),
                EnvironmentVariable("MILLRACE_S3_REGION", s3.region),
                EnvironmentVariable("MILLRACE_S3_ACCESS_KEY_ID", s3.credentials.accessKeyID),
                EnvironmentVariable("MILLRACE_S3_SECRET_ACCESS_KEY", s3.credentials.secretAccessKey),
            ]
        }
        batch = BatchEngine(
            store: store, runner: ProcessRunner(shimPath: try findShim()), configuration: configuration, credentials: keys,
            artifacts: ObjectArtifacts(
                stores: ObjectStores(
                    s3: S3Configuration(
                        endpoint: HTTPEndpoint(url: settings.s3?.endpoint ?? endpoint),
                        region: settings.s3?.region ?? "us-east-1",
                        credentials: settings.s3?.credentials ?? credentials, pathStyle: true),
                    transport: CurlTransport())),
            clock: clock)
        workflow = WorkflowEngine(store: store, clock: clock)

        let states = StatesService(engine: workflow)
        let glue = GlueService(catalog: GlueCatalog(records: store, clock: clock), jobs: batch, clock: clock)
        let batchService = BatchService(engine: batch)
        let logs = LogsService(engine: batch)
        self.glue = glue
        let services: [any JSONService] = [states, glue, batchService, logs]
        integrations = ServiceIntegrations(
            services: Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0) }), jobs: batch, clock: clock)
        api = APIResponder(
            configuration: APIResponder.Configuration(
                account: settings.account, requiresSignature: settings.requiresSignature),
            services: ServiceRegistry(json: services, s3: S3Service(server: objects)), credentials: keys, clock: clock,
            logger: Logger(label: "millrace.api"))
        let account = settings.account
        let activity = ActivityCounters(began: clock.now())
        self.activity = activity
        console = try WebConsole(
            states: states, batch: batchService, logs: logs, builtInQueues: JobQueueNames.builtIn,
            context: {
                CallContext(account: account, region: "us-east-1", requestID: randomUUIDText(), receivedAt: clock.now())
            },
            metrics: { activity.metrics(storeCommits: store.commitCount) },
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
        let listening = ListeningSignal(count: 2)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: Background { try await workflow.run(integrations) }),
                    .init(service: Background { await objects.run() }),
                    .init(service: Background { await activity.follow(workflow.changes(), await batch.changes()) }),
                    .init(service: Background { try await self.announce(listening) }),
                    .init(
                        service: HTTPListener(
                            host: settings.host, port: settings.consolePort, logger: logger,
                            onListening: { _ in listening.signal() }, respond: { await console.respond(to: $0) })),
                    .init(
                        service: HTTPListener(
                            host: settings.host, port: settings.port, logger: logger,
                            onListening: { _ in listening.signal() }, respond: { await api.respond(to: $0) })),
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("cannot serve on \(endpoint) and \(consoleEndpoint): \(error)")
        }
        await batch.shutDown()
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
        try settings.data.writeEndpoints(api: endpoint, console: consoleEndpoint)
        ServiceManager.announceReady("serving \(endpoint), console \(consoleEndpoint)")
        note(
            """
            millrace \(Version.text) serves \(endpoint), console \(consoleEndpoint), data \(settings.data.path)
            in another shell:  eval "$(millrace env --data \(settings.data.path))"
            """)
    }

    /// What jobs may occupy together: every core, and the memory but for a part that stays for the server.
    private static func machine() -> ResourceDemand {
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let bytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return ResourceDemand(milliCPUs: cores * 1000, memoryMiB: max(512, bytes / (1 << 20) * 8 / 10))
    }
}

/// Ends the process: nobody knows any more what the medium holds, and the next start finds out.
private func endProcess(_ why: String) {
    note("millrace: \(why)")
    _exit(70)
}

/// A port that nobody listened on a moment ago.
private func freePort(_ host: String) throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(host == "localhost" ? "127.0.0.1" : host)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
        }
    }
    guard status == 0 else { throw CommandFailure("cannot find a free port on \(host): \(String(cString: strerror(errno)))") }
    return Int(UInt16(bigEndian: address.sin_port))
}
