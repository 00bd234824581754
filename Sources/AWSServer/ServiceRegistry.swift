package import ServiceKit

/// The services that one API port serves, and how a request finds its own.
package struct ServiceRegistry: Sendable {
    private let byTargetPrefix: [String: any JSONService]
    private let rest: [(service: any JSONService, routes: RESTRoutes)]
    package let s3: any HTTPService
    /// The signing names of all.
    let names: [String]

    package init(json services: [any JSONService], s3: any HTTPService) {
        var byTargetPrefix: [String: any JSONService] = [:]
        var rest: [(any JSONService, RESTRoutes)] = []
        for service in services {
            switch service.wire {
            case .json10(let prefix), .json11(let prefix): byTargetPrefix[prefix] = service
            case .restJSON(let routes): rest.append((service, RESTRoutes(routes)))
            }
        }
        self.byTargetPrefix = byTargetPrefix
        self.rest = rest
        names = services.map(\.name) + ["s3", "sts"]
        self.s3 = s3
    }

    /// Where a request goes.
    enum Destination {
        /// The operation's name is a part of the `X-Amz-Target` header.
        case json(any JSONService, operation: String)
        case rest(any JSONService, RESTRoutes)
        /// The query protocol's `Action` is in the body.
        case securityTokens
        case s3
        /// A target or a signing name that no service here has.
        case unknown(String)
    }

    /// - Parameters:
    ///   - target: the `X-Amz-Target` header.
    ///   - scopeService: the service of the credential scope, from the signature.
    ///   - path: the raw path.
    func destination(target: String?, scopeService: String?, path: String) -> Destination {
        if let target {
            guard let dot = target.lastIndex(of: "."), let service = byTargetPrefix[String(target[..<dot])] else {
                return .unknown(scopeService.flatMap { $0.isEmpty || names.contains($0) ? nil : $0 } ?? target)
            }
            return .json(service, operation: String(target[target.index(after: dot)...]))
        }
        switch scopeService {
        case "s3": return .s3
        case "sts": return .securityTokens
        case let name?:
            if let found = rest.first(where: { $0.service.name == name }) { return .rest(found.service, found.routes) }
            return .unknown(name)
        case nil:
            if let found = rest.first(where: { $0.routes.hasPath(path) }) { return .rest(found.service, found.routes) }
            return .s3
        }
    }
}
