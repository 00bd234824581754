import ArgumentParser
import JSONModel
import SettingsModel

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "What is configured, where it comes from, and what can be.",
        subcommands: [Show.self, Reference.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting with its value and where that comes from.",
            discussion: """
                Reads flags, environment and file as `millrace serve` does, so it also checks the file. Secrets are
                shown as asterisks.

                EXAMPLES
                  millrace config show
                  millrace config show --config /etc/millrace/millrace.yaml --json
                """)

        @Option(help: .config, completion: .file()) var config: String?
        @Option(help: .of(.data), completion: .directory) var data: String?
        @OptionGroup var output: OutputOptions

        func run() throws {
            let settings = try ProgramSettings.load(file: config, flags: [Setting.data.key: data], isServer: true)
            if output.json {
                print(JSONValue.object(Self.json(settings)).prettyText)
            } else {
                let rows = Setting.all.map { setting in
                    let value = settings[setting]
                    return [setting.key, Self.shown(setting, value) ?? "-", value?.origin.text ?? setting.absence ?? "not set"]
                }
                print(table(["SETTING", "VALUE", "FROM"], rows + Self.rows(of: settings.integrations)))
            }
        }

        private static func rows(of integrations: IntegrationSettings) -> [[String]] {
            integrations.endpoints.sorted { $0.key < $1.key }.map { ["endpoints.\($0)", $1.url, $1.origin.text] }
                + integrations.functions.sorted { $0.key < $1.key }.map {
                    ["lambda.\($0)", $1.command.joined(separator: " "), $1.origin.text]
                }
        }

        private static func shown(_ setting: Setting, _ value: EffectiveSettings.Value?) -> String? {
            value.map { setting.kind == .secret ? "********" : $0.text }
        }

        private static func json(_ settings: EffectiveSettings) -> JSONObject {
            var object = JSONObject()
            for setting in Setting.all {
                let value = settings[setting]
                object[setting.key] = [
                    "value": shown(setting, value).map(JSONValue.string) ?? .null,
                    "from": value.map { .string($0.origin.text) } ?? .null,
                ]
            }
            for row in rows(of: settings.integrations) {
                object[row[0]] = ["value": .string(row[1]), "from": .string(row[2])]
            }
            return object
        }
    }

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the table of all settings as Markdown.")

        func run() { print(SettingsReference.markdown, terminator: "") }
    }
}

extension ArgumentHelp {
    static let config = ArgumentHelp(
        "Configuration file; $MILLRACE_CONFIG, else ./millrace.yaml, DATA/millrace.yaml or /etc/millrace/millrace.yaml.")

    /// The declared setting's own words, with its variable and default.
    static func of(_ setting: Setting) -> ArgumentHelp {
        let standard = setting.standard.map { ", else \($0)" } ?? ""
        return ArgumentHelp("\(setting.help) $\(setting.environment)\(standard).")
    }
}
