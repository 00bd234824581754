import StateStore
import Support

/// The records of a workflow store as values: what every operation of `WorkflowStore` does, without saying when it is
/// durable. An order by text is an order of UTF-8 bytes.
struct WorkflowTables {
    private struct Machine {
        var record: StateMachineRecord
        var lastVersion: Int64 = 0
        var versions: [VersionRecord] = []
        var aliases: [AliasRecord] = []
    }
    struct Execution {
        var record: ExecutionRecord
        var frames: [String: [UInt8]] = [:]
        var history: [HistoryRecord] = []
        var commands: [String: CommandRecord] = [:]
        var timers: [String: Timestamp] = [:]
    }

    private var machines: [String: Machine] = [:]
    private var activities = [GeneratedMachine.activity.arn: GeneratedMachine.activity]
    private var tags: [String: [(key: String, value: String)]] = [:]
    var executions: [String: Execution] = [:]
    var mapRuns: [String: MapRunRecord] = [:]

    // MARK: State machines

    mutating func createStateMachine(
        _ record: StateMachineRecord, _ tags: [(key: String, value: String)]
    ) -> StateMachineRecord? {
        if let existing = stateMachine(record.arn) { return existing }
        machines[record.arn] = Machine(record: record)
        changeTags(record.arn, set: tags, remove: [])
        return nil
    }

    mutating func updateStateMachine(_ record: StateMachineRecord) -> Bool {
        guard let old = machines[record.arn]?.record, old.status == .active else { return false }
        var new = old
        new.definition = record.definition
        new.roleArn = record.roleArn
        new.updatedAt = record.updatedAt
        new.revisionID = record.revisionID
        new.configuration = record.configuration
        machines[record.arn]?.record = new
        return true
    }

    func stateMachine(_ arn: String) -> StateMachineRecord? { machines[arn].map { tagged($0.record) } }

    private func tagged(_ record: StateMachineRecord) -> StateMachineRecord {
        var record = record
        record.hasAWSLimits = (tags[record.arn] ?? []).contains {
            $0.key == StateMachineRecord.awsLimitsTag && $0.value == "true"
        }
        return record
    }

    func stateMachines(account: String, region: String, after arn: String?, limit: Int) -> [StateMachineRecord] {
        let found = machines.values.map { tagged($0.record) }.filter {
            $0.account == account && $0.region == region && $0.arn > arn ?? ""
        }
        return Array(found.sorted { $0.arn < $1.arn }.prefix(limit))
    }

    mutating func deleteStateMachine(_ arn: String) {
        machines[arn]?.record.status = .deleting
        removeDeletedMachine(arn)
    }

    private mutating func removeDeletedMachine(_ arn: String) {
        guard machines[arn]?.record.status == .deleting,
            !executions.values.contains(where: { $0.record.stateMachine.arn == arn && $0.record.status == .running })
        else { return }
        machines[arn] = nil
        tags[arn] = nil
    }

    func tags(of arn: String) -> [(key: String, value: String)] { tags[arn] ?? [] }

    mutating func changeTags(_ arn: String, set: [(key: String, value: String)], remove: [String]) {
        var all = tags[arn] ?? []
        all.removeAll { remove.contains($0.key) }
        for tag in set {
            if let index = all.firstIndex(where: { $0.key == tag.key }) { all[index] = tag } else { all.append(tag) }
        }
        tags[arn] = all.isEmpty ? nil : all
    }

    // MARK: Versions and aliases

    mutating func publishVersion(_ arn: String, _ description: String?, at time: Timestamp) -> VersionRecord? {
        guard let machine = machines[arn], machine.record.status == .active else { return nil }
        if let latest = machine.versions.last, latest.machine.revisionID == machine.record.revisionID { return latest }
        let number = machine.lastVersion + 1
        let version = VersionRecord(
            number: number, description: description, createdAt: time, machine: tagged(machine.record))
        machines[arn]?.lastVersion = number
        machines[arn]?.versions.append(version)
        return version
    }

    func versions(_ arn: String, before number: Int64?, limit: Int) -> [VersionRecord] {
        Array((machines[arn]?.versions ?? []).reversed().filter { $0.number < number ?? .max }.prefix(limit))
    }

    func version(_ arn: String, _ number: Int64) -> VersionRecord? {
        machines[arn]?.versions.first { $0.number == number }
    }

