import ArgumentParser
import JSONModel
import StatesLanguage

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check state machine definitions; no server needed.",
        discussion: """
            Prints every finding with its place. Exit status 1 when there is an error. --json prints a line for each \
            file: its name, and what ValidateStateMachineDefinition would answer.

            EXAMPLES
              millrace validate statemachines/*.json
              generate-flow | millrace validate -
            """)

    @Argument(help: "State machine definitions; - is standard input.", completion: .file(extensions: ["json"]))
    var files: [String]
    @OptionGroup var output: OutputOptions

    func run() throws {
        var anyFailed = false
        for file in files {
            let definition = try readText(file)
            let diagnostics = StateMachineDefinition.diagnostics(of: definition)
            let failed = diagnostics.contains { $0.isError }
            anyFailed = anyFailed || failed
            if output.json {
                print(
                    JSONValue.object([
                        "file": .string(file), "result": .string(failed ? "FAIL" : "OK"),
                        "diagnostics": .array(diagnostics.map(\.json)),
                    ]).text)
            } else {
                for diagnostic in diagnostics { print("\(file): \(diagnostic.text(in: definition))") }
                note(failed ? "\(file) is not valid" : "\(file) is valid")
            }
        }
        if anyFailed { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}
