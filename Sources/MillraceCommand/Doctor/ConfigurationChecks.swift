import SettingsModel

#if canImport(Glibc)
import Glibc
#endif

/// The configuration file that is used, and who may read the secrets in it.
enum ConfigurationChecks {
    static func findings(file named: String?, data: String?) -> [Finding] {
        // It has just been read: a failure here is that failure, which is reported already.
        guard let file = try? ProgramSettings.configurationFile(named: named, data: data, isServer: true) else {
            return [.ok("config", "no configuration file; flags, environment and defaults hold")]
        }
        var status = stat()
        if file.holdsSecrets, stat(file.path, &status) == 0, status.st_mode & 0o077 != 0 {
            return [
                .warn(
                    "config", "\(file.path) holds a secret, and others may read it (mode \(octal(status.st_mode)))",
                    fix: "chmod 600 \(file.path)")
            ]
        }
        return [.ok("config", "\(file.path)")]
    }
}

/// The permission bits as `chmod` takes them.
func octal(_ mode: mode_t) -> String { String(mode & 0o7777, radix: 8) }
