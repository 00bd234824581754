import JSONModel
import StatesLanguage
import StatesRuntime
import Support

/// Drives one machine by hand: keeps its history and commands, its clock, and a store of its frames.
final class MachineDriver {
    let definition: StateMachineDefinition
    private(set) var execution: ExecutionIdentity
    let limits: ExecutionLimits
    /// Loads the machine anew from its frames before every event.
    let reloads: Bool

    private var machine: Slot
    private var frames: [String: [UInt8]] = [:]
    private(set) var now = Timestamp(millisecondsSince1970: 1_700_000_000_000)
    private var steps: UInt64 = 0

    private(set) var history: [HistoryEvent] = []
    private(set) var tasks: [TaskStart] = []
    private(set) var cancelledTasks: [String] = []
    private(set) var timers: [(id: String, at: Timestamp)] = []
    private(set) var mapRuns: [MapRunStart] = []
    private(set) var redrivenMapRuns: [MapRunAttempt] = []
    private(set) var continuations = 0
    private(set) var outcome: ExecutionOutcome?
    /// Commands as text, one a line.
    private(set) var log: [String] = []

    /// Holds the machine, which cannot be copied.
    final class Slot {
        var machine: ExecutionMachine
        init(_ machine: consuming ExecutionMachine) { self.machine = machine }
    }

    /// - Parameter isStored: it was accepted by an earlier release, which had fewer rules.
    init(
        _ definition: String, input: String = "{}", limits: ExecutionLimits = .default, reloads: Bool = false,
        isStored: Bool = false
    ) throws {
        self.definition = try isStored
            ? StateMachineDefinition(stored: definition, type: .standard) : StateMachineDefinition(parsing: definition)
        self.limits = limits
        self.reloads = reloads
        execution = ExecutionIdentity(
            executionArn: "arn:aws:states:us-east-1:123456789012:execution:m:e", executionName: "e",
            stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:m", stateMachineName: "m",
            roleArn: "arn:aws:iam::123456789012:role/r", region: "us-east-1", account: "123456789012",
            startTime: Timestamp(millisecondsSince1970: 1_700_000_000_000), input: try Payload(parsing: input))
        machine = Slot(ExecutionMachine(definition: self.definition, execution: execution, limits: limits))
    }

    /// Applies an event, then continuations as they are asked for.
    func apply(_ event: ExecutionEvent, continues: Bool = true) throws {
        if reloads, steps > 0 { try reload() }
        steps += 1
        var commands: [ExecutionCommand] = []
        let context = StepContext(now: now, seed: StepSeed(high: 42, low: steps))
        try machine.machine.apply(event, in: context, history: &history, commands: &commands)
        for change in machine.machine.takeFrameChanges() {
            switch change {
            case .write(let frame): frames[frame.path] = frame.bytes
            case .remove(let path): frames[path] = nil
            }
        }
        var goesOn = false
        for command in commands {
            switch command {
            case .startTask(let task):
                tasks.append(task)
                log.append(
                    "task \(tasks.count - 1) \(task.resource.action) \(task.parameters) visit \(task.taskVisit) map \(task.mapPath) attempt \(task.attempt)")
            case .cancelTask(let taskID):
                cancelledTasks.append(taskID)
                log.append("cancel task \(tasks.firstIndex { $0.taskID == taskID } ?? -1)")
            case .startTimer(let id, let at):
                timers.append((id, at))
                log.append("timer \(id) +\(at.milliseconds(since: now))")
            case .cancelTimer(let id):
                timers.removeAll { $0.id == id }
                log.append("cancel timer \(id)")
            case .startMapRun(let start):
                mapRuns.append(start)
                log.append("map run of \(start.stateName)")
            case .redriveMapRun(let run):
                redrivenMapRuns.append(run)
                log.append("redrive \(run.redriveCount) of map run \(mapRuns.firstIndex { $0.mapRunArn == run.mapRunArn } ?? -1)")
            case .cancelMapRun(let run):
                log.append("cancel map run \(mapRuns.firstIndex { $0.mapRunArn == run.mapRunArn } ?? -1)")
            case .continueExecution:
                continuations += 1
                goesOn = true
            case .endExecution(let outcome):
                self.outcome = outcome
                log.append("end")
            }
        }
        if goesOn, continues { try apply(.continuation) }
    }

    private func reload() throws {
        let saved = frames.map { SnapshotFrame(path: $0.key, bytes: $0.value) }
        machine = Slot(try ExecutionMachine(definition: definition, execution: execution, frames: saved, limits: limits))
    }

    /// Lets an execution that has ended go on.
    func redrive() throws {
        execution.redriveCount += 1
        execution.redriveTime = now
        outcome = nil
        try reload()
        try apply(.redriven(count: execution.redriveCount, lastEventID: history.last?.id ?? 0))
    }

    /// Moves the clock to the earliest timer and fires it.
    func fire() throws {
        guard let index = timers.indices.min(by: { timers[$0].at < timers[$1].at }) else { throw DriverError.noTimer }
        let timer = timers.remove(at: index)
        now = max(now, timer.at)
        try apply(.timerFired(timerID: timer.id))
    }

    func succeed(_ task: Int, _ output: JSONValue) throws {
        try apply(.taskSucceeded(taskID: tasks[task].taskID, output: output))
    }

    func fail(_ task: Int, _ error: String?, _ cause: String? = nil) throws {
        try apply(.taskFailed(taskID: tasks[task].taskID, error: error, cause: cause))
    }

    /// One line an event: `id <- previous type details`.
    var historyText: String {
        history.map { event in
            var details = event.details ?? [:]
            for key in ["inputDetails", "outputDetails", "assignedVariablesDetails"] { details[key] = nil }
            return "\(event.id) <- \(event.previousEventID) \(event.type.rawValue)\(event.details == nil ? "" : " \(details)")\n"
        }.joined()
    }

    var frameCount: Int { frames.count }
    var frameSizes: [String: Int] { frames.mapValues(\.count) }
}

enum DriverError: Error { case noTimer }
