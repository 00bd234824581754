import Support

/// One evaluation of an expression. Recursion follows the expression and its functions' calls, and ends at the limits.
final class Evaluator {
    let now: Timestamp
    var random: SeededRandom
    private let limits: JSONataLimits
    private var stepsLeft: Int
    private var memoryLeft: Int
    private var depth = 0
    /// Calls that have not returned: functions that call back nest without nodes around them.
    private var calls = 0
    private let stack = StackGuard()
    /// Frames that functions hold: kept to the end, then emptied, so that no cycle outlives the evaluation.
    private var keptFrames: [Frame] = []
    /// Of the last date that was written: the next is mostly alike.
    private var picture: (text: String, picture: DatePicture)?
    /// The call that a function ended with, to be made by whoever called the function.
    private var tail: (call: Node, input: Value, frame: Frame)?

    /// Nested arrays and objects beyond this are refused: walking them takes stack.
    static let maxHeight = 1_000

    init(_ environment: JSONataEnvironment) {
        now = environment.now
        random = SeededRandom(seed: environment.seed)
        limits = environment.limits
        stepsLeft = limits.steps
        memoryLeft = limits.memoryBytes
    }

    /// Drops what functions hold.
    func finish() {
        for frame in keptFrames { frame.slots = [] }
        keptFrames = []
        tail = nil
    }

    func datePicture(_ text: String) throws(Failure) -> DatePicture {
        if let picture, picture.text == text { return picture.picture }
        let parsed = try DatePicture(text)
        picture = (text, parsed)
        return parsed
    }

    // MARK: - Limits

    func step(_ count: Int = 1) throws(Failure) {
        stepsLeft -= count
        if stepsLeft < 0 { throw .timeout }
    }

    /// Accounts for memory that values take, as `Cost` has it.
    func charge(_ bytes: Int) throws(Failure) {
        memoryLeft -= bytes
        if memoryLeft < 0 || bytes < 0 { throw .memory }
    }

    func chargeItems(_ count: Int) throws(Failure) {
        try step(count)
        try charge(count.multipliedReportingOverflow(by: Cost.element).overflow ? .max : count * Cost.element)
    }

    /// Accounts for a text that has been made; short ones take nothing beside the value.
    func chargeText(_ count: Int) throws(Failure) {
        if count > 15 { try charge(32 + count) }
    }

    private func enter() throws(Failure) {
        stepsLeft -= 1
        if stepsLeft < 0 { throw .timeout }
        depth += 1
        if depth >= limits.depth { throw .stackOverflow }
        if depth & 15 == 0, stack.isLow { throw .stackOverflow }
    }

    func checked(_ value: Value) throws(Failure) -> Value {
        if value.height > Self.maxHeight { throw .memory }
        return value
    }

    private func keep(_ frame: Frame) throws(Failure) {
        var next: Frame? = frame
        while let frame = next, !frame.isKept {
            frame.isKept = true
            keptFrames.append(frame)
            try charge(Cost.frame + Cost.element * frame.slots.count)
            next = frame.parent
        }
    }

    // MARK: - Nodes

    func evaluate(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        switch node.kind {
        case .name where node.predicates == nil && node.group == nil:
            try step()
            return normalize(try lookup(input, node.text), node)
        case .variable where node.predicates == nil && node.group == nil:
            try step()
            return normalize(variable(node, input, frame), node)
        case .string, .number, .constant:
            if node.predicates == nil, node.group == nil { return node.constant }
        default: break
        }
        try enter()
        var result = try dispatch(node, input, frame)
        if let predicates = node.predicates {
            for stage in predicates {
                guard case .filter(let predicate) = stage.kind else { continue }
                result = .array(try filter(result, predicate, frame, tupleSlots: stage.slotCount))
            }
        }
        if let group = node.group, node.kind != .path {
            result = try self.group(group.pairs, group.position, items(result), frame, tupleSlots: group.slotCount)
        }
        depth -= 1
        return normalize(try checked(result), node)
    }

    /// A sequence of one item becomes the item, an empty one undefined.
    private func normalize(_ value: Value, _ node: Node) -> Value {
        guard case .array(let box) = value, box.isSequence, !box.isTupleStream else { return value }
        if node.keepsArray { box.flags.insert(.keepSingleton) }
        switch box.count {
        case 0: return .undefined
        case 1: return box.flags.contains(.keepSingleton) ? value : box[0]
        default: return value
        }
    }

