import AWSProtocol
import Support
import Synchronization

/// How a `CurlTransport` connects.
package struct HTTPTransportConfiguration: Sendable, Hashable {
    /// Connections open to one host at a time; further requests wait.
    package var connectionsPerHostMax: Int
    /// Connections kept open without a request.
    package var idleConnectionsMax: Int
    /// A proxy's URL; nil connects directly. The environment's `http_proxy` is not read here.
    package var proxy: String?
    /// A file of trusted certificates instead of the system's.
    package var certificateFile: String?
    package var userAgent: String

    package init(
        connectionsPerHostMax: Int = 64, idleConnectionsMax: Int = 128, proxy: String? = nil,
        certificateFile: String? = nil, userAgent: String = "millrace"
    ) {
        self.connectionsPerHostMax = connectionsPerHostMax
        self.idleConnectionsMax = idleConnectionsMax
        self.proxy = proxy
        self.certificateFile = certificateFile
        self.userAgent = userAgent
    }
}

/// HTTP/1.1, and HTTP/2 where an https server offers it, through libcurl: one thread drives all transfers, connections are
/// kept and reused.
///
/// Requests may come from any thread or task. A request is sent as it is given: no redirect is followed, no
/// `Expect: 100-continue` is sent unless its fields say so, and nothing is retried, except that libcurl sends a
/// repeatable request again when a kept connection was closed before any answer.
package final class CurlTransport: HTTPClient {
    private let engine: CurlEngine

    package init(_ configuration: HTTPTransportConfiguration = HTTPTransportConfiguration()) {
        engine = CurlEngine(configuration)
    }

    /// Ends the thread; transfers under way fail with `.closed`.
    deinit { engine.stop() }

    package func send(_ request: HTTPRequest, bodyBytesMax: Int) async throws -> HTTPResponse {
        let transfer = Transfer(request, engine: engine)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                transfer.output = .whole(bytesMax: bodyBytesMax) { continuation.resume(with: $0) }
                engine.start(transfer)
            }
        } onCancel: {
            engine.cancel(transfer)
        }
    }

    package func open(_ request: HTTPRequest) async throws -> HTTPStreamingResponse {
        let transfer = Transfer(request, engine: engine)
        let body = BodyQueue(
            resume: { [weak transfer, engine] in if let transfer { engine.resume(transfer) } },
            cancel: { [weak transfer, engine] in if let transfer { engine.cancel(transfer) } })
        let head = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                transfer.output = .stream(WeakQueue(body)) { continuation.resume(with: $0) }
                engine.start(transfer)
            }
        } onCancel: {
            engine.cancel(transfer)
        }
        return HTTPStreamingResponse(status: head.status, fields: head.fields, body: HTTPBodyStream(queue: body))
    }

    /// As `send`, waiting on the calling thread, which must not be one of the cooperative pool.
    package func sendBlocking(_ request: HTTPRequest, bodyBytesMax: Int = 64 << 20) throws -> HTTPResponse {
        try runBlocking { [self] in try await send(request, bodyBytesMax: bodyBytesMax) }
    }
}

/// Status and fields of an answer.
struct ResponseHead: Sendable {
    var status: Int
    var fields: HTTPFields
}

/// The reader owns its queue; a transfer whose reader has gone has nobody to write to.
struct WeakQueue: Sendable {
    private final class Box: Sendable {
        weak let queue: BodyQueue?
        init(_ queue: BodyQueue) { self.queue = queue }
    }

    private let box: Box
    init(_ queue: BodyQueue) { box = Box(queue) }
    var queue: BodyQueue? { box.queue }
}
