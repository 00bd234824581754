import JSONModel

/// What an expression works on. Numbers are doubles; arrays and objects are shared, and only those that an evaluation
/// has made itself are ever changed.
enum Value {
    case undefined
    /// A variable that has not been bound yet; stands in frames only.
    case unset
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array(ArrayBox)
    case object(ObjectBox)
    case function(FunctionBox)
    /// An element of a tuple stream; never visible to the expression.
    case tuple(Tuple)

    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .number(let value): self = .number(value.double)
        case .string(let value): self = .string(value)
        case .array(let value): self = .array(ArrayBox(json: value))
        case .object(let value): self = .object(ObjectBox(json: value))
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isFunction: Bool { if case .function = self { true } else { false } }

    /// How deeply arrays, objects and functions nest that an evaluation has made.
    var height: Int {
        switch self {
        case .array(let box): box.height
        case .object(let box): box.height
        case .function(let box): box.height
        default: 0
        }
    }
}

/// An array, or a sequence: what a path yields, of which one item stands for itself and none is undefined.
final class ArrayBox {
    struct Flags: OptionSet {
        let rawValue: UInt8
        static let sequence = Flags(rawValue: 1)
        /// A sequence of one item stays an array.
        static let keepSingleton = Flags(rawValue: 2)
        /// Made by `[...]` in a path: steps do not flatten it.
        static let constructed = Flags(rawValue: 4)
        /// Holds the input, itself an array, as its only item.
        static let outerWrapper = Flags(rawValue: 8)
        static let tupleStream = Flags(rawValue: 16)
    }

    var flags: Flags
    private(set) var height = 1
    /// The elements, converted on demand, when they come from outside.
    private var json: [JSONValue]?
    private var items: [Value]

    init(_ items: [Value] = [], _ flags: Flags = []) {
        self.items = items
        self.flags = flags
        for item in items { height = max(height, item.height + 1) }
    }

    init(json: [JSONValue]) {
        self.json = json
        items = []
        flags = []
    }

    /// Numbers from `first` on.
    init(range first: Double, count: Int) {
        flags = .sequence
        items = []
        items.reserveCapacity(count)
        for offset in 0..<count { items.append(.number(first + Double(offset))) }
    }

    static func sequence(_ item: Value) -> ArrayBox { ArrayBox([item], .sequence) }

    var count: Int { json?.count ?? items.count }
    var isSequence: Bool { flags.contains(.sequence) }
    var isTupleStream: Bool { flags.contains(.tupleStream) }

    /// The index must lie within the count.
    subscript(index: Int) -> Value {
        if let json { return Value(json[index]) }
        return items[index]
    }

    var values: [Value] {
        if let json { return json.map { Value($0) } }
        return items
    }

    func append(_ value: Value) {
        height = max(height, value.height + 1)
        items.append(value)
    }

    func append(contentsOf other: ArrayBox) {
        height = max(height, other.height)
        if let json = other.json {
            for element in json { items.append(Value(element)) }
        } else {
            items.append(contentsOf: other.items)
        }
    }

    func reserveCapacity(_ count: Int) { items.reserveCapacity(count) }

    /// Whether both are one array, as `===` has it.
    func isSame(as other: ArrayBox) -> Bool {
        if self === other { return true }
        guard let a = json, let b = other.json, !a.isEmpty, a.count == b.count else { return false }
        return a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress } }
    }

    /// As a sequence of its own, when this is not one.
    func asSequence() -> ArrayBox { ArrayBox(values, .sequence) }
}

/// An object; members keep the order in which they came.
final class ObjectBox {
    private var json: JSONObject?
    private(set) var keys: [String] = []
    private var values: [Value] = []
    private(set) var height = 1
    /// Positions by key beyond a few members.
    private var index: [Key: Int] = [:]
    private static let linearMax = 12

    /// Compares by bytes, not as Unicode text.
    private struct Key: Hashable {
        let text: String

        static func == (a: Key, b: Key) -> Bool { a.text.hasSameBytes(as: b.text) }

