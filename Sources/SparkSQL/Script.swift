package import Columnar
import SparkPlan

/// A script cut into statements, each parsed when its turn comes, so that variables set by one are seen by the next.
package enum SQLScript {
    package struct Part: Sendable, Hashable {
        package let text: String
        /// Where in the script `text` starts.
        package let start: SourcePosition
    }

    /// The statements between semicolons; blanks and comments alone are no statement.
    package static func split(_ script: String) -> [Part] {
        let bytes = Array(script.utf8)
        var parts: [Part] = []
        var start = 0
        var line = 1
        var lineStart = 0
        var startPosition = SourcePosition.beginning
        var sawText = false
        var position = 0
        func finish(_ end: Int) {
            if sawText { parts.append(Part(text: String(decoding: bytes[start..<end], as: UTF8.self), start: startPosition)) }
        }
        scanRegions(bytes) { region, range in
            for index in range {
                if bytes[index] == 10 {
                    line += 1
                    lineStart = index + 1
                }
                if region == .code {
                    if bytes[index] == 59 {
                        finish(index)
                        start = index + 1
                        startPosition = SourcePosition(line: line, column: start - lineStart)
                        sawText = false
                    } else if bytes[index] > 32 {
                        sawText = true
                    }
                } else if region == .quoted {
                    sawText = true
                }
            }
            position = range.upperBound
        }
        finish(position)
        return parts
    }

    /// Replaces every `${name}` outside comments by its value, as text.
    ///
    /// - Throws: `SparkError` `UNBOUND_SQL_PARAMETER` for a name without a value.
    package static func substitute(_ text: String, variables: [String: String]) throws -> String {
        let bytes = Array(text.utf8)
        guard text.contains("${") else { return text }
        var output: [UInt8] = []
        var failure: SparkError?
        scanRegions(bytes) { region, range in
            var index = range.lowerBound
            while index < range.upperBound {
                if region != .comment, bytes[index] == 36, index + 1 < range.upperBound, bytes[index + 1] == 123,
                    let close = bytes[index..<range.upperBound].firstIndex(of: 125)
                {
                    let name = String(decoding: bytes[index + 2..<close], as: UTF8.self)
                    if let value = variables[name] {
                        output += Array(value.utf8)
                    } else if failure == nil {
                        failure = SparkError(
                            condition: "UNBOUND_SQL_PARAMETER", sqlState: "42P02",
                            message: "Found the unbound parameter: \(name). Please, give a value for it.")
                    }
                    index = close + 1
                } else {
                    output.append(bytes[index])
                    index += 1
                }
            }
        }
        if let failure { throw failure }
        return String(decoding: output, as: UTF8.self)
    }

    private enum Region { case code, quoted, comment }

    /// Calls `visit` with consecutive ranges that cover `bytes`.
    private static func scanRegions(_ bytes: [UInt8], _ visit: (Region, Range<Int>) -> Void) {
        var index = 0
        var start = 0
        func at(_ i: Int) -> UInt8 { i < bytes.count ? bytes[i] : 0 }
        func flush() {
            if start < index { visit(.code, start..<index) }
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 45, at(index + 1) == 45 {
                flush()
                let end = bytes[index...].firstIndex(of: 10) ?? bytes.count
                visit(.comment, index..<end)
                index = end
                start = end
            } else if byte == 47, at(index + 1) == 42 {
                flush()
                var end = index + 2
                var depth = 1
                while end < bytes.count, depth > 0 {
                    if at(end) == 47, at(end + 1) == 42 {
                        depth += 1
                        end += 1
                    } else if at(end) == 42, at(end + 1) == 47 {
                        depth -= 1
                        end += 1
                    }
                    end += 1
                }
                end = min(end, bytes.count)
                visit(.comment, index..<end)
                index = end
                start = end
            } else if byte == 39 || byte == 34 || byte == 96 {
                flush()
                var end = index + 1
                while end < bytes.count, bytes[end] != byte {
                    if bytes[end] == 92, byte != 96 { end += 1 }
                    end += 1
                }
                end = min(end + 1, bytes.count)
                visit(.quoted, index..<end)
                index = end
                start = end
            } else {
                index += 1
            }
        }
        flush()
    }
}
