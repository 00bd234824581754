/// The members of a JSON object in the order in which they were written or set. Names are unique by their UTF-8 bytes.
/// Look-ups are linear up to 16 members and hashed beyond.
package struct JSONObject: Sendable {
    package typealias Member = (key: String, value: JSONValue)

    private var members: [Member] = []
    /// Positions in `members` by name; nil while there are at most `linearMax`.
    private var index: MemberIndex?

    private static let linearMax = 16

    package init() {}

    /// A later member replaces an earlier one of the same name, at the earlier one's place.
    package init(_ pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs { self[key] = value }
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }
    package var values: [JSONValue] { members.map(\.value) }
    package var first: Member? { members.first }

    /// Setting nil removes the member, in time linear in the count.
    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            if let newValue {
                append(key, newValue)
            } else if let position = position(of: key) {
                members.remove(at: position)
                reindex()
            }
        }
    }

    /// Changes the member's value in place without copying it; `body` sees nil, and may leave nil, where none is.
    package mutating func update<T, E: Error>(_ key: String, _ body: (inout JSONValue?) throws(E) -> T) throws(E) -> T {
        guard let position = position(of: key) else {
            var value: JSONValue?
            let result = try body(&value)
            if let value { self[key] = value }
            return result
        }
        var value: JSONValue? = members[position].value
        members[position].value = .null
        do {
            let result = try body(&value)
            if let value { members[position].value = value } else { self[key] = nil }
            return result
        } catch {
            if let value { members[position].value = value }
            throw error
        }
    }

    /// Sets a member; a new one comes last.
    package mutating func append(_ key: String, _ value: JSONValue) {
        if index == nil {
            if let position = position(of: key) {
                members[position].value = value
                return
            }
            members.append((key, value))
            if members.count > Self.linearMax { reindex() }
            return
        }
        if let position = index?.insert(key, at: members.count, in: members) {
            members[position].value = value
        } else {
            members.append((key, value))
        }
    }

    package mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    package func contains(_ key: String) -> Bool { position(of: key) != nil }

    /// Whether one is an unchanged copy of the other, so that their members are in one place; never true of empty ones.
    package func sharesStorage(with other: JSONObject) -> Bool {
        if members.isEmpty || members.count != other.members.count { return false }
        return members.withUnsafeBufferPointer { a in
            other.members.withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress }
        }
    }

    private func position(of key: String) -> Int? {
        if let index { return index.position(of: key, in: members) }
        for position in members.indices where members[position].key.hasSameBytes(as: key) { return position }
        return nil
    }

    private mutating func reindex() {
        guard members.count > Self.linearMax else {
            index = nil
            return
        }
        index = MemberIndex(members)
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
    package var underestimatedCount: Int { members.count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }
}

extension JSONObject: Hashable {
    /// The order of members does not count.
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        guard a.count == b.count else { return false }
        for (position, member) in a.members.enumerated() {
            let other = b.members[position]
            if other.key.hasSameBytes(as: member.key) {
                if other.value != member.value { return false }
            } else if b[member.key] != member.value {
                return false
            }
        }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        var sum = 0
        for member in members {
            var inner = Hasher()
            inner.combine(member.key)
            inner.combine(member.value)
            sum = sum &+ inner.finalize()
        }
        hasher.combine(members.count)
        hasher.combine(sum)
    }
}

/// Finds members by name: a table of positions with open addressing, at most half full. Names are hashed by their bytes
/// with the seed that the process draws, so that nobody can choose names that collide.
private struct MemberIndex: Sendable {
    /// Positions in the members, -1 where free. The count is a power of two.
    private var slots: [Int32]
    private var count = 0

    /// The names must be unique.
    init(_ members: [JSONObject.Member]) {
        var size = 64
        while size < members.count * 3 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        for position in members.indices { place(position, hash: Self.hash(members[position].key)) }
    }

    func position(of key: String, in members: [JSONObject.Member]) -> Int? {
        var slot = Self.hash(key) & (slots.count - 1)
        while slots[slot] >= 0 {
            let position = Int(slots[slot])
            if members[position].key.hasSameBytes(as: key) { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The position of the member that has the name already; nil after noting it for `new`.
    mutating func insert(_ key: String, at new: Int, in members: [JSONObject.Member]) -> Int? {
        let hash = Self.hash(key)
        var slot = hash & (slots.count - 1)
        while slots[slot] >= 0 {
            let position = Int(slots[slot])
            if members[position].key.hasSameBytes(as: key) { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        if count * 2 >= slots.count {
            self = MemberIndex(members)
            place(new, hash: hash)
        } else {
            slots[slot] = Int32(truncatingIfNeeded: new)
            count += 1
        }
        return nil
    }

    private mutating func place(_ position: Int, hash: Int) {
        var slot = hash & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(truncatingIfNeeded: position)
        count += 1
    }

    private static func hash(_ key: String) -> Int {
        var hasher = Hasher()
        let done: Void? = key.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if done == nil { for byte in key.utf8 { hasher.combine(byte) } }
        return hasher.finalize()
    }
}
