/// A function as a value.
final class FunctionBox {
    enum Kind {
        case builtin(Builtin)
        case lambda(Node, Frame, input: Value)
        /// Parameters that are still open are unset.
        case partialLambda(Node, Frame, input: Value, bound: [Value])
        case partialBuiltin(Builtin, bound: [Value])
        /// The first, then the second.
        case composed(FunctionBox, FunctionBox)
        case matcher(Regex)
        /// The `next` of a match.
        case nextMatch(Regex, Subject, from: Int)
        case transform(Node, Frame, input: Value)
    }

    let kind: Kind
    /// How deeply functions and values nest in it, besides what frames hold.
    let height: Int

    init(_ kind: Kind) {
        self.kind = kind
        height =
            switch kind {
            case .builtin, .matcher, .nextMatch: 1
            case .lambda(_, _, let input), .transform(_, _, let input): input.height + 1
            case .partialLambda(_, _, let input, let bound): bound.reduce(input.height) { max($0, $1.height) } + 1
            case .partialBuiltin(_, let bound): bound.reduce(0) { max($0, $1.height) } + 1
            case .composed(let first, let second): max(first.height, second.height) + 1
            }
    }

    /// How many arguments functions that call it back may pass.
    var arity: Int {
        switch kind {
        case .builtin(let builtin): builtin.arity
        case .lambda(let node, _, _): node.nodes.count
        case .partialLambda(let node, _, _, let bound): bound.prefix(node.nodes.count).count { $0.isUnset }
        case .partialBuiltin(_, let bound): bound.count { $0.isUnset }
        case .matcher: 2
        case .nextMatch: 0
        case .composed, .transform: 1
        }
    }
}

/// A function of the library.
struct Builtin: Sendable {
    typealias Body = @Sendable (Evaluator, [Value], Value) throws(Failure) -> Value

    let name: String
    let signature: Signature
    /// How many arguments functions that call it back may pass.
    let arity: Int
    /// Takes as many arguments as the signature has parameters, and the context.
    let body: Body
}

extension Value {
    var isUnset: Bool { if case .unset = self { true } else { false } }
}
