package import Columnar
import Support

/// A name as Spark prints it in errors: each part in backquotes.
package func quotedName(_ parts: [String]) -> String {
    parts.map { "`" + $0.replacingBackquotes + "`" }.joined(separator: ".")
}

extension String {
    fileprivate var replacingBackquotes: String { split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") }
}

extension SparkError {
    static func unresolvedColumn(_ parts: [String], among names: [String], _ position: SourcePosition?) -> SparkError {
        let wanted = quotedName(parts)
        if names.isEmpty {
            return SparkError(
                condition: "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", sqlState: "42703",
                message: "A column, variable, or function parameter with name \(wanted) cannot be resolved.", position: position)
        }
        let target = parts.last?.lowercased() ?? ""
        let ranked = names.enumerated()
            .map { (distance: editDistance($1.lowercased(), target), index: $0, name: $1) }
            .sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
            .prefix(5).map { "`\($0.name)`" }
        return SparkError(
            condition: "UNRESOLVED_COLUMN.WITH_SUGGESTION", sqlState: "42703",
            message: "A column, variable, or function parameter with name \(wanted) cannot be resolved. "
                + "Did you mean one of the following? [\(ranked.joined(separator: ", "))].", position: position)
    }

    static func ambiguous(_ parts: [String], _ candidates: [String], _ position: SourcePosition?) -> SparkError {
        SparkError(
            condition: "AMBIGUOUS_REFERENCE", sqlState: "42704",
            message: "Reference \(quotedName(parts)) is ambiguous, could be: [\(candidates.joined(separator: ", "))].", position: position)
    }

    package static func tableNotFound(_ name: [String], _ position: SourcePosition? = nil) -> SparkError {
        SparkError(
            condition: "TABLE_OR_VIEW_NOT_FOUND", sqlState: "42P01",
            message: "The table or view \(quotedName(name)) cannot be found. Verify the spelling and correctness of the "
                + "schema and catalog. If you did not qualify the name with a schema, verify the current_schema() "
                + "output, or qualify the name with the correct schema and catalog. To tolerate the error on drop use "
                + "DROP VIEW IF EXISTS or DROP TABLE IF EXISTS.", position: position)
    }

    static func unresolvedRoutine(_ name: String, _ position: SourcePosition?) -> SparkError {
        SparkError(
            condition: "UNRESOLVED_ROUTINE", sqlState: "42883",
            message: "Cannot resolve routine `\(name)` on search path [`system`.`builtin`, `system`.`session`, "
                + "`spark_catalog`.`default`].", position: position)
    }

    static func wrongArgumentCount(_ name: String, _ count: Int, expected: String) -> SparkError {
        SparkError(
            condition: "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", sqlState: "42605",
            message: "The `\(name)` requires \(expected) parameters but the actual number is \(count).")
    }

    static func mismatch(_ kind: String, _ sql: String, _ why: String) -> SparkError {
        SparkError(
            condition: "DATATYPE_MISMATCH.\(kind)", sqlState: "42K09",
            message: "Cannot resolve \"\(sql)\" due to data type mismatch: \(why)")
    }

    static func missingAggregation(_ expression: String) -> SparkError {
        SparkError(
            condition: "MISSING_AGGREGATION", sqlState: "42803",
            message: "The non-aggregating expression \"\(expression)\" is based on columns which are not participating in "
                + "the GROUP BY clause. Add the columns or the expression to the GROUP BY, aggregate the expression, or "
                + "use \"any_value(\(expression))\" if you do not care which of the values within a group is returned.")
    }
}
