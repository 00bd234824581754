import JSONModel
import ObjectStore
import StatesLanguage
import StatesRuntime

/// A piece of an object that a scanner has understood.
struct ScannedPiece {
    /// In bytes.
    var length: Int
    /// Nil for what stands between items.
    var value: JSONValue?
    /// The name of an object's member.
    var key: String?
}

/// Finds items in bytes.
protocol ItemScanner {
    /// The piece that begins at `start`; nil when the bytes end before it does, or when nothing follows.
    /// - Parameter isComplete: no more bytes follow those in `bytes`.
    mutating func next(_ bytes: [UInt8], from start: Int, isComplete: Bool) throws(ScanError) -> ScannedPiece?

    /// Whether no item follows, whatever bytes do.
    var isAtEnd: Bool { get }

    /// Notes what reading on from here needs to know.
    func save(_ cursor: inout ItemCursor)
}

extension ItemScanner {
    var isAtEnd: Bool { false }
}

struct ScanError: Error {
    var message: String
    /// Where, counted from the piece's beginning; nil when the message says all.
    var offset: Int?
}

/// Items inside one object, read piece by piece from the version that the run began with.
///
/// In memory are the items asked for and a few megabytes; one item may be as large as `itemBytesMax`. A compressed object is
/// expanded on the way, after a restart from its beginning.
final class ObjectItems: ItemSource {
    /// A larger item is refused.
    private static let itemBytesMax = 64 << 20
    /// Items read at once stop growing here.
    private static let readBytesMax = 4 << 20

    private let bucket: String
    private let key: String
    private let store: any ObjectStore
    private var scanner: any ItemScanner
    private(set) var cursor: ItemCursor
    private var read: (() async throws -> [UInt8]?)?
    private var isComplete = false
    /// The bytes from `cursor.offset` on stand behind `start`.
    private var buffer: [UInt8] = []
    private var start = 0

    init(_ bucket: String, _ key: String, in store: any ObjectStore, _ format: ItemFormat, from cursor: ItemCursor) {
        self.bucket = bucket
        self.key = key
        self.store = store
        self.cursor = cursor
        scanner =
            switch format.inputType {
            case .csv: CSVItems(format, from: cursor)
            case .jsonLines: JSONLineItems()
            case .json: JSONDocumentItems(format, from: cursor)
            }
    }

    private var name: String { "object 's3://\(bucket)/\(key)'" }

    func next(atMost limit: Int) async throws -> [ReadItem] {
        var items: [ReadItem] = []
        let first = cursor.offset
        while items.count < limit, items.isEmpty || cursor.offset - first < Self.readBytesMax {
            let piece: ScannedPiece?
            do {
                piece = try scanner.next(buffer, from: start, isComplete: isComplete)
            } catch {
                guard let offset = error.offset else { throw MapRunFailure.itemReader(error.message) }
                throw MapRunFailure.itemReader(
                    "The \(name) cannot be read at byte \(cursor.offset + Int64(offset)): \(error.message)")
            }
            guard let piece else {
                if isComplete || scanner.isAtEnd { break }
                try await readOn()
                continue
            }
            start += piece.length
            cursor.offset += Int64(piece.length)
            scanner.save(&cursor)
            guard var value = piece.value else { continue }
            if let key = piece.key { value = ["Key": .string(key), "Value": value] }
            let index = cursor.items
            cursor.items += 1
            items.append(
                ReadItem(
                    item: MapRunItem(index: index, value: value, key: piece.key, source: "S3://\(bucket)/\(key)"),
                    after: cursor))
        }
        return items
    }

    private func readOn() async throws {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        guard buffer.count <= Self.itemBytesMax else {
            throw MapRunFailure.itemReader(
                "The \(name) has an item at byte \(cursor.offset) that is larger than \(Self.itemBytesMax >> 20) MiB.")
        }
        let bytes = try await readingItems(name) { () async throws -> [UInt8]? in
            do {
                if read == nil { read = try await open() }
                return try await read?()
            } catch let error as ExpansionError {
                throw MapRunFailure.itemReader("The \(name) cannot be read: \(error.message)")
            }
        }
        if let bytes { buffer += bytes } else { isComplete = true }
    }

    /// Nil when nothing follows the cursor.
    private func open() async throws -> (() async throws -> [UInt8]?)? {
        if let compression = ItemCompression(key: key) {
            let download = try await store.download(key, range: nil, ifMatch: cursor.etag)
            cursor.etag = download.metadata.etag
            return try ExpandedBytes(download, compression, from: cursor.offset).read
        }
        do {
            let rest = cursor.offset == 0 ? nil : cursor.offset..<Int64.max
            let download = try await store.download(key, range: rest, ifMatch: cursor.etag)
            cursor.etag = download.metadata.etag
            return download.read
        } catch let error as ObjectStoreError where error.code == .invalidRange && cursor.offset > 0 {
            return nil
        }
    }
}

/// One item for each row, an object of texts.
/// - Source: Step Functions, "How Step Functions parses input CSV files".
struct CSVItems: ItemScanner {
    private let delimiter: UInt8
    private let given: [String]?
    private var headers: [String]?
    /// Indices of headers in the order of a row's members.
    private var order: [Int] = []
    private var isAtBeginning: Bool

