package import Columnar
import Crypto
import JSONModel
import Support

/// The canonical JSON text of values that the conformance suites use: decimals as text, binary as hex, dates and
/// timestamps as ISO text, maps as pairs sorted by the key's text.
package enum CanonicalText {
    /// - Parameter zoneless: positions of timestamps to be printed as of no zone.
    package static func row(_ batch: Batch, _ row: Int, zoneless: Set<Int> = []) -> String {
        let cells = batch.columns.enumerated().map { index, column in
            text(column.value(at: row), zoneless.contains(index) ? .timestampNTZ : batch.schema.fields[index].dataType)
        }
        return "[" + cells.joined(separator: ",") + "]"
    }

    package static func text(_ value: Scalar, _ type: DataType) -> String {
        switch (value, type) {
        case (.null, _): "null"
        case (.bool(let x), _): x ? "true" : "false"
        case (.int8(let x), _): "\(x)"
        case (.int16(let x), _): "\(x)"
        case (.int32(let x), _): "\(x)"
        case (.int64(let x), _): "\(x)"
        case (.float(let x), _): number(Double(x), x.description)
        case (.double(let x), _): number(x, x.description)
        case (.decimal(let x, let scale), _): "\"" + decimal(x, scale) + "\""
        case (.string(let x), _): JSONValue.string(x).text
        case (.binary(let x), _): "\"" + hexText(x) + "\""
        case (.date(let x), _): "\"" + date(Int(x)) + "\""
        case (.timestamp(let x), .timestampNTZ): "\"" + timestamp(x) + "\""
        case (.timestamp(let x), _): "\"" + timestamp(x) + "Z\""
        case (.array(let elements), .array(let type, _)):
            "[" + elements.map { text($0, type) }.joined(separator: ",") + "]"
        case (.map(let entries), .map(let key, let value, _)):
            "[" + entries.map { (text($0.key, key), text($0.value, value)) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
                .map { "[\($0.0),\($0.1)]" }.joined(separator: ",") + "]"
        case (.structure(let members), .structure(let type)):
            "{" + zip(members, type.fields).map { JSONValue.string($1.name).text + ":" + text($0, $1.dataType) }
                .joined(separator: ",") + "}"
        default: "?"
        }
    }

    private static func number(_ value: Double, _ text: String) -> String {
        if value.isNaN { return "\"NaN\"" }
        if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        // The shortest digits, with an exponent below 1e-4 and from 1e16 on.
        let negative = text.hasPrefix("-")
        let parts = (negative ? text.dropFirst() : text[...]).split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
        var digits = String(mantissa[0]) + fraction
        var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        let sign = negative ? "-" : ""
        if digits == "0" { return sign + "0.0" }
        if point > 16 || point < -3 {
            let exponent = point - 1
            let tail = digits.count > 1 ? "." + digits.dropFirst() : ""
            return sign + digits.prefix(1) + tail + "e" + (exponent < 0 ? "-" : "+") + pad(abs(exponent), 2)
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    private static func decimal(_ unscaled: Int128, _ scale: Int) -> String {
        var digits = String(unscaled.magnitude)
        if digits.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.count) + digits }
        let whole = digits.dropLast(scale)
        return (unscaled < 0 ? "-" : "") + whole + (scale > 0 ? "." + digits.suffix(scale) : "")
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let text = String(abs(value))
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func date(_ days: Int) -> String {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let doe = z - era * 146_097
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
        let mp = (5 * doy + 2) / 153
        let month = mp < 10 ? mp + 3 : mp - 9
        return "\(pad(yoe + era * 400 + (month <= 2 ? 1 : 0), 4))-\(pad(month, 2))-\(pad(doy - (153 * mp + 2) / 5 + 1, 2))"
    }

    private static func timestamp(_ micros: Int64) -> String {
        var (days, rest) = micros.quotientAndRemainder(dividingBy: 86_400_000_000)
        if rest < 0 {
            days -= 1
            rest += 86_400_000_000
        }
        let seconds = Int(rest / 1_000_000)
        return "\(date(Int(days)))T\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))"
            + ".\(pad(Int(rest % 1_000_000), 6))"
    }

    /// SHA-256 of the rows' texts sorted by bytes, each followed by a newline.
    package static func digest(_ rows: [String]) -> String {
        var bytes: [UInt8] = []
        for row in rows.map({ Array($0.utf8) }).sorted(by: { $0.lexicographicallyPrecedes($1) }) { bytes += row + [10] }
        return hexText(SHA256.hash(data: bytes))
    }
}
