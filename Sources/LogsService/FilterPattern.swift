import AWSProtocol
import JSONModel

/// What FilterLogEvents selects by: terms, or `{ $.member = "value" && ... }` over events that are JSON.
///
/// - Source: CloudWatch Logs, "Filter pattern syntax". Patterns of columns (`[...]`) and regular expressions (`%...%`) are
///   refused.
struct FilterPattern {
    private indirect enum Condition {
        case all
        /// Every one of the first, none of the second, and one of the third unless there are none.
        case terms(all: [String], none: [String], any: [String])
        case compare(path: [Step], Comparison, Operand)
        case test(path: [Step], Test)
        case and(Condition, Condition)
        case or(Condition, Condition)
    }

    private enum Step {
        case member(String)
        case index(Int)
    }
    /// In the order in which they are looked for.
    private enum Comparison: String, CaseIterable {
        case unequal = "!=", atMost = "<=", atLeast = ">=", equal = "=", less = "<", greater = ">"
    }
    private enum Operand {
        /// `*` stands for any text.
        case text(String)
        case number(Double)
    }
    private enum Test { case isNull, isTrue, isFalse, notExists, exists }

    private let condition: Condition

    /// - Throws: `AWSError` for a pattern that cannot be read.
    init(_ text: String) throws {
        var parser = Parser(text)
        condition = try parser.pattern()
    }

    func matches(_ message: String) -> Bool {
        switch condition {
        case .all: return true
        case .terms(let all, let none, let any):
            return all.allSatisfy { message.contains($0) } && !none.contains { message.contains($0) }
                && (any.isEmpty || any.contains { message.contains($0) })
        default:
            guard let value = try? JSONValue(parsing: message) else { return false }  // Text matches no JSON pattern.
            return Self.holds(condition, value)
        }
    }

    private static func holds(_ condition: Condition, _ value: JSONValue) -> Bool {
        switch condition {
        case .all, .terms: return true
        case .and(let a, let b): return holds(a, value) && holds(b, value)
        case .or(let a, let b): return holds(a, value) || holds(b, value)
        case .test(let path, let test):
            let found = find(path, value)
            return switch test {
            case .isNull: found?.isNull == true
            case .isTrue: found?.bool == true
            case .isFalse: found?.bool == false
            case .notExists: found == nil
            case .exists: found != nil
            }
        case .compare(let path, let comparison, let operand):
            guard let found = find(path, value) else { return false }
            switch operand {
            case .number(let number):
                guard let value = found.number?.double else { return false }
                return switch comparison {
                case .equal: value == number
                case .unequal: value != number
                case .less: value < number
                case .greater: value > number
                case .atMost: value <= number
                case .atLeast: value >= number
                }
            case .text(let text):
                guard let value = found.string else { return false }
                let isEqual = fits(Array(value.utf8), Array(text.utf8))
                return comparison == .unequal ? !isEqual : comparison == .equal && isEqual
            }
        }
    }

    private static func find(_ path: [Step], _ value: JSONValue) -> JSONValue? {
        var current = value
        for step in path {
            let next =
                switch step {
                case .member(let name): current[name]
                case .index(let index): current.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
                }
            guard let next else { return nil }
            current = next
        }
        return current
    }

