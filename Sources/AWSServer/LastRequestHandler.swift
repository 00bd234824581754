import NIOCore
import NIOHTTP1

/// Marks the last request of a connection as Hummingbird knows it, with `connection: close`: one of HTTP/1.0, whose client
/// takes the end of the connection for that of the answer, and one whose client spells the option in another way.
final class LastRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.version != .http1_1 || !head.isKeepAlive else {
            return context.fireChannelRead(data)
        }
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