    private func dispatch(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        switch node.kind {
        case .path: return try path(node, input, frame)
        case .name: return try lookup(input, node.text)
        case .variable, .parent: return variable(node, input, frame)
        case .string, .number, .constant: return node.constant
        case .binary, .range: return try binary(node, input, frame)
        case .and, .or: return try logical(node, input, frame)
        case .negate: return try negate(node, input, frame)
        case .array: return try array(node, input, frame)
        case .object: return try object(node, input, frame)
        case .block:
            let inner = node.slotCount > 0 ? Frame(parent: frame, slotCount: node.slotCount) : frame
            var result = Value.undefined
            for child in node.nodes { result = try evaluate(child, input, inner) }
            return result
        case .condition:
            guard let condition = node.lhs, let then = node.rhs else { return .undefined }
            if try truth(try evaluate(condition, input, frame)) { return try evaluate(then, input, frame) }
            guard let otherwise = node.third else { return .undefined }
            return try evaluate(otherwise, input, frame)
        case .bind:
            guard let expression = node.rhs, case .slot(_, let index)? = node.places.first else { return .undefined }
            let value = try evaluate(expression, input, frame)
            frame.slots[index] = value
            return value
        case .call: return try call(node, input, frame)
        case .tailCall: return deferCall(node, input, frame)
        case .partial: return try partial(node, input, frame)
        case .lambda:
            try keep(frame)
            try charge(Cost.function)
            return .function(FunctionBox(.lambda(node, frame, input: input)))
        case .transform:
            try keep(frame)
            try charge(Cost.function)
            return .function(FunctionBox(.transform(node, frame, input: input)))
        case .apply: return try applyOperator(node, input, frame)
        case .regex: return node.regex.map { .function(FunctionBox(.matcher($0))) } ?? .undefined
        case .wildcard: return .array(try wildcard(input))
        case .descendants: return try descendants(input)
        default: return .undefined
        }
    }

    func variable(_ node: Node, _ input: Value, _ frame: Frame) -> Value {
        if node.kind == .variable, node.text.isEmpty {
            if case .array(let box) = input, box.flags.contains(.outerWrapper) { return box[0] }
            return input
        }
        return find(node, frame)
    }

    /// The nearest binding of what `node` names.
    private func find(_ node: Node, _ frame: Frame) -> Value {
        var current = frame
        var level = 0
        func climb(_ up: Int) {
            while level < up, let parent = current.parent {
                current = parent
                level += 1
            }
        }
        for place in node.places {
            switch place {
            case .slot(let up, let index):
                climb(up)
                guard index < current.slots.count else { continue }
                let value = current.slots[index]
                if !value.isUnset { return value }
            case .tuple(let up):
                climb(up)
                if let value = current.tuple?[node.nameID] { return value }
            }
        }
        return .undefined
    }

    private func array(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        let result = ArrayBox()
        if node.isConstructor { result.flags = .constructed }
        // A range alone is not copied.
        if node.nodes.count == 1, node.nodes[0].kind == .range,
            case .array(let box) = try evaluate(node.nodes[0], input, frame), box.count > 1
        {
            box.flags = result.flags
            return .array(box)
        }
        try charge(Cost.array)
        for item in node.nodes {
            let value = try evaluate(item, input, frame)
            switch value {
            case .undefined: continue
            case .array(let box) where item.kind != .array:
                try chargeItems(box.count)
                result.append(contentsOf: box)
            default:
                try charge(Cost.element)
                result.append(value)
            }
        }
        return .array(result)
    }

    private func negate(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        guard let operand = node.lhs else { return .undefined }
        let value = try evaluate(operand, input, frame)
        switch value {
        case .undefined: return .undefined
        case .number(let number) where !number.isNaN:
            if number.isInfinite { throw Failure("D1001", value: value) }
            return .number(-number)
        default: throw Failure("D1002", position: node.position, token: "-", value: value)
        }
    }

    // MARK: - Functions

    private func call(
        _ node: Node, _ input: Value, _ frame: Frame, applyingTo first: Value? = nil
    ) throws(Failure) -> Value {
        let (function, arguments) = try callee(node, input, frame, applyingTo: first)
        return try call(node, function, arguments, context: input)
    }

