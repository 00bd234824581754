/// The members of a JSON object in the order in which they were written or set. Names are unique by their UTF-8 bytes.
/// Look-ups are linear up to 16 members and hashed beyond.
package struct JSONObject: Sendable {
    package typealias Member = (key: String, value: JSONValue)

    private var members: [Member] = []
    /// Positions in `members` by name; nil while there are at most `linearMax`.
    private var index: [NameBytes: Int]?

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
            switch (position(of: key), newValue) {
            case (let position?, let value?): members[position].value = value
            case (let position?, nil):
                members.remove(at: position)
                reindex()
            case (nil, let value?):
                members.append((key, value))
                if index != nil {
                    index?[NameBytes(text: key)] = members.count - 1
                } else if members.count > Self.linearMax {
                    reindex()
                }
            case (nil, nil): break
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
    package mutating func append(_ key: String, _ value: JSONValue) { self[key] = value }

    package mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    package func contains(_ key: String) -> Bool { position(of: key) != nil }

    private func position(of key: String) -> Int? {
        if let index { return index[NameBytes(text: key)] }
        for position in members.indices where members[position].key.hasSameBytes(as: key) { return position }
        return nil
    }

    private mutating func reindex() {
        guard members.count > Self.linearMax else {
            index = nil
            return
        }
        var positions: [NameBytes: Int] = [:]
        positions.reserveCapacity(members.count * 2)
        for position in members.indices { positions[NameBytes(text: members[position].key)] = position }
        index = positions
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

/// A name that is equal to another only when its bytes are.
private struct NameBytes: Hashable, Sendable {
    let text: String

    static func == (a: NameBytes, b: NameBytes) -> Bool { a.text.hasSameBytes(as: b.text) }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
