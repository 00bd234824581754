/// A part of an expression. The parser makes nodes, `PathBuilder` joins them to paths, `Resolver` gives variables their
/// slots; from then on nothing changes.
final class Node {
    enum Kind {
        // Made by the parser alone; gone after `PathBuilder`.
        case dot, filter, groupBy, orderBy, focusBinding, indexBinding, keyword, end
        // What is evaluated.
        case path, sort
        case name, string, number, constant, regex, variable
        case wildcard, descendants, parent
        case binary, and, or, negate, range
        case array, object, block, condition, bind
        case call, partial, placeholder, lambda, apply, transform, tailCall
    }

    var kind: Kind
    let position: Int
    /// A name, a variable's name without `$`, a string, an operator.
    var text: String
    var number = 0.0
    var constant: Value = .undefined
    var op: Operator?

    var lhs: Node?
    var rhs: Node?
    /// Of `condition` the `else`, of `transform` the deletions.
    var third: Node?
    /// Steps, items, arguments, or the expressions of a block.
    var nodes: [Node] = []
    /// Of an object or a group-by.
    var pairs: [(key: Node, value: Node)] = []
    var terms: [(expression: Node, isDescending: Bool)] = []
    var signature: Signature?
    var regex: Regex?

    /// Filters behind something that is not a step of a path.
    var predicates: [Stage]?
    /// Filters and position bindings behind a step.
    var stages: [Stage]?
    var group: Group?
    /// `[]` follows.
    var keepsArray = false
    /// Of a path: some step has `[]`.
    var keepsSingleton = false
    /// An array constructor whose result steps do not flatten.
    var isConstructor = false
    /// Its result carries bindings: the path goes on as a stream of tuples.
    var isTuple = false
    var focus: String?
    var index: String?
    /// Where `%` further right finds what this step starts from.
    var ancestor: ParentSlot?
    /// The parents that this part looks for outside of itself.
    var seeking: [ParentSlot] = []
    /// Of `%` itself.
    var slot: ParentSlot?
    /// How deeply nodes nest below.
    var height = 1

    // Set by `Resolver`.
    /// Where a variable may be found, nearest first.
    var places: [Place] = []
    /// The number of the variable's, the focus', the index' or the ancestor's name.
    var nameID = -1
    var focusID = -1
    var indexID = -1
    var ancestorID = -1
    /// How many variables the scope has that the node opens; -1 when it opens none.
    var slotCount = -1
    /// Of a step that runs once per tuple: how many variables its own frame has; -1 for another.
    var stepSlotCount = -1

    init(_ kind: Kind, _ text: String = "", at position: Int) {
        self.kind = kind
        self.text = text
        self.position = position
    }

    struct Stage {
        enum Kind { case filter(Node), index(String, id: Int) }
        var kind: Kind
        var slotCount = -1
    }

    final class Group {
        var pairs: [(key: Node, value: Node)]
        let position: Int
        var slotCount = -1

        init(pairs: [(key: Node, value: Node)], position: Int) {
            self.pairs = pairs
            self.position = position
        }
    }

    /// One place where a variable may be bound.
    enum Place {
        case slot(up: Int, index: Int)
        /// In the tuple of a frame, if that has one and it binds the name.
        case tuple(up: Int)
    }
}

/// What `%` refers to: the context of the step `level` steps to the left, known by `label` in tuples.
final class ParentSlot {
    var label: String
    var level = 1
    let number: Int

    init(label: String, number: Int) {
        self.label = label
        self.number = number
    }
}

enum Operator: String {
    case add = "+", subtract = "-", multiply = "*", divide = "/", modulo = "%"
    case equal = "=", notEqual = "!="
    case less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    case concatenate = "&"
    case contained = "in"
}
