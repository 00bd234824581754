import JSONModel

extension Evaluator {
    /// What has been found so far along a path.
    private enum Found {
        case nothing
        /// A sequence of this one item.
        case one(Value)
        /// A sequence, or an array that passes for one.
        case many(ArrayBox)
    }

    /// The values as an array: itself when it is one.
    func items(_ value: Value) -> ArrayBox {
        if case .array(let box) = value { return box }
        return .sequence(value)
    }

    func path(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        var found = Found.one(input)
        if case .array(let box) = input, node.nodes[0].kind != .variable { found = .many(box) }
        var tuples: [Tuple]?
        var inTuples = false
        walking: for (position, step) in node.nodes.enumerated() {
            if step.isTuple { inTuples = true }
            if position == 0, step.isConstructor {
                // The context is not iterated over.
                let context: Value = if case .many(let box) = found { .array(box) } else { .array(.sequence(input)) }
                switch try evaluate(step, context, frame) {
                case .array(let box):
                    found = .many(box)
                    if box.count == 0, !inTuples { break walking }
                case .undefined: found = .nothing
                case let other: found = node.nodes.count == 1 ? .one(other) : .nothing
                }
            } else if inTuples {
                tuples = try tupleStep(step, sequence(found), tuples, frame)
                continue
            } else {
                found = try self.step(step, found, frame, isLast: position == node.nodes.count - 1)
            }
            if case .nothing = found { break walking }
        }
        if let tuples {
            if node.isTuple {
                found = .many(ArrayBox(tuples.map { .tuple($0) }, [.sequence, .tupleStream]))
            } else if node.group == nil {
                found = .many(ArrayBox(tuples.map(\.item), .sequence))
            }
        }
        if node.keepsSingleton || node.keepsArray { found = keepSingleton(found) }
        if let group = node.group {
            var members = sequence(found)
            if let tuples, !node.isTuple {
                if tuples.isEmpty { throw Failure("T1003", position: group.position, value: .undefined) }
                members = ArrayBox(tuples.map { .tuple($0) }, [.sequence, .tupleStream])
            }
            return try self.group(group.pairs, group.position, members, frame, tupleSlots: group.slotCount)
        }
        switch found {
        case .nothing: return .undefined
        case .one(let value): return value
        case .many(let box): return .array(box)
        }
    }

    private func sequence(_ found: Found) -> ArrayBox {
        switch found {
        case .nothing: ArrayBox([], .sequence)
        case .one(let value): .sequence(value)
        case .many(let box): box
        }
    }

    private func keepSingleton(_ found: Found) -> Found {
        switch found {
        case .nothing: return found
        case .one(let value): return .many(ArrayBox([value], [.sequence, .keepSingleton]))
        case .many(let box):
            if box.flags.contains(.constructed), !box.isSequence {
                return .many(ArrayBox([.array(box)], [.sequence, .keepSingleton]))
            }
            box.flags.insert(.keepSingleton)
            return found
        }
    }

    private func step(_ step: Node, _ found: Found, _ frame: Frame, isLast: Bool) throws(Failure) -> Found {
        if step.kind == .sort {
            var result = try sort(step, sequence(found), frame)
            for stage in step.stages ?? [] {
                if case .filter(let predicate) = stage.kind {
                    result = try filter(.array(result), predicate, frame, tupleSlots: -1)
                }
            }
            return result.count == 0 ? .nothing : .many(result)
        }
        switch found {
        case .nothing: return .nothing
        case .one(let item):
            guard case let result = try stepOnce(step, item, frame), !result.isUndefined else { return .nothing }
            return flat(result, isLast: isLast)
        case .many(let box):
            if box.count == 1 {
                guard case let result = try stepOnce(step, box[0], frame), !result.isUndefined else { return .nothing }
                return flat(result, isLast: isLast)
            }
            var first: Value?
            var all: ArrayBox?
            for index in 0..<box.count {
                let result = try stepOnce(step, box[index], frame)
                if result.isUndefined { continue }
                guard let one = first, all == nil else {
                    if let all { try add(result, to: all) } else { first = result }
                    continue
                }
                let both = ArrayBox([], .sequence)
                try add(one, to: both)
                try add(result, to: both)
                all = both
            }
            if let all { return all.count == 0 ? .nothing : .many(all) }
            return first.map { flat($0, isLast: isLast) } ?? .nothing
        }
    }

