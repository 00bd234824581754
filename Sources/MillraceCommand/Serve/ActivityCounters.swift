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
    private struct Counts {
        var events = 0
        var executions: [String: Int] = [:]
        var jobs: [String: Int] = [:]
    }
    private let counts = Mutex(Counts())
    private let began: Timestamp

    init(began: Timestamp) { self.began = began }

    /// Counts until cancelled.
    func follow(_ executions: AsyncStream<ExecutionChange>, _ jobs: AsyncStream<JobRecord>) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await change in executions {
                    self.counts.withLock { counts in
                        counts.events += change.events.count
                        if change.status != .running { counts.executions[change.status.rawValue, default: 0] += 1 }
                    }
                }
            }
            group.addTask {
                for await job in jobs where job.status == .succeeded || job.status == .failed {
                    self.counts.withLock { $0.jobs[job.status.rawValue, default: 0] += 1 }
                }
            }
        }
    }

    func metrics(storeCommits: Int) -> [Metric] {
        let counts = counts.withLock { $0 }
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
                value: Double(counts.events)),
        ]
        for (status, count) in counts.executions.sorted(by: { $0.key < $1.key }) {
            metrics.append(Metric(
                "millrace_executions_ended_total", .counter, "Executions that ended.", labels: [("status", status)],
                value: Double(count)))
        }
        for (status, count) in counts.jobs.sorted(by: { $0.key < $1.key }) {
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
