/// Why a backup could not be made or used: what was found, where, and what to do.
package struct BackupError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
