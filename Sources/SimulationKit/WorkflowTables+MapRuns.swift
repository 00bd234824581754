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

    func loadMapRun(_ arn: String) -> LoadedMapRun? {
        guard let record = mapRuns[arn] else { return nil }
        let all = children(arn)
        let running = all.filter { $0.record.status == .running }.map {
            LoadedMapRun.Child(ordinal: $0.ordinal, executionArn: $0.record.arn, itemCount: $0.itemCount)
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
        for child in batch.children {
            var execution = Execution(record: child.record)
            if let step = child.step { add(step, to: &execution) }
            executions[child.record.arn] = execution
        }
    }

    func mapRunCounts(_ arn: String) -> MapRunCounts {
        var counts = MapRunCounts()
        for child in children(arn) {
            counts[child.record.status].executions += 1
            counts[child.record.status].items += child.itemCount
        }
        return counts
    }

    func children(ofMapRun arn: String, afterOrdinal ordinal: Int64, limit: Int) -> [ExecutionRecord] {
        children(arn).filter { $0.ordinal > ordinal }.prefix(limit).map(\.record)
    }

    func executions(
        ofMapRun arn: String, status: ExecutionRecord.Status?, after: PageKey?, limit: Int
    ) -> [ExecutionSummary] {
        let chosen = children(arn).map(\.record).filter { status == nil || $0.status == status }
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

    mutating func closeMapRun(_ arn: String, at time: Timestamp) {
        guard var run = mapRuns[arn] else { return }
        run.isOpen = false
        run.stoppedAt = run.stoppedAt ?? time
        if run.status == .running { run.status = .aborted }
        mapRuns[arn] = run
    }
}
