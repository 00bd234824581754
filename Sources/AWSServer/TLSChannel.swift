import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Connections that speak over TLS what `base` speaks.
struct TLSChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let certificate: ServerCertificate

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
                PlainHTTPRefusal(), NIOSSLServerHandler(context: certificate.context))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// Tells clients that speak HTTP without TLS what to do instead of closing on them.
private final class PlainHTTPRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Verdict { case tls, plain }

    private static let text = "This port speaks HTTPS: use https:// in the URL.\n"
    private var verdict: Verdict?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if verdict == nil {
            let bytes = unwrapInboundIn(data)
            guard let first: UInt8 = bytes.getInteger(at: bytes.readerIndex) else { return }
            // A request line begins with a method, a TLS record with its type, which is no letter.
            verdict = (65...90).contains(first) ? .plain : .tls
            if verdict == .plain { refuse(context) }
        }
        if verdict == .tls { context.fireChannelRead(data) }
    }

    private func refuse(_ context: ChannelHandlerContext) {
        let answer = context.channel.allocator.buffer(
            string: "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: \(Self.text.utf8.count)\r\n"
                + "connection: close\r\n\r\n\(Self.text)")
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        context.close(promise: nil)
    }
}
