import ArgumentParser
import AWSProtocol
import BatchEngine
import JSONModel
import Support

/// A job as ListJobs describes it, with its queue.
struct ListedJob: Sendable {
    let queue: String
    let summary: JSONValue

    var id: String { summary["jobId"]?.string ?? "" }
    var name: String { summary["jobName"]?.string ?? "" }
    var status: String { summary["status"]?.string ?? "" }
    /// Of a Glue job run; nil for other jobs.
    var runID: String? { summary["glueRunId"]?.string }
    var createdAt: Double { summary["createdAt"]?.double ?? 0 }
}

/// The moments in Batch's answers, which are milliseconds, as the seconds of the other services.
func seconds(ofMilliseconds value: JSONValue?) -> JSONValue? {
    value?.double.map { .number($0 / 1000) }
}

extension Connection {
    static let jobHelp = ArgumentHelp(
        "A job's id, ARN or name, or a Glue job run's id (jr_…). A name is its latest job; beginnings of ids will do.",
        valueName: "job")
    static let jobStatuses = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]

    /// The newest first.
    ///
    /// - Parameter limit: how many of each queue and status are asked for; nil for all.
    func jobs(
        queue: String? = nil, statuses: [String] = jobStatuses, limit: Int? = nil, parent: String? = nil
    ) async throws -> [ListedJob] {
        var sources: [(queue: String, member: String)] = parent.map { [("", $0)] } ?? []
        if parent == nil {
            var queues = JobQueueNames.builtIn
            queues += try await all("batch", "DescribeJobQueues", member: "jobQueues").compactMap { $0["jobQueueName"]?.string }
            if let queue {
                guard queues.contains(queue) else {
                    throw CommandFailure("there is no job queue \(queue). There are: \(Self.list(queues)).", .notFound)
                }
                queues = [queue]
            }
            sources = queues.map { ($0, $0) }
        }
        let key = parent == nil ? "jobQueue" : "arrayJobId"
        let jobs = try await withThrowingTaskGroup(of: [ListedJob].self) { group in
            for source in sources {
                for status in statuses {
                    group.addTask {
                        var request: JSONObject = [key: .string(source.member), "jobStatus": .string(status)]
                        let items: [JSONValue]
                        if let limit {
                            request["maxResults"] = .number(min(limit, 1000))
                            items = try await call("batch", "ListJobs", request)["jobSummaryList"]?.array ?? []
                        } else {
                            request["maxResults"] = 1000
                            items = try await all("batch", "ListJobs", request, member: "jobSummaryList")
                        }
                        return items.map { ListedJob(queue: source.queue, summary: $0) }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        return jobs.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
    }

    /// The id of the job meant; nil when there is none.
    ///
    /// - Throws: `CommandFailure` when `text` fits several.
    func jobID(_ text: String) async throws -> String? {
        if text.hasPrefix("arn:") {
            guard let arn = ARN(text), arn.service == "batch", arn.resource.hasPrefix("job/") else { return nil }
            return String(arn.resource.dropFirst("job/".count))
        }
        if Self.isWholeID(text) { return text }
        let jobs = try await jobs()
        if let job = jobs.first(where: { $0.id == text || $0.runID == text || $0.name == text }) { return job.id }
        let fitting = jobs.filter { $0.id.hasPrefix(text) || $0.runID?.hasPrefix(text) == true }
        if fitting.count > 1 { throw Self.ambiguous(text, fitting.map { $0.runID ?? $0.id }) }
        return fitting.first?.id
    }

    /// - Returns: a member of the answer of DescribeJobs.
    func job(_ text: String) async throws -> JSONObject {
        guard let id = try await jobID(text), let job = try await describe(jobs: [id]).first else {
            throw CommandFailure("there is no job \(text). `millrace jobs ls` shows those there are.", .notFound)
        }
        return job
    }

    /// In the order of `ids`; unknown ones are missing.
    func describe(jobs ids: [String]) async throws -> [JSONObject] {
        var found: [String: JSONObject] = [:]
        for start in stride(from: 0, to: ids.count, by: 100) {
            let part = ids[start..<min(start + 100, ids.count)]
            let answer = try await call("batch", "DescribeJobs", ["jobs": .array(part.map { .string($0) })])
            for job in answer["jobs"]?.array ?? [] {
                if let id = job["jobId"]?.string, let object = job.object { found[id] = object }
            }
        }
        return ids.compactMap { found[$0] }
    }

    /// `5c0b1f52-….`, perhaps with an array's index: 36 characters of hexadecimal digits and dashes.
    private static func isWholeID(_ text: String) -> Bool {
        let id = text.prefix { $0 != ":" }
        return id.utf8.count == 36 && id.allSatisfy { $0.isHexDigit || $0 == "-" }
    }
}
