import BatchScheduling
import BatchEngine
import Console
import StateStore
import Support
import Synchronization
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#endif

/// What has happened since the start, for `/metrics`.
final class ActivityCounters: Sendable {
    private let jobs = Mutex<[String: Int]>([:])
    private let began: Timestamp

    init(began: Timestamp) { self.began = began }

    /// Counts jobs until cancelled.
    func follow(_ jobs: AsyncStream<JobRecord>) async {
        for await job in jobs where job.status == .succeeded || job.status == .failed {
            self.jobs.withLock { $0[job.status.rawValue, default: 0] += 1 }
        }
    }

    func metrics(storeCommits: Int, executions: ExecutionCounts) -> [Metric] {
        var metrics = [
            Metric(
                "process_start_time_seconds", .gauge, "When the server started, seconds since 1970.",
                value: began.secondsSince1970),
            Metric(
                "process_resident_memory_bytes", .gauge, "Memory of the server in RAM.", value: Double(residentBytes())),
            Metric(
                "millrace_store_commits_total", .counter, "Durable transactions of the state store.",
                value: Double(storeCommits)),
            Metric(
                "millrace_history_events_total", .counter, "History events of executions made durable.",
                value: Double(executions.events)),
        ]
        for (status, count) in executions.ended.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            metrics.append(Metric(
                "millrace_executions_ended_total", .counter, "Executions that ended.",
                labels: [("status", status.rawValue)], value: Double(count)))
        }
        for (status, count) in jobs.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            metrics.append(Metric(
                "millrace_jobs_ended_total", .counter, "Jobs that ended.", labels: [("status", status)],
                value: Double(count)))
        }
        return metrics
    }

    private func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }
}
