import AWSProtocol
import JSONModel
package import Logging
import NIOCore
package import ServiceKit
import StateStore
package import Support

/// Answers the requests of the API port: finds the service, verifies the signature, performs the operation.
package struct APIResponder: Sendable {
    package struct Configuration: Sendable {
        package var account: String
        package var region: String
        /// Whether requests must carry a valid signature. Without, any signature or none is accepted.
        package var requiresSignature: Bool
        /// The largest body of a JSON or query operation, in bytes.
        package var documentBytesMax: Int

        package init(
            account: String = "123456789012", region: String = "us-east-1", requiresSignature: Bool = true,
            documentBytesMax: Int = 64 << 20
        ) {
            self.account = account
            self.region = region
            self.requiresSignature = requiresSignature
            self.documentBytesMax = documentBytesMax
        }
    }

    private let configuration: Configuration
    private let services: ServiceRegistry
    private let credentials: any CredentialDirectory
    private let clock: any WallClock
    private let logger: Logger
    private let log: AccessLog?
    private let keys = SigV4.SigningKeyCache()

    package init(
        configuration: Configuration, services: ServiceRegistry, credentials: any CredentialDirectory,
        clock: any WallClock, logger: Logger, log: AccessLog? = nil
    ) {
        self.log = log
        self.configuration = configuration
        self.services = services
        self.credentials = credentials
        self.clock = clock
        self.logger = logger
    }

    package func respond(to request: IncomingRequest) async -> HTTPAnswer {
        guard let log else { return await answer(request).answer }
        let (answer, caller) = await answer(request)
        log.record(request, answer, caller, milliseconds: clock.now().milliseconds(since: caller.receivedAt))
        return answer
    }

    private func answer(_ request: IncomingRequest) async -> (answer: HTTPAnswer, caller: CallContext) {
        let scope = SigV4.claimedScope(fields: request.fields, rawQuery: request.rawQuery)
        let target = request.fields["x-amz-target"]
        let destination = services.destination(
            target: target, scopeService: scope?.service, path: request.rawPath)
        var context = CallContext(
            account: configuration.account, region: scope?.region ?? configuration.region, accessKeyID: nil,
            requestID: randomUUIDText(), receivedAt: clock.now())
        context.isSecure = request.isSecure
        context.clientAddress = request.clientAddress
        context.client = request.client
        var answer: HTTPAnswer
        switch destination {
        case .s3:
            answer = await object(request, context)
        case .json(let service, let operation):
            answer = await document(request, context, service, .json) { body, caller in
                try self.authorize(operation, of: service, caller)
                return try await service.call(operation, try self.members(body), caller)
            }
        case .rest(let service, let routes):
            answer = await document(request, context, service, .restJSON) { body, caller in
                guard let match = routes.match(
                    method: request.method, rawPath: request.rawPath, rawQuery: request.rawQuery)
                else {
                    throw AWSError.unknownOperation("\(request.method) \(request.rawPath)", service: service.name)
                }
                var input = try self.members(body)
                for (name, value) in match.members { input[name] = value }
                try self.authorize(match.operation, of: service, caller)
                return try await service.call(match.operation, input, caller)
            }
        case .securityTokens:
            answer = await SecurityTokenQuery(context: context).answer {
                let body = try await self.readBody(request)
                let (caller, _) = try self.authenticate(request, context, bodyHash: SigV4.hash(body), style: .query)
                return (String(decoding: body, as: UTF8.self), request.rawQuery, caller)
            }
        case .unknown(let name):
            answer = UnservedService(name: name, served: services.names).answer(
                to: request, service: scope?.service, requestID: context.requestID)
        }
        answer.fields["x-amzn-RequestId"] = context.requestID
        var caller = context
        // As claimed: an answer that refuses it is in the log, too.
        caller.accessKeyID = scope?.accessKeyID
        return (answer, caller)
    }

    /// S3: the body stays unread; the service reads and checks it as it was declared.
    private func object(_ request: IncomingRequest, _ context: CallContext) async -> HTTPAnswer {
        var call = HTTPCall(
            method: request.method, rawPath: request.rawPath, rawQuery: request.rawQuery, fields: request.fields,
            body: request.body, payload: .absent, context: context)
        do {
            (call.context, call.payload) = try authenticateObject(request, context)
        } catch {
            return services.s3.refuse(call, because: error)
        }
        return await services.s3.respond(to: call)
    }

    private func document(
        _ request: IncomingRequest, _ context: CallContext, _ service: any JSONService, _ style: SignatureErrors,
        _ perform: (_ body: [UInt8], _ caller: CallContext) async throws -> JSONObject
    ) async -> HTTPAnswer {
        do {
            let body = try await readBody(request)
            let (caller, _) = try authenticate(request, context, bodyHash: SigV4.hash(body), style: style)
            return success(try await perform(body, caller), service.wire)
        } catch let error as AWSError {
            return failure(error, service.wire, context)
        } catch let error as StateStoreError where error.isPassing {
            return failure(AWSError("ServiceUnavailable", error.description, httpStatus: 503), service.wire, context)
        } catch {
            logger.error("operation failed", metadata: [
                "service": "\(service.name)", "request": "\(context.requestID)", "error": "\(error)",
            ])
            return failure(
                .internalFailure("The request \(context.requestID) failed inside the server; its log says why."),
                service.wire, context)
        }
    }

    private func success(_ output: JSONObject, _ wire: WireProtocol) -> HTTPAnswer {
        HTTPAnswer(
            status: 200, fields: ["content-type": wire.contentType],
            body: .bytes(ByteBuffer(bytes: JSONValue.object(output).bytes)))
    }

    private func failure(_ error: AWSError, _ wire: WireProtocol, _ context: CallContext) -> HTTPAnswer {
        HTTPAnswer(error.jsonEnvelope(contentType: wire.contentType, requestID: context.requestID))
    }

    /// Verifies the signature where one is asked for.
    ///
    /// - Returns: the context with who calls, and how the body was declared.
    private func authenticate(
        _ request: IncomingRequest, _ context: CallContext, bodyHash: String?, style: SignatureErrors
    ) throws(AWSError) -> (CallContext, SigV4.PayloadDeclaration) {
        var caller = context
        guard configuration.requiresSignature else {
            caller.accessKeyID = SigV4.claimedScope(fields: request.fields, rawQuery: request.rawQuery)?.accessKeyID
            return (caller, unverifiedPayload(request.fields))
        }
        let now = context.receivedAt
        let verified = try SigV4.verify(
            method: request.method, rawPath: request.rawPath, rawQuery: request.rawQuery, fields: request.fields,
            bodyHash: bodyHash, now: now, style: style, keys: keys,
            lookup: { credentials.credentials(for: $0, at: now) })
        guard credentials.permits(verified.accessKeyID, service: verified.service) else {
            throw AWSError(
                style == .s3 ? "AccessDenied" : "AccessDeniedException",
                "The key \(verified.accessKeyID) may not call \(verified.service).", httpStatus: style == .s3 ? 403 : 400)
        }
        caller.accessKeyID = verified.accessKeyID
        caller.permissions = credentials.permissions(of: verified.accessKeyID)
        return (caller, verified.payload)
    }

    /// As `authenticate`; S3 also serves callers without a signature, where a bucket's policy lets them in. Browsers ask
    /// what they may do (OPTIONS) for a request that is signed, and do not sign the question.
    private func authenticateObject(
        _ request: IncomingRequest, _ context: CallContext
    ) throws(AWSError) -> (CallContext, SigV4.PayloadDeclaration) {
        let isSigned = SigV4.isSigned(fields: request.fields, rawQuery: request.rawQuery)
        guard configuration.requiresSignature, !isSigned || request.method == "OPTIONS" else {
            return try authenticate(request, context, bodyHash: nil, style: .s3)
        }
        var caller = context
        caller.region = configuration.region
        caller.permissions = .anonymous
        return (caller, unverifiedPayload(request.fields))
    }

    /// Asks the policies of the caller's key. They see the operation and no resource: a statement speaks of these
    /// services when its resources include `*`.
    private func authorize(_ operation: String, of service: any JSONService, _ caller: CallContext) throws(AWSError) {
        guard let principal = caller.principal else { return }
        let action = "\(service.name):\(operation)"
        let question = AccessPolicy.Question(
            principal: principal, account: caller.account, action: action, resource: "*",
            values: ["aws:principalarn": principal, "aws:sourceip": caller.clientAddress].compactMapValues(\.self))
        guard let decision = caller.permissions.decision(question), decision != .allowed else { return }
        throw AWSError(
            "AccessDeniedException",
            "User: \(principal) is not authorized to perform: \(action) because "
                + (decision == .denied ? "of an explicit deny" : "no identity-based policy allows the \(action) action"),
            httpStatus: 400)
    }

    /// What the body claims to be when nobody checks signatures: its framing still has to be taken off.
    private func unverifiedPayload(_ fields: HTTPFields) -> SigV4.PayloadDeclaration {
        switch fields["x-amz-content-sha256"] {
        case let text? where text.hasPrefix("STREAMING-"): .streamingUnsignedTrailer
        case let text? where text.utf8.count == 64: .hash(text)
        case .some: .unsigned
        case nil: .absent
        }
    }

    private func readBody(_ request: IncomingRequest) async throws -> [UInt8] {
        let limit = configuration.documentBytesMax
        if let text = request.fields["content-length"], let length = Int(text), length > limit {
            throw tooLarge(limit)
        }
        var bytes: [UInt8] = []
        for try await chunk in request.body {
            guard bytes.count + chunk.readableBytes <= limit else { throw tooLarge(limit) }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }

    private func tooLarge(_ limit: Int) -> AWSError {
        AWSError(
            "RequestEntityTooLargeException", "The request's body is longer than \(limit) bytes.", httpStatus: 413)
    }

    private func members(_ body: [UInt8]) throws(AWSError) -> JSONObject {
        if body.isEmpty { return [:] }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: body)
        } catch {
            throw AWSError("SerializationException", "The request's body is not JSON: \(error).")
        }
        guard let object = value.object else {
            throw AWSError("SerializationException", "The request's body must be a JSON object.")
        }
        return object
    }
}

extension WireProtocol {
    fileprivate var contentType: String {
        switch self {
        case .json10: "application/x-amz-json-1.0"
        case .json11: "application/x-amz-json-1.1"
        case .restJSON: "application/json"
        }
    }
}

extension HTTPAnswer {
    /// An error as its protocol writes it.
    init(_ envelope: AWSError.Envelope) {
        self.init(status: envelope.status, fields: envelope.fields, body: .bytes(ByteBuffer(bytes: envelope.body)))
    }
}
