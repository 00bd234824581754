package import Support

/// What the embedded object store knows: buckets, objects, unfinished uploads, and which data files are in use.
///
/// Every write is one durable transaction, and conditions are evaluated inside it: of concurrent writers with the
/// condition `.ifAbsent`, exactly one wins. Keys compare and are listed by their UTF-8 bytes. A data file that loses
/// its last user becomes garbage in the transaction that takes it away.
package protocol ObjectIndex: Sendable {
    func buckets() async throws -> [BucketRecord]
    /// - Returns: nil when created, else the bucket that has the name.
    func createBucket(_ bucket: BucketRecord) async throws -> BucketRecord?
    /// Removes a bucket without objects, together with its unfinished uploads.
    func deleteBucket(_ name: String) async throws -> BucketDeletion

    func object(_ key: ObjectKey, in bucket: String) async throws -> ObjectRecord?
    /// Stores `record` in place of any object of its key; its data files become live.
    func putObject(_ record: ObjectRecord, condition: WriteCondition) async throws -> ObjectWriteOutcome
    func deleteObject(_ key: ObjectKey, in bucket: String, condition: WriteCondition) async throws -> ObjectWriteOutcome
    /// One transaction. A missing key counts as deleted.
    func deleteObjects(_ keys: [(key: ObjectKey, condition: WriteCondition)], in bucket: String) async throws
        -> [ObjectWriteOutcome]
    /// Replaces the tags without a change of the data or the modification time.
    func setTags(_ tags: [ObjectTag], of key: ObjectKey, in bucket: String) async throws -> ObjectWriteOutcome
    func listObjects(_ query: ObjectListQuery) async throws -> ObjectListPage

    func createUpload(_ upload: UploadRecord) async throws -> Bool
    func upload(_ id: String) async throws -> UploadRecord?
    /// Uploads of a bucket ascending by key, then id.
    func uploads(in bucket: String, after: (key: ObjectKey, id: String)?, prefix: [UInt8], limit: Int) async throws
        -> [UploadRecord]
    /// Stores a part in place of any part of its number. False when the upload does not exist.
    func putPart(_ part: PartRecord, of upload: String) async throws -> Bool
    /// Ascending by number.
    func parts(of upload: String, after number: Int, limit: Int) async throws -> [PartRecord]
    /// Makes `record` the object, if the upload still has exactly the parts `files` (by number); ends the upload. Parts
    /// that are not among them become garbage.
    func completeUpload(_ upload: String, as record: ObjectRecord, parts files: [Int: DataFileID], condition: WriteCondition)
        async throws -> ObjectWriteOutcome
    /// False when the upload does not exist.
    func abortUpload(_ id: String) async throws -> Bool

    /// Those of `files` that are live.
    func live(among files: [DataFileID]) async throws -> Set<DataFileID>
    func garbage(limit: Int) async throws -> [DataFileID]
    /// Forgets garbage whose files are gone.
    func forgetGarbage(_ files: [DataFileID]) async throws
}

/// An object's name: 1 to 1,024 bytes of UTF-8. Unlike `String`, equal only when the bytes are equal.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let utf8: [UInt8]

    package init(_ text: String) { utf8 = Array(text.utf8) }
    package init(utf8: [UInt8]) { self.utf8 = utf8 }

    package var description: String { String(decoding: utf8, as: UTF8.self) }

    package static func < (a: ObjectKey, b: ObjectKey) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}

/// The random name of a data file, 32 hexadecimal digits.
package struct DataFileID: Sendable, Hashable {
    package let text: String
    package init(_ text: String) { self.text = text }

    package static func random() -> DataFileID {
        var random = SystemRandomNumberGenerator()
        return DataFileID(hexText(random.next() as UInt64, digits: 16) + hexText(random.next() as UInt64, digits: 16))
    }
}

package struct BucketRecord: Sendable, Hashable {
    package var name: String
    package var account: String
    package var region: String
    package var createdAt: Timestamp

    package init(name: String, account: String, region: String, createdAt: Timestamp) {
        self.name = name
        self.account = account
        self.region = region
        self.createdAt = createdAt
    }
}

package struct ObjectRecord: Sendable, Hashable {
    package var bucket: String
    package var key: ObjectKey
    /// Bytes.
    package var size: Int64
    /// Without quotes: MD5 in hexadecimal, for a multipart object followed by `-` and the number of parts.
    package var etag: String
    package var modifiedAt: Timestamp
    package var attributes: ObjectAttributes
    package var content: ObjectContent
    /// The upload that made the object, so that a repeated completion finds it.
    package var uploadID: String?

    package init(
        bucket: String, key: ObjectKey, size: Int64, etag: String, modifiedAt: Timestamp, attributes: ObjectAttributes,
        content: ObjectContent, uploadID: String? = nil
    ) {
        self.bucket = bucket
        self.key = key
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
        self.attributes = attributes
        self.content = content
        self.uploadID = uploadID
    }
}

