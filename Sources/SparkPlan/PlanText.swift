package import Columnar

extension Expression {
    /// What EXPLAIN shows; columns by name.
    package func text(_ fields: [StructField]) -> String {
        switch self {
        case .literal(let value, let type): return value.sqlText(type)
        case .column(let index, _, _): return fields.indices.contains(index) ? fields[index].name : "#\(index)"
        case .cast(let child, let type, let mode):
            return "\(mode == .try ? "try_cast" : "cast")(\(child.text(fields)) as \(type.simpleString))"
        case .caseWhen(let branches, let otherwise, _):
            return "CASE" + branches.map { " WHEN \($0.condition.text(fields)) THEN \($0.result.text(fields))" }.joined()
                + (otherwise.map { " ELSE \($0.text(fields))" } ?? "") + " END"
        case .inList(let value, let list):
            return "\(value.text(fields)) IN (\(list.map { $0.text(fields) }.joined(separator: ",")))"
        case .scalarSubquery(let id, _): return "scalar-subquery#\(id)"
        case .call(let name, let arguments, _):
            let texts = arguments.map { $0.text(fields) }
            let infix: Set<String> = ["=", "<=>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "and", "or"]
            if infix.contains(name.rawValue), texts.count == 2 {
                return "(\(texts[0]) \(name.rawValue.uppercased()) \(texts[1]))"
            }
            if name == "not" { return "NOT \(texts[0])" }
            return "\(name.rawValue)(\(texts.joined(separator: ", ")))"
        }
    }
}

extension PhysicalPlan {
    /// A line per node, inputs indented below; what EXPLAIN prints.
    package var text: String {
        var lines: [String] = []
        describe(0, &lines)
        return lines.joined(separator: "\n")
    }

    private func describe(_ depth: Int, _ lines: inout [String]) {
        func line(_ text: String) {
            lines.append(String(repeating: "   ", count: max(depth - 1, 0)) + (depth > 0 ? "+- " : "") + text)
        }
        func list(_ expressions: [Expression], _ fields: [StructField]) -> String {
            "[" + expressions.map { $0.text(fields) }.joined(separator: ", ") + "]"
        }
        func orders(_ list: [SortOrder], _ fields: [StructField]) -> String {
            "[" + list.map {
                "\($0.expression.text(fields)) \($0.descending ? "DESC" : "ASC") NULLS \($0.nullsFirst ? "FIRST" : "LAST")"
            }.joined(separator: ", ") + "]"
        }
        switch self {
        case .scan(let scan):
            let fields = scan.relation.allFields
            let filters = scan.filters.isEmpty ? "" : ", PushedFilters: \(list(scan.filters, fields))"
            line("Scan \(scan.relation.explainName) [\(scan.columns.map { fields[$0].name }.joined(separator: ", "))]\(filters)")
        case .values(let values):
            line("LocalTableScan [\(values.schema.fields.map(\.name).joined(separator: ", "))], \(values.rows.count) rows")
        case .filter(let condition, let input):
            line("Filter \(condition.text(input.schema.fields))")
            input.describe(depth + 1, &lines)
        case .project(let named, let input):
            let fields = input.schema.fields
            line("Project [\(named.map { entry in let text = entry.expression.text(fields); return text == entry.name ? text : "\(text) AS \(entry.name)" }.joined(separator: ", "))]")
            input.describe(depth + 1, &lines)
        case .hashAggregate(let node):
            let fields = node.input.schema.fields
            let calls = node.aggregates.map { call in
                "\(call.function)(\(call.distinct ? "distinct " : "")\(call.arguments.isEmpty ? "1" : call.arguments.map { $0.text(fields) }.joined(separator: ", ")))"
                    + (call.filter.map { " FILTER (WHERE \($0.text(fields)))" } ?? "")
            }
            line("HashAggregate(keys=\(list(node.grouping.map(\.expression), fields)), functions=[\(calls.joined(separator: ", "))])")
            node.input.describe(depth + 1, &lines)
        case .hashJoin(let join):
            let left = join.left.schema.fields
            let right = join.right.schema.fields
            let residual = join.residual.map { ", \($0.text(left + right))" } ?? ""
            let name = join.leftKeys.isEmpty ? "NestedLoopJoin" : "HashJoin"
            line("\(name) \(list(join.leftKeys, left)), \(list(join.rightKeys, right)), \(join.type.rawValue), Build\(join.buildSide == .left ? "Left" : "Right")\(residual)")
            join.left.describe(depth + 1, &lines)
            join.right.describe(depth + 1, &lines)
        case .sort(let keys, let limit, let input):
            line("\(limit.map { "TopN(\($0))" } ?? "Sort") \(orders(keys, input.schema.fields))")
            input.describe(depth + 1, &lines)
        case .limit(let count, let offset, let input):
            line("Limit \(count.map(String.init) ?? "ALL")\(offset > 0 ? ", offset \(offset)" : "")")
            input.describe(depth + 1, &lines)
        case .union(let inputs):
            line("Union")
            for input in inputs { input.describe(depth + 1, &lines) }
        case .window(let window):
            let fields = window.input.schema.fields
            line("Window [\(window.functions.map(\.name).joined(separator: ", "))], \(list(window.partition, fields)), \(orders(window.order, fields))")
            window.input.describe(depth + 1, &lines)
        }
    }
}
