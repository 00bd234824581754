import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    func getTags(_ key: ObjectKey, _ bucket: String) async throws -> HTTPAnswer {
        let record = try await server.read(key, in: bucket).record
        var xml = XMLWriter()
        xml.element("Tagging", namespace: Self.namespace) { xml in
            xml.element("TagSet") { xml in
                for tag in record.attributes.tags {
                    xml.element("Tag") { xml in
                        xml.element("Key", tag.key)
                        xml.element("Value", tag.value)
                    }
                }
            }
        }
        return xmlAnswer(xml)
    }

    func putTags(_ key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        guard let root = try? XMLReader.read(try await document(request)), root.name == "Tagging",
            let set = root["TagSet"]
        else { throw S3Errors.malformedXML() }
        var tags: [ObjectTag] = []
        for child in set.children {
            guard child.name == "Tag", let key = child["Key"]?.text, let value = child["Value"]?.text else {
                throw S3Errors.malformedXML()
            }
            tags.append(ObjectTag(key, value))
        }
        try check(tags)
        try await server.setTags(tags, of: key, in: bucket)
        return HTTPAnswer(status: 200)
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

    private func check(_ tags: [ObjectTag]) throws {
        guard tags.count <= 10 else {
            throw AWSError("BadRequest", "Object tags cannot be greater than 10")
        }
        for tag in tags {
            guard (1...128).contains(tag.key.unicodeScalars.count) else {
                throw AWSError("InvalidTag", "The TagKey you have provided is invalid")
            }
            guard tag.value.unicodeScalars.count <= 256 else {
                throw AWSError("InvalidTag", "The TagValue you have provided is invalid")
            }
        }
        guard Set(tags.map { Array($0.key.utf8) }).count == tags.count else {
            throw AWSError("InvalidTag", "Cannot provide multiple Tags with the same key")
        }
    }
}
