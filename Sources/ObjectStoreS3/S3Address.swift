import AWSProtocol
import HTTPTransport
import Synchronization

/// Where requests to a bucket go and which region they are signed for.
struct S3Address: Sendable, Hashable {
    let region: String
    /// Of the store, as a person knows it.
    let store: HTTPEndpoint
    /// What requests go to: the store, perhaps with the bucket in the host's name.
    let endpoint: HTTPEndpoint
    /// Precedes the key, without a slash at its end.
    let pathPrefix: String

    init(bucket: String, region: String, configuration: S3Configuration) {
        self.region = region
        let isAWS = configuration.endpoint.map { $0 == Self.aws(configuration.region) } ?? true
        store = isAWS ? Self.aws(region) : configuration.endpoint ?? Self.aws(region)
        if configuration.pathStyle || !Self.fitsHostName(bucket, store) {
            endpoint = store
            pathPrefix = "/\(PercentEncoding.encode(bucket))"
        } else {
            var named = store
            named.host = "\(bucket).\(store.host)"
            endpoint = named
            pathPrefix = ""
        }
    }

    /// Whether what is sent there can be neither read nor changed on its way.
    var isPrivate: Bool {
        endpoint.scheme == "https" || endpoint.host == "localhost" || endpoint.host == "[::1]"
            || endpoint.host.hasPrefix("127.") && Self.isNumeric(endpoint.host)
    }

    private static func aws(_ region: String) -> HTTPEndpoint {
        HTTPEndpoint(scheme: "https", host: "s3.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")")
    }

    private static func isNumeric(_ host: String) -> Bool {
        host.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    }

    /// A dot in a bucket's name would not fit the store's certificate; before an address there can be no name.
    private static func fitsHostName(_ bucket: String, _ endpoint: HTTPEndpoint) -> Bool {
        (3...63).contains(bucket.utf8.count) && !isNumeric(endpoint.host) && !endpoint.host.hasPrefix("[")
            && bucket.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
                    || (byte == UInt8(ascii: ".") && endpoint.scheme == "http")
            }
    }
}

/// The address of one bucket as far as it is known: the region is learnt from the first refusal that names another.
final class S3Place: Sendable {
    private let bucket: String
    private let configuration: S3Configuration
    private let current: Mutex<S3Address>

    init(bucket: String, configuration: S3Configuration) {
        self.bucket = bucket
        self.configuration = configuration
        current = Mutex(S3Address(bucket: bucket, region: configuration.region, configuration: configuration))
    }

    var address: S3Address { current.withLock { $0 } }

    func move(to region: String) {
        let moved = S3Address(bucket: bucket, region: region, configuration: configuration)
        current.withLock { $0 = moved }
    }
}
