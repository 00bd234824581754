package import Columnar

/// Spark's options for reading JSON under their own names, with Spark's defaults.
package struct JSONOptions: Sendable {
    package var mode = ParseMode.permissive
    package var columnNameOfCorruptRecord = "_corrupt_record"
    /// An input is one document, an object or an array of them, rather than one in each line.
    package var multiLine = false
    package var primitivesAsString = false
    package var prefersDecimal = false
    package var inferTimestamp = false
    package var dropFieldIfAllNull = false
    package var dateFormat: DatePattern?
    package var timestampFormat: DatePattern?

    package init() {}

    /// Reads option names of any letter case.
    ///
    /// - Throws: `SparkError` for a value that the option cannot have, and for what is not supported; names that are no
    ///   options of JSON are ignored.
    package init(_ options: [String: String]) throws {
        for (name, value) in options.sorted(by: { $0.key < $1.key }) {
            func refused() -> SparkError {
                SparkError(
                    condition: "INVALID_PARAMETER_VALUE", sqlState: "22023",
                    message: "The JSON option `\(name)` cannot be '\(value)'.")
            }
            func flag() throws -> Bool {
                switch value.lowercased() {
                case "true": return true
                case "false": return false
                default: throw refused()
                }
            }
            switch name.lowercased() {
            case "mode":
                guard let known = ParseMode(rawValue: value.uppercased()) else { throw refused() }
                mode = known
            case "columnnameofcorruptrecord": columnNameOfCorruptRecord = value
            case "multiline": multiLine = try flag()
            case "primitivesasstring": primitivesAsString = try flag()
            case "prefersdecimal": prefersDecimal = try flag()
            case "infertimestamp": inferTimestamp = try flag()
            case "dropfieldifallnull": dropFieldIfAllNull = try flag()
            case "dateformat": dateFormat = try DatePattern(value)
            case "timestampformat": timestampFormat = try DatePattern(value)
            case "allowcomments", "allowunquotedfieldnames", "allownumericleadingzeros", "allowunquotedcontrolchars",
                "allowbackslashescapinganycharacter":
                if try flag() { throw SparkError.unsupported("the JSON option \(name)") }
            case "encoding", "charset":
                guard ["UTF-8", "UTF8", "US-ASCII"].contains(value.uppercased()) else {
                    throw SparkError.unsupported("JSON in the encoding \(value)")
                }
            case "linesep" where value != "\n": throw SparkError.unsupported("the JSON option lineSep")
            default: break
            }
        }
    }
}
