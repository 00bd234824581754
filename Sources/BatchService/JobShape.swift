import BatchEngine
import BatchScheduling
import JSONModel

/// Reads the parts of definitions and submissions that say what a job is.
enum JobShape {
    /// What the job occupies: the override's figure, else the definition's; each as a resource requirement or the older
    /// member.
    static func demand(_ container: Input, overrides: Input?) throws -> ResourceDemand {
        var milliCPUs: Int?
        var memoryMiB: Int?
        for source in [container, overrides].compactMap({ $0 }) {
            if let vcpus = try source.int("vcpus") { milliCPUs = try checkedMilliCPUs(Double(vcpus), String(vcpus)) }
            if let memory = try source.int("memory") { memoryMiB = memory }
            for requirement in try source.structures("resourceRequirements") ?? [] {
                let type = try requirement.requiredString("type")
                let value = try requirement.requiredString("value")
                switch type {
                case "VCPU":
                    guard let vcpus = Double(value) else { throw clientException("resourceRequirements value \(value) is not a number") }
                    milliCPUs = try checkedMilliCPUs(vcpus, value)
                case "MEMORY":
                    guard let memory = Int(value) else { throw clientException("resourceRequirements value \(value) is not an integer") }
                    memoryMiB = memory
                case "GPU": throw clientException("resourceRequirements type GPU is not supported")
                default: throw clientException("resourceRequirements type \(type) must be one of GPU | MEMORY | VCPU")
                }
            }
        }
        guard let milliCPUs else { throw clientException("Container properties should specify vcpus") }
        guard let memoryMiB else { throw clientException("Container properties should specify memory") }
        guard memoryMiB >= 4, memoryMiB <= 1 << 30 else { throw clientException("memory \(memoryMiB) must be at least 4 MiB") }
        return ResourceDemand(milliCPUs: milliCPUs, memoryMiB: memoryMiB)
    }

    private static func checkedMilliCPUs(_ vcpus: Double, _ text: String) throws -> Int {
        guard vcpus > 0, vcpus <= 100_000 else { throw clientException("vcpus \(text) must be positive") }
        return max(1, Int((vcpus * 1000).rounded()))
    }

    static func environment(_ container: Input) throws -> [EnvironmentVariable] {
        try (container.structures("environment") ?? []).map { entry in
            let name = try entry.requiredString("name")
            let value = try entry.string("value") ?? ""
            guard !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw clientException("environment name \(name) is not valid")
            }
            return EnvironmentVariable(name, value)
        }
    }

    static func retry(_ input: Input?) throws -> RetryStrategy? {
        guard let input else { return nil }
        var strategy = RetryStrategy(attempts: try input.int("attempts") ?? 1)
        guard (1...10).contains(strategy.attempts) else {
            throw clientException("retryStrategy attempts \(strategy.attempts) must be between 1 and 10")
        }
        let rules = try input.structures("evaluateOnExit") ?? []
        guard rules.count <= 5 else { throw clientException("retryStrategy has more than 5 evaluateOnExit conditions") }
        strategy.evaluateOnExit = try rules.map { rule in
            let text = try rule.requiredString("action")
            guard let action = RetryStrategy.ExitRule.Action(rawValue: text.uppercased()) else {
                throw clientException("evaluateOnExit action \(text) must be one of RETRY | EXIT")
            }
            return RetryStrategy.ExitRule(
                action: action, onExitCode: try rule.string("onExitCode"), onReason: try rule.string("onReason"),
                onStatusReason: try rule.string("onStatusReason"))
        }
        return strategy
    }

    static func timeout(_ input: Input?) throws -> Int? {
        guard let seconds = try input?.int("attemptDurationSeconds") else { return nil }
        guard seconds > 0, seconds <= 1 << 31 else {
            throw clientException("timeout attemptDurationSeconds \(seconds) must be positive")
        }
        return seconds
    }

    static func variables(_ map: JSONObject?, _ what: String) throws -> [EnvironmentVariable] {
        try (map ?? [:]).map { key, value in
            guard let text = value.string else { throw clientException("\(what) \(key) must be a string") }
            return EnvironmentVariable(key, text)
        }
    }

    /// Replaces each `Ref::name` by the parameter's value. The longest known name counts; unknown ones stay.
    static func substitute(_ parameters: [EnvironmentVariable], in command: [String]) -> [String] {
        let names = parameters.sorted { $0.name.utf8.count > $1.name.utf8.count }
        return command.map { text in
            guard text.contains("Ref::") else { return text }
            var result = ""
            var rest = text[...]
            while let reference = rest.firstRange(of: "Ref::") {
                result += rest[..<reference.lowerBound]
                rest = rest[reference.upperBound...]
                if let parameter = names.first(where: { rest.hasPrefix($0.name) }) {
                    result += parameter.value
                    rest = rest.dropFirst(parameter.name.count)
                } else {
                    result += "Ref::"
                }
            }
            return result + rest
        }
    }
}