    init(_ format: ItemFormat, from cursor: ItemCursor) {
        delimiter = format.csvDelimiter.byte
        given = format.csvHeaders
        headers = format.csvHeaders ?? cursor.headers
        order = hashMapOrder(of: headers ?? [])
        isAtBeginning = cursor.offset == 0
    }

    func save(_ cursor: inout ItemCursor) {
        if given == nil { cursor.headers = headers }
    }

    private static func check(_ headers: [String]) throws(ScanError) {
        guard Set(headers.map { Array($0.utf8) }).count == headers.count else {
            throw ScanError(message: "CSV headers cannot contain duplicates.")
        }
    }

    mutating func next(_ bytes: [UInt8], from start: Int, isComplete: Bool) throws(ScanError) -> ScannedPiece? {
        if isAtBeginning {
            // A byte order mark is no part of the first field.
            guard bytes.count - start >= 3 || isComplete else { return nil }
            isAtBeginning = false
            if let given { try Self.check(given) }
            if bytes[start...].starts(with: [0xEF, 0xBB, 0xBF]) { return ScannedPiece(length: 3) }
        }
        guard let row = try row(bytes, from: start, isComplete: isComplete) else { return nil }
        // Lines without anything in them are no rows.
        if row.fields.count == 1, row.fields[0].isEmpty { return ScannedPiece(length: row.length) }
        guard let headers else {
            try Self.check(row.fields)
            headers = row.fields
            order = hashMapOrder(of: row.fields)
            return ScannedPiece(length: row.length)
        }
        var object = JSONObject()
        object.reserveCapacity(headers.count)
        for index in order { object[headers[index]] = .string(index < row.fields.count ? row.fields[index] : "") }
        return ScannedPiece(length: row.length, value: .object(object))
    }

    private func row(
        _ bytes: [UInt8], from start: Int, isComplete: Bool
    ) throws(ScanError) -> (fields: [String], length: Int)? {
        var fields: [String] = []
        var field: [UInt8] = []
        var at = start
        var isQuoted = false, wasQuoted = false
        func text() throws(ScanError) -> String {
            guard let text = String(validating: field, as: UTF8.self) else {
                throw ScanError(message: "the row is not UTF-8.", offset: 0)
            }
            return text
        }
        while at < bytes.count {
            let byte = bytes[at]
            let next = at + 1 < bytes.count ? bytes[at + 1] : nil
            let isSpecial = byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\"")
            if isSpecial, next == nil, !isComplete { return nil }
            if byte == UInt8(ascii: "\\") {
                // Before anything but itself, a quotation mark or the delimiter, it goes.
                if let next, next == byte || next == UInt8(ascii: "\"") || next == delimiter {
                    field.append(next)
                    at += 1
                }
            } else if isQuoted {
                if byte != UInt8(ascii: "\"") {
                    field.append(byte)
                } else if next == byte {
                    field.append(byte)
                    at += 1
                } else {
                    isQuoted = false
                }
            } else if byte == delimiter {
                fields.append(try text())
                field.removeAll(keepingCapacity: true)
                wasQuoted = false
            } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                let isPair = byte == UInt8(ascii: "\r") && next == UInt8(ascii: "\n")
                fields.append(try text())
                return (fields, at - start + (isPair ? 2 : 1))
            } else if byte == UInt8(ascii: "\""), field.isEmpty, !wasQuoted {
                isQuoted = true
                wasQuoted = true
            } else {
                field.append(byte)
            }
            at += 1
        }
        guard isComplete, at > start else { return nil }
        if isQuoted { throw ScanError(message: "a quoted field has no end.", offset: 0) }
        fields.append(try text())
        return (fields, at - start)
    }
}

/// One item for each line that is not blank.
struct JSONLineItems: ItemScanner {
    /// Bytes of the current line that have no end of line among them.
    private var searched = 0

    init() {}

    func save(_ cursor: inout ItemCursor) {}

    mutating func next(_ bytes: [UInt8], from start: Int, isComplete: Bool) throws(ScanError) -> ScannedPiece? {
        guard start < bytes.count else { return nil }
        let end: Int
        if let found = bytes[(start + searched)...].firstIndex(of: UInt8(ascii: "\n")) {
            end = found
        } else if isComplete {
            end = bytes.count
        } else {
            searched = bytes.count - start
            return nil
        }
        searched = 0
        let length = min(end + 1, bytes.count) - start
        if bytes[start..<end].allSatisfy({ isJSONSpace($0) }) { return ScannedPiece(length: length) }
        return ScannedPiece(length: length, value: try parsedItem(bytes, start..<end, at: 0))
    }
}

func isJSONSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

func parsedItem(_ bytes: [UInt8], _ range: Range<Int>, at offset: Int) throws(ScanError) -> JSONValue {
    do {
        return try bytes[range].withUnsafeBufferPointer { buffer in
            Result { () throws(JSONSyntaxError) in try JSONValue(parsing: buffer) }
        }.get()
    } catch {
        throw ScanError(message: "\(error.message).", offset: offset + error.byteOffset)
    }
}
