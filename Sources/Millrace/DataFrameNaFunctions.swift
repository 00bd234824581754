import Columnar
import QueryEngine
import SparkPlan

/// What to do about NULL, and NaN in floating-point columns.
public struct DataFrameNaFunctions: Sendable {
    let frame: DataFrame

    /// Leaves out rows with NULL or NaN.
    ///
    /// - Parameters:
    ///   - how: `any` for rows with at least one of them, `all` for rows with nothing else.
    ///   - subset: the columns that count; nil for all.
    public func drop(_ how: String = "any", subset: [String]? = nil) throws(SparkException) -> DataFrame {
        try translated {
            let fields = try fields(subset)
            if fields.isEmpty { return frame }
            let present = fields.map(Self.isPresent)
            switch how.lowercased() {
            case "any": return frame.with(.filter(.balanced("and", present), frame.plan))
            case "all": return frame.with(.filter(.balanced("or", present), frame.plan))
            default:
                throw SparkError(
                    condition: "INVALID_PARAMETER_VALUE", sqlState: "22023", message: "how ('\(how)') must be 'any' or 'all'.")
            }
        }
    }

    /// Leaves out rows with fewer than `thresh` values that are neither NULL nor NaN.
    public func drop(thresh: Int, subset: [String]? = nil) throws(SparkException) -> DataFrame {
        try translated {
            let counted = try fields(subset).map { field -> UnresolvedExpression in
                .caseWhen(branches: [UnresolvedCaseBranch(condition: Self.isPresent(field), result: .int(1))], otherwise: .int(0))
            }
            if counted.isEmpty { return frame }
            return frame.with(.filter(.call(">=", .balanced("+", counted), lit(thresh).expression), frame.plan))
        }
    }

    /// Puts a value in the place of NULL and NaN, in the columns whose type it fits: numbers in numeric columns, texts
    /// in STRING, booleans in BOOLEAN.
    public func fill(_ value: some ColumnValue, subset: [String]? = nil) throws(SparkException) -> DataFrame {
        try translated {
            let literal = try value.columnValue.checked()
            guard case .literal(_, let type) = literal else {
                throw SparkError(
                    condition: "INVALID_PARAMETER_VALUE", sqlState: "22023", message: "The value to fill with must be a literal.")
            }
            let filled = try fields(subset).filter { field in
                field.dataType == type || field.dataType.isNumeric && type.isNumeric
            }.map { ($0.name, Self.filled($0, literal)) }
            return filled.isEmpty ? frame : frame.with(.withColumns(filled, frame.plan))
        }
    }

    /// A value for each column named.
    public func fill(_ values: KeyValuePairs<String, SparkValue>) throws(SparkException) -> DataFrame {
        try translated {
            let filled = try values.map { name, value -> (String, UnresolvedExpression) in
                let field = try fields([name])[0]
                return (field.name, Self.filled(field, try value.columnValue.checked()))
            }
            return filled.isEmpty ? frame : frame.with(.withColumns(filled, frame.plan))
        }
    }

    private func fields(_ subset: [String]?) throws -> [Columnar.StructField] {
        let schema = try frame.session.engine.analyze(frame.plan).schema
        guard let subset else { return schema.fields }
        let names = schema.fields.map(\.name)
        return try subset.compactMap { name in
            let found = try DataFrame.known(name, among: names)
            return schema.fields.first { $0.name == found }
        }
    }

    private static func isPresent(_ field: Columnar.StructField) -> UnresolvedExpression {
        let column = UnresolvedExpression.attribute([field.name], nil)
        let notNull = UnresolvedExpression.call("isnotnull", column)
        return field.dataType.isFractional ? .call("and", notNull, .call("not", .call("isnan", column))) : notNull
    }

    private static func filled(_ field: Columnar.StructField, _ value: UnresolvedExpression) -> UnresolvedExpression {
        var column = UnresolvedExpression.attribute([field.name], nil)
        if field.dataType.isFractional {
            column = .caseWhen(
                branches: [UnresolvedCaseBranch(condition: .call("isnan", column), result: .literal(.null, .null))], otherwise: column)
        }
        return .call("coalesce", column, .cast(value, field.dataType, .ansi))
    }
}
