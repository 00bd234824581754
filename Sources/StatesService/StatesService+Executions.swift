import AWSProtocol
import JSONModel
import ServiceKit
import StateStore
import StatesRuntime
import Support
import WorkflowEngine

extension StatesService {
    /// As the service's messages list it.
    private static let statusFilter = ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]

    func startExecution(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let machineArn = try input.required("stateMachineArn", .arn)
        let givenName = try input.optional("name", .name)
        let text = try input.optional("input", .data) ?? "{}"
        let traceHeader = try input.optional("traceHeader", OperationInput.TextRule(minimum: 0, maximum: 256))
        try input.finish()
        let request = try await executionRequest(
            machineArn, name: givenName, input: text, traceHeader: traceHeader, context)
        if request.stateMachine.type == "EXPRESS" {
            return ["executionArn": .string(request.executionArn), "startDate": engine.startExpress(request).json]
        }
        let record = try await engine.startExecution(request)
        return ["executionArn": .string(record.arn), "startDate": record.startedAt.json]
    }

    /// - Throws: the service's complaint about a member.
    func executionRequest(
        _ machineArn: String, name givenName: String?, input text: String, traceHeader: String?, _ context: CallContext
    ) async throws -> StartExecutionRequest {
        try ResourceName.checkARN(machineArn, types: ["stateMachine"])
        if let givenName { try ResourceName.check(givenName) }
        let payload = try Self.executionInput(text)
        let machine = try await engine.startableMachine(arn: machineArn)
        if engine.hasAWSLimits(machine) {
            var input = OperationInput(["input": .string(text)])
            _ = try input.optional("input", .limitedData)
            try input.finish()
        }
        let name = givenName ?? context.commandID.map(Self.name(ofCommand:)) ?? randomUUIDText()
        // Names of Express executions may repeat.
        let resource =
            machine.type == "EXPRESS"
            ? "express:\(machine.name):\(name):\(randomUUIDText())" : "execution:\(machine.name):\(name)"
        let arn = ARN(service: "states", region: machine.region, account: machine.account, resource: resource)
        return StartExecutionRequest(
            executionArn: arn.description, name: name, stateMachine: machine, input: payload, traceHeader: traceHeader,
            isCommand: context.commandID != nil)
    }

    /// The name of an execution that a workflow's command starts: the same whenever the command is repeated.
    private static func name(ofCommand commandID: String) -> String {
        // FNV-1a, 64 bits.
        let seed = commandID.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var random = SeededRandom(seed: seed)
        return uuidText(using: &random)
    }

    func stopExecution(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let arn = try input.required("executionArn", .arn)
        let error = try input.optional("error", .error)
        let cause = try input.optional("cause", .cause)
        try input.finish()
        try ResourceName.checkARN(arn, types: ["execution"])
        let record = try await engine.stopExecution(arn: arn, error: error, cause: cause)
        return ["stopDate": (record.stoppedAt ?? record.startedAt).json]
    }

    func describeExecution(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let showsData = try Self.showsData(&input)
        let record = try await execution(input, takesChildren: true)
        var answer: JSONObject = [
            "executionArn": .string(record.arn), "stateMachineArn": .string(record.stateMachine.arn),
            "name": .string(record.name), "status": .string(try await engine.shownStatus(record).rawValue),
            "startDate": record.startedAt.json, "inputDetails": ["included": .bool(showsData)],
        ]
        if showsData { answer["input"] = .string(record.input) }
        if let stopped = record.stoppedAt { answer["stopDate"] = stopped.json }
        if let output = record.output {
            if showsData { answer["output"] = .string(output) }
            answer["outputDetails"] = ["included": .bool(showsData)]
        }
        if let error = record.error { answer["error"] = .string(error) }
        if let cause = record.cause { answer["cause"] = .string(cause) }
        if let arn = record.stateMachine.versionArn { answer["stateMachineVersionArn"] = .string(arn) }
        if let arn = record.stateMachine.aliasArn { answer["stateMachineAliasArn"] = .string(arn) }
        if let traceHeader = record.traceHeader { answer["traceHeader"] = .string(traceHeader) }
        for (name, value) in try await redriveMembers(record) { answer[name] = value }
        if let mapRun = record.mapRun { answer["mapRunArn"] = .string(mapRun.mapRunArn) }
        return answer
    }

    func listExecutions(_ input: OperationInput, _ context: CallContext) async throws -> JSONObject {
        var input = input
        let machineArn = try input.optional("stateMachineArn", .arn)
        let status = try input.optional("statusFilter", .oneOf(Self.statusFilter))
        let redriveFilter = try input.optional("redriveFilter", .oneOf(["REDRIVEN", "NOT_REDRIVEN"]))
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .longPageToken)
        let mapRunArn = try input.optional("mapRunArn", OperationInput.TextRule(maximum: 2000))
        try input.finish()
        if let mapRunArn {
            guard machineArn == nil else {
                throw AWSError("ValidationException", "Only one of stateMachineArn and mapRunArn may be specified")
            }
            return try await listExecutions(
                ofMapRun: mapRunArn, status: status, isRedriven: redriveFilter.map { $0 == "REDRIVEN" }, limit: limit,
                token: token)
        }
        guard let machineArn else {
            throw AWSError("ValidationException", "Either stateMachineArn or mapRunArn must be specified")
        }
        try ResourceName.checkARN(machineArn, types: ["stateMachine"])
        let base = machineArn.split(separator: ":", omittingEmptySubsequences: false).prefix(7).joined(separator: ":")
        guard try await engine.stateMachine(arn: base).type != "EXPRESS" else { throw Self.unsupportedType }
        // A token is good for the list that it was given with.
        let list: [JSONValue] = [machineArn, status ?? "", redriveFilter ?? ""].map { .string($0) }
        let kind = "executions"
        var after: PageKey?
        if let place = try PageToken.decode(kind, token) {
            guard place.count == 5, let time = place[3].int64, let arn = place[4].string else { throw PageToken.invalid }
            guard Array(place.prefix(3)) == list else { throw PageToken.inconsistent }
            after = PageKey(time: Timestamp(millisecondsSince1970: time), arn: arn)
        }
        if status == "PENDING_REDRIVE" {
            throw AWSError("ValidationException", "PENDING_REDRIVE statusFilter is only supported with a mapRunArn")
        }
        let found = try await engine.executions(
            account: context.account, region: context.region, stateMachineArn: machineArn,
            status: status.flatMap { ExecutionRecord.Status(rawValue: $0) },
            isRedriven: redriveFilter.map { $0 == "REDRIVEN" }, after: after, limit: limit + 1)
        return PageToken.page(
            "executions", kind, found, limit: limit,
            place: { list + PageKey(time: $0.startedAt, arn: $0.arn).place }, json: { .object($0.json) })
    }

    func getExecutionHistory(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let limit = try input.maxResults()
        let token = try input.optional("nextToken", .pageToken)
        let record = try await execution(input)
        let descending = try input.flag("reverseOrder") ?? false
        let includesData = try input.flag("includeExecutionData") ?? true
        let kind = descending ? "history-reversed" : "history"
        var ids: ClosedRange<Int64> = 1...Int64.max
        if let place = try PageToken.decode(kind, token) {
            guard place.count == 2, place[0].string == record.arn, let id = place[1].int64, id >= 1 else {
                throw PageToken.invalid
            }
            ids = descending ? 1...id : id...Int64.max
        }
        if record.lastEventID == 0, record.status == .running {
            // The start was answered before its first step: the caller need not know.
            try await engine.waitForFirstStep(executionARN: record.arn, limit: .seconds(1))
        }
        var events = try await engine.history(
            ofExecution: record.arn, ids: ids, descending: descending, limit: limit + 1)
        var answer: JSONObject = [:]
        if events.count > limit {
            let next = events.removeLast().id
            answer["nextToken"] = PageToken.encode(kind, [.string(record.arn), .number(next)])
        }
        answer["events"] = .array(
            events.map { event in
                var event = event
                if !includesData { event.removeData() }
                return .object(event.json)
            })
        return answer
    }

    // MARK: - Reports by token

    func sendTaskSuccess(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let token = try input.required("taskToken", .taskToken)
        let text = try input.required("output", engine.hasAWSLimits ? .limitedData : .data)
        try input.finish()
        try Self.checkToken(token)
        let output: Payload
        do {
            output = try Payload(parsing: text)
        } catch {
            throw AWSError("InvalidOutput", "Invalid Output: '\(Self.complaint(error, text))'")
        }
        try await engine.taskSucceeded(token: token, output: output)
        return [:]
    }

    func sendTaskFailure(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let token = try input.required("taskToken", .taskToken)
        let error = try input.optional("error", .error)
        let cause = try input.optional("cause", .cause)
        try input.finish()
        try Self.checkToken(token)
        try await engine.taskFailed(token: token, error: error, cause: cause)
        return [:]
    }

    func sendTaskHeartbeat(_ input: OperationInput) async throws -> JSONObject {
        var input = input
        let token = try input.required("taskToken", .taskToken)
        try input.finish()
        try Self.checkToken(token)
        try await engine.taskHeartbeat(token: token)
        return [:]
    }

    /// Throws for a text that no task's token can be.
    private static func checkToken(_ token: String) throws {
        guard token.utf8.count == 64, token.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
            throw PageToken.invalid
        }
    }

    // MARK: - Parts

    /// The execution that `executionArn` names. Also throws what else is wrong with the input.
    /// - Parameter takesChildren: whether EXPRESS children of a map run are told of too: they have a record.
    func execution(_ input: OperationInput, takesChildren: Bool = false) async throws -> ExecutionRecord {
        var input = input
        let arn = try input.required("executionArn", .arn)
        try input.finish()
        let isChild = takesChildren && arn.contains("/")
        try ResourceName.checkARN(arn, types: isChild ? ["execution", "express"] : ["execution"])
        return try await engine.execution(arn: arn)
    }

    /// - Throws: the service's complaint, which is its parser's.
    static func executionInput(_ text: String) throws -> Payload {
        do {
            return try Payload(parsing: text)
        } catch {
            let complaint = text.isEmpty ? "Invalid execution input." : error.message
            throw AWSError("InvalidExecutionInput", "Invalid State Machine Execution Input: '\(complaint)'")
        }
    }

    /// A syntax error in the words of the service's parser, Jackson.
    static func complaint(_ error: JSONSyntaxError, _ text: String) -> String {
        "\(error.message) at [Source: (String)\"\(text)\"; line: \(error.line), column: \(error.column)]"
    }
}

extension ExecutionSummary {
    var json: JSONObject {
        var object: JSONObject = [
            "executionArn": .string(arn), "stateMachineArn": .string(stateMachineArn), "name": .string(name),
            "status": .string(status.rawValue), "startDate": startedAt.json, "redriveCount": .number(redriveCount),
        ]
        if let redrivenAt { object["redriveDate"] = redrivenAt.json }
        if let versionArn { object["stateMachineVersionArn"] = .string(versionArn) }
        if let aliasArn { object["stateMachineAliasArn"] = .string(aliasArn) }
        if let stoppedAt { object["stopDate"] = stoppedAt.json }
        if let mapRun {
            object["mapRunArn"] = .string(mapRun.mapRunArn)
            object["itemCount"] = .number(mapRun.itemCount)
        }
        return object
    }
}

extension HistoryEvent {
    /// Leaves out what `includeExecutionData: false` leaves out.
    fileprivate mutating func removeData() {
        for member in ["input", "inputDetails", "output", "outputDetails", "parameters"] { details?[member] = nil }
    }
}
