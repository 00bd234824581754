import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func getTags(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let record = try await read(key, try request.version(), in: bucket, for: request).record
        var fields: HTTPFields = [:]
        try addVersion(of: record, to: &fields)
        var xml = XMLWriter()
        write(record.attributes.tags, &xml)
        return xmlAnswer(xml, fields: fields)
    }

    func deleteTags(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        try await server.changeAttributes(of: key, version: try request.version(), in: bucket, .tags([]))
        return HTTPAnswer(status: 204)
    }

    func putTags(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let tags = try tags(of: try await document(request))
        try check(tags)
        try await server.changeAttributes(of: key, version: try request.version(), in: bucket, .tags(tags))
        return HTTPAnswer(status: 200)
    }

    /// The tags of a `Tagging` document, unchecked.
    func tags(of document: [UInt8]) throws -> [ObjectTag] {
        guard let root = try? XMLReader.read(document), root.name == "Tagging", let set = root["TagSet"] else {
            throw S3Errors.malformedXML()
        }
        return try set.children.map { child in
            guard child.name == "Tag", let key = child["Key"]?.text, let value = child["Value"]?.text else {
                throw S3Errors.malformedXML()
            }
            return ObjectTag(key, value)
        }
    }

    func write(_ tags: [ObjectTag], _ xml: inout XMLWriter) {
        xml.element("Tagging", namespace: Self.namespace) { xml in
            xml.element("TagSet") { xml in
                // Ascending by name, as S3 gives them.
                for tag in tags.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    xml.element("Tag") { xml in
                        xml.element("Key", tag.key)
                        xml.element("Value", tag.value)
                    }
                }
            }
        }
    }

    /// The tags of `x-amz-tagging`, which is written as a query string.
    func tags(ofQuery text: String) throws -> [ObjectTag] {
        let tags = try RawQuery(text).items.map { item in
            guard let key = PercentEncoding.decodeText(item.name, plusIsSpace: true),
                let value = PercentEncoding.decodeText(item.value, plusIsSpace: true)
            else {
                throw S3Errors.invalidArgument(
                    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
                    "x-amz-tagging", text)
            }
            return ObjectTag(key, value)
        }
        try check(tags)
        return tags
    }

    /// - Parameter limit: 10 for an object, 50 for a bucket.
    func check(_ tags: [ObjectTag], limit: Int = 10) throws {
        guard tags.count <= limit else {
            throw AWSError("BadRequest", "\(limit == 10 ? "Object" : "Bucket") tags cannot be greater than \(limit)")
        }
        for tag in tags {
            guard (1...128).contains(tag.key.unicodeScalars.count), tag.key.unicodeScalars.allSatisfy(isOfTag) else {
                throw AWSError("InvalidTag", "The TagKey you have provided is invalid")
            }
            guard !tag.key.lowercased().hasPrefix("aws:") else {
                throw AWSError("InvalidTag", "System tags cannot be added/updated by requester")
            }
            guard tag.value.unicodeScalars.count <= 256, tag.value.unicodeScalars.allSatisfy(isOfTag) else {
                throw AWSError("InvalidTag", "The TagValue you have provided is invalid")
            }
        }
        guard Set(tags.map { Array($0.key.utf8) }).count == tags.count else {
            throw AWSError("InvalidTag", "Cannot provide multiple Tags with the same key")
        }
    }
}

/// Letters, numbers and separators of any script, and a few signs.
/// - Source: S3 user guide, "Categorizing your objects using tags".
private func isOfTag(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark,
        .decimalNumber, .letterNumber, .otherNumber, .spaceSeparator, .lineSeparator, .paragraphSeparator:
        true
    default: "+-=._:/@".unicodeScalars.contains(scalar)
    }
}
