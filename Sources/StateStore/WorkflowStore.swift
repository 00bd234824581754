package import Support

/// The durable records of the workflow engine.
///
/// Every call that writes returns after its changes are durable, and changes all it says or nothing. Calls see the
/// writes that have returned before them. Lists are stable: a page continues behind the key it is given, whatever was
/// added meanwhile.
///
/// Errors are `StateStoreError`, and `WorkflowStoreError` where a call says so.
package protocol WorkflowStore: MapRunStore {
    // MARK: State machines

    /// Stores a new machine. Returns the record that holds the ARN already, and changes nothing, if there is one.
    func createStateMachine(_ record: StateMachineRecord, tags: [(key: String, value: String)]) async throws
        -> StateMachineRecord?

    /// Replaces the record of the same ARN. False if there is none or it is being deleted.
    func updateStateMachine(_ record: StateMachineRecord) async throws -> Bool

    func stateMachine(arn: String) async throws -> StateMachineRecord?

    /// Machines by name; `arn` is the last one of the page before.
    func stateMachines(account: String, region: String, after arn: String?, limit: Int) async throws
        -> [StateMachineRecord]

    /// Removes the machine, or marks it as being deleted while executions of it run. Its executions stay.
    func deleteStateMachine(arn: String) async throws

    func tags(ofResource arn: String) async throws -> [(key: String, value: String)]
    /// Sets the tags of `set` and removes the keys of `remove`.
    func changeTags(ofResource arn: String, set: [(key: String, value: String)], remove: [String]) async throws

    // MARK: Versions and aliases

    /// Publishes the machine as it is. Gives the latest version where that has the machine's revision already; nil for a
    /// machine that is missing or being deleted. A number is never given twice.
    func publishVersion(ofMachine arn: String, description: String?, at time: Timestamp) async throws -> VersionRecord?
    func version(ofMachine arn: String, number: Int64) async throws -> VersionRecord?
    /// The versions below `number`, latest first.
    func versions(ofMachine arn: String, before number: Int64?, limit: Int) async throws -> [VersionRecord]
    /// Removes a version, if there is one, unless aliases route to it, which are returned.
    func deleteVersion(ofMachine arn: String, number: Int64) async throws -> [AliasRecord]
    /// Makes or replaces an alias; the time of creation stays.
    func setAlias(_ record: AliasRecord) async throws
    func alias(arn: String) async throws -> AliasRecord?
    /// Aliases by creation, oldest first; `after` is the last one of the page before.
    func aliases(ofMachine arn: String, after: PageKey?, limit: Int) async throws -> [AliasRecord]
    func deleteAlias(arn: String) async throws

    // MARK: Activities

    /// Stores a new activity. Returns the record that holds the ARN already, and changes nothing, if there is one.
    func createActivity(_ record: ActivityRecord, tags: [(key: String, value: String)]) async throws -> ActivityRecord?
    func activity(arn: String) async throws -> ActivityRecord?
    /// Activities by creation, oldest first; `after` is the last one of the page before.
    func activities(account: String, region: String, after: PageKey?, limit: Int) async throws -> [ActivityRecord]
    /// Removes the activity and its tags, if there is one.
    func deleteActivity(arn: String) async throws

    // MARK: Executions

    /// Stores a new execution. Returns the record that holds the ARN already, and changes nothing, if there is one.
    func startExecution(_ new: NewExecution) async throws -> ExecutionRecord?

    func execution(arn: String) async throws -> ExecutionRecord?

    /// Executions by start, newest first. `stateMachineArn` nil means all of the account and region.
    func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?, isRedriven: Bool?,
        after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary]

    /// Events with ids in the range, ascending; `descending` gives the last ones of the range first. At most `limit`.
    func history(ofExecution arn: String, ids: ClosedRange<Int64>, descending: Bool, limit: Int) async throws
        -> [HistoryRecord]

    /// The record and the frames as the last committed step left them.
    func loadExecution(arn: String) async throws -> (record: ExecutionRecord, frames: [FrameRecord])?

    /// Makes a step durable.
    /// - Throws: `WorkflowStoreError.staleRevision` if another step was committed since `step.revision`.
    func commit(_ step: ExecutionStep) async throws

    /// Lets an execution go on that ended without success: it is running and runnable again, without end and result, and
    /// has `redrives`. Its frames are as the last step left them.
    /// - Throws: `WorkflowStoreError.staleRevision` if it is not at `revision`, or is running.
    func redriveExecution(arn: String, revision: Int64, redrives: ExecutionRecord.Redrives) async throws

    /// Removes what redrives would need of executions that stopped before `time`, of at most `limit`.
    /// - Returns: of how many.
    func forgetRedrives(stoppedBefore time: Timestamp, limit: Int) async throws -> Int

    /// Records how far a command has come, outside a step. Does nothing for a command that is not there.
    func setProgress(
        _ progress: CommandRecord.Progress, ofCommand commandID: String, executionArn: String) async throws

    /// The command that waits for a report with this token, unless it is cancelled.
    func command(taskToken: String) async throws -> CommandRecord?

    /// Forgets a command whose outcome concerns nobody any more.
    func removeCommand(_ commandID: String, executionArn: String) async throws

    /// Removes closed executions that stopped before `time`, with all that belongs to them, at most `limit`; as many
    /// logs of Express executions too.
    /// - Returns: how many were removed.
    func removeExecutions(stoppedBefore time: Timestamp, limit: Int) async throws -> Int

    /// Removes definitions that no machine, version or execution has any more, at most `limit`.
    /// - Returns: how many were removed.
    func removeUnusedDefinitions(limit: Int) async throws -> Int

    /// How many records there are, counted up to `limit`.
    func count(_ records: CountedRecords, limit: Int) async throws -> Int

    // MARK: Recovery

    /// Running executions whose `isRunnable` is set, in a lasting order; `after` is the last one of the page before.
    func runnableExecutions(after arn: String?, limit: Int) async throws -> [String]

    /// Commands of all executions, in a lasting order; `after` is the last one of the page before.
    func commands(after: (executionArn: String, commandID: String)?, limit: Int) async throws -> [CommandRecord]

    /// The timers that are due first, in the order of their times and then of the starts of their executions.
    func timers(limit: Int) async throws -> [TimerRecord]
}

/// A place in a list that is sorted by time and then by ARN.
package struct PageKey: Sendable, Hashable {
    package var time: Timestamp
    package var arn: String

    package init(time: Timestamp, arn: String) {
        self.time = time
        self.arn = arn
    }
}

/// Records that are only counted.
package enum CountedRecords: Sendable, Hashable {
    case stateMachines(account: String, region: String)
    case activities(account: String, region: String)
    case runningExecutions(account: String, region: String)
    case versions(machineArn: String)
    case aliases(machineArn: String)
}

package enum WorkflowStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The execution has moved on, or is gone, since the step was computed.
    case staleRevision(executionArn: String, expected: Int64)

    package var description: String {
        switch self {
        case .staleRevision(let arn, let expected): "The execution \(arn) is no longer at revision \(expected)."
        }
    }
}
