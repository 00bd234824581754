import AWSProtocol
import FoundationEssentials
import HTTPTransport
import JSONModel
import StatesIntegrations
import Support
import TestSupport
import Testing
import WorkflowEngine

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Lambda functions that are programs of this machine.
@Suite(.timeLimit(.minutes(2)))
struct LocalFunctionTests {
    let fixture: IntegrationFixture

    init() throws { fixture = try IntegrationFixture() }

    private func registry(
        _ script: String, timeout: Int = 20, environment: [(name: String, value: String)] = [], maxConcurrency: Int = 4
    ) throws -> ServiceIntegrations {
        let function = LocalFunctions.Function(
            command: ["sh", "-c", script], timeoutSeconds: timeout, environment: environment,
            maxConcurrency: maxConcurrency)
        return fixture.registry(
            try fixture.foreign(ScriptedHTTP([]), endpoints: [:]), functions: fixture.functions(["f": function]))
    }

    private func invoke(_ registry: ServiceIntegrations, _ call: IntegrationCall) async throws -> IntegrationOutcome {
        try await #require(registry.integration(for: call.resource)).start(call)
    }

    @Test func getsTheEventAndGivesTheAnswer() async throws {
        let call = try call("lambda:invoke", ["FunctionName": "f", "Payload": ["a": 1.50]])
        guard case .succeeded(let output) = try await invoke(try registry("echo to the log >&2; cat"), call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(output["Payload"] == ["a": 1.50] && output["StatusCode"] == 200)
        #expect(output["ExecutedVersion"] == "$LATEST")
        #expect(output["SdkResponseMetadata"]?["RequestId"] == output["SdkHttpMetadata"]?["HttpHeaders"]?["x-amzn-RequestId"])
        #expect(
            output.object?.keys
                == ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"])
    }

    /// A text is sent as it is, and null is nothing.
    @Test(arguments: [("\"0.0\"", "0.0"), ("\"\\\"a\\\"\"", "\"a\""), ("null", "{}"), ("[null]", "[null]")])
    func getsATextAsItIs(_ payload: String, _ event: String) async throws {
        let call = try call("lambda:invoke", ["FunctionName": "f", "Payload": try JSONValue(parsing: payload)])
        guard case .succeeded(let output) = try await invoke(try registry("cat"), call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(output["Payload"]?.text == event)
    }

    @Test func theOptimisedFormWritesItsErrorAnew() async throws {
        let answer = #"{"errorMessage": "no", "errorType": "Denied"}"#
        let http = ScriptedHTTP([
            ScriptedHTTP.response(200, HTTPFields([("X-Amz-Function-Error", "Unhandled")]), answer),
            ScriptedHTTP.response(200, HTTPFields([("X-Amz-Function-Error", "Unhandled")]), answer),
        ])
        let registry = fixture.registry(try fixture.foreign(http))
        for (call, expected) in [
            (try call("lambda:invoke", ["FunctionName": "g"]), #"{"errorMessage":"no","errorType":"Denied"}"#),
            (try call("arn:aws:lambda:us-east-1:123456789012:function:g", [:]), answer),
        ] {
            guard case .failed(let error, let cause) = try await invoke(registry, call) else {
                Issue.record("did not fail")
                return
            }
            #expect(error == "Denied" && cause == expected)
        }
    }

    @Test func itsLogIsPartOfTheResultOnDemand() async throws {
        let call = try call("lambda:invoke", ["FunctionName": "f", "LogType": "Tail"])
        guard case .succeeded(let output) = try await invoke(try registry("echo one >&2; echo two >&2"), call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(output["LogResult"]?.string == Base64.encode(Array("one\ntwo\n".utf8)))
    }

    @Test func itsARNGivesTheAnswerAlone() async throws {
        let call = try call("arn:aws:lambda:us-east-1:123456789012:function:f", "x")
        guard case .succeeded(let output) = try await invoke(try registry("cat"), call) else {
            Issue.record("did not succeed")
            return
        }
        #expect(output == "x")
    }

    @Test func hasOnlyTheEnvironmentThatItWasGiven() async throws {
        setenv("MILLRACE_TEST_SECRET", "leaked", 1)
        let call = try call("lambda:invoke", ["FunctionName": "f"])
        let script = #"printf '"%s"' "$(env | cut -d= -f1 | sort | tr '\n' ' ')""#
        let registry = try registry(script, environment: [("MINE", "1"), ("LANG", "de")])
        guard case .succeeded(let output) = try await invoke(registry, call) else {
            Issue.record("did not succeed")
            return
        }
        let names = Set((output["Payload"]?.string ?? "").split(separator: " ").map(String.init))
        #expect(
            names.subtracting(["PWD", "SHLVL", "_"]) == [
                "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME",
                "AWS_LAMBDA_REQUEST_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "HOME", "LANG", "MINE", "PATH",
                "MILLRACE_ATTEMPT_DIRECTORY",
            ])
    }

    @Test(arguments: [
        ("echo '{\"errorType\":\"Custom\",\"errorMessage\":\"m\"}'", "Custom", #"{"errorType":"Custom","errorMessage":"m"}"#),
        ("echo oops >&2; exit 3", "Runtime.ExitError", #"Runtime exited with error: exit status 3","stackTrace":["oops"]}"#),
        ("kill -9 $$", "Runtime.ExitError", "signal: 9"), ("echo not json", "Runtime.MarshalError", "is not JSON"),
        ("head -c 7000000 /dev/zero", "Function.ResponseSizeTooLarge", "maximum allowed payload size"),
    ])
    func itsErrorsAreTheTasks(_ script: String, _ error: String, _ cause: String) async throws {
        let call = try call("lambda:invoke", ["FunctionName": "f"])
        guard case .failed(let found, let text) = try await invoke(try registry(script), call) else {
            Issue.record("did not fail")
            return
        }
        #expect(found == error)
        #expect(text?.contains(cause) == true, "\(text ?? "")")
    }

    @Test func isEndedWithAllItsProcesses() async throws {
        let path = fixture.directory.path + "/child"
        let call = try call("lambda:invoke", ["FunctionName": "f"])
        let script = "sleep 600 & echo $! > \(path); wait"
        guard case .failed(let error, let cause) = try await invoke(try registry(script, timeout: 1), call) else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Sandbox.Timedout" && cause?.contains("Task timed out after 1.00 seconds") == true)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let child = try #require(pid_t(text.split(separator: "\n").first ?? ""))
        #expect(kill(child, 0) == -1 && errno == ESRCH)
    }

    @Test func isInvokedOnceForOneCommand() async throws {
        let counter = fixture.directory.path + "/count"
        let registry = try registry("echo x >> \(counter); wc -l < \(counter)")
        let first = try call("lambda:invoke", ["FunctionName": "f"], id: "one")
        for _ in 0..<3 {
            guard case .succeeded(let output) = try await invoke(registry, first) else {
                Issue.record("did not succeed")
                return
            }
            #expect(output["Payload"] == 1)
        }
        #expect(try #require(registry.integration(for: first.resource)).isRepeatable(first))
        guard case .succeeded(let output) = try await invoke(
            registry, try call("lambda:invoke", ["FunctionName": "f"], id: "two"))
        else {
            Issue.record("did not succeed")
            return
        }
        #expect(output["Payload"] == 2)
    }

    @Test func noMoreRunAtATimeThanMay() async throws {
        let place = fixture.directory.path + "/lock"
        // Whoever finds the directory there is not alone.
        let registry = try registry("mkdir \(place) || exit 1; sleep 0.05; rmdir \(place); echo 1", maxConcurrency: 1)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<6 {
                let call = try call("lambda:invoke", ["FunctionName": "f"], id: "c\(index)")
                group.addTask { if case .succeeded = try await invoke(registry, call) { true } else { false } }
            }
            for try await isAlone in group { #expect(isAlone) }
        }
    }

    @Test func aMissingFunctionIsLambdasError() async throws {
        let call = try call("lambda:invoke", ["FunctionName": "nobody"])
        guard case .failed(let error, let cause) = try await invoke(try registry("cat"), call) else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Lambda.ResourceNotFoundException")
        #expect(cause?.hasPrefix(
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody:$LATEST (Service: AWSLambda; Status Code: 404;")
            == true)
    }

    @Test func aProgramThatIsNotThereIsTold() async throws {
        let function = LocalFunctions.Function(command: ["/no/such/program"], timeoutSeconds: 5)
        let registry = fixture.registry(
            try fixture.foreign(ScriptedHTTP([]), endpoints: [:]), functions: fixture.functions(["f": function]))
        guard case .failed(let error, let cause) = try await invoke(
            registry, try call("lambda:invoke", ["FunctionName": "arn:aws:lambda:us-east-1:1:function:f:7"]))
        else {
            Issue.record("did not fail")
            return
        }
        #expect(error == "Runtime.InvalidEntrypoint")
        #expect(cause?.contains("/no/such/program cannot be executed: exec: No such file or directory") == true)
    }
}