    mutating func deleteVersion(_ arn: String, _ number: Int64) -> [AliasRecord] {
        let users = aliases(arn, after: nil, limit: .max).filter { alias in
            alias.routes.contains { $0.versionArn == "\(arn):\(number)" }
        }
        if users.isEmpty { machines[arn]?.versions.removeAll { $0.number == number } }
        return users
    }

    mutating func setAlias(_ record: AliasRecord) {
        var record = record
        var aliases = machines[record.machineArn]?.aliases ?? []
        if let index = aliases.firstIndex(where: { $0.arn == record.arn }) {
            record.createdAt = aliases[index].createdAt
            aliases[index] = record
        } else {
            aliases.append(record)
        }
        machines[record.machineArn]?.aliases = aliases
    }

    func alias(_ arn: String) -> AliasRecord? {
        for machine in machines.values { if let alias = machine.aliases.first(where: { $0.arn == arn }) { return alias } }
        return nil
    }

    func aliases(_ arn: String, after: PageKey?, limit: Int) -> [AliasRecord] {
        page(machines[arn]?.aliases ?? [], after, limit) { PageKey(time: $0.createdAt, arn: $0.arn) }
    }

    mutating func deleteAlias(_ arn: String) {
        for machine in machines.keys { machines[machine]?.aliases.removeAll { $0.arn == arn } }
    }

    // MARK: Activities

    mutating func createActivity(
        _ record: ActivityRecord, _ tags: [(key: String, value: String)]
    ) -> ActivityRecord? {
        if let existing = activities[record.arn] { return existing }
        activities[record.arn] = record
        changeTags(record.arn, set: tags, remove: [])
        return nil
    }

    func activity(_ arn: String) -> ActivityRecord? { activities[arn] }

    func activities(account: String, region: String, after: PageKey?, limit: Int) -> [ActivityRecord] {
        page(activities.values.filter { $0.account == account && $0.region == region }, after, limit) {
            PageKey(time: $0.createdAt, arn: $0.arn)
        }
    }

    mutating func deleteActivity(_ arn: String) {
        if activities.removeValue(forKey: arn) != nil { tags[arn] = nil }
    }

    // MARK: Executions

    mutating func startExecution(_ new: NewExecution) -> ExecutionRecord? {
        if let existing = executions[new.record.arn] { return existing.record }
        add(new)
        return nil
    }

    func execution(_ arn: String) -> ExecutionRecord? { executions[arn]?.record }

