package import Columnar

/// The names that expressions over one plan may use.
struct Scope {
    struct Column {
        var name: String
        /// Outermost first: `["db", "t"]`.
        var qualifier: [String]
        /// Position in the plan's output.
        var index: Int
        var dataType: DataType
        var nullable: Bool
        /// Left out of `*`, and found only when no visible column has the name.
        var hidden = false

        var expression: Expression { .column(index: index, dataType, nullable: nullable) }
        var fullName: String { quotedName(qualifier + [name]) }
    }

    var columns: [Column]

    init(_ columns: [Column]) { self.columns = columns }

    /// All output columns of a plan under one qualifier.
    init(_ fields: [StructField], qualifier: [String] = [], hiddenFrom: Int = .max) {
        columns = fields.enumerated().map { index, field in
            Column(
                name: field.name, qualifier: qualifier, index: index, dataType: field.dataType, nullable: field.nullable,
                hidden: index >= hiddenFrom)
        }
    }

    var visible: [Column] { columns.filter { !$0.hidden } }

    /// The column a dotted name means, and the struct members that follow it; nil when there is none.
    ///
    /// - Throws: `AMBIGUOUS_REFERENCE`.
    func resolve(_ parts: [String], _ position: SourcePosition?) throws -> (Column, members: [String])? {
        let lower = parts.map { $0.lowercased() }
        // The longest qualifier that fits wins.
        for qualifierCount in stride(from: parts.count - 1, through: 0, by: -1) {
            for nameCount in [1, 2] where qualifierCount + nameCount <= parts.count {
                let name = lower[qualifierCount..<qualifierCount + nameCount].joined(separator: ".")
                let matches = columns.filter { column in
                    column.name.lowercased() == name && column.matches(lower[..<qualifierCount])
                        && (nameCount == 1 || column.hidden)
                }
                let candidates = matches.contains { !$0.hidden } ? matches.filter { !$0.hidden } : matches
                if candidates.count > 1 { throw SparkError.ambiguous(parts, candidates.map(\.fullName), position) }
                if let found = candidates.first { return (found, Array(parts[(qualifierCount + nameCount)...])) }
            }
        }
        return nil
    }

    /// Columns of `qualifier.*`.
    func columns(of qualifier: [String]) -> [Column] {
        let lower = qualifier.map { $0.lowercased() }
        return visible.filter { $0.matches(lower[...]) }
    }
}

extension Scope.Column {
    /// Whether `parts`, in lower case, are the end of the qualifier.
    fileprivate func matches(_ parts: ArraySlice<String>) -> Bool {
        parts.count <= qualifier.count
            && zip(parts, qualifier.suffix(parts.count)).allSatisfy { $0 == $1.lowercased() }
    }
}
