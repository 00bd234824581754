package import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Runs attempts in processes that survive this one.
///
/// Each attempt has a directory and a shim (`millrace-shim`) that holds the lock in it for as long as it lives. Another
/// runner, in this process or a later one, finds an attempt by its directory alone: a lock that is taken means that the
/// attempt runs; one that is free, with `started.json` but no `exit.json`, means that its shim was killed, and then
/// whatever it left is ended before the attempt counts as over.
package final class ProcessRunner: Sendable {
    private let shimPath: String
    private let clock: any WallClock
    let threads = BlockingExecutor(name: "attempts", threads: 4)
    private let watcher = AttemptWatcher()

    /// - Parameter shimPath: the executable `millrace-shim`.
    package init(shimPath: String, clock: any WallClock = SystemWallClock()) {
        self.shimPath = shimPath
        self.clock = clock
    }

    deinit { threads.stop() }

    /// Where an attempt stands.
    package enum Presence: Sendable, Hashable {
        /// No process of it was ever started, and none will be unless `start` is called.
        case absent
        case running
        case ended(AttemptExit)
    }

    /// Starts the attempt, unless it runs or has ended: then that attempt is left as it is.
    ///
    /// Returns once the program has been executed or has failed to; a failure of the program to start is an end like
    /// another (`AttemptExit.startFailure`).
    package func start(_ specification: AttemptSpecification, in directory: AttemptDirectory) async throws(ProcessRunnerError) {
        let bytes = try specification.encoded(in: directory)
        try await threads.run { [shimPath] () throws(ProcessRunnerError) in
            try makeDirectories(directory.workPath)
            // Before the specification that names it; an attempt that is started again gets both again.
            if let input = specification.input {
                try writeFile(input, "\(directory.path)/\(AttemptDirectory.inputName)")
            }
            try writeDurably(bytes, directory: directory.path, name: "spec")
            switch try spawnShim(shimPath, directory) {
            case 0, ShimStatus.alreadyRunning, ShimStatus.alreadyEnded: return
            case ShimStatus.needsProof: return  // `presence` and `waitForEnd` settle it
            case let status: throw .shimFailed(status: status)
            }
        }
    }

    /// Finds out where the attempt stands. For one whose shim has died, ends what is left of it first.
    package func presence(in directory: AttemptDirectory) async throws(ProcessRunnerError) -> Presence {
        try await threads.run { [clock] () throws(ProcessRunnerError) in try settle(directory, clock, waiting: false) }
    }

    /// Waits until the attempt has ended, whoever started it.
    ///
    /// - Throws: `ProcessRunnerError`; `CancellationError`, which leaves the attempt running. An attempt that was
    ///   never started is `.damagedRecord`.
    package func waitForEnd(in directory: AttemptDirectory) async throws -> AttemptExit {
        while true {
            try await watcher.waitUntilReleased(controlPath: directory.path + "/control")
            let presence = try await threads.run { [clock] () throws(ProcessRunnerError) in
                try settle(directory, clock, waiting: true)
            }
            switch presence {
            case .ended(let exit): return exit
            case .running: continue
            case .absent: throw ProcessRunnerError.damagedRecord(path: directory.path)
            }
        }
    }

    /// Asks the attempt to stop: TERM to all its processes, then KILL after its grace. Does nothing to one that does
    /// not run.
    package func requestStop(in directory: AttemptDirectory) async throws(ProcessRunnerError) {
        try await threads.run { () throws(ProcessRunnerError) in
            let file: OpenFile
            do throws(ProcessRunnerError) {
                file = try OpenFile(directory.path + "/control", O_WRONLY | O_NONBLOCK)
            } catch .system(_, _, ENXIO), .system(_, _, ENOENT) {
                return  // nobody reads it
            }
            var byte = UInt8(ascii: "s")
            if write(file.descriptor, &byte, 1) < 0, errno != EPIPE, errno != EAGAIN {
                throw .system(operation: "write", path: directory.path + "/control", errno: errno)
            }
        }
    }

    /// Runs blocking work, such as reading output, on the runner's threads.
    package func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await threads.run(body)
    }
}

