import JSONModel

private let putResource = "arn:aws:states:::s3:putObject"

// Maps in DISTRIBUTED mode: where items come from, how they are batched, where results go.
extension DefinitionParser {
    /// What only Maps in DISTRIBUTED mode have.
    static let distributedFields = ["Label", "ItemReader", "ItemBatcher", "ResultWriter"]

    /// - Parameters:
    ///   - fields: of the Map.
    ///   - processor: its item processor.
    mutating func distributed(
        _ fields: JSONObject, processor: JSONObject, childType: StateMachineType, at location: String
    ) -> DistributedMapFields {
        var child = processor
        child["ProcessorConfig"] = nil
        if language == .jsonata { child["QueryLanguage"] = .string(language.rawValue) }
        return DistributedMapFields(
            childDefinition: JSONValue.object(child).text, childType: childType, label: label(fields, at: location),
            reader: reader(fields, at: location), batcher: batcher(fields, at: location),
            writer: writer(fields, at: location))
    }

    private mutating func label(_ fields: JSONObject, at location: String) -> String? {
        guard let label = string(fields, "Label", at: location) else { return nil }
        let forbidden = Set("?*<>{}[]:;,\\|^~$#%&`\"/ ".unicodeScalars)
        if label.isEmpty || label.unicodeScalars.count > 40 {
            report("Label must have between 1 and 40 characters", at: join(location, "Label"))
        } else if label.unicodeScalars.contains(where: { forbidden.contains($0) || $0.value < 0x20 || $0.properties.isWhitespace }) {
            report("Label must not contain white space or any of the characters ? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` \" /", at: join(location, "Label"))
        } else if !labels.insert(label).inserted {
            report("Duplicate Label: \(label)", at: join(location, "Label"))
        }
        return label
    }

    private mutating func object(_ fields: JSONObject, _ key: String, at location: String) -> JSONObject? {
        guard let value = fields[key] else { return nil }
        if let object = value.object { return object }
        report("Expected value of type Object", at: join(location, key))
        return nil
    }

