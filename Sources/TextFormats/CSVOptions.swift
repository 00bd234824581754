package import Columnar

/// Spark's CSV options under their own names, with Spark's defaults for reading.
package struct CSVOptions: Sendable {
    package var header = false
    package var sep: UInt8 = 44
    package var quote: UInt8 = 34
    /// Inside quotes, before a quote or itself. May be the quote character (RFC 4180).
    package var escape: UInt8 = 92
    /// Lines that begin with it are skipped.
    package var comment: UInt8?
    package var multiLine = false
    package var ignoreLeadingWhiteSpace = false
    package var ignoreTrailingWhiteSpace = false
    package var nullValue = ""
    /// What a quoted empty field stands for, before it is compared with `nullValue`.
    package var emptyValue = ""
    package var nanValue = "NaN"
    package var positiveInf = "Inf"
    package var negativeInf = "-Inf"
    package var dateFormat: DatePattern?
    package var timestampFormat: DatePattern?
    package var mode = ParseMode.permissive
    package var columnNameOfCorruptRecord = "_corrupt_record"
    package var maxColumns = 20_480
    /// Bytes; nil is no limit other than `recordBytesMax`.
    package var maxCharsPerColumn: Int?
    package var inferSchema = false
    package var preferDate = true

    /// A longer record ends the read with an error, so that one missing quote cannot take all memory.
    package static let recordBytesMax = 256 << 20

    package init() {}

    /// Reads option names of any letter case.
    ///
    /// - Throws: `SparkError` for a value that the option cannot have; names that are not CSV options are ignored.
    package init(_ options: [String: String]) throws {
        func refused(_ name: String, _ value: String) -> SparkError {
            SparkError(
                condition: "INVALID_PARAMETER_VALUE", sqlState: "22023",
                message: "The CSV option `\(name)` cannot be '\(value)'.")
        }
        for (name, value) in options.sorted(by: { $0.key < $1.key }) {
            func flag() throws -> Bool {
                switch value.lowercased() {
                case "true": return true
                case "false": return false
                default: throw refused(name, value)
                }
            }
            func character() throws -> UInt8 {
                switch value {
                case "\\t": return 9
                case "\\\\": return 92
                case "": return 0
                default:
                    guard value.utf8.count == 1, let byte = value.utf8.first else { throw refused(name, value) }
                    return byte
                }
            }
            switch name.lowercased() {
            case "header": header = try flag()
            case "sep", "delimiter": sep = try character()
            case "quote": quote = try character()
            case "escape": escape = try character()
            case "comment": comment = value.isEmpty ? nil : try character()
            case "multiline": multiLine = try flag()
            case "ignoreleadingwhitespace": ignoreLeadingWhiteSpace = try flag()
            case "ignoretrailingwhitespace": ignoreTrailingWhiteSpace = try flag()
            case "nullvalue": nullValue = value
            case "emptyvalue": emptyValue = value
            case "nanvalue": nanValue = value
            case "positiveinf": positiveInf = value
            case "negativeinf": negativeInf = value
            case "dateformat": dateFormat = try DatePattern(value)
            case "timestampformat": timestampFormat = try DatePattern(value)
            case "mode":
                guard let known = ParseMode(rawValue: value.uppercased()) else { throw refused(name, value) }
                mode = known
            case "columnnameofcorruptrecord": columnNameOfCorruptRecord = value
            case "maxcolumns":
                guard let number = Int(value), number > 0 else { throw refused(name, value) }
                maxColumns = number
            case "maxcharspercolumn":
                guard let number = Int(value) else { throw refused(name, value) }
                maxCharsPerColumn = number < 0 ? nil : number
            case "inferschema": inferSchema = try flag()
            case "preferdate": preferDate = try flag()
            case "encoding", "charset":
                guard ["UTF-8", "UTF8", "US-ASCII"].contains(value.uppercased()) else {
                    throw SparkError.unsupported("CSV in the encoding \(value)")
                }
            case "linesep" where value != "\n": throw SparkError.unsupported("the CSV option lineSep")
            default: break
            }
        }
        guard sep != 0, sep != 10, sep != 13 else { throw refused("sep", String(UnicodeScalar(sep))) }
    }
}
