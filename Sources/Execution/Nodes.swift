import Columnar
import SparkPlan

/// A compiled expression. Evaluates a batch at a time.
class Node {
    let dataType: DataType
    /// Whether evaluation may raise an error for some value; what cannot fail may be evaluated for more rows than needed.
    let canFail: Bool

    init(_ dataType: DataType, canFail: Bool) {
        self.dataType = dataType
        self.canFail = canFail
    }

    func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        throw SparkError.internal("a node without evaluation")
    }
}

final class LiteralNode: Node {
    let one: ColumnVector

    init(_ value: Scalar, _ type: DataType) throws {
        one = try ColumnVector.constant(value, type, count: 1)
        super.init(type, canFail: false)
    }

    override func evaluate(_ input: EvaluationInput) -> ColumnVector { .constant(one, count: input.rows) }
}

final class ColumnNode: Node {
    let index: Int

    init(_ index: Int, _ type: DataType) {
        self.index = index
        super.init(type, canFail: false)
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        let column = try input.column(index)
        if column.dataType == dataType { return column }
        guard column.physicalType == dataType.physicalType else {
            throw SparkError.internal("column \(index) is \(column.dataType.simpleString), not \(dataType.simpleString)")
        }
        return column
    }
}

/// A function of a batch of argument columns, each flat or constant. The result's NULLs are added to those that the
/// caller derives from the arguments when the function is strict.
///
/// - Parameter valid: rows whose arguments are all not NULL; nil for all. Only set for strict functions. For other rows
///   the function may compute anything, and must not raise an error.
typealias BatchFunction = (_ arguments: [ColumnVector], _ rows: Int, _ valid: ValidityBitmap?) throws -> ColumnVector

/// How a function treats NULL and errors.
struct FunctionImplementation {
    /// NULL in, NULL out.
    var strict = true
    var canFail = false
    var evaluate: BatchFunction

    init(strict: Bool = true, canFail: Bool = false, _ evaluate: @escaping BatchFunction) {
        self.strict = strict
        self.canFail = canFail
        self.evaluate = evaluate
    }
}

/// A function call. Constants are computed once a batch; a single dictionary column is computed once a dictionary.
final class CallNode: Node {
    private let arguments: [Node]
    private let function: FunctionImplementation
    private var cachedDictionary: ColumnVector?
    private var cachedResult: ColumnVector?

    init(_ arguments: [Node], _ function: FunctionImplementation, _ type: DataType) {
        self.arguments = arguments
        self.function = function
        super.init(type, canFail: function.canFail || arguments.contains(where: \.canFail))
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        var columns: [ColumnVector] = []
        columns.reserveCapacity(arguments.count)
        for argument in arguments { columns.append(try argument.evaluate(input)) }
        let rows = input.rows
        if rows == 0 { return .nulls(dataType, count: 0) }
        if function.strict, columns.contains(where: { $0.encoding == .constant && $0.hasNulls }) {
            return .nulls(dataType, count: rows)
        }
        if columns.allSatisfy({ $0.encoding == .constant }) {
            let ones = columns.map { ColumnVector.constant($0.children[0], count: 1) }
            return .constant(try apply(ones, 1), count: rows)
        }
        if function.strict, !function.canFail, let result = try onDictionary(columns, rows) { return result }
        return try apply(columns.map { $0.encoding == .dictionary ? $0.flattened() : $0 }, rows)
    }

    private func apply(_ columns: [ColumnVector], _ rows: Int) throws -> ColumnVector {
        guard function.strict else { return try function.evaluate(columns, rows, nil) }
        var valid: ValidityBitmap?
        for column in columns where column.encoding == .flat {
            valid = ValidityBitmap.intersection(valid, column.validity)
        }
        return try function.evaluate(columns, rows, valid).masked(by: valid)
    }

    private func onDictionary(_ columns: [ColumnVector], _ rows: Int) throws -> ColumnVector? {
        guard let position = columns.firstIndex(where: { $0.encoding == .dictionary }),
            columns.enumerated().allSatisfy({ $0.offset == position || $0.element.encoding == .constant })
        else { return nil }
        let coded = columns[position]
        let dictionary = coded.children[0]
        guard dictionary.count > 0 else { return .nulls(dataType, count: rows) }
        if cachedDictionary !== dictionary || cachedResult == nil {
            guard dictionary.count <= rows * 8 else { return nil }
            var inner = columns.map { $0.encoding == .constant ? ColumnVector.constant($0.children[0], count: dictionary.count) : $0 }
            inner[position] = dictionary
            cachedResult = try apply(inner, dictionary.count).flattened()
            cachedDictionary = dictionary
        }
        guard let result = cachedResult else { return nil }
        let codes = UnsafeBufferPointer(start: coded.pointer(to: Int32.self), count: rows)
        return result.gather(codes).masked(by: coded.validity)
    }
}

