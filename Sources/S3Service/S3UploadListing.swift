import AWSProtocol
import ObjectServer
import ServiceKit
import StateStore
import Support

extension S3Service {
    /// ListMultipartUploads.
    func listUploads(_ bucket: String, _ request: S3Request) async throws -> HTTPAnswer {
        let marker = try ListParameters.text(request, "key-marker") ?? ""
        // Counts only together with a key.
        let idMarker = marker.isEmpty ? "" : try ListParameters.text(request, "upload-id-marker") ?? ""
        let parameters = try ListParameters(bucket, request, after: Array(marker.utf8), limit: "max-uploads")
        let account = try server.bucket(bucket).account
        let page = try await server.listUploads(
            UploadListQuery(
                bucket: bucket, prefix: parameters.query.prefix, delimiter: parameters.query.delimiter,
                after: parameters.query.after, afterID: idMarker.isEmpty ? nil : idMarker, limit: parameters.limit))
        var xml = XMLWriter()
        xml.element("ListMultipartUploadsResult", namespace: Self.namespace) { xml in
            xml.element("Bucket", bucket)
            xml.element("KeyMarker", parameters.shown(marker))
            xml.element("UploadIdMarker", idMarker)
            if page.isTruncated {
                switch page.items.last {
                case .upload(let last):
                    xml.element("NextKeyMarker", parameters.shown(last.key.utf8))
                    xml.element("NextUploadIdMarker", last.id)
                case .commonPrefix(let last): xml.element("NextKeyMarker", parameters.shown(last))
                case nil: break
                }
            }
            xml.element("Prefix", parameters.shown(parameters.prefix))
            if !parameters.delimiter.isEmpty { xml.element("Delimiter", parameters.shown(parameters.delimiter)) }
            if parameters.encodes { xml.element("EncodingType", "url") }
            xml.element("MaxUploads", parameters.limit)
            xml.element("IsTruncated", page.isTruncated)
            for case .upload(let upload) in page.items {
                xml.element("Upload") { xml in
                    xml.element("Key", parameters.shown(upload.key.utf8))
                    xml.element("UploadId", upload.id)
                    xml.element("Initiator") { $0.element("ID", canonicalID(account)) }
                    xml.element("Owner") { $0.element("ID", canonicalID(account)) }
                    xml.element("StorageClass", storageClass(upload))
                    xml.element("Initiated", wholeSeconds(upload.initiatedAt).iso8601)
                    if let checksum = upload.attributes.checksum {
                        xml.element("ChecksumAlgorithm", checksum.algorithm)
                        xml.element("ChecksumType", checksum.isComposite ? "COMPOSITE" : "FULL_OBJECT")
                    }
                }
            }
            for case .commonPrefix(let prefix) in page.items {
                xml.element("CommonPrefixes") { $0.element("Prefix", parameters.shown(prefix)) }
            }
        }
        return xmlAnswer(xml)
    }
}
