import AWSProtocol
package import BatchEngine
import BatchScheduling
package import JSONModel
package import ServiceKit
package import StateStore
import Support

/// The part of CloudWatch Logs by which clients read what jobs printed and what executions logged: awsJson1.1,
/// `Logs_20140328`.
///
/// Three groups are always there: `/aws/batch/job` holds a stream for each attempt of each job, Glue job runs too, both
/// of its outputs in it; `/aws-glue/jobs/output` and `/aws-glue/jobs/error` hold a stream for each Glue job run, named by
/// the run's id. The others are made for state machines to log into, and hold a stream for each execution.
package struct LogsService: JSONService {
    package let name = "logs"
    package let wire = WireProtocol.json11(targetPrefix: "Logs_20140328")
    private let engine: BatchEngine
    let executions: any ExecutionLogStore

    package init(engine: BatchEngine, executions: any ExecutionLogStore) {
        self.engine = engine
        self.executions = executions
    }

    private static let batchGroup = "/aws/batch/job"
    private static let glueGroups: [String: JobOutputLine.Stream] = [
        "/aws-glue/jobs/output": .standardOutput, "/aws-glue/jobs/error": .standardError,
    ]
    /// In order of name.
    static let jobGroups = ["/aws-glue/jobs/error", "/aws-glue/jobs/output", "/aws/batch/job"]

    package func call(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        if ReservedTags.areAmong(input["tags"]) { throw invalid(ReservedTags.refusal) }
        switch operation {
        case "DescribeLogGroups": return try await describeLogGroups(input, context)
        case "CreateLogGroup": return try await createLogGroup(input, context)
        case "DeleteLogGroup": return try await deleteLogGroup(input, context)
        case "PutRetentionPolicy", "DeleteRetentionPolicy": return try await setRetention(input, context)
        case "TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup": return try await tag(operation, input, context)
        case "ListTagsForResource", "ListTagsLogGroup": return try await listTags(input, context)
        case "DescribeLogStreams", "GetLogEvents", "FilterLogEvents":
            let name = try Self.groupName(input)
            if Self.jobGroups.contains(name) { return try await callJobs(operation, input, context) }
            let group = try await group(name, context)
            return switch operation {
            case "DescribeLogStreams": try await describeExecutionStreams(group, input, context)
            case "GetLogEvents": try await getExecutionEvents(group, input)
            default: try await filterExecutionEvents(group, input)
            }
        default: throw AWSError.unknownOperation(operation, service: name)
        }
    }

    private func callJobs(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        switch operation {
        case "DescribeLogStreams": try await describeLogStreams(input, context)
        case "GetLogEvents": try await getLogEvents(input, context)
        default: try await filterLogEvents(input, context)
        }
    }

    // MARK: - Operations on what jobs printed

    private func describeLogStreams(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let group = try Self.groupName(input)
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        let limit = Int(min(max(1, input["limit"]?.int64 ?? 50), 50))
        var query = BatchJobQuery(scope: BatchScope(account: context.account, region: context.region), limit: 1000)
        query.includesChildren = true
        if let token = input["nextToken"]?.string {
            guard let before = Int64(token) else { throw invalid("The specified nextToken is invalid.") }
            query.before = before
        }
        var streams: [(sequence: Int64, shape: JSONValue)] = []
        // Newest jobs first; one page of jobs may hold few streams with the prefix.
        var page = try await engine.jobs(matching: query)
        while !page.isEmpty, streams.count < limit {
            for record in page {
                for stream in self.streams(of: record, in: group) where stream.name.hasPrefix(prefix) {
                    streams.append((record.sequence, shape(stream.name, group, record, stream.attempt, context)))
                }
                query.before = record.sequence
                if streams.count >= limit { break }
            }
            if streams.count < limit { page = try await engine.jobs(matching: query) }
        }
        var output: JSONObject = ["logStreams": .array(streams.map(\.shape))]
        if streams.count >= limit, let last = streams.last { output["nextToken"] = .string(String(last.sequence)) }
        return output
    }

    private func getLogEvents(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let stream = try await stream(try required(input, "logStreamName"), in: try Self.groupName(input), context)
        let limit = Int(min(max(1, input["limit"]?.int64 ?? 10_000), 10_000))
        let startFromHead = input["startFromHead"]?.bool ?? false
        var range: JobOutputRange = startFromHead ? .forward(offset: 0, limit: limit) : .backward(offset: nil, limit: limit)
        if let token = input["nextToken"]?.string {
            guard let offset = Int64(token.dropFirst(2)), offset >= 0 else { throw invalid("The specified nextToken is invalid.") }
            switch token.prefix(2) {
            case "f/": range = .forward(offset: offset, limit: limit)
            case "b/": range = .backward(offset: offset, limit: limit)
            default: throw invalid("The specified nextToken is invalid.")
            }
        }
        let page = try await engine.output(ofJob: stream.job.id, attempt: stream.attempt, range)
        let lines = selected(page.lines, stream.only, input)
        return [
            "events": .array(
                lines.map { line in
                    [
                        "timestamp": .number(line.at.millisecondsSince1970), "message": .string(line.text),
                        "ingestionTime": .number(line.at.millisecondsSince1970),
                    ]
                }),
            "nextForwardToken": .string("f/\(page.end)"), "nextBackwardToken": .string("b/\(page.start)"),
        ]
    }

    private func filterLogEvents(_ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        let group = try Self.groupName(input)
        let pattern = try FilterPattern(input["filterPattern"]?.string ?? "")
        guard let names = input["logStreamNames"]?.array?.compactMap(\.string), names.count == 1 else {
            throw invalid("FilterLogEvents needs exactly one name in logStreamNames.")
        }
        let stream = try await stream(names[0], in: group, context)
        let limit = Int(min(max(1, input["limit"]?.int64 ?? 10_000), 10_000))
        var offset: Int64 = 0
        if let token = input["nextToken"]?.string {
            guard let value = Int64(token), value >= 0 else { throw invalid("The specified nextToken is invalid.") }
            offset = value
        }
        let page = try await engine.output(
            ofJob: stream.job.id, attempt: stream.attempt, .forward(offset: offset, limit: limit))
        let lines = selected(page.lines, stream.only, input).enumerated().filter { pattern.matches($0.element.text) }
        var output: JSONObject = [
            "events": .array(
                lines.map { index, line in
                    [
                        "logStreamName": .string(names[0]), "timestamp": .number(line.at.millisecondsSince1970),
                        "message": .string(line.text), "ingestionTime": .number(line.at.millisecondsSince1970),
                        "eventId": .string("\(page.start)-\(index)"),
                    ]
                }),
            "searchedLogStreams": [],
        ]
        if page.lines.count == limit { output["nextToken"] = .string(String(page.end)) }
        return output
    }

    // MARK: - Groups and streams

    private struct Stream {
        var job: JobRecord
        var attempt: Int
        /// Nil: both outputs.
        var only: JobOutputLine.Stream?
    }

    private func stream(_ name: String, in group: String, _ context: CallContext) async throws -> Stream {
        let scope = BatchScope(account: context.account, region: context.region)
        if group == Self.batchGroup {
            if let (id, attempt) = LogStreams.attempt(ofStream: name), let job = try await engine.describe([id]).first,
                streams(of: job, in: group).contains(where: { $0.name == name && $0.attempt == attempt }),
                job.submission.account == scope.account, job.submission.region == scope.region
            {
                return Stream(job: job, attempt: attempt, only: nil)
            }
        } else if let job = try await engine.job(ofGlueRun: name, in: scope), let attempt = job.state.attempts.last {
            return Stream(job: job, attempt: attempt.number, only: Self.glueGroups[group])
        }
        throw AWSError("ResourceNotFoundException", "The specified log stream does not exist.")
    }

    private func streams(of record: JobRecord, in group: String) -> [(name: String, attempt: Int)] {
        let attempts = record.state.attempts.filter { $0.startedAt != nil || $0.exitCode != nil }
        switch record.submission.kind {
        case _ where group == Self.batchGroup:
            return attempts.reversed().map { (record.logStreamName(attempt: $0.number), $0.number) }
        case .glue(_, let runID) where group != Self.batchGroup:
            return attempts.last.map { [(runID, $0.number)] } ?? []
        default: return []
        }
    }

    private func shape(
        _ name: String, _ group: String, _ record: JobRecord, _ number: Int, _ context: CallContext
    ) -> JSONValue {
        let attempt = record.state.attempts.first { $0.number == number }
        let started = (attempt?.startedAt ?? record.state.createdAt).millisecondsSince1970
        let last = attempt?.stoppedAt?.millisecondsSince1970 ?? started
        let arn = context.arn(service: "logs", resource: "log-group:\(group):log-stream:\(name)").description
        return [
            "logStreamName": .string(name), "creationTime": .number(started), "firstEventTimestamp": .number(started),
            "lastEventTimestamp": .number(last), "lastIngestionTime": .number(last), "uploadSequenceToken": "1",
            "arn": .string(arn), "storedBytes": 0,
        ]
    }

    private func selected(
        _ lines: [JobOutputLine], _ only: JobOutputLine.Stream?, _ input: JSONObject
    ) -> [JobOutputLine] {
        let start = input["startTime"]?.int64 ?? .min
        let end = input["endTime"]?.int64 ?? .max
        return lines.filter { line in
            (only == nil || line.stream == only) && line.at.millisecondsSince1970 >= start
                && line.at.millisecondsSince1970 < end
        }
    }

    /// The name of the group that the input names, by itself or in an ARN.
    static func groupName(_ input: JSONObject) throws -> String {
        let keys = ["logGroupName", "logGroupIdentifier", "resourceArn"]
        guard let text = keys.compactMap({ input[$0]?.string }).first, !text.isEmpty else {
            throw AWSError("InvalidParameterException", "logGroupName is required.")
        }
        return LogDestination.group(ofARN: text)?.name ?? text
    }

    func required(_ input: JSONObject, _ key: String) throws -> String {
        guard let text = input[key]?.string, !text.isEmpty else { throw invalid("\(key) is required.") }
        return text
    }

    func invalid(_ message: String) -> AWSError { AWSError("InvalidParameterException", message) }
}
