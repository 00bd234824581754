package import StateStore
import StatesLanguage
import StatesRuntime
package import Support

// Redrives: executions that go on after an end without success.
extension WorkflowEngine {
    /// - Source: Step Functions, RedriveExecution.
    private static let redrivablePeriod: Int64 = 14 * 86_400_000
    private static let executionTimeMax: Int64 = 365 * 86_400_000
    private static let tokenLife: Int64 = 15 * 60_000
    private static let tokensMax = 10

    /// Lets an execution that ended without success go on where it stopped; returns when that is durable.
    ///
    /// Repeating a call with its token gives the first answer again, for 15 minutes and the last ten tokens.
    /// - Returns: when the execution was redriven.
    /// - Throws: `WorkflowEngineError.executionDoesNotExist`, `.executionNotRedrivable`, `.quotaExceeded`.
    package func redriveExecution(arn: String, clientToken: String?) async throws -> Timestamp {
        while true {
            let record = try await execution(arn: arn)
            let now = clock.now()
            if let clientToken,
                let known = record.redrives.tokens.last(where: { $0.token == clientToken }),
                now.milliseconds(since: known.usedAt) < Self.tokenLife
            {
                return known.usedAt
            }
            let childRefusal = "Execution is a child of a Map Run and cannot be redriven by itself"
            if let reason = record.mapRun == nil ? try await redriveRefusal(record) : childRefusal {
                throw WorkflowEngineError.executionNotRedrivable(reason: reason)
            }
            try await checkOpenExecutions(of: record.stateMachine)
            var redrives = record.redrives
            redrives.count += 1
            redrives.date = now
            if let clientToken {
                redrives.tokens = redrives.tokens.suffix(Self.tokensMax - 1) + [.init(token: clientToken, usedAt: now)]
            }
            do {
                try await store.redriveExecution(arn: arn, revision: record.revision, redrives: redrives)
            } catch WorkflowStoreError.staleRevision {
                try Task.checkCancellation()
                continue
            }
            resume(arn)
            return now
        }
    }

    /// Why an execution cannot be redriven, in the service's words; nil if it can: by a call, or, as a child of a map
    /// run, by a redrive of that.
    package func redriveRefusal(_ record: ExecutionRecord) async throws -> String? {
        // A child's machine is its parent's, with a label behind it.
        let machineArn = record.stateMachine.arn.split(separator: "/").first.map(String.init) ?? ""
        if record.status.isFailure, try await store.stateMachine(arn: machineArn)?.status != .active {
            return "State machine is in DELETING status"
        }
        return redriveObstacle(record)
    }

    /// What in an execution itself is against a redrive.
    func redriveObstacle(_ record: ExecutionRecord) -> String? {
        guard record.status.isFailure else { return "Execution is \(record.status.rawValue) and cannot be redriven" }
        // An EXPRESS child is started anew.
        if record.stateMachine.type == StateMachineType.express.rawValue { return nil }
        let now = clock.now()
        if let stoppedAt = record.stoppedAt, now.milliseconds(since: stoppedAt) > Self.redrivablePeriod {
            return "Execution redrivable period exceeded"
        }
        if now.milliseconds(since: record.startedAt) > Self.executionTimeMax {
            return "Execution has exceeded the max execution time"
        }
        // The redrive's own event and one more must fit.
        if record.lastEventID > limits(of: record.stateMachine).historyEventsMax - 2 {
            return "Execution history event limit exceeded"
        }
        return record.redrives.isPrepared ? nil : "Execution was started before the launch of RedriveExecution"
    }

    /// Forgets what no redrive can need any more, in small batches.
    func forgetPastRedrives(batch: Int) async throws {
        let time = clock.now().adding(milliseconds: -Self.redrivablePeriod)
        while try await store.forgetRedrives(stoppedBefore: time, limit: batch) > 0 { try Task.checkCancellation() }
    }
}
