/// The patterns of GetTables: a regular expression in which `*` after nothing that could be repeated, or after a plain
/// letter, stands for any text, as in Hive.
///
/// Matches whole names, without regard to ASCII case, in time proportional to pattern times name: all states are
/// followed at once (Thompson 1968), so that no pattern can hold the server up. Known are `.`, `[...]`, `\d \w \s` and
/// their opposites, `* + ? |` and groups.
package struct NamePattern: Sendable {
    private enum Step: Sendable {
        case take(CharacterSet)
        /// Goes on at both places.
        case split(Int, Int)
        case jump(Int)
        case match
    }

    private var steps: [Step] = []
    private static let groupDepthMax = 50

    /// - Throws: `.invalidInput` for a pattern that is not one.
    package init(_ pattern: String) throws(GlueError) {
        var parser = Parser(scalars: Array(pattern.unicodeScalars.prefix(4096)), pattern: pattern)
        let node = try parser.alternatives(depth: 0)
        guard parser.atEnd else { throw parser.invalid() }
        emit(node)
        steps.append(.match)
    }

    package func matches(_ name: String) -> Bool {
        var active = follow([0])
        for scalar in name.unicodeScalars {
            var next: [Int] = []
            for position in active {
                if case .take(let set) = steps[position], set.contains(scalar) { next.append(position + 1) }
            }
            if next.isEmpty { return false }
            active = follow(next)
        }
        return active.contains { if case .match = steps[$0] { true } else { false } }
    }

    private func follow(_ start: [Int]) -> [Int] {
        var seen = [Bool](repeating: false, count: steps.count)
        var stack = start
        var result: [Int] = []
        while let position = stack.popLast() {
            if seen[position] { continue }
            seen[position] = true
            switch steps[position] {
            case .take, .match: result.append(position)
            case .jump(let target): stack.append(target)
            case .split(let a, let b): stack += [a, b]
            }
        }
        return result
    }

    private mutating func emit(_ node: Node) {
        switch node {
        case .empty: break
        case .set(let set): steps.append(.take(set))
        case .sequence(let nodes): for node in nodes { emit(node) }
        case .either(let a, let b):
            let split = steps.count
            steps.append(.match)
            emit(a)
            let jump = steps.count
            steps.append(.match)
            steps[split] = .split(split + 1, steps.count)
            emit(b)
            steps[jump] = .jump(steps.count)
        case .repeated(let inner, let min, let many):
            if min == 1 {
                let start = steps.count
                emit(inner)
                steps.append(.split(start, steps.count + 1))
            } else {
                let split = steps.count
                steps.append(.match)
                emit(inner)
                if many { steps.append(.jump(split)) }
                steps[split] = .split(split + 1, steps.count)
            }
        }
    }

    private struct CharacterSet: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            let value = scalar.value
            let lower = (65...90).contains(value) ? value + 32 : value
            let upper = (97...122).contains(value) ? value - 32 : value
            return ranges.contains { $0.contains(value) || $0.contains(lower) || $0.contains(upper) } != isInverted
        }
    }

    private indirect enum Node {
        case empty
        case set(CharacterSet)
        case sequence([Node])
        case either(Node, Node)
        /// - many: more than once.
        case repeated(Node, min: Int, many: Bool)
    }

    private struct Parser {
        let scalars: [Unicode.Scalar]
        let pattern: String
        var position = 0

        var atEnd: Bool { position == scalars.count }

        func invalid() -> GlueError { GlueError(.invalidInput, "Invalid expression '\(pattern.prefix(300))'.") }

        mutating func alternatives(depth: Int) throws(GlueError) -> Node {
            guard depth <= NamePattern.groupDepthMax else { throw invalid() }
            var branches = [try sequence(depth)]
            while !atEnd, scalars[position] == "|" {
                position += 1
                branches.append(try sequence(depth))
            }
            // Halves rather than a chain, so that emitting does not nest deeply.
            return Self.join(branches[...])
        }

        private static func join(_ branches: ArraySlice<Node>) -> Node {
            guard branches.count > 1, let first = branches.first else { return branches.first ?? .empty }
            if branches.count == 2, let last = branches.last { return .either(first, last) }
            let middle = branches.startIndex + branches.count / 2
            return .either(join(branches[..<middle]), join(branches[middle...]))
        }

        private mutating func sequence(_ depth: Int) throws(GlueError) -> Node {
            var nodes: [Node] = []
            // Whether a `*` repeats the last node rather than standing for any text.
            var repeatable = false
            while !atEnd, scalars[position] != "|", scalars[position] != ")" {
                let scalar = scalars[position]
                position += 1
                switch scalar {
                case "*":
                    if repeatable, let last = nodes.popLast() {
                        nodes.append(.repeated(last, min: 0, many: true))
                    } else {
                        nodes.append(.repeated(.set(Self.any), min: 0, many: true))
                    }
                    repeatable = false
                case "+", "?":
                    guard let last = nodes.popLast() else { throw invalid() }
                    nodes.append(Self.repeating(last, min: scalar == "+" ? 1 : 0, many: scalar == "+"))
                    repeatable = false
                case "^" where nodes.isEmpty: break
                case "$" where atEnd || scalars[position] == "|": break
                case "(":
                    if position + 1 < scalars.count, scalars[position] == "?", scalars[position + 1] == ":" { position += 2 }
                    let inner = try alternatives(depth: depth + 1)
                    guard !atEnd, scalars[position] == ")" else { throw invalid() }
                    position += 1
                    nodes.append(inner)
                    repeatable = true
                case ".":
                    nodes.append(.set(Self.any))
                    repeatable = true
                case "[":
                    nodes.append(.set(try bracket()))
                    repeatable = true
                case "\\":
                    guard !atEnd else { throw invalid() }
                    nodes.append(.set(Self.escaped(scalars[position])))
                    position += 1
                    repeatable = true
                default:
                    nodes.append(.set(CharacterSet(ranges: [scalar.value...scalar.value])))
                    repeatable = false
                }
            }
            return .sequence(nodes)
        }

        /// Repeating what is repeated already makes no deeper tree.
        private static func repeating(_ node: Node, min: Int, many: Bool) -> Node {
            guard case .repeated(let inner, let innerMin, let innerMany) = node else {
                return .repeated(node, min: min, many: many)
            }
            return .repeated(inner, min: Swift.min(min, innerMin), many: many || innerMany)
        }

        private mutating func bracket() throws(GlueError) -> CharacterSet {
            var set = CharacterSet(ranges: [])
            if !atEnd, scalars[position] == "^" {
                set.isInverted = true
                position += 1
            }
            var first = true
            while !atEnd, first || scalars[position] != "]" {
                first = false
                var low = scalars[position]
                position += 1
                if low == "\\", !atEnd {
                    low = scalars[position]
                    position += 1
                    let escaped = Self.escaped(low)
                    if "dwsDWS".unicodeScalars.contains(low) {
                        if escaped.isInverted { throw invalid() }
                        set.ranges += escaped.ranges
                        continue
                    }
                }
                if position + 1 < scalars.count, scalars[position] == "-", scalars[position + 1] != "]" {
                    let high = scalars[position + 1]
                    position += 2
                    guard low.value <= high.value else { throw invalid() }
                    set.ranges.append(low.value...high.value)
                } else {
                    set.ranges.append(low.value...low.value)
                }
            }
            guard !atEnd else { throw invalid() }
            position += 1
            return set
        }

        private static let any = CharacterSet(ranges: [0...0x10FFFF])

        private static func escaped(_ scalar: Unicode.Scalar) -> CharacterSet {
            let digits: ClosedRange<UInt32> = 48...57
            let word: [ClosedRange<UInt32>] = [48...57, 65...90, 95...95, 97...122]
            let space: [ClosedRange<UInt32>] = [9...13, 32...32]
            return switch scalar {
            case "d": CharacterSet(ranges: [digits])
            case "D": CharacterSet(ranges: [digits], isInverted: true)
            case "w": CharacterSet(ranges: word)
            case "W": CharacterSet(ranges: word, isInverted: true)
            case "s": CharacterSet(ranges: space)
            case "S": CharacterSet(ranges: space, isInverted: true)
            default: CharacterSet(ranges: [scalar.value...scalar.value])
            }
        }
    }
}
