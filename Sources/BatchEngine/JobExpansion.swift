import BatchScheduling
import Support

/// The records that a submission makes: one, or for an array job the parent and then its children by index.
struct JobExpansion {
    private(set) var records: [JobRecord]
    private let id: String

    init(_ submission: JobSubmission, id: String, sequence: Int64, now: Timestamp) {
        self.id = id
        let state = JobState(status: .submitted, createdAt: now)
        var first = JobRecord(id: id, sequence: sequence, submission: submission, state: state)
        first.resolvedDependencies = submission.dependencies.filter { $0.kind == .whole }.map(\.jobID)
        guard let size = submission.arraySize else {
            records = [first]
            return
        }
        // The children wait; the parent follows them.
        let inherited = first.resolvedDependencies
        first.resolvedDependencies = []
        records = [first]
        records.reserveCapacity(size + 1)
        var childSubmission = submission
        childSubmission.arraySize = nil
        childSubmission.commandID = nil
        childSubmission.dependencies = []
        // Children of one array must not take each other's commits for their own.
        childSubmission.commitScope = submission.commitScope ?? first.commitScope
        for index in 0..<size {
            var child = JobRecord(
                id: "\(id):\(index)", sequence: sequence + 1 + Int64(index), submission: childSubmission, state: state)
            child.arrayParent = id
            child.arrayIndex = index
            child.resolvedDependencies = inherited
            for dependency in submission.dependencies {
                switch dependency.kind {
                case .whole: break
                case .sequential: if index > 0 { child.resolvedDependencies.append("\(id):\(index - 1)") }
                case .nToN: child.resolvedDependencies.append("\(dependency.jobID):\(index)")
                }
            }
            records.append(child)
        }
    }

    func contains(_ id: String) -> Bool { id == self.id || id.hasPrefix(self.id + ":") }
}
