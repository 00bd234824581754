package import JSONModel
package import StatesLanguage
import Support

/// A distributed Map about to run: every field of the state that does not depend on an item, evaluated.
package struct MapRunStart: Sendable, Hashable {
    /// Unique among all map runs, and the same whenever the command is repeated.
    package var mapRunArn: String
    package var stateName: String
    /// The Map's label, or what stands for it in ARNs.
    package var label: String
    /// The elements of the state's items, or the members of an object, as `{"Key", "Value"}`; nil with a reader.
    package var items: [JSONValue]?
    package var itemsAreMembers = false
    package var reader: ItemReaderStart?
    package var batcher: ItemBatcherStart?
    package var writer: ResultWriterStart?
    /// What `ItemSelector` may read; nil when the Map has none.
    package var selector: ItemSelectorScope?
    /// 0 for no limit of the definition's.
    package var maxConcurrency: Int64 = 0
    /// Nil where the definition says nothing.
    package var toleratedFailureCount: Int64?
    package var toleratedFailurePercentage: Double?
}

package struct ItemReaderStart: Sendable, Hashable {
    package var source: ItemReaderFields.Source
    package var parameters: JSONValue
    package var format: ItemFormat
    /// Nil for all items; what is negative fails the run when it begins to read.
    package var maxItems: Int64?
}

package struct ItemBatcherStart: Sendable, Hashable {
    package var maxItems: Int64?
    package var maxBytes: Int64?
    package var batchInput: JSONValue?
}

package struct ResultWriterStart: Sendable, Hashable {
    /// Nil when results are the state's result.
    package var parameters: JSONValue?
    package var transformation: ResultWriterFields.Transformation
    package var outputType: ResultWriterFields.OutputType
}

/// The Map state's surroundings when it was entered.
package struct ItemSelectorScope: Sendable, Hashable {
    /// What the selector sees as `$`, or `$states.input`.
    package var input: JSONValue
    package var variables: JSONObject
    package var visit: Int64
    /// In milliseconds since 1970.
    package var enteredAt: Int64
    package var attempt: Int
}

// As durable JSON.
extension MapRunStart {
    /// The second has manifests and flattened listings; runs without them are written as before.
    private static let formatVersion: Int64 = 2

    /// All but the ARN, the items and what can be changed while the run goes on.
    package var configuration: JSONObject {
        let version = reader?.format.namesObjects == true ? Self.formatVersion : 1
        var object: JSONObject = ["format": .number(version), "state": .string(stateName), "label": .string(label)]
        if itemsAreMembers { object["members"] = true }
        if let reader {
            var json: JSONObject = [
                "resource": .string(reader.source.rawValue), "parameters": reader.parameters,
                "inputType": .string(reader.format.inputType.rawValue),
                "delimiter": .string(reader.format.csvDelimiter.rawValue),
                "pointer": .array(reader.format.itemsPointer.map { .string($0) }),
            ]
            if let headers = reader.format.csvHeaders { json["headers"] = .array(headers.map { .string($0) }) }
            if let manifest = reader.format.manifest { json["manifest"] = .string(manifest.rawValue) }
            if reader.format.isFlattened { json["flattened"] = true }
            if let maxItems = reader.maxItems { json["maxItems"] = .number(maxItems) }
            object["reader"] = .object(json)
        }
        if let batcher {
            var json = JSONObject()
            if let maxItems = batcher.maxItems { json["maxItems"] = .number(maxItems) }
            if let maxBytes = batcher.maxBytes { json["maxBytes"] = .number(maxBytes) }
            if let input = batcher.batchInput { json["input"] = input }
            object["batcher"] = .object(json)
        }
        if let writer {
            var json: JSONObject = [
                "transformation": .string(writer.transformation.rawValue), "outputType": .string(writer.outputType.rawValue),
            ]
            if let parameters = writer.parameters { json["parameters"] = parameters }
            object["writer"] = .object(json)
        }
        if let selector {
            object["selector"] = [
                "input": selector.input, "variables": .object(selector.variables), "visit": .number(selector.visit),
                "entered": .number(selector.enteredAt), "attempt": .number(selector.attempt),
            ]
        }
        return object
    }

    /// What `configuration` was made from.
    /// - Throws: `SnapshotError` for JSON that is none of ours.
    package init(mapRunArn: String, configuration: JSONObject) throws(SnapshotError) {
        func missing(_ name: String) -> SnapshotError { SnapshotError("the map run \(mapRunArn) has no '\(name)'") }
        guard let format = configuration["format"]?.int64, format <= Self.formatVersion else {
            throw SnapshotError("the map run \(mapRunArn) has a format that this release does not read")
        }
        guard let state = configuration["state"]?.string else { throw missing("state") }
        guard let label = configuration["label"]?.string else { throw missing("label") }
        self.init(mapRunArn: mapRunArn, stateName: state, label: label)
        itemsAreMembers = configuration["members"]?.bool ?? false
        if let json = configuration["reader"] {
            guard let source = json["resource"]?.string.flatMap(ItemReaderFields.Source.init),
                let inputType = json["inputType"]?.string.flatMap(ItemFormat.InputType.init),
                let delimiter = json["delimiter"]?.string.flatMap(ItemFormat.Delimiter.init)
            else { throw missing("reader") }
            var format = ItemFormat()
            format.inputType = inputType
            format.csvDelimiter = delimiter
            format.csvHeaders = json["headers"]?.array?.compactMap(\.string)
            format.manifest = json["manifest"]?.string.flatMap(ItemFormat.Manifest.init)
            format.isFlattened = json["flattened"]?.bool ?? false
            format.itemsPointer = json["pointer"]?.array?.compactMap(\.string) ?? []
            reader = ItemReaderStart(
                source: source, parameters: json["parameters"] ?? .null, format: format, maxItems: json["maxItems"]?.int64)
        }
        if let json = configuration["batcher"] {
            batcher = ItemBatcherStart(
                maxItems: json["maxItems"]?.int64, maxBytes: json["maxBytes"]?.int64, batchInput: json["input"])
        }
        if let json = configuration["writer"] {
            guard let transformation = json["transformation"]?.string.flatMap(ResultWriterFields.Transformation.init),
                let outputType = json["outputType"]?.string.flatMap(ResultWriterFields.OutputType.init)
            else { throw missing("writer") }
            writer = ResultWriterStart(
                parameters: json["parameters"], transformation: transformation, outputType: outputType)
        }
        if let json = configuration["selector"] {
            guard let visit = json["visit"]?.int64, let entered = json["entered"]?.int64 else { throw missing("selector") }
            selector = ItemSelectorScope(
                input: json["input"] ?? .null, variables: json["variables"]?.object ?? [:], visit: visit,
                enteredAt: entered, attempt: Int(clamping: json["attempt"]?.int64 ?? 0))
        }
    }

    init(mapRunArn: String, stateName: String, label: String) {
        self.mapRunArn = mapRunArn
        self.stateName = stateName
        self.label = label
    }
}
