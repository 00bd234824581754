import ArgumentParser
import JSONModel
import JSONPath
import JSONata
import StatesLanguage
import StatesRuntime
import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The expressions that a state machine may hold, tried out without a server.
struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Evaluate an expression of a state machine on data; no server needed.",
        discussion: """
            jsonata is what stands in {% %}, jsonpath a path with Jayway's rules, intrinsic a call such as \
            States.Format('{}', $.a) in a Pass state. The value is printed as JSON. A path begins with $, as a state \
            machine needs it; with --jayway, $. may be left out.

            With --json the answer is an object: {"result": ...}, {"undefined": true} or {"error": code, "message": \
            ..., "position": ...}, the last with status 1.

            With --batch each line of standard input is {"expr": ..., "data": ..., "bindings": {...}, "state": ...}, of \
            which all but expr may be missing, and is answered by a line as with --json. The last names the state that an \
            intrinsic stands in.

            EXAMPLES
              millrace eval jsonata '$states.input.orders[total > 10].id' --variable 'states={"input": {"orders": []}}'
              millrace eval jsonata '$sum(lines.(qty * price))' --data order.json
              millrace eval jsonpath '$..price' --data order.json
              millrace eval intrinsic "States.StringSplit('a,b', ',')"
            """)

    @Argument(help: "The language of the expression.")
    var language: ExpressionLanguage
    @Argument(help: ArgumentHelp("The expression, or @FILE.", valueName: "expression"))
    var expression: String?
    @Option(name: .shortAndLong, help: "The JSON file that it is evaluated on; - is standard input.", completion: .file(extensions: ["json"]))
    var data: String?
    @Option(help: ArgumentHelp("A variable of JSONata, without its $.", valueName: "NAME=JSON"))
    var variable: [String] = []
    @Flag(help: "Evaluate the expressions of standard input, one JSON object a line.")
    var batch = false
    @Flag(help: "Read a path as Jayway's library does, which does not need the $.")
    var jayway = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if batch, expression != nil || data != nil || !variable.isEmpty {
            throw ValidationError("--batch reads expressions, data and variables from standard input; give nothing else")
        }
        if !batch, expression == nil { throw ValidationError("give an expression, or --batch") }
        if !variable.isEmpty, language != .jsonata { throw ValidationError("--variable is for jsonata") }
        if jayway, language != .jsonpath { throw ValidationError("--jayway is for jsonpath") }
    }

    func run() throws {
        if batch {
            // Whoever writes a line at a time waits for its answer.
            while let line = readLine() {
                print(answer(line).text)
                fflush(nil)
            }
            return
        }
        var evaluation = Evaluation(language: language, isJayway: jayway, expression: try readArgument(expression ?? ""))
        if let data { evaluation.data = try Self.json(try readText(data), "--data \(data)") }
        for text in variable {
            let name = text.prefix { $0 != "=" }
            guard !name.isEmpty, name.endIndex < text.endIndex else {
                throw ValidationError("--variable takes NAME=JSON, found '\(text)'")
            }
            evaluation.bindings[String(name)] = try Self.json(
                String(text.dropFirst(name.count + 1)), "--variable \(name)")
        }
        let outcome = evaluation.outcome()
        if output.json {
            printDocument(.object(outcome.document))
            if case .failed = outcome { throw ExitCode(ExitStatus.failed.rawValue) }
            return
        }
        switch outcome {
        case .result(let value): print(value.prettyText)
        case .undefined: note("undefined: the expression found nothing")
        case .failed(let code, let message, let position):
            let place = position.map { " at character \($0)" } ?? ""
            throw CommandFailure("\(code)\(place): \(message)")
        }
    }

    private static func json(_ text: String, _ place: String) throws -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw CommandFailure("\(place) is not JSON: \(error)")
        }
    }

    private func answer(_ line: String) -> JSONValue {
        let request: JSONValue
        do {
            request = try JSONValue(parsing: line)
        } catch {
            return ["error": "invalidRequest", "message": "not JSON: \(error.description)"]
        }
        guard let expression = request["expr"]?.string else {
            return ["error": "invalidRequest", "message": "the line has no text 'expr'"]
        }
        var evaluation = Evaluation(language: language, isJayway: jayway, expression: expression, data: request["data"])
        for (name, value) in request["bindings"]?.object ?? [:] { evaluation.bindings[name] = value }
        if let state = request["state"]?.string { evaluation.state = state }
        evaluation.depth = request["depth"]?.int64.flatMap { Int(exactly: $0) }
        return .object(evaluation.outcome().document)
    }
}

