/// The arguments of a job: `--name value` or `--name=value`, and what has no name.
///
/// Glue gives a run's arguments in this form; a Batch job definition writes them into its command.
public struct JobArguments: Sendable {
    private var named: [String: String] = [:]
    /// Arguments without a name, in order.
    public private(set) var positional: [String] = []

    /// - Parameter arguments: without the program's name.
    /// - Throws: `JobArgumentError` for a name without a value.
    public init(_ arguments: [String]) throws(JobArgumentError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
                positional.append(argument)
                continue
            }
            let name = argument.dropFirst(2)
            if let equals = name.firstIndex(of: "=") {
                named[String(name[..<equals])] = String(name[name.index(after: equals)...])
            } else if let value = rest.popFirst() {
                named[String(name)] = value
            } else {
                throw JobArgumentError("the argument --\(name) has no value")
            }
        }
    }

    /// The value of `--name`, nil when it is not given.
    public subscript(name: String) -> String? { named[name] }

    /// The value of `--name`.
    /// - Throws: `JobArgumentError` when it is not given.
    public func required(_ name: String) throws(JobArgumentError) -> String {
        guard let value = named[name] else {
            let given = named.isEmpty ? "none" : named.keys.sorted().map { "--" + $0 }.joined(separator: ", ")
            throw JobArgumentError("the argument --\(name) is missing; given: \(given)")
        }
        return value
    }

    /// The value of `--name` as a whole number, nil when it is not given.
    /// - Throws: `JobArgumentError` for anything else than a number.
    public func integer(_ name: String) throws(JobArgumentError) -> Int? {
        guard let text = named[name] else { return nil }
        guard let number = Int(text) else { throw JobArgumentError("the argument --\(name) must be a whole number, not '\(text)'") }
        return number
    }
}

/// An argument that is missing or not what it must be.
public struct JobArgumentError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
