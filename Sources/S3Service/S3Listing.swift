import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

/// What the listings share.
struct ListParameters {
    var query: ObjectListQuery
    var prefix: String
    var delimiter: String
    /// Items of a page.
    var limit: Int
    var encodes: Bool

    /// - Parameter limit: the parameter that sets it.
    init(_ bucket: String, _ request: S3Request, after: [UInt8], limit limitName: String = "max-keys") throws {
        prefix = try Self.text(request, "prefix") ?? ""
        delimiter = try Self.text(request, "delimiter") ?? ""
        limit = min(1000, try request.number(limitName, in: 0...Int(Int32.max)) ?? 1000)
        switch request.query["encoding-type"] {
        case nil: encodes = false
        case "url": encodes = true
        case let other:
            throw S3Errors.invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", other)
        }
        query = ObjectListQuery(
            bucket: bucket, prefix: Array(prefix.utf8), delimiter: Array(delimiter.utf8), after: after, limit: limit)
    }

    static func text(_ request: S3Request, _ name: String) throws -> String? {
        guard request.has(name) else { return nil }
        guard let text = request.query[name] else {
            throw S3Errors.invalidArgument("The \(name) is not UTF-8.", name, nil)
        }
        return text
    }

    func shown(_ text: String) -> String { encodes ? listEncoding(Array(text.utf8)) : text }
    func shown(_ bytes: [UInt8]) -> String { encodes ? listEncoding(bytes) : String(decoding: bytes, as: UTF8.self) }

    func writePrefixes(_ page: ObjectListPage, _ xml: inout XMLWriter) {
        for case .commonPrefix(let prefix) in page.items {
            xml.element("CommonPrefixes") { $0.element("Prefix", shown(prefix)) }
        }
    }
}

extension S3Service {
    func listObjectsV2(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let startAfter = try ListParameters.text(request, "start-after")
        let token = try ListParameters.text(request, "continuation-token")
        if let token, token.isEmpty {
            throw S3Errors.invalidArgument("The continuation token provided is incorrect", "continuation-token", token)
        }
        let after = try token.map { try decodeToken($0) } ?? Array((startAfter ?? "").utf8)
        let parameters = try ListParameters(bucket, request, after: after)
        let showsOwner = request.query["fetch-owner"]?.lowercased() == "true"
        let owner = canonicalID(try server.bucket(bucket).account)
        let page = try await server.list(parameters.query)
        var xml = XMLWriter()
        xml.element("ListBucketResult", namespace: Self.namespace) { xml in
            xml.element("Name", bucket)
            xml.element("Prefix", parameters.shown(parameters.prefix))
            if let startAfter { xml.element("StartAfter", parameters.shown(startAfter)) }
            if let token { xml.element("ContinuationToken", token) }
            if page.isTruncated, let last = page.items.last {
                xml.element("NextContinuationToken", encodeToken(last.name))
            }
            xml.element("KeyCount", page.items.count)
            xml.element("MaxKeys", parameters.limit)
            if !parameters.delimiter.isEmpty { xml.element("Delimiter", parameters.shown(parameters.delimiter)) }
            if parameters.encodes { xml.element("EncodingType", "url") }
            xml.element("IsTruncated", page.isTruncated)
            for case .object(let object) in page.items {
                xml.element("Contents") { xml in
                    xml.element("Key", parameters.shown(object.key.utf8))
                    writeFacts(of: object, &xml)
                    if showsOwner { xml.element("Owner") { $0.element("ID", owner) } }
                }
            }
            parameters.writePrefixes(page, &xml)
        }
        return xmlAnswer(xml)
    }

    func listObjects(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let marker = try ListParameters.text(request, "marker") ?? ""
        let parameters = try ListParameters(bucket, request, after: Array(marker.utf8))
        let owner = canonicalID(try server.bucket(bucket).account)
        let page = try await server.list(parameters.query)
        var xml = XMLWriter()
        xml.element("ListBucketResult", namespace: Self.namespace) { xml in
            xml.element("Name", bucket)
            xml.element("Prefix", parameters.shown(parameters.prefix))
            xml.element("Marker", parameters.shown(marker))
            if page.isTruncated, !parameters.delimiter.isEmpty, let last = page.items.last {
                xml.element("NextMarker", parameters.shown(last.name))
            }
            xml.element("MaxKeys", parameters.limit)
            if !parameters.delimiter.isEmpty { xml.element("Delimiter", parameters.shown(parameters.delimiter)) }
            if parameters.encodes { xml.element("EncodingType", "url") }
            xml.element("IsTruncated", page.isTruncated)
            for case .object(let object) in page.items {
                xml.element("Contents") { xml in
                    xml.element("Key", parameters.shown(object.key.utf8))
                    writeFacts(of: object, &xml)
                    xml.element("Owner") { $0.element("ID", owner) }
                }
            }
            parameters.writePrefixes(page, &xml)
        }
        return xmlAnswer(xml)
    }

