/// Rows under headings, as wide as their widest cell, two blanks between them. What does not fit the terminal is cut,
/// in columns that allow it.
struct TextTable {
    struct Column {
        var heading: String
        var alignsRight = false
        /// Whether cells may be cut. Names and ids that a reader copies may not.
        var shrinks = false

        init(_ heading: String, alignsRight: Bool = false, shrinks: Bool = false) {
            self.heading = heading
            self.alignsRight = alignsRight
            self.shrinks = shrinks
        }
    }

    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var ink: Ink?

        init(_ text: String, _ ink: Ink? = nil) {
            self.text = Display.printable(text)
            self.ink = ink
        }

        init(stringLiteral value: String) { self.init(value) }

        static func status(_ status: String) -> Cell { Cell(status, Ink(status: status)) }
    }

    private static let narrowest = 8
    private let columns: [Column]
    private let rows: [[Cell]]

    init(_ columns: [Column], _ rows: [[Cell]]) {
        self.columns = columns
        self.rows = rows
    }

    func text(for terminal: Terminal = .output) -> String {
        var widths = columns.map { Display.width($0.heading) }
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], Display.width(cell.text))
            }
        }
        if let width = terminal.width { shrink(&widths, to: width) }
        let heading = columns.map { Cell($0.heading, .heading) }
        return ([heading] + rows).map { line($0, widths, terminal) }.joined(separator: "\n")
    }

    /// Takes from the widest columns that allow it.
    private func shrink(_ widths: inout [Int], to width: Int) {
        var excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
        while excess > 0 {
            let candidates = widths.indices.filter { columns[$0].shrinks && widths[$0] > Self.narrowest }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
            excess -= 1
        }
    }

    private func line(_ row: [Cell], _ widths: [Int], _ terminal: Terminal) -> String {
        var line = ""
        for (index, cell) in row.enumerated() where index < widths.count {
            let text = Display.cut(cell.text, to: widths[index])
            let blanks = String(repeating: " ", count: max(0, widths[index] - Display.width(text)))
            let inked = cell.ink.map { $0.on(text, terminal) } ?? text
            let isLast = index == row.count - 1
            line += columns[index].alignsRight ? blanks + inked : isLast ? inked : inked + blanks
            if !isLast { line += "  " }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

/// Plain cells under headings.
func table(_ headings: [String], _ rows: [[String]]) -> String {
    TextTable(headings.map { .init($0) }, rows.map { $0.map { .init($0) } }).text()
}

/// `name  value` lines, the values in one column.
func fields(_ pairs: [(name: String, value: TextTable.Cell)]) -> String {
    let width = pairs.map { $0.name.utf8.count }.max() ?? 0
    return pairs.map { name, value in
        Ink.heading.on(name) + String(repeating: " ", count: width - name.utf8.count + 2)
            + (value.ink.map { $0.on(value.text) } ?? value.text)
    }.joined(separator: "\n")
}
