import Columnar
import Execution
import SparkPlan
import Support
import Testing

struct OperatorTests {
    static func column(_ index: Int, _ type: DataType) -> Expression { .column(index: index, type, nullable: true) }

    static func source(_ fields: [StructField], _ rows: [[Scalar]], batchRows: Int) throws -> BatchesOperator {
        let schema = StructType(fields)
        let batches = try stride(from: 0, to: rows.count, by: batchRows).map {
            try Batch(schema: schema, rows: Array(rows[$0..<min($0 + batchRows, rows.count)]))
        }
        return BatchesOperator(schema: schema, batches: batches)
    }

    static func drain(_ input: any PhysicalOperator) throws -> [[Scalar]] {
        var rows: [[Scalar]] = []
        while let batch = try input.next() { rows += batch.rows }
        return rows
    }

    static let sales = [StructField("region", .string), StructField("amount", .long), StructField("rate", .double)]

    static func salesRows(_ count: Int, seed: UInt64) -> [[Scalar]] {
        var random = SeededRandom(seed: seed)
        let names = ["north", "a region with a long name", "a region with a longer name", ""]
        return (0..<count).map { _ in
            [
                Int.random(in: 0..<9, using: &random) == 0 ? .null : .string(names[Int.random(in: 0..<4, using: &random)]),
                Int.random(in: 0..<7, using: &random) == 0 ? .null : .int64(Int64.random(in: -50...50, using: &random)),
                .double(Double(Int.random(in: 0..<100, using: &random)) / 4),
            ]
        }
    }

    @Test func filtersProjectsAndLimits() throws {
        let rows = Self.salesRows(5000, seed: 1)
        let positive = Expression.call(">", [Self.column(1, .long), .literal(.int64(0), .long)], .boolean)
        let filter = try FilterOperator(condition: positive, input: Self.source(Self.sales, rows, batchRows: 700))
        let project = try ProjectOperator(
            [.call("+", [Self.column(1, .long), .literal(.int64(1), .long)], .long), .literal(.string("x"), .string)],
            schema: StructType([StructField("a", .long), StructField("b", .string)]), input: filter)
        let limited = LimitOperator(count: 100, offset: 1500, input: project)
        let expected = rows.compactMap { row in row[1].int64Value.flatMap { $0 > 0 ? $0 + 1 : nil } }.dropFirst(1500).prefix(100)
        #expect(try Self.drain(limited).map { $0[0].int64Value } == Array(expected))
    }

    /// Against a plain oracle; in one aggregator and merged from several.
    @Test(arguments: [1, 3, 2048])
    func aggregates(batchRows: Int) throws {
        let rows = Self.salesRows(3000, seed: 2)
        let calls = [
            AggregateCall(function: "count", arguments: [], resultType: .long),
            AggregateCall(function: "count", arguments: [Self.column(1, .long)], resultType: .long),
            AggregateCall(function: "sum", arguments: [Self.column(1, .long)], resultType: .long),
            AggregateCall(function: "min", arguments: [Self.column(0, .string)], resultType: .string),
            AggregateCall(function: "max", arguments: [Self.column(1, .long)], resultType: .long),
            AggregateCall(function: "count", arguments: [Self.column(1, .long)], distinct: true, resultType: .long),
            AggregateCall(function: "avg", arguments: [Self.column(2, .double)], resultType: .double),
            AggregateCall(function: "first", arguments: [Self.column(1, .long)], resultType: .long),
            AggregateCall(function: "max_by", arguments: [Self.column(2, .double), Self.column(1, .long)], resultType: .double),
        ]
        let schema = StructType(
            [StructField("region", .string)] + calls.enumerated().map { StructField("a\($0)", $1.resultType) })
        func make() throws -> HashAggregator {
            try HashAggregator(grouping: [Self.column(0, .string)], aggregates: calls, schema: schema, memory: .unlimited)
        }
        let whole = try make()
        let input = try Self.source(Self.sales, rows, batchRows: batchRows)
        var batches: [Batch] = []
        while let batch = input.next() { batches.append(batch) }
        for batch in batches { try whole.add(batch) }
        let merged = try make()
        for start in stride(from: 0, to: batches.count, by: max(1, batches.count / 5)) {
            let part = try make()
            for batch in batches[start..<min(start + max(1, batches.count / 5), batches.count)] { try part.add(batch) }
            try merged.merge(part)
        }
        var order: [Scalar] = []
        var groups: [Scalar: [[Scalar]]] = [:]
        for row in rows {
            if groups[row[0]] == nil { order.append(row[0]) }
            groups[row[0], default: []].append(row)
        }
        let expected: [[Scalar]] = order.map { key in
            let members = groups[key] ?? []
            let amounts = members.compactMap { $0[1].int64Value }
            let rates = members.map { row -> Double in if case .double(let x) = row[2] { x } else { 0 } }
            let best = amounts.max()
            let winner = members.first { $0[1].int64Value == best }
            return [
                key, .int64(Int64(members.count)), .int64(Int64(amounts.count)), .int64(amounts.reduce(0, +)), key,
                .int64(best ?? 0), .int64(Int64(Set(amounts).count)), .double(rates.reduce(0, +) / Double(rates.count)),
                members[0][1], winner?[2] ?? .null,
            ]
        }
        #expect(try whole.finish().flatMap(\.rows) == expected)
        #expect(try merged.finish().flatMap(\.rows) == expected)
    }

