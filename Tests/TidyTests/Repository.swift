import FoundationEssentials

/// The checkout that this test was built from.
enum Repository {
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    /// Paths below `folder` with the given ending, relative to the root, sorted.
    static func files(under folder: String, ending: String) throws -> [String] {
        var found: [String] = []
        var folders = [folder]
        while let next = folders.popLast() {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + "/" + next) where !name.hasPrefix(".") {
                let path = next + "/" + name
                var isDirectory = false
                _ = FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isDirectory)
                if isDirectory { folders.append(path) } else if name.hasSuffix(ending) { found.append(path) }
            }
        }
        return found.sorted()
    }
}

extension String {
    /// What stands between each pair of `open` and `close`.
    func all(between open: Character, and close: Character) -> [String] {
        var result: [String] = []
        var current: String?
        for character in self {
            if let text = current {
                if character == close {
                    result.append(text)
                    current = nil
                } else {
                    current = text + String(character)
                }
            } else if character == open {
                current = ""
            }
        }
        return result
    }
}
