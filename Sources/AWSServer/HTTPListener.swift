package import AWSProtocol
import HTTPTypes
import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTPTypes
import NIOPosix
package import ServiceKit
import ServiceLifecycle
package import Support
import Synchronization

/// One listening port. Answers HTTP/1.1 with keep-alive, reads bodies as the responder asks for them, and stops
/// accepting when its task is cancelled or shut down gracefully.
package struct HTTPListener: Service {
    package typealias Responder = @Sendable (IncomingRequest) async -> HTTPAnswer

    /// When a client is too slow. In seconds.
    package struct Deadlines: Sendable {
        /// For the head of a request, from the opening of the connection or the end of the answer before.
        package var idle: Int
        /// For 4 KiB of a request's body, and for a piece of an answer to be taken.
        package var stall: Int

        package init(idle: Int = 120, stall: Int = 60) {
            self.idle = idle
            self.stall = stall
        }
    }

    /// Bytes of a request's line and fields.
    static let headBytesMax = 80 * 1024
    /// Bytes of an answer that are handed to the socket at once.
    fileprivate static let pieceBytes = 128 * 1024

    private let host: String
    private let port: Int
    private let deadlines: Deadlines
    private let logger: Logger
    private let certificate: ServerCertificate?
    private let isSecure: Bool
    private let date: AnswerDate
    private let memory = FreedMemory()
    private let respond: Responder
    private let onListening: @Sendable (_ port: Int) async -> Void

    /// - Parameters:
    ///   - port: 0 takes a free one; `onListening` tells which.
    ///   - certificate: for HTTPS; nil for HTTP.
    ///   - isSecure: what requests without TLS count as, for a way to the server that nobody else can listen to.
    ///   - respond: called by many tasks at once.
    package init(
        host: String, port: Int, certificate: ServerCertificate? = nil, isSecure: Bool = false,
        deadlines: Deadlines = Deadlines(), clock: any WallClock = SystemWallClock(), logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) async -> Void, respond: @escaping Responder
    ) {
        self.deadlines = deadlines
        date = AnswerDate(clock: clock)
        self.host = host
        self.port = port
        self.certificate = certificate
        self.isSecure = isSecure || certificate != nil
        self.logger = logger
        self.onListening = onListening
        self.respond = respond
    }

    package func run() async throws {
        let builder = HTTPServerBuilder { [deadlines, memory, certificate] responder in
            let plain = Self.connections(deadlines, memory, responder)
            if let certificate { return TLSChannel(base: plain, certificate: certificate) }
            return plain
        }
        let server = try builder.buildServer(
            configuration: .init(address: .hostname(host, port: port), serverName: nil, backlog: 1024),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: logger,
            responder: responder,
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? 0) })
        try await server.run()
    }

    /// Makes `channel` a connection without TLS. What it returns answers the requests on it, until it is closed.
    package func accept(_ channel: any Channel) async throws -> @Sendable () async -> Void {
        let connections = Self.connections(deadlines, memory, responder)
        let connection = try await channel.eventLoop.flatSubmit { [logger] in
            connections.setup(channel: channel, logger: logger)
        }.get()
        return { [logger] in await connections.handle(value: connection, logger: logger) }
    }

    private static func connections(
        _ deadlines: Deadlines, _ memory: FreedMemory, _ responder: @escaping HTTPChannelHandler.Responder
    ) -> LoopChannel<HTTP1Channel> {
        let pace = SlowClientHandler.Pace(window: .seconds(Int64(deadlines.stall)))
        return LoopChannel(
            base: HTTP1Channel(
                responder: responder,
                configuration: .init(
                    additionalChannelHandlers: [
                        LingerHandler(), MalformedRequestHandler(), ContinueHandler(), SlowClientHandler(pace: pace),
                        HangUpHandler(),
                    ],
                    idleTimeout: .seconds(Int64(deadlines.idle)),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: headBytesMax, maxHeaderListSize: headBytesMax))),
            memory: memory)
    }

    private var responder: HTTPChannelHandler.Responder {
        { [respond, isSecure, date] request, writer, channel in
            let incoming = IncomingRequest(request, channel, isSecure: isSecure)
            // A task keeps the deepest stack that it has had, and the connection's own lasts as long as its client likes.
            async let answer = respond(incoming)
            let (head, body) = await answer.response(to: request.method, date: date.text, over: channel)
            try await writer.write(response: head, body: body)
        }
    }
}

