import BatchScheduling
import StateStore
import Support

/// What one batch of work amounts to, until it is durable.
struct EngineStep: Sendable {
    let now: Timestamp
    var created: [String: JobRecord] = [:]
    var changes = JobChanges()
    var commands: [SchedulerCommand] = []
    var resources: [BatchResourceRow] = []
    var deletedResources: [BatchResourceRow] = []
    /// Called once the step is durable.
    var answers: [@Sendable () -> Void] = []
    private var newCommands: [(id: String, jobID: String)] = []
    private var changedIDs: [String] = []

    init(now: Timestamp) { self.now = now }

    mutating func apply(_ event: SchedulerEvent, to scheduler: inout BatchScheduler) {
        scheduler.apply(event, at: now, changes: &changes, commands: &commands)
        for job in changes.jobs where created[job.id] != nil { created[job.id]?.state = job.state }
    }

    mutating func commands(_ id: String, make jobID: String) { newCommands.append((id, jobID)) }

    /// The job that a command has made in this step.
    func newOwner(of command: String) -> String? { newCommands.first { $0.id == command }?.jobID }

    /// Brings `records` up to date and says what has to become durable.
    mutating func commit(records: inout [String: JobRecord]) -> BatchCommit {
        var commit = BatchCommit()
        for job in changes.jobs {
            guard var record = records[job.id] ?? created[job.id] else { continue }
            record.state = job.state
            record.environmentName = job.environment?.name ?? record.environmentName
            records[job.id] = record
            changedIDs.append(job.id)
            commit.jobs.append(record.row)
        }
        commit.commands = newCommands
        commit.putResources = resources
        commit.deletedResources = deletedResources
        return commit
    }

    func changed(_ records: [String: JobRecord]) -> [JobRecord] { changedIDs.compactMap { records[$0] } }
}