    /// Whether a text fits a pattern in which `*` is any text: greedy, going back to the last star.
    private static func fits(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var position = 0
        var place = 0
        var star: (place: Int, position: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, position)
                place += 1
            } else if place < pattern.count, pattern[place] == text[position] {
                place += 1
                position += 1
            } else if let last = star {
                star = (last.place, last.position + 1)
                place = last.place + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    // MARK: - Reading

    private struct Parser {
        private static let depthMax = 50
        private static let lengthMax = 1024
        private let characters: [Character]
        private var position = 0

        init(_ text: String) { characters = Array(text) }

        mutating func pattern() throws -> Condition {
            guard characters.count <= Self.lengthMax else { throw fail("it has more than \(Self.lengthMax) characters") }
            skipSpace()
            guard let first = peek else { return .all }
            if first == "[" || first == "%" { throw fail("patterns of columns and regular expressions are not supported") }
            guard first == "{" else { return try terms() }
            position += 1
            let condition = try disjunction(depth: 0)
            try expect("}")
            skipSpace()
            guard peek == nil else { throw fail("there is something behind the closing brace") }
            return condition
        }

        private mutating func terms() throws -> Condition {
            var all: [String] = []
            var none: [String] = []
            var any: [String] = []
            while let character = peek {
                let sign = character == "-" || character == "?" ? character : nil
                if sign != nil { position += 1 }
                let term = peek == "\"" ? try quoted() : take { !$0.isWhitespace }
                switch sign {
                case "-"?: none.append(term)
                case "?"?: any.append(term)
                default: all.append(term)
                }
                skipSpace()
            }
            return .terms(all: all, none: none, any: any)
        }

        private mutating func disjunction(depth: Int) throws -> Condition {
            var left = try conjunction(depth: depth)
            while accept("||") { left = .or(left, try conjunction(depth: depth)) }
            return left
        }

        private mutating func conjunction(depth: Int) throws -> Condition {
            var left = try comparison(depth: depth)
            while accept("&&") { left = .and(left, try comparison(depth: depth)) }
            return left
        }

        private mutating func comparison(depth: Int) throws -> Condition {
            guard depth < Self.depthMax else { throw fail("it is nested too deeply") }
            if accept("(") {
                let inner = try disjunction(depth: depth + 1)
                try expect(")")
                return inner
            }
            try expect("$")
            var path: [Step] = []
            while let character = peek, character == "." || character == "[" {
                position += 1
                if character == "." {
                    path.append(.member(take { $0.isLetter || $0.isNumber || "_-".contains($0) }))
                } else if peek == "\"" || peek == "'" {
                    path.append(.member(try quoted()))
                    try expect("]")
                } else {
                    guard let index = Int(take { $0.isNumber }) else { throw fail("an index must be a number") }
                    path.append(.index(index))
                    try expect("]")
                }
            }
            skipSpace()
            for (words, test) in [
                (["IS", "NULL"], Test.isNull), (["IS", "TRUE"], .isTrue), (["IS", "FALSE"], .isFalse),
                (["NOT", "EXISTS"], .notExists), (["EXISTS"], .exists),
            ] where accept(words: words) { return .test(path: path, test) }
            for comparison in Comparison.allCases where accept(comparison.rawValue) {
                skipSpace()
                if peek == "\"" { return .compare(path: path, comparison, .text(try quoted())) }
                let word = take { !$0.isWhitespace && !")}&|".contains($0) }
                if word.isEmpty { throw fail("a comparison has no value") }
                return .compare(path: path, comparison, Double(word).map { .number($0) } ?? .text(word))
            }
            throw fail("a member must be compared, as in $.type = \"ExecutionFailed\"")
        }

        private var peek: Character? { position < characters.count ? characters[position] : nil }

        private mutating func skipSpace() { while peek?.isWhitespace == true { position += 1 } }

        private mutating func take(while holds: (Character) -> Bool) -> String {
            let start = position
            while let character = peek, holds(character) { position += 1 }
            return String(characters[start..<position])
        }

        private mutating func quoted() throws -> String {
            let quote = characters[position]
            position += 1
            var text = ""
            while let character = peek, character != quote {
                position += 1
                if character == "\\", let escaped = peek {
                    text.append(escaped)
                    position += 1
                } else {
                    text.append(character)
                }
            }
            guard peek != nil else { throw fail("a quotation mark is not closed") }
            position += 1
            return text
        }

        private mutating func accept(_ text: String) -> Bool {
            skipSpace()
            guard characters[position...].starts(with: text) else { return false }
            position += text.count
            return true
        }

        private mutating func accept(words: [String]) -> Bool {
            let start = position
            for word in words {
                skipSpace()
                guard take(while: { $0.isLetter }).uppercased() == word else {
                    position = start
                    return false
                }
            }
            return true
        }

        private mutating func expect(_ text: String) throws {
            guard accept(text) else { throw fail("'\(text)' is missing at character \(position + 1)") }
        }

        private func fail(_ complaint: String) -> AWSError {
            AWSError("InvalidParameterException", "Invalid filter pattern: \(complaint).")
        }
    }
}
