/// Reads Thrift's compact protocol from bytes that are not trusted: every length is checked against what is left,
/// nesting is bounded.
///
/// - Source: Apache Thrift, `thrift-compact-protocol.md`.
struct ThriftCompactReader {
    /// The wire types of fields and list elements.
    enum WireType: UInt8 {
        case stop = 0, boolTrue, boolFalse, byte, i16, i32, i64, double, binary, list, set, map, structure, uuid
    }

    struct Field {
        let id: Int16
        let type: WireType
    }

    static let depthMax = 32

    private let bytes: ArraySlice<UInt8>
    private(set) var position: Int
    private var depth = 0
    /// The value of the last boolean field, which its header carries.
    private var fieldBool = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    /// The bytes read so far.
    var consumed: Int { position - bytes.startIndex }

    /// Calls `body` for every field of a struct; `body` reads the field or returns false to have it skipped.
    mutating func readStruct(
        _ body: (inout ThriftCompactReader, Field) throws(ParquetError) -> Bool
    ) throws(ParquetError) {
        depth += 1
        guard depth <= Self.depthMax else { throw .malformed("the metadata nests deeper than \(Self.depthMax) levels") }
        var lastID: Int16 = 0
        while true {
            let header = try readByte()
            guard let type = WireType(rawValue: header & 0x0F) else {
                throw .malformed("the metadata has a field of unknown wire type \(header & 0x0F)")
            }
            if type == .stop { break }
            let delta = Int16(header >> 4)
            let (id, overflow) = lastID.addingReportingOverflow(delta)
            lastID = delta == 0 ? try readI16() : id
            if delta != 0, overflow { throw .malformed("the metadata has a field number out of range") }
            if type == .boolTrue || type == .boolFalse { fieldBool = type == .boolTrue }
            let field = Field(id: lastID, type: type)
            if try !body(&self, field) { try skip(type) }
        }
        depth -= 1
    }

    /// Reads a list whose elements `element` reads. The count is bounded by the bytes left.
    mutating func readList<T>(
        _ element: (inout ThriftCompactReader) throws(ParquetError) -> T
    ) throws(ParquetError) -> [T] {
        let (_, count) = try readListHeader()
        var list: [T] = []
        list.reserveCapacity(min(count, 4096))
        for _ in 0..<count { list.append(try element(&self)) }
        return list
    }

    mutating func readByte() throws(ParquetError) -> UInt8 {
        guard position < bytes.endIndex else { throw .malformed("the metadata ends early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func readVarint() throws(ParquetError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            let byte = try readByte()
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        throw .malformed("the metadata has an integer of more than ten bytes")
    }

    mutating func readI64() throws(ParquetError) -> Int64 {
        let value = try readVarint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func readI32() throws(ParquetError) -> Int32 {
        guard let value = Int32(exactly: try readI64()) else { throw .malformed("the metadata has an integer over 32 bits") }
        return value
    }

    mutating func readI16() throws(ParquetError) -> Int16 {
        guard let value = Int16(exactly: try readI64()) else { throw .malformed("the metadata has an integer over 16 bits") }
        return value
    }

    /// The value of the boolean field just announced.
    mutating func readBoolField() -> Bool { fieldBool }

    mutating func readBinary() throws(ParquetError) -> [UInt8] {
        let count = try readVarint()
        guard count <= UInt64(remaining) else { throw .malformed("the metadata has a length beyond its end") }
        defer { position += Int(count) }
        return Array(bytes[position..<position + Int(count)])
    }

    mutating func readString() throws(ParquetError) -> String {
        String(decoding: try readBinary(), as: UTF8.self)
    }

    /// Passes over a value of a type that nobody wants.
    mutating func skip(_ type: WireType) throws(ParquetError) {
        switch type {
        case .stop, .boolTrue, .boolFalse: break
        case .byte: _ = try readByte()
        case .i16, .i32, .i64: _ = try readVarint()
        case .double: try advance(8)
        case .uuid: try advance(16)
        case .binary: _ = try readBinary()
        case .list, .set:
            let (element, count) = try readListHeader()
            try nested { (reader) throws(ParquetError) in
                for _ in 0..<count { try reader.skipElement(element) }
            }
        case .map:
            let count = try readVarint()
            guard count <= UInt64(remaining) else { throw .malformed("the metadata has a map beyond its end") }
            guard count > 0 else { return }
            let types = try readByte()
            guard let key = WireType(rawValue: types >> 4), let value = WireType(rawValue: types & 0x0F) else {
                throw .malformed("the metadata has a map of unknown wire types")
            }
            try nested { (reader) throws(ParquetError) in
                for _ in 0..<count {
                    try reader.skipElement(key)
                    try reader.skipElement(value)
                }
            }
        case .structure: try readStruct { (_, _) throws(ParquetError) in false }
        }
    }

    private mutating func skipElement(_ type: WireType) throws(ParquetError) {
        // A boolean inside a collection takes a byte of its own.
        if type == .boolTrue || type == .boolFalse { _ = try readByte() } else { try skip(type) }
    }

    private mutating func nested(
        _ body: (inout ThriftCompactReader) throws(ParquetError) -> Void
    ) throws(ParquetError) {
        depth += 1
        guard depth <= Self.depthMax else { throw .malformed("the metadata nests deeper than \(Self.depthMax) levels") }
        try body(&self)
        depth -= 1
    }

    private mutating func advance(_ count: Int) throws(ParquetError) {
        guard count <= remaining else { throw .malformed("the metadata ends early") }
        position += count
    }

    private mutating func readListHeader() throws(ParquetError) -> (WireType, Int) {
        let header = try readByte()
        guard let element = WireType(rawValue: header & 0x0F) else {
            throw .malformed("the metadata has a list of unknown wire type \(header & 0x0F)")
        }
        let short = Int(header >> 4)
        let count = short == 15 ? try readVarint() : UInt64(short)
        // Every element takes a byte or more.
        guard count <= UInt64(remaining) else { throw .malformed("the metadata has a list beyond its end") }
        return (element, Int(count))
    }
}
