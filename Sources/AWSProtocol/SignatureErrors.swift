import JSONModel
import Support

/// How a protocol names what is wrong with a signature.
package enum SignatureErrors: Sendable, Hashable {
    case s3
    /// awsJson1.0 and 1.1: status 400.
    case json
    /// restJson1: the codes of `json`, status 403.
    case restJSON
    /// awsQuery: sts, iam.
    case query

    package init(service: String) {
        self =
            switch service {
            case "s3": .s3
            case "sts", "iam": .query
            case "batch", "scheduler", "lambda": .restJSON
            default: .json
            }
    }

    package func missing() -> AWSError {
        switch self {
        case .s3: AWSError("AccessDenied", "Access Denied", httpStatus: 403)
        case .json, .restJSON: refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        case .query: refusal("MissingAuthenticationToken", "Request is missing Authentication Token")
        }
    }

    /// - Parameter text: an `Authorization` field, or the scheme alone: `AWS` for Signature Version 2.
    func unsupportedScheme(_ text: String) -> AWSError {
        let scheme = text.prefix { $0 != " " }.prefix(40)
        let advice =
            scheme == "AWS"
            ? " This is Signature Version 2; sign with version 4, as boto3 does with Config(signature_version=\"s3v4\")." : ""
        return switch self {
        case .s3:
            AWSError(
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256." + advice,
                members: ["AuthorizationMechanism": .string(String(scheme))])
        case .json, .restJSON, .query:
            refusal(incomplete, "Authorization scheme '\(scheme)' is not supported; expecting AWS4-HMAC-SHA256." + advice)
        }
    }

    func malformedField(_ text: String) -> AWSError {
        switch self {
        case .s3:
            AWSError(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; expecting \"AWS4-HMAC-SHA256 Credential=<YOUR-AKID>/YYYYMMDD/"
                    + "REGION/SERVICE/aws4_request, SignedHeaders=<NAMES>, Signature=<HEX>\".")
        case .json, .restJSON, .query:
            refusal(
                incomplete,
                "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters, and a "
                    + "Credential of the form <YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request.")
        }
    }

    func malformedQuery(_ message: String) -> AWSError {
        self == .s3 ? AWSError("AuthorizationQueryParametersError", message) : refusal(incomplete, message)
    }

    func malformedDate(_ date: String) -> AWSError {
        let message =
            "AWS authentication requires a valid Date or x-amz-date header; found '\(date.prefix(40))'."
        return self == .s3
            ? AWSError("AccessDenied", message, httpStatus: 403) : refusal(incomplete, message)
    }

    func missingDate() -> AWSError {
        let message = "AWS authentication requires a valid Date or x-amz-date header"
        return self == .s3
            ? AWSError("AccessDenied", message, httpStatus: 403) : refusal(incomplete, message)
    }

    func malformedHash(_ declared: String) -> AWSError {
        AWSError(
            self == .s3 ? "InvalidArgument" : "InvalidSignatureException",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                + "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a valid sha256 "
                + "value.",
            members: [
                "ArgumentName": "x-amz-content-sha256", "ArgumentValue": .string(String(declared.prefix(100))),
            ])
    }

    func scopeDateDiffers(scope: String, request: String) -> AWSError {
        let message =
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            + "'\(scope)' != '\(request.prefix(8))', from '\(request)'."
        return self == .s3 ? AWSError("AuthorizationHeaderMalformed", message) : refusal(differing, message)
    }

    func skewed(_ date: String, _ now: Timestamp) -> AWSError {
        switch self {
        case .s3:
            return AWSError(
                "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
                httpStatus: 403,
                members: [
                    "RequestTime": .string(date), "ServerTime": .string(now.iso8601),
                    "MaxAllowedSkewMilliseconds": .string(String(SigV4.clockSkewMilliseconds)),
                ])
        case .json, .restJSON, .query:
            let early = Timestamp(amzDate: date).map { $0 < now } ?? false
            let bound = now.adding(
                milliseconds: early ? -SigV4.clockSkewMilliseconds : SigV4.clockSkewMilliseconds)
            let sign = early ? "-" : "+"
            return refusal(
                differing,
                "Signature \(early ? "expired" : "not yet current"): \(date) is \(early ? "now earlier" : "still later") "
                    + "than \(bound.amzDate) (\(now.amzDate) \(sign) 15 min.)")
        }
    }

    func notYetValid(_ date: String, _ now: Timestamp) -> AWSError {
        self == .s3
            ? AWSError(
                "AccessDenied", "Request is not valid yet", httpStatus: 403,
                members: ["X-Amz-Date": .string(date), "ServerTime": .string(now.iso8601)])
            : skewed(date, now)
    }

    func expired(_ seconds: Int, expiry: Timestamp, _ now: Timestamp) -> AWSError {
        self == .s3
            ? AWSError(
                "AccessDenied", "Request has expired", httpStatus: 403,
                members: [
                    "X-Amz-Expires": .string(String(seconds)), "Expires": .string(expiry.iso8601),
                    "ServerTime": .string(now.iso8601),
                ])
            : refusal(differing, "Signature expired: the request was valid until \(expiry.amzDate).")
    }

    func unknownKey(_ scope: SigV4.CredentialScope) -> AWSError {
        switch self {
        case .s3:
            AWSError(
                "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
                httpStatus: 403, members: ["AWSAccessKeyId": .string(scope.accessKeyID)])
        case .json, .restJSON:
            refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
        case .query: refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
        }
    }

    func wrongToken() -> AWSError {
        switch self {
        case .s3: AWSError("InvalidToken", "The provided token is malformed or otherwise invalid.")
        case .json, .restJSON:
            refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
        case .query: refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
        }
    }

    func unsignedFields(_ names: [String]) -> AWSError {
        let list = names.joined(separator: ", ")
        return self == .s3
            ? AWSError(
                "AccessDenied", "There were headers present in the request which were not signed", httpStatus: 403,
                members: ["HeadersNotSigned": .string(list)])
            : refusal(differing, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    }

    func bodyDiffers(declared: String, computed: String) -> AWSError {
        self == .s3
            ? AWSError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                members: [
                    "ClientComputedContentSHA256": .string(declared), "S3ComputedContentSHA256": .string(computed),
                ])
            : refusal(differing, "The x-amz-content-sha256 header does not match the body.")
    }

    func differs(accessKeyID: String, provided: String, canonicalRequest: String, stringToSign: String) -> AWSError {
        let message =
            "The request signature we calculated does not match the signature you provided. Check your "
        switch self {
        case .s3:
            return AWSError(
                "SignatureDoesNotMatch", message + "key and signing method.", httpStatus: 403,
                members: [
                    "AWSAccessKeyId": .string(accessKeyID), "StringToSign": .string(stringToSign),
                    "SignatureProvided": .string(provided), "StringToSignBytes": .string(hexPairs(stringToSign)),
                    "CanonicalRequest": .string(canonicalRequest),
                    "CanonicalRequestBytes": .string(hexPairs(canonicalRequest)),
                ])
        case .json, .restJSON, .query:
            // Clients print the message: what only the author of a signer needs stands beside it.
            var error = refusal(
                differing,
                message + "AWS Secret Access Key and signing method. Consult the service documentation for details.")
            error.members = ["stringToSign": .string(stringToSign), "canonicalRequest": .string(canonicalRequest)]
            return error
        }
    }

    private var incomplete: String { self == .query ? "IncompleteSignature" : "IncompleteSignatureException" }
    private var differing: String { self == .query ? "SignatureDoesNotMatch" : "InvalidSignatureException" }

    private func refusal(_ code: String, _ message: String) -> AWSError {
        AWSError(code, message, httpStatus: self == .json ? 400 : 403)
    }
}

private func hexPairs(_ text: String) -> String {
    text.utf8.map { hexText(CollectionOfOne($0)) }.joined(separator: " ")
}
