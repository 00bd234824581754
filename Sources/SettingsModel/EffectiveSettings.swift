/// Where settings may come from. Reading files is the program's part.
package struct SettingsSources: Sendable {
    /// Values of flags by the setting's key.
    package var flags: [String: String]
    package var environment: @Sendable (String) -> String?
    package var file: ConfigurationFile?
    /// The content of the file at a path; nil when there is none.
    package var read: @Sendable (String) throws -> String?

    package init(
        flags: [String: String] = [:], environment: @escaping @Sendable (String) -> String? = { _ in nil },
        file: ConfigurationFile? = nil, read: @escaping @Sendable (String) throws -> String? = { _ in nil }
    ) {
        self.flags = flags
        self.environment = environment
        self.file = file
        self.read = read
    }
}

/// What holds: for each setting the value of the first source that has one: flag, environment, systemd credential,
/// file, default.
package struct EffectiveSettings: Sendable {
    package enum Origin: Sendable, Hashable {
        case flag(String)
        case environment(String)
        case credential(String)
        case file(String, line: Int)
        case standard

        package var text: String {
            switch self {
            case .flag(let name): name
            case .environment(let name): "$\(name)"
            case .credential(let path): path
            case .file(let path, let line): "\(path):\(line)"
            case .standard: "default"
            }
        }
    }

    package struct Value: Sendable, Hashable {
        package var text: String
        package var origin: Origin

        package init(text: String, origin: Origin) {
            self.text = text
            self.origin = origin
        }
    }

    private let values: [String: Value]
    /// What the file says of services elsewhere and of local functions.
    package let integrations: IntegrationSettings

    /// - Throws: `SettingsError` for a value that may not be, naming where it came from.
    package init(_ sources: SettingsSources) throws(SettingsError) {
        var values: [String: Value] = [:]
        for setting in Setting.all {
            guard let value = try Self.find(setting, sources) else { continue }
            do throws(SettingMismatch) {
                try setting.check(value.text)
            } catch {
                let name =
                    switch value.origin {
                    case .flag(let name), .environment(let name): name
                    default: "'\(setting.key)' (\(value.origin.text))"
                    }
                throw SettingsError("\(name) \(error.message)", isArgument: value.origin.isFlag)
            }
            values[setting.key] = value
        }
        self.values = values
        integrations = sources.file?.integrations ?? IntegrationSettings()
    }

    package subscript(_ setting: Setting) -> Value? { values[setting.key] }

    package func text(_ setting: Setting) -> String? { values[setting.key]?.text }
    package func integer(_ setting: Setting) -> Int? { text(setting).flatMap { Int($0) } }
    package func flag(_ setting: Setting) -> Bool? { text(setting).map { $0 == "true" } }

    private static func find(_ setting: Setting, _ sources: SettingsSources) throws(SettingsError) -> Value? {
        if let flag = setting.flag, let text = sources.flags[setting.key] { return Value(text: text, origin: .flag(flag)) }
        let variable = setting.environment
        let fileVariable = variable + "_FILE"
        let plain = sources.environment(variable)
        if let fileKey = setting.fileKey, let path = sources.environment(fileVariable) {
            if plain != nil { throw SettingsError("\(variable) and \(fileVariable) are both set: which one counts?") }
            let text = try secret(at: path, named: fileKey, sources)
            return Value(text: text, origin: .environment(fileVariable))
        }
        if let plain { return Value(text: plain, origin: .environment(variable)) }
        if let name = setting.credentialName, let directory = sources.environment("CREDENTIALS_DIRECTORY") {
            let path = "\(directory)/\(name)"
            if let text = try readable(path, sources) { return Value(text: text, origin: .credential(path)) }
        }
        if let file = sources.file {
            let entry = file.entries[setting.key]
            if let fileKey = setting.fileKey, let named = file.entries[fileKey] {
                if let entry {
                    throw SettingsError(
                        "\(file.path): '\(setting.key)' (line \(entry.line)) and '\(fileKey)' (line \(named.line)) are "
                            + "both set: which one counts?")
                }
                let text = try secret(at: named.text, named: fileKey, sources)
                return Value(text: text, origin: .file(file.path, line: named.line))
            }
            if let entry { return Value(text: entry.text, origin: .file(file.path, line: entry.line)) }
        }
        return setting.standard.map { Value(text: $0, origin: .standard) }
    }

    private static func secret(
        at path: String, named key: String, _ sources: SettingsSources
    ) throws(SettingsError) -> String {
        guard let text = try readable(path, sources) else {
            throw SettingsError("'\(key)' names \(path), and there is no such file")
        }
        return text
    }

    /// The file's text without the line's end that editors and `echo` leave.
    private static func readable(_ path: String, _ sources: SettingsSources) throws(SettingsError) -> String? {
        do {
            guard var text = try sources.read(path) else { return nil }
            while text.last?.isNewline == true { text.removeLast() }
            return text
        } catch {
            throw SettingsError("\(path) cannot be read: \(error)")
        }
    }
}

extension EffectiveSettings.Origin {
    fileprivate var isFlag: Bool { if case .flag = self { true } else { false } }
}

/// Why the settings cannot be used: one sentence for the person who wrote them.
package struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    /// A flag of the command line is at fault.
    package let isArgument: Bool

    package init(_ description: String, isArgument: Bool = false) {
        self.description = description
        self.isArgument = isArgument
    }
}
