import NIOCore
import NIOHTTPTypes

/// After the last answer on a connection takes what its client goes on sending, for a while: a client that reads only
/// when it has sent everything would otherwise wait for the server, and then lose the answer with the connection.
final class LingerHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// A client that sends nothing for so long gets no more time.
    private static let pause = TimeAmount.seconds(2)
    private static let pausesMax = 30

    private var isLingering = false
    private var check: Scheduled<Void>?
    private var hasReceived = false
    private var pauses = 0

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        context.close(mode: mode, promise: promise)
        guard mode == .output, !isLingering else { return }
        isLingering = true
        schedule(context)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isLingering else { return context.fireChannelRead(data) }
        hasReceived = true
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isLingering { context.read() }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard isLingering else { return context.fireErrorCaught(error) }
        hasReceived = true
    }

    func handlerRemoved(context: ChannelHandlerContext) { check?.cancel() }

    private func schedule(_ context: ChannelHandlerContext) {
        check = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.pauses += 1
            guard self.hasReceived, self.pauses < Self.pausesMax else { return context.close(promise: nil) }
            self.hasReceived = false
            self.schedule(context)
        }
    }
}
