import ArgumentParser
import JSONModel

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for scripts, on standard output and nothing else there.")
    var json = false
}

/// One JSON document: a line, or laid out where a person looks at it.
func printDocument(_ value: JSONValue) {
    print(Terminal.output.isTerminal ? value.prettyText : value.text)
}
