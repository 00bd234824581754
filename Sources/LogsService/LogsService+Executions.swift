import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support

// What executions have logged. A stream is one execution; its events are read from the history, so that they are there
// as soon as the history is, and as long.
extension LogsService {
    private static let eventsMax: Int64 = 10_000
    private static let streamsMax: Int64 = 50
    /// Executions and events taken from the store at a time.
    private static let batch = 500

    // MARK: - Operations

    func describeExecutionStreams(
        _ group: LogGroupRecord, _ input: JSONObject, _ context: CallContext
    ) async throws -> JSONObject {
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        let limit = Int(min(max(1, input["limit"]?.int64 ?? Self.streamsMax), Self.streamsMax))
        var query = LoggedExecutionQuery(account: group.account, region: group.region, group: group.name, limit: Self.batch)
        query.isDescending = input["descending"]?.bool ?? false
        query.after = try Self.place(input["nextToken"]?.string)?.key
        var streams: [JSONValue] = []
        while true {
            let page = try await executions.loggedExecutions(query)
            for execution in page {
                query.after = execution.key
                guard execution.streamName.hasPrefix(prefix) else { continue }
                streams.append(.object(execution.shape(group, context)))
                if streams.count == limit {
                    return ["logStreams": .array(streams), "nextToken": .string(Self.token(execution.key, 0))]
                }
            }
            if page.count < Self.batch { return ["logStreams": .array(streams)] }
        }
    }

    func getExecutionEvents(_ group: LogGroupRecord, _ input: JSONObject) async throws -> JSONObject {
        let execution = try await execution(try required(input, "logStreamName"), group)
        let limit = Int(min(max(1, input["limit"]?.int64 ?? Self.eventsMax), Self.eventsMax))
        var isForward = input["startFromHead"]?.bool ?? false
        var ids: ClosedRange<Int64> = 1...Int64.max
        if let token = input["nextToken"]?.string {
            guard let id = Int64(token.dropFirst(2)), id >= 0, id < .max else { throw Self.invalidToken }
            switch token.prefix(2) {
            case "f/":
                isForward = true
                ids = max(1, id)...Int64.max
            case "b/":
                isForward = false
                if id == 0 { return Self.page([], next: 1, previous: 0) }
                ids = 1...id
            default: throw Self.invalidToken
            }
        }
        var events = try await self.events(
            of: execution, ids: ids, isForward: isForward, limit: limit, window: Window(input, includesEnd: false),
            FilterPattern(""))
        if !isForward { events.reverse() }
        // The next pages: behind the last event, and before the first.
        let next = events.last.map { $0.id + 1 } ?? (isForward ? ids.lowerBound : ids.upperBound)
        let previous = events.first.map { $0.id - 1 } ?? (isForward ? ids.lowerBound - 1 : 0)
        return Self.page(events.map { .object($0.shape) }, next: min(next, .max - 1), previous: previous)
    }

    private static func page(_ events: [JSONValue], next: Int64, previous: Int64) -> JSONObject {
        [
            "events": .array(events), "nextForwardToken": .string("f/\(next)"),
            "nextBackwardToken": .string("b/\(previous)"),
        ]
    }

    func filterExecutionEvents(_ group: LogGroupRecord, _ input: JSONObject) async throws -> JSONObject {
        let pattern = try FilterPattern(input["filterPattern"]?.string ?? "")
        let limit = Int(min(max(1, input["limit"]?.int64 ?? Self.eventsMax), Self.eventsMax))
        let names = (input["logStreamNames"]?.array?.compactMap(\.string)).map { Set($0) }
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        let window = Window(input, includesEnd: true)
        let start = try Self.place(input["nextToken"]?.string)
        var query = LoggedExecutionQuery(account: group.account, region: group.region, group: group.name, limit: Self.batch)
        query.to = window.end.map { Timestamp(millisecondsSince1970: $0) }
        // The execution that the page begins in is the one at the token's place.
        query.from = start?.key.time
        var found: [(stream: String, event: LoggedEvent)] = []
        while true {
            let page = try await executions.loggedExecutions(query)
            for execution in page {
                query.after = execution.key
                if let start, execution.key.precedes(start.key) { continue }
                guard names?.contains(execution.streamName) ?? true, execution.streamName.hasPrefix(prefix),
                    window.overlaps(execution)
                else { continue }
                let first = start.flatMap { $0.key == execution.key ? $0.id : nil } ?? 1
                let events = try await events(
                    of: execution, ids: max(1, first)...Int64.max, isForward: true, limit: limit - found.count, window: window,
                    pattern)
                found += events.map { (execution.streamName, $0) }
                if found.count >= limit, let last = events.last {
                    return Self.answer(found, next: Self.token(execution.key, last.id + 1))
                }
            }
            if page.count < Self.batch { return Self.answer(found, next: nil) }
        }
    }

