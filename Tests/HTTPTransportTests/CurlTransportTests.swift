import AWSProtocol
import HTTPTransport
import JSONModel
import Support
import Synchronization
import Testing

@Suite(.enabled(if: FixtureServer.shared != nil, "needs python3"))
struct CurlTransportTests {
    private let transport = CurlTransport()
    private let endpoint = FixtureServer.shared?.endpoint ?? HTTPEndpoint(scheme: "http", host: "127.0.0.1", port: 9)

    private func request(
        _ method: String, _ path: String, query: String? = nil, fields: HTTPFields = [:],
        body: HTTPRequest.Body = .none, isRepeatable: Bool? = nil, timeouts: HTTPTimeouts = HTTPTimeouts()
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, endpoint: endpoint, rawPath: path, rawQuery: query, fields: fields, body: body,
            isRepeatable: isRepeatable, timeouts: timeouts)
    }

    private func echo(_ request: HTTPRequest) async throws -> JSONValue {
        let response = try await transport.send(request)
        #expect(response.status == 200)
        return try JSONValue(parsing: response.body)
    }

    private func failure(_ request: HTTPRequest, bodyBytesMax: Int = 1 << 20) async -> HTTPClientError? {
        do {
            _ = try await transport.send(request, bodyBytesMax: bodyBytesMax)
            return nil
        } catch {
            return error as? HTTPClientError
        }
    }

    @Test(arguments: ["GET", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"]) func methodsWithoutBody(_ method: String) async throws {
        let echo = try await echo(request(method, "/echo"))
        #expect(echo["method"]?.string == method)
        #expect(echo["received"]?.int64 == 0)
    }

    @Test func headHasNoBody() async throws {
        let response = try await transport.send(request("HEAD", "/echo"))
        #expect(response.status == 200)
        #expect(response.body.isEmpty)
        #expect((response.fields["content-length"].flatMap(Int.init) ?? 0) > 0)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH"], [0, 1, 1000, 300_000, 5_000_000])
    func bodies(_ method: String, _ count: Int) async throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let echo = try await echo(request(method, "/echo", body: .bytes(bytes)))
        #expect(echo["method"]?.string == method)
        #expect(echo["received"]?.int64 == Int64(count))
        #expect(echo["sha256"]?.string == SigV4.hash(bytes))
    }

    @Test func fieldsAreSentAsGivenAndNoMore() async throws {
        let fields: HTTPFields = [
            "host": "other.example", "x-amz-meta-a": "v: w;x", "x-empty": "", "content-type": "text/plain",
            "content-length": "77", "if-none-match": "*", "x-utf8": "ü",
        ]
        let echo = try await echo(request("PUT", "/echo", fields: fields, body: .bytes(Array("hello".utf8))))
        let sent = HTTPFields(
            (echo["fields"]?.array ?? []).map { ($0[0]?.string ?? "", $0[1]?.string ?? "") })
        var expected = fields
        expected["content-length"] = "5"
        expected["user-agent"] = "millrace"
        expected["x-utf8"] = "Ã¼"  // The server reads Latin-1.
        #expect(Set(sent.entries) == Set(expected.entries))
    }

    @Test(arguments: [
        "/a/../b/./c//d", "/%2F%2e%2E/x%20y", "/k=v;p/~'()*!$&,:@+", "/", "/a%00b", "/a[1]{2}|\\^`\"<>",
    ])
    func pathAndQueryAreSentRaw(_ path: String) async throws {
        let echo = try await echo(request("GET", path, query: "x=1&y=%2F/?+%20&&z"))
        #expect(echo["target"]?.string == path + "?x=1&y=%2F/?+%20&&z")
    }

    @Test func endpointPathPrecedes() async throws {
        var request = request("GET", "/echo")
        request.endpoint.path = "/base"
        #expect(try await echo(request)["target"]?.string == "/base/echo")
    }

    @Test func responseFields() async throws {
        let response = try await transport.send(request("GET", "/head/3"))
        #expect(response.fields.values(of: "X-Two") == ["a", "b"])
        #expect(response.fields["x-empty"] == "")
        #expect(response.fields["x-no"] == nil)
        #expect(response.fields["x-field-2"]?.count == 1000)
        #expect(await failure(request("GET", "/head/400"))?.kind == .bodyTooLarge)
    }

    @Test func statusesAreAnswers() async throws {
        for status in [204, 301, 404, 412, 500, 503] {
            #expect(try await transport.send(request("GET", "/status/\(status)")).status == status)
        }
    }

    @Test(arguments: [
        ("GET", "no-slash", nil, [:]), ("GET", "/a b", nil, [:]), ("GET", "/a#b", nil, [:]), ("GET", "/a?b", nil, [:]),
        ("GET", "/\u{FC}", nil, [:]), ("GET", "/", "a b", [:]), ("GET", "/", "a#b", [:]), ("", "/", nil, [:]),
        ("GET /x HTTP/1.1\r\n", "/", nil, [:]), ("GET", "/", nil, ["x": "a\r\nb: c"]), ("GET", "/", nil, ["x: y\r\nz": "a"]),
        ("GET", "/", nil, ["x": "a\0b"]), ("GET", "/", nil, ["": "a"]),
    ] as [(String, String, String?, HTTPFields)])
    func unwritableRequests(_ method: String, _ path: String, _ query: String?, _ fields: HTTPFields) async throws {
        let error = await failure(request(method, path, query: query, fields: fields))
        #expect(error?.kind == .invalidRequest)
        #expect(error?.mayHaveHappened == false)
    }

    @Test func connectionsAreReused() async throws {
        let own = CurlTransport()
        for before in 0..<50 {
            let served = try await own.send(request("GET", "/served")).body
            #expect(String(decoding: served, as: UTF8.self) == "\(before)")
        }
    }

    @Test func manyAtOnce() async throws {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await transport.send(request("GET", "/bytes/\(index * 1000)")).body.count
                }
            }
            var total = 0
            for try await count in group { total += count }
            #expect(total == 199 * 200 / 2 * 1000)
        }
    }

    @Test func lostConnections() async throws {
        let dropped = await failure(request("GET", "/drop"))
        #expect(dropped?.kind == .connectionLost)
        #expect(dropped?.mayHaveHappened == true)
        #expect(await failure(request("GET", "/cut"))?.kind == .connectionLost)
        var refused = request("GET", "/")
        refused.endpoint.port = 1
        let error = await failure(refused)
        #expect(error?.kind == .notConnected)
        #expect(error?.mayHaveHappened == false)
    }

    @Test(arguments: [("PUT", nil, 2), ("PUT", false, 2), ("POST", nil, 2), ("POST", true, 2), ("GET", false, 2)] as [(String, Bool?, Int)])
    func unrepeatableRequestsAreSentOnce(_ method: String, _ isRepeatable: Bool?, _ size: Int) async throws {
        let own = CurlTransport()
        let id = randomUUIDText()
        let repeatable = isRepeatable ?? (method != "POST")
        let request = request(
            method, "/once/\(id)", body: method == "GET" ? .none : .bytes([UInt8](repeating: 1, count: size)),
            isRepeatable: isRepeatable)
        let first = try await own.send(request)
        #expect(first.status == 200)
        // The server closes the kept connection once it has read the second request.
        let second = await Result { try await own.send(request) }
        let count = Int(
            String(decoding: try await transport.send(self.request("GET", "/count/\(id)")).body, as: UTF8.self))
        if repeatable {
            #expect(try second.get().status == 200)
            #expect(count == 3)
        } else {
            #expect(count == 2)
            if method == "GET" {
                #expect(try second.get().status == 200)  // On a connection of its own.
            } else {
                #expect(throws: HTTPClientError.self) { try second.get() }
            }
        }
    }

    @Test func timeouts() async throws {
        let total = await failure(request("GET", "/slow/3000", timeouts: HTTPTimeouts(totalMilliseconds: 100)))
        #expect(total?.kind == .timedOut)
        #expect(total?.mayHaveHappened == true)
        #expect(await failure(request("GET", "/slow/5000", timeouts: HTTPTimeouts(idleMilliseconds: 1000)))?.kind == .timedOut)
    }

    @Test func bodyLimit() async throws {
        #expect(await failure(request("GET", "/bytes/1001"), bodyBytesMax: 1000)?.kind == .bodyTooLarge)
        #expect(await failure(request("GET", "/bytes/1000"), bodyBytesMax: 1000) == nil)
    }

    @Test func cancellation() async throws {
        let task = Task { try await transport.send(request("GET", "/slow/10000")) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let before = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await transport.send(request("GET", "/echo"))
        }
        await #expect(throws: CancellationError.self) { try await before.value }
    }

    @Test func streamedUpload() async throws {
        let left = Mutex(20)
        let piece = [UInt8](repeating: 7, count: 100_000)
        let echo = try await echo(
            request(
                "PUT", "/echo",
                body: .stream(length: 2_000_000) {
                    await Task.yield()
                    return left.withLock { left in
                        left -= 1
                        return left >= 0 ? piece : nil
                    }
                },
                // The source counts as idle, too, while other tests keep its task from running.
                timeouts: HTTPTimeouts(idleMilliseconds: 600_000)))
        #expect(echo["received"]?.int64 == 2_000_000)
        #expect(echo["sha256"]?.string == SigV4.hash([UInt8](repeating: 7, count: 2_000_000)))
        struct SourceFailure: Error {}
        let failed = await failure(request("PUT", "/echo", body: .stream(length: 10) { throw SourceFailure() }))
        #expect(failed?.kind == .bodySourceFailed)
    }

    @Test func streamedDownload() async throws {
        let response = try await transport.open(request("GET", "/bytes/50000000"))
        #expect(response.status == 200)
        var total = 0
        var largest = 0
        for try await piece in response.body {
            total += piece.count
            largest = max(largest, piece.count)
        }
        #expect(total == 50_000_000)
        #expect(largest < 2 << 20)
        let empty = try await transport.open(request("GET", "/bytes/0"))
        for try await _ in empty.body { Issue.record("no bytes were expected") }
        let cut = try await transport.open(request("GET", "/cut"))
        await #expect(throws: HTTPClientError.self) { for try await _ in cut.body {} }
        do { _ = try await transport.open(request("GET", "/bytes/50000000")) }  // Not read: the transfer ends.
        await #expect(throws: HTTPClientError.self) { _ = try await transport.open(request("GET", "/drop")) }
    }

    @Test func piecesThatAreKeptStayAsTheyWere() async throws {
        let response = try await transport.open(request("GET", "/numbers/1000000"))
        var kept: [(position: Int, bytes: [UInt8])] = []
        var position = 0
        for try await piece in response.body {
            if kept.count < 10 || position % 3 == 0 { kept.append((position, piece)) }
            position += piece.count
        }
        #expect(position == 8_000_000)
        let expected = (0..<1_000_000 as Range<UInt64>).flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        for (position, bytes) in kept { #expect(expected[position..<position + bytes.count] == bytes[...]) }
    }

    @Test func littleIsHandedOverBeforeTheRestComes() async throws {
        let body = try await transport.open(request("GET", "/halves/a")).body
        var pieces = body.makeAsyncIterator()
        var count = 0
        while count < 8 { count += try #require(try await pieces.next()).count }
        _ = try await transport.send(request("GET", "/release/a"), bodyBytesMax: 1000)
        while let piece = try await pieces.next() { count += piece.count }
        #expect(count == 16)
    }

    @Test func blockingFace() async throws {
        // A thread of its own: those of the cooperative pool may not be blocked.
        let response = try await BlockingExecutor(name: "test", threads: 1).run { () throws in
            try transport.sendBlocking(request("GET", "/bytes/10"))
        }
        #expect(response.body.count == 10)
    }

    @Test func endpoints() {
        #expect(HTTPEndpoint(url: "http://127.0.0.1:9400")?.authority == "127.0.0.1:9400")
        #expect(HTTPEndpoint(url: "HTTPS://Host:443/base/")?.description == "https://Host/base")
        #expect(HTTPEndpoint(url: "http://[::1]:80")?.authority == "[::1]")
        #expect(HTTPEndpoint(url: "http://[::1]")?.port == nil)
        for bad in ["", "ftp://x", "http://", "http://u@h", "http://h:0", "http://h:x", "http://h?q", "http:/h", "http://h\u{20}"] {
            #expect(HTTPEndpoint(url: bad) == nil, "\(bad)")
        }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
