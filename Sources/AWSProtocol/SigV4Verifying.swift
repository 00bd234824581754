package import Support

extension SigV4 {
    /// A request whose signature is right.
    package struct Verified: Sendable, Hashable {
        package var accessKeyID: String
        package var region: String
        package var service: String
        /// How the body was declared; whoever reads the body holds it to that.
        package var payload: PayloadDeclaration
        package var isPresigned: Bool
        /// The lower-case names of the fields under the signature.
        package var signedNames: [String]
    }

    /// The key and scope that a request claims, unverified, for routing; nil without a readable signature.
    package static func claimedScope(fields: HTTPFields, rawQuery: String?) -> CredentialScope? {
        if let authorization = fields["authorization"] {
            return Authorization(authorization)?.scope
        }
        return RawQuery(rawQuery)["X-Amz-Credential"].flatMap(CredentialScope.init(credential:))
    }

    /// Whether the request carries anything that claims to be a signature, of whatever kind.
    package static func isSigned(fields: HTTPFields, rawQuery: String?) -> Bool {
        if fields["authorization"] != nil { return true }
        let query = RawQuery(rawQuery)
        return query["X-Amz-Algorithm"] != nil || query["X-Amz-Signature"] != nil || query["Signature"] != nil
    }

    /// Verifies a request signed by its `Authorization` field or by its query.
    ///
    /// - Parameters:
    ///   - rawPath: the path as it stood in the request line.
    ///   - rawQuery: what followed the first `?`, as it stood; nil without one.
    ///   - fields: must have `host`.
    ///   - bodyHash: SHA-256 of the body when the caller has read it. Required for a request that has no
    ///     `x-amz-content-sha256`, as those of most services but S3; nil then stands for an empty body.
    ///   - style: how the caller's protocol names refusals; nil chooses by the scope's service.
    ///   - lookup: the credentials of an access key id; nil when there is no such key.
    /// - Throws: `AWSError` named as `style` says: unreadable or missing signature, one of version 2, unknown key, wrong session
    ///   token, a time more than 15 minutes away, an expired presigned request, a signature that differs.
    package static func verify(
        method: String, rawPath: String, rawQuery: String?, fields: HTTPFields, bodyHash: String? = nil,
        now: Timestamp, style: SignatureErrors? = nil, keys: SigningKeyCache? = nil,
        lookup: (String) -> AWSCredentials?
    ) throws(AWSError) -> Verified {
        let query = RawQuery(rawQuery)
        let claim: Claim
        if let authorization = fields["authorization"] {
            claim = try Claim(
                authorization, fields: fields, bodyHash: bodyHash, style: style ?? .s3, styleIsGiven: style != nil)
        } else if query["X-Amz-Algorithm"] != nil {
            claim = try Claim(presigned: query, fields: fields, bodyHash: bodyHash, style: style)
        } else if query["AWSAccessKeyId"] != nil, query["Signature"] != nil {
            throw (style ?? .s3).unsupportedScheme("AWS")
        } else {
            throw (style ?? .s3).missing()
        }
        let errors = style ?? SignatureErrors(service: claim.scope.service)
        try claim.checkTime(now, errors)
        guard let credentials = lookup(claim.scope.accessKeyID) else { throw errors.unknownKey(claim.scope) }
        try claim.checkFields(fields, credentials, errors)
        let key = keys?.key(secret: credentials.secretAccessKey, scope: claim.scope)
            ?? SigningKey(secret: credentials.secretAccessKey, scope: claim.scope)
        try claim.checkSignature(
            key, method: method, rawPath: rawPath, query: query, fields: fields, errors)
        if let bodyHash, case .plain(let declared) = claim.payload, declared != "UNSIGNED-PAYLOAD",
            declared != bodyHash
        {
            throw errors.bodyDiffers(declared: declared, computed: bodyHash)
        }
        return Verified(
            accessKeyID: claim.scope.accessKeyID, region: claim.scope.region, service: claim.scope.service,
            payload: claim.declaration(key), isPresigned: claim.expirySeconds != nil, signedNames: claim.signedNames)
    }
}

/// The parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
private struct Authorization {
    var scope: SigV4.CredentialScope
    var signedNames: [String]
    var signature: String

