import JSONModel
import JSONPath
import StatesLanguage
import Support

// Task states: Lambda functions, activities and service integrations differ in the names of their events.
extension ExecutionMachine {
    mutating func startTask(
        _ slot: Int, _ state: StateDefinition, _ fields: TaskFields, _ raw: Payload
    ) throws(EvaluationFailure) {
        let input = try select(raw, state.inputPath, slot)
        guard let scope = scopes[slot] else { throw EvaluationFailure("The state is gone.") }
        let token = Self.usesToken(fields.resource) ? taskToken() : nil
        scopes[slot]?.taskToken = token
        let parameters = try effectiveInput(slot, state, raw)
        try checkLimits(parameters.text, slot)
        try Self.check(parameters, of: fields.resource)
        let timeout = try seconds(fields.timeoutSeconds, "TimeoutSecondsPath", input.value, slot)
        let heartbeat = try seconds(fields.heartbeatSeconds, "HeartbeatSecondsPath", input.value, slot)
        var credentials: JSONValue?
        if let template = fields.credentials {
            let value = try evaluate(template, input.value, slot)
            try checkLimits(value.text, slot)
            credentials = value
        }

        if test?.setting.mock != nil {
            try answerTest(slot)
            return
        }
        if missingActivities.contains(fields.resource.arn) {
            throw EvaluationFailure("The activity \(fields.resource.arn) does not exist.")
        }
        let scheduled = emitScheduled(
            fields.resource, parameters, after: scope.lastEventID, timeout: timeout, heartbeat: heartbeat,
            credentials: credentials)
        scopes[slot]?.lastEventID = scheduled
        if fields.resource.kind != .activity {
            let started = emit(names(fields.resource).started, after: scheduled, resourceDetails(fields.resource))
            scopes[slot]?.lastEventID = started
        }
        let start = TaskStart(
            taskID: taskID(scheduled, scope, fields.resource, parameters), resource: fields.resource, parameters: parameters.value,
            credentials: credentials, stateName: state.name, taskVisit: scope.visit, mapPath: mapPath(slot),
            attempt: scope.attempt, taskToken: token, timeoutSeconds: timeout, heartbeatSeconds: heartbeat)
        commands.append(.startTask(start))
        slotOfTask[start.taskID] = slot
        var wait = TaskWait(start: start)
        if let timeout { wait.timeout = startTimer("timeout", at: now.adding(milliseconds: timeout * 1000), slot: slot) }
        if let heartbeat, fields.resource.kind != .activity {
            wait.heartbeat = startTimer("heartbeat", at: now.adding(milliseconds: heartbeat * 1000), slot: slot)
        }
        setPhase(slot, .task(wait))
    }

    /// Throws unless the resource's operation takes the parameters.
    private static func check(_ parameters: Payload, of resource: TaskResource) throws(EvaluationFailure) {
        let complaints = resource.complaints(about: parameters.value)
        guard complaints.isEmpty else {
            throw EvaluationFailure(
                "The Parameters '\(parameters.text)' could not be used to start the Task: [\(complaints.joined(separator: ", "))]")
        }
    }

    /// See `TaskStart.taskID`.
    private func taskID(
        _ scheduled: Int64, _ scope: Scope, _ resource: TaskResource, _ parameters: Payload
    ) -> String {
        let id = "\(execution.executionArn)#\(scheduled)"
        guard execution.type == .express else { return id }
        // A child of a map run may run again as a whole and take another way: what is asked then is another task, even
        // if its event has the same id. FNV-1a, 64 bits.
        let content = "\(execution.mapRunRedriveCount) \(scope.visit) \(scope.attempt) \(resource.arn) \(parameters.text)"
        let hash = content.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "\(id)-\(hexText(hash, digits: 16))"
    }

    private mutating func emitScheduled(
        _ resource: TaskResource, _ parameters: Payload, after previous: Int64, timeout: Int64?, heartbeat: Int64?,
        credentials: JSONValue?
    ) -> Int64 {
        var details = JSONObject()
        switch resource.kind {
        case .optimized, .awsSDK:
            details = [
                "parameters": .string(parameters.value.text), "region": .string(execution.region),
                "resource": .string(resource.historyResource), "resourceType": .string(resource.historyResourceType),
            ]
        case .activity, .lambda:
            details = [
                "input": .string(parameters.text), "inputDetails": Self.complete, "resource": .string(resource.arn),
            ]
        }
        if let timeout { details["timeoutInSeconds"] = .number(timeout) }
        if let heartbeat, resource.kind != .lambda { details["heartbeatInSeconds"] = .number(heartbeat) }
        if let role = credentials?["RoleArn"] { details["taskCredentials"] = ["roleArn": role] }
        return emit(names(resource).scheduled, after: previous, details)
    }

