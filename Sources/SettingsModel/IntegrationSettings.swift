/// What Task states reach outside this server: sections of the file whose keys the user chooses.
///
///     endpoints:
///       sqs: http://127.0.0.1:9324
///       dynamodb:
///         url: http://127.0.0.1:8000
///         unknown-outcome: retry
///     lambda:
///       thumbnail:
///         command: [python3, thumbnail.py]
///         timeout-seconds: 60
///         environment: { LANG: C.UTF-8 }
///         working-directory: functions
///         max-concurrency: 4
package struct IntegrationSettings: Sendable, Hashable {
    /// An AWS service elsewhere.
    package struct Endpoint: Sendable, Hashable {
        package var url: String
        /// Whether a call that a crash cut off is made again although it may have had its effect.
        package var repeatsUnknownOutcome = false
        /// For errors and `config show`.
        package var origin: EffectiveSettings.Origin
    }

    /// A Lambda function that is a program of this machine.
    package struct Function: Sendable, Hashable {
        /// The program and its arguments. A name without a slash is looked for in `PATH`.
        package var command: [String]
        package var timeoutSeconds: Int
        package var environment: [Variable] = []
        /// Nil: an empty one of each invocation's own.
        package var workingDirectory: String?
        package var maxConcurrency: Int
        package var origin: EffectiveSettings.Origin
    }

    package struct Variable: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    /// By the service as the user names it.
    package var endpoints: [String: Endpoint] = [:]
    package var functions: [String: Function] = [:]

    package init() {}

    static let sections: Set<String> = ["endpoints", "lambda"]
}

/// Reads one of the sections. Keys of the inner mappings may also be written `timeoutSeconds`.
struct IntegrationSectionReader {
    let path: String
    let beside: (String) -> String

    func read(_ section: String, _ node: YAMLNode, into settings: inout IntegrationSettings) throws(SettingsError) {
        if node.isNull { return }
        guard case .mapping(let members) = node.content else {
            throw failure(node.mark, "'\(section)' must hold names and what they stand for")
        }
        for member in members {
            let name = "\(section).\(member.key)"
            let origin = EffectiveSettings.Origin.file(path, line: member.mark.line)
            if section == "endpoints" {
                guard Self.isName(member.key, allowing: "-_ ") else {
                    throw failure(member.mark, "'\(name)': a service's name has letters, digits, '-' and '_' only")
                }
                settings.endpoints[member.key] = try endpoint(name, member.value, origin)
            } else {
                guard Self.isName(member.key, allowing: "-_"), member.key.utf8.count <= 64 else {
                    throw failure(
                        member.mark, "'\(name)': a function's name has at most 64 letters, digits, '-' and '_'")
                }
                settings.functions[member.key] = try function(name, member.value, origin)
            }
        }
    }

    private func endpoint(
        _ name: String, _ node: YAMLNode, _ origin: EffectiveSettings.Origin
    ) throws(SettingsError) -> IntegrationSettings.Endpoint {
        if case .scalar = node.content {
            return IntegrationSettings.Endpoint(url: try url(name, node), origin: origin)
        }
        let fields = try self.fields(name, node, ["url", "unknown-outcome"])
        guard let address = fields["url"] else { throw failure(node.mark, "'\(name).url' is missing") }
        var endpoint = IntegrationSettings.Endpoint(url: try url("\(name).url", address), origin: origin)
        if let node = fields["unknown-outcome"] {
            switch try text("\(name).unknown-outcome", node) {
            case "retry": endpoint.repeatsUnknownOutcome = true
            case "fail": break
            case let other: throw failure(node.mark, "'\(name).unknown-outcome' must be fail or retry, found '\(other)'")
            }
        }
        return endpoint
    }

