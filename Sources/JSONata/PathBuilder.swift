/// Turns what the parser read into what is evaluated: `.`, `[`, `{`, `^`, `@` and `#` become steps of paths, each `%` is
/// tied to the step whose context it means, and calls in tail position are marked.
struct PathBuilder {
    private var parentCount = 0

    /// - Throws: `Failure`, also when a `%` reaches beyond the expression.
    mutating func buildExpression(_ node: Node) throws(Failure) -> Node {
        let result = try build(node)
        if result.kind == .parent || !result.seeking.isEmpty {
            let hasPosition = result.kind != .parent && result.kind != .path
            throw Failure("S0217", position: hasPosition ? result.position : nil, token: Self.typeName(result))
        }
        return result
    }

    private mutating func build(_ node: Node) throws(Failure) -> Node {
        let result = try rebuild(node)
        if node.keepsArray { result.keepsArray = true }
        return result
    }

    private mutating func rebuild(_ node: Node) throws(Failure) -> Node {
        switch node.kind {
        case .dot: return try path(node)
        case .filter: return try filter(node)
        case .groupBy: return try groupBy(node)
        case .orderBy: return try orderBy(node)
        case .focusBinding: return try focus(node)
        case .indexBinding: return try index(node)
        case .name, .keyword:
            node.kind = .name
            let path = Self.path([node], at: node.position)
            path.keepsSingleton = node.keepsArray
            return path
        case .parent:
            node.slot = ParentSlot(label: "!\(parentCount)", number: parentCount)
            parentCount += 1
            return node
        case .end: throw Failure("S0207", position: node.position, token: "(end)")
        case .negate:
            guard let operand = node.lhs else { return node }
            let built = try build(operand)
            if built.kind == .number, built.predicates == nil {
                built.number = -built.number
                built.constant = .number(built.number)
                return built
            }
            node.lhs = built
            pushAncestry(node, built)
            return node
        case .lambda:
            if let body = node.rhs { node.rhs = Self.markTailCalls(try build(body)) }
            return node
        case .transform:
            try buildChildren(node, tellsAncestry: false)
            return node
        case .apply:
            try buildChildren(node, tellsAncestry: false)
            node.keepsArray = (node.lhs?.keepsArray ?? false) || (node.rhs?.keepsArray ?? false)
            return node
        case .call, .partial:
            for position in node.nodes.indices {
                node.nodes[position] = try build(node.nodes[position])
                pushAncestry(node, node.nodes[position])
            }
            if let procedure = node.lhs { node.lhs = try build(procedure) }
            return node
        case .bind:
            if let value = node.rhs {
                node.rhs = try build(value)
                if let built = node.rhs { pushAncestry(node, built) }
            }
            return node
        case .block:
            try buildChildren(node)
            for part in node.nodes where part.isConstructor || part.kind == .path && part.nodes[0].isConstructor {
                node.isConstructor = true
            }
            return node
        default:
            try buildChildren(node)
            return node
        }
    }

    private mutating func buildChildren(_ node: Node, tellsAncestry: Bool = true) throws(Failure) {
        if let child = node.lhs { node.lhs = try build(child) }
        if let child = node.rhs { node.rhs = try build(child) }
        if let child = node.third { node.third = try build(child) }
        for position in node.nodes.indices { node.nodes[position] = try build(node.nodes[position]) }
        for position in node.pairs.indices {
            let pair = node.pairs[position]
            node.pairs[position] = (try build(pair.key), try build(pair.value))
        }
        guard tellsAncestry else { return }
        for child in [node.lhs, node.rhs, node.third] { if let child { pushAncestry(node, child) } }
        for child in node.nodes { pushAncestry(node, child) }
        for pair in node.pairs {
            pushAncestry(node, pair.key)
            pushAncestry(node, pair.value)
        }
    }

    private static func path(_ steps: [Node], at position: Int) -> Node {
        let path = Node(.path, at: position)
        path.nodes = steps
        return path
    }

    private mutating func path(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs, let right = node.rhs else { return node }
        let first = try build(left)
        let result = first.kind == .path ? first : Self.path([first], at: node.position)
        if let slot = first.slot, first.kind == .parent { result.seeking = [slot] }
        let rest = try build(right)
        if rest.kind == .path {
            result.nodes += rest.nodes
        } else {
            if let predicates = rest.predicates {
                rest.stages = predicates
                rest.predicates = nil
            }
            result.nodes.append(rest)
        }
        for step in result.nodes {
            switch step.kind {
            case .number, .constant: throw Failure("S0213", position: step.position, value: step.constant)
            case .string: step.kind = .name
            default: break
            }
            if step.keepsArray { result.keepsSingleton = true }
        }
        if result.nodes[0].kind == .array { result.nodes[0].isConstructor = true }
        if let last = result.nodes.last, last.kind == .array { last.isConstructor = true }
        try resolveAncestry(result)
        return result
    }

