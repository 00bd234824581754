/// The reference of all settings, for docs/configuration.md.
package enum SettingsReference {
    package static var markdown: String {
        var lines = [
            "| key | value | default | variable | flag | what it is |", "| --- | --- | --- | --- | --- | --- |",
        ]
        for setting in Setting.all {
            let standard = setting.standard.map { "`\($0)`" } ?? setting.absence ?? "-"
            let flag = setting.flag.map { "`\($0)`" } ?? ""
            lines.append(
                "| `\(setting.key)` | \(setting.kindText) | \(standard) | `\(setting.environment)` | \(flag) "
                    + "| \(setting.help) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
