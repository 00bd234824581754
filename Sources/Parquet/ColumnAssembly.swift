import Columnar

// Puts nested columns together from the levels of their leaves.
//
// Every node has slots: the places its parent list or record offers. One leaf below the node is enough to find them:
// an entry is a slot of the node when its definition level reaches the innermost repeated node around (else that list
// was empty or null there) and its repetition level is not above the node's (else it continues a slot). The slot is
// null when the definition level stays below the node's own. A list's elements are counted the same way one level
// further in. All leaves of a node must agree on the number of slots; files where they do not are refused.

extension ReadNode {
    /// The column of this node. `rows` holds what each leaf read, by leaf index.
    func assemble(_ rows: [Int: LeafRows], rowCount: Int) throws -> ColumnVector {
        switch self {
        case .leaf(let column, let levels, let type):
            guard let leaf = rows[column.index] else { throw ParquetError.malformed("the column \(column.name) was not read") }
            return try column.assemble(leaf, slotDefinition: levels.slotDefinition, as: type)
        case .missing(let type): return .nulls(type, count: rowCount)
        case .structure(let members, let levels, let type):
            let (slots, valid) = try slots(rows, levels, rowCount)
            var children: [ColumnVector] = []
            for (member, field) in zip(members, type.fields) {
                let child = try member.assemble(rows, rowCount: slots)
                guard child.count == slots else { throw uneven(field.name) }
                children.append(child)
            }
            return .structure(.structure(type), count: slots, children: children, validity: valid)
        case .list(let element, let levels, let entryDefinition, let type):
            let lists = try lists(rows, levels, entryDefinition)
            let child = try element.assemble(rows, rowCount: lists.entries)
            guard child.count == lists.entries else { throw uneven("element") }
            return try .list(type, count: lists.count, offsets: lists.offsets, child: child, validity: lists.validity)
        case .map(let key, let value, let levels, let entryDefinition, let type):
            let lists = try lists(rows, levels, entryDefinition)
            let keys = try key.assemble(rows, rowCount: lists.entries)
            let values = try value.assemble(rows, rowCount: lists.entries)
            guard keys.count == lists.entries, values.count == lists.entries else { throw uneven("key_value") }
            return try .map(
                type, count: lists.count, offsets: lists.offsets, keys: keys, values: values, validity: lists.validity)
        }
    }

    private func uneven(_ name: String) -> ParquetError {
        .malformed("the leaves of \(name) have different numbers of values")
    }

    private func firstLeaf(_ rows: [Int: LeafRows]) -> LeafRows? {
        leaves.first.flatMap { rows[$0.index] }
    }

    private func slots(
        _ rows: [Int: LeafRows], _ levels: Levels, _ rowCount: Int
    ) throws -> (count: Int, validity: ValidityBitmap?) {
        guard let leaf = firstLeaf(rows) else { return (rowCount, nil) }
        guard !leaf.definitionLevels.isEmpty else { return (leaf.entryCount, nil) }
        var valid: [UInt8] = []
        valid.reserveCapacity(rowCount)
        var hasNull = false
        for index in 0..<leaf.entryCount {
            let definition = Int(leaf.definitionLevels[index])
            guard definition >= levels.slotDefinition else { continue }
            if !leaf.repetitionLevels.isEmpty, Int(leaf.repetitionLevels[index]) > levels.repetition { continue }
            let isValid = definition >= levels.definition
            if !isValid { hasNull = true }
            valid.append(isValid ? 1 : 0)
        }
        return (valid.count, hasNull ? valid.withUnsafeBufferPointer { ValidityBitmap(validBytes: $0) } : nil)
    }

    private struct Lists {
        var count: Int
        var entries: Int
        var offsets: Buffer
        var validity: ValidityBitmap?
    }

    private func lists(_ rows: [Int: LeafRows], _ levels: Levels, _ entryDefinition: Int) throws -> Lists {
        guard let leaf = firstLeaf(rows), leaf.repetitionLevels.count == leaf.entryCount,
            leaf.definitionLevels.count == leaf.entryCount
        else { throw ParquetError.malformed("a list without levels") }
        var starts: [Int32] = []
        var valid: [UInt8] = []
        var hasNull = false
        var entries: Int32 = 0
        for index in 0..<leaf.entryCount {
            let definition = Int(leaf.definitionLevels[index])
            let repetition = Int(leaf.repetitionLevels[index])
            guard definition >= levels.slotDefinition else { continue }
            if repetition <= levels.repetition {
                starts.append(entries)
                let isValid = definition >= levels.definition
                if !isValid { hasNull = true }
                valid.append(isValid ? 1 : 0)
            }
            if definition >= entryDefinition, repetition <= levels.repetition + 1 { entries += 1 }
        }
        let offsets = Buffer(bytes: (starts.count + 1) * 4)
        let pointer = offsets.pointer(to: Int32.self)
        for (index, start) in starts.enumerated() { pointer[index] = start }
        pointer[starts.count] = entries
        // Entries before the first slot would belong to nothing.
        guard starts.first ?? 0 == 0 else { throw ParquetError.malformed("a list that begins in the middle") }
        return Lists(
            count: starts.count, entries: Int(entries), offsets: offsets,
            validity: hasNull ? valid.withUnsafeBufferPointer { ValidityBitmap(validBytes: $0) } : nil)
    }
}
