import JSONModel
import Logging
package import StateStore
import StatesLanguage
import StatesRuntime
package import Support
import Synchronization

/// A map run as it is told to those who ask.
package struct MapRunDescription: Sendable {
    package var record: MapRunRecord
    package var counts: MapRunCounts
}

// Runs of distributed Maps.
extension WorkflowEngine {
    /// Has a durable map run driven: at once, or after the end of what drives it now.
    func open(_ mapRunArn: String) {
        let cell = mapRuns.withLock { cells -> MapRunCell? in
            if let driven = cells[mapRunArn] {
                driven.isReopened.store(true, ordering: .relaxed)
                return nil
            }
            let cell = MapRunCell(mapRunArn: mapRunArn)
            cells[mapRunArn] = cell
            return cell
        }
        if let cell { enqueue(.mapRun(cell)) }
    }

    /// After a step is durable: begins the map runs that it starts, and ends those that nobody waits for any more.
    func followMapRuns(of step: ExecutionStep) {
        for run in step.newMapRuns { open(run.arn) }
        for run in step.redrivenMapRuns { open(run.mapRunArn) }
        for end in step.endedMapRuns where end.status == .aborted {
            mapRuns.withLock { $0[end.mapRunArn] }?.post { $0.cancelledRedrive = end.redriveCount }
        }
    }

    /// Keeps what an EXPRESS child that has ended has logged.
    func deliverLog(of child: ExpressChild) {
        let record = child.record
        deliverLog(
            of: child.execution, record.stateMachine, startedAt: record.startedAt,
            stoppedAt: record.stoppedAt ?? record.startedAt)
    }

    /// Tells a map run that a child's end is durable.
    func childEnded(_ child: MapRunMembership, _ status: ExecutionRecord.Status) {
        mapRuns.withLock { $0[child.mapRunArn] }?.post { $0.ended.append((child, status)) }
    }

    /// Takes a map run to its end.
    func drive(_ cell: MapRunCell) async {
        var failures = 0
        while !Task.isCancelled {
            do {
                guard let loaded = try await store.loadMapRun(arn: cell.mapRunArn), loaded.record.isOpen,
                    let parent = try await store.execution(arn: loaded.record.executionArn)
                else { break }
                try await MapRunner(self, cell, loaded, parent: parent).drive()
                break
            } catch {
                if Task.isCancelled || error is CancellationError || isFinal(error) { return }
                logger.error(
                    "A map run broke off.", metadata: ["mapRun": "\(cell.mapRunArn)", "error": "\(error)"])
                if !(error is StateStoreError) { failures += 1 }
                if failures == 2 {
                    await giveUp(cell, error)
                    break
                }
                try? await clock.sleep(for: configuration.storeRetryDelay)  // Cancellation ends the loop.
            }
        }
        if Task.isCancelled { return }
        let isReopened = mapRuns.withLock { cells in
            cells[cell.mapRunArn] = nil
            return cell.isReopened.load(ordering: .relaxed)
        }
        if isReopened { open(cell.mapRunArn) }
    }

    /// Fails a run that cannot go on.
    private func giveUp(_ cell: MapRunCell, _ error: any Error) async {
        do {
            guard let run = try await store.mapRun(arn: cell.mapRunArn) else { return }
            try await postAndWait(
                .mapRunFailed(
                    run.attempt, error: "States.Runtime", cause: "The map run could not be continued: \(error)"),
                to: run.executionArn)
        } catch {
            logger.error("A map run could not be failed.", metadata: ["mapRun": "\(cell.mapRunArn)", "error": "\(error)"])
        }
    }

    /// Takes an EXPRESS child to its end, or until its map run has no use for it.
    func finish(_ child: ExpressChild, _ pending: PendingCommand, _ cell: MapRunCell) async {
        let outcome = await pending.unlessCancelled { () async -> ExecutionOutcome? in
            do {
                return try await self.finish(child.execution, after: child.commands)
            } catch is CancellationError {
                return nil  // The next start runs it again.
            } catch {
                return .failed(error: "States.Runtime", cause: "The execution could not be continued: \(error)")
            }
        }
        guard !Task.isCancelled, let outcome = outcome ?? nil else { return }
        child.end(outcome)
        deliverLog(of: child)
        if let ended = child.ended { cell.post { $0.finished.append(ended) } }
    }

