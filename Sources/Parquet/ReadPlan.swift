import Columnar
import JSONModel

/// How one column or member is put together from leaves: the file's schema seen through the rules for lists and maps,
/// matched with the type asked for.
indirect enum ReadNode {
    struct Levels {
        /// At this definition level and above the node is not null.
        var definition: Int
        /// The definition level of the innermost repeated node around: entries below it are no slot of this node.
        var slotDefinition: Int
        /// The repetition level around: entries above it continue a slot.
        var repetition: Int
    }

    case leaf(LeafColumn, Levels, DataType)
    case structure([ReadNode], Levels, StructType)
    /// `entryDefinition`: entries at this definition level and above are elements.
    case list(element: ReadNode, Levels, entryDefinition: Int, DataType)
    case map(key: ReadNode, value: ReadNode, Levels, entryDefinition: Int, DataType)
    /// A member the file lacks.
    case missing(DataType)

    var dataType: DataType {
        switch self {
        case .leaf(_, _, let type), .list(_, _, _, let type), .map(_, _, _, _, let type), .missing(let type): type
        case .structure(_, _, let type): .structure(type)
        }
    }

    var leaves: [LeafColumn] {
        switch self {
        case .leaf(let column, _, _): [column]
        case .structure(let members, _, _): members.flatMap(\.leaves)
        case .list(let element, _, _, _): element.leaves
        case .map(let key, let value, _, _, _): key.leaves + value.leaves
        case .missing: []
        }
    }
}

/// A leaf and what its values are in the file.
struct LeafColumn: Sendable {
    let index: Int
    let name: String
    let physicalType: PhysicalType
    let typeLength: Int
    let meaning: LogicalType?
    /// What Spark's type mapping makes of it.
    let naturalType: DataType
    let maxDefinition: Int
    let maxRepetition: Int
}

/// How names of the wanted schema find columns of the file.
package enum ColumnMatching: Sendable {
    /// By name, ignoring case when no exact match exists.
    case name
    /// By Parquet field id, which the wanted field's metadata holds as `delta.columnMapping.id`; by name where it has none.
    case fieldID
}

struct ReadPlanner {
    let matching: ColumnMatching

    /// The node of a column, in the file's own type, or as `wanted`.
    func plan(_ node: SchemaNode, wanted: DataType?) throws(ParquetError) -> ReadNode {
        try column(node, parentDefinition: 0, slotDefinition: 0, repetition: 0, wanted: wanted)
    }

    private func column(
        _ node: SchemaNode, parentDefinition: Int, slotDefinition: Int, repetition: Int, wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        if node.repetition == .repeated {
            // A bare repeated field is a list, never null, of elements that are never null.
            let element = try value(
                node, slotDefinition: node.definitionLevel, repetition: node.repetitionLevel,
                wanted: try elementType(wanted, node))
            return .list(
                element: element,
                .init(definition: parentDefinition, slotDefinition: slotDefinition, repetition: repetition),
                entryDefinition: node.definitionLevel,
                wanted ?? .array(element: element.dataType, containsNull: false))
        }
        return try value(node, slotDefinition: slotDefinition, repetition: repetition, wanted: wanted)
    }

    /// What `node` holds, its own repetition already dealt with.
    private func value(
        _ node: SchemaNode, slotDefinition: Int, repetition: Int, wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        let levels = ReadNode.Levels(
            definition: node.definitionLevel, slotDefinition: slotDefinition, repetition: repetition)
        if let leaf = node.leaf {
            return try self.leaf(node, leaf, levels, wanted)
        }
        switch node.element.meaning {
        case .list: return try list(node, levels, wanted)
        case .map: return try map(node, levels, wanted)
        case .variant: throw .unsupported("the column \(node.name) has the type VARIANT, which is not supported")
        default: break
        }
        return try structure(node, levels, wanted)
    }

    private func leaf(
        _ node: SchemaNode, _ index: Int, _ levels: ReadNode.Levels, _ wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        guard let physical = node.element.type else { throw .malformed("the column \(node.name) has no type") }
        let natural = try node.leafType()
        let column = LeafColumn(
            index: index, name: node.name, physicalType: physical, typeLength: Int(node.element.typeLength ?? 0),
            meaning: node.element.meaning, naturalType: natural, maxDefinition: node.definitionLevel,
            maxRepetition: node.repetitionLevel)
        let type = wanted ?? natural
        guard canRead(natural, as: type) else { throw mismatch(node, natural.simpleString, type) }
        return .leaf(column, levels, type)
    }

    private func structure(
        _ node: SchemaNode, _ levels: ReadNode.Levels, _ wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        guard let wanted else {
            var members: [ReadNode] = []
            var fields: [StructField] = []
            for child in node.children {
                let member = try column(
                    child, parentDefinition: levels.definition, slotDefinition: levels.slotDefinition,
                    repetition: levels.repetition, wanted: nil)
                members.append(member)
                fields.append(StructField(child.name, member.dataType, nullable: child.repetition != .required))
            }
            return .structure(members, levels, StructType(fields))
        }
        guard case .structure(let type) = wanted else { throw mismatch(node, "a struct", wanted) }
        var members: [ReadNode] = []
        for field in type.fields {
            if let child = find(field, in: node) {
                members.append(
                    try column(
                        child, parentDefinition: levels.definition, slotDefinition: levels.slotDefinition,
                        repetition: levels.repetition, wanted: field.dataType))
            } else {
                members.append(.missing(field.dataType))
            }
        }
        if members.allSatisfy({ $0.leaves.isEmpty }), !node.children.isEmpty {
            // Some leaf has to tell which structs are null.
            var fields = type.fields
            guard let first = node.children.first else { return .missing(wanted) }
            members.append(
                try column(
                    first, parentDefinition: levels.definition, slotDefinition: levels.slotDefinition,
                    repetition: levels.repetition, wanted: nil))
            fields.append(StructField("", members[members.count - 1].dataType))
            return .structure(members, levels, type)
        }
        return .structure(members, levels, type)
    }

