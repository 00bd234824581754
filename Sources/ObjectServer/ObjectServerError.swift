package import StateStore
package import Support

/// Why the embedded object store refuses. Codes are S3's own.
package struct ObjectServerError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        init(_ text: String) { rawValue = text }

        package static let badDigest = Code("BadDigest")
        package static let bucketAlreadyExists = Code("BucketAlreadyExists")
        package static let bucketAlreadyOwnedByYou = Code("BucketAlreadyOwnedByYou")
        package static let bucketNotEmpty = Code("BucketNotEmpty")
        package static let conditionalRequestConflict = Code("ConditionalRequestConflict")
        package static let entityTooSmall = Code("EntityTooSmall")
        package static let entityTooLarge = Code("EntityTooLarge")
        package static let incompleteBody = Code("IncompleteBody")
        package static let internalError = Code("InternalError")
        package static let invalidBucketName = Code("InvalidBucketName")
        package static let invalidPart = Code("InvalidPart")
        package static let invalidPartOrder = Code("InvalidPartOrder")
        package static let invalidRequest = Code("InvalidRequest")
        package static let keyTooLong = Code("KeyTooLongError")
        package static let noSuchBucket = Code("NoSuchBucket")
        package static let noSuchKey = Code("NoSuchKey")
        package static let noSuchVersion = Code("NoSuchVersion")
        package static let methodNotAllowed = Code("MethodNotAllowed")
        package static let noSuchUpload = Code("NoSuchUpload")
        package static let payloadHashMismatch = Code("XAmzContentSHA256Mismatch")
        package static let preconditionFailed = Code("PreconditionFailed")
        /// Too much waits.
        package static let slowDown = Code("SlowDown")
        /// The disk is full, or read-only.
        package static let serviceUnavailable = Code("ServiceUnavailable")
    }

    package let code: Code
    package let message: String
    /// Further elements of the answer, in order, such as `Condition` or `ETag`.
    package let details: [Detail]
    /// What was found in place of an object.
    package private(set) var deleteMarker: DeleteMarker?

    package struct DeleteMarker: Sendable, Hashable {
        package var version: ObjectVersion
        package var modifiedAt: Timestamp
    }

    package struct Detail: Sendable, Hashable {
        package var name: String
        package var value: String
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(_ code: Code, _ message: String, details: [Detail] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    package var description: String { "\(code.rawValue): \(message)" }

    package static func noSuchBucket(_ name: String) -> ObjectServerError {
        ObjectServerError(.noSuchBucket, "The specified bucket does not exist", details: [Detail("BucketName", name)])
    }

    package static func noSuchKey(_ key: ObjectKey) -> ObjectServerError {
        ObjectServerError(.noSuchKey, "The specified key does not exist.", details: [Detail("Key", key.description)])
    }

    static func noSuchVersion(_ version: ObjectVersion, of key: ObjectKey) -> ObjectServerError {
        ObjectServerError(
            .noSuchVersion, "The specified version does not exist.",
            details: [Detail("Key", key.description), Detail("VersionId", version.description)])
    }

    /// - Parameter isAskedFor: by its version, rather than found where the latest version was wanted.
    static func deleteMarker(_ record: ObjectRecord, isAskedFor: Bool) -> ObjectServerError {
        var error =
            isAskedFor
            ? ObjectServerError(
                .methodNotAllowed, "The specified method is not allowed against this resource.",
                details: [Detail("Method", "GET"), Detail("ResourceType", "DeleteMarker")])
            : noSuchKey(record.key)
        error.deleteMarker = DeleteMarker(version: record.version, modifiedAt: record.modifiedAt)
        return error
    }

    package static func noSuchUpload(_ id: String) -> ObjectServerError {
        ObjectServerError(
            .noSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
            details: [Detail("UploadId", id)])
    }

    /// - Parameter condition: the request field that did not hold, such as `If-None-Match`.
    package static func preconditionFailed(_ condition: String) -> ObjectServerError {
        ObjectServerError(
            .preconditionFailed, "At least one of the pre-conditions you specified did not hold",
            details: [Detail("Condition", condition)])
    }

    static let diskFull = ObjectServerError(
        .serviceUnavailable, "The disk that holds the objects is full. Free space on it, then try again.")

    static let diskReadOnly = ObjectServerError(
        .serviceUnavailable,
        "The disk that holds the objects cannot be written to: the system's log says why. Mount it for writing, then try again.")

    init(_ error: StateStoreError) {
        switch error {
        case .full: self = .diskFull
        case .readOnly: self = .diskReadOnly
        case .tooManyWrites: self.init(.slowDown, "Please reduce your request rate.")
        default: self.init(.internalError, "We encountered an internal error. Please try again.")
        }
    }
}
