/// A refusal of the data catalog. Codes are Glue's own.
package struct GlueError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        init(_ text: String) { rawValue = text }

        package static let alreadyExists = Code("AlreadyExistsException")
        package static let concurrentModification = Code("ConcurrentModificationException")
        package static let concurrentRunsExceeded = Code("ConcurrentRunsExceededException")
        package static let entityNotFound = Code("EntityNotFoundException")
        package static let invalidInput = Code("InvalidInputException")
        package static let invalidState = Code("InvalidStateException")
        package static let operationNotSupported = Code("OperationNotSupportedException")
        package static let resourceNumberLimitExceeded = Code("ResourceNumberLimitExceededException")
        package static let serialization = Code("SerializationException")
        package static let validation = Code("ValidationException")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }

    package static func noDatabase(_ name: String) -> GlueError {
        GlueError(.entityNotFound, "Database \(name) not found.")
    }
    package static func noTable(_ name: String) -> GlueError { GlueError(.entityNotFound, "Table \(name) not found.") }
    package static let noPartition = GlueError(.entityNotFound, "Cannot find partition.")
    package static func noJob(_ name: String) -> GlueError { GlueError(.entityNotFound, "Job \(name) not found.") }
    package static func noJobRun(_ id: String) -> GlueError {
        GlueError(.entityNotFound, "Job run \(id) not found.")
    }
    package static func exists(_ what: String) -> GlueError { GlueError(.alreadyExists, "\(what) already exists.") }
}
