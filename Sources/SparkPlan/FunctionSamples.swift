import Columnar

/// A call of every function whose analysis is only a matter of types, for tests that each of them also runs.
package enum FunctionSamples {
    /// Queries of one row, with NULL from a column for each parameter, ordered by the function's name.
    package static var queries: [(function: String, sql: String)] {
        FunctionTable.signatures.sorted { $0.key < $1.key }.map { name, signature in
            let types = signature.parameters.dropLast(signature.optional).map(\.sampleType)
            let columns = types.enumerated().map { "CAST(x AS \($1)) AS c\($0)" }.joined(separator: ", ")
            let arguments = types.indices.map { "c\($0)" }.joined(separator: ", ")
            let source = "VALUES (NULL) AS v(x)"
            return (
                name,
                types.isEmpty
                    ? "SELECT \(name)() FROM \(source)" : "SELECT \(name)(\(arguments)) FROM (SELECT \(columns) FROM \(source))"
            )
        }
    }
}

extension ParameterType {
    fileprivate var sampleType: String {
        switch self {
        case .any, .stringOrBinary, .common: "STRING"
        case .numeric: "DOUBLE"
        case .integral: "INT"
        case .type(let type): type.simpleString
        case .array: "ARRAY<INT>"
        case .map: "MAP<STRING, INT>"
        }
    }
}
