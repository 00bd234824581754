import JSONModel

/// One evaluation of a path.
struct PathEvaluation {
    let path: JSONPath
    let root: JSONValue
    private var results: [JSONValue] = []
    /// Values that may yet be looked at. One `..` looks at each value once; with several the work grows with their power.
    private var visitsLeft: Int
    private static let visitsMax = 2_000_000

    init(path: JSONPath, root: JSONValue) {
        self.path = path
        self.root = root
        visitsLeft = path.steps.count { $0 == .scan } > 1 ? Self.visitsMax : .max
    }

    private mutating func visit() throws(JSONPathError) {
        visitsLeft -= 1
        if visitsLeft < 0 { throw JSONPathError("A path with several '..' may look at \(Self.visitsMax) values: \(path.text)") }
    }

    mutating func run() throws(JSONPathError) -> JSONValue {
        var count = path.steps.count
        var tail: (function: PathFunction, arguments: [JSONValue])?
        if case .unknownFunction(let name) = path.steps.last {
            throw JSONPathError("Function with name: \(name) does not exist.")
        }
        if case .function(let function, let operands) = path.steps.last {
            var arguments: [JSONValue] = []
            for operand in operands { if let value = operand.value(root, root) { arguments.append(value) } }
            tail = (function, arguments)
            count -= 1
        }
        try walk(root, step: 0, count: count, definite: true)
        let isDefinite = tail == nil ? path.isDefinite : path.steps.dropLast().allSatisfy(\.isDefinite)
        if let tail { return try apply(tail.function, tail.arguments, isDefinite: isDefinite) }
        if !isDefinite { return .array(results) }
        guard let result = results.first else { throw JSONPathError("No results for path: \(path.normalizedText)") }
        return result
    }

    /// - Parameter definite: whether all steps so far were; a dead end is then an error, else it is skipped.
    private mutating func walk(
        _ value: JSONValue, step position: Int, count: Int, definite: Bool
    ) throws(JSONPathError) {
        guard position < count else {
            try visit()
            results.append(value)
            return
        }
        let step = path.steps[position]
        let isLeaf = position == count - 1
        let next = position + 1
        switch step {
        case .name(let name):
            guard case .object(let object) = value else {
                if definite { throw notAnObject(position, value) }
                return
            }
            if let member = object[name] {
                try walk(member, step: next, count: count, definite: definite)
            } else if !isLeaf, definite {
                throw JSONPathError("Missing property in path \(JSONPath.normalizedText(path.steps[...position]))")
            }
        case .names(let names):
            guard case .object(let object) = value else {
                if definite { throw notAnObject(position, value) }
                return
            }
            if isLeaf {
                var chosen = JSONObject()
                for name in names { if let member = object[name] { chosen[name] = member } }
                results.append(.object(chosen))
            } else {
                for name in names {
                    if let member = object[name] { try walk(member, step: next, count: count, definite: false) }
                }
            }
        case .index(let index):
            guard let elements = try elements(value, position, definite) else { return }
            let effective = index < 0 ? elements.count + index : index
            if elements.indices.contains(effective) {
                try walk(elements[effective], step: next, count: count, definite: definite)
            } else if !isLeaf, definite {
                throw JSONPathError("No results for path: \(path.normalizedText)")
            }
        case .indices(let indices):
            guard let elements = try elements(value, position, definite) else { return }
            for index in indices {
                let effective = index < 0 ? elements.count + index : index
                if elements.indices.contains(effective) {
                    try walk(elements[effective], step: next, count: count, definite: false)
                }
            }
        case .slice(let from, let to):
            guard let elements = try elements(value, position, definite) else { return }
            for index in sliceIndices(from, to, count: elements.count) {
                try walk(elements[index], step: next, count: count, definite: false)
            }
        case .wildcard:
            switch value {
            case .object(let object):
                for (_, member) in object { try walk(member, step: next, count: count, definite: false) }
            case .array(let elements):
                for element in elements { try walk(element, step: next, count: count, definite: false) }
            default: return
            }
        case .scan: try scan(value, step: next, count: count)
        case .filter(let expression, _):
            switch value {
            case .array(let elements):
                for element in elements where expression.matches(element, root: root) {
                    try walk(element, step: next, count: count, definite: false)
                }
            case .object:
                if expression.matches(value, root: root) {
                    try walk(value, step: next, count: count, definite: false)
                }
            default:
                if definite {
                    throw JSONPathError(
                        "Filter: \(step.normalizedText) can not be applied to primitives. Current context is: \(value.text)")
                }
            }
        case .function, .unknownFunction: return
        }
    }

    /// The step at the value itself, then below each of its members, in their order.
    private mutating func scan(_ value: JSONValue, step: Int, count: Int) throws(JSONPathError) {
        try visit()
        switch (path.steps[step], value) {
        case (.names(let names), .object(let object)):
            // Only where all of them are.
            if names.allSatisfy({ object.contains($0) }) {
                try walk(value, step: step, count: count, definite: false)
            }
        case (.name, .object), (.wildcard, .object), (.wildcard, .array), (.index, .array),
            (.indices, .array), (.slice, .array):
            try walk(value, step: step, count: count, definite: false)
        case (.filter(let expression, _), _):
            // The condition must hold for the value itself before the step is taken at it.
            if expression.matches(value, root: root) { try walk(value, step: step, count: count, definite: false) }
        default: break
        }
        switch value {
        case .object(let object): for (_, member) in object { try scan(member, step: step, count: count) }
        case .array(let elements): for element in elements { try scan(element, step: step, count: count) }
        default: break
        }
    }

