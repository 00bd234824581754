import AWSProtocol
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends connections whose client neither sends the body it has announced nor takes the answer it has asked for, so that
/// few clients cannot hold many requests open. Whoever does not send is told so first. Connections without a whole
/// request head are the idle timeout's.
final class SlowClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How much must move while the server waits for the client.
    struct Pace: Sendable {
        var window: TimeAmount
        /// Bytes of a request's body, per window.
        var bytesMin = 4096
    }

    private let pace: Pace
    private var check: Scheduled<Void>?
    private var isReadingBody = false
    private var isAnswering = false
    /// The server has asked for more than has come.
    private var awaitsRead = false
    private var received = 0
    /// When the body began to come, or had come far enough last.
    private var receivedAt = NIODeadline.distantPast
    private var pendingWrites = 0
    /// When the oldest write that is pending began to wait for the client.
    private var writtenAt = NIODeadline.distantPast
    private var isGivenUp = false

    init(pace: Pace) { self.pace = pace }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isReadingBody = true
            isAnswering = true
            received = 0
            receivedAt = context.eventLoop.now
            if check == nil { schedule(context) }
        case .body(let bytes): received += bytes.readableBytes
        case .end: isReadingBody = false
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        awaitsRead = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        awaitsRead = true
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body:
            let promise = promise ?? context.eventLoop.makePromise()
            if pendingWrites == 0 { writtenAt = context.eventLoop.now }
            pendingWrites += 1
            promise.futureResult.assumeIsolated().whenComplete { [loop = context.eventLoop] _ in
                self.pendingWrites -= 1
                self.writtenAt = loop.now
            }
            context.write(data, promise: promise)
        case .end:
            isAnswering = false
            context.write(data, promise: promise)
        case .head: context.write(data, promise: promise)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { check?.cancel() }

    private func schedule(_ context: ChannelHandlerContext) {
        check = context.eventLoop.assumeIsolated().scheduleTask(in: pace.window) { self.judge(context) }
    }

    private func judge(_ context: ChannelHandlerContext) {
        check = nil
        // The check may be an earlier exchange's, so that what goes on now has had less than a window.
        let now = context.eventLoop.now
        let takesNothing = pendingWrites > 0 && now - writtenAt >= pace.window
        if isGivenUp || takesNothing { return context.close(promise: nil) }
        if now - receivedAt >= pace.window {
            if isReadingBody, awaitsRead, received < pace.bytesMin {
                isGivenUp = true
                schedule(context)
                // Reaches whoever waits for the body, and becomes the answer.
                return context.fireErrorCaught(Self.timeout)
            }
            received = 0
            receivedAt = now
        }
        if isReadingBody || isAnswering || pendingWrites > 0 { schedule(context) }
    }

    private static let timeout = AWSError(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.")
}
