package import AWSProtocol
package import HTTPTransport
package import ObjectStore

/// How to reach an S3 store.
package struct S3Configuration: Sendable {
    /// Nil for AWS's own of the region.
    package var endpoint: HTTPEndpoint?
    package var region: String
    /// Nil sends requests without a signature.
    package var credentials: AWSCredentials?
    /// The bucket stands in the path, else in the host's name.
    package var pathStyle: Bool
    package var retry: RetryPolicy
    /// Of each request.
    package var timeouts: HTTPTimeouts
    /// For a call with all its repetitions; nil for as long as `retry` and `timeouts` allow. What is read or written
    /// piece by piece makes several calls, and the pieces of a download are not part of any.
    package var deadline: Duration?
    /// What is sent along with objects and compared by the store; nil for none. Whatever the store has is compared when
    /// a whole object is read.
    package var checksum: ChecksumAlgorithm?
    /// Size of an upload's parts, at least 5 MiB; it grows for very large uploads.
    package var partBytes: Int
    /// Parts of one upload sent at a time; each is in memory until then.
    package var partsInFlightMax: Int
    /// Objects larger than this are copied in parts of this size; S3 copies up to 5 GiB at once.
    package var copyPartBytes: Int64
    /// Whether the store is tried once before the first conditional put, since some ignore the condition.
    package var probesConditionalWrites: Bool
    /// Whether `MILLRACE_S3_…` describe the store, so that errors name these, or `AWS_…`.
    package var isSeparate: Bool

    /// - Parameter pathStyle: nil chooses it for every endpoint but AWS's.
    package init(
        endpoint: HTTPEndpoint?, region: String = "us-east-1", credentials: AWSCredentials?, pathStyle: Bool? = nil,
        retry: RetryPolicy = RetryPolicy(), timeouts: HTTPTimeouts = HTTPTimeouts(), deadline: Duration? = nil,
        checksum: ChecksumAlgorithm? = .crc64nvme, partBytes: Int = 8 << 20, partsInFlightMax: Int = 4,
        copyPartBytes: Int64 = 1 << 30,
        probesConditionalWrites: Bool = true, isSeparate: Bool = false
    ) {
        self.endpoint = endpoint
        self.region = region
        self.credentials = credentials
        self.pathStyle = pathStyle ?? (endpoint.map { !$0.host.hasSuffix(".amazonaws.com") } ?? false)
        self.retry = retry
        self.timeouts = timeouts
        self.deadline = deadline
        self.checksum = checksum
        self.partBytes = max(5 << 20, partBytes)
        self.partsInFlightMax = max(1, partsInFlightMax)
        self.copyPartBytes = min(5 << 30, max(5 << 20, copyPartBytes))
        self.probesConditionalWrites = probesConditionalWrites
        self.isSeparate = isSeparate
    }

    /// - Throws: `HTTPClientError` for an endpoint variable that is no URL, a path style that is not true or false.
    package init(_ environment: AWSEnvironment, retry: RetryPolicy = RetryPolicy()) throws {
        self.init(
            endpoint: try environment.s3Endpoint(), region: environment.s3Region,
            credentials: environment.s3Credentials, pathStyle: try environment.s3PathStyle(), retry: retry,
            isSeparate: environment.hasSeparateS3)
    }
}

extension ObjectStores {
    /// Opens buckets at the S3 store that `configuration` describes.
    package convenience init(
        s3 configuration: S3Configuration, transport: any HTTPClient, currentDirectory: String? = nil
    ) {
        self.init(currentDirectory: currentDirectory) { bucket in
            S3ObjectStore(bucket: bucket, configuration: configuration, transport: transport)
        }
    }
}
