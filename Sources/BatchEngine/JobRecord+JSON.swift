import BatchScheduling
import JSONModel
import StateStore
import Support

// The form in which jobs are kept. Members that say nothing are left out.

extension JobRecord {
    static let format = 1

    var row: BatchJobRow {
        var externalID: String?
        if case .glue(_, let runID) = submission.kind { externalID = runID }
        return BatchJobRow(
            scope: BatchScope(account: submission.account, region: submission.region), id: id, sequence: sequence,
            name: submission.name, queue: submission.queue, status: status.rawValue, isOpen: !status.isTerminal,
            parent: arrayParent, externalID: externalID, createdAt: state.createdAt, document: .object(document))
    }

    private var document: JSONObject {
        var object: JSONObject = ["format": .number(Self.format), "submission": .object(submission.document)]
        object["state"] = .object(state.document)
        object["arrayIndex"] = arrayIndex.map { .number($0) }
        if !resolvedDependencies.isEmpty { object["dependencies"] = .array(resolvedDependencies.map { .string($0) }) }
        object["environment"] = environmentName.map { .string($0) }
        object["progress"] = progress.map { .object($0.document) }
        return object
    }

    /// - Throws: `StateStoreError.corrupt` for a document that this release did not write, `.newerFormat`.
    init(_ row: BatchJobRow) throws {
        let document = row.document
        if let format = document["format"]?.int64, format > Int64(Self.format) {
            throw StateStoreError.newerFormat(found: "job \(format)", supported: "job \(Self.format)")
        }
        guard let submission = document["submission"]?.object.flatMap({ JobSubmission(document: $0, row: row) }),
            let status = JobStatus(rawValue: row.status),
            let state = document["state"]?.object.flatMap({ JobState($0, status: status, createdAt: row.createdAt) })
        else { throw StateStoreError.corrupt("The record of job \(row.id) lacks what every job has.") }
        self.init(id: row.id, sequence: row.sequence, submission: submission, state: state)
        arrayParent = row.parent
        arrayIndex = document["arrayIndex"]?.int64.map { Int(truncatingIfNeeded: $0) }
        resolvedDependencies = document["dependencies"]?.array?.compactMap(\.string) ?? []
        environmentName = document["environment"]?.string
        progress = document["progress"]?.object.flatMap(JobProgress.init)
    }
}

extension JobSubmission {
    fileprivate var document: JSONObject {
        var object: JSONObject = [
            "definition": .string(definition), "image": .string(image),
            "command": .array(command.map { .string($0) }), "milliCPUs": .number(demand.milliCPUs),
            "memoryMiB": .number(demand.memoryMiB), "attempts": .number(retry.attempts),
        ]
        if !retry.evaluateOnExit.isEmpty { object["evaluateOnExit"] = .array(retry.evaluateOnExit.map(\.document)) }
        if case .glue(let jobName, let runID) = kind {
            object["glue"] = ["jobName": .string(jobName), "runId": .string(runID)]
        }
        object["environment"] = pairs(environment)
        object["parameters"] = pairs(parameters)
        object["tags"] = pairs(tags)
        object["timeoutSeconds"] = timeoutSeconds.map { .number($0) }
        if priority != 0 { object["priority"] = .number(priority) }
        object["arraySize"] = arraySize.map { .number($0) }
        object["commitScope"] = commitScope.map { .string($0) }
        if !dependencies.isEmpty {
            object["dependsOn"] = .array(
                dependencies.map { ["jobId": .string($0.jobID), "type": .string($0.kind.rawValue)] })
        }
        if !details.isEmpty { object["details"] = .object(details) }
        return object
    }

    fileprivate init?(document: JSONObject, row: BatchJobRow) {
        guard let definition = document["definition"]?.string, let image = document["image"]?.string,
            let command = document["command"]?.array?.compactMap(\.string),
            let milliCPUs = document["milliCPUs"]?.int64.map({ Int(truncatingIfNeeded: $0) }),
            let memoryMiB = document["memoryMiB"]?.int64.map({ Int(truncatingIfNeeded: $0) })
        else { return nil }
        self.init(
            account: row.scope.account, region: row.scope.region, name: row.name, queue: row.queue,
            definition: definition, image: image, command: command, environment: variables(document["environment"]),
            demand: ResourceDemand(milliCPUs: milliCPUs, memoryMiB: memoryMiB),
            parameters: variables(document["parameters"]), tags: variables(document["tags"]),
            details: document["details"]?.object ?? [:])
        if let jobName = document["glue"]?["jobName"]?.string, let runID = document["glue"]?["runId"]?.string {
            kind = .glue(jobName: jobName, runID: runID)
        }
        retry.attempts = integer(document["attempts"]) ?? 1
        retry.evaluateOnExit = document["evaluateOnExit"]?.array?.compactMap(RetryStrategy.ExitRule.init) ?? []
        timeoutSeconds = integer(document["timeoutSeconds"])
        priority = integer(document["priority"]) ?? 0
        arraySize = integer(document["arraySize"])
        commitScope = document["commitScope"]?.string
        dependencies =
            document["dependsOn"]?.array?.map {
                JobDependency(
                    jobID: $0["jobId"]?.string ?? "", kind: JobDependency.Kind(rawValue: $0["type"]?.string ?? "") ?? .whole)
            } ?? []
    }
}