        func hash(into hasher: inout Hasher) {
            let done: Void? = text.utf8.withContiguousStorageIfAvailable {
                hasher.combine(bytes: UnsafeRawBufferPointer($0))
            }
            if done == nil { for byte in text.utf8 { hasher.combine(byte) } }
        }
    }

    init() {}

    init(json: JSONObject) { self.json = json }

    var count: Int { json?.count ?? keys.count }

    subscript(key: String) -> Value? {
        get {
            if let json {
                guard let value = json[key] else { return nil }
                return Value(value)
            }
            return position(of: key).map { values[$0] }
        }
        set {
            ownMembers()
            guard let newValue else { return remove(key) }
            height = max(height, newValue.height + 1)
            if let position = position(of: key) {
                values[position] = newValue
                return
            }
            keys.append(key)
            values.append(newValue)
            if keys.count > Self.linearMax {
                if index.isEmpty {
                    for (position, key) in keys.enumerated() { index[Key(text: key)] = position }
                } else {
                    index[Key(text: key)] = keys.count - 1
                }
            }
        }
    }

    /// The members as jsonata-js walks them: names that are array indices first, ascending, then in order.
    var members: [(key: String, value: Value)] {
        var all: [(key: String, value: Value)] = []
        all.reserveCapacity(count)
        var hasIndex = false
        if let json {
            for (key, value) in json {
                if isArrayIndex(key) { hasIndex = true }
                all.append((key, Value(value)))
            }
        } else {
            for (position, key) in keys.enumerated() {
                if isArrayIndex(key) { hasIndex = true }
                all.append((key, values[position]))
            }
        }
        guard hasIndex else { return all }
        let indexed = all.filter { isArrayIndex($0.key) }.sorted { (UInt64($0.key) ?? 0) < (UInt64($1.key) ?? 0) }
        return indexed + all.filter { !isArrayIndex($0.key) }
    }

    /// Whether both are one object, as `===` has it.
    func isSame(as other: ObjectBox) -> Bool {
        if self === other { return true }
        guard let a = json, let b = other.json else { return false }
        return a.sharesStorage(with: b)
    }

    private func position(of key: String) -> Int? {
        if !index.isEmpty { return index[Key(text: key)] }
        for position in keys.indices where keys[position].hasSameBytes(as: key) { return position }
        return nil
    }

    private func remove(_ key: String) {
        guard let position = position(of: key) else { return }
        keys.remove(at: position)
        values.remove(at: position)
        index = [:]
        if keys.count > Self.linearMax {
            for (position, key) in keys.enumerated() { index[Key(text: key)] = position }
        }
    }

    private func ownMembers() {
        guard let json else { return }
        self.json = nil
        for (key, value) in json { self[key] = Value(value) }
    }
}

/// Whether JavaScript would take the name for an array index.
private func isArrayIndex(_ key: String) -> Bool {
    guard let first = key.utf8.first, first &- 48 < 10, key.utf8.count <= 10 else { return false }
    if first == 48 { return key.utf8.count == 1 }
    return key.utf8.allSatisfy { $0 &- 48 < 10 } && (UInt64(key) ?? .max) < 4_294_967_295
}

/// One element of a tuple stream: the item, and what `@`, `#` and `%` bind beside it.
final class Tuple {
    let item: Value
    /// By the number of the name; see `Resolver`.
    private(set) var names: [(id: Int, value: Value)]

    init(_ item: Value, names: [(id: Int, value: Value)] = []) {
        self.item = item
        self.names = names
    }

    subscript(id: Int) -> Value? {
        for name in names where name.id == id { return name.value }
        return nil
    }

    func bind(_ id: Int, _ value: Value) {
        for position in names.indices where names[position].id == id {
            names[position].value = value
            return
        }
        names.append((id, value))
    }
}

/// The variables of one scope of an expression at one time.
final class Frame {
    let parent: Frame?
    var slots: [Value]
    let tuple: Tuple?
    /// Whether the evaluation keeps it until its end, to break cycles of frames and functions.
    var isKept = false

    init(parent: Frame?, slotCount: Int, tuple: Tuple? = nil) {
        self.parent = parent
        slots = slotCount == 0 ? [] : Array(repeating: .unset, count: slotCount)
        self.tuple = tuple
    }
}
