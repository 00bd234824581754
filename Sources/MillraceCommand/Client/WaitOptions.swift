import ArgumentParser
import Support

/// For verbs that can wait.
struct WaitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With --wait: give up after this time (90s, 5m, 1h30m), status 75. What is waited for goes on.", valueName: "time"))
    var timeout: DurationArgument?
    @Flag(help: "Show progress even where standard error is no terminal.")
    var progress = false

    var deadline: Timestamp? { timeout.map { SystemWallClock().now().adding(milliseconds: $0.milliseconds) } }

    func display(quiet: Bool) -> ExecutionFollower.Display {
        progress || (Terminal.error.isTerminal && !quiet) ? .states : .none
    }
}