    private func stepOnce(_ step: Node, _ item: Value, _ frame: Frame) throws(Failure) -> Value {
        var result = try evaluate(step, item, frame)
        guard let stages = step.stages else { return result }
        for stage in stages {
            if case .filter(let predicate) = stage.kind {
                result = .array(try filter(result, predicate, frame, tupleSlots: stage.slotCount))
            }
        }
        return result
    }

    /// The only result of a step: the last step leaves an array from the data as it is.
    private func flat(_ result: Value, isLast: Bool) -> Found {
        guard case .array(let box) = result else { return .one(result) }
        if isLast, !box.isSequence { return .many(box) }
        if box.flags.contains(.constructed) { return .one(result) }
        if box.count == 0 { return .nothing }
        if box.flags == .sequence { return .many(box) }
        return isLast ? .many(box.asSequence()) : .many(box)
    }

    private func add(_ result: Value, to all: ArrayBox) throws(Failure) {
        if case .array(let box) = result, !box.flags.contains(.constructed) {
            try charge(Cost.element * box.count)
            all.append(contentsOf: box)
        } else {
            try charge(Cost.element)
            all.append(result)
        }
    }

    // MARK: - Tuples

    /// - Parameter slots: of the frame's own variables.
    private func tupleFrame(_ tuple: Value, _ frame: Frame, _ slots: Int) -> (frame: Frame, context: Value) {
        guard case .tuple(let tuple) = tuple else { return (Frame(parent: frame, slotCount: max(0, slots)), tuple) }
        return (Frame(parent: frame, slotCount: max(0, slots), tuple: tuple), tuple.item)
    }

    private func tupleStep(
        _ step: Node, _ input: ArrayBox, _ before: [Tuple]?, _ frame: Frame
    ) throws(Failure) -> [Tuple] {
        var result: [Tuple] = []
        if step.kind == .sort {
            if let before {
                let sorted = try sort(step, ArrayBox(before.map { .tuple($0) }, [.sequence, .tupleStream]), frame)
                for case .tuple(let tuple) in sorted.values { result.append(tuple) }
            } else {
                for (position, item) in try sort(step, input, frame).values.enumerated() {
                    let tuple = Tuple(item)
                    if step.indexID >= 0 { tuple.bind(step.indexID, .number(Double(position))) }
                    result.append(tuple)
                }
            }
            return try tupleStages(step, result, frame)
        }
        for tuple in before ?? input.values.map({ Tuple($0) }) {
            let inner = Frame(parent: frame, slotCount: max(0, step.stepSlotCount), tuple: tuple)
            let value = try evaluate(step, tuple.item, inner)
            if value.isUndefined { continue }
            let found = items(value)
            try self.step(4 * found.count)
            try charge(Cost.tuple * found.count)
            for index in 0..<found.count {
                if case .tuple(let inner) = found[index] {
                    let next = Tuple(inner.item, names: tuple.names)
                    for name in inner.names { next.bind(name.id, name.value) }
                    result.append(next)
                    continue
                }
                let next: Tuple
                if step.focusID >= 0 {
                    next = Tuple(tuple.item, names: tuple.names)
                    next.bind(step.focusID, found[index])
                } else {
                    next = Tuple(found[index], names: tuple.names)
                }
                if step.indexID >= 0 { next.bind(step.indexID, .number(Double(index))) }
                if step.ancestorID >= 0 { next.bind(step.ancestorID, tuple.item) }
                result.append(next)
            }
        }
        return try tupleStages(step, result, frame)
    }

    private func tupleStages(_ step: Node, _ tuples: [Tuple], _ frame: Frame) throws(Failure) -> [Tuple] {
        var result = tuples
        for stage in step.stages ?? [] {
            switch stage.kind {
            case .filter(let predicate):
                let box = ArrayBox(result.map { .tuple($0) }, [.sequence, .tupleStream])
                let kept = try filter(.array(box), predicate, frame, tupleSlots: stage.slotCount)
                result = []
                for case .tuple(let tuple) in kept.values { result.append(tuple) }
            case .index(_, let id):
                for (position, tuple) in result.enumerated() { tuple.bind(id, .number(Double(position))) }
            }
        }
        return result
    }

    // MARK: - Filters

