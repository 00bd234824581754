import Columnar
import SparkPlan

/// Resolved expressions to nodes.
enum ExpressionCompiler {
    /// Analysis refuses deeper expressions; this keeps the stack bounded for any caller.
    private static let depthMax = 2000

    static func compile(_ expression: Expression, depth: Int = 0) throws -> Node {
        guard depth < depthMax else { throw SparkError.unsupported("an expression nested deeper than \(depthMax)") }
        func node(_ child: Expression) throws -> Node { try compile(child, depth: depth + 1) }
        switch expression {
        case .literal(let value, let type): return try LiteralNode(value, type)
        case .column(let index, let type, _): return ColumnNode(index, type)
        case .cast(let child, let type, let mode):
            let inner = try node(child)
            if child.dataType == type { return inner }
            return CallNode([inner], try Casts.implementation(from: child.dataType, to: type, mode: mode), type)
        case .caseWhen(let branches, let otherwise, let type):
            return CaseNode(
                try branches.map { (try node($0.condition), try node($0.result)) }, try otherwise.map { try node($0) }, type)
        case .inList(let value, let list): return try InNode(try node(value), try list.map { try node($0) })
        case .scalarSubquery: throw SparkError.internal("a scalar subquery was not replaced by its value")
        case .call(let name, let arguments, let type):
            return try call(name.rawValue, arguments, try arguments.map { try node($0) }, type)
        }
    }

    private static func call(_ name: String, _ arguments: [Expression], _ nodes: [Node], _ type: DataType) throws -> Node {
        switch (name, nodes.count) {
        case ("and", 2), ("or", 2): return LogicNode(nodes[0], nodes[1], isAnd: name == "and")
        case ("coalesce", 1...), ("ifnull", 2), ("nvl", 2): return CoalesceNode(nodes, type)
        case ("if", 3), ("iff", 3): return CaseNode([(nodes[0], nodes[1])], nodes[2], type)
        case ("nvl2", 3):
            return CaseNode([(CallNode([nodes[0]], FunctionRegistry.nullTest(isNull: false), .boolean), nodes[1])], nodes[2], type)
        case ("nullif", 2):
            let same = CallNode(nodes, try Comparisons.implementation("=", arguments[0].dataType), .boolean)
            return CaseNode([(same, try LiteralNode(.null, type))], nodes[0], type)
        case ("zeroifnull", 1): return CoalesceNode([nodes[0], try cast(.int32(0), to: type)], type)
        default: break
        }
        let context = FunctionContext(
            name: name, types: arguments.map(\.dataType), resultType: type,
            literals: arguments.map { if case .literal(let value, _) = $0 { value } else { nil } })
        guard let function = try FunctionRegistry.find(context) else {
            throw SparkError(
                condition: "UNSUPPORTED_FEATURE.FUNCTION", sqlState: "0A000",
                message: "The function `\(name)` is not supported for arguments of type "
                    + "(\(arguments.map { $0.dataType.sql }.joined(separator: ", "))).")
        }
        return CallNode(nodes, function, type)
    }

    private static func cast(_ value: Scalar, to type: DataType) throws -> Node {
        CallNode([try LiteralNode(value, .int)], try Casts.implementation(from: .int, to: type, mode: .ansi), type)
    }
}

/// What a function is chosen by.
struct FunctionContext {
    let name: String
    let types: [DataType]
    let resultType: DataType
    /// Values of arguments that are literals.
    let literals: [Scalar?]

    var count: Int { types.count }

    func literalString(_ index: Int) -> String? {
        index < literals.count ? literals[index]?.stringValue : nil
    }
}

enum FunctionRegistry {
    static func find(_ context: FunctionContext) throws -> FunctionImplementation? {
        if let found = try operators(context) { return found }
        if let found = try StringFunctions.find(context) { return found }
        if let found = try RegexpFunctions.find(context) { return found }
        if let found = try MathFunctions.find(context) { return found }
        if let found = try DateFunctions.find(context) { return found }
        if let found = try HashFunctions.find(context) { return found }
        return try NestedFunctions.find(context)
    }

    private static func operators(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("=", 2), ("<=>", 2), ("<", 2), ("<=", 2), (">", 2), (">=", 2), ("==", 2):
            return try Comparisons.implementation(c.name == "==" ? "=" : c.name, c.types[0])
        case ("not", 1):
            return FunctionImplementation { a, n, _ in mapUnary(a[0], n, .boolean) { (x: UInt8) -> UInt8 in x ^ 1 } }
        case ("isnull", 1): return nullTest(isNull: true)
        case ("isnotnull", 1): return nullTest(isNull: false)
        case ("isnan", 1):
            return c.types[0] == .float
                ? FunctionImplementation(strict: false) { a, n, _ in
                    let x = Reader<Float>(a[0])
                    return .flat(.boolean, count: n, as: UInt8.self) { out in
                        for row in 0..<n { out[row] = !a[0].isNull(row) && x[row].isNaN ? 1 : 0 }
                    }
                }
                : FunctionImplementation(strict: false) { a, n, _ in
                    let x = Reader<Double>(a[0])
                    return .flat(.boolean, count: n, as: UInt8.self) { out in
                        for row in 0..<n { out[row] = !a[0].isNull(row) && x[row].isNaN ? 1 : 0 }
                    }
                }
        case ("negative", 1): return Arithmetic.negation(c.resultType, absolute: false)
        case ("positive", 1): return FunctionImplementation { a, _, _ in a[0].flattened() }
        case ("abs", 1): return Arithmetic.negation(c.resultType, absolute: true)
        case ("&", 2), ("|", 2), ("^", 2), ("~", 1): return Arithmetic.bits(c.name, c.resultType)
        case (_, 2): return try Arithmetic.implementation(c.name, c.types[0], c.types[1], c.resultType)
        default: return nil
        }
    }

    static func nullTest(isNull: Bool) -> FunctionImplementation {
        FunctionImplementation(strict: false) { a, n, _ in
            .flat(.boolean, count: n, as: UInt8.self) { out in
                for row in 0..<n { out[row] = a[0].isNull(row) == isNull ? 1 : 0 }
            }
        }
    }
}
