import AWSProtocol
import CCurl
import Synchronization

/// One request under way.
final class Transfer: @unchecked Sendable {
    // Unchecked: made and given its output by the caller, then handed to the engine's thread, which alone touches it
    // afterwards. `incoming` alone is shared, under its mutex.
    enum Output {
        case none
        case whole(bytesMax: Int, (Result<HTTPResponse, any Error>) -> Void)
        /// The closure is called once, with the head or with what came instead.
        case stream(WeakQueue, (Result<ResponseHead, any Error>) -> Void)
    }

    /// A streamed request body between its source and libcurl.
    private enum Incoming {
        case idle
        case asked
        case piece([UInt8])
        case ended
        case failed(any Error)
    }

    private static let headBytesMax = 256 * 1024

    private let request: HTTPRequest
    private unowned let engine: CurlEngine
    var output = Output.none
    var isCancelled = false
    /// Whether the engine is to call `handOver`.
    var isReceiver = false
    /// Set while libcurl knows the transfer.
    var easy: UnsafeMutableRawPointer?

    private var fieldList: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var head = ResponseHead(status: 0, fields: [:])
    private var headBytes = 0
    private var body: [UInt8] = []
    private var sentBytes = 0
    private var piece: [UInt8] = []
    private let incoming = Mutex(Incoming.idle)
    /// What a callback found wrong; libcurl then only says that the callback ended the transfer.
    private var callbackError: (any Error)?

    init(_ request: HTTPRequest, engine: CurlEngine) {
        self.request = request
        self.engine = engine
        errorText[0] = 0
    }

    deinit { errorText.deallocate() }

    /// Tells the caller; only the first call does anything.
    func finish(_ result: Result<Void, any Error>) {
        let output = self.output
        self.output = .none
        switch output {
        case .none: break
        case .whole(_, let done):
            done(result.map { HTTPResponse(status: head.status, fields: head.fields, body: body) })
        case .stream(let target, let done):
            if headIsDelivered {
                target.queue?.finish(result)
            } else if case .failure(let error) = result {
                target.queue?.finish(result)
                done(.failure(error))
            } else {
                target.queue?.finish(result)
                done(.success(head))
            }
        }
    }

    private var headIsDelivered = false
    /// Bytes still to come, as the head says.
    private var bodyRest = 0

    /// Frees what libcurl had borrowed.
    func release() {
        easy = nil
        curl_slist_free_all(fieldList)
        fieldList = nil
    }

    // MARK: - Callbacks

    func receiveHead(_ line: UnsafeRawBufferPointer) -> Bool {
        headBytes += line.count
        guard headBytes <= Self.headBytesMax else {
            callbackError = HTTPClientError(
                .bodyTooLarge, mayHaveHappened: true,
                "The head of the answer has more than \(Self.headBytesMax) bytes.")
            return false
        }
        var bytes = line[...]
        while let last = bytes.last, last == 13 || last == 10 { bytes = bytes.dropLast() }
        if bytes.starts(with: "HTTP/".utf8) {
            // Each interim answer has a head of its own; the last one counts.
            head = ResponseHead(status: 0, fields: [:])
            let parts = bytes.split(separator: UInt8(ascii: " "), maxSplits: 2)
            if parts.count > 1 { head.status = Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 }
        } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            let blank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
            var value = bytes[(colon + 1)...].drop(while: blank)
            while let last = value.last, blank(last) { value = value.dropLast() }
            head.fields.append(
                String(decoding: bytes[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        return true
    }

    /// The count of bytes taken, or libcurl's code for a pause.
    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch output {
        case .none: return 0
        case .whole(let bytesMax, _):
            guard bytes.count <= bytesMax - body.count else {
                callbackError = HTTPClientError(
                    .bodyTooLarge, mayHaveHappened: true,
                    "The body of the answer has more than the \(bytesMax) bytes that are accepted.")
                return 0
            }
            if body.isEmpty, let length = head.fields["content-length"].flatMap(Int.init), length > bytes.count {
                // A length that is only claimed does not take more memory than this.
                body.reserveCapacity(min(length, bytesMax, 64 << 20))
            }
            body.append(contentsOf: bytes)
            return bytes.count
        case .stream(let target, let done):
            if !headIsDelivered {
                headIsDelivered = true
                bodyRest = head.fields["content-length"].flatMap(Int.init) ?? 0
                done(.success(head))
            }
            guard let queue = target.queue else { return 0 }
            guard queue.append(bytes, rest: bodyRest) else { return Int(CURL_WRITEFUNC_PAUSE) }
            bodyRest -= bytes.count
            engine.hasReceived(self)
            return bytes.count
        }
    }

    /// Lets the reader have what has been received, if it is much.
    ///
    /// - Returns: false when the reader still waits for it.
    func handOver(evenLittle: Bool) -> Bool {
        guard case .stream(let target, _) = output, let queue = target.queue else { return true }
        return queue.handOver(atLeast: evenLittle ? 1 : BodyQueue.wakeBytes)
    }

    /// The count of bytes given, 0 at the end, or libcurl's codes for a pause and for giving up.
    func fillBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch request.body {
        case .none: return 0
        case .bytes(let bytes): return copy(bytes, into: buffer)
        case .stream(_, let next):
            if sentBytes < piece.count { return copy(piece, into: buffer) }
            let state = incoming.withLock { state -> Incoming in
                let now = state
                switch now {
                case .idle, .piece: state = .asked
                case .asked, .ended, .failed: break
                }
                return now
            }
            switch state {
            case .asked: return Int(CURL_READFUNC_PAUSE)
            case .ended: return 0
            case .failed(let error):
                callbackError = error
                return Int(CURL_READFUNC_ABORT)
            case .idle:
                ask(next)
                return Int(CURL_READFUNC_PAUSE)
            case .piece(let bytes):
                (piece, sentBytes) = (bytes, 0)
                ask(next)
                return copy(piece, into: buffer)
            }
        }
    }

    /// False when the body cannot or must not be sent again.
    func rewind() -> Bool {
        guard request.isRepeatable else { return false }
        if case .stream = request.body { return false }
        sentBytes = 0
        return true
    }

    private func copy(_ bytes: [UInt8], into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - sentBytes)
        buffer.copyBytes(from: bytes[sentBytes..<sentBytes + count])
        sentBytes += count
        return count
    }

