package import StateStore
package import StatesRuntime
package import Support
import Synchronization

extension WorkflowEngine {
    /// - Throws: `WorkflowEngineError.executionDoesNotExist`.
    package func execution(arn: String) async throws -> ExecutionRecord {
        guard let record = try await store.execution(arn: arn) else {
            throw WorkflowEngineError.executionDoesNotExist(arn: arn)
        }
        return record
    }

    /// Ends a running execution as aborted; one that is over stays as it is.
    ///
    /// - Returns: the record with its stop time.
    package func stopExecution(arn: String, error: String?, cause: String?) async throws -> ExecutionRecord {
        let record = try await execution(arn: arn)
        guard record.status == .running else { return record }
        try await postAndWait(.stopRequested(error: error, cause: cause), to: arn)
        return try await execution(arn: arn)
    }

    /// Waits until an execution is over.
    package func waitForEnd(executionARN: String) async throws -> ExecutionRecord {
        while true {
            let steps = feed.steps(of: executionARN)
            let record = try await execution(arn: executionARN)
            if record.status != .running { return record }
            for await _ in steps { break }
            try Task.checkCancellation()
        }
    }

    /// Waits until an execution has made its first step, or until `limit` is over.
    package func waitForFirstStep(executionARN: String, limit: Duration) async throws {
        let steps = feed.steps(of: executionARN)
        guard try await execution(arn: executionARN).lastEventID == 0 else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in steps { break } }
            group.addTask { try? await self.clock.sleep(for: limit) }  // Either end will do.
            await group.next()
            group.cancelAll()
        }
    }

    package func executions(
        account: String, region: String, stateMachineArn: String?, status: ExecutionRecord.Status?,
        isRedriven: Bool? = nil, after: PageKey?, limit: Int
    ) async throws -> [ExecutionSummary] {
        try await store.executions(
            account: account, region: region, stateMachineArn: stateMachineArn, status: status, isRedriven: isRedriven,
            after: after, limit: limit)
    }

    /// Events with ids in the range; `descending` gives the last ones of the range first.
    package func history(
        ofExecution arn: String, ids: ClosedRange<Int64> = 1...Int64.max, descending: Bool = false, limit: Int = .max
    ) async throws -> [HistoryEvent] {
        try await store.history(ofExecution: arn, ids: ids, descending: descending, limit: limit).map(\.event)
    }

    // MARK: - Reports by token

    /// - Throws: `WorkflowEngineError.taskDoesNotExist`.
    package func taskSucceeded(token: String, output: Payload) async throws {
        let command = try await command(token: token)
        try await postAndWait(.taskSucceeded(taskID: command.commandID, output: output), to: command.executionArn)
    }

    /// - Throws: `WorkflowEngineError.taskDoesNotExist`.
    package func taskFailed(token: String, error: String?, cause: String?) async throws {
        let command = try await command(token: token)
        try await postAndWait(
            .taskFailed(taskID: command.commandID, error: error, cause: cause), to: command.executionArn)
    }

    /// - Throws: `WorkflowEngineError.taskDoesNotExist`.
    package func taskHeartbeat(token: String) async throws {
        let command = try await command(token: token)
        try await postAndWait(.taskHeartbeat(taskID: command.commandID), to: command.executionArn)
    }

    private func command(token: String) async throws -> CommandRecord {
        guard let command = try await store.command(taskToken: token) else {
            throw WorkflowEngineError.taskDoesNotExist
        }
        return command
    }
}