    private static func answer(_ found: [(stream: String, event: LoggedEvent)], next: String?) -> JSONObject {
        let sorted = found.enumerated().sorted {
            ($0.element.event.timestamp, $0.offset) < ($1.element.event.timestamp, $1.offset)
        }
        var output: JSONObject = [
            "events": .array(
                sorted.map { _, entry in
                    var shape = entry.event.shape
                    shape["logStreamName"] = .string(entry.stream)
                    shape["eventId"] = .string("\(entry.stream)-\(entry.event.id)")
                    return .object(shape)
                }), "searchedLogStreams": [],
        ]
        if let next { output["nextToken"] = .string(next) }
        return output
    }

    // MARK: - Parts

    /// The execution whose stream has the name.
    private func execution(_ stream: String, _ group: LogGroupRecord) async throws -> LoggedExecution {
        let parts = stream.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 4, let minute = Self.minute(parts[2]) {
            var query = LoggedExecutionQuery(
                account: group.account, region: group.region, group: group.name, limit: Self.batch)
            query.from = minute
            query.to = minute.adding(milliseconds: 59_999)
            while true {
                let page = try await executions.loggedExecutions(query)
                if let found = page.first(where: { $0.streamName == stream }) { return found }
                guard page.count == Self.batch else { break }
                query.after = page.last?.key
            }
        }
        throw AWSError("ResourceNotFoundException", "The specified log stream does not exist.")
    }

    /// `yyyy-MM-dd-HH-mm`.
    private static func minute(_ text: Substring) -> Timestamp? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 5 else { return nil }
        return Timestamp(iso8601: "\(parts[0])-\(parts[1])-\(parts[2])T\(parts[3]):\(parts[4]):00Z")
    }

    /// Events of one execution as its level and data allow, those of the window that match: ascending, or for not
    /// `isForward` descending.
    private func events(
        of execution: LoggedExecution, ids: ClosedRange<Int64>, isForward: Bool, limit: Int, window: Window,
        _ pattern: FilterPattern
    ) async throws -> [LoggedEvent] {
        var ids = ids
        var result: [LoggedEvent] = []
        let redrives = try await redriveEvents(of: execution)
        while result.count < limit {
            let history = try await executions.history(
                ofExecution: execution.arn, ids: ids, descending: !isForward, limit: Self.batch)
            for record in history where execution.destination.level.includes(record.type) {
                let time = record.timestamp.millisecondsSince1970
                guard window.contains(time) else { continue }
                let event = LoggedEvent(
                    id: record.id, timestamp: time,
                    message: execution.message(record, redriveCount: redrives.count { $0 <= record.id }))
                guard pattern.matches(event.message) else { continue }
                result.append(event)
                if result.count == limit { break }
            }
            guard history.count == Self.batch, let last = history.last?.id, isForward ? last < .max : last > 1 else { break }
            ids = isForward ? last + 1...Int64.max : 1...last - 1
        }
        return result
    }

    /// The ids of an execution's redrives.
    private func redriveEvents(of execution: LoggedExecution) async throws -> [Int64] {
        guard execution.redriveCount > 0 else { return [] }
        var ids: [Int64] = []
        var first: Int64 = 1
        while true {
            let history = try await executions.history(
                ofExecution: execution.arn, ids: first...Int64.max, descending: false, limit: Self.batch)
            ids += history.filter { $0.type == "ExecutionRedriven" }.map(\.id)
            guard history.count == Self.batch, let last = history.last?.id, last < .max else { return ids }
            first = last + 1
        }
    }

    private static let invalidToken = AWSError("InvalidParameterException", "The specified nextToken is invalid.")

    private static func token(_ key: PageKey, _ id: Int64) -> String {
        "\(key.time.millisecondsSince1970)/\(id)/\(key.arn)"
    }

    private static func place(_ token: String?) throws -> (key: PageKey, id: Int64)? {
        guard let token else { return nil }
        let parts = token.split(separator: "/", maxSplits: 2)
        guard parts.count == 3, let time = Int64(parts[0]), let id = Int64(parts[1]), id >= 0 else { throw invalidToken }
        return (PageKey(time: Timestamp(millisecondsSince1970: time), arn: String(parts[2])), id)
    }
}

