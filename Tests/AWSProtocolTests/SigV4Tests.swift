import AWSProtocol
import JSONModel
import Support
import TestSupport
import Testing

private let plain = AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
private let temporary = AWSCredentials(
    accessKeyID: "ASIATEMP", secretAccessKey: "secret/+=", sessionToken: "token/with+strange==chars")

@Sendable private func lookup(_ id: String) -> AWSCredentials? { [plain, temporary].first { $0.accessKeyID == id } }

/// A request that botocore 1.43.11 signed at 2026-11-21T11:48:15Z.
struct SignedRequest: Sendable, CustomTestStringConvertible {
    var name: String, method: String, path: String, query: String?, service: String, body: [UInt8], isPresigned: Bool
    var credentials: AWSCredentials
    var fields: HTTPFields

    static let now = Timestamp(iso8601: "2026-11-21T11:48:15Z") ?? Timestamp(millisecondsSince1970: 0)

    static let all: [SignedRequest] = {
        let file = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.endIndex))
            + "/Fixtures/signed-by-botocore.json"
        let cases = (try? JSONValue(parsing: readFile(file)))?.array ?? []
        return cases.map { entry in
            let query = entry["query"]?.string ?? ""
            return SignedRequest(
                name: entry["name"]?.string ?? "", method: entry["method"]?.string ?? "",
                path: entry["path"]?.string ?? "", query: query.isEmpty ? nil : query,
                service: entry["service"]?.string ?? "", body: Array((entry["body"]?.string ?? "").utf8),
                isPresigned: entry["kind"]?.string == "query",
                credentials: entry["cred"]?.string == "temp" ? temporary : plain,
                fields: HTTPFields((entry["headers"]?.object ?? [:]).map { ($0.key, $0.value.string ?? "") }))
        }
    }()

    var testDescription: String { name }

    func verify(now: Timestamp = now, lookup: (String) -> AWSCredentials? = lookup) throws(AWSError) -> SigV4.Verified {
        try SigV4.verify(
            method: method, rawPath: path, rawQuery: query, fields: fields, bodyHash: isPresigned ? nil : SigV4.hash(body),
            now: now, lookup: lookup)
    }
}

