import ArgumentParser
import Support

/// A word where a verb was expected, and the verb that it may have been meant to be.
enum MistypedVerb {
    /// - Parameter arguments: the program's, without its name, which could not be parsed.
    /// - Returns: nil when the verbs among them are right: then something else is wrong.
    static func failure(in arguments: [String]) -> CommandFailure? {
        var command: any ParsableCommand.Type = MillraceCommand.self
        var path = "millrace"
        for word in arguments.first == "help" ? arguments.dropFirst() : arguments[...] {
            let verbs = command.configuration.subcommands
            guard !verbs.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let verb = verbs.first(where: { $0._commandName == word || $0.configuration.aliases.contains(word) }) else {
                return CommandFailure(text(word, path, verbs), .usage)
            }
            command = verb
            path += " " + word
        }
        return nil
    }

    private static func text(_ word: String, _ path: String, _ verbs: [any ParsableCommand.Type]) -> String {
        let names = verbs.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
        let near = names.map { (name: $0, distance: editDistance(word.lowercased(), $0)) }
            .filter { $0.distance <= max(1, $0.name.utf8.count / 2) || (word.utf8.count > 1 && $0.name.hasPrefix(word)) }
            .min { $0.distance < $1.distance }
        let found = "'\(path)' has no verb '\(word)'."
        guard let near else { return "\(found) `\(path) --help` lists those there are." }
        return "\(found) Did you mean '\(near.name)'? `\(path) --help` lists all."
    }
}