    @Test func emptyInputHasOneGroupWithoutKeys() throws {
        let schema = StructType([StructField("n", .long), StructField("s", .long)])
        let calls = [
            AggregateCall(function: "count", arguments: [], resultType: .long),
            AggregateCall(function: "sum", arguments: [Self.column(0, .long)], resultType: .long),
        ]
        let aggregator = try HashAggregator(grouping: [], aggregates: calls, schema: schema, memory: .unlimited)
        #expect(try aggregator.finish().flatMap(\.rows) == [[.int64(0), .null]])
        let overflowing = try HashAggregator(grouping: [], aggregates: calls, schema: schema, memory: .unlimited)
        try overflowing.add(Batch(schema: StructType([StructField("x", .long)]), rows: [[.int64(.max)], [.int64(1)]]))
        let error = #expect(throws: SparkError.self) { try overflowing.finish() }
        #expect(error?.condition == "ARITHMETIC_OVERFLOW")
    }

    @Test func memoryLimitIsAnError() throws {
        let rows = (0..<100_000).map { [Scalar.int64($0)] }
        let aggregator = try HashAggregator(
            grouping: [Self.column(0, .long)], aggregates: [], schema: StructType([StructField("x", .long)]),
            memory: MemoryPool(limitBytes: 1 << 20))
        let input = try Self.source([StructField("x", .long)], rows, batchRows: 2048)
        let error = #expect(throws: SparkError.self) { while let batch = input.next() { try aggregator.add(batch) } }
        #expect(error?.condition == "UNABLE_TO_ACQUIRE_MEMORY")
    }

    static let joinTypes: [JoinType] = [.inner, .leftOuter, .rightOuter, .fullOuter, .leftSemi, .leftAnti]

