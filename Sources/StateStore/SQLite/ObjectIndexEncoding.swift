import JSONModel

// How the object index writes what has no column of its own.

/// 26 bytes each: 16 of the file's name, 8 of the length, 2 of the part's number; big-endian.
func encodeSegments(_ segments: [DataSegment]) -> [UInt8] {
    var data: [UInt8] = []
    data.reserveCapacity(segments.count * 26)
    for segment in segments {
        var digits = segment.file.text.utf8.makeIterator()
        for _ in 0..<16 {
            let high = digits.next().flatMap(nibble) ?? 0
            let low = digits.next().flatMap(nibble) ?? 0
            data.append(high << 4 | low)
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            data.append(UInt8(truncatingIfNeeded: segment.length >> Int64(shift)))
        }
        data.append(UInt8(truncatingIfNeeded: segment.partNumber >> 8))
        data.append(UInt8(truncatingIfNeeded: segment.partNumber))
    }
    return data
}

func decodeSegments(_ bytes: [UInt8]) throws -> [DataSegment] {
    guard bytes.count.isMultiple(of: 26) else {
        throw StateStoreError.corrupt("An object's segments have \(bytes.count) bytes, expected a multiple of 26.")
    }
    return stride(from: 0, to: bytes.count, by: 26).map { start in
        var name: [UInt8] = []
        for byte in bytes[start..<start + 16] {
            name.append(hexDigit(byte >> 4))
            name.append(hexDigit(byte & 15))
        }
        let length = bytes[start + 16..<start + 24].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return DataSegment(
            file: DataFileID(String(decoding: name, as: UTF8.self)), length: length,
            partNumber: Int(bytes[start + 24]) << 8 | Int(bytes[start + 25]))
    }
}

/// `{"f": [[name, value], ...], "t": [[key, value], ...], "c": checksum, "p": [checksum of a part, ...], "a": acl}`, absent
/// members empty; nil for nothing at all.
func encodeAttributes(_ attributes: ObjectAttributes) -> String? {
    var object = JSONObject()
    if !attributes.fields.isEmpty {
        object["f"] = .array(attributes.fields.map { .array([.string($0.name), .string($0.value)]) })
    }
    if !attributes.tags.isEmpty {
        object["t"] = .array(attributes.tags.map { .array([.string($0.key), .string($0.value)]) })
    }
    if let checksum = attributes.checksum { object["c"] = encodeChecksum(checksum) }
    if !attributes.partChecksums.isEmpty { object["p"] = .array(attributes.partChecksums.map(JSONValue.string)) }
    if let acl = attributes.cannedACL { object["a"] = .string(acl) }
    return object.isEmpty ? nil : JSONValue.object(object).text
}

func decodeAttributes(_ text: String?) throws -> ObjectAttributes {
    guard let text else { return ObjectAttributes() }
    let value = try parseRecord(text)
    var attributes = ObjectAttributes(
        fields: pairs(value["f"]).map { ObjectAttributes.Field($0, $1) },
        tags: pairs(value["t"]).map { ObjectTag($0, $1) },
        checksum: value["c"].flatMap(decodeChecksum))
    attributes.partChecksums = (value["p"]?.array ?? []).compactMap(\.string)
    attributes.cannedACL = value["a"]?.string
    return attributes
}

/// What listings tell of the attributes that `encodeAttributes` has written. Parsing them would take longer than the rest of
/// a page: the checksum is found by its text, which no name or value can hold, as their quotes are escaped.
func decodeListed(_ text: String?) throws -> ListedAttributes {
    var listed = ListedAttributes()
    guard var text else { return listed }
    let hasClass = text.withUTF8 { bytes in
        if let start = position(of: #""c":[""#, in: bytes) {
            let parts = UnsafeBufferPointer(rebasing: bytes[start...]).split(separator: UInt8(ascii: "\""), maxSplits: 3)
            listed.checksumAlgorithm = parts.first.map { String(decoding: $0, as: UTF8.self) }
            listed.hasCompositeChecksum = parts.count > 2 && parts[2].contains(UInt8(ascii: "-"))
        }
        return position(of: #""x-amz-storage-class""#, in: bytes) != nil
    }
    if hasClass {
        listed.storageClass = try decodeAttributes(text).fields.first { $0.name == "x-amz-storage-class" }?.value
    }
    return listed
}

/// The place after the first occurrence of `pattern`, which is ASCII.
private func position(of pattern: StaticString, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let count = pattern.utf8CodeUnitCount
    guard bytes.count >= count else { return nil }
    for start in 0...bytes.count - count where bytes[start] == pattern.utf8Start[0] {
        if (0..<count).allSatisfy({ bytes[start + $0] == pattern.utf8Start[$0] }) { return start + count }
    }
    return nil
}

/// `{name: text, ...}`, ascending by name; nil for none.
func encodeDocuments(_ documents: [String: String]) -> String? {
    var object = JSONObject()
    for (name, text) in documents.sorted(by: { $0.key < $1.key }) { object[name] = .string(text) }
    return object.isEmpty ? nil : JSONValue.object(object).text
}

func decodeDocuments(_ text: String?) throws -> [String: String] {
    guard let text else { return [:] }
    var documents: [String: String] = [:]
    for (name, value) in try parseRecord(text).object ?? [:] { documents[name] = value.string }
    return documents
}

func encodeChecksum(_ checksum: ObjectChecksum) -> JSONValue {
    .array([.string(checksum.algorithm), .string(checksum.value), .bool(checksum.isComposite)])
}

func decodeChecksum(_ value: JSONValue) -> ObjectChecksum? {
    guard let algorithm = value[0]?.string, let text = value[1]?.string else { return nil }
    return ObjectChecksum(algorithm: algorithm, value: text, isComposite: value[2]?.bool ?? false)
}

func parseRecord(_ text: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        throw StateStoreError.corrupt("A record is not JSON: \(error)")
    }
}

private func pairs(_ value: JSONValue?) -> [(String, String)] {
    (value?.array ?? []).compactMap { pair in
        guard let first = pair[0]?.string, let second = pair[1]?.string else { return nil }
        return (first, second)
    }
}

private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