extension RetryStrategy.ExitRule {
    fileprivate var document: JSONValue {
        var object: JSONObject = ["action": .string(action.rawValue)]
        object["onExitCode"] = onExitCode.map { .string($0) }
        object["onReason"] = onReason.map { .string($0) }
        object["onStatusReason"] = onStatusReason.map { .string($0) }
        return .object(object)
    }

    fileprivate init?(_ document: JSONValue) {
        guard let action = document["action"]?.string.flatMap(Action.init) else { return nil }
        self.init(
            action: action, onExitCode: document["onExitCode"]?.string, onReason: document["onReason"]?.string,
            onStatusReason: document["onStatusReason"]?.string)
    }
}

extension JobState {
    fileprivate var document: JSONObject {
        var object: JSONObject = [:]
        object["statusReason"] = statusReason.map { .string($0) }
        object["startedAt"] = milliseconds(startedAt)
        object["stoppedAt"] = milliseconds(stoppedAt)
        object["ending"] = ending.map { .string($0.rawValue) }
        object["stopReason"] = stopReason.map { .string($0) }
        if isCancelled { object["isCancelled"] = true }
        if isTerminated { object["isTerminated"] = true }
        if !attempts.isEmpty { object["attempts"] = .array(attempts.map { .object($0.document) }) }
        return object
    }

    fileprivate init?(_ document: JSONObject, status: JobStatus, createdAt: Timestamp) {
        self.init(status: status, createdAt: createdAt)
        statusReason = document["statusReason"]?.string
        startedAt = timestamp(document["startedAt"])
        stoppedAt = timestamp(document["stoppedAt"])
        ending = document["ending"]?.string.flatMap(JobEnding.init)
        stopReason = document["stopReason"]?.string
        isCancelled = document["isCancelled"]?.bool ?? false
        isTerminated = document["isTerminated"]?.bool ?? false
        attempts = document["attempts"]?.array?.compactMap { $0.object.flatMap(JobAttempt.init) } ?? []
        if status.isActive, attempts.isEmpty { return nil }
    }
}

extension JobAttempt {
    fileprivate var document: JSONObject {
        var object: JSONObject = ["number": .number(number)]
        object["startedAt"] = milliseconds(startedAt)
        object["stoppedAt"] = milliseconds(stoppedAt)
        object["exitCode"] = exitCode.map { .number($0) }
        object["reason"] = reason.map { .string($0) }
        object["statusReason"] = statusReason.map { .string($0) }
        return object
    }

    fileprivate init?(_ document: JSONObject) {
        guard let number = integer(document["number"]) else { return nil }
        self.init(number: number)
        startedAt = timestamp(document["startedAt"])
        stoppedAt = timestamp(document["stoppedAt"])
        exitCode = integer(document["exitCode"])
        reason = document["reason"]?.string
        statusReason = document["statusReason"]?.string
    }
}

extension JobProgress {
    fileprivate var document: JSONObject {
        var object: JSONObject = ["attempt": .number(attempt), "at": .number(at.millisecondsSince1970)]
        object["rowsRead"] = rowsRead.map { .number($0) }
        object["rowsWritten"] = rowsWritten.map { .number($0) }
        object["bytesRead"] = bytesRead.map { .number($0) }
        object["bytesWritten"] = bytesWritten.map { .number($0) }
        object["stage"] = stage.map { .string($0) }
        object["message"] = message.map { .string($0) }
        return object
    }

    fileprivate init?(_ document: JSONObject) {
        guard let attempt = integer(document["attempt"]), let at = timestamp(document["at"]) else { return nil }
        self.init(attempt: attempt, at: at)
        read(.object(document))
    }

    /// Takes over the figures that a report holds; what it does not mention stays.
    mutating func read(_ report: JSONValue) {
        rowsRead = report["rowsRead"]?.int64 ?? rowsRead
        rowsWritten = report["rowsWritten"]?.int64 ?? rowsWritten
        bytesRead = report["bytesRead"]?.int64 ?? bytesRead
        bytesWritten = report["bytesWritten"]?.int64 ?? bytesWritten
        stage = report["stage"]?.string ?? stage
        message = report["message"]?.string ?? message
    }
}

private func pairs(_ variables: [EnvironmentVariable]) -> JSONValue? {
    variables.isEmpty ? nil : .array(variables.map { .array([.string($0.name), .string($0.value)]) })
}

private func variables(_ value: JSONValue?) -> [EnvironmentVariable] {
    value?.array?.compactMap { pair in
        guard let name = pair[0]?.string, let value = pair[1]?.string else { return nil }
        return EnvironmentVariable(name, value)
    } ?? []
}

private func integer(_ value: JSONValue?) -> Int? { value?.int64.map { Int(truncatingIfNeeded: $0) } }

private func milliseconds(_ time: Timestamp?) -> JSONValue? { time.map { .number($0.millisecondsSince1970) } }

private func timestamp(_ value: JSONValue?) -> Timestamp? {
    value?.int64.map { Timestamp(millisecondsSince1970: $0) }
}
