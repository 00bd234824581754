import Support

extension Builtins {
    /// What a function that is called back gets, as far as it takes it.
    private static func call(
        _ e: Evaluator, _ function: FunctionBox, _ value: Value, _ key: @autoclosure () -> Value, _ whole: Value
    ) throws(Failure) -> Value {
        try e.step()
        switch function.arity {
        case ...1: return try e.apply(function, [value])
        case 2: return try e.apply(function, [value, key()])
        default: return try e.apply(function, [value, key(), whole])
        }
    }

    static func map(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, let function = a[1].function else { return .undefined }
        let result = ArrayBox([], .sequence)
        for index in 0..<box.count {
            let value = try call(e, function, box[index], .number(Double(index)), a[0])
            if value.isUndefined { continue }
            try e.charge(Cost.element)
            result.append(value)
        }
        return .array(result)
    }

    static func filter(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, let function = a[1].function else { return .undefined }
        let result = ArrayBox([], .sequence)
        for index in 0..<box.count {
            let value = box[index]
            if try e.truth(try call(e, function, value, .number(Double(index)), a[0])) {
                try e.charge(Cost.element)
                result.append(value)
            }
        }
        return .array(result)
    }

    static func single(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array else { return .undefined }
        var found: Value?
        for index in 0..<box.count {
            let value = box[index]
            if let function = a[1].function {
                guard try e.truth(try call(e, function, value, .number(Double(index)), a[0])) else { continue }
            }
            if found != nil { throw Failure("D3138") }
            found = value
        }
        guard let found else { throw Failure("D3139") }
        return found
    }

    static func reduce(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, let function = a[1].function else { return .undefined }
        let arity = function.arity
        if arity < 2 { throw Failure("D3050", argument: 1) }
        var result = a[2]
        var index = 0
        if result.isUndefined, box.count > 0 {
            result = box[0]
            index = 1
        }
        while index < box.count {
            try e.step()
            var arguments = [result, box[index]]
            if arity >= 3 { arguments.append(.number(Double(index))) }
            if arity >= 4 { arguments.append(a[0]) }
            result = try e.apply(function, arguments)
            index += 1
        }
        return result
    }

    static func each(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        let result = ArrayBox([], .sequence)
        guard let object = a[0].object, let function = a[1].function else { return .array(result) }
        for (key, value) in object.members {
            let value = try call(e, function, value, .string(key), a[0])
            if value.isUndefined { continue }
            try e.charge(Cost.element)
            result.append(value)
        }
        return .array(result)
    }

    static func sift(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let object = a[0].object else { return .undefined }
        guard let function = a[1].function else { throw Failure("T0410", value: a[1], argument: 2) }
        let result = ObjectBox()
        for (key, value) in object.members where try e.truth(try call(e, function, value, .string(key), a[0])) {
            try e.charge(Cost.member)
            result[key] = value
        }
        return result.count == 0 ? .undefined : .object(result)
    }

    static func zip(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        var count = Int.max
        for value in a { count = Swift.min(count, value.array?.count ?? 0) }
        let result = ArrayBox()
        for index in 0..<(a.isEmpty ? 0 : count) {
            try e.charge(Cost.array)
            try e.chargeItems(a.count + 1)
            var tuple: [Value] = []
            for value in a { if let box = value.array { tuple.append(box[index]) } }
            result.append(.array(ArrayBox(tuple)))
        }
        return .array(result)
    }

    static func keys(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        let found = ObjectBox()
        try collectKeys(e, a[0], into: found, depth: 0)
        return .array(ArrayBox(found.members.map { .string($0.key) }, .sequence))
    }

    private static func collectKeys(_ e: Evaluator, _ value: Value, into found: ObjectBox, depth: Int) throws(Failure) {
        if depth > Evaluator.maxWalk { throw .memory }
        switch value {
        case .object(let object):
            try e.step(object.count)
            try e.charge(Cost.member * object.count)
            for (key, _) in object.members { found[key] = .null }
        case .array(let box):
            try e.step(box.count)
            for index in 0..<box.count { try collectKeys(e, box[index], into: found, depth: depth + 1) }
        default: break
        }
    }

    static func lookup(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let key = a[1].string else { return .undefined }
        return try e.lookup(a[0], key)
    }