@Suite struct SigV4Tests {
    @Test func fixtureIsThere() { #expect(SignedRequest.all.count == 14) }

    @Test(arguments: SignedRequest.all) func verifiesWhatBotocoreSigned(_ request: SignedRequest) throws {
        let verified = try request.verify()
        #expect(verified.accessKeyID == request.credentials.accessKeyID)
        #expect(verified.service == request.service)
        #expect(verified.region == "us-east-1")
        #expect(verified.isPresigned == request.isPresigned)
        #expect(SigV4.claimedScope(fields: request.fields, rawQuery: request.query)?.service == request.service)
    }

    @Test(arguments: SignedRequest.all) func signsAsBotocore(_ request: SignedRequest) throws {
        if request.isPresigned {
            let unsigned = RawQuery(request.query).items.filter { !$0.name.hasPrefix("X-Amz-") }
                .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
            let query = SigV4.presign(
                method: request.method, rawPath: request.path, rawQuery: unsigned.isEmpty ? nil : unsigned,
                fields: ["host": request.fields["host"] ?? ""], expirySeconds: 3600, credentials: request.credentials,
                region: "us-east-1", at: SignedRequest.now)
            #expect(RawQuery(query)["X-Amz-Signature"] == RawQuery(request.query)["X-Amz-Signature"])
        } else {
            var fields = request.fields
            fields["authorization"] = nil
            SigV4.sign(
                method: request.method, rawPath: request.path, rawQuery: request.query, fields: &fields,
                payload: request.body.isEmpty ? .empty : .hash(SigV4.hash(request.body)),
                credentials: request.credentials, region: "us-east-1", service: request.service,
                at: SignedRequest.now, keys: SigV4.SigningKeyCache())
            #expect(fields["authorization"] == request.fields["authorization"])
        }
    }

    @Test(arguments: SignedRequest.all) func anyChangeIsNoticed(_ request: SignedRequest) throws {
        var changed = request
        changed.path += "x"
        #expect(throws: AWSError.self) { try changed.verify() }
        changed = request
        changed.query = (request.query.map { $0 + "&" } ?? "") + "x=1"
        #expect(throws: AWSError.self) { try changed.verify() }
        changed = request
        changed.method = "HEAD"
        #expect(throws: AWSError.self) { try changed.verify() }
        changed = request
        changed.fields["host"] = "elsewhere"
        #expect(throws: AWSError.self) { try changed.verify() }
        if !request.isPresigned {
            changed = request
            changed.body.append(1)
            #expect(throws: AWSError.self) { try changed.verify() }
        }
        let wrong = AWSCredentials(
            accessKeyID: request.credentials.accessKeyID, secretAccessKey: "wrong",
            sessionToken: request.credentials.sessionToken)
        let error = #expect(throws: AWSError.self) { try request.verify { _ in wrong } }
        switch request.service {
        case "s3":
            #expect(error?.code == "SignatureDoesNotMatch")
            #expect(error?.members["CanonicalRequest"]?.string?.hasPrefix(request.method + "\n") == true)
        case "sts": #expect(error?.code == "SignatureDoesNotMatch")
        default:
            #expect(error?.code == "InvalidSignatureException")
            #expect(error?.members["canonicalRequest"]?.string?.hasPrefix(request.method + "\n") == true)
            #expect(error?.message.contains("\n") == false)
        }
    }

    @Test(arguments: SignedRequest.all) func unknownKeysAndTokens(_ request: SignedRequest) throws {
        let unknown = ["s3": "InvalidAccessKeyId", "sts": "InvalidClientTokenId"][request.service]
            ?? "UnrecognizedClientException"
        #expect(throws: AWSError.self) { try request.verify { _ in nil } }
        let error = #expect(throws: AWSError.self) { try request.verify { _ in nil } }
        #expect(error?.code == unknown)
        var other = request.credentials
        other.sessionToken = other.sessionToken == nil ? "asked for" : "another"
        #expect(throws: AWSError.self) { try request.verify { [other] _ in other } }
    }

    @Test(arguments: SignedRequest.all) func time(_ request: SignedRequest) throws {
        let now = SignedRequest.now
        if request.isPresigned {
            _ = try request.verify(now: now.adding(milliseconds: 3_600_000))
            let late = #expect(throws: AWSError.self) { try request.verify(now: now.adding(milliseconds: 3_600_001)) }
            #expect(late?.message == "Request has expired")
            #expect(throws: AWSError.self) { try request.verify(now: now.adding(milliseconds: -900_001)) }
        } else {
            for offset in [-900_000, 900_000] as [Int64] { _ = try request.verify(now: now.adding(milliseconds: offset)) }
            for offset in [-900_001, 900_001] as [Int64] {
                let error = #expect(throws: AWSError.self) { try request.verify(now: now.adding(milliseconds: offset)) }
                #expect(
                    error?.code
                        == (["s3": "RequestTimeTooSkewed", "sts": "SignatureDoesNotMatch"][request.service]
                            ?? "InvalidSignatureException"))
            }
        }
    }

