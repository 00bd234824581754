import ProcessRunner
import Support
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Real processes, short ones.
@Suite(.timeLimit(.minutes(2)))
struct ProcessRunnerTests {
    let runner = ProcessRunner(shimPath: shimPath())
    let scratch: TemporaryDirectory

    init() throws { scratch = try TemporaryDirectory() }

    private func scratchDirectory() -> AttemptDirectory { AttemptDirectory(path: "\(scratch.path)/\(randomUUIDText())/1") }

    private func shell(_ script: String, environment: [(name: String, value: String)] = []) -> AttemptSpecification {
        var specification = AttemptSpecification(
            executable: "/bin/sh", arguments: ["-c", script],
            environment: [(name: "PATH", value: "/usr/bin:/bin")] + environment)
        specification.graceMilliseconds = 300
        return specification
    }

    private func run(_ specification: AttemptSpecification) async throws -> (AttemptExit, [AttemptOutputLine]) {
        let directory = scratchDirectory()
        try await runner.start(specification, in: directory)
        let exit = try await runner.waitForEnd(in: directory)
        return (exit, try directory.output(from: 0, limit: 10_000).lines)
    }

    @Test func givesExitCodeAndBothStreams() async throws {
        let (exit, lines) = try await run(shell("echo out; echo err >&2; printf unfinished; exit 7"))
        #expect(exit.exitCode == 7)
        #expect(exit.signal == nil && exit.startFailure == nil && !exit.timedOut && !exit.isLost)
        #expect(Set(lines.map { "\($0.isError) \($0.text)" }) == ["false out", "true err", "false unfinished"])
        #expect(lines.allSatisfy { $0.at.millisecondsSince1970 > 1_600_000_000_000 })
    }

    @Test func givesOnlyTheEnvironmentItWasAskedFor() async throws {
        setenv("MILLRACE_LEAK", "1", 1)
        let specification = AttemptSpecification(
            executable: "/usr/bin/env", environment: [(name: "A", value: "b=c"), (name: "EMPTY", value: "")])
        let (exit, lines) = try await run(specification)
        #expect(exit.exitCode == 0)
        let texts = lines.map(\.text)
        #expect(Array(texts.prefix(2)) == ["A=b=c", "EMPTY="])
        #expect(texts.count == 3 && texts[2].hasPrefix("MILLRACE_ATTEMPT_DIRECTORY=/"))
    }

    @Test func runsInItsDirectoryWithClosedInput() async throws {
        let (exit, lines) = try await run(shell("pwd; cat; ls /proc/self/fd | wc -l"))
        #expect(exit.exitCode == 0)
        #expect(lines.first?.text.hasSuffix("/work") == true)
        #expect(lines.last?.text.trimmingPrefix(" ") == "4")  // 0, 1, 2 and the one of ls
    }

    @Test func tellsASignalFromAnExit() async throws {
        let (exit, _) = try await run(shell("kill -SEGV $$"))
        #expect(exit.exitCode == nil)
        #expect(exit.signal == Int(SIGSEGV))
    }

    @Test func tellsWhyAProgramDoesNotStart() async throws {
        let (missing, _) = try await run(AttemptSpecification(executable: "/nowhere/at-all"))
        #expect(missing.startFailure?.errno == ENOENT)
        #expect(missing.startFailure?.text == "exec: No such file or directory")
        let (directory, _) = try await run(AttemptSpecification(executable: "/etc"))
        #expect(directory.startFailure?.errno == EACCES)
        var elsewhere = shell("true")
        elsewhere.workDirectory = "/nowhere/at-all"
        #expect(try await run(elsewhere).0.startFailure?.stage == "chdir")
    }

