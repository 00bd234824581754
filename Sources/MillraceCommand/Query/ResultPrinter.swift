import ArgumentParser
import Columnar
import JSONModel
import SparkPlan

/// How the rows of a query are printed.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
    case table, csv, json, jsonl, markdown
}

/// Prints results on standard output.
struct ResultPrinter {
    var format = ResultFormat.table
    /// Whether a table too wide for the terminal is laid out with a line for each value; nil: when it is too wide.
    var expanded: Bool?

    func print(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        switch format {
        case .table: printTable(schema, rows)
        case .csv: printCSV(schema, rows)
        case .jsonl: for row in rows { Swift.print(schema.json(row).text) }
        case .json: printJSON(schema, rows)
        case .markdown: printMarkdown(schema, rows)
        }
    }

    // MARK: - Tables

    private func printTable(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        let grid = Grid(schema, rows)
        let width = Terminal.output.isTerminal ? Terminal.output.width : nil
        let isTooWide = width.map { grid.width > $0 } ?? false
        if expanded ?? isTooWide, !rows.isEmpty {
            grid.printExpanded(width: width)
        } else {
            grid.printBox()
        }
    }

    // MARK: - For programs

    /// RFC 4180 with `\n`: NULL is an empty field, an empty text is `""`.
    private func printCSV(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        Swift.print(schema.fields.map { Self.quoted($0.name) }.joined(separator: ","))
        for row in rows {
            Swift.print(zip(row, schema.fields).map { value, field in
                value.isNull ? "" : Self.quoted(value.text(field.dataType))
            }.joined(separator: ","))
        }
    }

    private static func quoted(_ text: String) -> String {
        guard text.isEmpty || text.utf8.contains(where: { [0x2C, 0x22, 0x0D, 0x0A].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// One array, a row a line.
    private func printJSON(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        if rows.isEmpty { return Swift.print("[]") }
        for (index, row) in rows.enumerated() {
            Swift.print((index == 0 ? "[" : " ") + schema.json(row).text + (index == rows.count - 1 ? "]" : ","))
        }
    }

    private func printMarkdown(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        func cell(_ text: String) -> String {
            var result = ""
            for character in text {
                switch character {
                case "|": result += "\\|"
                case "\n", "\r\n": result += "<br>"
                default: result.append(character)
                }
            }
            return Display.printable(result)
        }
        Swift.print("| " + schema.fields.map { cell($0.name) }.joined(separator: " | ") + " |")
        Swift.print("|" + schema.fields.map { $0.dataType.isNumber ? "---:" : "---" }.joined(separator: "|") + "|")
        for row in rows {
            let cells = zip(row, schema.fields).map { $0.isNull ? "*NULL*" : cell($0.text($1.dataType)) }
            Swift.print("| " + cells.joined(separator: " | ") + " |")
        }
    }
}

/// A result as text cells.
private struct Grid {
    private let names: [String]
    private let isNumber: [Bool]
    /// Nil for NULL.
    private let cells: [[String?]]
    private let widths: [Int]

    init(_ schema: Columnar.StructType, _ rows: [[Scalar]]) {
        names = schema.fields.map { Display.printable($0.name) }
        isNumber = schema.fields.map { $0.dataType.isNumber }
        cells = rows.map { row in
            zip(row, schema.fields).map { $0.isNull ? nil : Display.printable($0.text($1.dataType)) }
        }
        var widths = names.map { max(3, Display.width($0)) }
        for row in cells {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.map(Display.width) ?? 4) }
        }
        self.widths = widths
    }

    var width: Int { widths.reduce(1) { $0 + $1 + 1 } }

    private func shown(_ cell: String?) -> String { cell ?? Ink.faint.on("NULL") }

    /// The box that Spark's `show` draws, numbers to the right.
    func printBox() {
        let rule = "+" + widths.map { String(repeating: "-", count: $0) }.joined(separator: "+") + "+"
        print(rule)
        print("|" + names.indices.map { padded(names[$0], Display.width(names[$0]), $0) }.joined(separator: "|") + "|")
        print(rule)
        for row in cells {
            let line = row.enumerated().map { padded(shown($1), $1.map(Display.width) ?? 4, $0) }
            print("|" + line.joined(separator: "|") + "|")
        }
        print(rule)
    }

    private func padded(_ text: String, _ width: Int, _ column: Int) -> String {
        let blanks = String(repeating: " ", count: max(0, widths[column] - width))
        return isNumber[column] ? blanks + text : text + blanks
    }

    /// A line for each value.
    func printExpanded(width: Int?) {
        let nameWidth = names.map(Display.width).max() ?? 0
        for (number, row) in cells.enumerated() {
            let title = "-[ row \(number + 1) ]"
            print(Ink.heading.on(title + String(repeating: "-", count: max(0, min(width ?? 40, 40) - title.utf8.count))))
            for (index, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: nameWidth - Display.width(names[index]))
                print("\(names[index])\(blanks) | \(shown(cell))")
            }
        }
    }
}

extension Columnar.DataType {
    var isNumber: Bool {
        switch self {
        case .byte, .short, .int, .long, .float, .double, .decimal: true
        default: false
        }
    }
}

extension Columnar.StructType {
    /// A row as an object whose members come in the order of the columns.
    func json(_ row: [Scalar]) -> JSONValue {
        var object: JSONObject = [:]
        for (value, field) in zip(row, fields) { object.append(field.name, value.json(field.dataType)) }
        return .object(object)
    }
}

extension Scalar {
    /// As Spark's `to_json` writes it: numbers as numbers, nested values nested, everything without a JSON form as text.
    func json(_ type: Columnar.DataType) -> JSONValue {
        switch (self, type) {
        case (.null, _): return .null
        case (.bool(let value), _): return .bool(value)
        case (.array(let elements), .array(let element, _)): return .array(elements.map { $0.json(element) })
        case (.structure(let members), .structure(let type)): return type.json(members)
        case (.map(let entries), .map(let key, let value, _)):
            var object: JSONObject = [:]
            for entry in entries { object.append(entry.key.text(key), entry.value.json(value)) }
            return .object(object)
        case _ where type.isNumber: return JSONNumber(text: text(type)).map { .number($0) } ?? .string(text(type))
        default: return .string(text(type))
        }
    }
}
