import JSONModel
import StatesLanguage

/// The elements of an array, or the members of an object, in a JSON document that is never in memory as a whole.
///
/// 1. Each name of the pointer leads into the object at hand; members before the one of that name are passed over.
/// 2. The value there is opened; every call gives one element or member, parsed by itself.
/// 3. What follows it is not read.
struct JSONDocumentItems: ItemScanner {
    private enum Phase {
        /// Before a value on the way: so many names of the pointer have been followed.
        case value(Int)
        /// In an object in which that name of the pointer is looked for.
        case members(Int)
        case items(isFirst: Bool)
        case end
    }

    private let pointer: [String]
    private var phase: Phase
    private var hasMembers: Bool

    init(_ format: ItemFormat, from cursor: ItemCursor) {
        pointer = format.itemsPointer
        hasMembers = cursor.hasMembers
        phase = cursor.items > 0 ? .items(isFirst: false) : .value(0)
    }

    var isAtEnd: Bool { if case .end = phase { true } else { false } }

    func save(_ cursor: inout ItemCursor) { cursor.hasMembers = hasMembers }

    mutating func next(_ bytes: [UInt8], from start: Int, isComplete: Bool) throws(ScanError) -> ScannedPiece? {
        var reader = PieceReader(bytes: bytes, start: start, isComplete: isComplete)
        if isAtEnd { return nil }
        do throws(PieceError) {
            return try piece(&reader)
        } catch {
            switch error {
            case .incomplete:
                if isComplete { throw ScanError(message: "the document ends before its items do.", offset: reader.length) }
                return nil
            case .wrong(let scan): throw scan
            }
        }
    }

    private mutating func piece(_ reader: inout PieceReader) throws(PieceError) -> ScannedPiece? {
        switch phase {
        case .end: return nil
        case .value(let depth):
            let byte = try reader.token()
            if depth < pointer.count {
                guard byte == UInt8(ascii: "{") else { throw reader.wrong("'\(pointer[depth])' is looked for in what is no object.") }
                phase = .members(depth)
            } else {
                guard byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") else {
                    _ = try reader.parsed(try reader.takeValue())
                    throw .wrong(ScanError(message: "Attempting to map over non-iterable node."))
                }
                hasMembers = byte == UInt8(ascii: "{")
                phase = .items(isFirst: true)
            }
            _ = try reader.takeToken()
            return ScannedPiece(length: reader.length)
        case .members(let depth):
            if try reader.token() == UInt8(ascii: ",") { _ = try reader.takeToken() }
            if try reader.token() == UInt8(ascii: "}") { throw reader.wrong("there is no member '\(pointer[depth])'.") }
            let name = try reader.takeName()
            if name == pointer[depth] {
                phase = .value(depth + 1)
            } else {
                _ = try reader.takeValue()
            }
            return ScannedPiece(length: reader.length)
        case .items(let isFirst):
            let byte = try reader.token()
            if byte == (hasMembers ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                phase = .end
                return nil
            }
            if !isFirst {
                guard try reader.takeToken() == UInt8(ascii: ",") else { throw reader.wrong("a comma is expected between items.") }
            }
            let key = hasMembers ? try reader.takeName() : nil
            let value = try reader.parsed(try reader.takeValue())
            phase = .items(isFirst: false)
            return ScannedPiece(length: reader.length, value: value, key: key)
        }
    }
}

private enum PieceError: Error {
    case incomplete
    case wrong(ScanError)
}

/// Takes tokens and whole values from bytes, without looking at what values contain.
private struct PieceReader {
    let bytes: [UInt8]
    let start: Int
    let isComplete: Bool
    private var at: Int

    init(bytes: [UInt8], start: Int, isComplete: Bool) {
        self.bytes = bytes
        self.start = start
        self.isComplete = isComplete
        at = start
    }

    /// Of what has been taken, in bytes.
    var length: Int { at - start }

    func wrong(_ message: String) -> PieceError { .wrong(ScanError(message: message, offset: length)) }

    /// The next byte that is no white space.
    mutating func token() throws(PieceError) -> UInt8 {
        while at < bytes.count, isJSONSpace(bytes[at]) { at += 1 }
        guard at < bytes.count else { throw .incomplete }
        return bytes[at]
    }

    mutating func takeToken() throws(PieceError) -> UInt8 {
        let byte = try token()
        at += 1
        return byte
    }

    /// A member's name and the colon behind it.
    mutating func takeName() throws(PieceError) -> String {
        guard try token() == UInt8(ascii: "\"") else { throw wrong("a member's name is expected.") }
        let range = try takeValue()
        guard try takeToken() == UInt8(ascii: ":") else { throw wrong("a colon is expected behind a member's name.") }
        return try parsed(range).string ?? ""
    }

    func parsed(_ range: Range<Int>) throws(PieceError) -> JSONValue {
        do throws(ScanError) {
            return try parsedItem(bytes, range, at: range.lowerBound - start)
        } catch {
            throw .wrong(error)
        }
    }

    /// The range of a value, as far as brackets and quotation marks tell.
    mutating func takeValue() throws(PieceError) -> Range<Int> {
        let first = try token()
        let begin = at
        switch first {
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            var depth = 0
            repeat {
                guard at < bytes.count else { throw .incomplete }
                switch bytes[at] {
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: "\""):
                    try skipString()
                    continue
                default: break
                }
                at += 1
            } while depth > 0
        default:
            let ends: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")]
            while at < bytes.count, !ends.contains(bytes[at]), !isJSONSpace(bytes[at]) { at += 1 }
            if at == bytes.count, !isComplete { throw .incomplete }
            if at == begin { throw wrong("a value is expected.") }
        }
        return begin..<at
    }

    /// From one quotation mark past the other.
    private mutating func skipString() throws(PieceError) {
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        guard at < bytes.count else { throw .incomplete }
        at += 1
    }
}
