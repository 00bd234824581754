import StateStore
import Support

extension WorkflowTables {
    func mapRuns(ofExecution arn: String, after: PageKey?, limit: Int) -> [MapRunRecord] {
        let runs = page(mapRuns.values.filter { $0.executionArn == arn }, nil, .max) {
            PageKey(time: $0.startedAt, arn: $0.arn)
        }.reversed().filter { run in after.map { $0.isAfter(PageKey(time: run.startedAt, arn: run.arn)) } ?? true }
        return runs.prefix(limit).map { run in
            var run = run
            run.items = nil
            return run
        }
    }

    func openMapRuns(after arn: String?, limit: Int) -> [String] {
        let open = mapRuns.values.filter { $0.isOpen && (arn ?? "").precedes($0.arn) }.map(\.arn)
        return Array(open.sorted { $0.precedes($1) }.prefix(limit))
    }

    /// Children of a run in the order of their ordinals.
    private func children(_ arn: String) -> [(ordinal: Int64, itemCount: Int64, record: ExecutionRecord)] {
        executions.values.compactMap { execution in
            guard let membership = execution.record.mapRun, membership.mapRunArn == arn else { return nil }
            return (membership.ordinal, membership.itemCount, execution.record)
        }.sorted { $0.ordinal < $1.ordinal }
    }

    /// For checkers.
    var allMapRuns: [MapRunRecord] { mapRuns.values.sorted { $0.arn.precedes($1.arn) } }

    func loadMapRun(_ arn: String) -> LoadedMapRun? {
        guard let record = mapRuns[arn] else { return nil }
        let all = children(arn)
        let running = all.filter { $0.record.status == .running }.map {
            LoadedMapRun.Child(ordinal: $0.ordinal, executionArn: $0.record.arn, itemCount: $0.itemCount, redriveCount: $0.record.mapRun?.redriveCount ?? 0)
        }
        let early = all.map(\.ordinal).filter { $0 >= record.nextOrdinal }
        return LoadedMapRun(record: record, counts: mapRunCounts(arn), running: running, early: Set(early))
    }

    mutating func startChildren(_ batch: MapRunBatch) throws(WorkflowStoreError) {
        guard mapRuns[batch.mapRunArn]?.nextOrdinal == batch.ordinals.lowerBound else {
            throw WorkflowStoreError.staleRevision(
                executionArn: batch.mapRunArn, expected: batch.ordinals.lowerBound)
        }
        if let known = batch.children.first(where: { executions[$0.record.arn] != nil }) {
            throw WorkflowStoreError.staleRevision(executionArn: known.record.arn, expected: 0)
        }
        mapRuns[batch.mapRunArn]?.nextOrdinal = batch.ordinals.upperBound
        mapRuns[batch.mapRunArn]?.cursor = batch.cursor
        for child in batch.children { add(child) }
        for child in batch.repeated { executions[child.arn]?.record = child }
    }

    private func shownStatus(_ child: ExecutionRecord, _ run: MapRunRecord) -> ExecutionRecord.Status {
        run.willRedrive(child) ? .pendingRedrive : child.status
    }

    func mapRunCounts(_ arn: String) -> MapRunCounts {
        var counts = MapRunCounts()
        guard let run = mapRuns[arn] else { return counts }
        for child in children(arn) {
            let pair = MapRunCounts.Pair(executions: 1, items: child.itemCount)
            counts[shownStatus(child.record, run)] += pair
            let isExpress = run.childMachine.type == "EXPRESS"
            if child.record.status.isFailure, !isExpress, !child.record.redrives.isPrepared { counts.notRedrivable += pair }
        }
        return counts
    }

    func childrenToRedrive(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) -> [ExecutionRecord] {
        guard let run = mapRuns[arn] else { return [] }
        return children(arn).filter { $0.ordinal > ordinal && run.willRedrive($0.record) }.prefix(limit).map(\.record)
    }

    mutating func redriveChildren(_ redrives: ChildRedrives) throws(WorkflowStoreError) {
        for child in redrives.children where executions[child.arn]?.record.revision != child.revision {
            throw WorkflowStoreError.staleRevision(executionArn: child.arn, expected: child.revision)
        }
        for child in redrives.children { try redriveExecution(child.arn, child.revision, child.redrives) }
        for arn in redrives.children.map(\.arn) + redrives.refused {
            executions[arn]?.record.mapRun?.redriveCount = redrives.redriveCount
            executions[arn]?.record.redrives.isPrepared = false
        }
    }

    func children(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) -> [ExecutionRecord] {
        children(arn).filter { $0.ordinal > ordinal }.prefix(limit).map(\.record)
    }

    func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, isRedriven: Bool?, after: PageKey?, limit: Int
    ) -> [ExecutionSummary] {
        guard let run = mapRuns[arn] else { return [] }
        let chosen = children(arn).map { child in
            var record = child.record
            record.status = shownStatus(record, run)
            return record
        }.filter { record in
            (status == nil || record.status == status) && (isRedriven == nil || isRedriven == (record.redrives.count > 0))
        }
        return newestFirst(chosen, after, limit).map { summary in
            var summary = summary
            summary.mapRun = executions[summary.arn]?.record.mapRun
            return summary
        }
    }

    mutating func updateMapRun(_ arn: String, _ settings: MapRunSettings) -> Bool {
        guard mapRuns[arn]?.status == .running else { return false }
        mapRuns[arn]?.settings = settings
        return true
    }

    mutating func closeMapRun(_ arn: String, _ redriveCount: Int, at time: Timestamp) {
        guard var run = mapRuns[arn], run.redriveCount == redriveCount else { return }
        run.isOpen = false
        run.stoppedAt = run.stoppedAt ?? time
        if run.status == .running { run.status = .aborted }
        mapRuns[arn] = run
    }
}