    private mutating func filter(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs, let right = node.rhs else { return node }
        let result = try build(left)
        let step = result.kind == .path ? result.nodes[result.nodes.count - 1] : result
        if step.group != nil { throw Failure("S0209", position: node.position) }
        let predicate = try build(right)
        if !predicate.seeking.isEmpty {
            for slot in predicate.seeking {
                if slot.level == 1 { try seek(step, slot) } else { slot.level -= 1 }
            }
            pushAncestry(step, predicate)
        }
        let stage = Node.Stage(kind: .filter(predicate))
        if result.kind == .path {
            step.stages = (step.stages ?? []) + [stage]
        } else {
            step.predicates = (step.predicates ?? []) + [stage]
        }
        return result
    }

    private mutating func groupBy(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs else { return node }
        let result = try build(left)
        if result.group != nil { throw Failure("S0210", position: node.position) }
        var pairs: [(key: Node, value: Node)] = []
        for pair in node.pairs { pairs.append((try build(pair.key), try build(pair.value))) }
        result.group = Node.Group(pairs: pairs, position: node.position)
        return result
    }

    private mutating func orderBy(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs else { return node }
        let built = try build(left)
        let result = built.kind == .path ? built : Self.path([built], at: node.position)
        let sort = Node(.sort, at: node.position)
        for term in node.terms {
            let expression = try build(term.expression)
            pushAncestry(sort, expression)
            sort.terms.append((expression, term.isDescending))
        }
        result.nodes.append(sort)
        try resolveAncestry(result)
        return result
    }

    private mutating func focus(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs else { return node }
        let result = try build(left)
        let step = result.kind == .path ? result.nodes[result.nodes.count - 1] : result
        if step.stages != nil || step.predicates != nil { throw Failure("S0215", position: node.position) }
        if step.kind == .sort { throw Failure("S0216", position: node.position) }
        if node.keepsArray { step.keepsArray = true }
        step.focus = node.rhs?.text
        step.isTuple = true
        return result
    }

    private mutating func index(_ node: Node) throws(Failure) -> Node {
        guard let left = node.lhs, let name = node.rhs?.text else { return node }
        var result = try build(left)
        let step: Node
        if result.kind == .path {
            step = result.nodes[result.nodes.count - 1]
        } else {
            step = result
            result = Self.path([step], at: node.position)
            if let predicates = step.predicates {
                step.stages = predicates
                step.predicates = nil
            }
        }
        if step.stages == nil {
            step.index = name
        } else {
            step.stages?.append(Node.Stage(kind: .index(name, id: -1)))
        }
        step.isTuple = true
        return result
    }

    // MARK: - Tail calls

    /// A call that is the last thing a function does takes the place of its caller, and the stack does not grow.
    private static func markTailCalls(_ node: Node) -> Node {
        guard node.predicates == nil, node.group == nil else { return node }
        switch node.kind {
        case .call:
            let tail = Node(.tailCall, at: node.position)
            tail.rhs = node
            return tail
        case .condition:
            node.rhs = node.rhs.map(markTailCalls)
            node.third = node.third.map(markTailCalls)
        case .block:
            if let last = node.nodes.popLast() { node.nodes.append(markTailCalls(last)) }
        default: break
        }
        return node
    }

    // MARK: - Parents

    /// Looks in `node` for the step whose context `slot` means, going left one level at a time.
    private func seek(_ node: Node, _ slot: ParentSlot) throws(Failure) {
        switch node.kind {
        case .name, .wildcard:
            slot.level -= 1
            guard slot.level == 0 else { return }
            if let known = node.ancestor { slot.label = known.label }
            node.ancestor = slot
            node.isTuple = true
        case .parent: slot.level += 1
        case .block:
            guard let last = node.nodes.last else { return }
            node.isTuple = true
            try seek(last, slot)
        case .path:
            node.isTuple = true
            var index = node.nodes.count - 1
            try seek(node.nodes[index], slot)
            while slot.level > 0, index > 0 {
                index -= 1
                try seek(node.nodes[index], slot)
            }
        default: throw Failure("S0217", position: node.position, token: Self.typeName(node))
        }
    }

    private func pushAncestry(_ result: Node, _ value: Node) {
        result.seeking += value.seeking
        if value.kind == .parent, let slot = value.slot { result.seeking.append(slot) }
    }

    private func resolveAncestry(_ path: Node) throws(Failure) {
        guard let last = path.nodes.last else { return }
        var slots = last.seeking
        if last.kind == .parent, let slot = last.slot { slots.append(slot) }
        for slot in slots {
            var index = path.nodes.count - 2
            while slot.level > 0 {
                if index < 0 {
                    path.seeking.append(slot)
                    break
                }
                var step = path.nodes[index]
                index -= 1
                // Steps that bind a focus one after the other share their context.
                while index >= 0, step.focus != nil, path.nodes[index].focus != nil {
                    step = path.nodes[index]
                    index -= 1
                }
                try seek(step, slot)
            }
        }
    }

    private static func typeName(_ node: Node) -> String {
        switch node.kind {
        case .binary, .and, .or, .range, .groupBy: "binary"
        case .array, .object, .negate: "unary"
        case .call: "function"
        case .constant: "value"
        case .descendants: "descendant"
        default: "\(node.kind)"
        }
    }
}
