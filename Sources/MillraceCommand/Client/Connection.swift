import AWSProtocol
import ArgumentParser
import FoundationEssentials
import HTTPTransport
import JSONModel
import Support

#if canImport(Glibc)
import Glibc
#endif

/// How a verb finds the server: the usual AWS variables when `AWS_ENDPOINT_URL` is set, else what the server left in
/// its data directory.
struct ConnectionOptions: ParsableArguments {
    @Option(help: "The server's data directory; $MILLRACE_DATA, else ./millrace-data.", completion: .directory)
    var data: String?
    @Option(help: "The server's address, such as http://127.0.0.1:9400; $AWS_ENDPOINT_URL.")
    var endpoint: String?
    @Option(help: "Region; $AWS_REGION, else us-east-1.")
    var region: String?

    /// - Parameter patience: how long a server that does not answer is waited for.
    func connect(patience: Duration = Connection.patience) throws -> Connection {
        let region = region ?? environmentValue("AWS_REGION") ?? environmentValue("AWS_DEFAULT_REGION") ?? "us-east-1"
        let given = endpoint ?? (data == nil ? environmentValue("AWS_ENDPOINT_URL") : nil)
        let origin = endpoint == nil ? "AWS_ENDPOINT_URL" : "--endpoint"
        if let given, let key = environmentValue("AWS_ACCESS_KEY_ID"),
            let secret = environmentValue("AWS_SECRET_ACCESS_KEY")
        {
            let credentials = AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: environmentValue("AWS_SESSION_TOKEN"))
            return try Connection(
                endpoint: given, region: region, credentials: credentials, origin: origin, patience: patience)
        }
        let directory = try ProgramSettings.dataDirectory(data)
        guard let credentials = try directory.readCredentials() else {
            throw CommandFailure(
                given.map {
                    """
                    there are no keys for \($0): neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor is \
                    there \(directory.path)/credentials.
                    Set them, or say where the server's data is with --data or MILLRACE_DATA.
                    """
                } ?? """
                    no server found: neither AWS_ENDPOINT_URL with keys is set, nor is there \(directory.path)/credentials.
                    Start one with `millrace serve`, or say where its data is with --data or MILLRACE_DATA.
                    """, .unavailable)
        }
        guard let endpoint = try given ?? directory.readEndpoints()?.local else {
            throw CommandFailure(
                "no server is running on \(directory.path). Start it with `millrace serve --data \(directory.path)`.",
                .unavailable)
        }
        return try Connection(
            endpoint: endpoint, region: region, credentials: credentials,
            origin: given == nil ? directory.path : origin, patience: patience)
    }
}

/// A server and the right to call it.
struct Connection: Sendable {
    /// For verbs that a person waits for; those that follow something bear a restart of the server.
    static let patience = Duration.seconds(2)
    static let patienceOfFollowers = Duration.seconds(120)

    let endpoint: String
    let region: String
    let credentials: AWSCredentials
    /// Where the endpoint was found, for messages.
    let origin: String
    let client: AWSClient
    let transport: CurlTransport

    func call(_ service: String, _ operation: String, _ input: JSONObject = [:]) async throws -> JSONObject {
        do {
            return try await client.call(service: service, operation: operation, input: input)
        } catch let error as HTTPClientError where error.kind == .untrusted {
            throw CommandFailure(
                """
                the certificate of \(endpoint), which \(origin) names, is not trusted: \(error)
                Set AWS_CA_BUNDLE to the file (PEM) of the authority that signed it, and use a name that stands in it.
                """, .unavailable)
        } catch let error as HTTPClientError {
            throw CommandFailure(
                "cannot reach the server at \(endpoint), which \(origin) names: \(error)\nIs `millrace serve` running there?",
                .unavailable)
        } catch let error where error is JSONSyntaxError || (error as? AWSError)?.code == "UnknownError" {
            throw CommandFailure(
                "\(endpoint), which \(origin) names, does not answer as the API of a Millrace server does: \(error)", .unavailable)
        }
    }

    /// Every item of a paged answer.
    func all(
        _ service: String, _ operation: String, _ input: JSONObject = [:], member: String, token: String = "nextToken"
    ) async throws -> [JSONValue] {
        var input = input
        var items: [JSONValue] = []
        while true {
            let page = try await call(service, operation, input)
            items += page[member]?.array ?? []
            guard let next = page[token], !next.isNull else { return items }
            input[token] = next
        }
    }
}

func environmentValue(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}