package enum ObjectContent: Sendable, Hashable {
    /// Small: kept with the record.
    case inline([UInt8])
    /// Pieces of data files, in order.
    case segments([DataSegment])

    package var files: [DataFileID] {
        if case .segments(let segments) = self { segments.map(\.file) } else { [] }
    }
}

package struct DataSegment: Sendable, Hashable {
    package var file: DataFileID
    /// Bytes.
    package var length: Int64
    /// The part of the multipart upload, 0 for an object that was put in one piece.
    package var partNumber: Int

    package init(file: DataFileID, length: Int64, partNumber: Int = 0) {
        self.file = file
        self.length = length
        self.partNumber = partNumber
    }
}

/// What is kept with an object besides its data.
package struct ObjectAttributes: Sendable, Hashable {
    /// Lower-case names and values of the system and user metadata fields, in order of arrival.
    package var fields: [Field]
    package var tags: [ObjectTag]
    package var checksum: ObjectChecksum?

    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(fields: [Field] = [], tags: [ObjectTag] = [], checksum: ObjectChecksum? = nil) {
        self.fields = fields
        self.tags = tags
        self.checksum = checksum
    }
}

package struct ObjectTag: Sendable, Hashable {
    package var key: String
    package var value: String
    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

package struct ObjectChecksum: Sendable, Hashable {
    /// `CRC32`, `CRC32C`, `CRC64NVME`, `SHA1` or `SHA256`.
    package var algorithm: String
    /// Base64; a composite one ends in `-` and the number of parts. Empty while an upload is unfinished.
    package var value: String
    /// Of the parts' checksums rather than of the data.
    package var isComposite: Bool

    package init(algorithm: String, value: String, isComposite: Bool = false) {
        self.algorithm = algorithm
        self.value = value
        self.isComposite = isComposite
    }
}

/// What must hold for a write to happen.
package enum WriteCondition: Sendable, Hashable {
    case none
    case ifAbsent
    case ifPresent
    /// The object exists and has this ETag (without quotes).
    case ifMatch(String)
}

package enum ObjectWriteOutcome: Sendable, Hashable {
    case done
    case preconditionFailed
    /// The condition names an ETag, or the operation needs an object, and there is none.
    case noSuchKey
    case noSuchBucket
    case noSuchUpload
    /// The upload's parts are not those that were named.
    case partsChanged
}

package enum BucketDeletion: Sendable, Hashable { case done, noSuchBucket, notEmpty }

package struct UploadRecord: Sendable, Hashable {
    package var id: String
    package var bucket: String
    package var key: ObjectKey
    package var initiatedAt: Timestamp
    package var attributes: ObjectAttributes

    package init(id: String, bucket: String, key: ObjectKey, initiatedAt: Timestamp, attributes: ObjectAttributes) {
        self.id = id
        self.bucket = bucket
        self.key = key
        self.initiatedAt = initiatedAt
        self.attributes = attributes
    }
}

package struct PartRecord: Sendable, Hashable {
    /// 1 to 10,000.
    package var number: Int
    package var file: DataFileID
    package var size: Int64
    package var etag: String
    package var checksum: ObjectChecksum?
    package var modifiedAt: Timestamp

    package init(
        number: Int, file: DataFileID, size: Int64, etag: String, checksum: ObjectChecksum?, modifiedAt: Timestamp
    ) {
        self.number = number
        self.file = file
        self.size = size
        self.etag = etag
        self.checksum = checksum
        self.modifiedAt = modifiedAt
    }
}

package struct ObjectListQuery: Sendable, Hashable {
    package var bucket: String
    package var prefix: [UInt8]
    /// Empty: no grouping.
    package var delimiter: [UInt8]
    /// Items at or below this are left out, and so is a group that contains it.
    package var after: [UInt8]
    package var limit: Int

    package init(bucket: String, prefix: [UInt8] = [], delimiter: [UInt8] = [], after: [UInt8] = [], limit: Int) {
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.after = after
        self.limit = limit
    }
}

package struct ObjectListPage: Sendable, Hashable {
    package var items: [Item] = []
    package var isTruncated = false

    /// In byte order of `name`.
    package enum Item: Sendable, Hashable {
        case object(ObjectSummary)
        /// Keys that share everything up to and including the delimiter.
        case commonPrefix([UInt8])

        package var name: [UInt8] {
            switch self {
            case .object(let summary): summary.key.utf8
            case .commonPrefix(let prefix): prefix
            }
        }
    }

    package init() {}
}

package struct ObjectSummary: Sendable, Hashable {
    package var key: ObjectKey
    package var size: Int64
    package var etag: String
    package var modifiedAt: Timestamp

    package init(key: ObjectKey, size: Int64, etag: String, modifiedAt: Timestamp) {
        self.key = key
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
    }
}
