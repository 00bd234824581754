import BatchScheduling
import JSONModel
import Logging
import ProcessRunner
import Support
import Synchronization

/// Says that an attempt is to stop, also before it has a process.
final class StopFlag: Sendable {
    private let flag = Mutex(false)
    func set() { flag.withLock { $0 = true } }
    var isSet: Bool { flag.withLock { $0 } }
}

/// Takes one attempt from its decision to its end.
struct AttemptRunner: Sendable {
    let runner: ProcessRunner
    let configuration: BatchEngineConfiguration
    let credentials: any JobCredentialIssuer
    let artifacts: any ArtifactFetcher
    let clock: any WallClock
    let logger: Logger

    func directory(ofJob id: String, attempt: Int) -> AttemptDirectory {
        AttemptDirectory(path: "\(configuration.workDirectory)/\(LogStreams.pathName(ofJob: id))/\(attempt)")
    }

    var reportSocketPath: String { configuration.workDirectory + "/report.sock" }

    /// Starts the attempt unless it has been started before, and waits for its end.
    ///
    /// - Returns: nil when the task was cancelled; the attempt goes on.
    func run(
        _ record: JobRecord, attempt: Int, stop: StopFlag, started: @Sendable (Timestamp) async -> Void
    ) async -> AttemptOutcome? {
        let directory = directory(ofJob: record.id, attempt: attempt)
        var metadata: Logger.Metadata = ["job": "\(record.id)", "attempt": "\(attempt)"]
        while !Task.isCancelled {
            do {
                switch try await runner.presence(in: directory) {
                case .ended(let exit): return outcome(exit, of: record)
                case .running: break
                case .absent:
                    if stop.isSet { return AttemptOutcome(.stopped(code: nil), startedAt: nil, stoppedAt: clock.now()) }
                    if let refusal = await start(record, attempt, directory) {
                        return AttemptOutcome(refusal, startedAt: nil, stoppedAt: clock.now())
                    }
                    if case .ended(let exit) = try await runner.presence(in: directory) { return outcome(exit, of: record) }
                }
                await started(clock.now())
                // A request that came while there was no process has reached nobody.
                if stop.isSet { await requestStop(in: directory) }
                return outcome(try await runner.waitForEnd(in: directory), of: record)
            } catch is CancellationError {
                return nil
            } catch {
                // Whether processes are left is not known, so the attempt is not over; the next look may tell.
                metadata["error"] = "\(error)"
                logger.error("an attempt cannot be observed", metadata: metadata)
                try? await Task.sleep(for: .seconds(2))  // cancellation only shortens the pause
            }
        }
        return nil
    }

