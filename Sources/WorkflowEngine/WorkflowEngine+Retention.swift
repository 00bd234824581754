import Logging
import StateStore
import Support

// What goes with time: closed executions, definitions that nobody has, and before them what only redrives would need.
extension WorkflowEngine {
    private static let retentionInterval = Duration.seconds(600)
    private static let removalsMax = 50

    /// Looks for what has expired, now and then, until cancelled.
    func watchRetention() async {
        while (try? await clock.sleep(for: Self.retentionInterval)) != nil {
            do {
                try await removeExpired()
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "Expired executions could not be removed; the next attempt follows.", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Removes closed executions that are older than the configuration allows, and what past redrives would have
    /// needed: in small batches, so that others' writes get in between.
    package func removeExpired() async throws {
        let time = clock.now().adding(milliseconds: -configuration.retentionDays * 86_400_000)
        while try await store.removeExecutions(stoppedBefore: time, limit: Self.removalsMax) > 0 {
            try Task.checkCancellation()
        }
        while try await store.removeUnusedDefinitions(limit: Self.removalsMax) > 0 { try Task.checkCancellation() }
        try await forgetPastRedrives(batch: Self.removalsMax)
    }
}
