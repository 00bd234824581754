import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    /// GetObjectAttributes.
    func attributes(of key: ObjectKey, _ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let wanted = Set(
            request.fields.values(of: "x-amz-object-attributes").flatMap { $0.split(separator: ",") }
                .map { $0.trimmingSpaces() })
        let known: Set<String> = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
        guard !wanted.isEmpty, wanted.isSubset(of: known) else {
            throw S3Errors.invalidArgument(
                "Invalid attribute name specified.", "x-amz-object-attributes",
                request.fields["x-amz-object-attributes"])
        }
        let limit = min(1000, try request.field("x-amz-max-parts", in: 0...Int(Int32.max)) ?? 1000)
        let marker = try request.field("x-amz-part-number-marker", in: 0...Int(Int32.max)) ?? 0
        let read = try await read(key, try request.version(), in: bucket, for: request)
        let record = read.record
        var fields: HTTPFields = ["last-modified": record.modifiedAt.httpDate]
        try addVersion(of: record, to: &fields)
        var xml = XMLWriter()
        xml.element("GetObjectAttributesResponse", namespace: Self.namespace) { xml in
            if wanted.contains("ETag") { xml.element("ETag", record.etag) }
            if wanted.contains("Checksum"), let checksum = record.attributes.checksum {
                xml.element("Checksum") { xml in
                    writeChecksum(checksum, &xml)
                    xml.element("ChecksumType", checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT")
                }
            }
            if wanted.contains("ObjectParts"), record.isMultipart { writeParts(of: read, after: marker, limit, &xml) }
            if wanted.contains("StorageClass") {
                let storageClass = record.attributes.fields.first { $0.name == "x-amz-storage-class" }?.value
                xml.element("StorageClass", storageClass ?? "STANDARD")
            }
            if wanted.contains("ObjectSize") { xml.element("ObjectSize", record.size) }
        }
        return xmlAnswer(xml, fields: fields)
    }

    /// The parts are numbered from 1, whatever their numbers were during the upload.
    private func writeParts(of read: ObjectRead, after marker: Int, _ limit: Int, _ xml: inout XMLWriter) {
        guard case .segments(let segments) = read.record.content else { return }
        let first = min(marker, segments.count)
        let last = first + min(limit, segments.count - first)
        xml.element("ObjectParts") { xml in
            xml.element("PartsCount", segments.count)
            xml.element("PartNumberMarker", marker)
            xml.element("NextPartNumberMarker", last)
            xml.element("MaxParts", limit)
            xml.element("IsTruncated", last < segments.count)
            for index in first..<last {
                xml.element("Part") { xml in
                    xml.element("PartNumber", index + 1)
                    xml.element("Size", segments[index].length)
                    writeChecksum(read.partChecksum(index + 1), &xml)
                }
            }
        }
    }
}