    func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?, isRedriven: Bool?,
        after: PageKey?, limit: Int
    ) -> [ExecutionSummary] {
        let chosen = executions.values.map(\.record).filter { record in
            let machine = record.stateMachine
            let isOfMachine = stateMachineArn.map { $0 == machine.arn || $0 == machine.versionArn || $0 == machine.aliasArn }
            return isOfMachine ?? (record.account == account && record.region == region && record.mapRun == nil)
                && (status == nil || record.status == status)
                && (isRedriven == nil || isRedriven == (record.redrives.count > 0))
        }
        return newestFirst(chosen, after, limit)
    }

    func newestFirst(_ records: [ExecutionRecord], _ after: PageKey?, _ limit: Int) -> [ExecutionSummary] {
        let sorted = page(records, nil, .max) { PageKey(time: $0.startedAt, arn: $0.arn) }.reversed()
        return sorted.filter { record in
            after.map { $0.isAfter(PageKey(time: record.startedAt, arn: record.arn)) } ?? true
        }.prefix(limit).map { record in
            ExecutionSummary(
                arn: record.arn, stateMachineArn: record.stateMachine.arn, versionArn: record.stateMachine.versionArn,
                aliasArn: record.stateMachine.aliasArn, name: record.name, status: record.status,
                startedAt: record.startedAt, stoppedAt: record.stoppedAt, redriveCount: record.redrives.count,
                redrivenAt: record.redrives.date)
        }
    }

    func history(_ arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int) -> [HistoryRecord] {
        let chosen = (executions[arn]?.history ?? []).filter { ids.contains($0.id) }
        return Array((descending ? chosen.reversed() : chosen).prefix(limit))
    }

    func loadExecution(_ arn: String) -> (record: ExecutionRecord, frames: [FrameRecord])? {
        executions[arn].map { execution in
            let frames = execution.frames.sorted { $0.key.precedes($1.key) }
            return (execution.record, frames.map { FrameRecord(path: $0.key, bytes: $0.value) })
        }
    }

    mutating func commit(_ step: ExecutionStep) throws(WorkflowStoreError) {
        let arn = step.executionArn
        guard let known = executions[arn]?.record, known.revision == step.revision, known.status == .running,
            var execution = executions.removeValue(forKey: arn)
        else { throw WorkflowStoreError.staleRevision(executionArn: arn, expected: step.revision) }
        execution.record.revision += 1
        execution.record.stepCount = step.stepCount
        execution.record.isRunnable = step.isRunnable
        execution.record.lastEventID = step.history.last?.id ?? execution.record.lastEventID
        add(step, to: &execution)
        if let end = step.end {
            execution.record.status = end.status
            execution.record.stoppedAt = end.stoppedAt
            execution.record.output = end.output
            execution.record.error = end.error
            execution.record.cause = end.cause
            execution.timers = [:]
            execution.record.redrives.isPrepared = end.status != .succeeded
            if end.status == .succeeded { execution.frames = [:] }
            for commandID in execution.commands.keys { execution.commands[commandID]?.isCancelled = true }
        }
        executions[arn] = execution
        if step.end != nil { removeDeletedMachine(execution.record.stateMachine.arn) }
    }

    mutating func add(_ new: NewExecution) {
        var execution = Execution(record: new.record)
        if let step = new.step { add(step, to: &execution) }
        executions[new.record.arn] = execution
    }

    /// All of a step but what the execution's record says.
    private mutating func add(_ step: ExecutionStep, to execution: inout Execution) {
        execution.history += step.history
        for frame in step.frames { execution.frames[frame.path] = frame.bytes }
        for command in step.newCommands { execution.commands[command.commandID] = command }
        for (commandID, handle) in step.submittedCommands {
            execution.commands[commandID]?.progress = .submitted
            execution.commands[commandID]?.handle = handle
        }
        for commandID in step.cancelledCommands { execution.commands[commandID]?.isCancelled = true }
        for commandID in step.finishedCommands { execution.commands[commandID] = nil }
        for timer in step.newTimers { execution.timers[timer.timerID] = timer.dueAt }
        for timerID in step.finishedTimers { execution.timers[timerID] = nil }
        for run in step.newMapRuns { mapRuns[run.arn] = run }
        for redrive in step.redrivenMapRuns {
            guard var run = mapRuns[redrive.mapRunArn] else { continue }
            (run.status, run.stoppedAt, run.isOpen, run.resultsWritten) = (.running, nil, true, nil)
            (run.redriveCount, run.redrivenAt) = (redrive.count, redrive.date)
            mapRuns[redrive.mapRunArn] = run
        }
        for end in step.endedMapRuns
        where mapRuns[end.mapRunArn]?.status == .running && mapRuns[end.mapRunArn]?.redriveCount == end.redriveCount {
            mapRuns[end.mapRunArn]?.status = end.status
            mapRuns[end.mapRunArn]?.stoppedAt = end.stoppedAt
            // One that was aborted has children to stop.
            mapRuns[end.mapRunArn]?.isOpen = end.status == .aborted
        }
    }

    mutating func redriveExecution(
        _ arn: String, _ revision: Int64, _ redrives: ExecutionRecord.Redrives
    ) throws(WorkflowStoreError) {
        guard let record = executions[arn]?.record, record.revision == revision, record.redrives.isPrepared else {
            throw WorkflowStoreError.staleRevision(executionArn: arn, expected: revision)
        }
        var new = record
        (new.status, new.stoppedAt, new.output, new.error, new.cause) = (.running, nil, nil, nil, nil)
        new.isRunnable = true
        new.revision += 1
        new.redrives = redrives
        new.redrives.isPrepared = false
        executions[arn]?.record = new
    }

    mutating func forgetRedrives(stoppedBefore time: Timestamp, limit: Int) -> Int {
        let chosen = stopped(before: time, limit) { $0.record.redrives.isPrepared }
        for record in chosen {
            executions[record.arn]?.frames = [:]
            executions[record.arn]?.record.redrives.isPrepared = false
        }
        return chosen.count
    }

    mutating func setProgress(_ progress: CommandRecord.Progress, _ commandID: String, _ arn: String) {
        executions[arn]?.commands[commandID]?.progress = progress
    }

    func command(_ commandID: String, of arn: String) -> CommandRecord? { executions[arn]?.commands[commandID] }

    func command(taskToken: String) -> CommandRecord? {
        for execution in executions.values {
            for command in execution.commands.values where command.taskToken == taskToken && !command.isCancelled {
                return command
            }
        }
        return nil
    }

    mutating func removeCommand(_ commandID: String, _ arn: String) { executions[arn]?.commands[commandID] = nil }

    mutating func removeExecutions(stoppedBefore time: Timestamp, limit: Int) -> Int {
        let open = Set(mapRuns.values.filter(\.isOpen).map(\.executionArn))
        let chosen = stopped(before: time, limit) { execution in
            execution.commands.isEmpty && !open.contains(execution.record.arn)
                && execution.record.mapRun.map { mapRuns[$0.mapRunArn] == nil } ?? true
        }
        for record in chosen {
            executions[record.arn] = nil
            for run in mapRuns.values where run.executionArn == record.arn { mapRuns[run.arn] = nil }
        }
        return chosen.count
    }

    private func stopped(
        before time: Timestamp, _ limit: Int, _ isChosen: (Execution) -> Bool
    ) -> [ExecutionRecord] {
        let old = executions.values.filter { execution in
            isChosen(execution) && execution.record.stoppedAt.map { $0 < time } ?? false
        }
        return page(old.map(\.record), nil, limit) { PageKey(time: $0.stoppedAt ?? time, arn: $0.arn) }
    }

    func count(_ records: CountedRecords, limit: Int) -> Int {
        let count =
            switch records {
            case .stateMachines(let account, let region):
                stateMachines(account: account, region: region, after: nil, limit: limit).count
            case .activities(let account, let region):
                activities(account: account, region: region, after: nil, limit: limit).count
            case .runningExecutions(let account, let region):
                executions(
                    account: account, region: region, stateMachineArn: nil, status: .running, isRedriven: nil,
                    after: nil, limit: limit
                ).count
            case .versions(let arn): machines[arn]?.versions.count ?? 0
            case .aliases(let arn): machines[arn]?.aliases.count ?? 0
            }
        return min(count, limit)
    }

    // MARK: Recovery

    func runnableExecutions(after arn: String?, limit: Int) -> [String] {
        let arns = executions.values.filter { $0.record.isRunnable && (arn ?? "").precedes($0.record.arn) }
        return Array(arns.map(\.record.arn).sorted { $0.precedes($1) }.prefix(limit))
    }

    func commands(after key: (executionArn: String, commandID: String)?, limit: Int) -> [CommandRecord] {
        func isBefore(_ a: (String, String), _ b: (String, String)) -> Bool {
            a.0 == b.0 ? a.1.precedes(b.1) : a.0.precedes(b.0)
        }
        let commands = executions.values.flatMap(\.commands.values).filter { command in
            key.map { isBefore(($0.executionArn, $0.commandID), (command.executionArn, command.commandID)) } ?? true
        }
        return Array(
            commands.sorted { isBefore(($0.executionArn, $0.commandID), ($1.executionArn, $1.commandID)) }.prefix(limit))
    }

    func timers(limit: Int) -> [TimerRecord] {
        func isBefore(_ a: TimerRecord, _ b: TimerRecord) -> Bool {
            if a.dueAt != b.dueAt { return a.dueAt < b.dueAt }
            return a.executionArn == b.executionArn
                ? a.timerID.precedes(b.timerID) : a.executionArn.precedes(b.executionArn)
        }
        let timers = executions.flatMap { arn, execution in
            execution.timers.map { TimerRecord(executionArn: arn, timerID: $0.key, dueAt: $0.value) }
        }
        return Array(timers.sorted(by: isBefore).prefix(limit))
    }

    // MARK: For checkers

    /// Whether no execution runs, no map run is open and the outbox is empty.
    var isEverythingOver: Bool {
        executions.values.allSatisfy { $0.record.status != .running && $0.commands.isEmpty }
            && mapRuns.values.allSatisfy { !$0.isOpen }
    }

    var allExecutions: [ExecutionRecord] {
        executions.values.map(\.record).sorted { $0.arn.precedes($1.arn) }
    }
    func frameCount(_ arn: String) -> Int { executions[arn]?.frames.count ?? 0 }

    /// Elements by (time, ARN), those behind `after`.
    func page<T>(_ all: [T], _ after: PageKey?, _ limit: Int, _ key: (T) -> PageKey) -> [T] {
        let behind = all.filter { element in after.map { key(element).isAfter($0) } ?? true }
        return Array(behind.sorted { key($1).isAfter(key($0)) }.prefix(limit))
    }
}

extension PageKey {
    func isAfter(_ other: PageKey) -> Bool {
        time == other.time ? other.arn.precedes(arn) : time > other.time
    }
}

extension String {
    func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
