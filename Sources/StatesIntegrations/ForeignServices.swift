package import AWSProtocol
package import HTTPTransport
import JSONModel
package import ServiceModels
package import Support
import Synchronization

/// AWS services elsewhere: where they are, how their operations go over the wire, and whose key signs the calls.
///
/// Only services with an endpoint of their own are called. A general `AWS_ENDPOINT_URL` is not asked: in a shell that
/// works with this server it means this server.
package struct ForeignServices: Sendable {
    package struct Endpoint: Sendable {
        package var address: HTTPEndpoint
        /// Whether a call that a crash cut off is made again although it may have had its effect.
        package var repeatsUnknownOutcome: Bool
        /// Signs the calls to this one; nil for the key of all.
        package var credentials: AWSCredentials?

        package init(
            address: HTTPEndpoint, repeatsUnknownOutcome: Bool = false, credentials: AWSCredentials? = nil
        ) {
            self.address = address
            self.repeatsUnknownOutcome = repeatsUnknownOutcome
            self.credentials = credentials
        }
    }

    private let endpoints: [String: Endpoint]
    private let credentials: @Sendable () -> AWSCredentials?
    private let http: any HTTPClient
    private let clock: any WallClock
    private let operations: OperationCache
    private let keys = SigV4.SigningKeyCache(capacity: 64)

    /// - Parameters:
    ///   - endpoints: by any name of the service.
    ///   - credentials: asked for each call, so that temporary keys may be renewed.
    ///   - models: asked once, when the first call needs one; nil for a machine without.
    package init(
        endpoints: [String: Endpoint], credentials: @escaping @Sendable () -> AWSCredentials?, http: any HTTPClient,
        models: @escaping @Sendable () -> ServiceModels?, clock: any WallClock = SystemWallClock()
    ) {
        self.endpoints = Dictionary(endpoints.map { (ServiceNames.key($0), $1) }, uniquingKeysWith: { first, _ in first })
        self.credentials = credentials
        self.http = http
        self.clock = clock
        operations = OperationCache(models: models)
    }

    func endpoint(ofService name: String) -> Endpoint? { endpoints[ServiceNames.key(name)] }

    /// - Parameter name: in any case, as Step Functions writes `sendMessage`.
    /// - Throws: `ForeignCallError.unusable`.
    func operation(_ name: String, ofService service: String) throws(ForeignCallError) -> ServiceOperation {
        try operations.operation(name, ofService: service)
    }

    /// Whether a call may be made again after a crash: it reads, carries a token that makes repetitions one, or the
    /// configuration says so.
    func isRepeatable(_ name: String, ofService service: String) -> Bool {
        if endpoint(ofService: service)?.repeatsUnknownOutcome == true { return true }
        // A call that cannot be made has no effect either.
        guard let operation = try? operation(name, ofService: service) else { return true }
        return operation.isReadOnly || operation.idempotencyToken != nil
    }

    /// Calls an operation with parameters in Pascal case.
    ///
    /// A throttled call is sent again, and one that may be repeated also after a failure of the server or the connection:
    /// three times at most in all.
    ///
    /// - Parameter commandID: what an idempotency token follows from.
    func call(
        _ operation: ServiceOperation, ofService service: String, _ parameters: JSONObject, region: String,
        commandID: String, naming: MemberNaming, idleMilliseconds: Int = 60_000
    ) async throws -> ForeignAnswer {
        guard let endpoint = endpoint(ofService: service) else { throw ForeignCallError.noEndpoint(service) }
        guard let credentials = endpoint.credentials ?? credentials() else { throw ForeignCallError.noCredentials }
        var parameters = parameters
        if let token = operation.idempotencyToken {
            let names = [token, JavaNames.pascal(token), JavaNames.capitalized(token)]
            if !names.contains(where: { parameters[$0]?.isNull == false }) {
                for name in names { parameters[name] = nil }
                parameters[token] = .string(commandUUID(commandID))
            }
        }
        let wire = try operation.request(parameters)
        let isRepeatable = operation.isReadOnly || operation.idempotencyToken != nil
        var request = HTTPRequest(
            method: wire.method, endpoint: endpoint.address, rawPath: wire.rawPath, rawQuery: wire.rawQuery,
            fields: wire.fields, body: wire.body.isEmpty ? .none : .bytes(wire.body), isRepeatable: isRepeatable)
        request.timeouts.idleMilliseconds = idleMilliseconds
        var retry = RetryState(RetryPolicy(attemptsMax: 3, connectionPatience: .seconds(3)))
        var attempts = 0
        while true {
            attempts += 1
            let response: HTTPResponse
            do {
                response = try await http.send(
                    signed(request, wire.body, operation, credentials, region), bodyBytesMax: 64 << 20)
            } catch let error as HTTPClientError {
                guard error.isTransient, isRepeatable || !error.mayHaveHappened, try await retry.waitAfterFailure() else {
                    throw ForeignCallError.noAnswer(error)
                }
                continue
            }
            let exchange = ForeignExchange(status: response.status, fields: response.fields, attempts: attempts)
            if (200..<300).contains(response.status) {
                do {
                    let output = try operation.result(
                        status: response.status, fields: response.fields, body: response.body, naming: naming)
                    return ForeignAnswer(output: output, exchange: exchange)
                } catch {
                    throw ForeignCallError.unreadable("\(endpoint.address): \(error)")
                }
            }
            let error = AWSError(status: response.status, fields: response.fields, body: response.body)
            let asksForPatience = Self.throttling.contains(error.code) || [429, 503].contains(response.status)
            guard asksForPatience || (isRepeatable && response.status >= 500), try await retry.waitAfterAnswer() else {
                throw ForeignCallError.refused(error, exchange)
            }
        }
    }

    private static let throttling: Set = [
        "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
        "ProvisionedThroughputExceededException", "RequestThrottled", "RequestThrottledException", "PriorRequestNotComplete",
    ]

    private func signed(
        _ request: HTTPRequest, _ body: [UInt8], _ operation: ServiceOperation, _ credentials: AWSCredentials,
        _ region: String
    ) -> HTTPRequest {
        var request = request
        request.fields["host"] = request.endpoint.authority
        SigV4.sign(
            method: request.method, rawPath: request.fullPath, rawQuery: request.rawQuery, fields: &request.fields,
            payload: body.isEmpty ? .empty : .hash(SigV4.hash(body)), credentials: credentials, region: region,
            service: operation.signingName, at: clock.now(), keys: keys)
        return request
    }
}

