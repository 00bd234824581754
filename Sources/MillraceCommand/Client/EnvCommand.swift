import ArgumentParser
import AWSProtocol
import JSONModel

struct EnvCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Print the variables that make AWS clients use the server.",
        discussion: """
            For the shell to evaluate. --json prints an object of names and values; its keys are secrets.

            EXAMPLES
              eval "$(millrace env)" && aws s3 ls
              millrace env --shell fish | source
              millrace env --json | jq -r .AWS_ENDPOINT_URL
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable { case sh, fish }

    @Option(help: "The server's data directory; $MILLRACE_DATA, else ./millrace-data.", completion: .directory)
    var data: String?
    @Option(help: "Region.")
    var region = "us-east-1"
    @Option(help: "Whose syntax: sh, which bash and zsh share, or fish.")
    var shell = Shell.sh
    @OptionGroup var output: OutputOptions

    func run() throws {
        let directory = try ProgramSettings.dataDirectory(data)
        guard let credentials = try directory.readCredentials() else {
            throw CommandFailure(
                "there is no \(directory.path)/credentials: `millrace serve --data \(directory.path)` makes it. A server elsewhere is named with --data.", .unavailable)
        }
        guard let endpoints = try directory.readEndpoints() else {
            throw CommandFailure(
                "no server is running on \(directory.path): `millrace serve --data \(directory.path)` starts it.", .unavailable)
        }
        var variables = [
            ("AWS_ENDPOINT_URL", endpoints.api), ("AWS_ACCESS_KEY_ID", credentials.accessKeyID),
            ("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey), ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region), ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ]
        // Without it, queries of that shell would look into the server's own store; they ask for its keys now.
        if let store = endpoints.store { variables.append(("MILLRACE_S3_ENDPOINT", store)) }
        if output.json { return printDocument(.object(JSONObject(variables.map { ($0, .string($1)) }))) }
        for (name, value) in variables {
            let quoted = "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
            print(shell == .fish ? "set -gx \(name) \(quoted);" : "export \(name)=\(quoted)")
        }
        print(shell == .fish ? "set -e AWS_SESSION_TOKEN; set -e AWS_PROFILE;" : "unset AWS_SESSION_TOKEN AWS_PROFILE")
    }
}
