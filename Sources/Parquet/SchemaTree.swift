/// The schema of a file as a tree, with the levels that its leaves' values carry.
package struct SchemaNode: Sendable {
    package let element: SchemaElement
    package let children: [SchemaNode]
    /// The definition level at which this node is present.
    package let definitionLevel: Int
    /// How many repeated nodes lie on the way here, this one included.
    package let repetitionLevel: Int
    /// The position among all leaves; nil for a group.
    package let leaf: Int?

    package var name: String { element.name }
    var repetition: FieldRepetitionType { element.repetitionType ?? .required }

    static let depthMax = 64
    static let levelMax = 255

    /// Builds the tree and checks that the list of elements makes one.
    ///
    /// - Throws: `ParquetError` `.malformed` for child counts that do not add up, leaves without a type, nesting over 64.
    static func build(_ elements: [SchemaElement]) throws(ParquetError) -> SchemaNode {
        var next = 0
        var leaves = 0
        guard let root = elements.first else { throw .malformed("the file has no schema") }
        guard root.numChildren != nil || elements.count == 1 else { throw .malformed("the root of the schema is no group") }
        let node = try build(elements, &next, &leaves, depth: 0, definition: 0, repetition: 0)
        guard next == elements.count else {
            throw .malformed("the schema has \(elements.count - next) elements outside its tree")
        }
        return node
    }

    private static func build(
        _ elements: [SchemaElement], _ next: inout Int, _ leaves: inout Int, depth: Int, definition: Int, repetition: Int
    ) throws(ParquetError) -> SchemaNode {
        guard next < elements.count else { throw .malformed("the schema names more children than it has elements") }
        guard depth <= depthMax else { throw .malformed("the schema nests deeper than \(depthMax) levels") }
        let element = elements[next]
        next += 1
        let own = depth == 0 ? .required : element.repetitionType ?? .required
        let definition = definition + (own == .required ? 0 : 1)
        let repetition = repetition + (own == .repeated ? 1 : 0)
        let count = Int(element.numChildren ?? 0)
        if element.type != nil, count == 0 {
            if element.type == .fixedLengthByteArray {
                guard let length = element.typeLength, length >= 0 else {
                    throw .malformed("the column \(element.name) of fixed length has no length")
                }
            }
            defer { leaves += 1 }
            return SchemaNode(
                element: element, children: [], definitionLevel: definition, repetitionLevel: repetition, leaf: leaves)
        }
        guard element.type == nil || depth == 0 else {
            throw .malformed("the schema element \(element.name) has both a type and children")
        }
        guard count >= 0, count <= elements.count - next else {
            throw .malformed("the schema element \(element.name) has \(count) children")
        }
        guard count > 0 || depth == 0 || element.numChildren != nil else {
            throw .malformed("the schema element \(element.name) has neither a type nor children")
        }
        var children: [SchemaNode] = []
        for _ in 0..<count {
            children.append(
                try build(elements, &next, &leaves, depth: depth + 1, definition: definition, repetition: repetition))
        }
        return SchemaNode(
            element: element, children: children, definitionLevel: definition, repetitionLevel: repetition, leaf: nil)
    }

    /// All leaves below, in the order of column chunks.
    package var leaves: [SchemaNode] { leaf != nil ? [self] : children.flatMap(\.leaves) }
}