    private func list(
        _ node: SchemaNode, _ levels: ReadNode.Levels, _ wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        guard node.children.count == 1, let repeated = node.children.first, repeated.repetition == .repeated else {
            throw .malformed("the list \(node.name) does not have one repeated child")
        }
        let wantedElement = try elementType(wanted, node)
        // The rules for older writers: parquet-format, LogicalTypes.md, "Lists", "Backward-compatibility rules".
        let isElement =
            repeated.leaf != nil || repeated.children.count != 1 || repeated.name == "array"
            || repeated.name == node.name + "_tuple" || repeated.children.first?.repetition == .repeated
        let element: ReadNode
        let containsNull: Bool
        if !isElement, let child = repeated.children.first {
            element = try column(
                child, parentDefinition: repeated.definitionLevel, slotDefinition: repeated.definitionLevel,
                repetition: repeated.repetitionLevel, wanted: wantedElement)
            containsNull = child.repetition == .optional
        } else {
            element = try value(
                repeated, slotDefinition: repeated.definitionLevel, repetition: repeated.repetitionLevel,
                wanted: wantedElement)
            containsNull = false
        }
        return .list(
            element: element, levels, entryDefinition: repeated.definitionLevel,
            wanted ?? .array(element: element.dataType, containsNull: containsNull))
    }

    private func map(
        _ node: SchemaNode, _ levels: ReadNode.Levels, _ wanted: DataType?
    ) throws(ParquetError) -> ReadNode {
        guard node.children.count == 1, let entry = node.children.first, entry.repetition == .repeated,
            entry.leaf == nil, (1...2).contains(entry.children.count)
        else { throw .malformed("the map \(node.name) does not have one repeated pair") }
        var wantedKey: DataType?
        var wantedValue: DataType?
        if let wanted {
            guard case .map(let key, let value, _) = wanted else { throw mismatch(node, "a map", wanted) }
            (wantedKey, wantedValue) = (key, value)
        }
        let key = try column(
            entry.children[0], parentDefinition: entry.definitionLevel, slotDefinition: entry.definitionLevel,
            repetition: entry.repetitionLevel, wanted: wantedKey)
        var value = ReadNode.missing(wantedValue ?? .null)
        var containsNull = true
        if entry.children.count == 2 {
            value = try column(
                entry.children[1], parentDefinition: entry.definitionLevel, slotDefinition: entry.definitionLevel,
                repetition: entry.repetitionLevel, wanted: wantedValue)
            containsNull = entry.children[1].repetition == .optional
        }
        return .map(
            key: key, value: value, levels, entryDefinition: entry.definitionLevel,
            wanted ?? .map(key: key.dataType, value: value.dataType, valueContainsNull: containsNull))
    }

    private func elementType(_ wanted: DataType?, _ node: SchemaNode) throws(ParquetError) -> DataType? {
        guard let wanted else { return nil }
        guard case .array(let element, _) = wanted else { throw mismatch(node, "a list", wanted) }
        return element
    }

    func find(_ field: StructField, in group: SchemaNode) -> SchemaNode? {
        if matching == .fieldID, let id = field.metadata["delta.columnMapping.id"]?.int64 {
            if let match = group.children.first(where: { $0.element.fieldID.map(Int64.init) == id }) { return match }
            // Files written before ids were kept have none at all.
            if group.children.contains(where: { $0.element.fieldID != nil }) { return nil }
        }
        let name = field.metadata["delta.columnMapping.physicalName"]?.string ?? field.name
        if let exact = group.children.first(where: { $0.name == name }) { return exact }
        let lower = name.lowercased()
        return group.children.first { $0.name.lowercased() == lower }
    }

    private func mismatch(_ node: SchemaNode, _ found: String, _ wanted: DataType) -> ParquetError {
        ParquetError(.schemaMismatch, "the column \(node.name) is \(found) in the file, expected \(wanted.simpleString)")
    }
}

/// Whether values of the file's type can be given as `wanted` without loss: the same type, or one of Delta's widenings.
func canRead(_ natural: DataType, as wanted: DataType) -> Bool {
    if natural == wanted { return true }
    switch (natural, wanted) {
    case (.null, _): return true
    case (.byte, .short), (.byte, .int), (.byte, .long), (.short, .int), (.short, .long), (.int, .long): return true
    // Columns of narrow integers may have been written without their width.
    case (.int, .byte), (.int, .short), (.short, .byte): return true
    case (.byte, .double), (.short, .double), (.int, .double), (.float, .double): return true
    case (.date, .timestampNTZ), (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp): return true
    case (.int, .date), (.int, .yearMonthInterval), (.long, .dayTimeInterval), (.long, .timestamp), (.long, .timestampNTZ):
        return true
    case (.string, .binary), (.binary, .string): return true
    case (.byte, .decimal(let p, let s)), (.short, .decimal(let p, let s)), (.int, .decimal(let p, let s)): return p - s >= 10
    case (.long, .decimal(let p, let s)): return p - s >= 19
    case (.decimal(let p1, let s1), .decimal(let p2, let s2)): return s2 >= s1 && p2 - s2 >= p1 - s1
    default: return false
    }
}
