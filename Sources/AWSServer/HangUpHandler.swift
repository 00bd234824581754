import NIOCore

/// Notices that a client closed its connection, for requests that would go on for long without anyone waiting.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any
    typealias InboundOut = Any

    private var isGone = false
    private var action: (@Sendable () -> Void)?

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { leave() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    private func leave() {
        isGone = true
        action?()
        action = nil
    }

    /// Has `action` performed once the client of `channel` is gone, unless another request comes first.
    static func watch(_ channel: any Channel, _ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.execute {
            // A connection without the handler is closed already.
            guard let handler = try? channel.pipeline.syncOperations.handler(type: HangUpHandler.self), !handler.isGone
            else { return action() }
            handler.action = action
        }
    }
}
