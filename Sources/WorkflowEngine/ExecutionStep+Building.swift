import Crypto
import JSONModel
import StateStore
import StatesLanguage
package import StatesRuntime
import Support

extension LoadedExecution {
    /// Events taken in by one step at most, and history after which a step takes in no further one.
    static let eventsMax = 256
    private static let historyEventsMax = 4_000

    /// Applies events to the machine.
    ///
    /// A runnable execution also gets its start or its redrive, before the events, or its continuation, after them, so
    /// that a loop can be stopped.
    ///
    /// - Returns: what must become durable, and how many of the events it takes in; nil if there is nothing to do.
    mutating func step(
        _ events: [PostedEvent], clock: some WallClock, observer: WorkflowEngine.Observer?
    ) throws -> (step: ExecutionStep, taken: Int)? {
        guard !events.isEmpty || record.isRunnable else { return nil }
        var history: [HistoryEvent] = []
        var step = ExecutionStep(
            executionArn: record.arn, revision: record.revision, stepCount: record.stepCount, isRunnable: record.isRunnable)
        var taken = 0
        func hasRoom() -> Bool { history.count < Self.historyEventsMax }
        let redrives = record.redrives.count
        let isContinued = record.stepCount > 0 && machine.redriveCount == redrives
        if step.stepCount == 0 {
            try apply(.started, now: clock.now(), observer, &step, &history)
        } else if !isContinued {
            let event = ExecutionEvent.redriven(count: redrives, lastEventID: record.lastEventID)
            try apply(event, now: clock.now(), observer, &step, &history)
        }
        for posted in events where hasRoom() {
            step.takeIn(posted, now: clock.now())
            try apply(posted.event, now: clock.now(), observer, &step, &history)
            taken += 1
        }
        if step.isRunnable, isContinued, hasRoom() {
            try apply(.continuation, now: clock.now(), observer, &step, &history)
        }
        step.history = history.map(\.record)
        for change in machine.takeFrameChanges() {
            switch change {
            case .write(let frame):
                step.frames.append(FrameRecord(path: frame.path, bytes: frame.bytes))
                noteFrame(frame.path, byteCount: frame.bytes.count)
            case .remove(let path):
                step.frames.append(FrameRecord(path: path, bytes: nil))
                noteFrame(path, byteCount: nil)
            }
        }
        return (step, taken)
    }

    private mutating func apply(
        _ event: ExecutionEvent, now: Timestamp, _ observer: WorkflowEngine.Observer?, _ step: inout ExecutionStep,
        _ history: inout [HistoryEvent]
    ) throws {
        switch event {
        case .started, .redriven, .continuation: step.isRunnable = false
        default: break
        }
        var commands: [ExecutionCommand] = []
        let context = StepContext(now: now, seed: StepSeed(secret: record.secret, step: step.stepCount))
        observer?(record.arn, step.stepCount, event, context)
        try machine.apply(event, in: context, history: &history, commands: &commands)
        step.stepCount += 1
        for command in commands {
            if case .startMapRun(let start) = command {
                step.newMapRuns.append(try mapRun(start, at: now))
            } else {
                step.add(command, now: now)
            }
        }
    }

    private func mapRun(_ start: MapRunStart, at now: Timestamp) throws -> MapRunRecord {
        guard case .map(let fields)? = machine.definition.root.find(start.stateName)?.body,
            let distributed = fields.distributed
        else { throw ExecutionError("'\(start.stateName)' is no distributed Map") }
        return MapRunRecord(start, of: record, distributed, at: now)
    }

    /// Takes over what a durable step has changed.
    mutating func advance(past step: ExecutionStep) {
        record.revision += 1
        record.stepCount = step.stepCount
        record.isRunnable = step.isRunnable
        record.lastEventID = step.history.last?.id ?? record.lastEventID
        if let end = step.end {
            record.status = end.status
            record.stoppedAt = end.stoppedAt
        }
    }
}

extension ExecutionStep {
    /// Notes what an event says about a command or timer.
    fileprivate mutating func takeIn(_ posted: PostedEvent, now: Timestamp) {
        switch posted.event {
        case .taskSucceeded(let taskID, _), .taskFailed(let taskID, _, _): finishedCommands.append(taskID)
        case .taskSubmitted(let taskID, _): submittedCommands.append((taskID, posted.handle ?? .null))
        case .timerFired(let timerID): finishedTimers.append(timerID)
        case .mapRunSucceeded(let run, _): end(run, .succeeded, now)
        case .mapRunFailed(let run, _, _): end(run, .failed, now)
        case .started, .continuation, .taskHeartbeat, .activityStarted, .stopRequested, .redriven: break
        }
    }

    private mutating func end(_ run: MapRunAttempt, _ status: MapRunRecord.Status, _ now: Timestamp) {
        endedMapRuns.append(
            MapRunEnd(mapRunArn: run.mapRunArn, redriveCount: run.redriveCount, status: status, stoppedAt: now))
    }

    fileprivate mutating func add(_ command: ExecutionCommand, now: Timestamp) {
        switch command {
        case .startTask(let start): newCommands.append(start.record(executionArn: executionArn))
        case .cancelTask(let taskID):
            // One that this very step decided is simply not begun.
            let count = newCommands.count
            newCommands.removeAll { $0.commandID == taskID }
            if newCommands.count == count { cancelledCommands.append(taskID) }
        case .startTimer(let timerID, let dueAt):
            newTimers.append(TimerRecord(executionArn: executionArn, timerID: timerID, dueAt: dueAt))
        case .cancelTimer(let timerID):
            let count = newTimers.count
            newTimers.removeAll { $0.timerID == timerID }
            if newTimers.count == count { finishedTimers.append(timerID) }
        case .startMapRun: break  // Its record needs more than the step.
        case .redriveMapRun(let run):
            redrivenMapRuns.append(MapRunRedrive(mapRunArn: run.mapRunArn, count: run.redriveCount, date: now))
        case .cancelMapRun(let run):
            let count = newMapRuns.count + redrivenMapRuns.count
            newMapRuns.removeAll { $0.arn == run.mapRunArn }
            redrivenMapRuns.removeAll { $0.mapRunArn == run.mapRunArn }
            if newMapRuns.count + redrivenMapRuns.count == count { end(run, .aborted, now) }
        case .continueExecution: isRunnable = true
        case .endExecution(let outcome):
            isRunnable = false
            end = End(outcome, at: now)
        }
    }
}

extension ExecutionStep.End {
    init(_ outcome: ExecutionOutcome, at now: Timestamp) {
        switch outcome {
        case .succeeded(let output): self.init(status: .succeeded, stoppedAt: now, output: output.text)
        case .failed(let error, let cause): self.init(status: .failed, stoppedAt: now, error: error, cause: cause)
        case .timedOut(let error, let cause): self.init(status: .timedOut, stoppedAt: now, error: error, cause: cause)
        case .aborted(let error, let cause): self.init(status: .aborted, stoppedAt: now, error: error, cause: cause)
        }
    }
}

/// 32 bytes that nobody can guess who does not know `parent`.
func derivedSecret(of name: String, from parent: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(name.utf8), using: SymmetricKey(data: parent)))
}

extension StepSeed {
    /// HMAC-SHA-256 of the step's number under the execution's secret, cut to 128 bits.
    package init(secret: [UInt8], step: Int64) {
        let number = withUnsafeBytes(of: step.littleEndian) { Array($0) }
        let code = HMAC<SHA256>.authenticationCode(for: number, using: SymmetricKey(data: secret))
        let bytes = Array(code)
        func word(_ offset: Int) -> UInt64 { bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(0), low: word(8))
    }
}
