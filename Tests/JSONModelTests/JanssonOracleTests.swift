import CJansson
import JSONModel
import Support
import Testing

/// Compares with jansson on generated and on damaged texts. The two agree on what is JSON, but for integers beyond 64
/// bits, reals out of range and escaped NUL and lone surrogates, which the generator leaves out.
@Suite struct JanssonOracleTests {
    @Test func agreesOnGeneratedAndDamagedTexts() throws {
        var random = SeededRandom(seed: 20_261_121)
        for round in 0..<3000 {
            var bytes = generate(depth: 4, using: &random).bytes
            if round % 2 == 1 { damage(&bytes, using: &random) }
            let ours = try? JSONValue(parsing: bytes)
            let theirs = jansson(bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            if let ours {
                // A real out of range, or NUL in a name, is JSON all the same.
                let limited = text.utf8.contains { $0 | 0x20 == 0x65 } || text.contains("\\u0000")
                #expect(theirs != nil || limited, "round \(round): \(text)")
                #expect(jansson(ours.bytes) == theirs, "round \(round): \(text)")
            } else {
                #expect(theirs == nil, "round \(round): \(text)")
            }
        }
    }

    private func jansson(_ bytes: [UInt8]) -> [UInt8]? {
        let loaded = bytes.withUnsafeBytes { buffer in
            json_loadb(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, Int(JSON_DECODE_ANY), nil)
        }
        guard let loaded else { return nil }
        defer { json_decref(loaded) }
        guard let dumped = json_dumps(loaded, Int(JSON_COMPACT | JSON_ENCODE_ANY)) else { return nil }
        defer { free(dumped) }
        return Array(String(cString: dumped).utf8)
    }

    private func generate(depth: Int, using random: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .number(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<64, using: &random))
        case 3, 4: return .string(text(using: &random))
        case 5: return .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in generate(depth: depth - 1, using: &random) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<5, using: &random) {
                object[text(using: &random)] = generate(depth: depth - 1, using: &random)
            }
            return .object(object)
        }
    }

    private func text(using random: inout SeededRandom) -> String {
        let pool: [Unicode.Scalar] = ["a", "b", "\"", "\\", "\n", "\t", "\u{1}", "\u{7F}", "é", "\u{FFFF}", "😀", "/", " ", "{"]
        var text = ""
        for _ in 0..<Int.random(in: 0..<8, using: &random) {
            text.unicodeScalars.append(pool[Int.random(in: 0..<pool.count, using: &random)])
        }
        return text
    }

    private func damage(_ bytes: inout [UInt8], using random: inout SeededRandom) {
        let pool = Array("{}[]:,\"\\0-.eE tn\u{1}".utf8) + [0xC3, 0xFF, 0x80]
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes.remove(at: position)
            case 1: bytes.insert(pool[Int.random(in: 0..<pool.count, using: &random)], at: position)
            default: bytes[position] = pool[Int.random(in: 0..<pool.count, using: &random)]
            }
        }
    }
}
