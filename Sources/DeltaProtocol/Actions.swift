package import JSONModel

// The actions of a Delta log, named after PROTOCOL.md, "Actions".

package struct Protocol: Sendable, Hashable {
    package var minReaderVersion: Int
    package var minWriterVersion: Int
    /// Present exactly at reader version 3.
    package var readerFeatures: [String]?
    /// Present exactly at writer version 7.
    package var writerFeatures: [String]?

    package init(
        minReaderVersion: Int, minWriterVersion: Int, readerFeatures: [String]? = nil, writerFeatures: [String]? = nil
    ) {
        self.minReaderVersion = minReaderVersion
        self.minWriterVersion = minWriterVersion
        self.readerFeatures = readerFeatures
        self.writerFeatures = writerFeatures
    }
}

package struct Metadata: Sendable, Hashable {
    package var id: String
    package var name: String?
    package var description: String?
    package var formatProvider: String
    package var formatOptions: [String: String]
    /// The schema's JSON, as text.
    package var schemaString: String
    /// Logical names, in order.
    package var partitionColumns: [String]
    package var configuration: [String: String]
    /// Milliseconds since 1970.
    package var createdTime: Int64?

    package init(
        id: String, name: String? = nil, description: String? = nil, schemaString: String,
        partitionColumns: [String] = [], configuration: [String: String] = [:], createdTime: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        formatProvider = "parquet"
        formatOptions = [:]
        self.schemaString = schemaString
        self.partitionColumns = partitionColumns
        self.configuration = configuration
        self.createdTime = createdTime
    }
}

package struct DeletionVectorDescriptor: Sendable, Hashable {
    /// `u` (relative, by UUID), `i` (inline) or `p` (absolute path).
    package var storageType: String
    package var pathOrInlineDv: String
    package var offset: Int64?
    package var sizeInBytes: Int64
    package var cardinality: Int64

    /// What tells one vector of a file from another.
    package var uniqueID: String { storageType + pathOrInlineDv + (offset.map { "@\($0)" } ?? "") }
}

/// Physical column names to values as text; nil is null.
package typealias PartitionValues = [String: String?]

package struct AddFile: Sendable, Hashable {
    /// A URI reference, percent-encoded, relative to the table or absolute.
    package var path: String
    package var partitionValues: PartitionValues
    /// Bytes.
    package var size: Int64
    /// Milliseconds since 1970.
    package var modificationTime: Int64
    package var dataChange: Bool
    /// JSON as text.
    package var stats: String?
    package var tags: [String: String?]?
    package var deletionVector: DeletionVectorDescriptor?
    package var baseRowId: Int64?
    package var defaultRowCommitVersion: Int64?
    package var clusteringProvider: String?

    package init(
        path: String, partitionValues: PartitionValues, size: Int64, modificationTime: Int64, dataChange: Bool,
        stats: String? = nil
    ) {
        self.path = path
        self.partitionValues = partitionValues
        self.size = size
        self.modificationTime = modificationTime
        self.dataChange = dataChange
        self.stats = stats
    }

    package var key: FileKey { FileKey(path: path, deletionVector: deletionVector) }

    /// The tombstone of this file.
    package func removed(at milliseconds: Int64, dataChange: Bool) -> RemoveFile {
        var remove = RemoveFile(path: path, deletionTimestamp: milliseconds, dataChange: dataChange)
        remove.extendedFileMetadata = true
        remove.partitionValues = partitionValues
        remove.size = size
        remove.deletionVector = deletionVector
        remove.baseRowId = baseRowId
        remove.defaultRowCommitVersion = defaultRowCommitVersion
        return remove
    }
}

package struct RemoveFile: Sendable, Hashable {
    package var path: String
    /// Milliseconds since 1970.
    package var deletionTimestamp: Int64?
    package var dataChange: Bool
    /// Promises partition values and size.
    package var extendedFileMetadata: Bool?
    package var partitionValues: PartitionValues?
    package var size: Int64?
    package var tags: [String: String?]?
    package var deletionVector: DeletionVectorDescriptor?
    package var baseRowId: Int64?
    package var defaultRowCommitVersion: Int64?

    package init(path: String, deletionTimestamp: Int64?, dataChange: Bool) {
        self.path = path
        self.deletionTimestamp = deletionTimestamp
        self.dataChange = dataChange
    }

    package var key: FileKey { FileKey(path: path, deletionVector: deletionVector) }
}

/// What identifies a logical file: its decoded path and its deletion vector.
package struct FileKey: Sendable, Hashable {
    package let path: String
    package let deletionVectorID: String?

    init(path: String, deletionVector: DeletionVectorDescriptor?) {
        self.path = decodedPath(path)
        deletionVectorID = deletionVector?.uniqueID
    }
}

/// Free form, apart from the members named here.
package struct CommitInfo: Sendable, Hashable {
    package var members: JSONObject

    package init(_ members: JSONObject) { self.members = members }

    /// Milliseconds since 1970.
    package var timestamp: Int64? { members["timestamp"]?.int64 }
    package var inCommitTimestamp: Int64? { members["inCommitTimestamp"]?.int64 }
    package var operation: String? { members["operation"]?.string }
    package var txnID: String? { members["txnId"]?.string }
    package var isBlindAppend: Bool? { members["isBlindAppend"]?.bool }
    package var operationMetrics: JSONObject? { members["operationMetrics"]?.object }
}

/// The last version of an application's writes: what makes them idempotent.
package struct SetTransaction: Sendable, Hashable {
    package var appId: String
    package var version: Int64
    /// Milliseconds since 1970.
    package var lastUpdated: Int64?

    package init(appId: String, version: Int64, lastUpdated: Int64?) {
        self.appId = appId
        self.version = version
        self.lastUpdated = lastUpdated
    }
}

/// A file of changed rows.
package struct CDC: Sendable, Hashable {
    package var path: String
    package var partitionValues: PartitionValues
    package var size: Int64
    package var dataChange: Bool
    package var tags: [String: String?]?
}

package struct DomainMetadata: Sendable, Hashable {
    package var domain: String
    package var configuration: String
    package var removed: Bool
}

package struct CheckpointMetadata: Sendable, Hashable {
    package var version: Int64
    package var tags: [String: String?]?
}

package struct Sidecar: Sendable, Hashable {
    /// A file name in `_sidecars`, or an absolute URI.
    package var path: String
    package var sizeInBytes: Int64
    package var modificationTime: Int64
    package var tags: [String: String?]?
}

package enum Action: Sendable, Hashable {
    case `protocol`(Protocol)
    case metadata(Metadata)
    case add(AddFile)
    case remove(RemoveFile)
    case commitInfo(CommitInfo)
    case transaction(SetTransaction)
    case cdc(CDC)
    case domainMetadata(DomainMetadata)
    case checkpointMetadata(CheckpointMetadata)
    case sidecar(Sidecar)
}
