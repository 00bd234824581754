import AWSProtocol
import JSONModel
import ObjectServer
import StateStore
import Support

/// The conditions of a write, from `If-None-Match` and `If-Match`: a star or one ETag each. S3 takes the star in the former
/// and ETags in the latter alone; what it refuses as not implemented means here what RFC 9110 says.
func writeCondition(_ fields: HTTPFields) throws -> WriteCondition {
    let noneMatch = fields["if-none-match"]
    let match = fields["if-match"]
    if noneMatch != nil, match != nil {
        throw S3Errors.notImplemented("If-Match and If-None-Match together")
    }
    if let noneMatch {
        guard !noneMatch.contains(",") else { throw S3Errors.headerNotImplemented("If-None-Match") }
        return noneMatch == "*" ? .ifAbsent : .ifNoneMatch(unquoted(noneMatch))
    }
    if let match { return match == "*" ? .ifPresent : .ifMatch(unquoted(match)) }
    return .none
}

func unquoted(_ etag: String) -> String {
    var text = etag[...]
    if text.hasPrefix("W/") { text = text.dropFirst(2) }
    if text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = text.dropFirst().dropLast() }
    return String(text)
}

/// Checks the conditions of a read in the order of RFC 9110, section 13.2.2.
///
/// - Parameter prefix: `x-amz-copy-source-` for those of a copy's source, which never answers 304.
func checkReadConditions(_ fields: HTTPFields, _ record: ObjectRecord, prefix: String = "") throws {
    let isCopy = !prefix.isEmpty
    func matches(_ list: String) -> Bool {
        list.split(separator: ",").contains { item in
            let tag = item.trimmingSpaces()
            return tag == "*" || unquoted(tag) == record.etag
        }
    }
    let modifiedSeconds = record.modifiedAt.millisecondsSince1970 / 1000
    func seconds(_ name: String) -> Int64? {
        fields[prefix + name].flatMap(Timestamp.init(httpDate:)).map { $0.millisecondsSince1970 / 1000 }
    }
    if let list = fields[prefix + "if-match"] {
        guard matches(list) else { throw ObjectServerError.preconditionFailed(isCopy ? prefix + "If-Match" : "If-Match") }
    } else if let date = seconds("if-unmodified-since"), modifiedSeconds > date {
        throw ObjectServerError.preconditionFailed(isCopy ? prefix + "If-Unmodified-Since" : "If-Unmodified-Since")
    }
    if let list = fields[prefix + "if-none-match"] {
        if matches(list) {
            if isCopy { throw ObjectServerError.preconditionFailed(prefix + "If-None-Match") }
            throw S3Errors.notModified(etag: "\"\(record.etag)\"")
        }
    } else if let date = seconds("if-modified-since"), modifiedSeconds <= date {
        if isCopy { throw ObjectServerError.preconditionFailed(prefix + "If-Modified-Since") }
        throw S3Errors.notModified(etag: "\"\(record.etag)\"")
    }
}

/// False when the request asks for a range of something else than what there is now (`If-Range`): whoever goes on with a
/// download that was cut off then needs the whole.
func rangeStillApplies(_ fields: HTTPFields, _ record: ObjectRecord) -> Bool {
    guard let validator = fields["if-range"] else { return true }
    if let date = Timestamp(httpDate: validator) {
        return date.millisecondsSince1970 / 1000 == record.modifiedAt.millisecondsSince1970 / 1000
    }
    return !validator.hasPrefix("W/") && unquoted(validator) == record.etag
}

/// The bytes a `Range` field asks for. Nil when it is absent, asks for several ranges or is not well-formed: then the
/// whole is meant.
/// - Throws: `InvalidRange` when nothing of it exists.
func requestedRange(_ text: String?, size: Int64) throws -> Range<Int64>? {
    guard let text, text.hasPrefix("bytes=") else { return nil }
    let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false).map { $0.trimmingSpaces() }
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
    let unsatisfiable = AWSError(
        "InvalidRange", "The requested range is not satisfiable", httpStatus: 416,
        members: ["RangeRequested": .string(text), "ActualObjectSize": .string(String(size))])
    if parts[0].isEmpty {
        guard !parts[1].isEmpty else { return nil }
        let count = min(Int64(parts[1]) ?? .max, size)
        guard count > 0 else { throw unsatisfiable }
        return size - count..<size
    }
    guard let first = Int64(parts[0]), first < size else { throw unsatisfiable }
    if parts[1].isEmpty { return first..<size }
    let last = min(Int64(parts[1]) ?? .max, size - 1)
    return last >= first ? first..<last + 1 : nil
}

extension StringProtocol {
    func trimmingSpaces() -> String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
