/// HTTP header fields in order of arrival. Names compare without regard to ASCII case; one name may occur repeatedly.
package struct HTTPFields: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package private(set) var entries: [Entry]

    package struct Entry: Sendable, Hashable {
        /// Lower case.
        package var name: String
        package var value: String
    }

    package init(_ entries: some Sequence<(String, String)> = []) {
        self.entries = entries.map { Entry(name: lowercase($0.0), value: $0.1) }
    }

    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// The first value under `name`; setting replaces every value, setting nil removes the field.
    package subscript(name: String) -> String? {
        get {
            let name = lowercase(name)
            return entries.first { $0.name == name }?.value
        }
        set {
            let name = lowercase(name)
            guard let newValue else { return entries.removeAll { $0.name == name } }
            if let first = entries.firstIndex(where: { $0.name == name }) {
                entries[first].value = newValue
                var index = entries.count - 1
                while index > first {
                    if entries[index].name == name { entries.remove(at: index) }
                    index -= 1
                }
            } else {
                entries.append(Entry(name: name, value: newValue))
            }
        }
    }

    package func values(of name: String) -> [String] {
        let name = lowercase(name)
        return entries.filter { $0.name == name }.map(\.value)
    }

    package mutating func append(_ name: String, _ value: String) {
        entries.append(Entry(name: lowercase(name), value: value))
    }
}

/// Most names are in lower case already, and cost nothing then.
private func lowercase(_ name: String) -> String {
    name.utf8.contains { $0 >= 0x80 || (65...90).contains($0) } ? name.lowercased() : name
}
