import BatchEngine
import BatchScheduling
import CatalogEngine
import GlueModel
import JSONModel
import ServiceKit
import StateStore
import Support

/// Job runs: each is a job of the built-in batch queue `glue`.
///
/// A run is made durable with everything its job needs, then the job is submitted under the run's id; submitting again
/// after a crash gives the same job. What a run shows is read from the job's record.
struct GlueJobRuns: Sendable {
    let catalog: GlueCatalog
    let jobs: any JobControl
    let clock: any WallClock

    private static let openScanMax = 1000
    private static let errorLinesMax = 50
    private static let errorCharactersMax = 4000
    /// Minutes, as for jobs of Glue versions below 5.
    private static let timeoutMinutes: Int64 = 2880
    /// What a run takes from the job definition unless the request names it.
    private static let inherited = [
        "AllocatedCapacity", "MaxCapacity", "WorkerType", "NumberOfWorkers", "SecurityConfiguration",
        "NotificationProperty", "ExecutionClass", "JobRunQueuingEnabled",
    ]

    // MARK: - Starting

    func start(_ input: JSONObject, _ context: CallContext, _ scope: CatalogScope) async throws -> String {
        let name = input["JobName"]?.string ?? ""
        if input["AllocatedCapacity"] != nil, input["MaxCapacity"] != nil {
            throw GlueError(.invalidInput, "Please set only Allocated Capacity or Max Capacity")
        }
        let job = try await catalog.job(name, in: scope)
        let document = try runDocument(input, job, context)
        let id = "jr_\(randomHex())\(randomHex())"
        let run = CatalogJobRunRecord(id: id, job: name, createdAt: clock.now(), document: document)
        let concurrentMax = max(1, job["ExecutionProperty"]?["MaxConcurrentRuns"]?.int64.map { Int($0) } ?? 1)
        try await closeEndedRuns(of: name, scope)
        let created = try await catalog.records.createJobRun(run, concurrentMax: concurrentMax, in: scope)
        guard let created else {
            throw GlueError(.concurrentRunsExceeded, "Job with name \(name) already running")
        }
        if created.batchJobID == nil, created.isOpen { _ = try await submit(created, scope) }
        return created.id
    }

    /// Submits open runs that have no job yet.
    func resume() async throws {
        for (scope, run) in try await catalog.records.unsubmittedJobRuns() { _ = try await submit(run, scope) }
    }

    private func runDocument(
        _ input: JSONObject, _ job: JSONObject, _ context: CallContext
    ) throws -> JSONObject {
        var arguments = job["DefaultArguments"]?.object ?? [:]
        for (key, value) in input["Arguments"]?.object ?? [:] { arguments[key] = value }
        for (key, value) in job["NonOverridableArguments"]?.object ?? [:] { arguments[key] = value }
        var document: JSONObject = [:]
        document["Command"] = job["Command"]
        document["Arguments"] = .object(arguments)
        document["MaxRetries"] = job["MaxRetries"]
        document["GlueVersion"] = job["GlueVersion"]
        document["PreviousRunId"] = input["JobRunId"]
        document["Timeout"] = input["Timeout"] ?? job["Timeout"] ?? .number(Self.timeoutMinutes)
        for name in Self.inherited { document[name] = input[name] ?? job[name] }
        if let scope = context.commitScope { document["CommitScope"] = .string(scope) }
        _ = try command(document)
        return document
    }

    /// What to run: the program itself for a SQL script, else the script as an executable.
    private func command(_ document: JSONObject) throws -> (image: String, arguments: [String]) {
        let script = document["Command"]?["ScriptLocation"]?.string ?? ""
        var arguments: [String] = []
        for (key, value) in document["Arguments"]?.object ?? [:] {
            arguments.append(key.hasPrefix("--") ? key : "--\(key)")
            arguments.append(value.string ?? "")
        }
        let lower = script.lowercased()
        for kind in [".py", ".scala", ".jar", ".whl", ".egg", ".ipynb"] where lower.hasSuffix(kind) {
            throw GlueError(
                .invalidInput, "Scripts of the kind \(kind) cannot be run; give a .sql script or an executable.")
        }
        guard !script.isEmpty else { throw GlueError(.invalidInput, "The job's command has no ScriptLocation.") }
        return lower.hasSuffix(".sql") ? (JobImages.millrace, ["job", "sql", script] + arguments) : (script, arguments)
    }

    private func submit(_ run: CatalogJobRunRecord, _ scope: CatalogScope) async throws -> JobRecord {
        let (image, arguments) = try command(run.document)
        let retries = max(0, min(run.document["MaxRetries"]?.int64 ?? 0, 10))
        let minutes = max(1, min(run.document["Timeout"]?.int64 ?? Self.timeoutMinutes, 10_080))
        let submission = JobSubmission(
            account: scope.account, region: scope.region, commandID: "glue/\(scope.account)/\(scope.region)/\(run.id)",
            name: run.job, queue: JobQueueNames.glue, definition: "glue:1", kind: .glue(jobName: run.job, runID: run.id),
            image: image, command: arguments, retry: RetryStrategy(attempts: Int(retries) + 1),
            timeoutSeconds: Int(minutes) * 60,
            commitScope: run.document["CommitScope"]?.string
                ?? "glue/\(scope.account)/\(scope.region)/\(run.id)")
        let record: JobRecord
        do {
            record = try await jobs.submit(submission)
        } catch let error as JobError {
            try await catalog.records.updateJobRun(run.id, batchJobID: nil, isOpen: false, in: scope)
            throw GlueError(.invalidInput, error.message)
        }
        try await catalog.records.updateJobRun(
            run.id, batchJobID: record.id, isOpen: !record.status.isTerminal, in: scope)
        return record
    }