    /// - Parameter tupleSlots: of the frame that the predicate has when it runs on tuples; -1 when it does not.
    func filter(_ input: Value, _ predicate: Node, _ frame: Frame, tupleSlots: Int) throws(Failure) -> ArrayBox {
        let box = items(input)
        let results = ArrayBox([], box.isTupleStream ? [.sequence, .tupleStream] : .sequence)
        if predicate.kind == .number {
            guard let index = Self.index(predicate.number, count: box.count) else { return results }
            let item = box[index]
            if case .array(let inner) = item { return inner }
            if !item.isUndefined { results.append(item) }
            return results
        }
        for index in 0..<box.count {
            let item = box[index]
            var context = item
            var inner = frame
            if tupleSlots >= 0 { (inner, context) = tupleFrame(item, frame, tupleSlots) }
            let result = try evaluate(predicate, context, inner)
            switch result {
            case .bool(let isTrue): if isTrue { results.append(item) }
            case .number(let number) where !number.isNaN:
                if number.isInfinite { throw Failure("D1001", value: result) }
                if Self.index(number, count: box.count) == index { results.append(item) }
            case .array(let numbers):
                if let wanted = try self.numbers(numbers) {
                    for number in wanted where Self.index(number, count: box.count) == index { results.append(item) }
                } else if try truth(result) {
                    results.append(item)
                }
            default: if try truth(result) { results.append(item) }
            }
        }
        try charge(Cost.element * results.count)
        return results
    }

    /// Rounded down, from the end when negative; nil outside of the array.
    static func index(_ number: Double, count: Int) -> Int? {
        let rounded = number.rounded(.down)
        guard let index = Int(exactly: rounded) else { return nil }
        if index < 0 { return index >= -count ? index + count : nil }
        return index < count ? index : nil
    }

    /// Nil unless all are numbers.
    private func numbers(_ box: ArrayBox) throws(Failure) -> [Double]? {
        var all: [Double] = []
        try step(box.count)
        for index in 0..<box.count {
            guard case .number(let number) = box[index], !number.isNaN else { return nil }
            if number.isInfinite { throw Failure("D1001", value: .number(number)) }
            all.append(number)
        }
        return all
    }

    // MARK: - Sorting

    /// Sorts by the terms of an order-by clause.
    private func sort(_ node: Node, _ input: ArrayBox, _ frame: Frame) throws(Failure) -> ArrayBox {
        let inTuples = input.isTupleStream
        let values = input.values
        if values.count <= 1 { return input }
        var keys: [[Value?]] = Array(repeating: Array(repeating: nil, count: node.terms.count), count: values.count)
        try chargeItems(values.count * (node.terms.count + 1))
        func key(_ position: Int, _ term: Int) throws(Failure) -> Value {
            if let known = keys[position][term] { return known }
            var context = values[position]
            var inner = frame
            if inTuples { (inner, context) = tupleFrame(values[position], frame, node.stepSlotCount) }
            let value = try evaluate(node.terms[term].expression, context, inner)
            keys[position][term] = value
            return value
        }
        let order = try mergeSorted(Array(values.indices)) { (a: Int, b: Int) throws(Failure) -> Bool in
            for term in node.terms.indices {
                let left = try key(a, term), right = try key(b, term)
                var comparison: Int
                switch (left, right) {
                case (.undefined, .undefined): continue
                // Undefined comes last in both directions.
                case (.undefined, _): return true
                case (_, .undefined): return false
                case (.number(let left), .number(let right)): comparison = left == right ? 0 : left < right ? -1 : 1
                case (.string(let left), .string(let right)): comparison = compare(left, right)
                case (.number, .string), (.string, .number):
                    throw Failure("T2007", position: node.position, value: left, second: right)
                case (.number, _), (.string, _): throw Failure("T2008", position: node.position, value: right)
                default: throw Failure("T2008", position: node.position, value: left)
                }
                if comparison == 0 { continue }
                if node.terms[term].isDescending { comparison = -comparison }
                return comparison > 0
            }
            return false
        }
        return ArrayBox(order.map { values[$0] }, input.isTupleStream ? [.sequence, .tupleStream] : [])
    }

    /// A stable merge sort that asks only whether `a`, which comes first, must come after `b`.
    func mergeSorted<Element>(
        _ elements: [Element], _ mustSwap: (Element, Element) throws(Failure) -> Bool
    ) throws(Failure) -> [Element] {
        if elements.count <= 1 { return elements }
        let middle = elements.count / 2
        let left = try mergeSorted(Array(elements[..<middle]), mustSwap)
        let right = try mergeSorted(Array(elements[middle...]), mustSwap)
        try step(elements.count)
        var merged: [Element] = []
        merged.reserveCapacity(elements.count)
        var i = 0, j = 0
        while i < left.count, j < right.count {
            if try mustSwap(left[i], right[j]) {
                merged.append(right[j])
                j += 1
            } else {
                merged.append(left[i])
                i += 1
            }
        }
        merged += left[i...]
        merged += right[j...]
        return merged
    }

