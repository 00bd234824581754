import JSONModel

/// The hint `_last_checkpoint`.
package struct LastCheckpoint: Sendable, Hashable {
    package var version: Int64
    /// Actions in the checkpoint.
    package var size: Int64
    package var parts: Int64?

    package init(version: Int64, size: Int64, parts: Int64? = nil) {
        self.version = version
        self.size = size
        self.parts = parts
    }

    /// Nil for bytes that are no such hint: it is only a hint.
    package init?(bytes: [UInt8]) {
        // The reason does not matter: without the hint the log is listed from its beginning.
        guard let json = try? JSONValue(parsing: bytes), let version = json["version"]?.int64, version >= 0 else { return nil }
        self.init(version: version, size: json["size"]?.int64 ?? 0, parts: json["parts"]?.int64)
    }

    package var bytes: [UInt8] {
        var object: JSONObject = ["version": .number(JSONNumber(version)), "size": .number(JSONNumber(size))]
        if let parts { object["parts"] = .number(JSONNumber(parts)) }
        return JSONValue.object(object).bytes
    }
}