    private func function(
        _ name: String, _ node: YAMLNode, _ origin: EffectiveSettings.Origin
    ) throws(SettingsError) -> IntegrationSettings.Function {
        let fields = try self.fields(
            name, node, ["command", "timeout-seconds", "environment", "working-directory", "max-concurrency"])
        guard let command = fields["command"] else { throw failure(node.mark, "'\(name).command' is missing") }
        var words: [String] = []
        switch command.content {
        case .scalar: words = [try text("\(name).command", command)]
        case .sequence(let nodes): for node in nodes { words.append(try text("\(name).command", node)) }
        case .mapping: break
        }
        guard let program = words.first, !program.isEmpty else {
            throw failure(command.mark, "'\(name).command' must be a program, or a list of a program and its arguments")
        }
        // A relative path means the file's directory, wherever the server was started.
        if program.contains("/") { words[0] = beside(program) }
        var function = IntegrationSettings.Function(
            command: words,
            timeoutSeconds: try integer("\(name).timeout-seconds", fields["timeout-seconds"], 1...900, standard: 60),
            maxConcurrency: try integer("\(name).max-concurrency", fields["max-concurrency"], 1...10_000, standard: 10),
            origin: origin)
        if let directory = fields["working-directory"] {
            function.workingDirectory = beside(try text("\(name).working-directory", directory))
        }
        if let environment = fields["environment"], !environment.isNull {
            guard case .mapping(let entries) = environment.content else {
                throw failure(environment.mark, "'\(name).environment' must hold variables and their values")
            }
            for entry in entries {
                guard !entry.key.isEmpty, !entry.key.contains("="), !entry.key.utf8.contains(0) else {
                    throw failure(entry.mark, "'\(name).environment': '\(entry.key)' cannot be a variable's name")
                }
                guard case .scalar(let value, _) = entry.value.content, !value.utf8.contains(0) else {
                    throw failure(entry.value.mark, "'\(name).environment.\(entry.key)' must be one value")
                }
                function.environment.append(IntegrationSettings.Variable(name: entry.key, value: value))
            }
        }
        return function
    }

    private func fields(
        _ name: String, _ node: YAMLNode, _ known: [String]
    ) throws(SettingsError) -> [String: YAMLNode] {
        guard case .mapping(let members) = node.content else {
            throw failure(node.mark, "'\(name)' must hold some of \(known.joined(separator: ", "))")
        }
        var fields: [String: YAMLNode] = [:]
        for member in members {
            let key = Self.hyphenated(member.key)
            guard known.contains(key) else {
                throw failure(
                    member.mark, "'\(name).\(member.key)' is no setting; there are \(known.joined(separator: ", "))")
            }
            if !member.value.isNull { fields[key] = member.value }
        }
        return fields
    }

    private func text(_ name: String, _ node: YAMLNode) throws(SettingsError) -> String {
        guard case .scalar(let text, _) = node.content, !node.isNull, !text.utf8.contains(0) else {
            throw failure(node.mark, "'\(name)' must be one value")
        }
        return text
    }

    private func url(_ name: String, _ node: YAMLNode) throws(SettingsError) -> String {
        let text = try text(name, node)
        do throws(SettingMismatch) {
            try Setting(name, .url, "").check(text)
        } catch {
            throw failure(node.mark, "'\(name)' \(error.message)")
        }
        return text
    }

    private func integer(
        _ name: String, _ node: YAMLNode?, _ range: ClosedRange<Int>, standard: Int
    ) throws(SettingsError) -> Int {
        guard let node else { return standard }
        let text = try text(name, node)
        guard let value = Int(text), range.contains(value) else {
            throw failure(
                node.mark,
                "'\(name)' must be a whole number from \(range.lowerBound) to \(range.upperBound), found '\(text)'")
        }
        return value
    }

    /// `maxConcurrency` to `max-concurrency`.
    private static func hyphenated(_ key: String) -> String {
        key.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
    }

    private static func isName(_ text: String, allowing others: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || others.contains($0)) }
    }

    private func failure(_ mark: YAMLMark, _ message: String) -> SettingsError {
        SettingsError("\(path), line \(mark.line), column \(mark.column): \(message)")
    }
}
