/// Gives every variable of an expression the places where it may be bound: frames of the scopes around it, nearest
/// first. A scope is the whole expression, a block that binds, a function, or whatever is evaluated once per tuple.
/// What `:=` binds in a scope is known beforehand; whether it has been bound yet shows while evaluating.
struct Resolver {
    private final class Scope {
        let parent: Scope?
        var slots: [String: Int] = [:]
        let isTuple: Bool
        let isFunction: Bool
        /// Those that are bound from the start.
        var parameters: Set<String> = []
        /// Those that some `:=` further left binds.
        var bound: Set<String> = []

        init(parent: Scope?, isTuple: Bool = false, isFunction: Bool = false) {
            self.parent = parent
            self.isTuple = isTuple
            self.isFunction = isFunction
        }

        @discardableResult
        func slot(_ name: String) -> Int {
            if let slot = slots[name] { return slot }
            slots[name] = slots.count
            return slots.count - 1
        }
    }

    private let global = Scope(parent: nil)
    private var names: [String: Int] = [:]
    /// Variables that stand in the expression and reach the outermost scope.
    private(set) var read: Set<String> = []

    /// The outermost frame's variables by slot.
    var globals: [String] {
        var names = Array(repeating: "", count: global.slots.count)
        for (name, slot) in global.slots { names[slot] = name }
        return names
    }

    mutating func resolve(_ root: Node) {
        for name in Self.bindings(in: [root]) { global.slot(name) }
        resolve(root, global)
    }

    private mutating func id(_ name: String) -> Int {
        if let id = names[name] { return id }
        names[name] = names.count
        return names.count - 1
    }

    private mutating func places(_ name: String, _ scope: Scope, isRead: Bool) -> [Node.Place] {
        var places: [Node.Place] = []
        var up = 0
        var next: Scope? = scope
        // A function may run after what stands behind it.
        var isInFunction = false, isBound = false
        while let scope = next {
            if scope.slots[name] != nil, isInFunction || scope.bound.contains(name) { isBound = true }
            if scope.isFunction { isInFunction = true }
            if scope === global {
                if isRead, !isBound { read.insert(name) }
                places.append(.slot(up: up, index: global.slot(name)))
                break
            }
            if let index = scope.slots[name] { places.append(.slot(up: up, index: index)) }
            if scope.parameters.contains(name) { break }
            if scope.isTuple { places.append(.tuple(up: up)) }
            up += 1
            next = scope.parent
        }
        return places
    }

    private mutating func resolve(_ node: Node, _ scope: Scope) {
        switch node.kind {
        case .variable:
            guard !node.text.isEmpty else { break }
            node.nameID = id(node.text)
            node.places = places(node.text, scope, isRead: true)
        case .parent:
            guard let label = node.slot?.label else { break }
            node.nameID = id(label)
            node.places = places(label, scope, isRead: false)
        case .bind:
            if let name = node.lhs?.text { node.places = [.slot(up: 0, index: scope.slot(name))] }
            if let value = node.rhs { resolve(value, scope) }
            if let name = node.lhs?.text { scope.bound.insert(name) }
        case .block:
            let bound = Self.bindings(in: node.nodes)
            if bound.isEmpty {
                for child in node.nodes { resolve(child, scope) }
            } else {
                let inner = Scope(parent: scope)
                for name in bound { inner.slot(name) }
                for child in node.nodes { resolve(child, inner) }
                node.slotCount = inner.slots.count
            }
        case .lambda: resolveLambda(node, scope)
        case .path: resolvePath(node, scope)
        case .sort: break  // with its path
        default:
            for child in Self.children(node) { resolve(child, scope) }
            if node.kind == .transform { node.places = places("clone", scope, isRead: false) }
            if node.kind == .call || node.kind == .partial, let procedure = node.lhs, procedure.kind == .path {
                node.nameID = id(procedure.nodes[0].text)
                node.places = places(procedure.nodes[0].text, scope, isRead: false)
            }
        }
        if node.predicates != nil { resolveStages(&node.predicates, inTuples: node.isTuple, scope) }
        if let group = node.group, node.kind != .path { resolve(group, inTuples: node.isTuple, scope) }
    }