/// From `startTime` to `endTime`, in milliseconds. GetLogEvents does not count the latter in, FilterLogEvents does.
private struct Window {
    var start: Int64?
    /// Inclusive.
    var end: Int64?

    init(_ input: JSONObject, includesEnd: Bool) {
        start = input["startTime"]?.int64
        end = input["endTime"]?.int64.map { includesEnd ? $0 : $0 == .min ? $0 : $0 - 1 }
    }

    func contains(_ time: Int64) -> Bool { time >= start ?? .min && time <= end ?? .max }

    func overlaps(_ execution: LoggedExecution) -> Bool {
        guard let start, let stoppedAt = execution.stoppedAt else { return true }
        return stoppedAt.millisecondsSince1970 >= start
    }
}

private struct LoggedEvent {
    var id: Int64
    /// Milliseconds since 1970.
    var timestamp: Int64
    var message: String

    var shape: JSONObject {
        ["timestamp": .number(timestamp), "message": .string(message), "ingestionTime": .number(timestamp)]
    }
}

extension PageKey {
    fileprivate func precedes(_ other: PageKey) -> Bool { (time, arn) < (other.time, other.arn) }
}

extension LoggedExecution {
    fileprivate var key: PageKey { PageKey(time: startedAt, arn: arn) }

    /// `states/MACHINE/yyyy-MM-dd-HH-mm/` and eight hexadecimal digits that stand for the ARN.
    fileprivate var streamName: String {
        let minute = startedAt.iso8601.prefix(16).map { $0 == "T" || $0 == ":" ? "-" : $0 }
        // FNV-1a, 32 bits.
        let hash = arn.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return "states/\(machineName)/\(String(minute))/\(hexText(UInt64(hash), digits: 8))"
    }

    fileprivate func shape(_ group: LogGroupRecord, _ context: CallContext) -> JSONObject {
        let started = startedAt.millisecondsSince1970
        let last = (stoppedAt ?? startedAt).millisecondsSince1970
        let arn = context.arn(service: "logs", resource: "log-group:\(group.name):log-stream:\(streamName)").description
        return [
            "logStreamName": .string(streamName), "creationTime": .number(started), "firstEventTimestamp": .number(started),
            "lastEventTimestamp": .number(last), "lastIngestionTime": .number(last), "uploadSequenceToken": "1",
            "arn": .string(arn), "storedBytes": 0,
        ]
    }

    /// An event as Step Functions writes it into a log.
    fileprivate func message(_ event: HistoryRecord, redriveCount: Int) -> String {
        var details = event.details ?? [:]
        if !destination.includesData {
            for member in [
                "input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables",
                "assignedVariablesDetails",
            ] { details[member] = nil }
        }
        return JSONValue.object([
            "id": .string(String(event.id)), "type": .string(event.type), "details": .object(details),
            "previous_event_id": .string(String(event.previousEventID)),
            "event_timestamp": .string(String(event.timestamp.millisecondsSince1970)), "execution_arn": .string(arn),
            "redrive_count": .string(String(redriveCount)),
        ]).text
    }
}
