/// What a function accepts, such as `<s-nn?:s>`: parameters are matched with the kinds of the arguments as a regular
/// expression is with letters.
struct Signature: Sendable {
    /// The kinds of values, as bits.
    struct Kinds: OptionSet, Sendable {
        let rawValue: UInt8
        static let array = Kinds(rawValue: 1)
        static let string = Kinds(rawValue: 2)
        static let number = Kinds(rawValue: 4)
        static let boolean = Kinds(rawValue: 8)
        static let null = Kinds(rawValue: 16)
        static let function = Kinds(rawValue: 32)
        static let object = Kinds(rawValue: 64)
        static let missing = Kinds(rawValue: 128)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init?(_ letter: Character) {
            switch letter {
            case "a": self = .array
            case "s": self = .string
            case "n": self = .number
            case "b": self = .boolean
            case "l": self = .null
            case "f": self = .function
            case "o": self = .object
            case "m": self = .missing
            default: return nil
            }
        }

        init(of value: Value) {
            switch value {
            case .undefined, .unset, .tuple: self = .missing
            case .null: self = .null
            case .bool: self = .boolean
            case .number: self = .number
            case .string: self = .string
            case .array: self = .array
            case .object: self = .object
            case .function: self = .function
            }
        }
    }

    private struct Parameter: Sendable {
        var kinds: Kinds
        var isArray = false
        /// Of an array's elements.
        var element: String?
        /// The context stands in when the argument is missing.
        var takesContext = false
        var isOptional = false
        var isMany = false
    }

    private let parameters: [Parameter]
    private let hasMany: Bool

    /// Of a function without parameters.
    static let none = Signature(parameters: [])

    private init(parameters: [Parameter]) {
        self.parameters = parameters
        hasMany = false
    }

    /// - Parameter position: of the `<` in the expression.
    init(_ text: String, position: Int = 0) throws(Failure) {
        let letters = Array(text)
        var list: [Parameter] = []
        var at = 1
        // The last parameter read is the one that modifiers mean.
        var canTakeElement = false
        func close(_ open: Character, _ close: Character) -> Int {
            var depth = 1
            var end = at
            while end < letters.count - 1 {
                end += 1
                if letters[end] == close {
                    depth -= 1
                    if depth == 0 { break }
                } else if letters[end] == open {
                    depth += 1
                }
            }
            return max(end, at)
        }
        func add(_ kinds: Kinds, isArray: Bool = false, canTakeElement can: Bool = false) {
            list.append(Parameter(kinds: kinds, isArray: isArray))
            canTakeElement = can
        }
        reading: while at < letters.count {
            switch letters[at] {
            case ":": break reading
            case "s", "n", "b", "l", "o": add([Kinds(letters[at]) ?? .missing, .missing])
            case "a":
                add(
                    [.array, .string, .number, .boolean, .null, .function, .object, .missing], isArray: true,
                    canTakeElement: true)
            case "f": add(.function, canTakeElement: true)
            case "j": add([.array, .string, .number, .boolean, .null, .object, .missing])
            case "x": add([.array, .string, .number, .boolean, .null, .function, .object, .missing])
            case "-":
                if !list.isEmpty {
                    list[list.count - 1].takesContext = true
                    list[list.count - 1].isOptional = true
                }
            case "?": if !list.isEmpty { list[list.count - 1].isOptional = true }
            case "+":
                if !list.isEmpty { list[list.count - 1].isMany = true }
            case "(":
                let end = close("(", ")")
                let choice = letters[min(at + 1, end)..<end]
                if choice.contains("<") {
                    throw Failure("S0402", position: position + at, value: .string(String(choice)))
                }
                var kinds = Kinds.missing
                for letter in choice { if let kind = Kinds(letter) { kinds.insert(kind) } }
                add(kinds)
                at = end
            case "<":
                guard canTakeElement else { throw Failure("S0401", position: position + at) }
                let end = close("<", ">")
                list[list.count - 1].element = String(letters[min(at + 1, end)..<end])
                at = end
            default: break
            }
            at += 1
        }
        parameters = list
        hasMany = list.contains(where: \.isMany)
    }