    func requestStop(in directory: AttemptDirectory) async {
        do {
            try await runner.requestStop(in: directory)
        } catch {
            logger.error("an attempt cannot be asked to stop", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Start

    /// - Returns: why no process was started; nil when there is one, or has been.
    private func start(_ record: JobRecord, _ attempt: Int, _ directory: AttemptDirectory) async -> AttemptOutcome.Cause? {
        let executable: String
        switch await fetchExecutable(record, directory) {
        case .success(let path): executable = path
        case .failure(let why): return .cannotFetch(why.message)
        }
        do {
            let environment = try await environment(of: record, attempt, directory)
            var specification = AttemptSpecification(
                executable: executable, arguments: record.submission.command,
                environment: environment.map { ($0.name, $0.value) })
            specification.timeoutMilliseconds = record.submission.timeoutSeconds.map {
                Int64($0).multipliedReportingOverflow(by: 1000).overflow ? .max / 4 : Int64($0) * 1000
            }
            specification.graceMilliseconds = configuration.graceMilliseconds
            specification.outputBytesMax = configuration.outputBytesMax
            if configuration.enforcesMemory {
                specification.memoryBytesMax = Int64(min(record.submission.demand.memoryMiB, 1 << 30)) << 20
            }
            try await runner.start(specification, in: directory)
            return nil
        } catch {
            // The shim may have taken over all the same.
            if let presence = try? await runner.presence(in: directory), presence != .absent { return nil }
            return .cannotStart("\(error)")
        }
    }

    private struct FetchFailure: Error { let message: String }

    private func fetchExecutable(
        _ record: JobRecord, _ directory: AttemptDirectory
    ) async -> Result<String, FetchFailure> {
        let image = record.submission.image
        if image == JobImages.millrace { return .success(configuration.executablePath) }
        if image.hasPrefix("/") { return .success(image) }
        guard image.hasPrefix("s3://") else {
            return .failure(FetchFailure(
                message: "image \(image) names no executable: it must be an absolute path, s3://bucket/key or "
                    + "\(JobImages.millrace), as jobs run without containers"))
        }
        let path = directory.path + "/executable"
        do {
            try await runner.prepare(directory, removing: "executable")
            try await artifacts.fetch(
                image, account: record.submission.account, region: record.submission.region, to: path)
            try await runner.makeExecutable(path)
            return .success(path)
        } catch {
            return .failure(FetchFailure(message: "\(image): \(error)"))
        }
    }

    /// The job's own variables come after the defaults and before those that tell the job who it is.
    private func environment(
        of record: JobRecord, _ attempt: Int, _ directory: AttemptDirectory
    ) async throws -> [EnvironmentVariable] {
        let submission = record.submission
        let lifetime = submission.timeoutSeconds.map { min($0, 30 * 86_400) + 3600 } ?? configuration.credentialSeconds
        let keys = try await credentials.credentials(
            forJob: record.id, attempt: attempt, account: submission.account, region: submission.region,
            lifetimeSeconds: lifetime)
        var variables = [
            EnvironmentVariable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            EnvironmentVariable("HOME", directory.workPath), EnvironmentVariable("LANG", "C.UTF-8"),
            EnvironmentVariable("AWS_ENDPOINT_URL", configuration.endpointURL),
            EnvironmentVariable("AWS_ACCESS_KEY_ID", keys.accessKeyID),
            EnvironmentVariable("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey),
            EnvironmentVariable("AWS_REGION", submission.region),
            EnvironmentVariable("AWS_DEFAULT_REGION", submission.region),
        ]
        if let token = keys.sessionToken { variables.append(EnvironmentVariable("AWS_SESSION_TOKEN", token)) }
        variables += configuration.environment + submission.environment
        variables += [
            EnvironmentVariable("AWS_BATCH_JOB_ID", record.id),
            EnvironmentVariable("AWS_BATCH_JOB_ATTEMPT", String(attempt)),
            EnvironmentVariable("AWS_BATCH_JQ_NAME", submission.queue),
            EnvironmentVariable("AWS_BATCH_CE_NAME", record.environmentName ?? BuiltIn.environmentName),
            EnvironmentVariable("MILLRACE_COMMIT_SCOPE", record.commitScope),
            EnvironmentVariable("MILLRACE_REPORT", reportSocketPath),
        ]
        if let index = record.arrayIndex { variables.append(EnvironmentVariable("AWS_BATCH_JOB_ARRAY_INDEX", String(index))) }
        // The last of a name counts, at the place of the first.
        var positions: [String: Int] = [:]
        var result: [EnvironmentVariable] = []
        for variable in variables {
            if let position = positions[variable.name] {
                result[position] = variable
            } else {
                positions[variable.name] = result.count
                result.append(variable)
            }
        }
        return result
    }

    // MARK: - End

    private func outcome(_ exit: AttemptExit, of record: JobRecord) -> AttemptOutcome {
        let code = exit.exitCode ?? exit.signal.map { 128 + $0 }
        let cause: AttemptOutcome.Cause =
            if exit.isLost {
                .lost
            } else if let failure = exit.startFailure {
                .cannotStart("\(record.submission.image): \(failure.text)")
            } else if exit.outOfMemory {
                .outOfMemory
            } else if exit.timedOut {
                .timedOut(code: code)
            } else if exit.stopRequested {
                .stopped(code: code)
            } else if let code = exit.exitCode {
                .exited(code: code)
            } else if let signal = exit.signal {
                .signalled(signal)
            } else {
                .lost
            }
        return AttemptOutcome(cause, startedAt: exit.startFailure == nil ? exit.startedAt : nil, stoppedAt: exit.endedAt)
    }
}
