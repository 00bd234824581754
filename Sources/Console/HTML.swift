/// Markup. Its literals are markup as they stand; what is interpolated into them is text, and escaped, unless it is
/// markup itself. So a page cannot contain unescaped text:
///
///     let row: HTML = "<tr><td>\(name)</td>\(cells)</tr>"      // name: String, cells: [HTML]
package struct HTML: Sendable, Hashable, ExpressibleByStringInterpolation {
    package private(set) var markup: String

    package init(stringLiteral value: String) { markup = value }

    package init(stringInterpolation: Interpolation) { markup = stringInterpolation.markup }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + 32 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { markup += literal }

        /// Text, also inside a quoted attribute.
        package mutating func appendInterpolation(_ text: String) {
            var rest = text[...]
            while let place = rest.utf8.firstIndex(where: { Self.escapes[Int($0)] != nil }) {
                markup += rest[..<place]
                markup += Self.escapes[Int(rest.utf8[place])] ?? ""
                rest = rest[rest.utf8.index(after: place)...]
            }
            markup += rest
        }

        /// By byte.
        private static let escapes: [String?] = (0..<256).map { byte in
            switch UInt8(byte) {
            case UInt8(ascii: "&"): "&amp;"
            case UInt8(ascii: "<"): "&lt;"
            case UInt8(ascii: ">"): "&gt;"
            case UInt8(ascii: "\""): "&quot;"
            case UInt8(ascii: "'"): "&#39;"
            default: nil
            }
        }

        package mutating func appendInterpolation(_ html: HTML) { markup += html.markup }

        /// Nothing for nil.
        package mutating func appendInterpolation(_ html: HTML?) { markup += html?.markup ?? "" }

        package mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { markup += part.markup } }
    }
}