    /// A text of a closed set; `standard` when it is missing.
    private mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ object: JSONObject, _ key: String, _ standard: Value, at location: String
    ) -> Value where Value.RawValue == String {
        guard let text = string(object, key, at: location) else { return standard }
        if let value = Value(rawValue: text) { return value }
        reportSet(Value.allCases.map(\.rawValue), at: join(location, key))
        return standard
    }

    /// The name of the field with a service call's parameters.
    var parametersKey: String { current.language == .jsonata ? "Arguments" : "Parameters" }

    /// The parameters of a call, all of whose `required` members are given by themselves or by a path.
    private mutating func parameters(_ object: JSONObject, required: [String], at location: String) -> PayloadTemplate? {
        let key = parametersKey
        guard let value = object[key] else {
            report("These fields are required: [\(key)]", at: location)
            return nil
        }
        if let members = value.object {
            for name in required where members[name] == nil && members[name + ".$"] == nil {
                report("The field '\(name)' is required but was missing", at: join(location, key))
            }
        }
        return template(object, key, at: location)
    }

    private mutating func reader(_ fields: JSONObject, at outer: String) -> ItemReaderFields? {
        guard let object = object(fields, "ItemReader", at: outer) else { return nil }
        let location = join(outer, "ItemReader")
        checkFields(object, ["Resource", "ReaderConfig", parametersKey], location)
        guard let text = string(object, "Resource", at: location) else {
            if object["Resource"] == nil { report("These fields are required: [Resource]", at: location) }
            return nil
        }
        guard let source = ItemReaderFields.Source(rawValue: text) else {
            report("The field 'Resource' does not match any of the allowed values", at: join(location, "Resource"))
            return nil
        }
        let config = self.object(object, "ReaderConfig", at: location) ?? [:]
        let place = join(location, "ReaderConfig")
        var format = ItemFormat()
        var maxItems: NumberField<Int64>?
        checkFields(
            config,
            [
                "InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter", "MaxItems", "MaxItemsPath", "ItemsPointer",
                "ManifestType", "Transformation",
            ], place)
        if config["InputType"]?.string == "PARQUET" {
            report("The InputType PARQUET is not supported by this server: use CSV, JSON or JSONL objects or a listing", at: join(place, "InputType"))
            return nil
        }
        if let transformation = string(config, "Transformation", at: place) {
            format.isFlattened = transformation == "LOAD_AND_FLATTEN" && source == .listing
            if transformation != "NONE", !format.isFlattened {
                reportSet(["NONE", "LOAD_AND_FLATTEN"], at: join(place, "Transformation"))
            }
        }
        if source == .object { format.manifest = manifest(config, at: place) }
        if format.manifest == .inventory {
            format.inputType = .csv
            format.csvDelimiter = choice(config, "CSVDelimiter", .comma, at: place)
        } else if source == .object || format.isFlattened {
            if config["InputType"] == nil { report("These fields are required: [InputType]", at: place) }
            format.inputType = choice(config, "InputType", .json, at: place)
            if format.inputType == .csv { csv(config, &format, at: place) }
            if let pointer = string(config, "ItemsPointer", at: place) {
                if format.inputType == .json, let names = Self.pointer(pointer) {
                    format.itemsPointer = names
                } else {
                    report("ItemsPointer must be a JSON pointer of member names, such as /data/items, and the InputType JSON", at: join(place, "ItemsPointer"))
                }
            }
        }
        maxItems = numberField(config, "MaxItems", at: place, in: 0...100_000_000)
        let required = source == .listing ? ["Bucket"] : ["Bucket", "Key"]
        return ItemReaderFields(
            source: source, parameters: parameters(object, required: required, at: location), format: format,
            maxItems: maxItems)
    }

    /// What names the objects with the items. `MANIFEST` alone is what inventories are read with since before there were
    /// others.
    private mutating func manifest(_ config: JSONObject, at place: String) -> ItemFormat.Manifest? {
        let isOld = config["InputType"]?.string == "MANIFEST"
        guard let text = string(config, "ManifestType", at: place) else { return isOld ? .inventory : nil }
        guard let manifest = ItemFormat.Manifest(rawValue: text) else {
            reportSet(["S3_INVENTORY", "ATHENA_DATA"], at: join(place, "ManifestType"))
            return nil
        }
        if manifest == .inventory, config["InputType"] != nil, !isOld {
            report("InputType cannot be specified where ManifestType is S3_INVENTORY", at: join(place, "InputType"))
        }
        return manifest
    }

    private mutating func csv(_ config: JSONObject, _ format: inout ItemFormat, at place: String) {
        format.csvDelimiter = choice(config, "CSVDelimiter", .comma, at: place)
        guard let header = string(config, "CSVHeaderLocation", at: place) else {
            if config["CSVHeaderLocation"] == nil { report("These fields are required: [CSVHeaderLocation]", at: place) }
            return
        }
        switch header {
        case "FIRST_ROW": break
        case "GIVEN":
            let names = array(config, "CSVHeaders", at: place) ?? []
            format.csvHeaders = names.compactMap(\.string)
            if names.isEmpty || names.contains(where: { $0.string == nil }) {
                report("CSVHeaders must be the names of the columns where CSVHeaderLocation is GIVEN", at: place)
            }
        default:
            reportSet(["FIRST_ROW", "GIVEN"], at: join(place, "CSVHeaderLocation"))
        }
    }

    /// The names of a JSON pointer (RFC 6901).
    private static func pointer(_ text: String) -> [String]? {
        if text.isEmpty { return [] }
        guard text.hasPrefix("/") else { return nil }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            // `~01` stands for `~1`: the second replacement must come last.
            part.split(separator: "~1", omittingEmptySubsequences: false).map { piece in
                piece.split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
            }.joined(separator: "/")
        }
    }

    private mutating func batcher(_ fields: JSONObject, at outer: String) -> ItemBatcherFields? {
        guard let object = object(fields, "ItemBatcher", at: outer) else { return nil }
        let location = join(outer, "ItemBatcher")
        checkFields(
            object,
            ["MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "BatchInput"],
            location)
        let items = numberField(object, "MaxItemsPerBatch", at: location, in: 1...100_000_000)
        let bytes = numberField(object, "MaxInputBytesPerBatch", at: location, in: 1...262_144)
        if items == nil, bytes == nil {
            report("One of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]", at: location)
        }
        return ItemBatcherFields(
            maxItems: items, maxBytes: bytes, batchInput: template(object, "BatchInput", at: location))
    }

    private mutating func writer(_ fields: JSONObject, at outer: String) -> ResultWriterFields? {
        guard let object = object(fields, "ResultWriter", at: outer) else { return nil }
        let location = join(outer, "ResultWriter")
        checkFields(object, ["Resource", "WriterConfig", parametersKey], location)
        let exports = object["Resource"] != nil
        if let text = string(object, "Resource", at: location), text != putResource {
            report("The field 'Resource' does not match any of the allowed values", at: join(location, "Resource"))
        }
        if !exports, object["WriterConfig"] == nil {
            report("One of these fields is required: [Resource, WriterConfig]", at: location)
        }
        let config = self.object(object, "WriterConfig", at: location) ?? [:]
        let place = join(location, "WriterConfig")
        checkFields(config, ["OutputType", "Transformation"], place)
        return ResultWriterFields(
            exports: exports,
            parameters: exports ? parameters(object, required: ["Bucket"], at: location) : nil,
            transformation: choice(config, "Transformation", exports ? .none : .compact, at: place),
            outputType: choice(config, "OutputType", .json, at: place))
    }
}