    @Test func `version 2 is refused with what to use`() {
        func refusal(_ query: String?, _ authorization: String?, _ style: SignatureErrors) -> AWSError? {
            var fields: HTTPFields = ["host": "localhost"]
            fields["authorization"] = authorization
            return #expect(throws: AWSError.self) {
                try SigV4.verify(
                    method: "GET", rawPath: "/b/k", rawQuery: query, fields: fields, now: SignedRequest.now, style: style,
                    lookup: lookup)
            }
        }
        for error in [
            refusal("AWSAccessKeyId=AKIDEXAMPLE&Signature=c2ln&Expires=1795261695", nil, .s3),
            refusal(nil, "AWS AKIDEXAMPLE:c2lnbmF0dXJl", .s3),
        ] {
            #expect(error?.code == "InvalidRequest" && error?.httpStatus == 400)
            #expect(error?.message.contains("AWS4-HMAC-SHA256") == true && error?.message.contains("s3v4") == true)
            #expect(error?.members["AuthorizationMechanism"] == "AWS")
        }
        let json = refusal(nil, "AWS AKIDEXAMPLE:c2lnbmF0dXJl", .json)
        #expect(json?.code == "IncompleteSignatureException" && json?.message.contains("version 4") == true)
        #expect(refusal("Signature=x", nil, .s3)?.code == "AccessDenied")
    }

    /// S3 API reference, "Authenticating requests: using query parameters".
    @Test func documentedPresignedURL() {
        let query = SigV4.presign(
            method: "GET", rawPath: "/test.txt", rawQuery: nil, fields: ["host": "examplebucket.s3.amazonaws.com"],
            expirySeconds: 86_400, credentials: documented, region: "us-east-1", at: documentedTime)
        #expect(
            RawQuery(query)["X-Amz-Signature"] == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test func unsignedAmzFieldsAreRefusedByS3() throws {
        var request = SignedRequest.all[0]
        request.fields["x-amz-copy-source"] = "/other/key"
        let error = #expect(throws: AWSError.self) { try request.verify() }
        #expect(error?.code == "AccessDenied")
        #expect(error?.members["HeadersNotSigned"]?.string == "x-amz-copy-source")
    }

    @Test(arguments: [
        ("", "AuthorizationHeaderMalformed", nil), ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed", nil),
        ("AWS AKID:sig", "InvalidRequest", nil), ("Bearer x", "InvalidRequest", nil),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0", "AuthorizationHeaderMalformed", nil),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/s3/aws4_request, SignedHeaders=, Signature=", "AccessDenied", nil),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0", "AuthorizationHeaderMalformed", nil),
        (nil, "AuthorizationQueryParametersError", "X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        (nil, "AuthorizationQueryParametersError", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Date=20261121T114815Z&X-Amz-Expires=-9223372036854775809&X-Amz-SignedHeaders=host&X-Amz-Signature=0"),
        (nil, "AuthorizationQueryParametersError", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20261121%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20261121T114815Z&X-Amz-Expires=604801&X-Amz-SignedHeaders=host&X-Amz-Signature=0"),
        (nil, "AccessDenied", "a=b"),
    ] as [(String?, String, String?)])
    func malformed(_ authorization: String?, _ code: String, _ query: String?) {
        var fields: HTTPFields = ["host": "h", "x-amz-date": "20261121T114815Z"]
        fields["authorization"] = authorization.map { $0.isEmpty ? "AWS4-" : $0 }
        let error = #expect(throws: AWSError.self) {
            try SigV4.verify(
                method: "GET", rawPath: "/", rawQuery: query, fields: fields, now: SignedRequest.now, lookup: lookup)
        }
        #expect(error?.code == code)
    }

    @Test func dates() {
        let moment = Timestamp(millisecondsSince1970: 1_795_261_695_000)
        #expect(moment.amzDate == "20261121T114815Z")
        #expect(moment.httpDate == "Sat, 21 Nov 2026 11:48:15 GMT")
        #expect(Timestamp(amzDate: moment.amzDate) == moment)
        #expect(Timestamp(httpDate: moment.httpDate) == moment)
        for text in ["20261321T114815Z", "2026112XT114815Z", "20261121T250000Z", "", "20261121"] {
            #expect(Timestamp(amzDate: text) == nil)
        }
        for text in ["Sat, 21 Nov 2026 11:48:15 -0000", "21 Nov 2026 13:18:15 +0130", "Sat, 21 Nov 2026 06:48:15 -0500"] {
            #expect(Timestamp(httpDate: text) == moment)
        }
        for text in ["Sat, 31 Feb 2026 11:48:15 GMT", "Sat, 21 Nov 2026 11:48:15", "Sat, 21 Nov 2026 11:48:15 +9999", "x"] {
            #expect(Timestamp(httpDate: text) == nil)
        }
    }
}

let documented = AWSCredentials(
    accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
let documentedTime = Timestamp(amzDate: "20130524T000000Z") ?? Timestamp(millisecondsSince1970: 0)
