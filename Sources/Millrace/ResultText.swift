package import Columnar
import SparkPlan

/// Results as text.
package enum ResultText {
    /// The box that Spark's `show` draws. - Parameter truncate: longest cell; 0 for no limit.
    package static func table(_ schema: Columnar.StructType, _ rows: [[Scalar]], truncate: Int) -> String {
        func cut(_ text: String) -> String {
            guard truncate > 0, text.count > truncate else { return text }
            return truncate < 4 ? String(text.prefix(truncate)) : text.prefix(truncate - 3) + "..."
        }
        let header = schema.fields.map { cut($0.name) }
        let cells = rows.map { row in
            zip(row, schema.fields).map { value, field in cut(value.isNull ? "NULL" : value.text(field.dataType)) }
        }
        var widths = header.map { max(3, $0.count) }
        for row in cells { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) } }
        let rule = "+" + widths.map { String(repeating: "-", count: $0) }.joined(separator: "+") + "+\n"
        func line(_ row: [String]) -> String {
            "|"
                + zip(row, widths).map { cell, width in
                    let blanks = String(repeating: " ", count: width - cell.count)
                    return truncate > 0 ? blanks + cell : cell + blanks
                }.joined(separator: "|") + "|\n"
        }
        return rule + line(header) + rule + cells.map(line).joined() + rule
    }
}
