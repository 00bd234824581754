/// What one attempt runs, and within which limits.
package struct AttemptSpecification: Sendable, Hashable {
    /// An absolute path.
    package var executable: String
    /// After the program's name for itself, which is the executable's path.
    package var arguments: [String]
    /// All that the process gets, plus `MILLRACE_ATTEMPT_DIRECTORY`. Names without `=`.
    package var environment: [(name: String, value: String)] {
        get { variables.map { ($0.name, $0.value) } }
        set { variables = newValue.map { Variable(name: $0.name, value: $0.value) } }
    }
    /// Nil: the directory `work` in the attempt's directory.
    package var workDirectory: String?
    /// From the execution of the program; nil for no limit.
    package var timeoutMilliseconds: Int64?
    /// How long the processes have between TERM and KILL.
    package var graceMilliseconds: Int64 = 30_000
    /// Of all processes of the attempt together, without mapped files; checked a few times a second.
    package var memoryBytesMax: Int64?
    package var openFilesMax: Int?
    /// Output beyond it is dropped, with a line that says so.
    package var outputBytesMax: Int64 = 64 << 20
    /// What the program reads from its standard input; nil for nothing.
    package var input: [UInt8]?
    /// Keeps what the program writes to its standard output as its result, apart from the log, up to that many bytes.
    package var resultBytesMax: Int64?

    private var variables: [Variable]

    private struct Variable: Sendable, Hashable {
        var name: String
        var value: String
    }

    package init(executable: String, arguments: [String] = [], environment: [(name: String, value: String)] = []) {
        self.executable = executable
        self.arguments = arguments
        variables = environment.map { Variable(name: $0.name, value: $0.value) }
    }

    /// The bytes of the file `spec`: NUL-terminated keys and values in turn, as the shim reads them.
    ///
    /// - Throws: `ProcessRunnerError.invalidSpecification` for a text with a NUL, which no process can be given.
    func encoded(in directory: AttemptDirectory) throws(ProcessRunnerError) -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ key: String, _ value: String) throws(ProcessRunnerError) {
            guard !value.utf8.contains(0) else {
                throw .invalidSpecification("a \(key) contains a NUL character")
            }
            bytes.append(contentsOf: key.utf8)
            bytes.append(0)
            bytes.append(contentsOf: value.utf8)
            bytes.append(0)
        }
        guard executable.utf8.first == UInt8(ascii: "/") else {
            throw .invalidSpecification("the executable \(executable) is not an absolute path")
        }
        try add("executable", executable)
        try add("workDirectory", workDirectory ?? directory.workPath)
        try add("argument", executable)
        for argument in arguments { try add("argument", argument) }
        for variable in variables {
            guard !variable.name.isEmpty, !variable.name.utf8.contains(UInt8(ascii: "=")) else {
                throw .invalidSpecification("an environment variable has the name \"\(variable.name)\"")
            }
            guard variable.name != AttemptDirectory.variableName else { continue }
            try add("environment", "\(variable.name)=\(variable.value)")
        }
        try add("environment", directory.marker)
        if let timeoutMilliseconds { try add("timeoutMilliseconds", String(max(1, timeoutMilliseconds))) }
        try add("graceMilliseconds", String(max(0, graceMilliseconds)))
        if let memoryBytesMax { try add("memoryBytesMax", String(max(1, memoryBytesMax))) }
        if let openFilesMax { try add("openFilesMax", String(max(16, openFilesMax))) }
        try add("outputBytesMax", String(max(0, outputBytesMax)))
        if input != nil { try add("input", AttemptDirectory.inputName) }
        if let resultBytesMax { try add("resultBytesMax", String(max(1, resultBytesMax))) }
        return bytes
    }
}

/// The directory of one attempt. Its files are described in `millrace-shim/main.c`.
package struct AttemptDirectory: Sendable, Hashable {
    /// Tells the attempt's processes apart from all others: the shim puts it into their environment.
    static let variableName = "MILLRACE_ATTEMPT_DIRECTORY"

    /// Absolute.
    package let path: String

    package init(path: String) { self.path = path }

    package var workPath: String { path + "/work" }
    package var outputPath: String { path + "/output.log" }
    package var resultPath: String { path + "/result" }
    static let inputName = "input"
    var marker: String { "\(Self.variableName)=\(path)" }
}

package enum ProcessRunnerError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalidSpecification(String)
    /// A system call failed.
    case system(operation: String, path: String, errno: Int32)
    /// The shim could not take the attempt over; its exit status.
    case shimFailed(status: Int32)
    /// Processes of a dead attempt could not be ended; their numbers.
    case processesSurvive([Int32])
    /// A file of the attempt does not hold what the shim writes.
    case damagedRecord(path: String)

    package var description: String {
        switch self {
        case .invalidSpecification(let what): "The attempt cannot be described to the shim: \(what)."
        case .system(let operation, let path, let errno): "\(operation) \(path): \(errorText(errno))."
        case .shimFailed(let status): "The shim could not take the attempt over: exit status \(status)."
        case .processesSurvive(let numbers):
            "Processes of an attempt that was given up cannot be ended: \(numbers.map(String.init).joined(separator: ", "))."
        case .damagedRecord(let path): "\(path) is not a record of the shim."
        }
    }
}
