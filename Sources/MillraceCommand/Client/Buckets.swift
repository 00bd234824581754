import AWSProtocol
import HTTPTransport
import ObjectStore
import ObjectStoreS3
import Support

extension Connection {
    init(
        endpoint: String, region: String, credentials: AWSCredentials, origin: String = "the data directory",
        patience: Duration = Connection.patience
    ) throws {
        guard let url = HTTPEndpoint(url: endpoint) else {
            throw CommandFailure(
                "the endpoint must be a URL such as http://127.0.0.1:9400, found '\(endpoint)' in \(origin)", .usage)
        }
        self.endpoint = endpoint
        self.region = region
        self.credentials = credentials
        self.origin = origin
        transport = CurlTransport(HTTPTransportConfiguration(certificateFile: environmentValue("AWS_CA_BUNDLE")))
        client = AWSClient(
            endpoint: url, region: region, credentials: credentials, transport: transport,
            retry: RetryPolicy(connectionPatience: patience))
    }

    /// The store that jobs use: the server's own unless the settings name another.
    func bucket(_ name: String) throws -> S3ObjectStore {
        guard let other = try S3Settings(ProgramSettings.load()) else {
            let own = S3Configuration(
                endpoint: HTTPEndpoint(url: endpoint), region: region, credentials: credentials, pathStyle: true)
            return S3ObjectStore(bucket: name, configuration: own, transport: transport)
        }
        return S3ObjectStore(
            bucket: name, configuration: other.configuration, transport: CurlTransport(other.transport))
    }
}