extension IncomingRequest {
    fileprivate init(_ request: Request, _ channel: any Channel, isSecure: Bool) {
        var fields = AWSProtocol.HTTPFields(request.head.headerFields.map { ($0.name.canonicalName, $0.value) })
        if fields["host"] == nil, let authority = request.head.authority { fields["host"] = authority }
        let expects = request.head.headerFields[.expect] != nil
        let chunks = ChunkSource(request.body) {
            if expects { channel.triggerUserOutboundEvent(ContinueHandler.BodyIsWanted(), promise: nil) }
        }
        self.init(
            method: request.head.method.rawValue, target: request.head.path ?? "/", fields: fields,
            body: ServiceKit.RequestBody { try await chunks.next() })
        self.isSecure = isSecure
        clientAddress = channel.remoteAddress?.ipAddress
        client = ClientPresence { HangUpHandler.watch(channel, $0) }
    }
}

/// The present time as answers tell it, by which clients notice that their clock is wrong. Written once a second.
private final class AnswerDate: Sendable {
    private let clock: any WallClock
    private let last = Mutex((second: Int64.min, text: ""))

    init(clock: any WallClock) { self.clock = clock }

    var text: String {
        let now = clock.now()
        let second = now.millisecondsSince1970 / 1000
        return last.withLock { last in
            if last.second != second { last = (second, now.httpDate) }
            return last.text
        }
    }
}

/// Hands a body's iterator from call to call. One task reads a body.
private final class ChunkSource: @unchecked Sendable {
    // Unchecked: `RequestBody` is read by one task at a time, so the iterator is never touched by two.
    private var iterator: HummingbirdCore.RequestBody.AsyncIterator
    private var onFirst: (@Sendable () -> Void)?

    init(_ body: HummingbirdCore.RequestBody, onFirst: @escaping @Sendable () -> Void) {
        iterator = body.makeAsyncIterator()
        self.onFirst = onFirst
    }

    /// - Throws: `AWSError`: whatever else keeps a body from arriving is the client's doing.
    func next() async throws -> ByteBuffer? {
        onFirst?()
        onFirst = nil
        do {
            return try await iterator.next()
        } catch let error as AWSError {
            throw error
        } catch {
            throw AWSError("IncompleteBody", "The request body terminated unexpectedly.")
        }
    }
}

/// Writes a body's chunks, each only when the one before has been taken by the socket. Hummingbird's own writer
/// returns before the event loop has seen a chunk, so that a fast producer runs megabytes ahead of a slow client.
private struct FlushedWriter: Sendable {
    let channel: any Channel

    /// - Throws: when the connection is lost, or closed because the task was cancelled.
    func write(_ chunk: ByteBuffer) async throws {
        try await withTaskCancellationHandler {
            try await channel.writeAndFlush(HTTPResponsePart.body(chunk)).get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}

extension HTTPAnswer {
    fileprivate func response(
        to method: HTTPRequest.Method, date: String, over channel: any Channel
    ) -> (HTTPResponse, ResponseBody) {
        var head = HTTPResponse(status: .init(code: status), headerFields: [.date: date])
        for entry in fields.entries {
            guard let name = HTTPField.Name(entry.name) else { continue }
            head.headerFields.append(HTTPField(name: name, value: entry.value))
        }
        let body: ResponseBody
        var length: Int? = 0
        switch self.body {
        case .empty:
            body = ResponseBody()
            if status == 204 || status == 304 || (100..<200).contains(status) { length = nil }
        case .bytes(let bytes) where bytes.readableBytes <= HTTPListener.pieceBytes:
            body = ResponseBody(byteBuffer: bytes)
            length = bytes.readableBytes
        case .bytes(let bytes):
            length = bytes.readableBytes
            body = Self.streamed(bytes.readableBytes, over: channel) { write in
                var rest = bytes
                while let piece = rest.readSlice(length: min(rest.readableBytes, HTTPListener.pieceBytes)),
                    piece.readableBytes > 0
                {
                    try await write(piece)
                }
            }
        case .stream(let count, let produce):
            length = count
            body = Self.streamed(count, over: channel, produce)
        }
        if let length, head.headerFields[.contentLength] == nil {
            head.headerFields[.contentLength] = String(length)
        }
        return (head, method == .head ? ResponseBody() : body)
    }

    private static func streamed(
        _ length: Int, over channel: any Channel,
        _ produce: @escaping @Sendable (_ write: (ByteBuffer) async throws -> Void) async throws -> Void
    ) -> ResponseBody {
        ResponseBody(contentLength: length) { writer in
            let flushed = FlushedWriter(channel: channel)
            try await produce { try await flushed.write($0) }
            try await writer.finish(nil)
        }
    }
}
