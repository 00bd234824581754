import ArgumentParser

// Topics of `millrace help` that are no verbs. `millrace exit-codes` prints the same.

struct ExitCodesTopic: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exit-codes", abstract: "What the exit status says.", discussion: ExitStatus.table, shouldDisplay: false)

    func run() { print(ExitStatus.table) }
}

struct EnvironmentTopic: ParsableCommand {
    private static let text = """
        MILLRACE_DATA         the server's data directory, in place of ./millrace-data
        MILLRACE_CONFIG       the configuration file; variables may say the same, see
                              `millrace config reference`
        AWS_ENDPOINT_URL      the server's address; the keys come from these, too:
        AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
        AWS_REGION, AWS_DEFAULT_REGION
        AWS_CA_BUNDLE         a PEM file of the authorities to trust for https
        AWS_PROFILE           a profile of ~/.aws/credentials and ~/.aws/config, for
                              what these leave open
        MILLRACE_S3_ENDPOINT  another S3 store for tables and files, with
                              MILLRACE_S3_ACCESS_KEY_ID,
                              MILLRACE_S3_SECRET_ACCESS_KEY and perhaps
                              MILLRACE_S3_REGION
        NO_COLOR              set: no colours; nor are there any in files and pipes
        COLUMNS               the width of tables where no terminal tells it
        TMPDIR                where `demo` keeps its data; else /tmp
        XDG_STATE_HOME        keeps millrace/sql_history; else ~/.local/state

        `eval "$(millrace env)"` sets those of AWS. An option wins over its variable.
        """

    static let configuration = CommandConfiguration(
        commandName: "environment", abstract: "What the verbs read from the environment.", discussion: text,
        shouldDisplay: false)

    func run() { print(Self.text) }
}

struct CompletionTopic: ParsableCommand {
    private static let text = """
        The shell completes verbs, options, files and the names of state machines,
        jobs, databases and tables after

        bash
          mkdir -p ~/.local/share/bash-completion/completions
          millrace --generate-completion-script bash \\
            > ~/.local/share/bash-completion/completions/millrace
        zsh
          millrace --generate-completion-script zsh > "${fpath[1]}/_millrace"
        fish
          millrace --generate-completion-script fish \\
            > ~/.config/fish/completions/millrace.fish

        For the running bash alone:
          source <(millrace --generate-completion-script bash)
        """

    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "How to make the shell complete verbs, options and names.",
        discussion: text, shouldDisplay: false)

    func run() { print(Self.text) }
}
