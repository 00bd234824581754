import AWSProtocol
import HTTPTypes
import JSONModel
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Support

/// Gives the answer to what is no HTTP request a code and a message, as AWS does: Hummingbird's has neither. It cannot be
/// known which service was meant; S3's form carries the code in a field, too, for clients of the others.
final class MalformedRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var unansweredRequests = 0
    private var isInsideRequest = false
    private var failure: AWSError?
    /// What broke off was the body of a request that has its answer already.
    private var dropsAnswer = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            unansweredRequests += 1
            isInsideRequest = true
        case .body: break
        case .end: isInsideRequest = false
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = Self.failure(error) }
        // Hummingbird answers errors of this type, and only closes the connection after others.
        context.fireErrorCaught(error is HTTPParserError ? error : HTTPParserError.unknown)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            guard unansweredRequests == 0, let failure else { return context.write(data, promise: promise) }
            dropsAnswer = isInsideRequest
            if dropsAnswer {
                promise?.succeed()
                break
            }
            let envelope = failure.s3Envelope(resource: "", requestID: randomUUIDText())
            for entry in envelope.fields.entries {
                if let name = HTTPField.Name(entry.name) { head.headerFields[name] = entry.value }
            }
            if let name = HTTPField.Name("x-amzn-errortype") { head.headerFields[name] = failure.code }
            head.headerFields[.contentLength] = String(envelope.body.count)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
            context.write(wrapOutboundOut(.body(ByteBuffer(bytes: envelope.body))), promise: nil)
        case .end:
            if dropsAnswer {
                promise?.succeed()
                break
            }
            unansweredRequests -= 1
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        }
    }

    private static func failure(_ error: any Error) -> AWSError {
        if let error = error as? HTTPParserError, error == .headerOverflow {
            return AWSError(
                "RequestHeaderSectionTooLarge", "Your request header and query parameters exceeded the maximum allowed size.",
                members: ["MaxSizeAllowed": .string(String(HTTPListener.headBytesMax))])
        }
        let reason = (error as? HTTPParserError).map { ": \($0.debugDescription)" } ?? ""
        return AWSError("BadRequest", "An error occurred when parsing the HTTP request\(reason).")
    }
}