enum ExpressionLanguage: String, ExpressibleByArgument, CaseIterable {
    case jsonata, jsonpath, intrinsic
}

/// One expression and what it is evaluated on.
private struct Evaluation {
    enum Outcome {
        case result(JSONValue)
        case undefined
        case failed(code: String, message: String, position: Int?)

        var document: JSONObject {
            switch self {
            case .result(let value): return ["result": value]
            case .undefined: return ["undefined": true]
            case .failed(let code, let message, let position):
                var answer: JSONObject = ["error": .string(code), "message": .string(message)]
                if let position { answer["position"] = .number(position) }
                return answer
            }
        }
    }

    var language: ExpressionLanguage
    var isJayway: Bool
    var expression: String
    var data: JSONValue?
    var bindings: [String: JSONValue] = [:]
    /// The name of the state that an intrinsic stands in.
    var state = SingleState.standardName
    /// The limit on nested evaluations, when it is not the standard one.
    var depth: Int?

    func outcome() -> Outcome {
        switch language {
        case .jsonata: jsonata()
        case .jsonpath: jsonPath()
        case .intrinsic: intrinsic()
        }
    }

    private func jsonata() -> Outcome {
        var environment = JSONataEnvironment(now: SystemWallClock().now(), seed: .random(in: .min ... .max))
        if let depth { environment.limits.depth = depth }
        do {
            let value = try JSONataExpression(parsing: expression).evaluate(data, bindings: bindings, in: environment)
            return value.map { .result($0) } ?? .undefined
        } catch {
            return .failed(code: error.code, message: error.message, position: error.position)
        }
    }

    private func jsonPath() -> Outcome {
        let path: JSONPath
        do {
            path = try isJayway ? JSONPath(jayway: expression) : JSONPath(expression)
        } catch {
            return .failed(code: "invalidPath", message: error.message, position: nil)
        }
        do {
            return .result(try path.evaluate(in: data ?? [:]))
        } catch {
            return .failed(code: "notFound", message: error.message, position: nil)
        }
    }

    /// Runs a Pass state that has the call as its only parameter.
    private func intrinsic() -> Outcome {
        let pass: JSONValue = ["Type": "Pass", "Parameters": ["value.$": .string(expression)], "End": true]
        let machine: JSONValue = ["StartAt": .string(state), "States": .object([state: pass])]
        let now = SystemWallClock().now()
        let identity = ExecutionIdentity(
            executionArn: "arn:aws:states:us-east-1:123456789012:execution:eval:eval", executionName: "eval",
            stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:eval", stateMachineName: "eval",
            roleArn: "arn:aws:iam::123456789012:role/eval", region: "us-east-1", account: "123456789012", startTime: now,
            input: Payload(data ?? [:]))
        do {
            guard let single = try SingleState(parsing: machine.text, name: state) else { return .undefined }
            var test = StateTest(single, execution: identity, setting: StateTestSetting())
            let seed = StepSeed(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
            _ = try test.run(in: StepContext(now: now, seed: seed))
            if let value = test.output?.value["value"] { return .result(value) }
            return .failed(
                code: test.error?.error ?? "States.Runtime", message: test.error?.cause ?? "The call failed", position: nil)
        } catch let error as DefinitionError {
            let message = error.diagnostics.first?.message ?? "The call cannot be parsed"
            return .failed(code: "invalidDefinition", message: message, position: nil)
        } catch {
            return .failed(code: "States.Runtime", message: "\(error)", position: nil)
        }
    }
}
