/// Executions that have begun to run or ended, for those outside who are to be told.
package struct StatusChange: Sendable, Hashable {
    /// Rises from change to change and is never given again.
    package var number: Int64
    package var executionArn: String
    package var status: ExecutionRecord.Status
}

/// Remembers, in the transaction that makes it, each change of an execution's status until somebody has passed it on.
package protocol StatusChangeStore: Sendable {
    /// From now on changes are remembered, for as long as the store is open; nobody needs to know of earlier ones.
    func recordStatusChanges() async throws

    /// The oldest changes, in their order.
    func statusChanges(limit: Int) async throws -> [StatusChange]

    /// Forgets changes up to a number.
    func removeStatusChanges(through number: Int64) async throws

    /// Forgets the oldest changes beyond `count`.
    /// - Returns: how many went.
    func trimStatusChanges(to count: Int64) async throws -> Int
}
