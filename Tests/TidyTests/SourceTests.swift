import FoundationEssentials
import Testing

/// Habits that a reader of `Sources` may rely on.
@Suite struct SourceTests {
    struct Line: CustomStringConvertible {
        var file: String
        var number: Int
        var text: Substring
        var description: String { "\(file):\(number): \(text)" }
    }

    static func lines(under folder: String) throws -> [Line] {
        try Repository.files(under: folder, ending: ".swift").flatMap { file in
            try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
                Line(file: file, number: $0.offset + 1, text: $0.element)
            }
        }
    }

    @Test(arguments: ["try!", "fatalError(", "FIXME", "TODO", "// XXX", "unsafeBitCast("])
    func sourcesAreFreeOf(word: String) throws {
        let found = try Self.lines(under: "Sources").filter { $0.text.contains(word) }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }

    @Test func onlyProgramsPrint() throws {
        let found = try Self.lines(under: "Sources").filter { line in
            !["MillraceCommand", "Millrace", "simulate"].contains { line.file.hasPrefix("Sources/\($0)/") }
                && line.text.drop(while: { $0 == " " }).hasPrefix("print(")
        }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }

    @Test func onlyProgramsReadTheEnvironment() throws {
        let found = try Self.lines(under: "Sources").filter { line in
            !line.file.hasPrefix("Sources/MillraceCommand/")
                && (line.text.contains("getenv(") || line.text.contains("ProcessInfo.processInfo.environment"))
        }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }

    /// Cores read no clock and draw no randomness of their own.
    @Test func coresAreDeterministic() throws {
        let cores = [
            "JSONModel", "JSONPath", "JSONata", "StatesLanguage", "StatesRuntime", "BatchScheduling", "GlueModel", "Columnar",
            "TextFormats", "SparkPlan", "SparkSQL", "Parquet", "DeltaProtocol",
        ]
        let forbidden = ["SystemWallClock(", "Date()", "UUID()", "clock_gettime", "SystemRandomNumberGenerator", "open("]
        let found = try cores.flatMap { try Self.lines(under: "Sources/" + $0) }.filter { line in
            forbidden.contains { word in
                guard let range = line.text.firstRange(of: word) else { return false }
                // `open(` as a whole word only: `reopen(` and `func open(` are other things.
                let before = line.text[..<range.lowerBound].last
                return word != "open(" || before == " " && !line.text.contains("func open(")
            } && !line.text.drop(while: { $0 == " " }).hasPrefix("//")
        }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }

    /// Foundation brings 40 MB of Unicode tables into the program; its essentials do not.
    @Test func nothingImportsFoundation() throws {
        let found = try Self.lines(under: "Sources").filter { line in
            let words = line.text.split(separator: " ")
            return words.contains("import")
                && words.contains { $0 == "Foundation" || $0.hasPrefix("Foundation.") || $0 == "FoundationInternationalization" }
                && !line.text.drop(while: { $0 == " " }).hasPrefix("//")
        }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }

    @Test func uncheckedSendabilitySaysWhy() throws {
        let lines = try Self.lines(under: "Sources")
        for (index, line) in lines.enumerated() where line.text.contains("@unchecked Sendable") {
            let near = lines[max(0, index - 3)...min(lines.count - 1, index + 3)]
            #expect(near.contains { $0.text.contains("//") }, "\(line) needs the invariant that protects it")
        }
    }

    @Test func linksBetweenDocumentsLead() throws {
        for file in try Repository.files(under: "docs", ending: ".md") + ["README.md"] {
            let folder = file.split(separator: "/").dropLast().joined(separator: "/")
            for target in try Repository.text(file).split(separator: "](").dropFirst() {
                guard let path = target.split(separator: ")").first?.split(separator: "#").first,
                    !path.contains("://"), !path.isEmpty
                else { continue }
                let full = Repository.root + "/" + (folder.isEmpty ? "" : folder + "/") + path
                #expect(FileManager.default.fileExists(atPath: full), "\(file) links to \(path)")
            }
        }
    }
}

extension Substring {
    fileprivate func firstRange(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
