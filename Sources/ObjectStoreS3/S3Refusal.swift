import AWSProtocol
import HTTPTransport
import JSONModel
import ObjectStore
import Support

/// Says what a store did not do, where, and what a person looks at next.
struct S3Refusal {
    let bucket: String
    let endpoint: HTTPEndpoint
    /// That requests are signed for.
    let region: String
    let configuration: S3Configuration
    let now: Timestamp

    /// Of an answer that is not repeated, or was often enough.
    func error(_ response: HTTPResponse, _ error: AWSError, _ request: S3Request) -> ObjectStoreError {
        let code = code(response.status, error.code, request)
        if code == .notFound {
            return ObjectStoreError(
                .notFound, "There is no object '\(request.key ?? "")' in bucket '\(bucket)' at \(endpoint).",
                key: request.key ?? "")
        }
        var said = error.message.isEmpty ? error.code : error.description
        if error.code == "UnknownError" { said = "status \(response.status)" + excerpt(response.body) }
        return self.error(
            code, "refused with " + said, hint: hint(response, error), request)
    }

    /// Of a request that got no answer.
    func error(_ failure: HTTPClientError, _ request: S3Request) -> ObjectStoreError {
        let code: ObjectStoreError.Code =
            if !failure.isTransient {
                .other("\(failure.kind)")
            } else if !request.isRepeatable, failure.mayHaveHappened {
                .ambiguous
            } else {
                .unavailable
            }
        let hint: String? =
            switch failure.kind {
            case .untrusted:
                "Set \(names.certificateFile) to the file (PEM) of the authority that signed the store's certificate, "
                    + "and use the name that stands in it."
            case .notConnected, .timedOut:
                "Is the store running, and is \(names.endpoint) its address as seen from this machine, with http or https as "
                    + "it serves?"
            default: nil
            }
        // The transport's messages begin with what this one says, too.
        let said = failure.message.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? failure.message
        return error(code, "not answered: \(said)", hint: hint, request)
    }

    /// Of an answer that is none of S3's: another program listens there.
    func notS3(_ response: HTTPResponse, _ request: S3Request) -> ObjectStoreError {
        error(
            .other("NotS3"), "answered with a web page (status \(response.status))",
            hint: "\(names.endpoint) must be the address of the S3 interface; a store's console listens on another port.", request)
    }

    private func error(
        _ code: ObjectStoreError.Code, _ what: String, hint: String?, _ request: S3Request
    ) -> ObjectStoreError {
        let target = request.key.map { "of '\($0)' " } ?? ""
        var message = "\(request.method) \(target)in bucket '\(bucket)' at \(endpoint) was \(what)"
        if let last = message.unicodeScalars.last, !".!?".unicodeScalars.contains(last) { message += "." }
        if let hint { message += " " + hint }
        return ObjectStoreError(code, message, key: request.key ?? "")
    }

    private func code(_ status: Int, _ code: String, _ request: S3Request) -> ObjectStoreError.Code {
        switch (status, code) {
        case (_, "NoSuchBucket"): .noSuchBucket
        case (_, "NoSuchUpload"): .other("NoSuchUpload")
        // What a conditional put on a missing key is answered with.
        case (404, _) where request.fields["if-match"] != nil && request.method != "GET": .preconditionFailed
        case (404, _): request.key == nil ? .noSuchBucket : .notFound
        case (412, _): .preconditionFailed
        case (409, _): .conflict
        case (416, _): .invalidRange
        case (_, "InvalidURI"), (_, "KeyTooLongError"): .invalidKey
        case (400, _) where code.hasPrefix("XMinioInvalidObjectName") || code.hasPrefix("XMinioObjectName"): .invalidKey
        case (401, _), (403, _): .accessDenied
        case (429, _), (_, "SlowDown"), (_, "RequestTimeout"), (_, "ThrottlingException"): .unavailable
        case (500, _), (502, _), (503, _), (504, _): .unavailable
        default: .other(code)
        }
    }

    private func hint(_ response: HTTPResponse, _ error: AWSError) -> String? {
        if let skew = clockDifference(response), error.code == "RequestTimeTooSkewed" || abs(skew) > 300 {
            return "The clocks differ: here it is \(now.iso8601), at the store \(abs(skew)) s \(skew > 0 ? "later" : "earlier"). "
                + "Set them by NTP."
        }
        switch error.code {
        case "RequestTimeTooSkewed": return "Compare this machine's clock, \(now.iso8601), with the store's, and set both by NTP."
        case "InvalidAccessKeyId":
            return "The store does not know the key '\(configuration.credentials?.accessKeyID ?? "")': check \(names.accessKeyID)."
        case "SignatureDoesNotMatch":
            return "The secret does not belong to the key '\(configuration.credentials?.accessKeyID ?? "")': check "
                + "\(names.secretAccessKey)."
        case "InvalidToken", "ExpiredToken", "InvalidTokenId": return "Check \(names.sessionToken), or leave it out for a lasting key."
        case "NoSuchBucket":
            return "Create it at that store, for example with: aws --endpoint-url \(endpoint) s3 mb s3://\(bucket)"
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion", "IllegalLocationConstraintException":
            let expected = response.fields["x-amz-bucket-region"] ?? error.members["Region"]?.string
            return "The request was signed for region '\(region)'"
                + (expected.map { ", the bucket is in '\($0)': set \(names.region)=\($0)." } ?? ": check \(names.region).")
        case "AccessDenied" where configuration.credentials == nil:
            return "It was sent without a key: set \(names.accessKeyID) and \(names.secretAccessKey)"
                + (configuration.isSeparate ? "." : ", or AWS_PROFILE to a profile that has them.")
        case "AccessDenied":
            return "Does the policy of key '\(configuration.credentials?.accessKeyID ?? "")' allow this on bucket '\(bucket)'?"
        default: return nil
        }
    }

    /// Seconds by which the store's clock is ahead of this one; nil when it does not say.
    private func clockDifference(_ response: HTTPResponse) -> Int64? {
        response.fields["date"].flatMap { Timestamp(httpDate: $0) }.map { $0.milliseconds(since: now) / 1000 }
    }

    /// The beginning of an answer that is not XML, such as a proxy's.
    private func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return text.isEmpty ? "" : " and '\(text)'"
    }

    /// The variables that the configuration comes from.
    private var names: (
        endpoint: String, accessKeyID: String, secretAccessKey: String, sessionToken: String, region: String,
        certificateFile: String
    ) {
        configuration.isSeparate
            ? (
                "MILLRACE_S3_ENDPOINT", "MILLRACE_S3_ACCESS_KEY_ID", "MILLRACE_S3_SECRET_ACCESS_KEY",
                "MILLRACE_S3_SESSION_TOKEN", "MILLRACE_S3_REGION", "MILLRACE_S3_CA_FILE"
            )
            : (
                "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
                "AWS_CA_BUNDLE"
            )
    }
}
