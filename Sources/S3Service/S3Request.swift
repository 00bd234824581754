import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

/// A request with its address taken apart.
struct S3Request: Sendable {
    var call: HTTPCall
    let bucket: String?
    let key: ObjectKey?
    let query: RawQuery
    /// Whether the host names the bucket, rather than the path.
    private let isInHost: Bool

    var fields: HTTPFields { call.fields }

    init(_ call: HTTPCall, hostNames: [String]) throws {
        self.call = call
        query = RawQuery(call.rawQuery)
        var path = call.rawPath.utf8[...]
        if path.first == UInt8(ascii: "/") { path.removeFirst() }
        if let bucket = Self.bucket(ofHost: call.fields["host"], hostNames) {
            self.bucket = bucket
            isInHost = true
        } else {
            isInHost = false
            let end = path.firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
            let name = String(decoding: path[..<end], as: UTF8.self)
            path = end == path.endIndex ? path[end...] : path[path.index(after: end)...]
            guard let decoded = PercentEncoding.decodeText(name) else { throw Self.invalidURI(call.rawPath) }
            bucket = decoded.isEmpty ? nil : decoded
        }
        guard let bytes = PercentEncoding.decode(String(decoding: path, as: UTF8.self)),
            String(validating: bytes, as: UTF8.self) != nil
        else { throw Self.invalidURI(call.rawPath) }
        guard bytes.count <= ObjectServer.keyBytesMax else {
            throw AWSError(
                "KeyTooLongError", "Your key is too long",
                members: [
                    "Size": .string(String(bytes.count)), "MaxSizeAllowed": .string(String(ObjectServer.keyBytesMax)),
                ])
        }
        key = bytes.isEmpty ? nil : ObjectKey(utf8: bytes)
        takeFieldsOfPresignedQuery()
    }

    /// Clients that sign by the query move fields there, too: they count as fields.
    private mutating func takeFieldsOfPresignedQuery() {
        guard has("X-Amz-Signature") else { return }
        let ofSignature: Set<String> = [
            "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders",
            "x-amz-signature", "x-amz-security-token", "x-amz-content-sha256",
        ]
        for item in query.items {
            let name = item.name.lowercased()
            guard name.hasPrefix("x-amz-"), !ofSignature.contains(name), call.fields[name] == nil,
                let value = PercentEncoding.decodeText(item.value)
            else { continue }
            call.fields[name] = value
        }
    }

    /// Where an object of the bucket is, for whoever is where the caller is.
    func url(of key: ObjectKey) -> String {
        let path = PercentEncoding.encode(key.utf8, keepingSlashes: true)
        let host = fields["host"].map { "\(call.context.isSecure ? "https" : "http")://\($0)" } ?? ""
        return isInHost ? "\(host)/\(path)" : "\(host)/\(bucket ?? "")/\(path)"
    }

    func has(_ name: String) -> Bool { query.items.contains { $0.name == name } }

    /// The first query parameter that names one of `known`.
    func subresource(of known: Set<String>) -> String? { query.items.first { known.contains($0.name) }?.name }

    /// A number of the query; nil when it is absent.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = query[name], !text.isEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw S3Errors.invalidArgument(
                "Argument \(name) must be an integer between \(range.lowerBound) and \(range.upperBound)", name, text)
        }
        return number
    }

    /// A number of the fields; nil when it is absent.
    func field(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = fields[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw S3Errors.invalidArgument(
                "Argument \(name) must be an integer between \(range.lowerBound) and \(range.upperBound)", name, text)
        }
        return number
    }

    /// The version that the query names; nil for the latest.
    /// - Throws: `InvalidArgument` for what no version can be called.
    func version() throws -> ObjectVersion? {
        guard has("versionId") else { return nil }
        return try Self.version(query["versionId"] ?? "")
    }

    static func version(_ text: String) throws -> ObjectVersion {
        let isID = text.utf8.count == 32 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        guard isID || text == "null" else {
            throw S3Errors.invalidArgument(
                text.isEmpty ? "Version id cannot be the empty string" : "Invalid version id specified", "versionId", text)
        }
        return ObjectVersion(text)
    }

    private static func bucket(ofHost host: String?, _ names: [String]) -> String? {
        guard var host = host?.lowercased() else { return nil }
        if let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")),
            host.utf8[host.utf8.index(after: colon)...].allSatisfy({ (48...57).contains($0) })
        {
            host = String(host[..<colon])
        }
        // Most requests name the server itself.
        if names.contains(host) { return nil }
        var candidates = names
        if host.hasSuffix(".amazonaws.com"), let start = host.firstRange(of: ".s3.") {
            candidates.append(String(host[host.index(after: start.lowerBound)...]))
        }
        for name in candidates where host.hasSuffix(".\(name)") {
            let bucket = String(host.dropLast(name.count + 1))
            if BucketName.isValid(bucket) { return bucket }
        }
        return nil
    }

    private static func invalidURI(_ path: String) -> AWSError {
        AWSError("InvalidURI", "Couldn't parse the specified URI.", members: ["URI": .string(path)])
    }
}
