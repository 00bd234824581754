// Functions that take a regular expression, or any function that finds as one does.
extension Builtins {
    /// What a matcher found: an object with `match`, `start`, `end`, `groups` and `next`; nil for nothing.
    private static func found(_ e: Evaluator, _ matcher: Value, _ arguments: [Value]) throws(Failure) -> ObjectBox? {
        guard let function = matcher.function else { throw Failure("T1010") }
        switch try e.apply(function, arguments) {
        case .undefined: return nil
        case .object(let box):
            let isMatch = box["start"]?.number != nil || box["groups"]?.array != nil || box["next"]?.function != nil
            if isMatch { return box }
            throw Failure("T1010")
        default: throw Failure("T1010")
        }
    }

    private static func next(_ e: Evaluator, _ match: ObjectBox) throws(Failure) -> ObjectBox? {
        try found(e, match["next"] ?? .undefined, [])
    }

    static func contains(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        switch a[1] {
        case .string(let part):
            try e.chargeText(text.utf8.count)
            return .bool(find(Array(part.utf8), in: Array(text.utf8)) != nil)
        case .function: return .bool(try found(e, a[1], [a[0]]) != nil)
        default: throw Failure("T0410", value: a[1], argument: 2)
        }
    }

    static func match(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard a[0].string != nil else { return .undefined }
        let limit = a[2].number ?? .infinity
        if limit < 0 { throw Failure("D3040", value: a[2], argument: 3) }
        let result = ArrayBox([], .sequence)
        var count = 0.0
        var match = limit > 0 ? try found(e, a[1], [a[0]]) : nil
        while let current = match, count < limit {
            let object = ObjectBox()
            object["match"] = current["match"] ?? .undefined
            object["index"] = current["start"] ?? .undefined
            object["groups"] = current["groups"] ?? .undefined
            try e.charge(Cost.object + 3 * Cost.member)
            result.append(.object(object))
            match = try next(e, current)
            count += 1
        }
        return .array(result)
    }

    static func split(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let limit = a[2].number ?? .infinity
        if limit < 0 { throw Failure("D3020", value: a[2], argument: 3) }
        let result = ArrayBox()
        guard limit > 0 else { return .array(result) }
        try e.charge(2 * text.utf8.count)
        let bytes = Array(text.utf8)
        switch a[1] {
        case .string(let separator):
            let most = limit.rounded(.down)
            if separator.isEmpty {
                try e.charge(Cost.element * bytes.count)
                for scalar in text.unicodeScalars {
                    if Double(result.count) >= most { break }
                    result.append(.string(String(scalar)))
                }
                return .array(result)
            }
            let needle = Array(separator.utf8)
            var start = 0
            while let at = find(needle, in: bytes, from: start) {
                try e.charge(Cost.element)
                try e.chargeText(at - start)
                result.append(.string(String(decoding: bytes[start..<at], as: UTF8.self)))
                start = at + needle.count
            }
            result.append(.string(String(decoding: bytes[start...], as: UTF8.self)))
            if Double(result.count) > most { return .array(ArrayBox(Array(result.values.prefix(Int(most))))) }
            return .array(result)
        case .function:
            let units = UnitText(text)
            var count = 0.0
            var start = 0
            var match = try found(e, a[1], [a[0]])
            if match == nil { return .array(ArrayBox([a[0]])) }
            while let current = match, count < limit {
                try e.charge(Cost.element)
                result.append(.string(units.text(start, units.index(current["start"]))))
                start = units.index(current["end"])
                match = try next(e, current)
                count += 1
            }
            if count < limit { result.append(.string(units.text(start, units.count))) }
            return .array(result)
        default: throw Failure("T0410", value: a[1], argument: 2)
        }
    }

    static func replace(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        if case .string("") = a[1] { throw Failure("D3010", value: a[1], argument: 2) }
        let limit = a[3].number ?? .infinity
        if limit < 0 { throw Failure("D3011", value: a[3], argument: 4) }
        guard limit > 0 else { return a[0] }
        try e.charge(2 * text.utf8.count)
        switch a[1] {
        case .string(let pattern): return try replace(e, text, pattern, a[2], limit)
        case .function: break
        default: throw Failure("T0410", value: a[1], argument: 2)
        }
        let units = UnitText(text)
        var result = ""
        var position = 0
        var count = 0.0
        var match = try found(e, a[1], [a[0]])
        if match == nil { return a[0] }
        while let current = match, count < limit {
            let start = units.index(current["start"])
            let matched = current["match"]?.string ?? ""
            var replacement: String
            switch a[2] {
            case .string(let template): replacement = expand(template, matched, current["groups"]?.array)
            case .function(let function):
                guard case .string(let text) = try e.apply(function, [.object(current)]) else {
                    throw Failure("D3012")
                }
                replacement = text
            default: throw Failure("T0410", value: a[2], argument: 3)
            }
            try e.charge(2 * replacement.utf8.count)
            replacement = units.text(position, start) + replacement
            result += replacement
            position = start + matched.utf16.count
            count += 1
            match = try next(e, current)
        }
        return .string(result + units.text(position, units.count))
    }

    private static func replace(
        _ e: Evaluator, _ text: String, _ pattern: String, _ replacement: Value, _ limit: Double
    ) throws(Failure) -> Value {
        let bytes = Array(text.utf8), needle = Array(pattern.utf8)
        let substitute: [UInt8]
        switch replacement {
        case .string(let text): substitute = Array(text.utf8)
        default: throw Failure("D3012", value: replacement)
        }
        var result: [UInt8] = []
        var position = 0
        var count = 0.0
        while count < limit, let at = find(needle, in: bytes, from: position) {
            try e.charge(2 * substitute.count)
            result += bytes[position..<at]
            result += substitute
            position = at + needle.count
            count += 1
        }
        result += bytes[position...]
        return .string(String(decoding: result, as: UTF8.self))
    }

    /// Puts groups in for `$1`, the whole match for `$0`, and `$` for `$$`.
    private static func expand(_ template: String, _ matched: String, _ groups: ArrayBox?) -> String {
        let units = Array(template.unicodeScalars)
        let count = groups?.count ?? 0
        let digitsMax = count == 0 ? 1 : String(count).utf8.count
        var result = ""
        var at = 0
        while at < units.count {
            guard units[at] == "$" else {
                result.unicodeScalars.append(units[at])
                at += 1
                continue
            }
            at += 1
            let next = at < units.count ? units[at] : " "
            if next == "$" {
                result += "$"
                at += 1
            } else if next == "0" {
                result += matched
                at += 1
            } else {
                var digits = ""
                for unit in units[at...].prefix(digitsMax) {
                    guard ("0"..."9").contains(unit) else { break }
                    digits.unicodeScalars.append(unit)
                }
                if digits.utf8.count > 1, let group = Int(digits), group > count { digits.removeLast() }
                guard let group = Int(digits) else {
                    result += "$"
                    continue
                }
                if group >= 1, group <= count, let text = groups?[group - 1].string { result += text }
                at += String(group).utf8.count
            }
        }
        return result
    }

    /// A text cut by JavaScript's offsets.
    private struct UnitText {
        private let units: [UInt16]
        var count: Int { units.count }

        init(_ text: String) { units = Array(text.utf16) }

        func index(_ value: Value?) -> Int {
            guard let number = value?.number, number > 0 else { return 0 }
            return Int(Swift.min(number, Double(units.count)))
        }

        func text(_ a: Int, _ b: Int) -> String {
            // As JavaScript's `substring`, which takes its ends in any order.
            String(decoding: units[Swift.min(a, b)..<Swift.max(a, b)], as: UTF16.self)
        }
    }
}
