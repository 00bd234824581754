#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Processes as `/proc` shows them.
enum SystemProcesses {
    struct Seen: Hashable {
        var pid: Int32
        var session: Int32
        var startTicks: UInt64
        var isZombie: Bool
    }

    static func bootID() -> String? {
        guard let bytes = try? readFile("/proc/sys/kernel/random/boot_id")  // nil: not known, compared as unequal
        else { return nil }
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }

    static func process(_ pid: Int32) -> Seen? {
        guard let bytes = try? readFile("/proc/\(pid)/stat"),  // nil: it has ended
            let parenthesis = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // state ppid pgrp session … ; the start time is the twentieth
        let fields = bytes[(parenthesis + 1)...].split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        guard fields.count > 19, let session = Int32(fields[3]), let ticks = UInt64(fields[19]) else { return nil }
        return Seen(pid: pid, session: session, startTicks: ticks, isZombie: fields[0] == "Z" || fields[0] == "X")
    }

    static func all() -> [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int32(name) { numbers.append(number) }
        }
        return numbers
    }

    /// The living processes of an attempt whose shim is dead: those with its mark in their environment, and those of
    /// its session.
    static func remains(of directory: AttemptDirectory, _ start: AttemptStart) -> [Seen] {
        guard start.bootID == bootID() else { return [] }
        // A session's number is not given to a new process while the session has members; a leader that began at
        // another time means that all of ours are gone.
        let leader = process(start.jobPID)
        let sessionIsOurs = leader.map { $0.startTicks == start.jobStartTicks } ?? true
        let marker = Array(directory.marker.utf8)
        return all().compactMap { pid in
            guard pid != getpid(), let seen = process(pid), !seen.isZombie else { return nil }
            if sessionIsOurs, seen.session == start.jobPID, seen.startTicks >= start.jobStartTicks { return seen }
            let environment = try? readFile("/proc/\(pid)/environ")  // nil: not ours to read, so not ours
            return (environment ?? []).split(separator: 0).contains { $0.elementsEqual(marker) } ? seen : nil
        }
    }

    static func kill(_ seen: Seen) {
        if process(seen.pid)?.startTicks == seen.startTicks { _ = Glibc.kill(seen.pid, SIGKILL) }
    }
}
