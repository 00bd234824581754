/// What a Map in DISTRIBUTED mode has besides: each item, or batch of items, has a child execution of its own.
package struct DistributedMapFields: Sendable {
    /// The item processor as a definition by itself, with which children are started.
    package var childDefinition: String
    package var childType: StateMachineType
    /// Nil when the service makes one up.
    package var label: String?
    package var reader: ItemReaderFields?
    package var batcher: ItemBatcherFields?
    package var writer: ResultWriterFields?
}

/// Where items come from when they are not in the state's input.
package struct ItemReaderFields: Sendable {
    package enum Source: String, Sendable, Hashable {
        /// One item for each object under a prefix.
        case listing = "arn:aws:states:::s3:listObjectsV2"
        /// Items inside one object.
        case object = "arn:aws:states:::s3:getObject"
    }

    package var source: Source
    /// `Parameters`, or `Arguments` in JSONata.
    package var parameters: PayloadTemplate?
    package var format: ItemFormat
    /// Nil for all.
    package var maxItems: NumberField<Int64>?
}

/// How the items of an object are written.
package struct ItemFormat: Sendable, Hashable {
    package enum InputType: String, Sendable, Hashable, CaseIterable {
        case csv = "CSV", json = "JSON", jsonLines = "JSONL"
    }
    package enum Delimiter: String, Sendable, Hashable, CaseIterable {
        case comma = "COMMA", pipe = "PIPE", semicolon = "SEMICOLON", space = "SPACE", tab = "TAB"

        package var byte: UInt8 {
            switch self {
            case .comma: UInt8(ascii: ",")
            case .pipe: UInt8(ascii: "|")
            case .semicolon: UInt8(ascii: ";")
            case .space: UInt8(ascii: " ")
            case .tab: UInt8(ascii: "\t")
            }
        }
    }

    /// What names the objects that hold the items.
    package enum Manifest: String, Sendable, Hashable {
        case inventory = "S3_INVENTORY", athena = "ATHENA_DATA"
    }

    package var inputType = InputType.json
    /// Nil when the object itself holds them.
    package var manifest: Manifest?
    /// Whether items are those inside the objects of a listing, not the objects.
    package var isFlattened = false
    /// Whether items are inside objects that something else names.
    package var namesObjects: Bool { manifest != nil || isFlattened }
    /// The names of a CSV file's columns; nil when its first row has them.
    package var csvHeaders: [String]?
    package var csvDelimiter = Delimiter.comma
    /// The member names on the way to a JSON document's items; empty for the document itself.
    package var itemsPointer: [String] = []

    package init() {}
}

package struct ItemBatcherFields: Sendable {
    package var maxItems: NumberField<Int64>?
    package var maxBytes: NumberField<Int64>?
    /// Handed to every child beside its items.
    package var batchInput: PayloadTemplate?
}

/// Where results go, and in which shape.
package struct ResultWriterFields: Sendable {
    package enum Transformation: String, Sendable, Hashable, CaseIterable {
        /// Results with what is known of their executions.
        case none = "NONE"
        /// Results alone.
        case compact = "COMPACT"
        /// Results alone, the elements of arrays each by itself.
        case flatten = "FLATTEN"
    }
    package enum OutputType: String, Sendable, Hashable, CaseIterable {
        case json = "JSON", jsonLines = "JSONL"
    }

    /// Whether results are put into a bucket; else they are the state's result.
    package var exports: Bool
    /// `Parameters`, or `Arguments` in JSONata.
    package var parameters: PayloadTemplate?
    package var transformation: Transformation
    package var outputType: OutputType
}

extension StateGroup {
    /// The state of that name in the group or inside one of its states.
    package func find(_ name: String) -> StateDefinition? {
        if let state = self[name] { return state }
        for state in states {
            switch state.body {
            case .parallel(let branches):
                for branch in branches { if let found = branch.find(name) { return found } }
            case .map(let fields):
                if let found = fields.processor.find(name) { return found }
            case .pass, .task, .choice, .wait, .succeed, .fail: break
            }
        }
        return nil
    }

    func addActivities(to arns: inout Set<String>) {
        for state in states {
            switch state.body {
            case .task(let fields): if fields.resource.kind == .activity { arns.insert(fields.resource.arn) }
            case .parallel(let branches): for branch in branches { branch.addActivities(to: &arns) }
            case .map(let fields): if fields.distributed == nil { fields.processor.addActivities(to: &arns) }
            case .pass, .choice, .wait, .succeed, .fail: break
            }
        }
    }

    /// Whether the state of that name is inside a Map of the group.
    func hasInMap(_ name: String) -> Bool {
        states.contains { state in
            switch state.body {
            case .parallel(let branches): branches.contains { $0.hasInMap(name) }
            case .map(let fields): fields.processor.find(name) != nil
            case .pass, .task, .choice, .wait, .succeed, .fail: false
            }
        }
    }
}