    private func elements(
        _ value: JSONValue, _ position: Int, _ definite: Bool
    ) throws(JSONPathError) -> [JSONValue]? {
        if case .array(let elements) = value { return elements }
        guard definite else { return nil }
        if value.isNull { throw JSONPathError("The path \(JSONPath.normalizedText(path.steps[..<position])) is null") }
        throw JSONPathError(
            "Filter: \(path.steps[position].normalizedText) can only be applied to arrays. Current context is: \(value.text)")
    }

    private func notAnObject(_ position: Int, _ value: JSONValue) -> JSONPathError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "java.lang.Boolean"
            case .number(let number): number.isInteger ? "java.lang.Integer" : "java.lang.Double"
            case .string: "java.lang.String"
            case .array: "java.util.ArrayList"
            case .object: "java.util.LinkedHashMap"
            }
        return JSONPathError(
            "Expected to find an object with property \(path.steps[position].normalizedText) in path "
                + "\(JSONPath.normalizedText(path.steps[..<position])) but found '\(found)'. This is not a json object "
                + "according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.")
    }

    /// Jayway's ranges: a negative start counts from the end and may run over it to the beginning.
    private func sliceIndices(_ from: Int?, _ to: Int?, count: Int) -> [Int] {
        switch (from, to) {
        case (let from?, nil):
            let start = from < 0 ? max(0, count + from) : from
            return start < count ? Array(start..<count) : []
        case (nil, let to?):
            let end = to < 0 ? count + to : min(to, count)
            return end > 0 ? Array(0..<end) : []
        case (let from?, let to?):
            let end = min(to, count)
            guard count > 0, from < end, from < count else { return [] }
            if from >= 0 { return Array(from..<end) }
            if to < 0 {
                let start = max(0, count + from), end = count + to
                return start < end ? Array(start..<end) : []
            }
            guard from >= -count else { return Array(0..<end) }
            return (from..<end).map { ($0 + count) % count }
        case (nil, nil): return Array(0..<count)
        }
    }

    private func apply(
        _ function: PathFunction, _ arguments: [JSONValue], isDefinite: Bool
    ) throws(JSONPathError) -> JSONValue {
        if isDefinite, results.isEmpty {
            throw JSONPathError("No results for path: \(JSONPath.normalizedText(path.steps.dropLast()))")
        }
        func one(_ body: (JSONValue) -> JSONValue) -> JSONValue {
            isDefinite ? results.first.map(body) ?? .null : .array(results.map(body))
        }
        switch function {
        case .length, .size:
            return one { value in
                switch value {
                case .array(let elements): .number(elements.count)
                case .object(let object): .number(object.count)
                default: .null
                }
            }
        case .keys:
            return one { value in value.object.map { .array($0.keys.map { .string($0) }) } ?? .null }
        case .first, .last:
            return one { value in (function == .first ? value.array?.first : value.array?.last) ?? .null }
        case .index:
            guard let index = arguments.first?.int64.flatMap({ Int(exactly: $0) }) else {
                throw JSONPathError("The function 'index' takes a whole number")
            }
            return one { value in
                guard let elements = value.array else { return .null }
                let place = index < 0 ? elements.count + index : index
                return elements.indices.contains(place) ? elements[place] : .null
            }
        case .concat:
            return one { value in
                let texts = (value.array ?? []).compactMap(\.string) + arguments.flatMap { $0.array ?? [$0] }.map { $0.string ?? $0.text }
                return .string(texts.joined())
            }
        case .append:
            return one { value in value.array.map { .array($0 + arguments) } ?? value }
        case .min, .max, .avg, .sum, .stddev:
            let values = isDefinite ? results.first?.array ?? results : results
            let numbers = (values + arguments).flatMap { $0.array ?? [$0] }.compactMap(\.double)
            guard let first = numbers.first else {
                throw JSONPathError("Aggregation function attempted to calculate value using empty array")
            }
            let total = numbers.reduce(0, +)
            switch function {
            case .min: return .number(numbers.reduce(first) { Swift.min($0, $1) })
            case .max: return .number(numbers.reduce(first) { Swift.max($0, $1) })
            case .avg: return .number(total / Double(numbers.count))
            case .stddev:
                let count = Double(numbers.count), squares = numbers.reduce(0) { $0 + $1 * $1 }
                return .number(Swift.max(0, squares / count - total * total / count / count).squareRoot())
            default: return .number(total)
            }
        }
    }
}

extension JSONPath.Step {
    var isDefinite: Bool {
        switch self {
        case .name, .names, .index, .function, .unknownFunction: true
        case .indices, .slice, .wildcard, .scan, .filter: false
        }
    }
}
