package import JSONModel
package import JSONPath
package import Support

package enum StateType: String, Sendable, Hashable, CaseIterable {
    case task = "Task"
    case wait = "Wait"
    case pass = "Pass"
    case succeed = "Succeed"
    case fail = "Fail"
    case choice = "Choice"
    case parallel = "Parallel"
    case map = "Map"
}

/// One state. A field that its type does not have is nil or empty.
package final class StateDefinition: Sendable {
    package let name: String
    package let type: StateType
    package let comment: String?
    package let queryLanguage: QueryLanguage
    package let inputPath: DataPath
    package let outputPath: DataPath
    /// `Parameters`, or `Arguments` in JSONata.
    package let parameters: PayloadTemplate?
    package let resultSelector: PayloadTemplate?
    package let resultPath: ResultPath
    package let assign: PayloadTemplate?
    /// JSONata's `Output`.
    package let output: PayloadTemplate?
    /// Nil for Choice, Succeed and Fail.
    package let transition: Transition?
    package let retriers: [Retrier]
    package let catchers: [Catcher]
    package let body: StateBody

    /// Whether a machine may end with it.
    var isTerminal: Bool { transition == .end || type == .succeed || type == .fail }

    init(_ fields: StateFields, name: String, body: StateBody) {
        self.name = name
        type = body.type
        comment = fields.comment
        queryLanguage = fields.queryLanguage
        inputPath = fields.inputPath
        outputPath = fields.outputPath
        parameters = fields.parameters
        resultSelector = fields.resultSelector
        resultPath = fields.resultPath
        assign = fields.assign
        output = fields.output
        transition = fields.transition
        retriers = fields.retriers
        catchers = fields.catchers
        self.body = body
    }
}

/// The fields that several types share, while they are being read.
struct StateFields {
    var comment: String?
    var queryLanguage = QueryLanguage.jsonPath
    var inputPath = DataPath.whole
    var outputPath = DataPath.whole
    var parameters: PayloadTemplate?
    var resultSelector: PayloadTemplate?
    var resultPath = ResultPath.replace
    var assign: PayloadTemplate?
    var output: PayloadTemplate?
    var transition: Transition?
    var retriers: [Retrier] = []
    var catchers: [Catcher] = []
}

package enum Transition: Sendable, Hashable {
    case next(String)
    case end
}

/// `InputPath` and `OutputPath`.
package enum DataPath: Sendable, Hashable {
    /// `$`, which is what an absent field means.
    case whole
    /// `null`: an empty object.
    case empty
    case path(PathExpression)
}

/// Where a result goes in the state's raw input.
package enum ResultPath: Sendable, Hashable {
    /// `$`: the result is the output.
    case replace
    /// `null`: the input is the output.
    case discard
    case set(ReferencePath)
}

/// What a type of state does.
package enum StateBody: Sendable {
    case pass(result: JSONValue?)
    case task(TaskFields)
    case choice(ChoiceFields)
    case wait(WaitDuration)
    case succeed
    case fail(FailFields)
    case parallel([StateGroup])
    case map(MapFields)

    package var type: StateType {
        switch self {
        case .pass: .pass
        case .task: .task
        case .choice: .choice
        case .wait: .wait
        case .succeed: .succeed
        case .fail: .fail
        case .parallel: .parallel
        case .map: .map
        }
    }
}

/// A number as a literal, a path to one or an expression.
package enum NumberField<Value: Sendable>: Sendable {
    case literal(Value)
    case path(PathExpression)
    case expression(JSONataField)
}

package struct TaskFields: Sendable {
    package var resource: TaskResource
    package var timeoutSeconds: NumberField<Int64>?
    package var heartbeatSeconds: NumberField<Int64>?
    package var credentials: PayloadTemplate?
}

package enum WaitDuration: Sendable {
    case seconds(Int64)
    case secondsPath(PathExpression)
    case timestamp(Timestamp)
    case timestampPath(PathExpression)
    case secondsExpression(JSONataField)
    case timestampExpression(JSONataField)
}

/// A text as a literal, a path, an intrinsic function or an expression.
package enum TextField: Sendable {
    case literal(String)
    case path(PathExpression)
    case intrinsic(IntrinsicCall, text: String)
    case expression(JSONataField)
}

package struct FailFields: Sendable {
    package var error: TextField?
    package var cause: TextField?
}

package struct MapFields: Sendable {
    package var processor: StateGroup
    /// Nil in INLINE mode.
    package var distributed: DistributedMapFields?
    /// Nil for the whole input.
    package var itemsPath: PathExpression?
    /// JSONata's `Items`; nil for the whole input.
    package var items: PayloadTemplate?
    /// `ItemSelector`, or `Parameters` of old definitions.
    package var itemSelector: PayloadTemplate?
    /// Nil for no limit.
    package var maxConcurrency: NumberField<Int64>?
    package var toleratedFailureCount: NumberField<Int64>?
    package var toleratedFailurePercentage: NumberField<Double>?
}

package struct Retrier: Sendable, Hashable {
    package enum Jitter: String, Sendable, Hashable { case none = "NONE", full = "FULL" }

    package var errorEquals: [String]
    package var intervalSeconds: Int64 = 1
    package var maxAttempts: Int64 = 3
    package var backoffRate: Double = 2
    package var maxDelaySeconds: Int64?
    package var jitter = Jitter.none
}

package struct Catcher: Sendable {
    package var errorEquals: [String]
    package var next: String
    package var resultPath: ResultPath
    package var assign: PayloadTemplate?
    package var output: PayloadTemplate?
}

package struct ChoiceFields: Sendable {
    package var rules: [ChoiceRule]
    package var defaultNext: String?
}

package struct ChoiceRule: Sendable {
    package var condition: ChoiceCondition
    package var next: String
    package var assign: PayloadTemplate?
    package var output: PayloadTemplate?
}

package indirect enum ChoiceCondition: Sendable {
    case and([ChoiceCondition])
    case or([ChoiceCondition])
    case not(ChoiceCondition)
    /// `name` is the operator as written, such as `NumericGreaterThanEqualsPath`.
    case compare(variable: PathExpression, Comparison, ComparisonOperand, name: String)
    case test(variable: PathExpression, TypeTest, expected: Bool)
    /// JSONata's `Condition`.
    case expression(JSONataField)
    case constant(Bool)

    package enum Comparison: Sendable, Hashable {
        case stringEquals, stringLessThan, stringGreaterThan, stringLessThanEquals, stringGreaterThanEquals
        case numericEquals, numericLessThan, numericGreaterThan, numericLessThanEquals, numericGreaterThanEquals
        case timestampEquals, timestampLessThan, timestampGreaterThan, timestampLessThanEquals
        case timestampGreaterThanEquals
        case booleanEquals, stringMatches
    }

    package enum TypeTest: Sendable, Hashable {
        case isNull, isPresent, isNumeric, isString, isBoolean, isTimestamp
    }
}

package enum ComparisonOperand: Sendable {
    case literal(JSONValue)
    case path(PathExpression)
}
