extension Builtins {
    static func string(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        var isPretty = false
        if case .bool(true) = a[1] { isPretty = true }
        return try e.string(a[0], isPretty: isPretty).map { .string($0) } ?? .undefined
    }

    static func substring(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.chargeText(text.utf8.count)
        let scalars = Array(text.unicodeScalars)
        let count = Double(scalars.count)
        var start = a[1].number ?? 0
        if count + start < 0 { start = 0 }
        var end = count
        if let length = a[2].number {
            if length <= 0 { return .string("") }
            end = start >= 0 ? start + length : count + start + length
        }
        let from = place(start, scalars.count), to = place(end, scalars.count)
        if from >= to { return .string("") }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars[from..<to])
        return .string(String(result))
    }

    /// Where JavaScript's `slice` puts an index: cut to a whole number, from the end when negative, within the text.
    private static func place(_ index: Double, _ count: Int) -> Int {
        if index.isNaN { return 0 }
        let whole = index.rounded(.towardZero)
        let fromStart = whole < 0 ? whole + Double(count) : whole
        return Int(Swift.max(0, Swift.min(Double(count), fromStart)))
    }

    /// The first place of `needle` in `bytes` from `start` on.
    static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int = 0) -> Int? {
        guard let first = needle.first else { return start <= bytes.count ? start : nil }
        if needle.count > bytes.count { return nil }
        var at = start
        let last = bytes.count - needle.count
        searching: while at <= last {
            if bytes[at] != first {
                at += 1
                continue
            }
            for offset in 1..<Swift.max(1, needle.count) where bytes[at + offset] != needle[offset] {
                at += 1
                continue searching
            }
            return at
        }
        return nil
    }

    static func substringBefore(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let bytes = Array(text.utf8)
        try e.chargeText(bytes.count)
        guard let separator = a[1].string, let at = find(Array(separator.utf8), in: bytes) else { return a[0] }
        return .string(String(decoding: bytes[..<at], as: UTF8.self))
    }

    static func substringAfter(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let bytes = Array(text.utf8)
        try e.chargeText(bytes.count)
        guard let separator = a[1].string, let at = find(Array(separator.utf8), in: bytes) else { return a[0] }
        return .string(String(decoding: bytes[(at + separator.utf8.count)...], as: UTF8.self))
    }

    static func lowercase(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.chargeText(text.utf8.count)
        return .string(text.lowercased())
    }

    static func uppercase(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.chargeText(text.utf8.count)
        return .string(text.uppercased())
    }

    static func length(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        return .number(Double(text.unicodeScalars.count))
    }

    static func trim(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.chargeText(text.utf8.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
                if let last = bytes.last, last != 0x20 { bytes.append(0x20) }
            } else {
                bytes.append(byte)
            }
        }
        if bytes.last == 0x20 { bytes.removeLast() }
        return .string(String(decoding: bytes, as: UTF8.self))
    }

    static func pad(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let width = a[1].number ?? .nan
        let filler = Array((a[2].string.flatMap { $0.isEmpty ? nil : $0 } ?? " ").unicodeScalars)
        let missing = Swift.abs(width) - Double(text.unicodeScalars.count)
        guard missing > 0 else { return a[0] }
        if missing > 134_217_728 { throw .memory }
        guard let count = Int(exactly: missing) else { throw Failure("T0410", value: a[1], argument: 2) }
        try e.charge(4 * count)
        var padding = String.UnicodeScalarView()
        for position in 0..<count { padding.append(filler[position % filler.count]) }
        return .string(width > 0 ? text + String(padding) : String(padding) + text)
    }

    static func join(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let box = a[0].array else { return .undefined }
        try e.step(box.count)
        let separator = a[1].string ?? ""
        var text = ""
        for index in 0..<box.count {
            let part = box[index].string ?? ""
            try e.charge(2 * (part.utf8.count + (index > 0 ? separator.utf8.count : 0)))
            if index > 0 { text += separator }
            text += part
        }
        return .string(text)
    }

    // MARK: - Base64 and URLs

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The lowest byte of each UTF-16 unit counts.
    static func base64encode(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        let bytes = text.utf16.map { UInt8(truncatingIfNeeded: $0) }
        try e.charge(4 * bytes.count)
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = (0..<3).map { start + $0 < bytes.count ? UInt32(bytes[start + $0]) : 0 }
            let bits = group[0] << 16 | group[1] << 8 | group[2]
            let used = Swift.min(3, bytes.count - start)
            for position in 0..<4 {
                result.append(position > used ? 0x3D : alphabet[Int(bits >> UInt32(18 - 6 * position) & 63)])
            }
        }
        return .string(String(decoding: result, as: UTF8.self))
    }

    /// Each byte becomes a character; what is no digit of either alphabet is skipped.
    static func base64decode(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        guard let text = a[0].string else { return .undefined }
        try e.chargeText(text.utf8.count)
        var result = String.UnicodeScalarView()
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text.utf8 {
            let digit: UInt8
            switch byte {
            case 65...90: digit = byte - 65
            case 97...122: digit = byte - 71
            case 48...57: digit = byte + 4
            case 0x2B, 0x2D: digit = 62
            case 0x2F, 0x5F: digit = 63
            default: continue
            }
            bits = (bits & 0xFFF) << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(Unicode.Scalar(UInt8(truncatingIfNeeded: bits >> count)))
            }
        }
        return .string(String(result))
    }

    private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()".utf8)
    private static let reserved = Set(";/?:@&=+$,#".utf8)

    static func encodeUrlComponent(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try encode(e, a[0], "encodeUrlComponent", keeping: unreserved)
    }

    static func encodeUrl(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try encode(e, a[0], "encodeUrl", keeping: unreserved.union(reserved))
    }

    private static func encode(
        _ e: Evaluator, _ value: Value, _ name: String, keeping: Set<UInt8>
    ) throws(Failure) -> Value {
        guard let text = value.string else { return .undefined }
        // U+FFFD is what half a surrogate pair became on its way in.
        if text.unicodeScalars.contains("\u{FFFD}") { throw Failure("D3140", value: value, detail: name) }
        try e.charge(3 * text.utf8.count)
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            if keeping.contains(byte) {
                result.append(byte)
            } else {
                result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return .string(String(decoding: result, as: UTF8.self))
    }

    static func decodeUrlComponent(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try decode(e, a[0], "decodeUrlComponent", leaving: [])
    }

    static func decodeUrl(_ e: Evaluator, _ a: [Value], _ c: Value) throws(Failure) -> Value {
        try decode(e, a[0], "decodeUrl", leaving: reserved)
    }

    private static func decode(
        _ e: Evaluator, _ value: Value, _ name: String, leaving: Set<UInt8>
    ) throws(Failure) -> Value {
        guard let text = value.string else { return .undefined }
        let bytes = Array(text.utf8)
        try e.chargeText(bytes.count)
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at] == 0x25 else {
                result.append(bytes[at])
                at += 1
                continue
            }
            guard at + 2 < bytes.count, let high = hexDigit(bytes[at + 1]), let low = hexDigit(bytes[at + 2]) else {
                throw Failure("D3140", value: value, detail: name)
            }
            let byte = high << 4 | low
            if leaving.contains(byte) { result += bytes[at...at + 2] } else { result.append(byte) }
            at += 3
        }
        guard let decoded = String(validating: result, as: UTF8.self) else {
            throw Failure("D3140", value: value, detail: name)
        }
        return .string(decoded)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
