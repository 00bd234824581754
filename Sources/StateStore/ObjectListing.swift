package import Support

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
    package var attributes: ListedAttributes

    package init(
        key: ObjectKey, size: Int64, etag: String, modifiedAt: Timestamp, attributes: ListedAttributes = ListedAttributes()
    ) {
        self.key = key
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
        self.attributes = attributes
    }
}

/// What listings tell of an object's attributes.
package struct ListedAttributes: Sendable, Hashable {
    /// Nil: `STANDARD`.
    package var storageClass: String?
    /// As `ObjectChecksum.algorithm`.
    package var checksumAlgorithm: String?
    package var hasCompositeChecksum = false

    package init() {}
}

package struct VersionListQuery: Sendable, Hashable {
    package var bucket: String
    package var prefix: [UInt8]
    /// Empty: no grouping.
    package var delimiter: [UInt8]
    /// Keys and groups at or below this are left out, but for the versions that `afterVersion` lets in.
    package var after: [UInt8]
    /// Versions of the key `after` older than this one are listed; all of them, should it be gone.
    package var afterVersion: ObjectVersion?
    package var limit: Int

    package init(
        bucket: String, prefix: [UInt8] = [], delimiter: [UInt8] = [], after: [UInt8] = [],
        afterVersion: ObjectVersion? = nil, limit: Int
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.after = after
        self.afterVersion = afterVersion
        self.limit = limit
    }
}

package struct VersionListPage: Sendable, Hashable {
    package var items: [Item] = []
    package var isTruncated = false

    /// In byte order of the key or group, and from the latest version of a key to its oldest.
    package enum Item: Sendable, Hashable {
        case version(VersionSummary)
        /// Keys that share everything up to and including the delimiter.
        case commonPrefix([UInt8])
    }

    package init() {}
}

package struct VersionSummary: Sendable, Hashable {
    package var object: ObjectSummary
    package var version: ObjectVersion
    package var isLatest: Bool
    package var isDeleteMarker: Bool

    package init(object: ObjectSummary, version: ObjectVersion, isLatest: Bool, isDeleteMarker: Bool) {
        self.object = object
        self.version = version
        self.isLatest = isLatest
        self.isDeleteMarker = isDeleteMarker
    }
}

package struct UploadListQuery: Sendable, Hashable {
    package var bucket: String
    package var prefix: [UInt8]
    /// Empty: no grouping.
    package var delimiter: [UInt8]
    /// Keys and groups at or below this are left out, but for the uploads that `afterID` lets in.
    package var after: [UInt8]
    /// Uploads of the key `after` whose ids are above this one are listed.
    package var afterID: String?
    package var limit: Int

    package init(
        bucket: String, prefix: [UInt8] = [], delimiter: [UInt8] = [], after: [UInt8] = [], afterID: String? = nil, limit: Int
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.after = after
        self.afterID = afterID
        self.limit = limit
    }
}

package struct UploadListPage: Sendable, Hashable {
    package var items: [Item] = []
    package var isTruncated = false

    /// In byte order of the key or group; uploads of one key by id, which is the order in which they began.
    package enum Item: Sendable, Hashable {
        case upload(UploadRecord)
        /// Keys that share everything up to and including the delimiter.
        case commonPrefix([UInt8])
    }

    package init() {}
}

/// An entry of the feed of what has been stored.
package struct NewObject: Sendable, Hashable {
    package var sequence: Int64
    package var bucket: String
    package var object: ObjectSummary
    package var version: ObjectVersion

    package init(sequence: Int64, bucket: String, object: ObjectSummary, version: ObjectVersion) {
        self.sequence = sequence
        self.bucket = bucket
        self.object = object
        self.version = version
    }
}
