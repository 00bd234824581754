import AWSProtocol
import AWSServer
import Logging
import NIOCore
import NIOEmbedded
import ServiceKit
import Testing

/// What one connection is answered, whatever its client sends and when: bytes in, bytes out, by a clock that tests move.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionTests {
    @Test func requestsSentAtOnceAreAnsweredInTheirOrder() async throws {
        try await connection { client in
            try await client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\nPUT /b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc")
            #expect(try await client.answer() == Answer(200, "GET /a: 0 bytes"))
            #expect(try await client.answer() == Answer(200, "PUT /b: 3 bytes"))
        }
    }

    // MARK: - What is no request

    @Test(arguments: ["NONSENSE\r\n\r\n", "GET / HTTP/9\r\n\r\n", "GET / HTTP/1.1\r\nno field\r\n\r\n", "\u{16}\u{3}\u{1}"])
    func whatIsNoRequestIsToldSo(_ bytes: String) async throws {
        try await connection { client in
            try await client.send(bytes)
            let answer = try await client.answer()
            #expect(answer.status == 400)
            #expect(answer.body.contains("<Code>BadRequest</Code>") && answer.body.contains("parsing the HTTP request"))
            #expect(answer.fields["x-amzn-errortype"] == "BadRequest")
            try await client.expectsClosedOutput()
        }
    }

    @Test func aHeadThatIsTooLargeIsNamed() async throws {
        try await connection { client in
            try await client.send("GET / HTTP/1.1\r\nx-long: \(String(repeating: "x", count: 100_000))\r\n\r\n")
            let answer = try await client.answer()
            #expect(answer.status == 400 && answer.body.contains("<Code>RequestHeaderSectionTooLarge</Code>"))
        }
    }

    @Test func whatCameBeforeNonsenseIsAnsweredAndWhatFollowsIsNot() async throws {
        try await connection { client in
            try await client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\nNONSENSE\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(try await client.answer() == Answer(200, "GET /a: 0 bytes"))
            #expect(try await client.answer().status == 400)
            try await client.expectsClosedOutput()
            try await client.send("GET /c HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(try await client.closes(withinSeconds: 10))
        }
    }

    // MARK: - Expect: 100-continue

    private static let expecting = "PUT /b HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"

    @Test func aBodyThatWaitsIsAskedForWhenItIsRead() async throws {
        try await connection { client in
            try await client.send(Self.expecting)
            #expect(try await client.answer() == Answer(100, ""))
            try await client.send("abc")
            #expect(try await client.answer() == Answer(200, "PUT /b: 3 bytes"))
            try await client.send("GET /c HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(try await client.answer() == Answer(200, "GET /c: 0 bytes"))
        }
    }

    @Test func aBodyThatHasComeIsNotAskedFor() async throws {
        try await connection { client in
            try await client.send(Self.expecting + "abc")
            #expect(try await client.answer() == Answer(200, "PUT /b: 3 bytes"))
        }
    }

    @Test func anEmptyBodyIsAskedForAtOnce() async throws {
        try await connection { client in
            try await client.send("PUT /refused HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n")
            #expect(try await client.answer() == Answer(100, ""))
            #expect(try await client.answer() == Answer(403, "no"))
        }
    }

    /// Whether the body follows nobody knows, so that what comes next cannot be a request.
    @Test func aRefusalByTheHeadIsTheLastAnswerAndIsNotLostToALateBody() async throws {
        try await connection { client in
            try await client.send(Self.expecting.replacing("/b", with: "/refused"))
            let answer = try await client.answer()
            #expect(answer == Answer(403, "no") && answer.fields["connection"] == "close")
            try await client.expectsClosedOutput()
            try await client.send("abcGET /c HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(!client.isClosed, "a reset would take the answer from who has not read it")
            #expect(try await client.closes(withinSeconds: 10))
        }
    }

    /// A client of HTTP/1.0 takes the end of the connection for the end of the answer.
    @Test(arguments: [
        "GET /a HTTP/1.0\r\n\r\n", "GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
        "GET /a HTTP/1.1\r\nhost: h\r\nconnection: Close\r\n\r\n",
    ])
    func whoExpectsTheEndGetsIt(request: String) async throws {
        try await connection { client in
            try await client.send(request)
            let answer = try await client.answer()
            #expect(answer == Answer(200, "GET /a: 0 bytes"))
            #expect(answer.fields["date"] != nil)
            try await client.expectsClosedOutput()
            #expect(try await client.closes(withinSeconds: 10))
        }
    }

    // MARK: - Half a connection

    @Test func whoHasSaidAllGetsItsAnswer() async throws {
        try await connection { client in
            try await client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\n")
            try await client.endInput()
            #expect(try await client.answer() == Answer(200, "GET /a: 0 bytes"))
        }
    }

    @Test func aBodyThatBreaksOffIsIncomplete() async throws {
        try await connection { client in
            try await client.send("PUT /b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\na")
            try await client.endInput()
            #expect(try await client.answer() == Answer(400, "IncompleteBody"))
        }
    }

    // MARK: - Slow clients

    @Test func aBodyThatDoesNotComeIsToldSoAndTheConnectionCut() async throws {
        try await connection { client in
            try await client.send("PUT /b HTTP/1.1\r\nhost: h\r\ncontent-length: 9000\r\n\r\na")
            #expect(try await client.answer(asSecondsPass: 60) == Answer(400, "RequestTimeout"))
            #expect(try await client.closes(withinSeconds: 120))
        }
    }

    @Test func aBodyThatKeepsComingIsWaitedFor() async throws {
        try await connection { client in
            try await client.send("PUT /b HTTP/1.1\r\nhost: h\r\ncontent-length: 15000\r\n\r\n")
            for _ in 0..<3 {
                try await client.send(String(repeating: "x", count: 5000))
                try await client.passes(seconds: 60)
            }
            #expect(try await client.answer() == Answer(200, "PUT /b: 15000 bytes"))
        }
    }

    @Test func aRequestOnAUsedConnectionHasItsWholeTime() async throws {
        try await connection { client in
            try await client.send("GET /a HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(try await client.answer() == Answer(200, "GET /a: 0 bytes"))
            try await client.passes(seconds: 50)
            try await client.send("PUT /b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\na")
            try await client.passes(seconds: 50)
            try await client.send("bc")
            #expect(try await client.answer() == Answer(200, "PUT /b: 3 bytes"))
        }
    }
}
