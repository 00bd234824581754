package import Support

/// Takes a `multipart/form-data` body apart as it arrives: the fields before the file are kept, the file's bytes are
/// handed on. What follows the file is passed over, as S3 does.
/// - Source: RFC 7578; Amazon S3 API reference, "POST Object".
package struct MultipartFormReader {
    /// In order of arrival.
    package private(set) var fields: [Field] = []
    /// The file's own name and type, once its part has begun.
    package private(set) var file: File?

    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    package struct File: Sendable, Hashable {
        package var name: String
        package var contentType: String?
    }

    private enum State { case preamble, header, field(String), file, end }

    /// Bytes of all fields and headers together.
    private static let fieldBytesMax = 64 * 1024
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// What has arrived and not been understood: for the file, at most a delimiter's length.
    private var pending: [UInt8]
    private var fieldBytes = 0

    /// - Parameter contentType: of the request. Nil when it is no form with a boundary.
    package init?(contentType: String) {
        let parts = contentType.split(separator: ";")
        guard parts.first?.lowercased().filter({ $0 != " " }) == "multipart/form-data",
            let parameter = parts.dropFirst().map({ $0.drop { $0 == " " } }).first(where: { $0.lowercased().hasPrefix("boundary=") })
        else { return nil }
        let boundary = parameter.dropFirst(9).filter { $0 != "\"" }
        guard (1...200).contains(boundary.utf8.count) else { return nil }
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter has no line before it.
        pending = [13, 10]
    }

    package var isAtEnd: Bool {
        if case .end = state { true } else { false }
    }

    /// - Parameter payload: called with the file's bytes, in order.
    /// - Throws: `MalformedPOSTRequest`, `MaxPostPreDataLengthExceeded`, what `payload` throws.
    package mutating func push(
        _ bytes: UnsafeRawBufferPointer, payload: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        pending.append(contentsOf: bytes)
        while try step(payload) {}
    }

    /// False when more bytes are needed.
    private mutating func step(_ payload: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        switch state {
        case .end:
            pending = []
            return false
        case .preamble:
            guard let start = nextDelimiter() else {
                try limit(pending.count)
                return false
            }
            begin(after: start)
            return true
        case .header:
            guard let end = find([13, 10, 13, 10]) else {
                try limit(fieldBytes + pending.count)
                return false
            }
            try limit(fieldBytes + end)
            fieldBytes += end
            try readHeader(Array(pending[..<end]))
            pending.removeFirst(end + 4)
            return true
        case .field(let name):
            guard let end = nextDelimiter() else {
                try limit(fieldBytes + pending.count)
                return false
            }
            fieldBytes += end
            guard let value = String(validating: pending[..<end], as: UTF8.self) else { throw Self.malformed() }
            fields.append(Field(name: name, value: value))
            begin(after: end)
            return true
        case .file:
            if let end = find(delimiter) {
                try pending.withUnsafeBytes { try payload(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
                state = .end
                return true
            }
            let safe = pending.count - delimiter.count
            if safe > 0 {
                try pending.withUnsafeBytes { try payload(UnsafeRawBufferPointer(rebasing: $0[..<safe])) }
                pending.removeFirst(safe)
            }
            return false
        }
    }

    /// Where the next delimiter starts, once the two bytes after it have arrived, too.
    private func nextDelimiter() -> Int? {
        find(delimiter).flatMap { $0 + delimiter.count + 2 <= pending.count ? $0 : nil }
    }

    /// Goes on after the delimiter at `start`.
    private mutating func begin(after start: Int) {
        let next = start + delimiter.count
        let isLast = pending[next] == UInt8(ascii: "-") && pending[next + 1] == UInt8(ascii: "-")
        pending.removeFirst(next + 2)
        state = isLast ? .end : .header
    }

    private mutating func readHeader(_ bytes: [UInt8]) throws {
        var name: String?
        var fileName: String?
        var contentType: String?
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else { throw Self.malformed() }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            switch line[..<colon].lowercased() {
            case "content-disposition":
                for part in value.split(separator: ";").dropFirst() {
                    let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                    guard pair.count == 2 else { continue }
                    let text = pair[1].filter { $0 != "\"" }
                    if pair[0].lowercased() == "name" { name = text }
                    if pair[0].lowercased() == "filename" { fileName = text }
                }
            case "content-type": contentType = String(value)
            default: break
            }
        }
        guard let name else { throw Self.malformed() }
        if name.lowercased() == "file" {
            file = File(name: fileName.map { String($0.split(separator: "/").last ?? "") } ?? "", contentType: contentType)
            state = .file
        } else {
            state = .field(name)
        }
    }

    private func find(_ wanted: [UInt8]) -> Int? {
        guard let first = wanted.first, pending.count >= wanted.count else { return nil }
        var start = 0
        while start + wanted.count <= pending.count {
            guard let at = pending[start...(pending.count - wanted.count)].firstIndex(of: first) else { return nil }
            if pending[at..<at + wanted.count].elementsEqual(wanted) { return at }
            start = at + 1
        }
        return nil
    }

    private func limit(_ bytes: Int) throws {
        guard bytes <= Self.fieldBytesMax else {
            throw AWSError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.")
        }
    }

    private static func malformed() -> AWSError {
        AWSError("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
    }
}
