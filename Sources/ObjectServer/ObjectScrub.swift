import AWSProtocol
import Crypto
package import StateStore
import Support

/// Reads everything that a store holds and compares it with what was computed when it was written. A server may go on
/// changing the store meanwhile: what has been replaced or removed since it was read does not count.
package struct ObjectScrub {
    /// Something that is not what was stored.
    package struct Damage: Sendable, Hashable {
        package var bucket: String
        package var key: ObjectKey
        package var version: ObjectVersion
        /// What was found, and where.
        package var finding: String
    }

    package struct Report: Sendable, Hashable {
        /// Versions of objects, and parts of unfinished uploads.
        package var objects = 0
        package var bytes: Int64 = 0
        package var damaged = 0
        /// Files that nothing refers to, and their sizes together.
        package var strayFiles = 0
        package var strayBytes: Int64 = 0
    }

    private let files: DataFiles
    private let scan: ObjectIndexScan
    /// Bytes read at once.
    private static let chunkBytes: Int64 = 1 << 20

    /// - Parameter directory: of the objects.
    /// - Throws: `StateStoreError`, or the system call that failed.
    package init(directory: String) throws {
        files = try DataFiles(existing: directory)
        scan = try ObjectIndexScan(path: directory + "/index.sqlite")
    }

    /// - Parameters:
    ///   - progress: called after each object.
    ///   - damaged: called for each finding.
    package func run(progress: (Report) -> Void, damaged: (Damage) -> Void) throws -> Report {
        var report = Report()
        try scan.forEach { entry in
            if let finding = finding(entry.record), try scan.isCurrent(entry) {
                report.damaged += 1
                let record = entry.record
                damaged(Damage(bucket: record.bucket, key: record.key, version: record.version, finding: finding))
            }
            report.objects += 1
            report.bytes += entry.record.size
            progress(report)
        }
        for file in try files.published() where try !scan.knows(file) {
            // A file is staged until the index knows it.
            guard let size = files.strayBytes(file) else { continue }
            report.strayFiles += 1
            report.strayBytes += size
        }
        return report
    }

    /// What is wrong with an object; nil when nothing is.
    private func finding(_ record: ObjectRecord) -> String? {
        let checksum = record.attributes.checksum
        let algorithm = checksum.flatMap { ChecksumAlgorithm(rawValue: $0.algorithm) }
        var whole = checksum?.isComposite == false ? algorithm.map { ChecksumState($0) } : nil
        // Of the data, or of the MD5s of its parts.
        var md5 = Insecure.MD5()
        var size: Int64 = 0
        do {
            switch record.content {
            case .inline(let bytes):
                size = Int64(bytes.count)
                bytes.withUnsafeBytes { whole?.update($0) }
                md5.update(data: bytes)
            case .segments(let segments):
                for (index, segment) in segments.enumerated() {
                    var part = checksum?.isComposite == true ? algorithm.map { ChecksumState($0) } : nil
                    var partMD5 = Insecure.MD5()
                    try files.read(segment, chunkBytes: Self.chunkBytes) { bytes in
                        if record.isMultipart { partMD5.update(bufferPointer: bytes) } else { md5.update(bufferPointer: bytes) }
                        whole?.update(bytes)
                        part?.update(bytes)
                    }
                    if record.isMultipart { md5.update(data: Array(partMD5.finalize())) }
                    size += segment.length
                    let values = record.attributes.partChecksums
                    if let part, values.indices.contains(index), values[index] != Base64.encode(part.finish()) {
                        return "the data of part \(segment.partNumber), in \(files.path(segment.file)), does not have its checksum"
                    }
                }
            }
        } catch {
            return "\(error)"
        }
        if size != record.size { return "there are \(size) bytes, \(record.size) were stored" }
        if hexText(md5.finalize()) != record.etag.prefix(32) {
            let place = record.content.files.map(files.path).joined(separator: ", ")
            return "the data\(place.isEmpty ? "" : " in \(place)") does not have its MD5 \(record.etag)"
        }
        if let whole, let checksum, Base64.encode(whole.finish()) != checksum.value {
            return "the data does not have its \(checksum.algorithm) \(checksum.value)"
        }
        return nil
    }
}