    mutating func taskSubmitted(_ taskID: String, _ output: Payload) throws(ExecutionError) {
        guard let (slot, wait) = waitingTask(taskID) else { return }
        var details: JSONObject = ["output": .string(output.text), "outputDetails": Self.complete]
        details.add(resourceDetails(wait.start.resource))
        try emit(.taskSubmitted, in: slot, details)
        markDirty(slot)
    }

    mutating func taskSucceeded(_ taskID: String, _ output: Payload) throws(ExecutionError) {
        guard let (slot, wait) = waitingTask(taskID) else { return }
        endTaskWait(slot, wait)
        let state = try state(slot)
        let resource = wait.start.resource
        do throws(EvaluationFailure) {
            let source = resource.kind == .lambda || resource.kind == .activity ? resource.arn : resource.historyResourceType
            try checkLimits(output.text, slot, source: source)
        } catch {
            var failure = try failure(error, slot)
            failure.isTaskResult = true
            try emit(names(resource).failed, in: slot, taskFailureDetails(resource, failure))
            try handle(failure, slot)
            return
        }
        var details: JSONObject = ["output": .string(output.text), "outputDetails": Self.complete]
        details.add(resourceDetails(resource))
        try emit(names(resource).succeeded, in: slot, details)
        try leaveWithResult(slot, state, output)
    }

    /// ResultSelector, ResultPath, Assign and OutputPath of a Task, Parallel or Map.
    mutating func leaveWithResult(
        _ slot: Int, _ state: StateDefinition, _ result: Payload, after previous: Int64? = nil
    ) throws(ExecutionError) {
        let raw = try scope(slot).input
        inspect(text: "result", result)
        do throws(EvaluationFailure) {
            if state.queryLanguage == .jsonata {
                try leave(
                    slot, input: raw.value, plain: result, results: StateResults(result: result.value),
                    output: state.output, assign: state.assign, state.transition, after: previous)
                return
            }
            var selected = result
            if let template = state.resultSelector {
                selected = Payload(try evaluate(template, result.value, slot))
            }
            inspect(text: "afterResultSelector", selected)
            let combined = try combine(selected, with: raw, state.resultPath)
            inspect(text: "afterResultPath", combined)
            let assigned = try assign(state.assign, result.value, slot)
            let output = try select(combined, state.outputPath, slot)
            try leave(slot, output, assigned, state.transition, after: previous)
        } catch {
            try handle(try failure(error, slot), slot)
        }
    }

    mutating func taskFailed(_ taskID: String, _ failure: StateFailure) throws(ExecutionError) {
        guard let (slot, wait) = waitingTask(taskID) else { return }
        endTaskWait(slot, wait)
        let resource = wait.start.resource
        let isUnscheduled = resource.kind == .activity && !wait.isTaken
        try emit(
            isUnscheduled ? .activityScheduleFailed : names(resource).failed, in: slot,
            taskFailureDetails(resource, failure))
        try handle(failure, slot)
    }

    mutating func taskTimedOut(_ slot: Int, _ wait: TaskWait, isHeartbeat: Bool) throws(ExecutionError) {
        commands.append(.cancelTask(taskID: wait.start.taskID))
        endTaskWait(slot, wait)
        let failure = StateFailure(error: StateFailure.timeout, cause: nil, isMissedHeartbeat: isHeartbeat)
        try emit(names(wait.start.resource).timedOut, in: slot, taskFailureDetails(wait.start.resource, failure))
        try handle(failure, slot)
    }

    mutating func restartHeartbeat(_ taskID: String) throws(ExecutionError) {
        guard let (slot, found) = waitingTask(taskID), let seconds = found.start.heartbeatSeconds else { return }
        var wait = found
        if let timer = wait.heartbeat { cancelTimer(timer) }
        wait.heartbeat = startTimer("heartbeat", at: now.adding(milliseconds: seconds * 1000), slot: slot)
        setPhase(slot, .task(wait))
    }

