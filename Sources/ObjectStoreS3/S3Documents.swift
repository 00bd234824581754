import AWSProtocol
import HTTPTransport
import ObjectStore
import Support

/// The XML documents that are exchanged with an S3 store.
enum S3Documents {
    /// - Returns: the page, and the token of the next one; nil at the end.
    static func listing(_ bytes: [UInt8]) throws -> (ObjectPage, next: String?) {
        let root = try read(bytes, "ListBucketResult")
        let isEncoded = root.text(of: "EncodingType") == "url"
        func key(_ text: String?) throws -> String {
            guard let text, let key = isEncoded ? PercentEncoding.decodeText(text, plusIsSpace: true) : text else {
                throw malformed("a key is missing or not encoded as announced")
            }
            return key
        }
        var page = ObjectPage()
        for entry in root.all("Contents") {
            guard let size = entry.text(of: "Size").flatMap({ Int64($0) }) else { throw malformed("an object has no size") }
            page.objects.append(
                ObjectMetadata(
                    key: try key(entry.text(of: "Key")), size: size, etag: unquoted(entry.text(of: "ETag") ?? ""),
                    lastModified: entry.text(of: "LastModified").flatMap { Timestamp(iso8601: $0) }
                        ?? Timestamp(millisecondsSince1970: 0)))
        }
        for entry in root.all("CommonPrefixes") { page.prefixes.append(try key(entry.text(of: "Prefix"))) }
        guard root.text(of: "IsTruncated") == "true" else { return (page, nil) }
        guard let token = root.text(of: "NextContinuationToken"), !token.isEmpty else {
            throw malformed("the listing is cut, but has no continuation token")
        }
        return (page, token)
    }

    static func deletion(_ keys: some Sequence<String>) -> [UInt8] {
        var xml = XMLWriter()
        xml.element("Delete", namespace: namespace) { xml in
            for key in keys { xml.element("Object") { $0.element("Key", key) } }
            xml.element("Quiet", true)
        }
        return xml.bytes
    }

    /// Whether XML 1.0 has all characters of `key`.
    static func canHold(_ key: String) -> Bool {
        key.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 ? scalar.value != 0xFFFE && scalar.value != 0xFFFF : ["\t", "\n", "\r"].contains(scalar)
        }
    }

    /// The keys that could not be removed, each with its reason; `.unavailable` where another attempt may help.
    static func deletionFailures(_ bytes: [UInt8]) throws -> [ObjectStoreError] {
        guard !bytes.isEmpty else { return [] }
        return try read(bytes, "DeleteResult").all("Error").compactMap { failure in
            let name = failure.text(of: "Code") ?? "UnknownError"
            let code: ObjectStoreError.Code
            switch name {
            case "NoSuchKey": return nil
            case "AccessDenied": code = .accessDenied
            case "InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout": code = .unavailable
            default: code = .other(name)
            }
            return ObjectStoreError(code, "\(name): \(failure.text(of: "Message") ?? "")", key: failure.text(of: "Key") ?? "")
        }
    }

    static func uploadID(_ bytes: [UInt8]) throws -> String {
        // rclone gives the document another name.
        guard let id = try document(bytes).text(of: "UploadId"), !id.isEmpty else {
            throw malformed("there is no upload id")
        }
        return id
    }

    static func completion(_ parts: [S3Part], _ checksum: ChecksumAlgorithm?) -> [UInt8] {
        var xml = XMLWriter()
        xml.element("CompleteMultipartUpload", namespace: namespace) { xml in
            for part in parts {
                xml.element("Part") { xml in
                    xml.element("PartNumber", part.number)
                    xml.element("ETag", "\"\(part.etag)\"")
                    if let checksum, let value = part.checksum {
                        xml.element(named: "Checksum\(checksum.rawValue)", Base64.encode(value))
                    }
                }
            }
        }
        return xml.bytes
    }

    /// Of what was completed or copied; empty when the answer does not say it.
    static func etag(_ bytes: [UInt8]) throws -> String { unquoted(try document(bytes).text(of: "ETag") ?? "") }

    /// The refusal that a status of success was followed by; nil for what is none.
    static func lateRefusal(_ response: HTTPResponse) -> HTTPResponse? {
        guard let root = try? document(response.body), root.name == "Error" else { return nil }  // Read again by whom it concerns.
        var refused = response
        refused.status =
            switch root.text(of: "Code") {
            case "InternalError": 500
            case "SlowDown", "ServiceUnavailable", "RequestTimeout": 503
            case "PreconditionFailed": 412
            case "NoSuchKey", "NoSuchUpload", "NoSuchBucket": 404
            case "AccessDenied": 403
            case "ConditionalRequestConflict", "OperationAborted": 409
            default: 400
            }
        return refused
    }

    private static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    private static func read(_ bytes: [UInt8], _ name: String) throws -> XMLElement {
        let root = try document(bytes)
        guard root.name == name else { throw malformed("'\(root.name)' came instead of '\(name)'") }
        return root
    }

    private static func document(_ bytes: [UInt8]) throws -> XMLElement {
        do {
            return try XMLReader.read(bytes)
        } catch {
            throw malformed("\(error)")
        }
    }

    private static func malformed(_ what: String) -> ObjectStoreError {
        ObjectStoreError(.other("MalformedAnswer"), "The store's answer cannot be read: \(what).", key: "")
    }
}
