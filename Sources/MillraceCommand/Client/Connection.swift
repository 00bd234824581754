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
    @Option(help: "The server's data directory; $MILLRACE_DATA, else ./millrace-data.")
    var data: String?
    @Option(help: "The server's address, such as http://127.0.0.1:9400; $AWS_ENDPOINT_URL.")
    var endpoint: String?
    @Option(help: "Region; $AWS_REGION, else us-east-1.")
    var region: String?

    var dataDirectory: DataDirectory {
        DataDirectory(path: data ?? environmentValue("MILLRACE_DATA") ?? "./millrace-data")
    }

    func connect() throws -> Connection {
        let region = region ?? environmentValue("AWS_REGION") ?? environmentValue("AWS_DEFAULT_REGION") ?? "us-east-1"
        let given = endpoint ?? (data == nil ? environmentValue("AWS_ENDPOINT_URL") : nil)
        if let given, let key = environmentValue("AWS_ACCESS_KEY_ID"),
            let secret = environmentValue("AWS_SECRET_ACCESS_KEY")
        {
            let credentials = AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: environmentValue("AWS_SESSION_TOKEN"))
            return try Connection(endpoint: given, region: region, credentials: credentials)
        }
        let directory = dataDirectory
        guard let credentials = try directory.readCredentials() else {
            throw CommandFailure(
                """
                no server found: neither AWS_ENDPOINT_URL with keys is set, nor is there \(directory.path)/credentials.
                Start one with `millrace serve`, or say where its data is with --data or MILLRACE_DATA.
                """)
        }
        guard let endpoint = try given ?? directory.readEndpoints()?.api else {
            throw CommandFailure(
                "no server is running on \(directory.path). Start it with `millrace serve --data \(directory.path)`.")
        }
        return try Connection(endpoint: endpoint, region: region, credentials: credentials)
    }
}

/// A server and the right to call it.
struct Connection: Sendable {
    let endpoint: String
    let region: String
    let credentials: AWSCredentials
    let client: AWSClient
    let transport: CurlTransport

    func call(_ service: String, _ operation: String, _ input: JSONObject = [:]) async throws -> JSONObject {
        do {
            return try await client.call(service: service, operation: operation, input: input)
        } catch let error as AWSError {
            throw error
        } catch {
            throw CommandFailure("cannot reach the server at \(endpoint): \(error)\nIs `millrace serve` running there?")
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