/// Puts together the values of disjoint sets of rows.
struct PartialResults {
    private let dataType: DataType
    private let rows: Int
    private var parts: [ColumnVector] = []
    private var positions: [[Int32]] = []

    init(_ dataType: DataType, rows: Int) {
        self.dataType = dataType
        self.rows = rows
    }

    mutating func add(_ values: ColumnVector, at rows: [Int32]) {
        if rows.isEmpty { return }
        parts.append(values)
        positions.append(rows)
    }

    /// Rows that no part named are NULL.
    func finish() -> ColumnVector {
        if parts.count == 1, positions[0].count == rows { return parts[0] }
        if parts.isEmpty { return .nulls(dataType, count: rows) }
        var source = [Int32](repeating: -1, count: rows)
        var next: Int32 = 0
        for list in positions {
            for row in list {
                source[Int(row)] = next
                next += 1
            }
        }
        let all = ColumnVector.concatenate(parts, as: dataType)
        return source.withUnsafeBufferPointer { all.gather($0, negativeIsNull: true) }
    }
}

/// CASE WHEN, `if`, `nvl2`, `nullif`: conditions in order; each result only for the rows that take it.
final class CaseNode: Node {
    private let branches: [(condition: Node, result: Node)]
    private let otherwise: Node?

    init(_ branches: [(condition: Node, result: Node)], _ otherwise: Node?, _ type: DataType) {
        self.branches = branches
        self.otherwise = otherwise
        super.init(
            type,
            canFail: branches.contains { $0.condition.canFail || $0.result.canFail } || otherwise?.canFail ?? false)
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        var results = PartialResults(dataType, rows: input.rows)
        var remaining = Array(0..<Int32(truncatingIfNeeded: input.rows))
        for (condition, result) in branches {
            if remaining.isEmpty { break }
            let here = remaining.count == input.rows ? input : input.subset(remaining)
            let taken = trueRows(try condition.evaluate(here))
            if taken.isEmpty { continue }
            if taken.count == remaining.count {
                results.add(try result.evaluate(here), at: remaining)
                remaining = []
                break
            }
            let rows = taken.map { remaining[Int($0)] }
            results.add(try result.evaluate(input.subset(rows)), at: rows)
            remaining = complement(taken, count: remaining.count).map { remaining[Int($0)] }
        }
        if let otherwise, !remaining.isEmpty {
            let here = remaining.count == input.rows ? input : input.subset(remaining)
            results.add(try otherwise.evaluate(here), at: remaining)
        }
        return results.finish()
    }
}

/// `coalesce`: the first argument that is not NULL; later ones only where needed.
final class CoalesceNode: Node {
    private let arguments: [Node]

    init(_ arguments: [Node], _ type: DataType) {
        self.arguments = arguments
        super.init(type, canFail: arguments.contains(where: \.canFail))
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        var results = PartialResults(dataType, rows: input.rows)
        var remaining = Array(0..<Int32(truncatingIfNeeded: input.rows))
        for argument in arguments where !remaining.isEmpty {
            let here = remaining.count == input.rows ? input : input.subset(remaining)
            let values = try argument.evaluate(here)
            if !values.hasNulls {
                results.add(values, at: remaining)
                remaining = []
                break
            }
            var present: [Int32] = []
            var missing: [Int32] = []
            for row in 0..<values.count {
                if values.isNull(row) { missing.append(Int32(row)) } else { present.append(Int32(row)) }
            }
            if present.isEmpty { continue }
            results.add(
                present.withUnsafeBufferPointer { values.gather($0) }, at: present.map { remaining[Int($0)] })
            remaining = missing.map { remaining[Int($0)] }
        }
        return results.finish()
    }
}

/// Three-valued `and` (or `or`): the right side is evaluated only where the left does not decide, if it could fail.
final class LogicNode: Node {
    private let left: Node
    private let right: Node
    private let isAnd: Bool

