import JSONModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Evaluator {
    /// The member `key` of an object, or of every object in an array.
    func lookup(_ input: Value, _ key: String) throws(Failure) -> Value {
        switch input {
        case .object(let box): return box[key] ?? .undefined
        case .array(let box):
            let result = ArrayBox([], .sequence)
            try charge(Cost.array)
            try chargeItems(box.count)
            for index in 0..<box.count {
                let value = try lookup(box[index], key)
                switch value {
                case .undefined: continue
                case .array(let inner):
                    try charge(Cost.element * inner.count)
                    result.append(contentsOf: inner)
                default: result.append(value)
                }
            }
            return .array(result)
        default: return .undefined
        }
    }

    func wildcard(_ input: Value) throws(Failure) -> ArrayBox {
        var results = ArrayBox([], .sequence)
        var input = input
        if case .array(let box) = input, box.flags.contains(.outerWrapper) { input = box[0] }
        func add(_ value: Value) throws(Failure) {
            guard case .array = value else { return results.append(value) }
            // What comes of joining arrays is no sequence.
            if results.isSequence { results = ArrayBox(results.values) }
            try flatten(value, into: results, depth: 0)
        }
        switch input {
        case .object(let box):
            try chargeItems(box.count)
            for member in box.members { try add(member.value) }
        case .array(let box):
            try chargeItems(box.count)
            for index in 0..<box.count { try add(box[index]) }
        default: break
        }
        return results
    }

    private func flatten(_ value: Value, into results: ArrayBox, depth: Int) throws(Failure) {
        guard case .array(let box) = value else { return results.append(value) }
        if depth > Self.maxWalk { throw .memory }
        try chargeItems(box.count)
        for index in 0..<box.count { try flatten(box[index], into: results, depth: depth + 1) }
    }

    func descendants(_ input: Value) throws(Failure) -> Value {
        if input.isUndefined { return .undefined }
        let results = ArrayBox([], .sequence)
        try descend(input, into: results, depth: 0)
        return results.count == 1 ? results[0] : .array(results)
    }

    private func descend(_ value: Value, into results: ArrayBox, depth: Int) throws(Failure) {
        if depth > Self.maxWalk { throw .memory }
        switch value {
        case .array(let box):
            try step(box.count)
            for index in 0..<box.count { try descend(box[index], into: results, depth: depth + 1) }
        case .object(let box):
            try chargeItems(box.count + 1)
            results.append(value)
            for member in box.members { try descend(member.value, into: results, depth: depth + 1) }
        default:
            try charge(Cost.element)
            results.append(value)
        }
    }

    /// How deeply values are followed; what an evaluation makes is not that deep, what it is given is less.
    static let maxWalk = 4_000

    // MARK: - Truth and equality

    /// What `$boolean` says; undefined counts as false, and a function that is no argument as true.
    func truth(_ value: Value) throws(Failure) -> Bool {
        switch value {
        case .bool(let value): return value
        case .number(let number):
            if number.isInfinite { throw Failure("D1001", value: value) }
            return number != 0 && !number.isNaN
        case .string(let text): return !text.utf8.isEmpty
        case .array(let box):
            try step(box.count)
            for index in 0..<box.count where try truth(box[index]) { return true }
            return false
        case .object(let box): return box.count > 0
        case .function(let function):
            switch function.kind {
            case .matcher, .nextMatch: return false
            default: return true
            }
        default: return false
        }
    }

    func areEqual(_ a: Value, _ b: Value, depth: Int = 0) throws(Failure) -> Bool {
        switch (a, b) {
        case (.undefined, .undefined), (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.number(let a), .number(let b)): return a == b
        case (.string(let a), .string(let b)): return a.hasSameBytes(as: b)
        case (.function(let a), .function(let b)): return a === b
        case (.array(let a), .array(let b)):
            if a === b { return true }
            if a.count != b.count { return false }
            if depth > Self.maxWalk { throw .memory }
            try step(a.count)
            for index in 0..<a.count where !(try areEqual(a[index], b[index], depth: depth + 1)) { return false }
            return true
        case (.object(let a), .object(let b)):
            if a === b { return true }
            if a.count != b.count { return false }
            if depth > Self.maxWalk { throw .memory }
            try step(a.count)
            for member in a.members {
                guard let other = b[member.key], try areEqual(member.value, other, depth: depth + 1) else { return false }
            }
            return true
        default: return false
        }
    }

    /// As `===` has it: arrays, objects and functions equal themselves alone.
    static func areSame(_ a: Value, _ b: Value) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.function(let a), .function(let b)): a === b
        case (.array(let a), .array(let b)): a.isSame(as: b)
        case (.object(let a), .object(let b)): a.isSame(as: b)
        default: false
        }
    }

    // MARK: - Operators

    func logical(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        guard let lhs = node.lhs, let rhs = node.rhs else { return .undefined }
        let left = try evaluate(lhs, input, frame)
        do throws(Failure) {
            let isTrue = try truth(left)
            if node.kind == .and ? !isTrue : isTrue { return .bool(isTrue) }
            return .bool(try truth(try evaluate(rhs, input, frame)))
        } catch {
            error.position = node.position
            error.token = node.text
            throw error
        }
    }

    func binary(_ node: Node, _ input: Value, _ frame: Frame) throws(Failure) -> Value {
        guard let lhs = node.lhs, let rhs = node.rhs else { return .undefined }
        let left = try evaluate(lhs, input, frame)
        let right = try evaluate(rhs, input, frame)
        if case .number(let a) = left, case .number(let b) = right, a.isFinite, b.isFinite {
            switch node.op {
            case .add: return .number(a + b)
            case .subtract: return .number(a - b)
            case .multiply: return .number(a * b)
            case .equal: return .bool(a == b)
            case .less: return .bool(a < b)
            case .greater: return .bool(a > b)
            default: break
            }
        }
        do throws(Failure) {
            guard let op = node.op else { return try range(left, right) }
            return try operate(op, left, right)
        } catch {
            error.position = node.position
            error.token = node.text
            throw error
        }
    }

    private func operate(_ op: Operator, _ left: Value, _ right: Value) throws(Failure) -> Value {
        switch op {
        case .add, .subtract, .multiply, .divide, .modulo: return try calculate(op, left, right)
        case .equal, .notEqual:
            if left.isUndefined || right.isUndefined { return .bool(false) }
            return .bool(try areEqual(left, right) == (op == .equal))
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return try order(op, left, right)
        case .concatenate:
            let text = (try string(left) ?? "") + (try string(right) ?? "")
            try chargeText(text.utf8.count)
            return .string(text)
        case .contained:
            if left.isUndefined || right.isUndefined { return .bool(false) }
            let box = items(right)
            try step(box.count)
            for index in 0..<box.count where Self.areSame(box[index], left) { return .bool(true) }
            return .bool(false)
        }
    }

    private func calculate(_ op: Operator, _ left: Value, _ right: Value) throws(Failure) -> Value {
        let a = try operand(left, "T2001")
        let b = try operand(right, "T2002")
        guard let a, let b else { return .undefined }
        switch op {
        case .add: return .number(a + b)
        case .subtract: return .number(a - b)
        case .multiply: return .number(a * b)
        case .divide: return .number(a / b)
        default: return .number(fmod(a, b))
        }
    }

    /// Nil for undefined.
    private func operand(_ value: Value, _ code: String) throws(Failure) -> Double? {
        switch value {
        case .undefined: return nil
        case .number(let number) where !number.isNaN:
            if number.isInfinite { throw Failure("D1001", value: value) }
            return number
        default: throw Failure(code, value: value)
        }
    }

    private func order(_ op: Operator, _ left: Value, _ right: Value) throws(Failure) -> Value {
        func isComparable(_ value: Value) -> Bool {
            switch value {
            case .undefined, .string, .number: true
            default: false
            }
        }
        guard isComparable(left), isComparable(right) else {
            throw Failure("T2010", value: isComparable(left) && !left.isUndefined ? right : left)
        }
        let comparison: Int
        switch (left, right) {
        case (.undefined, _), (_, .undefined): return .undefined
        case (.string(let a), .string(let b)): comparison = compare(a, b)
        case (.number(let a), .number(let b)):
            switch op {
            case .less: return .bool(a < b)
            case .lessOrEqual: return .bool(a <= b)
            case .greater: return .bool(a > b)
            default: return .bool(a >= b)
            }
        default: throw Failure("T2009", value: left, second: right)
        }
        switch op {
        case .less: return .bool(comparison < 0)
        case .lessOrEqual: return .bool(comparison <= 0)
        case .greater: return .bool(comparison > 0)
        default: return .bool(comparison >= 0)
        }
    }

    /// -1, 0 or 1 by UTF-16 units.
    func compare(_ a: String, _ b: String) -> Int {
        var left = a.utf8.makeIterator(), right = b.utf8.makeIterator()
        while true {
            switch (left.next(), right.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let x?, let y?):
                if x == y { continue }
                // Surrogates, which encode what UTF-8 begins with F0, come before U+E000 and what follows it.
                if x >= 0xF0, y == 0xEE || y == 0xEF { return -1 }
                if y >= 0xF0, x == 0xEE || x == 0xEF { return 1 }
                return x < y ? -1 : 1
            }
        }
    }

    private func range(_ left: Value, _ right: Value) throws(Failure) -> Value {
        func integer(_ value: Value, _ code: String) throws(Failure) -> Double? {
            if value.isUndefined { return nil }
            guard case .number(let number) = value, number.rounded() == number, number.isFinite else {
                throw Failure(code, value: value)
            }
            return number
        }
        let first = try integer(left, "T2003"), last = try integer(right, "T2004")
        guard let first, let last, first <= last else { return .undefined }
        let count = last - first + 1
        if count > 1e7 { throw Failure("D2014", value: .number(count)) }
        try charge(Int(count) * Cost.element)
        return .array(ArrayBox(range: first, count: Int(count)))
    }
}