    private func callee(
        _ node: Node, _ input: Value, _ frame: Frame, applyingTo first: Value? = nil
    ) throws(Failure) -> (Value, [Value]) {
        guard let procedure = node.lhs else { return (.undefined, []) }
        let function = try evaluate(procedure, input, frame)
        if function.isUndefined, procedure.kind == .path, Self.isTruthy(find(node, frame)) {
            throw Failure("T1005", position: node.position, token: procedure.nodes[0].text)
        }
        var arguments: [Value] = []
        arguments.reserveCapacity(node.nodes.count + (first == nil ? 0 : 1))
        if let first { arguments.append(first) }
        for argument in node.nodes { arguments.append(try evaluate(argument, input, frame)) }
        return (function, arguments)
    }

    private func call(
        _ node: Node, _ function: Value, _ arguments: [Value], context: Value
    ) throws(Failure) -> Value {
        guard case .function(let box) = function else {
            throw Failure("T1006", position: node.position, token: Self.calleeName(node))
        }
        return try apply(box, arguments, context: context, call: node)
    }

    /// As JavaScript has it, where functions and all arrays and objects count.
    private static func isTruthy(_ value: Value) -> Bool {
        switch value {
        case .undefined, .unset, .null: false
        case .bool(let value): value
        case .number(let value): value != 0 && !value.isNaN
        case .string(let text): !text.isEmpty
        default: true
        }
    }

    private static func calleeName(_ node: Node) -> String? {
        guard let procedure = node.lhs else { return nil }
        switch procedure.kind {
        case .path: return procedure.nodes[0].text
        case .variable: return procedure.text
        default: return nil
        }
    }

    private func deferCall(_ node: Node, _ input: Value, _ frame: Frame) -> Value {
        guard let call = node.rhs else { return .undefined }
        tail = (call, input, frame)
        return .unset
    }

    /// Calls a function, and then whatever it ends with calling.
    /// - Parameter call: where the call stands, for errors.
    func apply(
        _ function: FunctionBox, _ arguments: [Value], context: Value = .null, call: Node? = nil
    ) throws(Failure) -> Value {
        calls += 1
        if calls & 15 == 0, stack.isLow { throw .stackOverflow }
        var result: Value
        do throws(Failure) {
            result = try applyOnce(function, arguments, context)
        } catch {
            if let call {
                error.position = call.position
                if error.token == nil { error.token = Self.calleeName(call) }
            }
            throw error
        }
        while case .unset = result, let next = tail {
            tail = nil
            let (function, arguments) = try callee(next.call, next.input, next.frame)
            do throws(Failure) {
                guard case .function(let function) = function else { throw Failure("T1006") }
                result = try applyOnce(function, arguments, context)
            } catch {
                error.position = next.call.lhs?.position ?? next.call.position
                if error.token == nil { error.token = Self.calleeName(next.call) }
                throw error
            }
        }
        calls -= 1
        return result
    }

    private func applyOnce(_ function: FunctionBox, _ arguments: [Value], _ context: Value) throws(Failure) -> Value {
        switch function.kind {
        case .builtin(let builtin):
            try step()
            let validated = try builtin.signature.validate(arguments, context: context)
            return try checked(try builtin.body(self, validated, context))
        case .lambda(let node, let frame, let input):
            var values = arguments
            if let signature = node.signature { values = try signature.validate(arguments, context: context) }
            return try run(node, frame, input, values)
        case .partialLambda(let node, let frame, let input, var bound):
            var next = 0
            for position in bound.indices where bound[position].isUnset {
                bound[position] = next < arguments.count ? arguments[next] : .undefined
                next += 1
            }
            return try run(node, frame, input, bound)
        case .partialBuiltin(let builtin, var bound):
            var next = 0
            for position in bound.indices where bound[position].isUnset {
                bound[position] = next < arguments.count ? arguments[next] : .undefined
                next += 1
            }
            while let last = bound.last, last.isUndefined { bound.removeLast() }
            try step()
            let validated = try builtin.signature.validate(bound, context: .undefined)
            return try checked(try builtin.body(self, validated, .undefined))
        case .composed(let first, let second):
            try enter()
            let middle = try apply(first, Array(arguments.prefix(1)))
            let result = try apply(second, [middle])
            depth -= 1
            return result
        case .matcher(let regex):
            guard let text = try string(arguments.first ?? .undefined) else { return .undefined }
            return try regex.firstMatch(Subject(text), from: 0, self)
        case .nextMatch(let regex, let subject, let from): return try regex.nextMatch(subject, from: from, self)
        case .transform(let node, let frame, _):
            let validated = try Builtins.transformSignature.validate(arguments, context: context)
            return try transform(node, validated[0], frame)
        }
    }

