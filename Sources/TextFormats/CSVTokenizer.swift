import CKernels
import Columnar

// Splits bytes into records and fields.
//
// 1. Blocks of 64 bytes give a mask of the separators, line ends and quotes in them; only those are looked at.
// 2. A quote that begins a field is followed to its end byte by byte; the scan then goes on behind it.
// 3. What is found are positions, not values: fields are converted column by column afterwards.
//
// Quotes follow Spark's parser: a closing quote is followed by a separator or line end (blanks between are dropped). When
// something else follows, the field was not quoted after all: its text is all from the opening quote to the next
// separator, quotes included. Without `multiLine` a line end also ends a quoted field.

/// Where a field lies in the window.
struct CSVField {
    let start: UInt32
    private let lengthAndFlags: UInt32

    static let lengthMax = 1 << 29

    init(start: Int, end: Int, quoted: Bool = false, escaped: Bool = false) {
        self.start = UInt32(truncatingIfNeeded: start)
        lengthAndFlags = UInt32(truncatingIfNeeded: end - start) | (quoted ? 1 << 31 : 0) | (escaped ? 1 << 30 : 0)
    }

    var length: Int { Int(lengthAndFlags & 0x3FFF_FFFF) }
    var isQuoted: Bool { lengthAndFlags >> 31 != 0 }
    /// Holds escape sequences.
    var isEscaped: Bool { lengthAndFlags >> 30 & 1 != 0 }
}

/// Records of one window, up to a number of rows.
struct CSVRecords {
    var fields: [CSVField] = []
    /// `fields[rowStarts[i]..<rowStarts[i + 1]]` are those of row `i`.
    var rowStarts: [Int] = [0]
    /// Byte ranges of the records in the window, without line ends.
    var ranges: [Range<Int>] = []
    /// Record numbers in the input, from 0, blank lines and comments not counted.
    var numbers: [Int64] = []

    var count: Int { ranges.count }

    mutating func removeAll() {
        fields.removeAll(keepingCapacity: true)
        rowStarts.removeAll(keepingCapacity: true)
        rowStarts.append(0)
        ranges.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
    }
}

struct CSVTokenizer {
    private let sep: UInt8, quote: UInt8, escape: UInt8
    private let comment: UInt8?
    private let multiLine: Bool
    private let trimLeft: Bool, trimRight: Bool
    private let maxColumns: Int
    private var nextNumber: Int64 = 0

    init(_ options: CSVOptions) {
        sep = options.sep
        quote = options.quote
        escape = options.escape
        comment = options.comment
        multiLine = options.multiLine
        trimLeft = options.ignoreLeadingWhiteSpace
        trimRight = options.ignoreTrailingWhiteSpace
        maxColumns = options.maxColumns
    }

    /// Splits `bytes[from...]`, which has at least 64 readable bytes past its end, into at most `rows` records.
    ///
    /// - Parameter atEnd: whether the input ends with the window; else an unfinished last record is left for later.
    /// - Returns: where the first record not taken begins.
    mutating func split(
        _ bytes: UnsafeBufferPointer<UInt8>, from: Int, rows: Int, atEnd: Bool, into records: inout CSVRecords
    ) throws -> Int {
        guard let base = bytes.baseAddress else { return from }
        let count = bytes.count
        var position = from
        while records.count < rows, position < count {
            // Comments and blank lines.
            if base[position] == 10 || base[position] == 13 {
                position += 1
                continue
            }
            if base[position] == comment || base[position] <= 32 {
                var end = position
                var blank = true
                while end < count, base[end] != 10, base[end] != 13 {
                    blank = blank && base[end] <= 32
                    end += 1
                }
                if end == count, !atEnd { return position }
                if base[position] == comment || (blank && !multiLine) {
                    position = end
                    continue
                }
            }
            let fieldsBefore = records.fields.count
            guard let end = try record(base, position, count, atEnd, &records.fields) else {
                records.fields.removeLast(records.fields.count - fieldsBefore)
                return position
            }
            records.rowStarts.append(records.fields.count)
            records.ranges.append(position..<end)
            records.numbers.append(nextNumber)
            nextNumber += 1
            position = end
            if position < count, base[position] == 13 { position += 1 }
            if position < count, base[position] == 10 { position += 1 }
        }
        return position
    }

