#if canImport(Glibc)
import Glibc
#else
import Musl
#endif
import JSONModel
import QueryEngine

/// Sends progress to the engine that runs the job: one JSON line per Unix datagram. Reports that cannot be sent are
/// lost, as later ones carry totals.
final class ReportSocket: Sendable {
    private let descriptor: Int32
    private let path: String
    private let jobID: String
    private let attempt: Int

    init(path: String, jobID: String, attempt: Int) {
        self.path = path
        self.jobID = jobID
        self.attempt = attempt
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func send(_ progress: QueryProgress, message: String? = nil) {
        var report: JSONObject = [
            "jobId": .string(jobID), "attempt": .number(attempt), "rowsRead": .number(progress.rowsRead),
            "rowsWritten": .number(progress.rowsWritten), "bytesRead": .number(progress.bytesRead),
            "bytesWritten": .number(progress.bytesWritten), "stage": .string(progress.stage),
            "tasksDone": .number(progress.tasksDone), "tasks": .number(progress.tasks),
        ]
        if let message { report["message"] = .string(message) }
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let line = JSONValue.object(report).bytes + [10]
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = sendto(descriptor, line, line.count, 0, target, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
