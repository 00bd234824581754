package import JSONModel
package import Support

/// A JSONata 2.0.6 expression, parsed and resolved once, evaluated any number of times from any thread.
package struct JSONataExpression: Sendable {
    package let text: String
    package let dialect: JSONataDialect
    /// The variables that the expression reads and nothing left of it binds, without their `$`: what a caller has to
    /// provide (`states` for `$states`). Built-in functions and the input (`$`, `$$`) are not among them.
    package let freeVariables: Set<String>
    /// The built-in functions that it reads, without their `$`. A binding of that name hides one.
    package let builtins: Set<String>
    private let program: Program

    /// - Throws: `JSONataError` with a code `S....` and the position of the offence, `U1001` for an expression that nests
    ///   too deeply.
    package init(parsing text: String, dialect: JSONataDialect = .stepFunctions) throws(JSONataError) {
        do throws(Failure) {
            var parser = Parser(text)
            var builder = PathBuilder()
            let root = try builder.buildExpression(try parser.parse())
            var resolver = Resolver()
            resolver.resolve(root)
            let library = Builtins.all(dialect)
            program = Program(root: root, variables: resolver.globals, library: library)
            let read = resolver.read.filter { !$0.isEmpty && $0 != "$" }
            freeVariables = read.filter { library[$0] == nil }
            builtins = read.filter { library[$0] != nil }
        } catch {
            throw error.error
        }
        self.text = text
        self.dialect = dialect
    }

    /// The expression's value; nil when it is undefined. Numbers come out as JavaScript writes them.
    /// - Parameters:
    ///   - input: what `$` and `$$` are; nil for undefined, as in a state machine.
    ///   - bindings: values of variables, by names without `$`. They hide built-in functions of the same name.
    /// - Throws: `JSONataError`; among others `U1001` when a limit is exceeded, and an error whose
    ///   `isUnsupportedResult` is set when the value is a function.
    package func evaluate(
        _ input: JSONValue?, bindings: [String: JSONValue] = [:], in environment: JSONataEnvironment
    ) throws(JSONataError) -> JSONValue? {
        let evaluator = Evaluator(environment)
        let root = input.map { Value($0) } ?? .undefined
        let frame = Frame(parent: nil, slotCount: 0)
        frame.slots = program.variables.map { variable in
            if variable.name == "$" { return root }
            if !bindings.isEmpty, let value = bindings[variable.name] { return Value(value) }
            return variable.builtin
        }
        defer { evaluator.finish() }
        do throws(Failure) {
            var context = root
            if case .array = root { context = .array(ArrayBox([root], [.sequence, .outerWrapper])) }
            return try Output.json(try evaluator.evaluate(program.root, context, frame), evaluator)
        } catch {
            throw error.error
        }
    }
}

/// What an expression became. Nothing in it changes after the initialiser, so threads may share it.
private final class Program: @unchecked Sendable {
    let root: Node
    /// The outermost frame: each name, and the built-in function of that name or unset.
    let variables: [(name: String, builtin: Value)]

    init(root: Node, variables: [String], library: [String: Builtin]) {
        self.root = root
        self.variables = variables.map { name in
            (name, library[name].map { .function(FunctionBox(.builtin($0))) } ?? .unset)
        }
    }
}

/// Which functions there are.
package enum JSONataDialect: Sendable, Hashable {
    /// JSONata 2.0.6 as AWS Step Functions runs it: with `$partition`, `$range`, `$hash`, `$uuid`, `$parse` and a
    /// `$random` that takes a seed, without `$eval`.
    case stepFunctions
    /// JSONata 2.0.6 as published, except that it has no `$eval`.
    case standard
}

/// What one evaluation may use, so that no expression exhausts the process.
package struct JSONataLimits: Sendable, Hashable {
    /// Nodes evaluated and elements handled by functions. Exceeding it is the evaluation's time-out: cores read no clock.
    /// The default is worth about a second.
    package var steps: Int
    /// Nested evaluations of nodes. The thread's stack limits them, too.
    package var depth: Int
    /// Bytes of values made, roughly, those that have been dropped included.
    package var memoryBytes: Int

    package init(steps: Int = 20_000_000, depth: Int = 10_000, memoryBytes: Int = 1 << 29) {
        self.steps = steps
        self.depth = depth
        self.memoryBytes = memoryBytes
    }

    package static let `default` = JSONataLimits()
}

/// What an evaluation takes from outside: equal environments give equal results.
package struct JSONataEnvironment: Sendable {
    /// `$now()` and `$millis()`, the same all through one evaluation.
    package var now: Timestamp
    /// Of `$random()`, `$uuid()` and `$shuffle()`.
    package var seed: UInt64
    package var limits: JSONataLimits

    package init(now: Timestamp, seed: UInt64, limits: JSONataLimits = .default) {
        self.now = now
        self.seed = seed
        self.limits = limits
    }
}