    private func run(_ node: Node, _ frame: Frame, _ input: Value, _ arguments: [Value]) throws(Failure) -> Value {
        guard let body = node.rhs else { return .undefined }
        let inner = Frame(parent: frame, slotCount: node.slotCount)
        for position in node.nodes.indices {
            inner.slots[position] = position < arguments.count ? arguments[position] : .undefined
        }
        return try evaluate(body, input, inner)
    }

    private func partial(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        var arguments: [Value] = []
        for argument in node.nodes {
            arguments.append(argument.kind == .placeholder ? .unset : try evaluate(argument, input, frame))
        }
        guard let procedure = node.lhs else { return .undefined }
        let function = try evaluate(procedure, input, frame)
        if function.isUndefined, procedure.kind == .path, Self.isTruthy(find(node, frame)) {
            throw Failure("T1007", position: node.position, token: procedure.nodes[0].text)
        }
        guard case .function(let box) = function else {
            throw Failure("T1008", position: node.position, token: Self.calleeName(node))
        }
        switch box.kind {
        case .lambda(let lambda, let frame, let input):
            let bound = lambda.nodes.indices.map { $0 < arguments.count ? arguments[$0] : .undefined }
            return .function(FunctionBox(.partialLambda(lambda, frame, input: input, bound: bound)))
        case .partialLambda(let lambda, let frame, let input, var bound):
            Self.fill(&bound, with: arguments)
            return .function(FunctionBox(.partialLambda(lambda, frame, input: input, bound: bound)))
        case .builtin(let builtin): return .function(FunctionBox(.partialBuiltin(builtin, bound: arguments)))
        case .partialBuiltin(let builtin, var bound):
            Self.fill(&bound, with: arguments)
            return .function(FunctionBox(.partialBuiltin(builtin, bound: bound)))
        default:
            // These take one argument: left open, they stay what they are.
            return function
        }
    }

    private static func fill(_ bound: inout [Value], with arguments: [Value]) {
        var next = 0
        for position in bound.indices where bound[position].isUnset {
            bound[position] = next < arguments.count ? arguments[next] : .undefined
            next += 1
        }
    }

    private func applyOperator(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        guard let left = node.lhs, let right = node.rhs else { return .undefined }
        let value = try evaluate(left, input, frame)
        if right.kind == .call { return try call(right, input, frame, applyingTo: value) }
        let function = try evaluate(right, input, frame)
        guard case .function(let box) = function else {
            throw Failure("T2006", position: node.position, value: function)
        }
        if case .function(let first) = value { return .function(FunctionBox(.composed(first, box))) }
        return try apply(box, [value])
    }

    /// A changed copy of `value`.
    private func transform(_ node: Node, _ value: Value, _ frame: Frame) throws(Failure) -> Value {
        if value.isUndefined { return .undefined }
        guard let pattern = node.lhs, let change = node.rhs else { return .undefined }
        guard case .function(let clone) = find(node, frame) else { throw Failure("T2013", position: node.position) }
        let result = try apply(clone, [value])
        let matches = try evaluate(pattern, result, frame)
        if matches.isUndefined { return result }
        for match in items(matches).values {
            let update = try evaluate(change, match, frame)
            switch update {
            case .undefined: break
            case .object(let members):
                if case .object(let object) = match {
                    for (key, value) in members.members {
                        // A copy, as the update may hold the object that it changes.
                        object[key] = try copy(value)
                    }
                    _ = try checked(match)
                }
            default: throw Failure("T2011", position: change.position, value: update)
            }
            guard let removal = node.third else { continue }
            let names = try evaluate(removal, match, frame)
            if names.isUndefined { continue }
            for name in items(names).values {
                guard case .string(let name) = name else {
                    throw Failure("T2012", position: removal.position, value: names)
                }
                if case .object(let object) = match { object[name] = nil }
            }
        }
        return result
    }
}