    static func append(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value { try e.append(a[0], a[1]) }

    static func exists(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value { .bool(!a[0].isUndefined) }

    static func spread(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try spread(e, a[0], depth: 0)
    }

    private static func spread(_ e: Evaluator, _ value: Value, depth: Int) throws(Failure) -> Value {
        if depth > Evaluator.maxWalk { throw .memory }
        switch value {
        case .object(let object):
            try e.step(object.count)
            try e.charge((Cost.object + Cost.member) * object.count)
            let result = ArrayBox([], .sequence)
            for (key, value) in object.members {
                let member = ObjectBox()
                member[key] = value
                result.append(.object(member))
            }
            return .array(result)
        case .array(let box):
            if box.count == 0 { return .array(ArrayBox([], .sequence)) }
            let result = ArrayBox()
            for index in 0..<box.count {
                switch try spread(e, box[index], depth: depth + 1) {
                case .array(let inner): result.append(contentsOf: inner)
                case .undefined: continue
                case let other: result.append(other)
                }
            }
            return .array(result)
        default: return value
        }
    }

    static func merge(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array else { return .undefined }
        let result = ObjectBox()
        for index in 0..<box.count {
            guard let object = box[index].object else { continue }
            try e.step(object.count)
            try e.charge(Cost.member * object.count)
            for (key, value) in object.members { result[key] = value }
        }
        return .object(result)
    }

    static func reverse(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, box.count > 1 else { return a[0] }
        try e.chargeItems(box.count)
        return .array(ArrayBox(box.values.reversed()))
    }

    static func shuffle(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, box.count > 1 else { return a[0] }
        try e.chargeItems(box.count)
        return .array(ArrayBox(box.values.shuffled(using: &e.random)))
    }

    static func sort(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, box.count > 1 else { return a[0] }
        try e.chargeItems(box.count)
        let values = box.values
        if let function = a[1].function {
            return .array(
                ArrayBox(
                    try e.mergeSorted(values) { (a: Value, b: Value) throws(Failure) -> Bool in
                        switch try e.apply(function, [a, b]) {
                        case .bool(let isAfter): return isAfter
                        case .number(let number): return number != 0 && !number.isNaN
                        case .string(let text): return !text.isEmpty
                        case .undefined, .unset, .null: return false
                        default: return true
                        }
                    }))
        }
        let numbers = values.compactMap(\.number)
        if numbers.count == values.count {
            for number in numbers where number.isInfinite { throw Failure("D1001", value: .number(number)) }
            return .array(
                ArrayBox(
                    try e.mergeSorted(numbers) { (a: Double, b: Double) throws(Failure) -> Bool in a > b }.map { .number($0) }))
        }
        let texts = values.compactMap(\.string)
        guard texts.count == values.count else { throw Failure("D3070", argument: 1) }
        return .array(
            ArrayBox(
                try e.mergeSorted(texts) { (a: String, b: String) throws(Failure) -> Bool in e.compare(a, b) > 0 }
                    .map { .string($0) }))
    }

    /// The first of equal values, in order; deep.
    static func distinct(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array, box.count > 1 else { return a[0] }
        try e.chargeItems(box.count)
        let result = ArrayBox([], box.isSequence ? .sequence : [])
        var seen = Set<ScalarKey>()
        // Only values that hold others are compared one by one.
        var others: [Value] = []
        for index in 0..<box.count {
            let value = box[index]
            if let key = ScalarKey(value) {
                if seen.insert(key).inserted { result.append(value) }
                continue
            }
            var isKnown = false
            for other in others {
                try e.step()
                if try e.areEqual(value, other) {
                    isKnown = true
                    break
                }
            }
            if isKnown { continue }
            others.append(value)
            result.append(value)
        }
        return .array(result)
    }

    /// A value that holds no other, for sets.
    private enum ScalarKey: Hashable {
        case undefined, null
        case bool(Bool)
        case number(Double)
        case string([UInt8])

        init?(_ value: Value) {
            switch value {
            case .undefined: self = .undefined
            case .null: self = .null
            case .bool(let value): self = .bool(value)
            case .number(let number): self = .number(number)
            case .string(let text): self = .string(Array(text.utf8))
            default: return nil
            }
        }
    }

    static func type(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        switch a[0] {
        case .undefined, .unset, .tuple: return .undefined
        case .null: return .string("null")
        case .number(let number):
            if number.isInfinite { throw Failure("D1001", value: a[0]) }
            return .string("number")
        case .string: return .string("string")
        case .bool: return .string("boolean")
        case .array: return .string("array")
        case .function: return .string("function")
        case .object: return .string("object")
        }
    }

    static func error(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        throw Failure("D3137", detail: a[0].string.flatMap { $0.isEmpty ? nil : $0 } ?? "$error() function evaluated")
    }

    static func assert(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        if case .bool(true) = a[0] { return .undefined }
        throw Failure("D3141", detail: a[1].string.flatMap { $0.isEmpty ? nil : $0 } ?? "$assert() statement failed")
    }

    static func clone(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value { try e.copy(a[0]) }
}
