import JSONModel
import Logging
package import StateStore
import StatesLanguage
package import StatesRuntime
import Support
import Synchronization

extension WorkflowEngine {
    /// Takes one execution on until it has nothing left to do. One task at a time drives a cell.
    func drive(_ cell: ExecutionCell) async {
        while true {
            let bytes = cell.loaded?.byteCount
            let next = residents.withLock {
                $0.take(
                    cell, limit: LoadedExecution.eventsMax, residentBytes: bytes,
                    bytesMax: configuration.residentBytesMax)
            }
            guard let next else { return }
            guard await step(cell, next) else { return }
        }
    }

    /// Makes one step durable and sets off what follows from it. False when the engine can do no more.
    private func step(_ cell: ExecutionCell, _ events: [PostedEvent]) async -> Bool {
        var failures = 0
        while !Task.isCancelled {
            do {
                guard try await load(cell) else {
                    await discard(events, of: cell.executionArn)
                    return true
                }
                if let definition = cell.loaded?.machine.definition {
                    cell.loaded?.machine.missingActivities = try await missingActivities(of: definition)
                }
                guard let (step, taken) = try cell.applied(events, clock: clock, observer: configuration.observer) else { return true }
                try await store.commit(step)
                follow(step, cell, acknowledging: events[..<taken], leaving: events[taken...])
                return true
            } catch {
                cell.loaded = nil
                if Task.isCancelled || isFinal(error) {
                    for event in events { event.acknowledge?(error) }
                    return false
                }
                logger.error(
                    "A step of an execution failed.",
                    metadata: ["execution": "\(cell.executionArn)", "error": "\(error)"])
                if let error = error as? StateStoreError, error.isPassing {
                    try? await clock.sleep(for: configuration.storeRetryDelay)  // Cancellation ends the loop.
                    continue
                }
                failures += 1
                if failures == 2 {
                    guard await fail(cell.executionArn, error) else { continue }
                    for event in events { event.acknowledge?(nil) }
                    return true
                }
            }
        }
        for event in events { event.acknowledge?(CancellationError()) }
        return false
    }

    func isFinal(_ error: any Error) -> Bool {
        switch error as? StateStoreError {
        case .closed, .syncFailed: true
        default: false
        }
    }

    /// Makes the machine resident. False if the execution is over or unknown.
    private func load(_ cell: ExecutionCell) async throws -> Bool {
        if cell.loaded != nil { return true }
        guard let (record, frames) = try await store.loadExecution(arn: cell.executionArn), record.status == .running
        else { return false }
        cell.loaded = try makeResident(record, frames)
        return true
    }

    /// The activities of a definition that have been deleted or never were.
    func missingActivities(of definition: StateMachineDefinition) async throws -> Set<String> {
        var missing: Set<String> = []
        for arn in definition.activityArns {
            if try await store.activity(arn: arn) == nil { missing.insert(arn) }
        }
        return missing
    }

    func makeResident(_ record: ExecutionRecord, _ frames: [FrameRecord]) throws -> LoadedExecution {
        let definition = try definitions.definition(record.stateMachine.definition, type: record.stateMachine.type)
        let identity = try ExecutionIdentity(record)
        let limits = limits(of: record.stateMachine)
        if record.stepCount == 0 {
            return LoadedExecution(
                record: record,
                machine: ExecutionMachine(definition: definition, execution: identity, limits: limits))
        }
        let snapshot = frames.map { SnapshotFrame(path: $0.path, bytes: $0.bytes ?? []) }
        var loaded = LoadedExecution(
            record: record,
            machine: try ExecutionMachine(
                definition: definition, execution: identity, frames: snapshot, limits: limits))
        for frame in snapshot { loaded.noteFrame(frame.path, byteCount: frame.bytes.count) }
        return loaded
    }

    /// Events for an execution that is over change nothing, but their commands are done with.
    private func discard(_ events: [PostedEvent], of executionArn: String) async {
        for event in events {
            switch event.event {
            case .taskSucceeded(let taskID, _), .taskFailed(let taskID, _, _):
                await forget(taskID, executionArn: executionArn)
            default: break
            }
            event.acknowledge?(nil)
        }
    }

