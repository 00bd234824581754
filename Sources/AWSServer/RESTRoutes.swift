import AWSProtocol
import JSONModel
import ServiceKit

/// The routes of one restJson1 service.
struct RESTRoutes: Sendable {
    private let routes: [(segments: [Substring], route: WireProtocol.Route)]

    init(_ routes: [WireProtocol.Route]) {
        self.routes = routes.map { ($0.path.split(separator: "/"), $0) }
    }

    func hasPath(_ rawPath: String) -> Bool {
        let segments = rawPath.split(separator: "/")
        return routes.contains { bind($0.segments, to: segments) != nil }
    }

    /// The operation of a request, and the members that its path and query bind.
    func match(method: String, rawPath: String, rawQuery: String?) -> (operation: String, members: JSONObject)? {
        let segments = rawPath.split(separator: "/")
        for (pattern, route) in routes where route.method == method {
            guard var members = bind(pattern, to: segments) else { continue }
            for item in RawQuery(rawQuery).items {
                guard let member = route.query[item.name] else { continue }
                let value = PercentEncoding.decodeText(item.value, plusIsSpace: true) ?? item.value
                switch members[member] {
                case .array(let values): members[member] = .array(values + [.string(value)])
                case let first?: members[member] = .array([first, .string(value)])
                case nil: members[member] = .string(value)
                }
            }
            return (route.operation, members)
        }
        return nil
    }

    private func bind(_ pattern: [Substring], to segments: [Substring]) -> JSONObject? {
        guard pattern.count == segments.count else { return nil }
        var members: JSONObject = [:]
        for (part, segment) in zip(pattern, segments) {
            if part.hasPrefix("{") {
                members[String(part.dropFirst().dropLast())] = .string(PercentEncoding.decodeText(segment) ?? String(segment))
            } else if part != segment {
                return nil
            }
        }
        return members
    }
}