struct ForeignAnswer: Sendable {
    var output: JSONObject
    var exchange: ForeignExchange
}

/// The HTTP side of an answer.
struct ForeignExchange: Sendable {
    var status: Int
    var fields: HTTPFields
    var attempts: Int

    var requestID: String {
        fields["x-amzn-requestid"] ?? fields["x-amz-request-id"] ?? fields["x-amz-requestid"] ?? ""
    }
}

/// Why a call has no result.
enum ForeignCallError: Error {
    case noEndpoint(String)
    case noCredentials
    /// It cannot be made: no such operation, no model, a format that is not supported.
    case unusable(String)
    /// The service said no.
    case refused(AWSError, ForeignExchange)
    case noAnswer(HTTPClientError)
    /// There was an answer that is none of the operation's.
    case unreadable(String)
}

/// Operations as they have been read from the models, which takes some milliseconds each.
private final class OperationCache: Sendable {
    private struct Key: Hashable {
        var service: String
        var operation: String
    }
    private struct State {
        var models: ServiceModels??
        var operations: [Key: ServiceOperation] = [:]
    }

    private static let countMax = 512
    private let state = Mutex(State())
    private let models: @Sendable () -> ServiceModels?

    init(models: @escaping @Sendable () -> ServiceModels?) { self.models = models }

    func operation(_ name: String, ofService service: String) throws(ForeignCallError) -> ServiceOperation {
        let key = Key(service: service, operation: name.lowercased())
        if let known = state.withLock({ $0.operations[key] }) { return known }
        let found = try read(name, service)
        state.withLock { state in
            if state.operations.count >= Self.countMax { state.operations = [:] }
            state.operations[key] = found
        }
        return found
    }

    private func read(_ name: String, _ service: String) throws(ForeignCallError) -> ServiceOperation {
        let models = state.withLock { state in
            if state.models == nil { state.models = .some(self.models()) }
            return state.models ?? nil
        }
        guard let models else {
            throw .unusable(
                "Calling \(service) needs the AWS service models, and this machine has none. Install botocore or the AWS "
                    + "CLI (pip install botocore), or let the setting service-models name their directory.")
        }
        do {
            guard let model = try models.model(ofService: service) else {
                throw ForeignCallError.unusable("The service models in \(models.directory) have no service \(service).")
            }
            guard let found = model.operationName(like: name), let operation = try model.operation(named: found) else {
                throw ForeignCallError.unusable("The service \(service) has no operation \(name).")
            }
            return operation
        } catch let error as ForeignCallError {
            throw error
        } catch {
            throw .unusable("\(service) cannot be called: \(error).")
        }
    }
}
