import AWSProtocol
import ArgumentParser
import HTTPTransport
import JSONModel

#if canImport(Glibc)
import Glibc
#endif

/// What the program's end tells a script. The numbers are those of sysexits.h where it has one.
enum ExitStatus: Int32 {
    case failed = 1
    case unsuccessful = 2
    case usage = 64
    case badData = 65
    case notFound = 66
    case unavailable = 69
    case outputLost = 74
    case timedOut = 75
    case refused = 77
    case interrupted = 130

    /// As `millrace help exit-codes` shows it.
    static let table = """
        0    done
        1    failed: the message says why; `validate` found errors, `sql` a
             statement that failed
        2    what was waited for ended, but not well: the execution or job failed,
             timed out or was stopped
        64   wrong arguments
        65   input that is no JSON, or a definition that the server refuses
        66   not found: a file, or an execution, job, database or table of that name
        69   no server: none is running, or it does not answer
        70   a write to the server's disk failed, its state is in doubt (`serve`)
        74   the output could not be written
        75   the time given with --timeout passed; what was waited for goes on
        77   the server refused the key
        130  interrupted by Ctrl-C
        """

    /// - Returns: nil for errors of the argument parser, which know their own.
    init?(of error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure.status
        case is JSONSyntaxError: self = .badData
        case let error as AWSError: self = Self.status(of: error)
        case is HTTPClientError: self = .unavailable
        case is CancellationError: self = .interrupted
        default: return nil
        }
    }

    private static func status(of error: AWSError) -> ExitStatus {
        switch error.code {
        case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
            "IncompleteSignatureException", "MissingAuthenticationTokenException", "MissingAuthenticationToken",
            "AccessDeniedException", "AccessDenied", "ExpiredTokenException", "InvalidAccessKeyId":
            return .refused
        case "InvalidDefinition", "InvalidExecutionInput", "InvalidInputException", "SerializationException":
            return .badData
        case let code where code.contains("NotFound") || code.hasSuffix("DoesNotExist"):
            return .notFound
        default:
            return .failed
        }
    }
}

/// Ends the program: what `error` says on standard error, its number as the status.
func end(with error: any Error) -> Never {
    guard let status = ExitStatus(of: error) else { MillraceCommand.exit(withError: error) }
    fflush(nil)
    note("Error: " + ((error as? AWSError)?.explained ?? "\(error)"))
    exit(status.rawValue)
}

extension AWSError {
    /// The refusal, and what to do about it.
    var explained: String {
        switch code {
        case "EntityNotFoundException":
            return "\(self)\n`millrace catalog ls` shows the databases, `millrace catalog ls DATABASE` its tables."
        case "ExecutionDoesNotExist", "StateMachineDoesNotExist":
            return "\(self)\n`millrace status` shows the executions there are."
        default: break
        }
        guard ExitStatus(of: self) == .refused else { return description }
        let whose = "The key is AWS_ACCESS_KEY_ID's, else the data directory's: `eval \"$(millrace env)\"` sets the right one."
        if ["UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"].contains(code) {
            return "the server does not know this key (\(code)). \(whose)"
        }
        if message.hasPrefix("The request signature we calculated does not match") {
            return "the server has another secret for this key (\(code)). \(whose)"
        }
        return "\(self)\n\(whose)"
    }
}
