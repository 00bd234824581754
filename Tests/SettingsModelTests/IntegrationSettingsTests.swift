import SettingsModel
import Testing

/// The sections `endpoints` and `lambda`, whose keys are the user's.
@Suite struct IntegrationSettingsTests {
    private func integrations(_ text: String) throws -> IntegrationSettings {
        let file = try ConfigurationFile(path: "/etc/millrace/millrace.yaml", bytes: Array(text.utf8))
        return try EffectiveSettings(SettingsSources(file: file)).integrations
    }

    @Test func endpointsAreRead() throws {
        let found = try integrations(
            """
            endpoints:
              sqs: http://127.0.0.1:9324
              dynamodb: {url: "https://dynamodb.test", unknownOutcome: retry}
            """
        ).endpoints
        #expect(found["sqs"]?.url == "http://127.0.0.1:9324" && found["sqs"]?.repeatsUnknownOutcome == false)
        #expect(found["sqs"]?.origin == .file("/etc/millrace/millrace.yaml", line: 2))
        #expect(found["dynamodb"]?.url == "https://dynamodb.test" && found["dynamodb"]?.repeatsUnknownOutcome == true)
    }

    @Test func functionsAreRead() throws {
        let found = try integrations(
            """
            lambda:
              count:
                command: [bin/count, -l]
                timeout-seconds: 5
                environment: {A: b, N: 1}
                working-directory: work
                maxConcurrency: 2
              plain:
                command: cat
            """
        ).functions
        let count = try #require(found["count"])
        #expect(count.command == ["/etc/millrace/bin/count", "-l"])
        #expect(count.timeoutSeconds == 5 && count.maxConcurrency == 2)
        #expect(count.environment.map { "\($0.name)=\($0.value)" } == ["A=b", "N=1"])
        #expect(count.workingDirectory == "/etc/millrace/work")
        #expect(found["plain"]?.command == ["cat"] && found["plain"]?.timeoutSeconds == 60)
    }

    @Test(arguments: [
        ("endpoints: [a]", "line 1, column 12: 'endpoints' must hold names and what they stand for"),
        ("endpoints: {sqs: sqs.test}", "'endpoints.sqs' must be a URL such as http://127.0.0.1:9000, found 'sqs.test'"),
        ("endpoints: {sqs: {unknown-outcome: retry}}", "'endpoints.sqs.url' is missing"),
        (
            "endpoints: {sqs: {url: \"http://a\", unknown-outcome: maybe}}",
            "'endpoints.sqs.unknown-outcome' must be fail or retry, found 'maybe'"
        ),
        ("endpoints: {\"a/b\": \"http://a\"}", "a service's name has letters, digits, '-' and '_' only"),
        ("lambda: {f: {}}", "'lambda.f.command' is missing"), ("lambda: {f: cat}", "'lambda.f' must hold some of command,"),
        ("lambda: {f: {command: []}}", "must be a program, or a list of a program and its arguments"),
        (
            "lambda: {f: {command: a, timeout: 3}}",
            "'lambda.f.timeout' is no setting; there are command, timeout-seconds, environment,"
        ),
        ("lambda: {f: {command: a, timeout-seconds: 901}}", "must be a whole number from 1 to 900, found '901'"),
        ("lambda: {f: {command: a, environment: {\"A=B\": c}}}", "'A=B' cannot be a variable's name"),
        ("lambda: {\"a b\": {command: a}}", "a function's name has at most 64 letters, digits, '-' and '_'"),
        ("lambdas: {}", "'lambdas' is no setting. Did you mean 'lambda'?"),
    ])
    func whatMayNotBeIsRefused(_ text: String, _ message: String) {
        let error = #expect(throws: SettingsError.self) { try integrations(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