/// The shim's exit statuses.
private enum ShimStatus {
    static let alreadyRunning: Int32 = 75
    static let alreadyEnded: Int32 = 76
    static let needsProof: Int32 = 77
}

/// Starts the shim and waits until it has handed over to a process of its own.
private func spawnShim(_ path: String, _ directory: AttemptDirectory) throws(ProcessRunnerError) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 {
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY, 0)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), strdup(directory.path), nil]
    defer { for argument in arguments { free(argument) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    var pid: pid_t = 0
    let failure = posix_spawn(&pid, path, &actions, nil, &arguments, &environment)
    if failure != 0 { throw .system(operation: "posix_spawn", path: path, errno: failure) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
        // Somebody else has waited for it: its effect is still there to be found.
        if errno != EINTR { return 0 }
    }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
}

/// - Parameter waiting: whether to wait for the lock instead of answering `.running`.
private func settle(
    _ directory: AttemptDirectory, _ clock: any WallClock, waiting: Bool
) throws(ProcessRunnerError) -> ProcessRunner.Presence {
    let exitPath = directory.path + "/exit.json"
    func recordedExit() throws(ProcessRunnerError) -> AttemptExit? {
        guard let text = try readFile(exitPath) else { return nil }
        guard let exit = AttemptExit(json: text) else { throw .damagedRecord(path: exitPath) }
        return exit
    }
    // The last thing a shim does: by then it has waited for every process, though it may hold the lock a little longer.
    if let exit = try recordedExit() { return .ended(exit) }
    let lock: OpenFile
    do throws(ProcessRunnerError) {
        lock = try OpenFile(directory.path + "/lock", O_RDWR | O_CREAT)
    } catch .system(_, _, ENOENT) {
        return .absent  // not even the directory
    }
    while flock(lock.descriptor, waiting ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
        if errno == EINTR { continue }
        if errno == EWOULDBLOCK { return .running }
        throw .system(operation: "flock", path: directory.path + "/lock", errno: errno)
    }
    if let exit = try recordedExit() { return .ended(exit) }
    let startedPath = directory.path + "/started.json"
    guard let text = try readFile(startedPath) else { return .absent }
    guard let start = AttemptStart(json: text) else { throw .damagedRecord(path: startedPath) }
    try endRemains(of: directory, start)
    let record = AttemptExit.lostRecord(startedAt: start.startedAt, endedAt: clock.now())
    try writeDurably(Array(record.utf8), directory: directory.path, name: "exit.json")
    guard let exit = AttemptExit(json: Array(record.utf8)) else { throw .damagedRecord(path: exitPath) }
    return .ended(exit)
}

/// Kills what an attempt's dead shim left behind until nothing is found any more.
private func endRemains(of directory: AttemptDirectory, _ start: AttemptStart) throws(ProcessRunnerError) {
    var remains = SystemProcesses.remains(of: directory, start)
    for _ in 0..<500 where !remains.isEmpty {
        for process in remains { SystemProcesses.kill(process) }
        usleep(10_000)
        remains = SystemProcesses.remains(of: directory, start)
    }
    if !remains.isEmpty { throw .processesSurvive(remains.map(\.pid)) }
}

extension ProcessRunner {
    /// Makes the attempt's directory and removes a file in it that an earlier try may have left.
    package func prepare(_ directory: AttemptDirectory, removing name: String) async throws(ProcessRunnerError) {
        try await threads.run { () throws(ProcessRunnerError) in
            try makeDirectories(directory.workPath)
            unlink("\(directory.path)/\(name)")
        }
    }

    /// Makes a directory and those above it that are missing.
    package func makeDirectory(_ path: String) async throws(ProcessRunnerError) {
        try await threads.run { () throws(ProcessRunnerError) in try makeDirectories(path) }
    }

    package func makeExecutable(_ path: String) async throws(ProcessRunnerError) {
        try await threads.run { () throws(ProcessRunnerError) in
            if chmod(path, 0o700) != 0 { throw .system(operation: "chmod", path: path, errno: errno) }
        }
    }
}