    // MARK: - Questions

    /// - Throws: `WorkflowEngineError.mapRunDoesNotExist`.
    package func mapRun(arn: String) async throws -> MapRunDescription {
        guard let record = try await store.mapRun(arn: arn) else { throw WorkflowEngineError.mapRunDoesNotExist(arn: arn) }
        var counts = try await store.mapRunCounts(arn: arn)
        if record.childMachine.type == StateMachineType.express.rawValue, let cell = mapRuns.withLock({ $0[arn] }) {
            counts[.running] = cell.running
            counts[.pendingRedrive] -= cell.repeated
        }
        return MapRunDescription(record: record, counts: counts)
    }

    package func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) async throws -> [MapRunRecord] {
        try await store.mapRuns(ofExecution: arn, after: after, limit: limit)
    }

    package func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool? = nil, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await store.executions(ofMapRun: arn, status: status, isRedriven: isRedriven, after: after, limit: limit)
    }

    /// The status of an execution as it is shown.
    package func shownStatus(_ record: ExecutionRecord) async throws -> ExecutionRecord.Status {
        guard let child = record.mapRun, record.status.isFailure, let run = try await store.mapRun(arn: child.mapRunArn)
        else { return record.status }
        return run.willRedrive(record) ? .pendingRedrive : record.status
    }

    /// Changes a run while it goes on; nil leaves a setting as it is. False for one that is over.
    /// - Throws: `WorkflowEngineError.mapRunDoesNotExist`.
    package func updateMapRun(
        arn: String, maxConcurrency: Int64?, toleratedFailureCount: Int64?, toleratedFailurePercentage: Double?
    ) async throws -> Bool {
        guard let record = try await store.mapRun(arn: arn) else { throw WorkflowEngineError.mapRunDoesNotExist(arn: arn) }
        var settings = record.settings
        if let maxConcurrency { settings.maxConcurrency = maxConcurrency }
        if let toleratedFailureCount { settings.toleratedFailureCount = toleratedFailureCount }
        if let toleratedFailurePercentage { settings.toleratedFailurePercentage = toleratedFailurePercentage }
        guard try await store.updateMapRun(arn: arn, settings) else { return false }
        let changed = settings
        mapRuns.withLock { $0[arn] }?.post { $0.settings = changed }
        return true
    }
}

extension MapRunRecord {
    var attempt: MapRunAttempt { MapRunAttempt(mapRunArn: arn, redriveCount: redriveCount) }

    /// The record of a run that an execution's step starts.
    init(_ start: MapRunStart, of execution: ExecutionRecord, _ fields: DistributedMapFields, at now: Timestamp) {
        var child = execution.stateMachine
        // A Map inside a child belongs to the machine that the child is of.
        let base = child.name.split(separator: "/").first.map(String.init) ?? child.name
        let ownArn = child.arn.split(separator: "/").first.map(String.init) ?? child.arn
        child.arn = "\(ownArn)/\(start.label)"
        child.name = "\(base)/\(start.label)"
        child.type = fields.childType.rawValue
        child.definition = fields.childDefinition
        child.versionArn = nil
        child.aliasArn = nil
        self.init(
            arn: start.mapRunArn, executionArn: execution.arn, childMachine: child, configuration: start.configuration,
            items: start.items.map { JSONValue.array($0).text }, itemCount: start.items.map { Int64($0.count) },
            startedAt: now, secret: derivedSecret(of: start.mapRunArn, from: execution.secret),
            settings: MapRunSettings(
                maxConcurrency: start.maxConcurrency, toleratedFailureCount: start.toleratedFailureCount,
                toleratedFailurePercentage: start.toleratedFailurePercentage))
    }
}