    /// Notes which open runs have ended, so that they no longer count as concurrent.
    private func closeEndedRuns(of job: String, _ scope: CatalogScope) async throws {
        let open = try await catalog.records.jobRuns(
            of: job, before: .max, limit: Self.openScanMax, openOnly: true, in: scope)
        let records = try await records(of: open)
        for run in open {
            guard let id = run.batchJobID, let record = records[id], record.status.isTerminal else { continue }
            try await catalog.records.updateJobRun(run.id, batchJobID: id, isOpen: false, in: scope)
        }
    }

    // MARK: - Reading

    func run(_ id: String, of job: String, _ scope: CatalogScope) async throws -> JSONObject {
        let run = try await find(id, of: job, scope)
        return await document(run, try await records(of: [run]))
    }

    /// The newest first.
    func runs(
        of job: String, before: Int64, limit: Int, _ scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: Int64?) {
        let found = try await catalog.records.jobRuns(
            of: job, before: before, limit: limit + 1, openOnly: false, in: scope)
        if found.isEmpty { _ = try await catalog.job(job, in: scope) }
        let page = Array(found.prefix(limit))
        let records = try await records(of: page)
        var items: [JSONObject] = []
        for run in page { items.append(await document(run, records)) }
        return (items, found.count > limit ? page.last?.sequence : nil)
    }

    private func find(_ id: String, of job: String, _ scope: CatalogScope) async throws -> CatalogJobRunRecord {
        guard let run = try await catalog.records.jobRun(id, in: scope), run.job == job else {
            _ = try await catalog.job(job, in: scope)
            throw GlueError.noJobRun(id)
        }
        return run
    }

    private func records(of runs: [CatalogJobRunRecord]) async throws -> [String: JobRecord] {
        let found = try await jobs.describe(runs.compactMap(\.batchJobID))
        return Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Why a run failed, as the job itself says: its output from the last line on that begins with `Error: `, else the
    /// reason that the queue gives.
    private func errorMessage(_ record: JobRecord, _ reason: String) async -> String {
        guard record.state.attempts.last?.exitCode.map({ $0 != 0 }) == true,
            let page = try? await jobs.output(
                ofJob: record.id, attempt: nil, .backward(offset: nil, limit: Self.errorLinesMax)),
            case let errors = page.lines.filter({ $0.stream == .standardError }),
            let first = errors.lastIndex(where: { $0.text.hasPrefix("Error: ") })
        else { return reason }
        let lines = errors[first...].map(\.text).joined(separator: "\n").dropFirst("Error: ".count)
        return String(lines.prefix(Self.errorCharactersMax))
    }

    private func document(_ run: CatalogJobRunRecord, _ records: [String: JobRecord]) async -> JSONObject {
        let record = run.batchJobID.flatMap { records[$0] }
        let state = Self.state(run, record)
        var document: JSONObject = ["Id": .string(run.id)]
        document["Attempt"] = .number(max(0, (record?.state.attempts.count ?? 0) - 1))
        document["JobName"] = .string(run.job)
        document["StartedOn"] = seconds(run.createdAt)
        let end = record?.state.stoppedAt
        document["LastModifiedOn"] = seconds(end ?? record?.state.startedAt ?? run.createdAt)
        if let end { document["CompletedOn"] = seconds(end) }
        document["JobRunState"] = .string(state)
        for (key, value) in run.document where !["Command", "MaxRetries", "CommitScope"].contains(key) {
            document[key] = value
        }
        if let record, let reason = record.state.statusReason, ["FAILED", "TIMEOUT", "STOPPED"].contains(state) {
            document["ErrorMessage"] = .string(
                state == "FAILED" ? await errorMessage(record, reason) : reason)
        }
        document["PredecessorRuns"] = []
        let started = record?.state.attempts.first?.startedAt
        let now = end ?? clock.now()
        document["ExecutionTime"] = .number(started.map { max(0, now.milliseconds(since: $0) / 1000) } ?? 0)
        document["LogGroupName"] = "/aws-glue/jobs"
        return document
    }

    private static func state(_ run: CatalogJobRunRecord, _ record: JobRecord?) -> String {
        guard let record else { return run.isOpen ? "STARTING" : "FAILED" }
        switch record.status {
        case .succeeded: return "SUCCEEDED"
        case .failed:
            switch record.state.ending {
            case .stopped: return "STOPPED"
            case .timedOut: return "TIMEOUT"
            default: return "FAILED"
            }
        case .running: return record.state.isTerminated ? "STOPPING" : "RUNNING"
        default: return record.state.isTerminated ? "STOPPING" : "STARTING"
        }
    }

    // MARK: - Stopping

    func stop(_ id: String, of job: String, _ scope: CatalogScope) async throws {
        let run = try await find(id, of: job, scope)
        let record: JobRecord?
        if let batchJobID = run.batchJobID {
            record = try await jobs.describe([batchJobID]).first
        } else {
            record = run.isOpen ? try await submit(run, scope) : nil
        }
        guard let record, !record.status.isTerminal else {
            throw GlueError(
                .init(rawValue: "JobRunInvalidStateTransitionException"),
                "Job run \(id) has ended already and cannot be stopped.")
        }
        try await jobs.terminate(record.id, reason: "Stopped by BatchStopJobRun.")
    }

    private func randomHex() -> String {
        var random = SystemRandomNumberGenerator()
        return hexText(random.next() as UInt64, digits: 16) + hexText(random.next() as UInt64, digits: 16)
    }
}
