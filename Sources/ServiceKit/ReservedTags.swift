package import JSONModel

/// The keys of tags that AWS keeps to itself.
package enum ReservedTags {
    /// What a service says of them.
    package static let refusal = "aws: prefixed tag key names are not allowed for external use."

    package static func contain(_ key: String) -> Bool { key.lowercased().hasPrefix("aws:") }

    /// Whether a map of tags has one.
    package static func areAmong(_ tags: JSONValue?) -> Bool { tags?.object?.keys.contains(where: contain) ?? false }
}