    init(_ left: Node, _ right: Node, isAnd: Bool) {
        self.left = left
        self.right = right
        self.isAnd = isAnd
        super.init(.boolean, canFail: left.canFail || right.canFail)
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        let a = try left.evaluate(input).flattened()
        let rows = input.rows
        let deciding: UInt8 = isAnd ? 0 : 1
        let x = a.pointer(to: UInt8.self)
        var undecided: [Int32] = []
        for row in 0..<rows where x[row] != deciding || a.isNull(row) { undecided.append(Int32(truncatingIfNeeded: row)) }
        if undecided.isEmpty { return a }
        if !right.canFail || undecided.count == rows {
            return combine(a, try right.evaluate(input).flattened(), rows)
        }
        var results = PartialResults(.boolean, rows: rows)
        let rest = try right.evaluate(input.subset(undecided)).flattened()
        let some = undecided.withUnsafeBufferPointer { a.gather($0) }
        results.add(combine(some, rest, undecided.count), at: undecided)
        let decided = complement(undecided, count: rows)
        results.add(decided.withUnsafeBufferPointer { a.gather($0) }, at: decided)
        return results.finish()
    }

    private func combine(_ a: ColumnVector, _ b: ColumnVector, _ rows: Int) -> ColumnVector {
        let x = a.pointer(to: UInt8.self)
        let y = b.pointer(to: UInt8.self)
        let isAnd = isAnd
        if a.validity == nil, b.validity == nil {
            return .flat(.boolean, count: rows, as: UInt8.self) { out in
                for row in 0..<rows { out[row] = isAnd ? x[row] & y[row] : x[row] | y[row] }
            }
        }
        var nulls = ValidityBuilder()
        let buffer = Buffer(bytes: rows)
        let out = buffer.pointer(to: UInt8.self)
        let deciding: UInt8 = isAnd ? 0 : 1
        for row in 0..<rows {
            let p = a.isNull(row)
            let q = b.isNull(row)
            out[row] = 1 - deciding
            if (!p && x[row] == deciding) || (!q && y[row] == deciding) {
                out[row] = deciding
            } else if p || q {
                nulls.setNull(row)
            }
        }
        return .flat(.boolean, count: rows, values: buffer, validity: nulls.finish(count: rows))
    }
}

/// `value IN (list)`. A literal list becomes a hash set.
final class InNode: Node {
    private let value: Node
    private let list: [Node]
    private let members: Set<Scalar>?
    private let equals: FunctionImplementation

    init(_ value: Node, _ list: [Node]) throws {
        self.value = value
        self.list = list
        members = list.count > 8 && list.allSatisfy { $0 is LiteralNode }
            ? Set(list.compactMap { ($0 as? LiteralNode)?.one.value(at: 0) }) : nil
        equals = try Comparisons.implementation("=", value.dataType)
        super.init(.boolean, canFail: value.canFail || list.contains(where: \.canFail))
    }

    override func evaluate(_ input: EvaluationInput) throws -> ColumnVector {
        let rows = input.rows
        let column = try value.evaluate(input)
        if let members, column.encoding != .flat { return try lookUp(column, members) }
        if let members { return try lookUp(column, members) }
        let flat = column.flattened()
        let buffer = Buffer(zeroedBytes: rows)
        let out = buffer.pointer(to: UInt8.self)
        var unknown = [Bool](repeating: false, count: rows)
        for node in list {
            let element = try node.evaluate(input)
            let other = element.encoding == .dictionary ? element.flattened() : element
            if other.encoding == .constant, other.hasNulls {
                for row in 0..<rows { unknown[row] = true }
                continue
            }
            let same = try equals.evaluate([flat, other], rows, nil).flattened()
            let hit = same.pointer(to: UInt8.self)
            for row in 0..<rows {
                if other.isNull(row) { unknown[row] = true } else { out[row] |= hit[row] }
            }
            withExtendedLifetime(same) {}
        }
        return finish(buffer, flat, unknown)
    }

    private func lookUp(_ column: ColumnVector, _ members: Set<Scalar>) throws -> ColumnVector {
        let hasNull = members.contains(.null)
        if column.encoding == .dictionary {
            let codes = UnsafeBufferPointer(start: column.pointer(to: Int32.self), count: column.count)
            let inner = try lookUp(column.children[0], members)
            if inner.count == 0 { return .nulls(.boolean, count: column.count) }
            return inner.gather(codes).masked(by: column.validity)
        }
        let buffer = Buffer(zeroedBytes: column.count)
        let out = buffer.pointer(to: UInt8.self)
        for row in 0..<column.count where members.contains(column.value(at: row)) { out[row] = 1 }
        return finish(buffer, column, Array(repeating: hasNull, count: column.count))
    }

    private func finish(_ buffer: Buffer, _ column: ColumnVector, _ unknown: [Bool]) -> ColumnVector {
        let out = buffer.pointer(to: UInt8.self)
        var nulls = ValidityBuilder()
        for row in 0..<column.count where column.isNull(row) || (out[row] == 0 && unknown[row]) { nulls.setNull(row) }
        return .flat(.boolean, count: column.count, values: buffer, validity: nulls.finish(count: column.count))
    }
}
