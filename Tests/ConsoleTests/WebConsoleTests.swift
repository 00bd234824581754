import AWSProtocol
import Console
import JSONModel
import NIOCore
import ServiceKit
import Support
import Testing

struct WebConsoleTests {
    private let arn = "arn:aws:states:us-east-1:1:execution:machine:run"

    private func get(_ path: String, metrics: [Metric] = []) async throws -> (status: Int, text: String) {
        let states = FixedService(
            name: "states",
            answers: [
                "ListStateMachines": ["stateMachines": [["stateMachineArn": "m"]]],
                "ListExecutions": [
                    "executions": [
                        [
                            "executionArn": .string(arn), "name": "<run>", "status": "FAILED", "startDate": 10,
                            "stopDate": 11.5,
                        ]
                    ]
                ],
                "DescribeExecution": [
                    "name": "<run>", "status": "FAILED", "startDate": 10, "stopDate": 75, "error": "E&", "cause": "why",
                    "input": "{\"a\":\"</pre>\"}",
                ],
                "GetExecutionHistory": [
                    "events": [
                        ["id": 1, "type": "ExecutionStarted", "timestamp": 10],
                        [
                            "id": 2, "type": "ExecutionFailed", "timestamp": 10.25,
                            "executionFailedEventDetails": ["error": "E&", "cause": "why"],
                        ],
                    ]
                ],
            ])
        let batch = FixedService(
            name: "batch",
            answers: ["DescribeJobQueues": ["jobQueues": []], "ListJobs": ["jobSummaryList": []], "DescribeJobs": ["jobs": []]])
        let console = WebConsole(
            states: states, batch: batch, logs: FixedService(name: "logs", answers: [:]), builtInQueues: ["q"],
            context: {
                CallContext(
                    account: "1", region: "us-east-1", requestID: "r", receivedAt: Timestamp(millisecondsSince1970: 20_000))
            }, metrics: { metrics }, readiness: { nil })
        let answer = await console.respond(
            to: IncomingRequest(method: "GET", target: path, fields: [:], body: RequestBody { nil }))
        guard case .bytes(let bytes) = answer.body else { return (answer.status, "") }
        return (answer.status, String(buffer: bytes))
    }

    @Test func overviewListsExecutions() async throws {
        let page = try await get("/")
        #expect(page.status == 200)
        #expect(page.text.hasPrefix("<!doctype html>"))
        #expect(page.text.contains("<title>Overview · Millrace</title>"))
        #expect(page.text.contains("<span class=\"status FAILED\">FAILED</span>"))
        #expect(page.text.contains(">&lt;run&gt;</a><td>machine<td class=\"nowrap\">1970-01-01 00:00:10<td class=\"number\">1.5 s</tr>"))
        #expect(page.text.contains("<p class=\"empty\">None yet.</p>"))
        #expect(page.text.contains("setInterval"))
    }

    @Test func executionShowsDataAndHistory() async throws {
        let page = try await get("/executions/x")
        #expect(page.text.contains("&lt;/pre&gt;"))
        #expect(!page.text.contains("\"</pre>"))
        #expect(page.text.contains("<p class=\"failure\"><b>E&amp;</b> why</p>"))
        #expect(page.text.contains("took 1 min 5 s"))
        #expect(page.text.contains("<tr class=\"bad\"><td class=\"number\">2<td>ExecutionFailed<td class=\"number\">250 ms<td>E&amp; · why</tr>"))
        #expect(page.text.contains("<tr><td class=\"number\">1<td>ExecutionStarted"))
    }

    @Test func whatIsMissingIsSaid() async throws {
        let job = try await get("/jobs/%3Cnone%3E")
        #expect(job.status == 404)
        #expect(job.text.contains("<p class=\"failure\">There is no job &lt;none&gt;.</p>"))
        let other = try await get("/nothing/here")
        #expect(other.status == 404)
        #expect(!other.text.contains("setInterval"))
    }
}

/// A service that answers each operation with a fixed document.
private struct FixedService: JSONService {
    let name: String
    let answers: [String: JSONObject]
    var wire: WireProtocol { .json10(targetPrefix: "Fixed") }

    func call(_ operation: String, _ input: JSONObject, _ context: CallContext) async throws -> JSONObject {
        guard let answer = answers[operation] else {
            throw AWSError("UnknownOperationException", operation, httpStatus: 400)
        }
        return answer
    }
}