    private mutating func resolveLambda(_ node: Node, _ scope: Scope) {
        let inner = Scope(parent: scope, isFunction: true)
        // Each parameter has a slot of its own; of two with one name the last counts.
        for (index, parameter) in node.nodes.enumerated() {
            inner.slots[parameter.text] = index
            inner.parameters.insert(parameter.text)
        }
        var count = node.nodes.count
        if let body = node.rhs {
            for name in Self.bindings(in: [body]) where inner.slots[name] == nil {
                inner.slots[name] = count
                count += 1
            }
            resolve(body, inner)
        }
        node.slotCount = count
    }

    private mutating func resolvePath(_ node: Node, _ scope: Scope) {
        var inTuples = false
        for step in node.nodes {
            let wasInTuples = inTuples
            if step.isTuple { inTuples = true }
            step.focusID = step.focus.map { id($0) } ?? -1
            step.indexID = step.index.map { id($0) } ?? -1
            step.ancestorID = step.ancestor.map { id($0.label) } ?? -1
            if step.kind == .sort {
                if wasInTuples {
                    step.stepSlotCount = tupleScope(step.terms.map(\.expression), scope)
                } else {
                    for term in step.terms { resolve(term.expression, scope) }
                }
            } else if inTuples {
                step.stepSlotCount = tupleScope([step], scope)
            } else {
                resolve(step, scope)
            }
            resolveStages(&step.stages, inTuples: inTuples, scope)
        }
        if let group = node.group { resolve(group, inTuples: inTuples, scope) }
    }

    /// Resolves nodes in a scope of tuples; the count of its own variables.
    private mutating func tupleScope(_ nodes: [Node], _ scope: Scope) -> Int {
        let inner = Scope(parent: scope, isTuple: true)
        for name in Self.bindings(in: nodes) { inner.slot(name) }
        for node in nodes { resolve(node, inner) }
        return inner.slots.count
    }

    private mutating func resolveStages(_ stages: inout [Node.Stage]?, inTuples: Bool, _ scope: Scope) {
        guard var all = stages else { return }
        for position in all.indices {
            switch all[position].kind {
            case .filter(let predicate):
                if inTuples {
                    all[position].slotCount = tupleScope([predicate], scope)
                } else {
                    resolve(predicate, scope)
                }
            case .index(let name, _): all[position].kind = .index(name, id: id(name))
            }
        }
        stages = all
    }

    private mutating func resolve(_ group: Node.Group, inTuples: Bool, _ scope: Scope) {
        let nodes = group.pairs.flatMap { [$0.key, $0.value] }
        if inTuples {
            group.slotCount = tupleScope(nodes, scope)
        } else {
            for node in nodes { resolve(node, scope) }
        }
    }

    // MARK: - What a scope binds

    private static func children(_ node: Node) -> [Node] {
        var all = node.nodes
        for child in [node.lhs, node.rhs, node.third] { if let child { all.append(child) } }
        for pair in node.pairs { all += [pair.key, pair.value] }
        return all
    }

    /// The names that `:=` binds in the scope of these nodes itself.
    private static func bindings(in nodes: [Node]) -> [String] {
        var found: [String] = []
        var rest = nodes
        func add(_ stages: [Node.Stage]?) {
            for case .filter(let predicate) in (stages ?? []).map(\.kind) { rest.append(predicate) }
        }
        while let node = rest.popLast() {
            if !node.isTuple { add(node.predicates) }
            if let group = node.group, !node.isTuple, node.kind != .path {
                rest += group.pairs.flatMap { [$0.key, $0.value] }
            }
            switch node.kind {
            case .block, .lambda: break
            case .bind:
                if let name = node.lhs?.text, !found.contains(name) { found.append(name) }
                if let value = node.rhs { rest.append(value) }
            case .path:
                var inTuples = false
                for step in node.nodes {
                    let wasInTuples = inTuples
                    if step.isTuple { inTuples = true }
                    if step.kind == .sort, !wasInTuples { rest += step.terms.map(\.expression) }
                    if inTuples || step.kind == .sort { continue }
                    rest.append(step)
                    add(step.stages)
                }
                if let group = node.group, !inTuples { rest += group.pairs.flatMap { [$0.key, $0.value] } }
            default: rest += children(node)
            }
        }
        return found
    }
}