    /// After a step is durable: performs its commands, answers those who wait.
    private func follow(
        _ step: ExecutionStep, _ cell: ExecutionCell, acknowledging taken: ArraySlice<PostedEvent>,
        leaving rest: ArraySlice<PostedEvent>
    ) {
        cell.loaded?.advance(past: step)
        let stateMachineArn = cell.loaded?.record.stateMachine.arn ?? ""
        residents.withLock { _ in
            if !rest.isEmpty { cell.inbox.insert(contentsOf: rest, at: 0) }
            if step.isRunnable { cell.needsRun = true }
        }
        addTimers(step.newTimers)
        if !step.finishedTimers.isEmpty {
            timers.withLock { timers in
                for timerID in step.finishedTimers { timers.remove(executionArn: step.executionArn, timerID: timerID) }
            }
        }
        for command in step.newCommands { schedule(command) }
        for commandID in step.cancelledCommands { cancel(commandID, executionArn: step.executionArn) }
        followMapRuns(of: step)
        if let end = step.end {
            if let child = cell.loaded?.record.mapRun { childEnded(child, end.status) }
            cell.loaded = nil
        }
        for event in taken { event.acknowledge?(nil) }
        feed.publish(
            ExecutionChange(
                executionArn: step.executionArn, stateMachineArn: stateMachineArn, status: step.end?.status ?? .running,
                events: step.history))
    }

    /// Ends an execution whose machine cannot go on. False if that could not be made durable.
    private func fail(_ executionArn: String, _ error: any Error) async -> Bool {
        do {
            guard let record = try await store.execution(arn: executionArn), record.status == .running else { return true }
            let now = clock.now()
            let cause = "The execution could not be continued: \(error)"
            var step = ExecutionStep(
                executionArn: executionArn, revision: record.revision, stepCount: record.stepCount + 1, isRunnable: false)
            step.history = [
                HistoryRecord(
                    id: record.lastEventID + 1, previousEventID: record.lastEventID, timestamp: now,
                    type: HistoryEventType.executionFailed.rawValue,
                    details: ["error": "States.Runtime", "cause": .string(cause)])
            ]
            step.end = ExecutionStep.End(status: .failed, stoppedAt: now, error: "States.Runtime", cause: cause)
            for run in try await store.mapRuns(ofExecution: executionArn, after: nil, limit: .max) where run.status == .running {
                step.endedMapRuns.append(
                    MapRunEnd(mapRunArn: run.arn, redriveCount: run.redriveCount, status: .aborted, stoppedAt: now))
            }
            try await store.commit(step)
            followMapRuns(of: step)
            if let child = record.mapRun { childEnded(child, .failed) }
            for commandID in commandIDs(of: executionArn) { cancel(commandID, executionArn: executionArn) }
            feed.publish(
                ExecutionChange(
                    executionArn: executionArn, stateMachineArn: record.stateMachine.arn, status: .failed,
                    events: step.history))
            return true
        } catch {
            logger.error(
                "An execution could not be failed.",
                metadata: ["execution": "\(executionArn)", "error": "\(error)"])
            try? await clock.sleep(for: configuration.storeRetryDelay)  // Cancellation ends the caller's loop.
            return false
        }
    }
}

extension ExecutionCell {
    fileprivate func applied(
        _ events: [PostedEvent], clock: any WallClock, observer: WorkflowEngine.Observer?
    ) throws -> (step: ExecutionStep, taken: Int)? {
        try loaded?.step(events, clock: clock, observer: observer)
    }
}

extension ExecutionIdentity {
    package init(_ record: ExecutionRecord) throws {
        self.init(record, input: try Payload(parsing: record.input))
    }

    /// - Parameter input: the record's.
    init(_ record: ExecutionRecord, input: Payload) {
        self.init(
            executionArn: record.arn, executionName: record.name, stateMachineArn: record.stateMachine.arn,
            stateMachineName: record.stateMachine.name, roleArn: record.stateMachine.roleArn, region: record.region,
            account: record.account, type: StateMachineType(rawValue: record.stateMachine.type) ?? .standard,
            startTime: record.startedAt, input: input,
            stateMachineVersionArn: record.stateMachine.versionArn, stateMachineAliasArn: record.stateMachine.aliasArn)
        redriveCount = record.redrives.count
        redriveTime = record.redrives.date
    }
}
