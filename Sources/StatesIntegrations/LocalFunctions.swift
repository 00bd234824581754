package import AWSProtocol
import Crypto
import JSONModel
import Logging
package import ProcessRunner
package import Support
import Synchronization

/// Lambda functions that are programs of this machine: the event as JSON on standard input, the answer as JSON on
/// standard output, logs on standard error.
///
/// An invocation is an attempt of the process runner in a directory that its command's id names, so one that was going
/// on when the server ended is found again, or its answer: no invocation is made twice. The directory stays until the
/// outcome is durable.
package final class LocalFunctions: Sendable {
    package struct Function: Sendable {
        /// The program and its arguments.
        package var command: [String]
        package var timeoutSeconds: Int
        package var environment: [(name: String, value: String)]
        /// Nil: an empty one of the invocation's own.
        package var workingDirectory: String?
        package var maxConcurrency: Int

        package init(
            command: [String], timeoutSeconds: Int, environment: [(name: String, value: String)] = [],
            workingDirectory: String? = nil, maxConcurrency: Int = 10
        ) {
            self.command = command
            self.timeoutSeconds = timeoutSeconds
            self.environment = environment
            self.workingDirectory = workingDirectory
            self.maxConcurrency = maxConcurrency
        }
    }

    /// - Source: Lambda, "Quotas", invocation payload.
    private static let answerBytesMax: Int64 = 6 << 20
    private static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private let functions: [String: Function]
    private let directory: String
    private let runner: ProcessRunner
    private let endpointURL: String
    /// A key for one invocation, as a function's role would give it.
    private let key: @Sendable (_ lifetimeSeconds: Int) -> AWSCredentials
    private let clock: any WallClock
    private let slots: [String: InvocationSlots]
    private let logger = Logger(label: "millrace.lambda")

    /// - Parameters:
    ///   - functions: by name.
    ///   - directory: holds the invocations' directories; made if it is missing.
    ///   - endpointURL: of this server, for functions that call it.
    package init(
        functions: [String: Function], directory: String, runner: ProcessRunner, endpointURL: String,
        key: @escaping @Sendable (_ lifetimeSeconds: Int) -> AWSCredentials, clock: any WallClock = SystemWallClock()
    ) {
        self.functions = functions
        self.directory = directory
        self.runner = runner
        self.endpointURL = endpointURL
        self.key = key
        self.clock = clock
        slots = functions.mapValues { InvocationSlots(count: $0.maxConcurrency) }
    }

    func contains(_ name: String) -> Bool { functions[name] != nil }

    /// What became of an invocation.
    struct Answer: Sendable {
        /// JSON text.
        var payload: [UInt8]
        /// The function, not the invocation, failed; `payload` says how.
        var isError: Bool
        var requestID: String
        /// The last lines that it wrote to standard error.
        var log: [String] = []
    }

    /// Runs a function, or finds what became of it under the same command id.
    ///
    /// - Throws: `LostInvocation` when nobody can know how it ended; `ProcessRunnerError`; `CancellationError`, which
    ///   leaves it running.
    func invoke(_ name: String, event: JSONValue, commandID: String, region: String) async throws -> Answer {
        guard let function = functions[name], let slots = slots[name] else { throw LostInvocation() }
        let requestID = commandUUID(commandID)
        let attempt = attempt(commandID)
        try await slots.take()
        defer { slots.give() }
        let specification = specification(name, function, event, requestID, region, attempt)
        try await runner.start(specification, in: attempt)
        let exit = try await runner.waitForEnd(in: attempt)
        if exit.isLost { throw LostInvocation() }
        let output = exit.exitCode == 0 ? try await runner.result(in: attempt) : []
        let log = try await runner.blocking { try attempt.output(before: nil, limit: 20).lines.map(\.text) }
        for line in log { logger.info("\(line)", metadata: ["function": "\(name)", "request": "\(requestID)"]) }
        var answer = answer(function, exit, output, log, requestID)
        answer.log = log
        return answer
    }

    /// Forgets an invocation whose outcome is durable.
    func release(commandID: String) {
        let attempt = attempt(commandID)
        Task { await runner.remove([attempt]) }
    }

    /// Removes, from time to time, what invocations have left whose outcome nobody asks for any more.
    package func run() async {
        // Longer than any function may take and any commit may be late.
        let patience = 3600
        while !Task.isCancelled {
            let limit = clock.now().millisecondsSince1970 / 1000 - Int64(patience)
            for attempt in await runner.attempts(in: directory, before: Int(limit)) {
                if case .ended? = try? await runner.presence(in: attempt) { await runner.remove([attempt]) }  // Next time.
            }
            try? await Task.sleep(for: .seconds(patience))  // Cancelled: the loop ends.
        }
    }

    private func attempt(_ commandID: String) -> AttemptDirectory {
        AttemptDirectory(path: "\(directory)/\(commandUUID(commandID))")
    }

    private func specification(
        _ name: String, _ function: Function, _ event: JSONValue, _ requestID: String, _ region: String,
        _ attempt: AttemptDirectory
    ) -> AttemptSpecification {
        let key = key(function.timeoutSeconds + 60)
        var variables = [
            ("PATH", Self.standardPath), ("HOME", function.workingDirectory ?? attempt.workPath), ("LANG", "C.UTF-8"),
            ("AWS_ENDPOINT_URL", endpointURL), ("AWS_ACCESS_KEY_ID", key.accessKeyID),
            ("AWS_SECRET_ACCESS_KEY", key.secretAccessKey), ("AWS_REGION", region), ("AWS_DEFAULT_REGION", region),
        ]
        if let token = key.sessionToken { variables.append(("AWS_SESSION_TOKEN", token)) }
        variables.removeAll { variable in function.environment.contains { $0.name == variable.0 } }
        variables += function.environment.map { ($0.name, $0.value) }
        variables += [("AWS_LAMBDA_FUNCTION_NAME", name), ("AWS_LAMBDA_REQUEST_ID", requestID)]
        let path = variables.last { $0.0 == "PATH" }?.1 ?? Self.standardPath
        var specification = AttemptSpecification(
            executable: Self.program(function.command.first ?? "", path), arguments: Array(function.command.dropFirst()),
            environment: variables.map { (name: $0.0, value: $0.1) })
        specification.workDirectory = function.workingDirectory
        specification.timeoutMilliseconds = Int64(function.timeoutSeconds) * 1000
        specification.graceMilliseconds = 500
        specification.outputBytesMax = 1 << 20
        specification.input = event.bytes
        specification.resultBytesMax = Self.answerBytesMax
        return specification
    }

    /// What a shell would run. One that is nowhere stays as it is: executing it says so.
    private static func program(_ name: String, _ path: String) -> String {
        guard !name.contains("/") else { return name }
        let found = path.split(separator: ":").map { "\($0)/\(name)" }.first { ProcessRunner.isExecutable($0) }
        return found ?? "/usr/bin/\(name)"
    }

    // MARK: - Answers

    /// - Source: Lambda, runtime errors as functions of `provided` runtimes report them.
    private func answer(
        _ function: Function, _ exit: AttemptExit, _ output: [UInt8], _ log: [String], _ requestID: String
    ) -> Answer {
        func failure(_ type: String, _ message: String) -> Answer {
            let payload: JSONValue = [
                "errorType": .string(type), "errorMessage": .string("RequestId: \(requestID) Error: \(message)"),
                "stackTrace": .array(log.map { .string($0) }),
            ]
            return Answer(payload: payload.bytes, isError: true, requestID: requestID)
        }
        if let start = exit.startFailure {
            return failure("Runtime.InvalidEntrypoint", "\(function.command.first ?? "") cannot be executed: \(start.text)")
        }
        if exit.timedOut {
            return failure("Sandbox.Timedout", "Task timed out after \(function.timeoutSeconds).00 seconds")
        }
        if exit.resultTooLarge {
            return failure(
                "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size "
                    + "(\(Self.answerBytesMax) bytes).")
        }
        if let signal = exit.signal { return failure("Runtime.ExitError", "Runtime exited with error: signal: \(signal)") }
        if let code = exit.exitCode, code != 0 {
            return failure("Runtime.ExitError", "Runtime exited with error: exit status \(code)")
        }
        // No output is no value, as from a handler that returns nothing.
        let text = output.allSatisfy({ $0 == 32 || (9...13).contains($0) }) ? Array("null".utf8) : output
        do {
            let value = try JSONValue(parsing: text)
            let isError = value["errorMessage"]?.string != nil && value["errorType"]?.string != nil
            return Answer(payload: value.bytes, isError: isError, requestID: requestID)
        } catch {
            return failure("Runtime.MarshalError", "The function's output is not JSON: \(error)")
        }
    }
}

/// Nobody can know how the invocation ended: the machine went down, or the process that watched over it was killed.
struct LostInvocation: Error {}

/// The same UUID for every repetition of a command.
func commandUUID(_ commandID: String) -> String {
    var bytes = Array(SHA256.hash(data: Array(commandID.utf8)).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x50
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = Array(hexText(bytes))
    let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return groups.map { String(digits[$0]) }.joined(separator: "-")
}

/// Lets so many through at a time; the others wait in order.
private final class InvocationSlots: Sendable {
    private struct State {
        var free: Int
        var nextID = 0
        var waiters: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    }
    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    /// - Throws: `CancellationError`.
    func take() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isFree = state.withLock { state in
                    if Task.isCancelled { return nil as Bool? }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiters.append((id, continuation))
                    return false
                }
                if let isFree {
                    if isFree { continuation.resume() }
                } else {
                    continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    func give() {
        let next = state.withLock { state in
            if state.waiters.isEmpty {
                state.free += 1
                return nil as CheckedContinuation<Void, any Error>?
            }
            return state.waiters.removeFirst().continuation
        }
        next?.resume()
    }
}
