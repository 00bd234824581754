import AWSProtocol
import Columnar
import DeltaProtocol
import ObjectStore

/// What every call of this library throws: an error of a query, a table, the storage or the catalog.
///
/// Match on `condition`, which is Spark's or Delta's name where they have one, else the service's own:
///
///     do { try frame.write.save(path) } catch where error.condition == "DELTA_TABLE_ALREADY_EXISTS" { ... }
public struct SparkException: Error, Sendable, Hashable, CustomStringConvertible {
    /// Spark's error condition (`UNRESOLVED_COLUMN.WITH_SUGGESTION`), Delta's (`DELTA_TABLE_NOT_FOUND`), or an AWS
    /// error code (`AccessDenied`).
    public let condition: String
    /// Five characters; empty where none is defined.
    public let sqlState: String
    /// What was found and what was expected, without the condition and the SQLSTATE.
    public let message: String
    /// Where in SQL text, as it follows the SQLSTATE: `; line 1 pos 7`; empty for an error that has no place there.
    private let place: String

    public init(condition: String, sqlState: String = "", message: String) {
        self.init(condition: condition, sqlState: sqlState, message: message, place: "")
    }

    private init(condition: String, sqlState: String, message: String, place: String) {
        self.condition = condition
        self.sqlState = sqlState
        self.message = message
        self.place = place
    }

    /// As Spark prints it: `[DIVIDE_BY_ZERO] Division by zero. … SQLSTATE: 22012`, then the place in SQL text.
    public var description: String {
        "[\(condition)] \(message)" + (sqlState.isEmpty ? "" : " SQLSTATE: \(sqlState)") + place
    }
}

extension SparkException {
    /// Any error of the layers below under the name that users know.
    package init(_ error: any Error) {
        switch error {
        case let error as SparkException: self = error
        case let error as SparkError:
            self.init(
                condition: error.condition, sqlState: error.sqlState, message: error.message, place: error.place)
        case let error as DeltaError:
            let condition = Self.conflicts[error.code] ?? error.code.rawValue
            self.init(condition: condition, sqlState: Self.deltaStates[condition] ?? "", message: error.message)
        case let error as ObjectStoreError:
            self.init(condition: Self.condition(error.code), message: error.description)
        case let error as AWSError: self.init(condition: error.code, message: error.message)
        case is CancellationError:
            self.init(condition: "OPERATION_CANCELED", sqlState: "HY008", message: "Operation has been canceled.")
        default: self.init(condition: "INTERNAL_ERROR", sqlState: "XX000", message: "\(error)")
        }
    }

    /// Delta throws conflicts as exceptions, whose conditions have other names.
    private static let conflicts: [DeltaError.Code: String] = [
        .concurrentAppend: "DELTA_CONCURRENT_APPEND", .concurrentDeleteDelete: "DELTA_CONCURRENT_DELETE_DELETE",
        .concurrentDeleteRead: "DELTA_CONCURRENT_DELETE_READ", .metadataChanged: "DELTA_METADATA_CHANGED",
        .protocolChanged: "DELTA_PROTOCOL_CHANGED", .concurrentTransaction: "DELTA_CONCURRENT_TRANSACTION",
    ]

    /// Source: Delta's `delta-error-classes.json`.
    private static let deltaStates = [
        "DELTA_CONCURRENT_APPEND": "2D521", "DELTA_CONCURRENT_DELETE_DELETE": "2D521",
        "DELTA_CONCURRENT_DELETE_READ": "2D521", "DELTA_METADATA_CHANGED": "2D521", "DELTA_PROTOCOL_CHANGED": "2D521",
        "DELTA_CONCURRENT_TRANSACTION": "2D521", "DELTA_TABLE_NOT_FOUND": "42P01", "DELTA_TABLE_ALREADY_EXISTS": "42P07",
        "DELTA_VERSION_NOT_FOUND": "22003", "DELTA_VERSIONS_NOT_CONTIGUOUS": "KD00C",
        "DELTA_TRUNCATED_TRANSACTION_LOG": "42K03", "DELTA_MISSING_PART_FILES": "42KD6",
        "DELTA_STATE_RECOVER_ERROR": "XXKDS", "DELTA_INVALID_PROTOCOL_VERSION": "KD004",
        "DELTA_UNSUPPORTED_FEATURES_FOR_READ": "56038", "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE": "56038",
        "DELTA_OPERATION_NOT_SUPPORTED": "0A000", "DELTA_METADATA_MISMATCH": "42KDG",
        "DELTA_INVALID_PARTITION_COLUMN": "42996", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED": "23502",
        "DELTA_CANNOT_MODIFY_APPEND_ONLY": "42809", "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES": "42K05",
        "DELTA_FAILED_TO_MERGE_FIELDS": "22005",
    ]

    /// The codes of S3.
    private static func condition(_ code: ObjectStoreError.Code) -> String {
        switch code {
        case .notFound: "NoSuchKey"
        case .preconditionFailed: "PreconditionFailed"
        case .conflict: "ConditionalRequestConflict"
        case .ambiguous, .unavailable: "ServiceUnavailable"
        case .accessDenied: "AccessDenied"
        case .noSuchBucket: "NoSuchBucket"
        case .invalidRange: "InvalidRange"
        case .invalidKey: "InvalidArgument"
        case .other(let name): name
        }
    }
}

/// Runs `body`; whatever it throws leaves the library as a `SparkException`.
func translated<R>(_ body: () throws -> R) throws(SparkException) -> R {
    do {
        return try body()
    } catch {
        throw SparkException(error)
    }
}
