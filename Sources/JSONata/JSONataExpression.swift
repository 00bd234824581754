package import JSONModel
package import Support

/// A JSONata 2.0.6 expression, parsed and resolved once, evaluated any number of times from any thread.
package struct JSONataExpression: Sendable {
    package let text: String
    package let dialect: JSONataDialect
    /// The variables that the expression reads and nothing in it binds, without their `$`: what a caller has to provide
    /// (`states` for `$states`). Built-in functions and the input (`$`, `$$`) are not among them.
    package let freeVariables: Set<String>

    /// - Throws: `JSONataError` with a code `S....` and the position of the offence.
    package init(
        parsing text: String, dialect: JSONataDialect = .stepFunctions, limits: JSONataLimits = .default
    ) throws(JSONataError) {
        self.text = text
        self.dialect = dialect
        freeVariables = []
        throw JSONataError(code: "S0500", message: "Attempted to evaluate an expression containing syntax error(s)", position: 0)
    }

    /// The expression's value; nil when it is undefined.
    /// - Parameters:
    ///   - input: what `$` and `$$` are; nil for undefined, as in a state machine.
    ///   - bindings: values of variables, by names without `$`. They hide built-in functions of the same name.
    /// - Throws: `JSONataError`; among others `U1001` when a limit is exceeded, and an error whose
    ///   `isUnsupportedResult` is set when the value is a function.
    package func evaluate(
        _ input: JSONValue?, bindings: [String: JSONValue] = [:], in environment: JSONataEnvironment
    ) throws(JSONataError) -> JSONValue? {
        nil
    }
}

/// Which functions there are.
package enum JSONataDialect: Sendable, Hashable {
    /// JSONata 2.0.6 as AWS Step Functions runs it: `$partition`, `$range`, `$hash`, `$uuid`, `$parse` and a `$random`
    /// that takes a seed; no `$eval`.
    case stepFunctions
    /// JSONata 2.0.6 as published, with `$eval`.
    case standard
}

/// What one evaluation may use, so that no expression exhausts the process.
package struct JSONataLimits: Sendable, Hashable {
    /// Evaluations of nodes of the expression and of elements inside functions. Exceeding it is the evaluation's
    /// time-out: cores read no clock.
    package var steps: Int
    /// Nested evaluations of nodes. The thread's stack limits them, too.
    package var depth: Int
    /// Bytes of values made, those that have been dropped included.
    package var memoryBytes: Int

    package init(steps: Int = 20_000_000, depth: Int = 10_000, memoryBytes: Int = 1 << 30) {
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
