/// What an attempt occupies while it runs, and what a machine or a compute environment has.
package struct ResourceDemand: Sendable, Hashable {
    /// Thousandths of a virtual CPU.
    package var milliCPUs: Int
    package var memoryMiB: Int

    package init(milliCPUs: Int, memoryMiB: Int) {
        self.milliCPUs = milliCPUs
        self.memoryMiB = memoryMiB
    }

    package func fits(in other: ResourceDemand) -> Bool {
        milliCPUs <= other.milliCPUs && memoryMiB <= other.memoryMiB
    }

    package func clamped(to limit: ResourceDemand) -> ResourceDemand {
        ResourceDemand(
            milliCPUs: min(milliCPUs, limit.milliCPUs), memoryMiB: min(memoryMiB, limit.memoryMiB))
    }

    /// Saturating, so that no sum of requests traps.
    package static func + (a: ResourceDemand, b: ResourceDemand) -> ResourceDemand {
        ResourceDemand(
            milliCPUs: saturated(a.milliCPUs.addingReportingOverflow(b.milliCPUs)),
            memoryMiB: saturated(a.memoryMiB.addingReportingOverflow(b.memoryMiB)))
    }

    /// Not below zero.
    package static func - (a: ResourceDemand, b: ResourceDemand) -> ResourceDemand {
        ResourceDemand(
            milliCPUs: max(0, a.milliCPUs - max(0, b.milliCPUs)), memoryMiB: max(0, a.memoryMiB - max(0, b.memoryMiB)))
    }

    private static func saturated(_ sum: (partialValue: Int, overflow: Bool)) -> Int {
        sum.overflow ? .max : sum.partialValue
    }
}

/// A job that must succeed first.
package struct JobDependency: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// The named job, all of its children included.
        case whole = ""
        /// Each child of this array job waits for the one before it; no job is named.
        case sequential = "SEQUENTIAL"
        /// Child N waits for child N of the named array job, which has the same size.
        case nToN = "N_TO_N"
    }

    /// Empty for `sequential`.
    package var jobID: String
    package var kind: Kind

    package init(jobID: String, kind: Kind = .whole) {
        self.jobID = jobID
        self.kind = kind
    }
}
