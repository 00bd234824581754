/// A structure of a service's model: what an operation takes, or a part of that.
struct ServiceShape: Sendable {
    /// What a value may be.
    indirect enum Kind: Sendable {
        case text, number, flag, time
        case list(Kind), map(Kind)
        /// By its name within the service.
        case structure(String)
    }

    struct Member: Sendable {
        var name: String
        var kind: Kind
        var isRequired: Bool
    }

    var members: [Member] = []

    func member(_ name: String) -> Member? { members.first { $0.name == name } }

    /// All of a service by their names, its operations by theirs with a `>` in front; nil for a service that is not known.
    ///
    /// - Parameter name: as resources of tasks have it.
    static func shapes(ofService name: String) -> [String: ServiceShape]? {
        let others = ["sfn": "states", "cloudwatchlogs": "logs", "eventbridge": "events"]
        return known[others[name] ?? name]
    }

    private static let known: [String: [String: ServiceShape]] = {
        var services: [String: [String: ServiceShape]] = [:]
        var service = "", shape = ""
        for line in serviceShapes.split(separator: "\n") {
            var words = line.split(separator: " ")[...]
            if line.hasPrefix("# ") {
                service = String(line.dropFirst(2))
                continue
            }
            if !line.hasPrefix(" ") { shape = words.popFirst().map(String.init) ?? "" }
            services[service, default: [:]][shape, default: ServiceShape()].members += words.compactMap { Member($0) }
        }
        return services
    }()
}

extension ServiceShape.Member {
    /// `Name!:kind`.
    fileprivate init?(_ word: Substring) {
        let parts = word.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        isRequired = parts[0].hasSuffix("!")
        name = String(isRequired ? parts[0].dropLast() : parts[0])
        kind = ServiceShape.Kind(parts[1])
    }
}

extension ServiceShape.Kind {
    fileprivate init(_ text: Substring) {
        switch text {
        case "s": self = .text
        case "n": self = .number
        case "b": self = .flag
        case "t": self = .time
        case _ where text.hasPrefix("["): self = .list(Self(text.dropFirst()))
        case _ where text.hasPrefix("{"): self = .map(Self(text.dropFirst()))
        default: self = .structure(String(text))
        }
    }
}
