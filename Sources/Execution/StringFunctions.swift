import Columnar
import SparkPlan

/// String functions over UTF-8 bytes; positions and lengths count code points.
enum StringFunctions {
    static func find(_ c: FunctionContext) throws -> FunctionImplementation? {
        switch (c.name, c.count) {
        case ("upper", 1), ("ucase", 1): return mapped { caseMapped($0, upper: true, &$1) }
        case ("lower", 1), ("lcase", 1): return mapped { caseMapped($0, upper: false, &$1) }
        case ("initcap", 1): return mapped { initcap($0, &$1) }
        case ("reverse", 1) where c.types[0] == .string:
            return mapped { text, out in out.append(contentsOf: String(String.UnicodeScalarView(String(decoding: text, as: UTF8.self).unicodeScalars.reversed())).utf8) }
        case ("trim", 1), ("btrim", 1), ("ltrim", 1), ("rtrim", 1), ("trim", 2), ("btrim", 2), ("ltrim", 2), ("rtrim", 2):
            return trim(left: c.name != "rtrim", right: c.name != "ltrim", hasSet: c.count == 2)
        case ("length", 1), ("char_length", 1), ("character_length", 1), ("len", 1):
            if c.types[0] == .binary { return integer { Int32(truncatingIfNeeded: $0.count) } }
            return integer { Int32(truncatingIfNeeded: UTF8Text.count($0)) }
        case ("octet_length", 1): return integer { Int32(truncatingIfNeeded: $0.count) }
        case ("bit_length", 1): return integer { Int32(truncatingIfNeeded: $0.count * 8) }
        case ("ascii", 1): return integer { $0.isEmpty ? 0 : Int32(String(decoding: $0, as: UTF8.self).unicodeScalars.first?.value ?? 0) }
        case ("substring", 2...3), ("substr", 2...3), ("left", 2), ("right", 2): return substring(c)
        case ("concat", 0...) where c.resultType == .string || c.resultType == .binary: return concat(c.resultType)
        case ("concat_ws", 1...): return concatWS()
        case ("replace", 2...3): return replace()
        case ("split_part", 3): return splitPart()
        case ("lpad", 2...3), ("rpad", 2...3): return pad(left: c.name == "lpad")
        case ("startswith", 2): return predicate { $0.starts(with: $1) }
        case ("endswith", 2): return predicate { $0.count >= $1.count && $0.suffix($1.count).elementsEqual($1) }
        case ("contains", 2): return predicate { UTF8Text.find($1, in: $0, from: 0) != nil }
        case ("instr", 2), ("locate", 2...3), ("position", 2...3), ("charindex", 2...3): return locate(c)
        case ("repeat", 2): return repeated()
        case ("space", 1): return spaces()
        case ("translate", 3): return translate()
        case ("substring_index", 3): return substringIndex()
        case ("chr", 1), ("char", 1):
            return FunctionImplementation { a, n, valid in
                let x = Reader<Int64>(a[0])
                return mapToString(n, .string, valid) { row, out in
                    if x[row] >= 0, let scalar = Unicode.Scalar(UInt32(x[row] & 0xFF)) { out.append(contentsOf: String(scalar).utf8) }
                    return true
                }
            }
        default: return nil
        }
    }

    /// The most bytes one result may have, as Spark's strings: 2^31 - 1, held lower to keep one row from taking all memory.
    static let resultBytesMax = 256 << 20

    static func tooLong(_ name: String) -> SparkError {
        SparkError(
            condition: "COLLECTION_SIZE_LIMIT_EXCEEDED.FUNCTION", sqlState: "54000",
            message: "Can't create a result of more than \(resultBytesMax) bytes by the function `\(name)`.")
    }

