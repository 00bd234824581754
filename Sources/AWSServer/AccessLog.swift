import AWSProtocol
import JSONModel
import NIOCore
import ServiceKit
package import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// One line of JSON for each request that has been answered, in the order of the answers.
///
/// Lines are written in batches on a thread of their own: no request waits for the disk. A file that has been moved away
/// is made anew, as log rotation wants it.
package final class AccessLog: Sendable {
    /// Bytes that wait for the disk at most; lines beyond are dropped, and counted in the next one that is not.
    private static let waitingMax = 8 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isWriting = false
    }

    private let path: String
    private let thread = BlockingExecutor(name: "access-log", threads: 1)
    private let state = Mutex(State())

    /// - Throws: when the file cannot be opened for appending.
    package init(path: String) throws {
        self.path = path
        close(try Self.open(path))
    }

    deinit { thread.stop() }

    func record(_ request: IncomingRequest, _ answer: HTTPAnswer, _ context: CallContext, milliseconds: Int64) {
        var line: JSONObject = [
            "time": .string(context.receivedAt.iso8601), "request": .string(context.requestID),
            "method": .string(request.method), "path": .string(request.rawPath),
        ]
        line["query"] = request.rawQuery.map { .string(Self.withoutSecrets($0)) }
        line["target"] = request.fields["x-amz-target"].map { .string($0) }
        line["status"] = .number(JSONNumber(answer.status))
        line["bytes"] = .number(JSONNumber(answer.length))
        line["ms"] = .number(JSONNumber(Int(clamping: milliseconds)))
        line["from"] = request.clientAddress.map { .string($0) }
        line["key"] = context.accessKeyID.map { .string($0) }
        line["agent"] = request.fields["user-agent"].map { .string($0) }
        append(line)
    }

    /// A presigned query without what makes it a credential.
    private static func withoutSecrets(_ query: String) -> String {
        RawQuery(query).items.compactMap { item in
            let name = PercentEncoding.decodeText(item.name)?.lowercased() ?? item.name
            if ["x-amz-signature", "x-amz-security-token", "signature"].contains(name) { return nil }
            return item.value.isEmpty ? item.name : "\(item.name)=\(item.value)"
        }.joined(separator: "&")
    }

    private func append(_ line: JSONObject) {
        let mustWrite = state.withLock { state in
            guard state.waiting.count < Self.waitingMax else {
                state.dropped += 1
                return false
            }
            var line = line
            if state.dropped > 0 { line["droppedBefore"] = .number(JSONNumber(state.dropped)) }
            state.dropped = 0
            state.waiting += JSONValue.object(line).bytes
            state.waiting.append(UInt8(ascii: "\n"))
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if mustWrite { thread.submit { self.drain() } }
    }

    private func drain() {
        while true {
            let bytes = state.withLock { state in
                defer { state.waiting = [] }
                if state.waiting.isEmpty { state.isWriting = false }
                return state.waiting
            }
            if bytes.isEmpty { return }
            // A log that cannot be written is no reason to refuse requests.
            guard let descriptor = try? Self.open(path) else { continue }
            defer { close(descriptor) }
            bytes.withUnsafeBytes { rest in
                var rest = rest
                while !rest.isEmpty {
                    let count = write(descriptor, rest.baseAddress, rest.count)
                    if count < 0, errno == EINTR { continue }
                    if count <= 0 { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                }
            }
        }
    }

    private static func open(_ path: String) throws -> Int32 {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw AccessLogError(description: String(cString: strerror(errno))) }
        return descriptor
    }
}

/// Why the log cannot be opened.
package struct AccessLogError: Error, CustomStringConvertible {
    package let description: String
}

extension HTTPAnswer {
    /// Bytes of the body.
    fileprivate var length: Int {
        switch body {
        case .empty: 0
        case .bytes(let bytes): bytes.readableBytes
        case .stream(let length, _): length
        }
    }
}
