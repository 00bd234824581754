/// A Delta commit that lost to a concurrent writer, or a table that cannot be read or written.
package struct DeltaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Delta's error condition, or the exception's name for a lost commit.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        package static let concurrentAppend = Code(rawValue: "ConcurrentAppendException")
        package static let concurrentDeleteDelete = Code(rawValue: "ConcurrentDeleteDeleteException")
        package static let concurrentDeleteRead = Code(rawValue: "ConcurrentDeleteReadException")
        package static let metadataChanged = Code(rawValue: "MetadataChangedException")
        package static let protocolChanged = Code(rawValue: "ProtocolChangedException")
        package static let concurrentTransaction = Code(rawValue: "ConcurrentTransactionException")
        package static let commitRetriesExceeded = Code(rawValue: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED_EXCEPTION")

        package static let tableNotFound = Code(rawValue: "DELTA_TABLE_NOT_FOUND")
        package static let tableAlreadyExists = Code(rawValue: "DELTA_TABLE_ALREADY_EXISTS")
        package static let createdWithOtherSchema = Code(rawValue: "DELTA_CREATE_TABLE_SCHEME_MISMATCH")
        package static let createdWithOtherPartitions = Code(rawValue: "DELTA_CREATE_TABLE_WITH_DIFFERENT_PARTITIONING")
        package static let versionNotFound = Code(rawValue: "DELTA_VERSION_NOT_FOUND")
        package static let versionsNotContiguous = Code(rawValue: "DELTA_VERSIONS_NOT_CONTIGUOUS")
        package static let truncatedLog = Code(rawValue: "DELTA_TRUNCATED_TRANSACTION_LOG")
        package static let missingPartFiles = Code(rawValue: "DELTA_MISSING_PART_FILES")
        package static let stateRecover = Code(rawValue: "DELTA_STATE_RECOVER_ERROR")
        /// A log entry, checkpoint or deletion vector that contradicts the protocol.
        package static let malformedLog = Code(rawValue: "DELTA_MALFORMED_LOG")
        package static let invalidProtocol = Code(rawValue: "DELTA_INVALID_PROTOCOL_VERSION")
        package static let unsupportedFeatureForRead = Code(rawValue: "DELTA_UNSUPPORTED_FEATURES_FOR_READ")
        package static let unsupportedFeatureForWrite = Code(rawValue: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE")
        package static let unsupportedOperation = Code(rawValue: "DELTA_OPERATION_NOT_SUPPORTED")
        package static let metadataMismatch = Code(rawValue: "DELTA_METADATA_MISMATCH")
        package static let partitionMismatch = Code(rawValue: "DELTA_PARTITION_COLUMN_MISMATCH")
        package static let partitionColumnNotFound = Code(rawValue: "DELTA_INVALID_PARTITION_COLUMN")
        package static let notNullViolated = Code(rawValue: "DELTA_NOT_NULL_CONSTRAINT_VIOLATED")
        package static let cannotModifyAppendOnly = Code(rawValue: "DELTA_CANNOT_MODIFY_APPEND_ONLY")
        package static let invalidCharacters = Code(rawValue: "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES")
        package static let invalidPartitionValue = Code(rawValue: "DELTA_INVALID_PARTITION_VALUE")
        package static let unsafeStore = Code(rawValue: "DELTA_STORE_WITHOUT_CONDITIONAL_PUT")
    }

    package let code: Code
    /// One sentence: what was found, what was expected.
    package let message: String
    /// Nil before a snapshot is known.
    package let tableVersion: Int64?

    package init(_ code: Code, _ message: String, tableVersion: Int64? = nil) {
        self.code = code
        self.message = message
        self.tableVersion = tableVersion
    }

    package var description: String { "[\(code.rawValue)] \(message)" }
}