    /// The fields of the record at `start`; gives the position of its line end, or nil when the window ends before.
    private func record(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ atEnd: Bool, _ fields: inout [CSVField]
    ) throws -> Int? {
        let first = fields.count
        var fieldStart = start
        while true {
            var from = fieldStart
            if trimLeft { while from < count, base[from] <= 32, base[from] != sep, base[from] != 10, base[from] != 13 { from += 1 } }
            var end: Int
            if from < count, base[from] == quote, quote != 0 {
                guard let next = quoted(base, from, count, atEnd, &fields) else { return nil }
                end = next
            } else {
                end = delimiter(base, from, count)
                if end == count, !atEnd { return nil }
                var last = end
                if trimRight { while last > from, base[last - 1] <= 32 { last -= 1 } }
                fields.append(CSVField(start: from, end: last))
            }
            if fields.count - first > maxColumns {
                throw SparkError(
                    condition: "MALFORMED_CSV_RECORD", sqlState: "KD000",
                    message: "A CSV record has more than \(maxColumns) columns (option maxColumns).")
            }
            if end == count || base[end] != sep { return end }
            fieldStart = end + 1
        }
    }

    /// The next separator or line end at or after `from`, or `count`.
    @inline(__always)
    private func delimiter(_ base: UnsafePointer<UInt8>, _ from: Int, _ count: Int) -> Int {
        var block = from
        while block < count {
            let mask = UInt64(ck_match64_any4(base + block, sep, 10, 13, 10))
            if mask != 0 { return min(count, block + mask.trailingZeroBitCount) }
            block += 64
        }
        return count
    }

    /// A field that begins with a quote; gives the position of its delimiter.
    private func quoted(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ atEnd: Bool, _ fields: inout [CSVField]
    ) -> Int? {
        var position = start + 1
        var escaped = false
        while position < count {
            let byte = base[position]
            if byte == escape, escape != quote {
                if position + 1 == count, !atEnd { return nil }
                if position + 1 < count, base[position + 1] == quote || base[position + 1] == escape {
                    escaped = true
                    position += 2
                    continue
                }
            } else if byte == quote {
                if position + 1 == count, !atEnd { return nil }
                if escape == quote, position + 1 < count, base[position + 1] == quote {
                    escaped = true
                    position += 2
                    continue
                }
                // Of several quotes in a row only the last can close the field.
                if position + 1 < count, base[position + 1] == quote {
                    position += 1
                    continue
                }
                var end = position + 1
                while end < count, base[end] <= 32, base[end] != sep, base[end] != 10, base[end] != 13 { end += 1 }
                if end == count, !atEnd { return nil }
                if end == count || base[end] == sep || base[end] == 10 || base[end] == 13 {
                    fields.append(CSVField(start: start + 1, end: position, quoted: true, escaped: escaped))
                    return end
                }
                // Not a closing quote: the text is taken as it stands, up to the next separator.
                end = delimiter(base, end, count)
                if end == count, !atEnd { return nil }
                fields.append(CSVField(start: start, end: end))
                return end
            } else if !multiLine, byte == 10 || byte == 13 {
                break
            }
            position += 1
        }
        if position == count, !atEnd { return nil }
        // The quote is never closed.
        fields.append(CSVField(start: start + 1, end: position, quoted: true, escaped: escaped))
        return position
    }

    /// The value of a field with escape sequences.
    func unescape(_ bytes: UnsafeBufferPointer<UInt8>, into out: inout [UInt8]) {
        out.removeAll(keepingCapacity: true)
        var index = 0
        while index < bytes.count {
            if bytes[index] == escape, index + 1 < bytes.count, bytes[index + 1] == quote || bytes[index + 1] == escape { index += 1 }
            out.append(bytes[index])
            index += 1
        }
    }
}
