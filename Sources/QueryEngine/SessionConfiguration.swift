package import Columnar

/// A session's settings under Spark's keys. Values of known keys are checked when they are set; unknown `spark.*` keys
/// are kept and have no effect.
package struct SessionConfiguration: Sendable {
    package struct Key: Sendable {
        package let name: String
        package let standard: String
        package let meaning: String
        fileprivate let accepts: @Sendable (String) -> Bool
    }

    private static func flag(_ name: String, _ standard: Bool, _ meaning: String) -> Key {
        Key(name: name, standard: String(standard), meaning: meaning) { ["true", "false"].contains($0.lowercased()) }
    }

    private static func fixed(_ name: String, _ values: [String], _ meaning: String) -> Key {
        Key(name: name, standard: values[0], meaning: meaning) { value in
            values.contains { $0.lowercased() == value.lowercased() }
        }
    }

    private static func count(_ name: String, _ standard: Int, _ meaning: String) -> Key {
        Key(name: name, standard: String(standard), meaning: meaning) { Int($0).map { $0 > 0 } ?? false }
    }

    private static func text(_ name: String, _ standard: String, _ meaning: String) -> Key {
        Key(name: name, standard: standard, meaning: meaning) { _ in true }
    }

    /// The keys that have an effect, or whose only accepted values are what the engine does.
    package static let keys: [Key] = [
        fixed("spark.sql.session.timeZone", ["UTC", "Etc/UTC", "GMT", "Z", "+00:00"], "The zone of TIMESTAMP text."),
        fixed("spark.sql.caseSensitive", ["false"], "Names are compared without regard to letter case."),
        flag("spark.sql.ansi.enabled", true, "Whether CAST raises errors instead of giving NULL."),
        fixed("spark.sql.storeAssignmentPolicy", ["ANSI"], "Which casts an INSERT writes by itself."),
        fixed("spark.sql.sources.partitionOverwriteMode", ["static", "dynamic"], "What INSERT OVERWRITE replaces."),
        text("spark.sql.sources.default", "delta", "The format of a table created without USING."),
        text("spark.sql.warehouse.dir", "spark-warehouse", "Where tables without a LOCATION go."),
        flag("spark.databricks.delta.retentionDurationCheck.enabled", true, "Whether VACUUM refuses less than 168 hours."),
        flag("spark.databricks.delta.schema.autoMerge.enabled", false, "Whether writes may add columns."),
        flag("spark.sql.optimizer.enabled", true, "Whether plans are optimised (for tests)."),
        count("spark.sql.execution.batchRows", 2048, "Rows of a batch at most."),
        count("spark.sql.files.maxPartitionBytes", 16 << 20, "Bytes of a file that one task reads."),
        count("spark.default.parallelism", 2, "Worker threads of a query."),
    ]

    private static let known: [String: Key] = Dictionary(
        keys.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })

    /// As set, by the key as written first.
    private var values: [String: (name: String, value: String)] = [:]

    package init() {}

    /// The value set, else the default of a known key.
    package subscript(_ key: String) -> String? {
        values[key.lowercased()]?.value ?? Self.known[key.lowercased()]?.standard
    }

    /// - Throws: `SparkError` `INVALID_CONF_VALUE` for a value that a known key does not accept.
    package mutating func set(_ key: String, _ value: String) throws {
        if let known = Self.known[key.lowercased()], !known.accepts(value) {
            throw SparkError(
                condition: "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS", sqlState: "22022",
                message: "The value '\(value)' in the config \"\(known.name)\" is invalid or not supported. The default is '\(known.standard)'.")
        }
        values[key.lowercased()] = (Self.known[key.lowercased()]?.name ?? key, value)
    }

    package mutating func reset(_ key: String) { values[key.lowercased()] = nil }
    package mutating func resetAll() { values = [:] }

    /// Everything that was set, ascending by key.
    package var all: [(key: String, value: String)] {
        values.values.map { (key: $0.name, value: $0.value) }.sorted { $0.key < $1.key }
    }

    package static func isKnown(_ key: String) -> Bool { known[key.lowercased()] != nil }

    func flag(_ key: String) -> Bool { self[key]?.lowercased() == "true" }
    func count(_ key: String) -> Int { self[key].flatMap { Int($0) } ?? 1 }
}