    /// All join types on both build sides, with and without a residual condition, against nested loops.
    @Test(arguments: joinTypes, [false, true])
    func joins(type: JoinType, withResidual: Bool) throws {
        var random = SeededRandom(seed: 7)
        let fields = [StructField("k", .string), StructField("v", .int)]
        func rows(_ count: Int) -> [[Scalar]] {
            (0..<count).map { number in
                let key = Int.random(in: 0..<12, using: &random)
                return [key == 0 ? .null : .string("a long key number \(key)"), .int32(Int32(number))]
            }
        }
        let left = rows(60)
        let right = rows(40)
        let residual = withResidual
            ? Expression.call("<", [Self.column(1, .int), Self.column(3, .int)], .boolean) : nil
        func matches(_ l: [Scalar], _ r: [Scalar]) -> Bool {
            guard l[0] != .null, l[0] == r[0], let a = l[1].int64Value, let b = r[1].int64Value else { return false }
            return !withResidual || a < b
        }
        var expected: [[Scalar]] = []
        for l in left {
            let hits = right.filter { matches(l, $0) }
            switch type {
            case .leftSemi: if !hits.isEmpty { expected.append(l) }
            case .leftAnti: if hits.isEmpty { expected.append(l) }
            default:
                expected += hits.map { l + $0 }
                if hits.isEmpty, type == .leftOuter || type == .fullOuter { expected.append(l + [.null, .null]) }
            }
        }
        if type == .rightOuter || type == .fullOuter {
            expected += right.filter { r in !left.contains { matches($0, r) } }.map { [.null, .null] + $0 }
        }
        let output = StructType(type.outputFields(fields, fields))
        for side in [BuildSide.left, .right] {
            for batchRows in [1, 7, 100] {
                let table = try JoinTable(keys: [Self.column(0, .string)], schema: StructType(fields), memory: .unlimited)
                let build = try Self.source(fields, side == .left ? left : right, batchRows: batchRows)
                while let batch = build.next() { try table.add(batch) }
                try table.seal()
                let join = try HashJoinOperator(
                    type: type, table: table, buildSide: side, probeKeys: [Self.column(0, .string)], residual: residual,
                    schema: output, input: Self.source(fields, side == .left ? right : left, batchRows: batchRows))
                var result = try Self.drain(join)
                result += HashJoinOperator.remaining(of: table, type: type, buildSide: side, schema: output).flatMap(\.rows)
                func sorted(_ rows: [[Scalar]]) -> [String] { rows.map { "\($0)" }.sorted() }
                #expect(sorted(result) == sorted(expected), "\(type) built on \(side)")
            }
        }
    }

    @Test func crossJoinPairsAllRows() throws {
        let fields = [StructField("v", .int)]
        let rows = (0..<100).map { [Scalar.int32(Int32($0))] }
        let table = try JoinTable(keys: [], schema: StructType(fields), memory: .unlimited)
        try table.add(Batch(schema: StructType(fields), rows: rows))
        try table.seal()
        let join = try HashJoinOperator(
            type: .cross, table: table, buildSide: .right, probeKeys: [], residual: nil, schema: StructType(fields + fields),
            input: Self.source(fields, rows, batchRows: 100))
        #expect(try Self.drain(join) == rows.flatMap { a in rows.map { a + $0 } })
    }

    @Test(arguments: [nil, 10] as [Int64?])
    func sorts(limit: Int64?) throws {
        let rows = Self.salesRows(20_000, seed: 3)
        let orders = [
            SortOrder(Self.column(0, .string), descending: true), SortOrder(Self.column(1, .long), nullsFirst: false),
        ]
        let sorter = try Sorter(orders, limit: limit, schema: StructType(Self.sales), memory: .unlimited)
        let input = try Self.source(Self.sales, rows, batchRows: 2048)
        while let batch = input.next() { try sorter.add(batch) }
        let expected = rows.enumerated().sorted { a, b in
            var order = -ValueOrder.compare(a.element[0], b.element[0])
            if order == 0 {
                let (x, y) = (a.element[1], b.element[1])
                order = x.isNull || y.isNull ? (x.isNull ? 1 : 0) - (y.isNull ? 1 : 0) : ValueOrder.compare(x, y)
            }
            return order == 0 ? a.offset < b.offset : order < 0
        }.map(\.element)
        #expect(try sorter.finish().flatMap(\.rows) == Array(expected.prefix(limit.map(Int.init) ?? .max)))
    }

    @Test func floatKeysFollowSpark() throws {
        let rows: [[Scalar]] = [.double(0.0), .double(-0.0), .double(.nan), .double(-Double.nan), .null, .double(-1)].map { [$0] }
        let schema = StructType([StructField("x", .double)])
        let aggregator = try HashAggregator(grouping: [Self.column(0, .double)], aggregates: [], schema: schema, memory: .unlimited)
        try aggregator.add(Batch(schema: schema, rows: rows))
        #expect(aggregator.groupCount == 4)
        let sorter = try Sorter([SortOrder(Self.column(0, .double))], schema: schema, memory: .unlimited)
        try sorter.add(Batch(schema: schema, rows: rows))
        #expect(try sorter.finish().flatMap(\.rows).map { $0[0] }
            == [.null, .double(-1), .double(0), .double(-0.0), .double(.nan), .double(.nan)])
    }
}
