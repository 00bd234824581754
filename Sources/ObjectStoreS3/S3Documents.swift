import AWSProtocol
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

    /// The first key that could not be removed, and why.
    static func deletionFailure(_ bytes: [UInt8]) throws -> ObjectStoreError? {
        guard !bytes.isEmpty else { return nil }
        let failures = try read(bytes, "DeleteResult").all("Error").filter { $0.text(of: "Code") != "NoSuchKey" }
        guard let failure = failures.first else { return nil }
        let code = failure.text(of: "Code") ?? "UnknownError"
        return ObjectStoreError(
            code == "AccessDenied" ? .accessDenied : .other(code),
            "\(failures.count) objects were not removed, the first with \(code): \(failure.text(of: "Message") ?? "")",
            key: failure.text(of: "Key") ?? "")
    }

    static func uploadID(_ bytes: [UInt8]) throws -> String {
        guard let id = try read(bytes, "InitiateMultipartUploadResult").text(of: "UploadId"), !id.isEmpty else {
            throw malformed("there is no upload id")
        }
        return id
    }

    static func completion(_ etags: [String]) -> [UInt8] {
        var xml = XMLWriter()
        xml.element("CompleteMultipartUpload", namespace: namespace) { xml in
            for (index, etag) in etags.enumerated() {
                xml.element("Part") { xml in
                    xml.element("ETag", "\"\(etag)\"")
                    xml.element("PartNumber", index + 1)
                }
            }
        }
        return xml.bytes
    }

    /// The ETag of the completed object, or the error that some servers send with status 200.
    static func completed(_ bytes: [UInt8]) throws -> Result<String, AWSError> {
        let root = try document(bytes)
        if root.name == "Error" { return .failure(AWSError(status: 500, fields: [:], body: bytes)) }
        return .success(unquoted(root.text(of: "ETag") ?? ""))
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