    @Test func refusesWhatNoProcessCanBeGiven() async throws {
        let directory = scratchDirectory()
        await #expect(throws: ProcessRunnerError.invalidSpecification("a argument contains a NUL character")) {
            try await runner.start(shell("echo \0"), in: directory)
        }
        #expect(try await runner.presence(in: directory) == .absent)
    }

    @Test func endsAnAttemptAtItsTimeout() async throws {
        var specification = shell("trap 'echo asked; exit 0' TERM; while :; do sleep 0.05; done")
        specification.timeoutMilliseconds = 200
        let (exit, lines) = try await run(specification)
        #expect(exit.timedOut)
        #expect(lines.map(\.text).contains("asked"))
    }

    @Test func killsWhatIgnoresTheRequestToStop() async throws {
        let directory = scratchDirectory()
        try await runner.start(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"), in: directory)
        try await waitForOutput("ready", in: directory)
        try await runner.requestStop(in: directory)
        let exit = try await runner.waitForEnd(in: directory)
        #expect(exit.stopRequested && exit.signal == Int(SIGKILL))
    }

    @Test func leavesNoDescendantBehind() async throws {
        let directory = scratchDirectory()
        // A grandchild in a session of its own that ignores TERM and has lost its parent.
        let script = "(setsid sh -c 'trap \"\" TERM HUP; echo $$ ; exec sleep 1000' &) ; sleep 0.3; exit 3"
        try await runner.start(shell(script), in: directory)
        let exit = try await runner.waitForEnd(in: directory)
        #expect(exit.exitCode == 3)
        let pid = try #require(Int32(try directory.output(from: 0, limit: 1).lines.first?.text ?? ""))
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }

    @Test func boundsMemory() async throws {
        var specification = shell("x=$(head -c 200000000 /dev/zero | tr '\\0' 'a'); echo done; sleep 5")
        specification.memoryBytesMax = 30 << 20
        let (exit, lines) = try await run(specification)
        #expect(exit.outOfMemory)
        #expect(!lines.map(\.text).contains("done"))
    }

    @Test func boundsOutput() async throws {
        var specification = shell("i=0; while [ $i -lt 500 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done")
        specification.outputBytesMax = 2000
        let (exit, lines) = try await run(specification)
        #expect(exit.exitCode == 0 && exit.outputTruncated)
        #expect(lines.last?.text.hasPrefix("[millrace] Output after ") == true)
        #expect(lines.count < 50)
    }

    @Test func cutsLongLines() async throws {
        let (exit, lines) = try await run(shell("head -c 200000 /dev/zero | tr '\\0' 'a'; echo; echo end"))
        #expect(exit.exitCode == 0)
        #expect(lines.map { $0.text.utf8.count } == [65536, 65536, 65536, 3392, 3])
    }

    @Test func isAdoptedByAnotherRunner() async throws {
        let directory = scratchDirectory()
        try await runner.start(shell("echo ready; until [ -e go ]; do sleep 0.02; done; echo late; exit 4"), in: directory)
        let other = ProcessRunner(shimPath: shimPath())
        #expect(try await other.presence(in: directory) == .running)
        // A second start of the same attempt changes nothing.
        try await other.start(shell("echo twice"), in: directory)
        fclose(fopen(directory.workPath + "/go", "w"))
        async let first = runner.waitForEnd(in: directory)
        async let second = other.waitForEnd(in: directory)
        let exits = try await [first, second]
        #expect(exits[0] == exits[1] && exits[0].exitCode == 4)
        #expect(try directory.output(from: 0, limit: 10).lines.map(\.text) == ["ready", "late"])
        #expect(try await other.presence(in: directory) == .ended(exits[0]))
    }

    @Test func provesAnAttemptDeadWhoseShimWasKilled() async throws {
        let directory = scratchDirectory()
        try await runner.start(
            shell("(setsid sleep 1000 & echo $!); echo ready; sleep 1000"), in: directory)
        try await waitForOutput("ready", in: directory)
        let started = try String(decoding: readAll(directory.path + "/started.json"), as: UTF8.self)
        let shim = try #require(started.split(separator: "\"shimPid\":").last?.prefix { $0.isNumber }).description
        #expect(kill(try #require(Int32(shim)), SIGKILL) == 0)
        let exit = try await runner.waitForEnd(in: directory)
        #expect(exit.isLost && exit.exitCode == nil)
        let orphan = try #require(Int32(try directory.output(from: 0, limit: 1).lines.first?.text ?? ""))
        #expect(isGone(orphan))
        // It stays dead: neither a late shim nor another start revives it.
        try await runner.start(shell("echo again"), in: directory)
        #expect(try await runner.waitForEnd(in: directory) == exit)
    }

    @Test func cancellingAWaitLeavesTheAttemptAlone() async throws {
        let directory = scratchDirectory()
        try await runner.start(shell("until [ -e go ]; do sleep 0.02; done; exit 5"), in: directory)
        let wait = Task { try await runner.waitForEnd(in: directory) }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
        fclose(fopen(directory.workPath + "/go", "w"))
        #expect(try await runner.waitForEnd(in: directory).exitCode == 5)
    }

    @Test func pagesOutputInBothDirections() async throws {
        let directory = scratchDirectory()
        try await runner.start(shell("for i in 1 2 3 4 5 6 7; do echo $i; done"), in: directory)
        _ = try await runner.waitForEnd(in: directory)
        let first = try directory.output(from: 0, limit: 3)
        #expect(first.lines.map(\.text) == ["1", "2", "3"])
        #expect(try directory.output(from: first.end, limit: 2).lines.map(\.text) == ["4", "5"])
        let last = try directory.output(before: nil, limit: 2)
        #expect(last.lines.map(\.text) == ["6", "7"])
        let before = try directory.output(before: last.start, limit: 10)
        #expect(before.lines.map(\.text) == ["1", "2", "3", "4", "5"])
        #expect(try directory.output(before: before.start, limit: 10).lines.isEmpty)
        let beyond = try directory.output(from: last.end, limit: 10)
        #expect(beyond.lines.isEmpty && beyond.end == last.end)
    }

    private func waitForOutput(_ text: String, in directory: AttemptDirectory) async throws {
        for _ in 0..<500 {
            if try directory.output(from: 0, limit: 100).lines.contains(where: { $0.text == text }) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(text) was not printed")
    }
}

/// The shim stands beside the test program.
private func shimPath() -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let executable = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return executable[..<(executable.lastIndex(of: "/") ?? executable.endIndex)] + "/millrace-shim"
}

private func readAll(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}

/// Ended, or a zombie that waits for its reaper.
private func isGone(_ pid: Int32) -> Bool {
    guard let bytes = try? readAll("/proc/\(pid)/stat") else { return true }
    return String(decoding: bytes, as: UTF8.self).contains(") Z ")
}
