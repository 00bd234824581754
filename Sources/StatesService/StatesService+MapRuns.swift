import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import Support
import WorkflowEngine

// Runs of distributed Maps.
extension StatesService {
    private static let mapRunARN = OperationInput.TextRule(maximum: 2000)

    func describeMapRun(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("mapRunArn", Self.mapRunARN)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["mapRun"])
        let run = try await engine.mapRun(arn: arn)
        let record = run.record
        var answer: JSONObject = [
            "mapRunArn": .string(record.arn), "executionArn": .string(record.executionArn),
            "status": .string(record.status.rawValue), "startDate": record.startedAt.json,
            "maxConcurrency": .number(record.settings.maxConcurrency),
            "toleratedFailurePercentage": .number(record.settings.toleratedFailurePercentage ?? 0),
            "toleratedFailureCount": .number(record.settings.toleratedFailureCount ?? 0),
            "itemCounts": .object(Self.counts(run, \.items, known: record.itemCount)),
            "executionCounts": .object(Self.counts(run, \.executions, known: nil)),
            "redriveCount": .number(record.redriveCount),
        ]
        if let date = record.redrivenAt { answer["redriveDate"] = date.json }
        if let stopped = record.stoppedAt { answer["stopDate"] = stopped.json }
        return answer
    }

    /// - Parameter known: how many there are, where that is known from the beginning.
    private static func counts(
        _ run: MapRunDescription, _ part: KeyPath<MapRunCounts.Pair, Int64>, known: Int64?
    ) -> JSONObject {
        let counts = run.counts
        let begun = counts.total[keyPath: part]
        let total = max(known ?? begun, begun)
        // Without a ResultWriter each result goes into the output of the Map.
        let hasWriter = run.record.configuration["writer"] != nil
        let written = run.record.resultsWritten ?? (hasWriter ? MapRunCounts.Pair() : counts[.succeeded])
        return [
            "pending": .number(total - begun), "running": .number(counts[.running][keyPath: part]),
            "succeeded": .number(counts[.succeeded][keyPath: part]), "failed": .number(counts[.failed][keyPath: part]),
            "timedOut": .number(counts[.timedOut][keyPath: part]), "aborted": .number(counts[.aborted][keyPath: part]),
            "total": .number(total), "resultsWritten": .number(written[keyPath: part]),
            "failuresNotRedrivable": .number(counts.notRedrivable[keyPath: part]),
            "pendingRedrive": .number(counts[.pendingRedrive][keyPath: part]),
        ]
    }

    func listMapRuns(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        let execution = try await execution(input)
        let kind = "map-runs"
        let found = try await engine.mapRuns(
            ofExecution: execution.arn, after: try PageToken.decodeKey(kind, token), limit: limit + 1)
        return PageToken.page(
            "mapRuns", kind, found, limit: limit, place: { PageKey(time: $0.startedAt, arn: $0.arn).place },
            json: { run in
                var json: JSONObject = [
                    "executionArn": .string(run.executionArn), "mapRunArn": .string(run.arn),
                    "stateMachineArn": .string(run.childMachine.arn), "startDate": run.startedAt.json,
                ]
                if let stopped = run.stoppedAt { json["stopDate"] = stopped.json }
                return .object(json)
            })
    }

    func updateMapRun(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("mapRunArn", Self.mapRunARN)
        let concurrency = try input.number("maxConcurrency", in: 0...Double(Int32.max))
        let count = try input.number("toleratedFailureCount", in: 0...Double(1 << 53))
        let percentage = try input.number("toleratedFailurePercentage", in: 0...100)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["mapRun"])
        guard concurrency != nil || count != nil || percentage != nil else {
            throw AWSError(
                "ValidationException",
                "At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified")
        }
        let isRunning = try await engine.updateMapRun(
            arn: arn, maxConcurrency: concurrency.map { Int64($0) }, toleratedFailureCount: count.map { Int64($0) },
            toleratedFailurePercentage: percentage)
        guard isRunning else {
            throw AWSError("ValidationException", "Map Run is not running and cannot be updated: '\(arn)'")
        }
        return [:]
    }

    /// The children of a map run.
    func listExecutions(
        ofMapRun arn: String, status: String?, isRedriven: Bool?, limit: Int, token: String?
    ) async throws -> JSONObject {
        try ResourceName.checkARN(arn, types: ["mapRun"])
        _ = try await engine.mapRun(arn: arn)
        let kind = "children"
        let after = try PageToken.decodeKey(kind, token)
        let found = try await engine.executions(
            ofMapRun: arn, status: status.flatMap { ExecutionRecord.Status(rawValue: $0) }, isRedriven: isRedriven,
            after: after, limit: limit + 1)
        return PageToken.page(
            "executions", kind, found, limit: limit, place: { PageKey(time: $0.startedAt, arn: $0.arn).place },
            json: { .object($0.json) })
    }
}