    // MARK: - Groups

    func object(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        if case .array(let box) = input {
            return try group(node.pairs, node.position, box, frame, tupleSlots: -1)
        }
        var keys: [String] = []
        keys.reserveCapacity(node.pairs.count)
        let result = ObjectBox()
        var isUnique = true
        for pair in node.pairs {
            switch try evaluate(pair.key, input, frame) {
            case .string(let key):
                if keys.contains(where: { $0.hasSameBytes(as: key) }) { isUnique = false }
                keys.append(key)
            case .undefined: isUnique = false
            case let other: throw Failure("T1003", position: node.position, value: other)
            }
            if !isUnique { return try group(node.pairs, node.position, .sequence(input), frame, tupleSlots: -1) }
        }
        try charge(Cost.object + Cost.member * keys.count)
        for (pair, key) in zip(node.pairs, keys) {
            let value = try evaluate(pair.value, input, frame)
            if !value.isUndefined { result[key] = value }
        }
        return .object(result)
    }

    /// The items grouped by the keys that they give; each value is evaluated once, on all items of its key.
    func group(
        _ pairs: [(key: Node, value: Node)], _ position: Int, _ input: ArrayBox, _ frame: Frame, tupleSlots: Int
    ) throws(Failure) -> Value {
        let positions = ObjectBox()
        var groups: [(key: String, pair: Int, first: Value, all: ArrayBox?)] = []
        // An empty sequence still makes the object of a literal key.
        for itemPosition in 0..<max(1, input.count) {
            let item = input.count == 0 ? Value.undefined : input[itemPosition]
            var context = item
            var inner = frame
            if tupleSlots >= 0 { (inner, context) = tupleFrame(item, frame, tupleSlots) }
            for (pairPosition, pair) in pairs.enumerated() {
                let key: String
                switch try evaluate(pair.key, context, inner) {
                case .string(let text): key = text
                case .undefined: continue
                case let other: throw Failure("T1003", position: position, value: other)
                }
                guard case .number(let known)? = positions[key] else {
                    positions[key] = .number(Double(groups.count))
                    try charge(3 * Cost.member)
                    groups.append((key, pairPosition, item, nil))
                    continue
                }
                let index = Int(known)
                if groups[index].pair != pairPosition {
                    throw Failure("D1009", position: position, value: .string(key))
                }
                let all = groups[index].all ?? ArrayBox(items(groups[index].first).values)
                if groups[index].all == nil { try charge(Cost.array + Cost.element * all.count) }
                groups[index].all = all
                if case .array(let box) = item {
                    try charge(Cost.element * box.count)
                    all.append(contentsOf: box)
                } else {
                    try charge(Cost.element)
                    all.append(item)
                }
            }
        }
        let result = ObjectBox()
        for group in groups {
            var context = group.all.map { Value.array($0) } ?? group.first
            var inner = frame
            if tupleSlots >= 0 { (inner, context) = tupleFrame(try reduce(context), frame, tupleSlots) }
            let value = try evaluate(pairs[group.pair].value, context, inner)
            if !value.isUndefined { result[group.key] = value }
        }
        return .object(result)
    }

    /// One tuple of many: each name holds the values of all.
    private func reduce(_ tuples: Value) throws(Failure) -> Value {
        guard case .array(let box) = tuples, case .tuple(let first) = box[0] else { return tuples }
        var item = first.item
        var names = first.names
        for index in 1..<box.count {
            guard case .tuple(let tuple) = box[index] else { continue }
            item = try append(item, tuple.item)
            for name in tuple.names {
                if let position = names.firstIndex(where: { $0.id == name.id }) {
                    names[position].value = try append(names[position].value, name.value)
                } else {
                    names.append(name)
                }
            }
        }
        return .tuple(Tuple(item, names: names))
    }

    /// Both in one array, as `$append` does; undefined does not count.
    func append(_ a: Value, _ b: Value) throws(Failure) -> Value {
        if a.isUndefined { return b }
        if b.isUndefined { return a }
        let result = ArrayBox()
        try charge(Cost.array)
        for value in [a, b] {
            if case .array(let box) = value {
                try chargeItems(box.count)
                result.append(contentsOf: box)
            } else {
                try charge(Cost.element)
                result.append(value)
            }
        }
        return .array(result)
    }
}