    mutating func activityStarted(_ taskID: String, _ workerName: String?) throws(ExecutionError) {
        guard let (slot, found) = waitingTask(taskID), found.start.resource.kind == .activity, !found.isTaken else { return }
        var wait = found
        wait.isTaken = true
        var details = JSONObject()
        if let workerName { details["workerName"] = .string(workerName) }
        try emit(.activityStarted, in: slot, details)
        if let seconds = wait.start.heartbeatSeconds {
            wait.heartbeat = startTimer("heartbeat", at: now.adding(milliseconds: seconds * 1000), slot: slot)
        }
        setPhase(slot, .task(wait))
    }

    private func waitingTask(_ taskID: String) -> (Int, TaskWait)? {
        guard let slot = slotOfTask[taskID], case .task(let wait)? = scopes[slot]?.phase else { return nil }
        return (slot, wait)
    }

    private static func usesToken(_ resource: TaskResource) -> Bool {
        resource.pattern != .requestResponse || resource.kind == .activity
    }

    /// 256 bits in hexadecimal.
    private mutating func taskToken() -> String {
        (0..<4).map { _ in hexText(random.next(), digits: 16) }.joined()
    }

    /// Indices of the Map iterations around the scope, outermost first.
    func mapPath(_ slot: Int) -> [Int] {
        var path: [Int] = []
        var current: Int? = slot
        while let position = current, let scope = scopes[position] {
            if scope.item != nil { path.append(scope.index) }
            current = scope.parent
        }
        return path.reversed()
    }

    private mutating func seconds(
        _ field: NumberField<Int64>?, _ name: String, _ input: JSONValue, _ slot: Int
    ) throws(EvaluationFailure) -> Int64? {
        switch field {
        case nil: return nil
        case .literal(let value)?: return value
        case .expression(let field)?:
            let seconds = try integer(field, input, slot)
            guard (1...99_999_999).contains(seconds) else {
                throw EvaluationFailure(
                    query: "The \(field.location) field refers to value \(seconds) which must be between 1 and 99999999",
                    at: field.location)
            }
            return seconds
        case .path(let path)?:
            let value = try self.value(at: path, input, slot)
            guard let seconds = integer(value) else {
                throw EvaluationFailure(
                    "The \(name) field refers to value \(value.text) which is not a valid integer: \(path.text)")
            }
            guard (1...99_999_999).contains(seconds) else {
                throw EvaluationFailure("The \(name) field refers to value \(seconds) which must be between 1 and 99999999: \(path.text)")
            }
            return seconds
        }
    }
}

/// The names of a resource's events.
private struct TaskEventNames {
    var scheduled, started, succeeded, failed, timedOut: HistoryEventType
}

private func names(_ resource: TaskResource) -> TaskEventNames {
    switch resource.kind {
    case .optimized, .awsSDK:
        TaskEventNames(
            scheduled: .taskScheduled, started: .taskStarted, succeeded: .taskSucceeded, failed: .taskFailed,
            timedOut: .taskTimedOut)
    case .activity:
        TaskEventNames(
            scheduled: .activityScheduled, started: .activityStarted, succeeded: .activitySucceeded,
            failed: .activityFailed, timedOut: .activityTimedOut)
    case .lambda:
        TaskEventNames(
            scheduled: .lambdaFunctionScheduled, started: .lambdaFunctionStarted,
            succeeded: .lambdaFunctionSucceeded, failed: .lambdaFunctionFailed, timedOut: .lambdaFunctionTimedOut)
    }
}

/// What the events of service integrations repeat; nil for the other kinds.
private func resourceDetails(_ resource: TaskResource) -> JSONObject? {
    switch resource.kind {
    case .optimized, .awsSDK:
        ["resource": .string(resource.historyResource), "resourceType": .string(resource.historyResourceType)]
    case .activity, .lambda: nil
    }
}

private func taskFailureDetails(_ resource: TaskResource, _ failure: StateFailure) -> JSONObject {
    var details = ExecutionMachine.failureDetails(failure.error, failure.cause)
    details.add(resourceDetails(resource))
    return details
}

extension JSONObject {
    fileprivate mutating func add(_ other: JSONObject?) {
        guard let other else { return }
        for (key, value) in other { self[key] = value }
    }
}
