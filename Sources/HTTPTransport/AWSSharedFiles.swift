#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`, or those that
/// `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name.
package enum AWSSharedFiles {
    private static let bytesMax = 1 << 20

    /// Adds what the profile that `AWS_PROFILE` names, else `default`, says of keys, region, endpoints and certificates, in
    /// the form of the variables of the same meaning. What is set is kept. With keys and without `AWS_PROFILE` no file is
    /// read.
    ///
    /// - Parameter variables: the environment; `HOME` says where the files are.
    /// - Throws: `HTTPClientError` `.invalidRequest`, when `AWS_PROFILE` is set, for a profile that is missing, one whose
    ///   keys come from where this program cannot get them, and files that cannot be understood.
    package static func completing(_ variables: [String: String]) throws -> [String: String] {
        let named = variables["AWS_PROFILE"].flatMap { $0.isEmpty ? nil : $0 }
        do {
            return try completing(variables, named)
        } catch {
            // Whoever names no profile may have no need of one.
            if named == nil { return variables }
            throw error
        }
    }

    private static func completing(_ variables: [String: String], _ named: String?) throws -> [String: String] {
        func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        let hasKeys = value("AWS_ACCESS_KEY_ID") != nil && value("AWS_SECRET_ACCESS_KEY") != nil
        if hasKeys && named == nil { return variables }
        let home = value("HOME").map { $0 + "/.aws/" }
        let keysFile = value("AWS_SHARED_CREDENTIALS_FILE") ?? home.map { $0 + "credentials" }
        let configFile = value("AWS_CONFIG_FILE") ?? home.map { $0 + "config" }
        var sections: [String: AWSSharedFile.Section] = [:]
        if let configFile, let text = try read(configFile) {
            for (name, section) in try AWSSharedFile(text, path: configFile).sections {
                // `[default]`, `[profile name]` and `[services name]`.
                let words = name.split(separator: " ", maxSplits: 1)
                let key = words.first == "profile" && words.count == 2 ? String(words[1].drop { $0 == " " }) : name
                sections[key] = section
            }
        }
        if let keysFile, let text = try read(keysFile) {
            // For keys, this file counts more than the other.
            for (name, section) in try AWSSharedFile(text, path: keysFile).sections {
                sections[name, default: AWSSharedFile.Section()].merge(section)
            }
        }
        guard let profile = sections[named ?? "default"] else {
            guard let named else { return variables }
            throw refused("AWS_PROFILE is '\(named)', but neither \(keysFile ?? "~/.aws/credentials") nor \(configFile ?? "~/.aws/config") has it")
        }
        var found: [String: String] = [:]
        if !hasKeys {
            found["AWS_ACCESS_KEY_ID"] = profile.values["aws_access_key_id"]
            found["AWS_SECRET_ACCESS_KEY"] = profile.values["aws_secret_access_key"]
            found["AWS_SESSION_TOKEN"] = profile.values["aws_session_token"]
            if let named, found["AWS_ACCESS_KEY_ID"] == nil || found["AWS_SECRET_ACCESS_KEY"] == nil {
                let other = ["role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file"]
                    .first { profile.values[$0] != nil }
                throw refused(
                    other.map {
                        "the profile '\(named)' gets its keys by \($0), which is not supported: "
                            + "`eval \"$(aws configure export-credentials --profile \(named) --format env)\"` sets them"
                    } ?? "the profile '\(named)' has no aws_access_key_id and aws_secret_access_key")
            }
        }
        if value("AWS_REGION") == nil && value("AWS_DEFAULT_REGION") == nil { found["AWS_REGION"] = profile.values["region"] }
        found["AWS_CA_BUNDLE"] = profile.values["ca_bundle"]
        if value("AWS_ENDPOINT_URL") == nil && value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() != "true" {
            found["AWS_ENDPOINT_URL"] = profile.values["endpoint_url"]
            let services = profile.values["services"].flatMap { sections["services \($0)"] }?.nested ?? [:]
            for (service, settings) in services {
                found["AWS_ENDPOINT_URL_\(service.uppercased())"] = settings["endpoint_url"]
            }
        }
        return variables.merging(found) { set, found in set.isEmpty ? found : set }
    }

    /// Nil when there is no such file.
    private static func read(_ path: String) throws -> String? {
        guard let file = fopen(path, "re") else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw refused("'\(path)' cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        guard bytes.count < bytesMax, let text = String(validating: bytes, as: UTF8.self) else {
            throw refused("'\(path)' is not a text of less than \(bytesMax) bytes")
        }
        return text
    }

    static func refused(_ what: String) -> HTTPClientError {
        HTTPClientError(.invalidRequest, mayHaveHappened: false, what + ".")
    }
}

/// One such file: sections of `name = value` lines; lines that are indented belong to the setting above them.
struct AWSSharedFile {
    struct Section {
        var values: [String: String] = [:]
        /// Of settings without a value of their own, by their names.
        var nested: [String: [String: String]] = [:]

        mutating func merge(_ other: Section) {
            values.merge(other.values) { _, new in new }
            nested.merge(other.nested) { _, new in new }
        }
    }

    private(set) var sections: [String: Section] = [:]

    /// - Throws: `HTTPClientError` `.invalidRequest` naming the line that is none of a setting, a section or a comment.
    init(_ text: String, path: String) throws {
        var section: String?
        var setting: String?
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let isIndented = line.first == " " || line.first == "\t"
            let line = Self.trimmed(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]"), !isIndented {
                section = String(Self.trimmed(line[line.index(after: line.startIndex)..<end]))
                setting = nil
                if let section, sections[section] == nil { sections[section] = Section() }
                continue
            }
            guard let section, let equals = line.firstIndex(of: "=") else {
                throw AWSSharedFiles.refused("line \(number + 1) of '\(path)' is neither a section, nor a setting in one")
            }
            let name = Self.trimmed(line[..<equals]).lowercased()
            let value = Self.withoutComment(Self.trimmed(line[line.index(after: equals)...]))
            if isIndented, let setting {
                sections[section]?.nested[setting, default: [:]][name] = value
            } else {
                setting = name
                sections[section]?.values[name] = value.isEmpty ? nil : value
            }
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }

    /// A comment behind a value has a space before it.
    private static func withoutComment(_ value: Substring) -> String {
        var before: Character = " "
        for index in value.indices {
            if (value[index] == "#" || value[index] == ";") && (before == " " || before == "\t") {
                return String(trimmed(value[..<index]))
            }
            before = value[index]
        }
        return String(value)
    }
}
