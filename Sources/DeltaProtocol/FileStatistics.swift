package import Columnar
import JSONModel

/// The statistics of a data file. Source: PROTOCOL.md, "Per-file Statistics".
package struct FileStatistics: Sendable {
    package var numRecords: Int64?
    private var minValues: JSONObject
    private var maxValues: JSONObject
    private var nullCounts: JSONObject

    /// Nil for text that is not statistics: nothing is known then.
    package init?(text: String) {
        guard let json = try? JSONValue(parsing: text), let object = json.object else { return nil }
        numRecords = object["numRecords"]?.int64
        minValues = object["minValues"]?.object ?? [:]
        maxValues = object["maxValues"]?.object ?? [:]
        nullCounts = object["nullCount"]?.object ?? [:]
    }

    /// Bounds of a column; members that are unknown are nil.
    ///
    /// - Parameter physicalName: of a column of the top level.
    package func bounds(of physicalName: String, _ type: DataType) -> ColumnBounds {
        ColumnBounds(
            min: minValues[physicalName].flatMap { Self.scalar($0, type) },
            max: maxValues[physicalName].flatMap { Self.scalar($0, type) }.map { Self.roundedUp($0, type) },
            nullCount: nullCounts[physicalName]?.int64, rowCount: numRecords)
    }

    /// Timestamps are cut to milliseconds, downwards for maxima too.
    private static func roundedUp(_ value: Scalar, _ type: DataType) -> Scalar {
        guard case .timestamp(let micros) = value else { return value }
        let (sum, overflow) = micros.addingReportingOverflow(999)
        return .timestamp(overflow ? .max : sum)
    }

    private static func scalar(_ json: JSONValue, _ type: DataType) -> Scalar? {
        switch type {
        case .byte: json.int64.flatMap { Int8(exactly: $0) }.map(Scalar.int8)
        case .short: json.int64.flatMap { Int16(exactly: $0) }.map(Scalar.int16)
        case .int: json.int64.flatMap { Int32(exactly: $0) }.map(Scalar.int32)
        case .long: json.int64.map(Scalar.int64)
        case .float: json.double.flatMap { $0.isNaN ? nil : .float(Float($0)) }
        case .double: json.double.flatMap { $0.isNaN ? nil : .double($0) }
        case .decimal(let precision, let scale):
            if case .number(let number) = json { decimalValue(number.text, precision: precision, scale: scale) } else { nil }
        case .string: json.string.map(Scalar.string)
        case .date: json.string.flatMap { dateValue(String($0.prefix { $0 != "T" && $0 != " " })) }.map(Scalar.date)
        case .timestamp, .timestampNTZ: json.string.flatMap { timestampValue($0) }.map(Scalar.timestamp)
        default: nil
        }
    }
}

/// What is known of a column's values in a file or row group.
package struct ColumnBounds: Sendable {
    /// A lower bound of the values that are not null.
    package var min: Scalar?
    /// An upper bound.
    package var max: Scalar?
    package var nullCount: Int64?
    package var rowCount: Int64?

    package init(min: Scalar?, max: Scalar?, nullCount: Int64?, rowCount: Int64?) {
        self.min = min
        self.max = max
        self.nullCount = nullCount
        self.rowCount = rowCount
    }
}

/// Figures of a column of a file being written.
package indirect enum ColumnFigures: Sendable {
    /// `min` and `max` are nil when there are none to give.
    case leaf(DataType, min: Scalar?, max: Scalar?, nullCount: Int64)
    case structure([(name: String, figures: ColumnFigures)])
    case collection(nullCount: Int64)
}

