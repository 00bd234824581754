import JSONModel
package import Support

/// How an attempt ended: the contents of `exit.json`.
package struct AttemptExit: Sendable, Hashable {
    /// Of the attempt's first process; nil when a signal ended it, or it did not run, or that is not known.
    package var exitCode: Int?
    package var signal: Int?
    /// Why the program could not be executed.
    package var startFailure: StartFailure?
    /// It was asked to stop before it ended.
    package var stopRequested = false
    package var timedOut = false
    package var outOfMemory = false
    /// The shim died, with the machine or without: what the program did is not known.
    package var isLost = false
    package var startedAt: Timestamp?
    package var endedAt: Timestamp
    package var usage: ResourceUsage?
    /// Output was dropped.
    package var outputTruncated = false
    /// It was ended for a result of more bytes than it may have, or one that could not be kept.
    package var resultTooLarge = false

    package struct StartFailure: Sendable, Hashable {
        package var errno: Int32
        /// What failed, such as `exec` or `chdir`.
        package var stage: String

        package var text: String { "\(stage): \(errorText(errno))" }
    }

    package struct ResourceUsage: Sendable, Hashable {
        package var userMilliseconds: Int64
        package var systemMilliseconds: Int64
        /// Of the largest process.
        package var maxResidentKiB: Int64
        package var outputBytes: Int64
    }

    init(endedAt: Timestamp) { self.endedAt = endedAt }

    init?(json text: [UInt8]) {
        guard let value = try? JSONValue(parsing: text),  // nil covers every reason: the file is not ours
            let endedAt = value["endedAt"]?.int64
        else { return nil }
        self.endedAt = Timestamp(millisecondsSince1970: endedAt)
        exitCode = value["exitCode"]?.int64.map { Int(truncatingIfNeeded: $0) }
        signal = value["signal"]?.int64.map { Int(truncatingIfNeeded: $0) }
        if let number = value["execErrno"]?.int64, number != 0, let errno = Int32(exactly: number) {
            startFailure = StartFailure(errno: errno, stage: value["execStage"]?.string ?? "")
        }
        stopRequested = value["stopRequested"]?.bool ?? false
        timedOut = value["timedOut"]?.bool ?? false
        outOfMemory = value["outOfMemory"]?.bool ?? false
        isLost = value["lost"]?.bool ?? false
        startedAt = value["startedAt"]?.int64.map { Timestamp(millisecondsSince1970: $0) }
        if let user = value["userMilliseconds"]?.int64 {
            usage = ResourceUsage(
                userMilliseconds: user, systemMilliseconds: value["systemMilliseconds"]?.int64 ?? 0,
                maxResidentKiB: value["maxResidentKiB"]?.int64 ?? 0, outputBytes: value["outputBytes"]?.int64 ?? 0)
        }
        outputTruncated = value["outputTruncated"]?.bool ?? false
        resultTooLarge = value["resultTooLarge"]?.bool ?? false
    }

    /// What the runner itself writes for an attempt whose shim has died.
    static func lostRecord(startedAt: Timestamp?, endedAt: Timestamp) -> String {
        let value: JSONValue = [
            "format": 1, "exitCode": nil, "signal": nil, "lost": true,
            "startedAt": startedAt.map { .number($0.millisecondsSince1970) } ?? nil,
            "endedAt": .number(endedAt.millisecondsSince1970),
        ]
        return value.text + "\n"
    }
}

/// The contents of `started.json`.
struct AttemptStart {
    var bootID: String
    var jobPID: Int32
    var jobStartTicks: UInt64
    var startedAt: Timestamp

    init?(json text: [UInt8]) {
        guard let value = try? JSONValue(parsing: text),  // nil covers every reason: the file is not ours
            let bootID = value["bootId"]?.string, let pid = value["jobPid"]?.int64.flatMap({ Int32(exactly: $0) }),
            let ticks = value["jobStartTicks"]?.int64, let startedAt = value["startedAt"]?.int64, ticks >= 0
        else { return nil }
        self.bootID = bootID
        jobPID = pid
        jobStartTicks = UInt64(ticks)
        self.startedAt = Timestamp(millisecondsSince1970: startedAt)
    }
}
