import JSONModel

/// A configuration file, read and checked against the declared settings.
package struct ConfigurationFile: Sendable {
    struct Entry: Sendable {
        var text: String
        var line: Int
    }

    /// As it was found.
    package let path: String
    /// By the dotted key. Also the keys of secrets' files.
    let entries: [String: Entry]
    /// The sections `endpoints` and `lambda`.
    package let integrations: IntegrationSettings

    /// - Parameter path: names the file in errors; relative paths in it are relative to this one's directory.
    /// - Throws: `SettingsError` naming file, line and column; for an unknown key the nearest known one.
    package init(path: String, bytes: [UInt8]) throws(SettingsError) {
        self.path = path
        let root: YAMLNode?
        do throws(YAMLError) {
            root = try YAMLReader.read(bytes)
        } catch {
            throw SettingsError("\(path), line \(error.mark.line), column \(error.mark.column): \(error.message)")
        }
        var entries: [String: Entry] = [:]
        var integrations = IntegrationSettings()
        if let root { try Self.collect(root, under: "", path, into: &entries, &integrations) }
        self.entries = entries
        self.integrations = integrations
    }

    /// A secret itself, not only the name of a file that holds one, stands in it.
    package var holdsSecrets: Bool { Setting.all.contains { $0.kind == .secret && entries[$0.key] != nil } }

    private static func collect(
        _ node: YAMLNode, under prefix: String, _ path: String, into entries: inout [String: Entry],
        _ integrations: inout IntegrationSettings
    ) throws(SettingsError) {
        func failure(_ mark: YAMLMark, _ message: String) -> SettingsError {
            SettingsError("\(path), line \(mark.line), column \(mark.column): \(message)")
        }
        if node.isNull { return }
        guard case .mapping(let members) = node.content else {
            throw failure(node.mark, (prefix.isEmpty ? "the file" : "'\(prefix)'") + " must hold keys and values")
        }
        for member in members {
            let key = prefix.isEmpty ? member.key : "\(prefix).\(member.key)"
            if SettingKeys.sections.contains(key) {
                try collect(member.value, under: key, path, into: &entries, &integrations)
                continue
            }
            if IntegrationSettings.sections.contains(key) {
                try IntegrationSectionReader(path: path, beside: { Self.beside(path, $0) })
                    .read(key, member.value, into: &integrations)
                continue
            }
            guard let setting = SettingKeys.inFile[key] else {
                let nearest = SettingKeys.nearest(to: key).map { " Did you mean '\($0)'?" } ?? ""
                throw failure(member.mark, "'\(key)' is no setting.\(nearest)")
            }
            guard case .scalar(let text, let isPlain) = member.value.content else {
                throw failure(member.value.mark, "'\(key)' must be one value, found a list or keys")
            }
            if member.value.isNull { continue }
            let isFilePath = setting.fileKey == key
            var value = text
            if !isFilePath {
                // `True` is a boolean of the core schema; `yes` is not.
                if setting.kind == .flag, isPlain, member.value.json.bool != nil { value = text.lowercased() }
                do throws(SettingMismatch) {
                    try setting.check(value)
                } catch {
                    throw failure(member.value.mark, "'\(key)' \(error.message)")
                }
            }
            if isFilePath || setting.kind == .path { value = beside(path, value) }
            entries[key] = Entry(text: value, line: member.mark.line)
        }
    }

    private static func beside(_ file: String, _ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}

private enum SettingKeys {
    static let inFile: [String: Setting] = {
        var keys: [String: Setting] = [:]
        for setting in Setting.all {
            keys[setting.key] = setting
            if let file = setting.fileKey { keys[file] = setting }
        }
        return keys
    }()
    static let sections: Set<String> = Set(
        Setting.all.compactMap { setting in setting.key.lastIndex(of: ".").map { String(setting.key[..<$0]) } })

    /// The known key with the fewest changed letters, when they are few.
    static func nearest(to key: String) -> String? {
        guard key.utf8.count <= 100 else { return nil }
        let spelled = String(key.map { $0 == "_" ? "-" : $0 }).lowercased()
        let best = (Array(inFile.keys) + Array(sections) + Array(IntegrationSettings.sections)).map { (key: $0, distance: distance(spelled, $0)) }
            .min { ($0.distance, $0.key) < ($1.distance, $1.key) }
        guard let best, best.distance <= max(2, best.key.utf8.count / 3) else { return nil }
        return best.key
    }

    /// Levenshtein's.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