/// Makes the statistics text of a file.
package struct FileStatisticsBuilder {
    /// Strings are cut to this many characters.
    private static let textCharactersMax = 32
    private var leavesLeft: Int
    private var minValues: JSONObject = [:]
    private var maxValues: JSONObject = [:]
    private var nullCounts: JSONObject = [:]
    private let numRecords: Int64

    /// - Parameter indexedColumns: leaves that get statistics, `delta.dataSkippingNumIndexedCols`; -1 for all.
    package init(numRecords: Int64, indexedColumns: Int = 32) {
        self.numRecords = numRecords
        leavesLeft = indexedColumns < 0 ? .max : indexedColumns
    }

    /// Columns are added in schema order, partition columns left out.
    package mutating func add(_ name: String, _ figures: ColumnFigures) {
        let (low, high, nulls) = describe(figures)
        if let low { minValues[name] = low }
        if let high { maxValues[name] = high }
        if let nulls { nullCounts[name] = nulls }
    }

    package var text: String {
        JSONValue.object([
            "numRecords": .number(JSONNumber(numRecords)), "minValues": .object(minValues),
            "maxValues": .object(maxValues), "nullCount": .object(nullCounts),
        ]).text
    }

    private mutating func describe(_ figures: ColumnFigures) -> (JSONValue?, JSONValue?, JSONValue?) {
        switch figures {
        case .leaf(let type, let min, let max, let nullCount):
            guard leavesLeft > 0 else { return (nil, nil, nil) }
            leavesLeft -= 1
            return (
                min.flatMap { Self.json($0, type, isMax: false) }, max.flatMap { Self.json($0, type, isMax: true) },
                .number(JSONNumber(nullCount))
            )
        case .collection(let nullCount):
            guard leavesLeft > 0 else { return (nil, nil, nil) }
            leavesLeft -= 1
            return (nil, nil, .number(JSONNumber(nullCount)))
        case .structure(let members):
            var (lows, highs, nulls): (JSONObject, JSONObject, JSONObject) = ([:], [:], [:])
            for member in members {
                let (low, high, count) = describe(member.figures)
                if let low { lows[member.name] = low }
                if let high { highs[member.name] = high }
                if let count { nulls[member.name] = count }
            }
            func object(_ members: JSONObject) -> JSONValue? { members.isEmpty ? nil : .object(members) }
            return (object(lows), object(highs), object(nulls))
        }
    }

    private static func json(_ value: Scalar, _ type: DataType, isMax: Bool) -> JSONValue? {
        switch value {
        case .int8(let x): return .number(JSONNumber(Int64(x)))
        case .int16(let x): return .number(JSONNumber(Int64(x)))
        case .int32(let x): return type == .yearMonthInterval ? nil : .number(JSONNumber(Int64(x)))
        case .int64(let x): return type == .dayTimeInterval ? nil : .number(JSONNumber(x))
        case .float(let x): return x.isFinite ? JSONNumber(text: x.description).map(JSONValue.number) : nil
        case .double(let x): return x.isFinite ? .number(JSONNumber(x)) : nil
        case .decimal(let x, let scale): return JSONNumber(text: decimalText(x, scale: scale)).map(JSONValue.number)
        case .date(let x): return .string(dateText(x))
        case .timestamp(let x): return timestamp(x, type, isMax: isMax).map(JSONValue.string)
        case .string(let x): return text(x, isMax: isMax).map(JSONValue.string)
        // Spark keeps no extremes of booleans, binaries and nested values.
        case .null, .bool, .binary, .array, .map, .structure: return nil
        }
    }

    /// Milliseconds, rounded so that the bound holds.
    private static func timestamp(_ micros: Int64, _ type: DataType, isMax: Bool) -> String? {
        let (rounded, overflow) = micros.addingReportingOverflow(isMax ? 999 : 0)
        if overflow { return nil }
        var (millis, rest) = rounded.quotientAndRemainder(dividingBy: 1000)
        if rest < 0 {
            millis -= 1
            rest += 1000
        }
        return timestampText(millis * 1000, separator: "T", fractionDigits: 3) + (type == .timestampNTZ ? "" : "Z")
    }

    /// A prefix for a minimum; for a maximum a prefix and a character above all that may follow. Nil when there is none.
    private static func text(_ text: String, isMax: Bool) -> String? {
        let scalars = text.unicodeScalars
        guard scalars.count > textCharactersMax else { return text }
        let prefix = Array(scalars.prefix(textCharactersMax))
        var result = String.UnicodeScalarView(prefix)
        if isMax {
            // The last character of Unicode is above whatever comes next, unless that is the same character.
            let next = scalars[scalars.index(scalars.startIndex, offsetBy: textCharactersMax)]
            guard next != "\u{10FFFF}" else { return nil }
            result.append(next.value < 0xFFFF ? "\u{FFFF}" : "\u{10FFFF}")
        }
        return String(result)
    }
}