    private func ask(_ next: @escaping @Sendable () async throws -> [UInt8]?) {
        Task { [self, engine] in
            let answer: Incoming
            do {
                var bytes = try await next()
                while let some = bytes, some.isEmpty { bytes = try await next() }
                answer = bytes.map { .piece($0) } ?? .ended
            } catch {
                answer = .failed(error)
            }
            incoming.withLock { $0 = answer }
            engine.resume(self)
        }
    }

    // MARK: - Set-up and outcome

    func prepare(_ easy: UnsafeMutableRawPointer, _ configuration: HTTPTransportConfiguration) throws {
        let line = try requestLine()
        setText(easy, CURLOPT_URL, line.url)
        set(easy, CURLOPT_PATH_AS_IS, 1)
        set(easy, CURLOPT_NOSIGNAL, 1)
        // Agreed upon while TLS begins; without TLS no server need know HTTP/2.
        set(easy, CURLOPT_HTTP_VERSION, request.endpoint.scheme == "https" ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        set(easy, CURLOPT_TCP_KEEPALIVE, 1)
        // What has been received is still in the processor's cache when it is copied to the reader.
        set(easy, CURLOPT_BUFFERSIZE, 100 * 1024)
        setText(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        setText(easy, CURLOPT_PROXY, configuration.proxy ?? "")
        setText(easy, CURLOPT_USERAGENT, configuration.userAgent)
        if let file = configuration.certificateFile { setText(easy, CURLOPT_CAINFO, file) }
        set(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, request.timeouts.connectMilliseconds))
        set(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
        set(easy, CURLOPT_LOW_SPEED_TIME, max(1, (request.timeouts.idleMilliseconds + 999) / 1000))
        if let total = request.timeouts.totalMilliseconds { set(easy, CURLOPT_TIMEOUT_MS, max(1, total)) }
        setBody(easy)

        for line in line.fields {
            guard let longer = curl_slist_append(fieldList, line) else { break }
            fieldList = longer
        }
        let me = Unmanaged.passUnretained(self).toOpaque()
        _ = millrace_curl_set_pointer(easy, CURLOPT_HTTPHEADER, fieldList)
        _ = millrace_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        _ = millrace_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        _ = millrace_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
        _ = millrace_curl_set_pointer(easy, CURLOPT_READDATA, me)
        _ = millrace_curl_set_pointer(easy, CURLOPT_SEEKDATA, me)
        // The engine keeps the transfer alive for as long as libcurl has the handle.
        _ = millrace_curl_set_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, data in
            guard let transfer = transfer(data) else { return 0 }
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return transfer.receiveHead(line) ? line.count : 0
        }
        _ = millrace_curl_set_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, data in
            transfer(data)?.receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
        }
        _ = millrace_curl_set_read(easy) { bytes, size, count, data in
            transfer(data)?.fillBody(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                ?? Int(CURL_READFUNC_ABORT)
        }
        _ = millrace_curl_set_seek(easy) { data, offset, origin in
            guard offset == 0, origin == 0, transfer(data)?.rewind() == true else { return CURL_SEEKFUNC_FAIL }
            return CURL_SEEKFUNC_OK
        }
        self.easy = easy
    }

    private func setBody(_ easy: UnsafeMutableRawPointer) {
        var length: Int64 = 0
        switch request.body {
        case .none:
            guard request.method == "POST" || request.method == "PUT" else {
                if request.method == "HEAD" {
                    set(easy, CURLOPT_NOBODY, 1)
                } else if request.method != "GET" {
                    setText(easy, CURLOPT_CUSTOMREQUEST, request.method)
                }
                // Without a body there is nothing to rewind, by which a second sending could be refused.
                if !request.isRepeatable { set(easy, CURLOPT_FRESH_CONNECT, 1) }
                return
            }
        case .bytes(let bytes): length = Int64(bytes.count)
        case .stream(let count, _): length = count
        }
        set(easy, CURLOPT_UPLOAD, 1)
        setText(easy, CURLOPT_CUSTOMREQUEST, request.method)
        _ = millrace_curl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(length))
        if length > 256 * 1024 { set(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512 * 1024) }
        if length == 0, !request.isRepeatable { set(easy, CURLOPT_FRESH_CONNECT, 1) }
    }

