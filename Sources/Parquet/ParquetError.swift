/// A Parquet file that cannot be read, or that asks for something this reader or writer does not do.
package struct ParquetError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// The bytes contradict the format.
        package static let malformed = Code(rawValue: "malformed")
        /// A codec, encoding, type or encryption that is refused by name.
        package static let unsupported = Code(rawValue: "unsupported")
        /// A value that the wanted type cannot hold.
        package static let outOfRange = Code(rawValue: "outOfRange")
        /// The schema asked for cannot be matched with the file's.
        package static let schemaMismatch = Code(rawValue: "schemaMismatch")
    }

    package let code: Code
    /// One sentence: what was found, what was expected.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "parquet \(code.rawValue): \(message)" }

    static func malformed(_ message: String) -> ParquetError { ParquetError(.malformed, message) }
    static func unsupported(_ message: String) -> ParquetError { ParquetError(.unsupported, message) }
}