    init?(_ text: String) {
        guard text.hasPrefix(SigV4.algorithm) else { return nil }
        var credential: Substring?, names: Substring?, signature: Substring?
        let parts = text.utf8.dropFirst(SigV4.algorithm.utf8.count).split { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") }
        for part in parts {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            func take(_ value: inout Substring?) -> Bool {
                guard value == nil else { return false }
                value = Substring(part[part.index(after: equals)...])
                return true
            }
            let isNew =
                switch Substring(part[..<equals]) {
                case "Credential": take(&credential)
                case "SignedHeaders": take(&names)
                case "Signature": take(&signature)
                default: true
                }
            guard isNew else { return nil }
        }
        guard let scope = credential.flatMap({ SigV4.CredentialScope(credential: String($0)) }), let names, let signature
        else { return nil }
        self.scope = scope
        signedNames = names.utf8.split(separator: UInt8(ascii: ";")).map { String(Substring($0)) }
        self.signature = String(signature)
    }
}

/// A signature as the request presents it.
private struct Claim {
    enum Payload {
        /// A hash or `UNSIGNED-PAYLOAD`.
        case plain(String)
        case streaming(String)
    }

    var scope: SigV4.CredentialScope
    var signedNames: [String]
    var signature: String
    var date: String
    var time: Timestamp
    /// Nil when signed by the `Authorization` field.
    var expirySeconds: Int?
    var payload: Payload
    var token: String?

    init(
        _ text: String, fields: HTTPFields, bodyHash: String?, style: SignatureErrors, styleIsGiven: Bool
    ) throws(AWSError) {
        guard text.hasPrefix("AWS4-") else { throw style.unsupportedScheme(text) }
        guard let authorization = Authorization(text) else { throw style.malformedField(text) }
        let errors = styleIsGiven ? style : SignatureErrors(service: authorization.scope.service)
        scope = authorization.scope
        signedNames = authorization.signedNames
        signature = authorization.signature
        token = fields["x-amz-security-token"]
        if let date = fields["x-amz-date"] {
            guard let time = Timestamp(amzDate: date) else { throw errors.malformedDate(date) }
            (self.date, self.time) = (date, time)
        } else if let date = fields["date"] {
            guard let time = Timestamp(httpDate: date) ?? Timestamp(amzDate: date) else {
                throw errors.malformedDate(date)
            }
            (self.date, self.time) = (time.amzDate, time)
        } else {
            throw errors.missingDate()
        }
        let declared = fields["x-amz-content-sha256"]
        payload = try Self.payload(declared ?? bodyHash ?? SigV4.emptyHash, errors)
    }

