package import JSONModel

/// A table of the catalog, read from its JSON. Members that no accessor reads stay in the document.
package struct GlueTable: Sendable, Hashable {
    package var document: JSONObject
    package init(_ document: JSONObject) { self.document = document }

    package var name: String { document["Name"]?.string ?? "" }
    package var databaseName: String { document["DatabaseName"]?.string ?? "" }
    package var storage: GlueStorageDescriptor { GlueStorageDescriptor(document["StorageDescriptor"]?.object ?? [:]) }
    package var partitionKeys: [GlueColumn] { GlueColumn.list(document["PartitionKeys"]) }
    package var parameters: [String: String] { textMap(document["Parameters"]) }
    package var tableType: String? { document["TableType"]?.string }
    package var versionID: String? { document["VersionId"]?.string }
    package var viewText: String? { document["ViewOriginalText"]?.string }
}

package struct GlueDatabase: Sendable, Hashable {
    package var document: JSONObject
    package init(_ document: JSONObject) { self.document = document }

    package var name: String { document["Name"]?.string ?? "" }
    package var locationURI: String? { document["LocationUri"]?.string }
    package var parameters: [String: String] { textMap(document["Parameters"]) }
}

package struct GluePartition: Sendable, Hashable {
    package var document: JSONObject
    package init(_ document: JSONObject) { self.document = document }

    /// In the order of the table's partition keys.
    package var values: [String] { document["Values"]?.array?.compactMap(\.string) ?? [] }
    package var storage: GlueStorageDescriptor { GlueStorageDescriptor(document["StorageDescriptor"]?.object ?? [:]) }
    package var parameters: [String: String] { textMap(document["Parameters"]) }

    /// Distinguishes lists of values and sorts as they do: each value is followed by U+0001, an inner U+0001 or U+0002
    /// is written as U+0002 and a digit.
    package static func key(ofValues values: [String]) -> String {
        var key = String.UnicodeScalarView()
        for value in values {
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\u{1}": key.append(contentsOf: "\u{2}1".unicodeScalars)
                case "\u{2}": key.append(contentsOf: "\u{2}2".unicodeScalars)
                case "\u{0}": key.append(contentsOf: "\u{2}0".unicodeScalars)
                default: key.append(scalar)
                }
            }
            key.append("\u{1}")
        }
        return String(key)
    }
}

package struct GlueStorageDescriptor: Sendable, Hashable {
    package var document: JSONObject
    package init(_ document: JSONObject) { self.document = document }

    package var columns: [GlueColumn] { GlueColumn.list(document["Columns"]) }
    package var location: String? { document["Location"]?.string }
    package var inputFormat: String? { document["InputFormat"]?.string }
    package var outputFormat: String? { document["OutputFormat"]?.string }
    package var serializationLibrary: String? { document["SerdeInfo"]?["SerializationLibrary"]?.string }
    package var serializationParameters: [String: String] { textMap(document["SerdeInfo"]?["Parameters"]) }
}

package struct GlueColumn: Sendable, Hashable {
    package var name: String
    /// Hive's name of the type, such as `decimal(10,2)` or `array<int>`.
    package var type: String
    package var comment: String?

    package init(name: String, type: String, comment: String? = nil) {
        self.name = name
        self.type = type
        self.comment = comment
    }

    static func list(_ value: JSONValue?) -> [GlueColumn] {
        (value?.array ?? []).compactMap { column in
            guard let name = column["Name"]?.string else { return nil }
            return GlueColumn(name: name, type: column["Type"]?.string ?? "", comment: column["Comment"]?.string)
        }
    }
}

private func textMap(_ value: JSONValue?) -> [String: String] {
    var map: [String: String] = [:]
    for (key, value) in value?.object ?? [:] { map[key] = value.string }
    return map
}
