import CYAML

/// Composes one document from libyaml's events.
///
/// Limits: `bytesMax`, `depthMax`, and `nodesMax` nodes after every alias has been replaced by what it stands for, so
/// that a small document cannot become a large value. Tags are refused, and so are two equal keys in a mapping and a
/// second document.
package enum YAMLReader {
    package static let bytesMax = 1 << 20
    package static let depthMax = 32
    package static let nodesMax = 10_000

    /// - Returns: nil for a document without content.
    package static func read(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        guard bytes.count <= bytesMax else {
            throw YAMLError(mark: .start, message: "the file has \(bytes.count) bytes, the limit is \(bytesMax)")
        }
        return try bytes.withUnsafeBufferPointer { bytes throws(YAMLError) in
            var composer = YAMLComposer(YAMLEvents(bytes))
            return try composer.document()
        }
    }
}

extension YAMLMark {
    static let start = YAMLMark(line: 1, column: 1)

    init(_ mark: yaml_mark_t) {
        self.init(line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
    }
}

private struct YAMLComposer: ~Copyable {
    private let events: YAMLEvents
    private var anchors: [String: YAMLNode] = [:]

    init(_ events: consuming YAMLEvents) { self.events = events }

    mutating func document() throws(YAMLError) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .structure: continue
            case .end: return root
            default:
                guard root == nil else {
                    throw YAMLError(mark: event.mark, message: "a second document begins here; one is read")
                }
                root = try node(event, depth: 0)
            }
        }
    }

    /// The node that begins with `event`.
    private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(YAMLError) -> YAMLNode {
        guard depth < YAMLReader.depthMax else {
            throw YAMLError(mark: event.mark, message: "values are nested more than \(YAMLReader.depthMax) deep")
        }
        if event.hasTag { throw YAMLError(mark: event.mark, message: "tags are not supported") }
        var node = YAMLNode(content: .sequence([]), mark: event.mark, count: 1)
        switch event.kind {
        case .scalar(let text, let isPlain): node.content = .scalar(text, isPlain: isPlain)
        case .alias(let name):
            guard let target = anchors[name] else {
                throw YAMLError(mark: event.mark, message: "the anchor '\(name)' is not known here")
            }
            node.content = target.content
            node.count = target.count
        case .sequence:
            var items: [YAMLNode] = []
            while true {
                let next = try events.next()
                if case .close = next.kind { break }
                let item = try self.node(next, depth: depth + 1)
                items.append(item)
                try count(item, into: &node)
            }
            node.content = .sequence(items)
        case .mapping:
            var entries: [YAMLNode.Entry] = []
            var seen: Set<String> = []
            while true {
                let next = try events.next()
                if case .close = next.kind { break }
                guard case .scalar(let key, _) = next.kind, !next.hasTag else {
                    throw YAMLError(mark: next.mark, message: "a key must be a plain text")
                }
                guard seen.insert(key).inserted else {
                    throw YAMLError(mark: next.mark, message: "the key '\(key)' is there twice")
                }
                let value = try self.node(try events.next(), depth: depth + 1)
                entries.append(YAMLNode.Entry(key: key, mark: next.mark, value: value))
                try count(value, into: &node)
            }
            node.content = .mapping(entries)
        case .structure, .close, .end:
            throw YAMLError(mark: event.mark, message: "the document ends too early")
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private func count(_ child: YAMLNode, into node: inout YAMLNode) throws(YAMLError) {
        node.count += child.count
        guard node.count <= YAMLReader.nodesMax else {
            throw YAMLError(
                mark: child.mark, message: "there are more than \(YAMLReader.nodesMax) values, aliases replaced")
        }
    }
}

/// libyaml's parser as a sequence of Swift values. The bytes must outlive it.
private struct YAMLEvents: ~Copyable {
    enum Kind {
        /// The beginning or end of the stream or of a document.
        case structure
        case end
        case scalar(String, isPlain: Bool)
        case alias(String)
        case sequence
        case mapping
        /// Of the innermost sequence or mapping.
        case close
    }

    struct Event {
        var kind: Kind
        var mark: YAMLMark
        var anchor: String?
        var hasTag = false
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let isReady: Bool

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        parser = .allocate(capacity: 1)
        isReady = yaml_parser_initialize(parser) == 1
        if isReady { yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count) }
    }

    deinit {
        if isReady { yaml_parser_delete(parser) }
        parser.deallocate()
    }

    func next() throws(YAMLError) -> Event {
        guard isReady else { throw YAMLError(mark: .start, message: "there is not enough memory") }
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        var result = Event(kind: .structure, mark: YAMLMark(event.start_mark))
        switch event.type {
        case YAML_NO_EVENT, YAML_STREAM_END_EVENT: result.kind = .end
        case YAML_ALIAS_EVENT: result.kind = .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            result.anchor = text(scalar.anchor)
            // A quoted text without a tag is reported with an implied one.
            result.hasTag = scalar.tag != nil
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .sequence
            result.anchor = text(event.data.sequence_start.anchor)
            result.hasTag = event.data.sequence_start.tag != nil
        case YAML_MAPPING_START_EVENT:
            result.kind = .mapping
            result.anchor = text(event.data.mapping_start.anchor)
            result.hasTag = event.data.mapping_start.tag != nil
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: result.kind = .close
        default: break
        }
        return result
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "the document cannot be read"
        if parser.pointee.error == YAML_READER_ERROR {
            return YAMLError(
                mark: YAMLMark(parser.pointee.mark), message: "\(problem) (byte \(parser.pointee.problem_offset))")
        }
        let context = parser.pointee.context.map { String(cString: $0) + ": " } ?? ""
        return YAMLError(mark: YAMLMark(parser.pointee.problem_mark), message: context + problem)
    }
}
