package import Support

extension SigV4 {
    /// What the signer says of the body.
    package enum PayloadToSign: Sendable, Hashable {
        case empty
        /// SHA-256 of the body, lower-case hexadecimal.
        case hash(String)
        /// Left to TLS, or to a checksum.
        case unsigned
        case streamingSigned, streamingSignedTrailer, streamingUnsignedTrailer

        /// The value of `x-amz-content-sha256`.
        package var text: String {
            switch self {
            case .empty: emptyHash
            case .hash(let hash): hash
            case .unsigned: "UNSIGNED-PAYLOAD"
            case .streamingSigned: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            case .streamingSignedTrailer: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
            case .streamingUnsignedTrailer: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
            }
        }
    }

    /// Signs a request by its `Authorization` field. Every field present is signed, except those that proxies change.
    ///
    /// - Parameter rawPath: percent-encoded as it will stand in the request line.
    /// - Parameter rawQuery: percent-encoded as `PercentEncoding` does.
    /// - Parameter fields: must have `host`; gets `x-amz-date`, `authorization`, and where needed
    ///   `x-amz-security-token` and `x-amz-content-sha256` (S3, and bodies that are not hashed).
    /// - Returns: what the signatures of the body's chunks build on, should it be sent in signed chunks.
    @discardableResult
    package static func sign(
        method: String, rawPath: String, rawQuery: String?, fields: inout HTTPFields, payload: PayloadToSign,
        credentials: AWSCredentials, region: String, service: String, at time: Timestamp,
        keys: SigningKeyCache? = nil
    ) -> ChunkSigning {
        let date = time.amzDate
        let scope = CredentialScope(
            accessKeyID: credentials.accessKeyID, date: String(date.prefix(8)), region: region, service: service)
        fields["authorization"] = nil
        fields["x-amz-date"] = date
        if let token = credentials.sessionToken { fields["x-amz-security-token"] = token }
        switch payload {
        case .empty, .hash: if service == "s3" { fields["x-amz-content-sha256"] = payload.text }
        default: fields["x-amz-content-sha256"] = payload.text
        }
        let names = signedNames(fields)
        let canonical = CanonicalRequest.text(
            method: method, path: CanonicalRequest.path(rawPath, service: service),
            query: CanonicalRequest.sorted(RawQuery(rawQuery)), fields: fields, signedNames: names,
            payload: payload.text)
        let key = keys?.key(secret: credentials.secretAccessKey, scope: scope)
            ?? SigningKey(secret: credentials.secretAccessKey, scope: scope)
        let signature = key.signature(
            of: stringToSign(date: date, scope: scope.text, canonicalRequest: canonical))
        fields["authorization"] =
            "\(algorithm) Credential=\(scope.accessKeyID)/\(scope.text), "
            + "SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)"
        return ChunkSigning(key: key, date: date, scope: scope.text, seedSignature: signature)
    }

    /// The query string, signature included, that lets anyone send the request until it expires.
    ///
    /// - Parameter fields: `host` and whatever else the sender will have to send unchanged.
    /// - Parameter expirySeconds: 1 to `presignExpirySecondsMax`.
    package static func presign(
        method: String, rawPath: String, rawQuery: String?, fields: HTTPFields, expirySeconds: Int,
        credentials: AWSCredentials, region: String, service: String = "s3", at time: Timestamp
    ) -> String {
        let date = time.amzDate
        let scope = CredentialScope(
            accessKeyID: credentials.accessKeyID, date: String(date.prefix(8)), region: region, service: service)
        let names = signedNames(fields)
        var query = RawQuery(rawQuery)
        func add(_ name: String, _ value: String) {
            query.items.append(.init(name: name, value: PercentEncoding.encode(value)))
        }
        add("X-Amz-Algorithm", algorithm)
        add("X-Amz-Credential", "\(scope.accessKeyID)/\(scope.text)")
        add("X-Amz-Date", date)
        add("X-Amz-Expires", String(expirySeconds))
        add("X-Amz-SignedHeaders", names.joined(separator: ";"))
        if let token = credentials.sessionToken { add("X-Amz-Security-Token", token) }
        let canonicalQuery = CanonicalRequest.sorted(query)
        let canonical = CanonicalRequest.text(
            method: method, path: CanonicalRequest.path(rawPath, service: service), query: canonicalQuery,
            fields: fields, signedNames: names, payload: service == "s3" ? "UNSIGNED-PAYLOAD" : emptyHash)
        let signature = SigningKey(secret: credentials.secretAccessKey, scope: scope)
            .signature(of: stringToSign(date: date, scope: scope.text, canonicalRequest: canonical))
        return canonicalQuery + "&X-Amz-Signature=" + signature
    }

    /// What proxies change.
    private static let changing = [
        "authorization", "connection", "content-length", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id",
    ]

    /// Ascending, each once.
    private static func signedNames(_ fields: HTTPFields) -> [String] {
        var names: [String] = []
        for entry in fields.entries where !changing.contains(entry.name) && !names.contains(entry.name) {
            names.append(entry.name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
