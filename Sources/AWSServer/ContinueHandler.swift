import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Answers `Expect: 100-continue`, which curl and the AWS clients send before larger bodies, once the body is asked for:
/// a request that is refused by its head costs nobody its body. What the client does after such a refusal is its choice,
/// so that nothing more is answered on that connection.
final class ContinueHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Triggered on the channel by who is about to read a body.
    struct BodyIsWanted: Sendable {}

    /// Whether the client holds the body back.
    private var waits = false
    private var isLastAnswer = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let request):
            waits = request.headerFields[.expect]?.lowercased() == "100-continue"
            // Nothing is held back, and botocore loses count of the answers when this one is left out.
            if waits, request.headerFields[.contentLength] == "0" {
                waits = false
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body, .end: waits = false
        }
        context.fireChannelRead(data)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsWanted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if waits {
            waits = false
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var response) where waits:
            waits = false
            isLastAnswer = true
            response.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .end where isLastAnswer:
            context.writeAndFlush(data, promise: promise)
            // Only this side: a body that is already on its way must not reset the connection before the answer is read.
            context.close(mode: .output, promise: nil)
        default: context.write(data, promise: promise)
        }
    }
}
