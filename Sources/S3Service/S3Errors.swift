import AWSProtocol
import JSONModel
import ObjectServer
import Support

/// Refusals in S3's words.
enum S3Errors {
    static func awsError(_ error: any Error) -> AWSError {
        switch error {
        case let error as AWSError: return error
        case let error as ObjectServerError:
            var members = JSONObject()
            for detail in error.details { members.append(detail.name, .string(detail.value)) }
            return AWSError(error.code.rawValue, error.message, httpStatus: status(of: error.code), members: members)
        default:
            return AWSError(
                "InternalError", "We encountered an internal error. Please try again.", httpStatus: 500)
        }
    }

    private static func status(of code: ObjectServerError.Code) -> Int {
        switch code {
        case .noSuchBucket, .noSuchKey, .noSuchVersion, .noSuchUpload: 404
        case .methodNotAllowed: 405
        case .bucketAlreadyExists, .bucketAlreadyOwnedByYou, .bucketNotEmpty, .conditionalRequestConflict: 409
        case .preconditionFailed: 412
        case .internalError: 500
        case .slowDown, .serviceUnavailable: 503
        default: 400
        }
    }

    static func notImplemented(_ what: String) -> AWSError {
        AWSError(
            "NotImplemented", "A request you provided implies functionality that is not implemented: \(what).",
            httpStatus: 501)
    }

    static func headerNotImplemented(_ name: String) -> AWSError {
        AWSError(
            "NotImplemented", "A header you provided implies functionality that is not implemented: \(name)", httpStatus: 501,
            members: ["Header": .string(name)])
    }

    static func methodNotAllowed(_ method: String, _ type: String) -> AWSError {
        AWSError(
            "MethodNotAllowed", "The specified method is not allowed against this resource.", httpStatus: 405,
            members: ["Method": .string(method), "ResourceType": .string(type)])
    }

    static func invalidArgument(_ message: String, _ name: String, _ value: String?) -> AWSError {
        AWSError(
            "InvalidArgument", message,
            members: ["ArgumentName": .string(name), "ArgumentValue": .string(value ?? "")])
    }

    static func invalidRequest(_ message: String) -> AWSError { AWSError("InvalidRequest", message) }

    static func malformedXML() -> AWSError {
        AWSError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema")
    }

    static func notModified(etag: String) -> AWSError {
        AWSError("NotModified", "Not Modified", httpStatus: 304, members: ["ETag": .string(etag)])
    }
}