    /// The arguments as the function takes them: values in place of arrays wrapped, the context put in.
    func validate(_ arguments: [Value], context: Value) throws(Failure) -> [Value] {
        if let result = try validateOneEach(arguments, context) { return result }
        var matcher = Matcher(parameters: parameters, kinds: arguments.map { Kinds(of: $0) })
        guard let counts = matcher.match(upTo: parameters.count, toEnd: true) else {
            var good = 0
            for count in 1...max(1, parameters.count) where count <= parameters.count {
                guard let counts = matcher.match(upTo: count, toEnd: false) else { break }
                good = counts.reduce(0, +)
            }
            throw Failure("T0410", value: good < arguments.count ? arguments[good] : .undefined, argument: good + 1)
        }
        var result: [Value] = []
        var at = 0
        for (parameter, count) in zip(parameters, counts) {
            let first = at < arguments.count ? arguments[at] : .undefined
            if count == 0 {
                if parameter.takesContext {
                    result.append(try take(context, for: parameter, at))
                } else {
                    result.append(first)
                    at += 1
                }
                continue
            }
            for _ in 0..<count {
                // jsonata-js repeats the first of many arguments unless they are arrays.
                let value = parameter.isArray ? arguments[at] : first
                result.append(try wrap(value, for: parameter, at, repeated: count > 1))
                at += 1
            }
        }
        return result
    }

    /// The usual case: an argument each, and those left out are optional and last.
    private func validateOneEach(_ arguments: [Value], _ context: Value) throws(Failure) -> [Value]? {
        if hasMany || arguments.count > parameters.count { return nil }
        for (position, parameter) in parameters.enumerated() {
            if position < arguments.count {
                if !parameter.kinds.contains(Kinds(of: arguments[position])) { return nil }
            } else if !parameter.isOptional {
                return nil
            }
        }
        var result = arguments
        for (position, parameter) in parameters.enumerated() {
            if position < arguments.count {
                if parameter.isArray {
                    result[position] = try wrap(arguments[position], for: parameter, position, repeated: false)
                }
            } else {
                result.append(parameter.takesContext ? try take(context, for: parameter, arguments.count) : .undefined)
            }
        }
        return result
    }

    private func take(_ context: Value, for parameter: Parameter, _ position: Int) throws(Failure) -> Value {
        if parameter.kinds.contains(Kinds(of: context)) { return context }
        throw Failure("T0411", value: context, argument: position + 1)
    }

    private func wrap(
        _ value: Value, for parameter: Parameter, _ position: Int, repeated: Bool
    ) throws(Failure) -> Value {
        guard parameter.isArray else { return value }
        let kind = Kinds(of: value)
        if kind == .missing { return .undefined }
        if let element = parameter.element {
            let isRight: Bool
            if case .array(let box) = value {
                isRight = Self.holds(box, element)
            } else {
                isRight = !repeated && element.count == 1 && Kinds(element.first ?? " ") == kind
            }
            if !isRight {
                throw Failure("T0412", value: value, argument: position + 1, detail: Self.plurals[element] ?? element)
            }
        }
        if case .array = value { return value }
        return .array(ArrayBox([value]))
    }

    private static func holds(_ box: ArrayBox, _ element: String) -> Bool {
        guard box.count > 0 else { return true }
        guard let letter = element.first, let wanted = Kinds(letter) else { return false }
        for index in 0..<box.count where Kinds(of: box[index]) != wanted { return false }
        return true
    }

    private static let plurals = [
        "a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings",
    ]

    /// Finds how many arguments each parameter takes, as many as possible from the left, with backtracking.
    private struct Matcher {
        let parameters: [Parameter]
        let kinds: [Kinds]
        private var failed: Set<Int> = []

        init(parameters: [Parameter], kinds: [Kinds]) {
            self.parameters = parameters
            self.kinds = kinds
        }

        mutating func match(upTo end: Int, toEnd: Bool) -> [Int]? {
            failed = []
            var counts = Array(repeating: 0, count: end)
            return match(0, 0, end, toEnd, &counts) ? counts : nil
        }

        private mutating func match(_ parameter: Int, _ at: Int, _ end: Int, _ toEnd: Bool, _ counts: inout [Int]) -> Bool {
            if parameter == end { return !toEnd || at == kinds.count }
            let state = parameter * (kinds.count + 1) + at
            if failed.contains(state) { return false }
            let least = parameters[parameter].isOptional ? 0 : 1
            let most = parameters[parameter].isMany ? kinds.count - at : 1
            var count = 0
            while count < most, at + count < kinds.count,
                parameters[parameter].kinds.contains(kinds[at + count])
            {
                count += 1
            }
            while count >= least {
                counts[parameter] = count
                if match(parameter + 1, at + count, end, toEnd, &counts) { return true }
                count -= 1
            }
            failed.insert(state)
            return false
        }
    }
}