    init(presigned query: RawQuery, fields: HTTPFields, bodyHash: String?, style: SignatureErrors?) throws(AWSError) {
        guard let credential = query["X-Amz-Credential"], let date = query["X-Amz-Date"],
            let expires = query["X-Amz-Expires"], let names = query["X-Amz-SignedHeaders"],
            let signature = query["X-Amz-Signature"]
        else {
            throw (style ?? .s3).malformedQuery(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                    + "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
        }
        guard let scope = SigV4.CredentialScope(credential: credential) else {
            throw (style ?? .s3).malformedQuery(
                "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
                    + "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
        }
        let errors = style ?? SignatureErrors(service: scope.service)
        guard query["X-Amz-Algorithm"] == SigV4.algorithm else {
            throw errors.malformedQuery("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
        }
        guard let time = Timestamp(amzDate: date) else {
            throw errors.malformedQuery("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        }
        guard let seconds = Int(expires) else { throw errors.malformedQuery("X-Amz-Expires should be a number") }
        guard seconds >= 0 else { throw errors.malformedQuery("X-Amz-Expires must be non-negative") }
        guard seconds <= SigV4.presignExpirySecondsMax else {
            throw errors.malformedQuery(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                    + "than 604800 seconds")
        }
        self.scope = scope
        self.date = date
        self.time = time
        self.signature = signature
        expirySeconds = seconds
        signedNames = names.split(separator: ";").map(String.init)
        token = query["X-Amz-Security-Token"]
        let declared = query["X-Amz-Content-Sha256"]
            ?? (signedNames.contains("x-amz-content-sha256") ? fields["x-amz-content-sha256"] : nil)
        payload = try Self.payload(
            declared ?? (scope.service == "s3" ? "UNSIGNED-PAYLOAD" : bodyHash ?? SigV4.emptyHash), errors)
    }

    private static func payload(_ declared: String, _ errors: SignatureErrors) throws(AWSError) -> Payload {
        if declared.hasPrefix("STREAMING-") {
            switch declared {
            case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
                return .streaming(declared)
            default:
                throw AWSError(
                    "NotImplemented", "The body signature scheme \(declared) is not supported.", httpStatus: 501)
            }
        }
        guard declared == "UNSIGNED-PAYLOAD" || (declared.utf8.count == 64 && bytes(fromHex: declared) != nil) else {
            throw errors.malformedHash(declared)
        }
        return .plain(declared)
    }

    func checkTime(_ now: Timestamp, _ errors: SignatureErrors) throws(AWSError) {
        guard date.hasPrefix(scope.date) else { throw errors.scopeDateDiffers(scope: scope.date, request: date) }
        let age = now.milliseconds(since: time)
        if let expirySeconds {
            guard age >= -SigV4.clockSkewMilliseconds else { throw errors.notYetValid(date, now) }
            let expiry = time.adding(milliseconds: Int64(expirySeconds) * 1000)
            guard now <= expiry else { throw errors.expired(expirySeconds, expiry: expiry, now) }
        } else {
            guard abs(age) <= SigV4.clockSkewMilliseconds else { throw errors.skewed(date, now) }
        }
    }

    func checkFields(
        _ fields: HTTPFields, _ credentials: AWSCredentials, _ errors: SignatureErrors
    ) throws(AWSError) {
        switch (credentials.sessionToken, token) {
        case (nil, nil): break
        case (let expected?, let token?) where SigV4.equalInConstantTime(expected, token): break
        default: throw errors.wrongToken()
        }
        guard signedNames.contains("host") || signedNames.contains(":authority") else {
            throw errors.unsignedFields(["host"])
        }
        guard scope.service == "s3" else { return }
        // A field that S3 acts on and the signature does not cover could have been added by anyone.
        let unsigned = Set(fields.entries.map(\.name)).filter { name in
            name.hasPrefix("x-amz-") && !signedNames.contains(name)
                && !(expirySeconds != nil && name == "x-amz-content-sha256")
        }
        guard unsigned.isEmpty else { throw errors.unsignedFields(unsigned.sorted()) }
    }

    func checkSignature(
        _ key: SigV4.SigningKey, method: String, rawPath: String, query: RawQuery, fields: HTTPFields,
        _ errors: SignatureErrors
    ) throws(AWSError) {
        var signedQuery = query
        if expirySeconds != nil { signedQuery.items.removeAll { $0.name == "X-Amz-Signature" } }
        func signed(_ form: (path: String, query: String)) -> (canonical: String, toSign: String, isRight: Bool) {
            let canonical = CanonicalRequest.text(
                method: method, path: form.path, query: form.query, fields: fields, signedNames: signedNames,
                payload: payloadText)
            let toSign = SigV4.stringToSign(date: date, scope: scope.text, canonicalRequest: canonical)
            return (canonical, toSign, SigV4.equalInConstantTime(key.signature(of: toSign), signature))
        }
        let usual = signed(CanonicalRequest.usual(rawPath: rawPath, query: signedQuery, service: scope.service))
        if usual.isRight { return }
        for form in CanonicalRequest.unusual(rawPath: rawPath, query: signedQuery, service: scope.service)
        where signed(form).isRight { return }
        throw errors.differs(
            accessKeyID: scope.accessKeyID, provided: signature, canonicalRequest: usual.canonical,
            stringToSign: usual.toSign)
    }

    func declaration(_ key: SigV4.SigningKey) -> SigV4.PayloadDeclaration {
        let signing = SigV4.ChunkSigning(key: key, date: date, scope: scope.text, seedSignature: signature)
        return switch payload {
        case .streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"): .streamingSigned(signing)
        case .streaming("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"): .streamingSignedTrailer(signing)
        case .streaming: .streamingUnsignedTrailer
        case .plain("UNSIGNED-PAYLOAD"): .unsigned
        case .plain(let hash): .hash(hash)
        }
    }

    private var payloadText: String {
        switch payload {
        case .plain(let text), .streaming(let text): text
        }
    }
}