    private static func mapped(_ operation: @escaping (UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Void) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            return mapToString(n, .string, valid) { row, out in
                operation(text[row], &out)
                return true
            }
        }
    }

    private static func integer(_ operation: @escaping (UnsafeBufferPointer<UInt8>) -> Int32) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            return try tryMapRows(n, .int, valid, zero: Int32.zero, failure: nil) { operation(text[$0]) }
        }
    }

    private static func predicate(
        _ operation: @escaping (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Bool
    ) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let x = StringReader(a[0])
            let y = StringReader(a[1])
            return try tryMapRows(n, .boolean, valid, zero: UInt8.zero, failure: nil) { operation(x[$0], y[$0]) ? 1 : 0 }
        }
    }

    private static func caseMapped(_ text: UnsafeBufferPointer<UInt8>, upper: Bool, _ out: inout [UInt8]) {
        if text.allSatisfy({ $0 < 0x80 }) {
            let first: UInt8 = upper ? 0x61 : 0x41
            for byte in text { out.append(byte &- first < 26 ? byte ^ 0x20 : byte) }
            return
        }
        let string = String(decoding: text, as: UTF8.self)
        out.append(contentsOf: (upper ? string.uppercased() : string.lowercased()).utf8)
    }

    private static func initcap(_ text: UnsafeBufferPointer<UInt8>, _ out: inout [UInt8]) {
        var atStart = true
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            let mapping = atStart ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping
            out.append(contentsOf: mapping.utf8)
            atStart = scalar == " "
        }
    }

    private static func trim(left: Bool, right: Bool, hasSet: Bool) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            // Arguments: text, or text and the set of characters.
            let text = StringReader(a[0])
            let set = hasSet ? StringReader(a[1]) : nil
            return mapToString(n, .string, valid) { row, out in
                let bytes = text[row]
                var low = 0
                var high = bytes.count
                if let set {
                    let scalars = Set(String(decoding: set[row], as: UTF8.self).unicodeScalars)
                    let all = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
                    var i = 0
                    var j = all.count
                    while left, i < j, scalars.contains(all[i]) { i += 1 }
                    while right, i < j, scalars.contains(all[j - 1]) { j -= 1 }
                    for scalar in all[i..<j] { out.append(contentsOf: String(scalar).utf8) }
                    return true
                }
                while left, low < high, bytes[low] == 32 { low += 1 }
                while right, low < high, bytes[high - 1] == 32 { high -= 1 }
                out.append(contentsOf: bytes[low..<high])
                return true
            }
        }
    }

    private static func substring(_ c: FunctionContext) -> FunctionImplementation {
        let name = c.name
        let binary = c.types[0] == .binary
        return FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            let first = Reader<Int32>(a[1])
            let length = a.count > 2 ? Reader<Int32>(a[2]) : nil
            return mapToString(n, c.resultType, valid) { row, out in
                let bytes = text[row]
                let count = binary ? bytes.count : UTF8Text.count(bytes)
                var start = Int(first[row])
                var end: Int
                if name == "left" {
                    end = start
                    start = 0
                } else if name == "right" {
                    start = start <= 0 ? count : count - start
                    end = count
                } else {
                    // Positions count from 1; 0 is as 1; negative ones from the end.
                    start = start > 0 ? start - 1 : start < 0 ? count + start : 0
                    end = length.map { start + Int($0[row]) } ?? count
                }
                start = max(0, start)
                end = min(end, count)
                guard start < end else { return true }
                if binary {
                    out.append(contentsOf: bytes[start..<end])
                } else {
                    let low = UTF8Text.offset(of: start, in: bytes, from: 0)
                    out.append(contentsOf: bytes[low..<UTF8Text.offset(of: end - start, in: bytes, from: low)])
                }
                return true
            }
        }
    }

    private static func concat(_ type: DataType) -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let parts = a.map { StringReader($0) }
            return mapToString(n, type, valid) { row, out in
                for part in parts { out.append(contentsOf: part[row]) }
                return true
            }
        }
    }

    private static func concatWS() -> FunctionImplementation {
        FunctionImplementation(strict: false) { a, n, _ in
            let separator = StringReader(a[0])
            return try mapToString(n, .string, nil) { row, out in
                if a[0].isNull(row) { return false }
                var first = true
                func add(_ bytes: some Sequence<UInt8>) {
                    if !first { out.append(contentsOf: separator[row]) }
                    first = false
                    out.append(contentsOf: bytes)
                }
                for column in a.dropFirst() where !column.isNull(row) {
                    switch column.value(at: row) {
                    case .string(let text): add(text.utf8)
                    case .array(let elements): for element in elements { if let text = element.stringValue { add(text.utf8) } }
                    default: throw SparkError.internal("concat_ws of \(column.dataType.simpleString)")
                    }
                }
                return true
            }
        }
    }

    private static func replace() -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            let search = StringReader(a[1])
            let with = a.count > 2 ? StringReader(a[2]) : nil
            return mapToString(n, .string, valid) { row, out in
                let bytes = text[row]
                let needle = search[row]
                guard needle.count > 0 else {
                    out.append(contentsOf: bytes)
                    return true
                }
                var position = 0
                while let hit = UTF8Text.find(needle, in: bytes, from: position) {
                    out.append(contentsOf: bytes[position..<hit])
                    if let with { out.append(contentsOf: with[row]) }
                    position = hit + needle.count
                }
                out.append(contentsOf: bytes[position...])
                return true
            }
        }
    }

    private static func splitPart() -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let delimiter = StringReader(a[1])
            let part = Reader<Int32>(a[2])
            return try mapToString(n, .string, valid) { row, out in
                let wanted = Int(part[row])
                guard wanted != 0 else {
                    throw SparkError(
                        condition: "INVALID_INDEX_OF_ZERO", sqlState: "22003",
                        message: "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).")
                }
                let bytes = text[row]
                let needle = delimiter[row]
                var ranges: [Range<Int>] = []
                var position = 0
                while needle.count > 0, let hit = UTF8Text.find(needle, in: bytes, from: position) {
                    ranges.append(position..<hit)
                    position = hit + needle.count
                }
                ranges.append(position..<bytes.count)
                let index = wanted > 0 ? wanted - 1 : ranges.count + wanted
                if ranges.indices.contains(index) { out.append(contentsOf: bytes[ranges[index]]) }
                return true
            }
        }
    }

    private static func pad(left: Bool) -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let length = Reader<Int32>(a[1])
            let pad = a.count > 2 ? StringReader(a[2]) : nil
            return try mapToString(n, .string, valid) { row, out in
                let bytes = text[row]
                let target = max(0, Int(length[row]))
                let count = UTF8Text.count(bytes)
                if count >= target {
                    out.append(contentsOf: bytes[..<UTF8Text.offset(of: target, in: bytes, from: 0)])
                    return true
                }
                let filler = pad.map { Array(String(decoding: $0[row], as: UTF8.self).unicodeScalars) } ?? [" "]
                if target - count > resultBytesMax / 4 { throw tooLong(left ? "lpad" : "rpad") }
                if !left { out.append(contentsOf: bytes) }
                if !filler.isEmpty {
                    for index in 0..<(target - count) { out.append(contentsOf: String(filler[index % filler.count]).utf8) }
                }
                if left { out.append(contentsOf: bytes) }
                return true
            }
        }
    }

    private static func locate(_ c: FunctionContext) -> FunctionImplementation {
        let needleFirst = c.name != "instr"
        return FunctionImplementation { a, n, valid in
            let text = StringReader(a[needleFirst ? 1 : 0])
            let needle = StringReader(a[needleFirst ? 0 : 1])
            let start = a.count > 2 ? Reader<Int32>(a[2]) : nil
            return try tryMapRows(n, .int, valid, zero: Int32.zero, failure: nil) { row in
                let from = start.map { Int($0[row]) } ?? 1
                if from < 1 { return 0 }
                let bytes = text[row]
                let offset = UTF8Text.offset(of: from - 1, in: bytes, from: 0)
                guard from - 1 <= UTF8Text.count(bytes), let hit = UTF8Text.find(needle[row], in: bytes, from: offset) else { return 0 }
                return Int32(truncatingIfNeeded: UTF8Text.count(UnsafeBufferPointer(rebasing: bytes[..<hit])) + 1)
            }
        }
    }

    private static func repeated() -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            let text = StringReader(a[0])
            let times = Reader<Int32>(a[1])
            return try mapToString(n, .string, valid) { row, out in
                let bytes = text[row]
                let count = max(0, Int(times[row]))
                if bytes.count > 0, count > resultBytesMax / bytes.count { throw tooLong("repeat") }
                for _ in 0..<count where bytes.count > 0 { out.append(contentsOf: bytes) }
                return true
            }
        }
    }

    private static func spaces() -> FunctionImplementation {
        FunctionImplementation(canFail: true) { a, n, valid in
            let times = Reader<Int32>(a[0])
            return try mapToString(n, .string, valid) { row, out in
                if Int(times[row]) > resultBytesMax { throw tooLong("space") }
                out.append(contentsOf: repeatElement(32, count: max(0, Int(times[row]))))
                return true
            }
        }
    }

    private static func translate() -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            let from = StringReader(a[1])
            let to = StringReader(a[2])
            return mapToString(n, .string, valid) { row, out in
                let keys = Array(String(decoding: from[row], as: UTF8.self).unicodeScalars)
                let values = Array(String(decoding: to[row], as: UTF8.self).unicodeScalars)
                for scalar in String(decoding: text[row], as: UTF8.self).unicodeScalars {
                    guard let index = keys.firstIndex(of: scalar) else {
                        out.append(contentsOf: String(scalar).utf8)
                        continue
                    }
                    if index < values.count { out.append(contentsOf: String(values[index]).utf8) }
                }
                return true
            }
        }
    }

    private static func substringIndex() -> FunctionImplementation {
        FunctionImplementation { a, n, valid in
            let text = StringReader(a[0])
            let delimiter = StringReader(a[1])
            let count = Reader<Int32>(a[2])
            return mapToString(n, .string, valid) { row, out in
                let bytes = text[row]
                let needle = delimiter[row]
                guard needle.count > 0, count[row] != 0 else { return true }
                var hits: [Int] = []
                var position = 0
                while let hit = UTF8Text.find(needle, in: bytes, from: position) {
                    hits.append(hit)
                    position = hit + needle.count
                }
                let wanted = Int(count[row])
                if wanted.magnitude > hits.count {
                    out.append(contentsOf: bytes)
                } else if wanted > 0 {
                    out.append(contentsOf: bytes[..<hits[wanted - 1]])
                } else {
                    out.append(contentsOf: bytes[(hits[hits.count + wanted] + needle.count)...])
                }
                return true
            }
        }
    }
}

/// Code points in UTF-8 bytes that need not be valid.
enum UTF8Text {
    /// Bytes that begin a code point.
    static func count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        for byte in bytes { count += byte & 0xC0 == 0x80 ? 0 : 1 }
        return count
    }

    /// The byte offset after `points` code points from `start`; the end when there are fewer.
    static func offset(of points: Int, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var left = points
        var position = start
        while position < bytes.count {
            if bytes[position] & 0xC0 != 0x80 {
                if left == 0 { return position }
                left -= 1
            }
            position += 1
        }
        return bytes.count
    }

    /// The first position of `needle` at or after `start`; an empty needle is found at once.
    static func find(_ needle: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        if needle.isEmpty { return start }
        guard bytes.count - start >= needle.count else { return nil }
        let first = needle[0]
        var position = start
        let last = bytes.count - needle.count
        while position <= last {
            if bytes[position] == first {
                var index = 1
                while index < needle.count, bytes[position + index] == needle[index] { index += 1 }
                if index == needle.count { return position }
            }
            position += 1
        }
        return nil
    }
}
