import ArgumentParser
import FoundationEssentials
import JSONModel

#if canImport(Glibc)
import Glibc
#endif

/// The text of a file; `-` is standard input. Bytes that are not UTF-8 are replaced.
func readText(_ path: String) throws -> String {
    let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
    func failure() -> CommandFailure {
        switch errno {
        case ENOENT: CommandFailure("there is no file \(path)", .notFound)
        case EISDIR: CommandFailure("\(path) is a directory; a file is wanted", .notFound)
        default: CommandFailure("cannot read \(path): \(String(cString: strerror(errno)))", .notFound)
        }
    }
    guard descriptor >= 0 else { throw failure() }
    defer { if descriptor != 0 { close(descriptor) } }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let got = read(descriptor, &buffer, buffer.count)
        if got == 0 { return String(decoding: text, as: UTF8.self) }
        if got < 0 {
            if errno == EINTR { continue }
            throw failure()
        }
        text += buffer[..<got]
    }
}

/// An argument's text: itself, or what `@FILE`, `@-` and `-` name.
func readArgument(_ argument: String) throws -> String {
    if argument == "-" { return try readText("-") }
    return argument.hasPrefix("@") ? try readText(String(argument.dropFirst())) : argument
}

/// As `readArgument`, checked to be JSON.
func readJSONArgument(_ argument: String, option: String) throws -> String {
    let text = try readArgument(argument)
    do {
        _ = try JSONValue(parsing: text)
    } catch {
        let place = argument == text ? option : "\(option) \(argument)"
        let hint = argument == text && !argument.isEmpty && FileManager.default.fileExists(atPath: argument)
            ? "\n\(argument) is a file: write \(option) @\(argument)" : ""
        throw CommandFailure("\(place) is not JSON: \(error)\(hint)", .badData)
    }
    return text
}
