import BatchScheduling
import JSONModel
import ProcessRunner
package import StateStore
import Support

extension BatchEngine {
    package func describe(_ ids: [String]) async throws -> [JobRecord] {
        var seen: Set<String> = []
        let unique = ids.filter { seen.insert($0).inserted }
        var found: [String: JobRecord] = [:]
        for row in try await store.jobs(unique) { found[row.id] = try record(row) }
        for (id, record) in found where record.submission.arraySize != nil {
            let counts = try await store.childCounts(of: id)
            found[id]?.arraySummary = Dictionary(
                counts.compactMap { pair in JobStatus(rawValue: pair.key).map { ($0, pair.value) } },
                uniquingKeysWith: { first, _ in first })
        }
        return unique.compactMap { found[$0] }
    }

    /// Descending by age; children of array jobs only when the query names their parent.
    package func jobs(matching query: BatchJobQuery) async throws -> [JobRecord] {
        try await store.jobs(matching: query).map(record)
    }

    /// The job that runs a Glue job run.
    package func job(ofGlueRun runID: String, in scope: BatchScope) async throws -> JobRecord? {
        try await store.job(externalID: runID, account: scope.account, region: scope.region).map(record)
    }

    /// The durable record, with what is only known in memory.
    private func record(_ row: BatchJobRow) throws -> JobRecord {
        var record = try JobRecord(row)
        if let live = records[row.id]?.progress { record.progress = live }
        return record
    }

    package func output(ofJob id: String, attempt: Int?, _ range: JobOutputRange) async throws -> JobOutputPage {
        guard let record = try await describe([id]).first else {
            throw JobError(.unknownJob, "There is no job \(id).")
        }
        guard let number = attempt ?? record.state.attempts.last?.number else {
            return JobOutputPage(lines: [], start: 0, end: 0)
        }
        guard record.state.attempts.contains(where: { $0.number == number }) else {
            throw JobError(.unknownJob, "Job \(id) has no attempt \(number).")
        }
        let directory = attemptRunner.directory(ofJob: id, attempt: number)
        let page = try await attemptRunner.runner.blocking {
            switch range {
            case .forward(let offset, let limit): try directory.output(from: offset, limit: limit)
            case .backward(let offset, let limit): try directory.output(before: offset, limit: limit)
            }
        }
        let lines = page.lines.map {
            JobOutputLine(at: $0.at, stream: $0.isError ? .standardError : .standardOutput, text: $0.text)
        }
        return JobOutputPage(lines: lines, start: page.start, end: page.end)
    }

    // MARK: - Resources

    /// In order of name. Built-in ones are not listed.
    package func environments(in scope: BatchScope) async throws -> [ComputeEnvironment] {
        try await store.resources(.computeEnvironment, in: scope).map(ComputeEnvironment.init)
    }

    package func queues(in scope: BatchScope) async throws -> [JobQueue] {
        try await store.resources(.jobQueue, in: scope).map(JobQueue.init)
    }

    /// In order of name and revision.
    package func definitions(in scope: BatchScope) async throws -> [JobDefinition] {
        try await store.resources(.jobDefinition, in: scope).map(JobDefinition.init)
    }

    package func policies(in scope: BatchScope) async throws -> [SchedulingPolicy] {
        try await store.resources(.schedulingPolicy, in: scope).map(SchedulingPolicy.init)
    }
}