    func listVersions(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let marker = try ListParameters.text(request, "key-marker") ?? ""
        let versionMarker = try ListParameters.text(request, "version-id-marker") ?? ""
        if marker.isEmpty, request.has("version-id-marker") {
            throw S3Errors.invalidArgument(
                "A version-id marker cannot be specified without a key marker.", "version-id-marker", versionMarker)
        }
        let parameters = try ListParameters(bucket, request, after: Array(marker.utf8))
        let owner = canonicalID(try server.bucket(bucket).account)
        let query = VersionListQuery(
            bucket: bucket, prefix: parameters.query.prefix, delimiter: parameters.query.delimiter,
            after: parameters.query.after, afterVersion: versionMarker.isEmpty ? nil : try S3Request.version(versionMarker),
            limit: parameters.limit)
        let page = try await server.listVersions(query)
        var xml = XMLWriter()
        xml.element("ListVersionsResult", namespace: Self.namespace) { xml in
            xml.element("Name", bucket)
            xml.element("Prefix", parameters.shown(parameters.prefix))
            xml.element("KeyMarker", parameters.shown(marker))
            xml.element("VersionIdMarker", versionMarker)
            if page.isTruncated {
                switch page.items.last {
                case .version(let last):
                    xml.element("NextKeyMarker", parameters.shown(last.object.key.utf8))
                    xml.element("NextVersionIdMarker", last.version.description)
                case .commonPrefix(let last): xml.element("NextKeyMarker", parameters.shown(last))
                case nil: break
                }
            }
            xml.element("MaxKeys", parameters.limit)
            if !parameters.delimiter.isEmpty { xml.element("Delimiter", parameters.shown(parameters.delimiter)) }
            if parameters.encodes { xml.element("EncodingType", "url") }
            xml.element("IsTruncated", page.isTruncated)
            for case .version(let item) in page.items {
                let name: StaticString = item.isDeleteMarker ? "DeleteMarker" : "Version"
                xml.element(name) { xml in
                    xml.element("Key", parameters.shown(item.object.key.utf8))
                    xml.element("VersionId", item.version.description)
                    xml.element("IsLatest", item.isLatest)
                    if item.isDeleteMarker {
                        xml.element("LastModified", wholeSeconds(item.object.modifiedAt).iso8601)
                    } else {
                        writeFacts(of: item.object, &xml)
                    }
                    xml.element("Owner") { $0.element("ID", owner) }
                }
            }
            for case .commonPrefix(let prefix) in page.items {
                xml.element("CommonPrefixes") { $0.element("Prefix", parameters.shown(prefix)) }
            }
        }
        return xmlAnswer(xml)
    }

    private func writeFacts(of object: ObjectSummary, _ xml: inout XMLWriter) {
        xml.element("LastModified", wholeSeconds(object.modifiedAt).iso8601)
        xml.element("ETag", "\"\(object.etag)\"")
        if let algorithm = object.attributes.checksumAlgorithm {
            xml.element("ChecksumAlgorithm", algorithm)
            xml.element("ChecksumType", object.attributes.hasCompositeChecksum ? "COMPOSITE" : "FULL_OBJECT")
        }
        xml.element("Size", object.size)
        xml.element("StorageClass", object.attributes.storageClass ?? "STANDARD")
    }
}

/// The form of `encoding-type=url`: percent-encoded but for slashes, a space as `+`.
func listEncoding(_ bytes: [UInt8]) -> String {
    bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        .map { PercentEncoding.encode($0, keepingSlashes: true) }.joined(separator: "+")
}

/// The name to go on after, as a text that clients do not take for a key.
func encodeToken(_ name: [UInt8]) -> String { "1\(Base64.encode(name))" }

func decodeToken(_ token: String) throws -> [UInt8] {
    guard token.hasPrefix("1"), let name = Base64.decode(token.dropFirst()) else {
        throw S3Errors.invalidArgument("The continuation token provided is incorrect", "continuation-token", token)
    }
    return name
}
