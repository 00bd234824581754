import ArgumentParser
import AWSProtocol
import JSONModel
import Support

/// How a person names an execution or a state machine.
///
///     arn:aws:states:us-east-1:123456789012:execution:hello:9f1c…    as the service writes it
///     hello                                                          a state machine, or its latest execution
///     hello:9f1c                                                     an execution, or the beginning of its name
///     9f1c                                                           the same, of whatever state machine
enum NamedThing: Sendable {
    case machine(name: String, arn: String)
    case execution(arn: String)
}

extension Connection {
    static let referenceHelp = ArgumentHelp(
        "An execution's ARN or name, MACHINE:NAME, or a state machine for its latest execution. Beginnings of names will do.",
        valueName: "execution")

    /// Those whose executions are kept: Express machines have none to ask for.
    func machines() async throws -> [(name: String, arn: String)] {
        try await all("states", "ListStateMachines", ["maxResults": 1000], member: "stateMachines").compactMap {
            guard $0["type"]?.string != "EXPRESS", let name = $0["name"]?.string,
                let arn = $0["stateMachineArn"]?.string
            else { return nil }
            return (name, arn)
        }
    }

    /// - Throws: `CommandFailure` `.notFound`, with what there is; `.failed` when `text` fits several.
    func named(_ text: String) async throws -> NamedThing {
        if text.hasPrefix("arn:") { return try Self.named(arn: text) }
        let machines = try await machines()
        if let machine = machines.first(where: { $0.name == text }) {
            return .machine(name: machine.name, arn: machine.arn)
        }
        var searched = machines
        var prefix = text
        if let colon = text.firstIndex(where: { $0 == ":" || $0 == "/" }) {
            let machineName = String(text[..<colon])
            guard let machine = machines.first(where: { $0.name == machineName }) else {
                throw Self.noMachine(machineName, among: machines.map(\.name))
            }
            searched = [machine]
            prefix = String(text[text.index(after: colon)...])
        }
        var found: [String] = []
        for machine in searched {
            for execution in try await executions(ofMachine: machine.arn) {
                guard let name = execution["name"]?.string, let arn = execution["executionArn"]?.string else { continue }
                if name == prefix { return .execution(arn: arn) }
                if name.hasPrefix(prefix) { found.append(arn) }
            }
        }
        if found.count == 1 { return .execution(arn: found[0]) }
        let fitting = machines.filter { $0.name.hasPrefix(text) }
        if found.isEmpty, fitting.count == 1 { return .machine(name: fitting[0].name, arn: fitting[0].arn) }
        let candidates = found.map(Self.shortName) + fitting.map(\.name)
        guard candidates.isEmpty else { throw Self.ambiguous(text, candidates) }
        throw CommandFailure(
            "there is no execution and no state machine '\(text)'. "
                + (machines.isEmpty
                    ? "There are none at all: `millrace submit FILE` starts one."
                    : "`millrace status` shows the executions; state machines: \(Self.list(machines.map(\.name)))."),
            .notFound)
    }

    /// The execution meant: a state machine stands for its latest one.
    func execution(_ text: String) async throws -> String {
        switch try await named(text) {
        case .execution(let arn): return arn
        case .machine(let name, let arn):
            let page = try await call("states", "ListExecutions", ["stateMachineArn": .string(arn), "maxResults": 1])
            guard let latest = page["executions"]?[0]?["executionArn"]?.string else {
                throw CommandFailure("\(name) has no executions yet: `millrace submit FILE --name \(name)` starts one.", .notFound)
            }
            return latest
        }
    }

    /// The newest first.
    func executions(ofMachine arn: String) async throws -> [JSONValue] {
        try await all(
            "states", "ListExecutions", ["stateMachineArn": .string(arn), "maxResults": 1000], member: "executions")
    }

    /// `hello:9f1c…` of an execution's ARN.
    static func shortName(_ arn: String) -> String {
        guard let resource = ARN(arn)?.resource, let colon = resource.firstIndex(of: ":") else { return arn }
        return String(resource[resource.index(after: colon)...])
    }

    static func ambiguous(_ text: String, _ candidates: [String]) -> CommandFailure {
        CommandFailure("'\(text)' fits \(candidates.count): \(list(candidates)). Write more of the one you mean.", .notFound)
    }

    /// The first few, and how many there are besides.
    static func list(_ names: [String]) -> String {
        let shown = names.prefix(5).joined(separator: ", ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
    }

    private static func named(arn text: String) throws -> NamedThing {
        if let arn = ARN(text), arn.service == "states" {
            let parts = arn.resource.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count == 3, parts[0] == "execution" { return .execution(arn: text) }
            if parts.count == 2, parts[0] == "stateMachine" { return .machine(name: String(parts[1]), arn: text) }
        }
        throw CommandFailure(
            "expected the ARN of an execution (arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME) or a state machine, found '\(text)'",
            .usage)
    }

    private static func noMachine(_ name: String, among names: [String]) -> CommandFailure {
        CommandFailure(
            "there is no state machine \(name). "
                + (names.isEmpty ? "There are none yet: `millrace submit FILE` makes one." : "There are: \(list(names))."),
            .notFound)
    }
}
