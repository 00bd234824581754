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
    /// False when there is no such bucket.
    func changeBucket(_ name: String, _ change: BucketChange) async throws -> Bool
    /// Removes a bucket without objects, together with its unfinished uploads.
    func deleteBucket(_ name: String) async throws -> BucketDeletion

    /// - Parameter version: nil for the latest, which may be a delete marker.
    func object(_ key: ObjectKey, version: ObjectVersion?, in bucket: String) async throws -> ObjectRecord?
    /// Makes `record` the latest version of its key, in place of any version that has its id; its data files become
    /// live. The condition is about the latest version before.
    func putObject(_ record: ObjectRecord, condition: WriteCondition) async throws -> ObjectWriteOutcome
    /// One transaction. A missing key or version counts as removed.
    func removeObjects(_ removals: [ObjectRemoval], from bucket: String, at now: Timestamp) async throws
        -> [ObjectRemovalOutcome]
    /// Changes what is kept with an object, without a change of the data or the modification time.
    func changeAttributes(
        of key: ObjectKey, version: ObjectVersion?, in bucket: String, _ change: AttributeChange
    ) async throws -> ObjectWriteOutcome
    func listObjects(_ query: ObjectListQuery) async throws -> ObjectListPage
    func listVersions(_ query: VersionListQuery) async throws -> VersionListPage
    /// What has been stored after `sequence` and still exists, in the order in which it was stored. A sequence number
    /// is never given twice, and what becomes visible later has a higher one.
    func newObjects(after sequence: Int64, limit: Int) async throws -> [NewObject]

    func createUpload(_ upload: UploadRecord) async throws -> Bool
    func upload(_ id: String) async throws -> UploadRecord?
    func listUploads(_ query: UploadListQuery) async throws -> UploadListPage
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
    package var versioning = BucketVersioning.never
    /// Configurations by the name of their sub-resource, such as `cors` and `policy`, as they were given.
    package var documents: [String: String] = [:]

    package init(name: String, account: String, region: String, createdAt: Timestamp) {
        self.name = name
        self.account = account
        self.region = region
        self.createdAt = createdAt
    }
}

/// The numbers are part of the format.
package enum BucketVersioning: Int, Sendable, Hashable {
    /// Every object has the one version `null`.
    case never = 0
    /// Each put makes a version, each plain delete a delete marker.
    case enabled = 1
    /// Puts and plain deletes replace the version `null`; the others stay.
    case suspended = 2
}

package enum BucketChange: Sendable, Hashable {
    case versioning(BucketVersioning)
    /// Nil removes the document.
    case document(name: String, text: String?)
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
    package var version: ObjectVersion
    /// Stands for the absence of the object since `modifiedAt`; has no content.
    package var isDeleteMarker = false

    package var isMultipart: Bool { etag.utf8.contains(UInt8(ascii: "-")) }

    package init(
        bucket: String, key: ObjectKey, size: Int64, etag: String, modifiedAt: Timestamp, attributes: ObjectAttributes,
        content: ObjectContent, uploadID: String? = nil, version: ObjectVersion = .null
    ) {
        self.bucket = bucket
        self.key = key
        self.version = version
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
        self.attributes = attributes
        self.content = content
        self.uploadID = uploadID
    }
}

/// Which of an object's versions.
package enum ObjectVersion: Sendable, Hashable, CustomStringConvertible {
    /// The only version where versioning has never been enabled, and the one written while it is suspended.
    case null
    /// 32 hexadecimal digits.
    case id(String)

    package init(_ text: String) { self = text == "null" ? .null : .id(text) }

    package static func random() -> ObjectVersion { .id(DataFileID.random().text) }

    package var description: String {
        switch self {
        case .null: "null"
        case .id(let text): text
        }
    }
}

/// What to remove.
package struct ObjectRemoval: Sendable, Hashable {
    package var key: ObjectKey
    /// Nil: the object becomes absent. In a bucket with versioning a delete marker then hides it.
    package var version: ObjectVersion?
    /// About `version`, or the latest one.
    package var condition: RemovalCondition
    /// The id of the delete marker, should one be made while versioning is enabled.
    package var marker = ObjectVersion.random()

    package init(key: ObjectKey, version: ObjectVersion? = nil, condition: RemovalCondition = RemovalCondition()) {
        self.key = key
        self.version = version
        self.condition = condition
    }
}

/// What must hold for a removal to happen. Without `exists`, what is not there may be removed whatever else is asked.
package struct RemovalCondition: Sendable, Hashable {
    package var exists = false
    /// Without quotes.
    package var etag: String?
    package var size: Int64?
    /// Compared in whole seconds.
    package var modifiedAt: Timestamp?

    package init(exists: Bool = false, etag: String? = nil, size: Int64? = nil, modifiedAt: Timestamp? = nil) {
        self.exists = exists
        self.etag = etag
        self.size = size
        self.modifiedAt = modifiedAt
    }
}

package struct ObjectRemovalOutcome: Sendable, Hashable {
    package var outcome: ObjectWriteOutcome
    /// Of the delete marker that was made, or of what was removed by its version.
    package var version: ObjectVersion?
    /// Whether a delete marker was made or removed.
    package var isDeleteMarker: Bool

    package init(_ outcome: ObjectWriteOutcome, version: ObjectVersion? = nil, isDeleteMarker: Bool = false) {
        self.outcome = outcome
        self.version = version
        self.isDeleteMarker = isDeleteMarker
    }
}

package enum AttributeChange: Sendable, Hashable {
    case tags([ObjectTag])
    case cannedACL(String)
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
    /// Values for the parts of a multipart object that has a checksum, in their order; else empty.
    package var partChecksums: [String] = []
    /// Nil: `private`.
    package var cannedACL: String?

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
    /// The name that S3 gives it: `CRC64NVME`.
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
    /// No object exists that has this ETag (without quotes).
    case ifNoneMatch(String)
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
