/// Writes Thrift's compact protocol.
///
/// - Source: Apache Thrift, `thrift-compact-protocol.md`.
struct ThriftCompactWriter {
    typealias WireType = ThriftCompactReader.WireType

    private(set) var bytes: [UInt8] = []
    private var lastID: Int16 = 0

    init() {}

    /// Writes the fields that `body` writes, then the struct's end. Field numbers ascend within a struct.
    mutating func writeStruct(_ body: (inout ThriftCompactWriter) -> Void) {
        let outer = lastID
        lastID = 0
        body(&self)
        bytes.append(0)
        lastID = outer
    }

    mutating func field(_ id: Int16, i32 value: Int32?) {
        guard let value else { return }
        header(id, .i32)
        writeI64(Int64(value))
    }

    mutating func field(_ id: Int16, i64 value: Int64?) {
        guard let value else { return }
        header(id, .i64)
        writeI64(value)
    }

    mutating func field(_ id: Int16, i16 value: Int16?) {
        guard let value else { return }
        header(id, .i16)
        writeI64(Int64(value))
    }

    mutating func field(_ id: Int16, i8 value: Int8?) {
        guard let value else { return }
        header(id, .byte)
        bytes.append(UInt8(bitPattern: value))
    }

    mutating func field(_ id: Int16, bool value: Bool?) {
        guard let value else { return }
        header(id, value ? .boolTrue : .boolFalse)
    }

    mutating func field(_ id: Int16, string value: String?) {
        guard let value else { return }
        header(id, .binary)
        writeBinary(Array(value.utf8))
    }

    mutating func field(_ id: Int16, binary value: [UInt8]?) {
        guard let value else { return }
        header(id, .binary)
        writeBinary(value)
    }

    mutating func field(_ id: Int16, structure body: ((inout ThriftCompactWriter) -> Void)?) {
        guard let body else { return }
        header(id, .structure)
        writeStruct(body)
    }

    /// Writes a list of structs.
    mutating func field<T>(_ id: Int16, structs list: [T]?, _ body: (T, inout ThriftCompactWriter) -> Void) {
        guard let list else { return }
        header(id, .list)
        listHeader(.structure, list.count)
        for element in list { writeStruct { body(element, &$0) } }
    }

    mutating func field(_ id: Int16, i32s list: [Int32]) {
        header(id, .list)
        listHeader(.i32, list.count)
        for element in list { writeI64(Int64(element)) }
    }

    mutating func field(_ id: Int16, strings list: [String]) {
        header(id, .list)
        listHeader(.binary, list.count)
        for element in list { writeBinary(Array(element.utf8)) }
    }

    private mutating func header(_ id: Int16, _ type: WireType) {
        let delta = Int(id) - Int(lastID)
        if (1...15).contains(delta) {
            bytes.append(UInt8(delta << 4) | type.rawValue)
        } else {
            bytes.append(type.rawValue)
            writeI64(Int64(id))
        }
        lastID = id
    }

    private mutating func listHeader(_ type: WireType, _ count: Int) {
        if count < 15 {
            bytes.append(UInt8(count << 4) | type.rawValue)
        } else {
            bytes.append(0xF0 | type.rawValue)
            writeVarint(UInt64(count))
        }
    }

    private mutating func writeBinary(_ value: [UInt8]) {
        writeVarint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func writeI64(_ value: Int64) {
        writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    private mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
