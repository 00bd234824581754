import SettingsModel

#if canImport(Glibc)
import Glibc
#endif

/// The settings that hold for this process: finds the configuration file and puts it together with flags and
/// environment. docs/configuration.md describes it.
enum ProgramSettings {
    /// - Parameters:
    ///   - file: what `--config` names.
    ///   - flags: by the settings' keys; nil was not given.
    ///   - isServer: whether a file that may not be read is an error. Another verb passes over one that it only came
    ///     across.
    static func load(
        file: String? = nil, flags: [String: String?] = [:], isServer: Bool = false
    ) throws -> EffectiveSettings {
        let flags = flags.compactMapValues { $0 }
        return try EffectiveSettings(
            SettingsSources(
                flags: flags, environment: environmentValue,
                file: try configurationFile(named: file, data: flags[Setting.data.key], isServer: isServer),
                read: { try readBytes($0).map { String(decoding: $0, as: UTF8.self) } }))
    }

    /// The data directory for verbs that only need to find the server.
    static func dataDirectory(_ flag: String?) throws -> DataDirectory {
        DataDirectory(path: try load(flags: [Setting.data.key: flag]).text(.data) ?? "./millrace-data")
    }

    static func configurationFile(named flag: String?, data: String?, isServer: Bool) throws -> ConfigurationFile? {
        if let named = flag ?? environmentValue("MILLRACE_CONFIG") {
            guard let bytes = try readBytes(named) else {
                throw CommandFailure(
                    "there is no configuration file \(named), which \(flag == nil ? "MILLRACE_CONFIG" : "--config") names.")
            }
            return try ConfigurationFile(path: named, bytes: bytes)
        }
        let data = data ?? environmentValue(Setting.data.environment) ?? Setting.data.standard ?? "."
        for path in ["millrace.yaml", data + "/millrace.yaml", "/etc/millrace/millrace.yaml"] {
            if !isServer, access(path, R_OK) != 0 { continue }
            if let bytes = try readBytes(path) { return try ConfigurationFile(path: path, bytes: bytes) }
        }
        return nil
    }

    /// The bytes of a small file; nil when there is none.
    private static func readBytes(_ path: String) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw CommandFailure("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw CommandFailure("cannot read \(path): \(String(cString: strerror(errno)))")
            }
            bytes += buffer[..<count]
            guard bytes.count <= 1 << 20 else { throw CommandFailure("\(path) has more than 1 MiB: it is no configuration.") }
        }
    }
}
