import AWSProtocol
import AWSServer
import Logging
import NIOCore
import NIOEmbedded
import ServiceKit
import Synchronization
import Testing

/// Runs `body` as the client of a connection whose requests are answered with what they were; `/refused` is answered
/// without its body being read.
func connection(_ body: @escaping @Sendable (TestClient) async throws -> Void) async throws {
    let listener = HTTPListener(
        host: "", port: 0, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onListening: { _ in }
    ) { request in
        if request.rawPath == "/refused" { return HTTPAnswer(status: 403, body: .bytes(ByteBuffer(string: "no"))) }
        var count = 0
        do {
            for try await chunk in request.body { count += chunk.readableBytes }
        } catch let error as AWSError {
            return HTTPAnswer(status: error.httpStatus, body: .bytes(ByteBuffer(string: error.code)))
        } catch {
            return HTTPAnswer(status: 500)
        }
        return HTTPAnswer(status: 200, body: .bytes(ByteBuffer(string: "\(request.method) \(request.rawPath): \(count) bytes")))
    }
    let socket = Socket()
    let channel = await NIOAsyncTestingChannel(handler: socket)
    try await channel.connect(to: SocketAddress(unixDomainSocketPath: "test")).get()
    let answerRequests = try await listener.accept(channel)
    let client = TestClient(channel: channel, socket: socket)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await answerRequests() }
        do { try await body(client) } catch {
            channel.close(promise: nil)
            throw error
        }
        channel.close(promise: nil)
    }
}

/// The answer to one request, equal to another with the same status and body.
struct Answer: Equatable, Sendable {
    var status: Int
    var fields: [String: String] = [:]
    var body: String

    init(_ status: Int, _ body: String, fields: [String: String] = [:]) {
        self.status = status
        self.body = body
        self.fields = fields
    }

    static func == (a: Answer, b: Answer) -> Bool { a.status == b.status && a.body == b.body }
}

/// The other end of a connection without a socket.
final class TestClient: Sendable {
    private let channel: NIOAsyncTestingChannel
    private let socket: Socket
    /// Bytes that have come and belong to no answer yet.
    private let received = Mutex(ByteBuffer())

    fileprivate init(channel: NIOAsyncTestingChannel, socket: Socket) {
        self.channel = channel
        self.socket = socket
    }

    var isClosed: Bool { !channel.isActive }

    func send(_ bytes: String) async throws {
        try await channel.testingEventLoop.executeInContext {
            self.channel.pipeline.syncOperations.fireChannelRead(NIOAny(ByteBuffer(string: bytes)))
            self.channel.pipeline.syncOperations.fireChannelReadComplete()
            // A socket reads on by itself.
            self.channel.read()
        }
    }

    /// Closes the client's side.
    func endInput() async throws {
        try await channel.testingEventLoop.executeInContext {
            self.channel.pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    /// The next answer, once it is there whole.
    func answer() async throws -> Answer {
        while true {
            if let answer = received.withLock({ Self.takeAnswer(from: &$0) }) { return answer }
            var more = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
            received.withLock { _ = $0.writeBuffer(&more) }
        }
    }

    /// The next answer, where it takes time that the server begins to count at some moment.
    func answer(asSecondsPass seconds: Int64) async throws -> Answer? {
        for _ in 0..<1000 {
            if var more = try await channel.readOutbound(as: ByteBuffer.self) {
                received.withLock { _ = $0.writeBuffer(&more) }
            }
            if let answer = received.withLock({ Self.takeAnswer(from: &$0) }) { return answer }
            try await passes(seconds: seconds)
            await Task.yield()
        }
        return nil
    }

    func passes(seconds: Int64) async throws { await channel.testingEventLoop.advanceTime(by: .seconds(seconds)) }

    /// Waits until the server has closed its side, as after its last answer.
    func expectsClosedOutput() async throws {
        while !socket.isOutputClosed, !isClosed {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Whether the server closes the connection of a client that does nothing for so long.
    func closes(withinSeconds seconds: Int) async throws -> Bool {
        for _ in 0..<seconds where !isClosed { try await passes(seconds: 1) }
        return isClosed
    }

    private static func takeAnswer(from buffer: inout ByteBuffer) -> Answer? {
        let text = String(buffer: buffer)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ": ", maxSplits: 1)
            fields[parts[0].lowercased()] = String(parts[parts.count - 1])
        }
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        let head = text[..<end.upperBound].utf8.count
        guard let body = buffer.getString(at: buffer.readerIndex + head, length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: head + length)
        return Answer(lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0, body, fields: fields)
    }
}

/// The end of the pipeline that a socket has. A testing channel knows no halves: closing its output would close it.
private final class Socket: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ByteBuffer
    private let closed = Atomic(false)

    var isOutputClosed: Bool { closed.load(ordering: .acquiring) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        closed.store(true, ordering: .releasing)
        promise?.succeed()
    }
}