    /// The URL, and each header line, checked to say what was meant and no more.
    private func requestLine() throws(HTTPClientError) -> (url: String, fields: [String]) {
        func invalid(_ what: String) -> HTTPClientError {
            HTTPClientError(.invalidRequest, mayHaveHappened: false, what)
        }
        let path = request.fullPath
        guard path.hasPrefix("/"),
            path.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else { throw invalid("The path is not percent-encoded: '\(path)'.") }
        let query = request.rawQuery ?? ""
        guard query.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw invalid("The query is not percent-encoded: '\(query)'.")
        }
        guard !request.method.isEmpty, request.method.utf8.allSatisfy({ (65...90).contains($0) }) else {
            throw invalid("'\(request.method)' is not a method.")
        }
        let endpoint = request.endpoint
        let url = "\(endpoint.scheme)://\(endpoint.authority)\(path)" + (request.rawQuery.map { "?\($0)" } ?? "")

        var lines: [String] = []
        for field in request.fields.entries where field.name != "content-length" {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }),
                field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 })
            else { throw invalid("The field '\(field.name)' has characters that HTTP does not allow.") }
            // libcurl takes `name:` as "leave out", and `name;` as a field without value.
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // What libcurl would otherwise add by itself.
        for name in ["expect", "accept", "transfer-encoding"] where request.fields[name] == nil {
            lines.append("\(name):")
        }
        return (url, lines)
    }

    func outcome(_ code: CURLcode, _ easy: UnsafeMutableRawPointer) -> Result<Void, any Error> {
        if code == CURLE_OK { return .success(()) }
        if let callbackError {
            return .failure(
                callbackError as? HTTPClientError
                    ?? HTTPClientError(.bodySourceFailed, mayHaveHappened: true, "\(callbackError)"))
        }
        var requestSize = 0
        _ = millrace_curl_get_long(easy, CURLINFO_REQUEST_SIZE, &requestSize)
        let wasSent = requestSize > 0
        let detail = errorText[0] == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
        let message = "\(request.method) \(request.endpoint): \(detail)"
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            return .failure(HTTPClientError(.timedOut, mayHaveHappened: wasSent, message))
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR:
            return .failure(HTTPClientError(.notConnected, mayHaveHappened: false, message))
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            return .failure(HTTPClientError(.untrusted, mayHaveHappened: false, message))
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return .failure(HTTPClientError(.invalidRequest, mayHaveHappened: false, message))
        default:
            return .failure(HTTPClientError(.connectionLost, mayHaveHappened: wasSent, message))
        }
    }

    private func set(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: Int) {
        _ = millrace_curl_set_long(easy, option, value)
    }

    /// libcurl copies the text.
    private func setText(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ text: String) {
        text.withCString { _ = millrace_curl_set_pointer(easy, option, $0) }
    }
}

private func transfer(_ data: UnsafeMutableRawPointer?) -> Transfer? {
    data.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}
