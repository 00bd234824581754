import ArgumentParser
import AWSProtocol
import FoundationEssentials
import JSONModel
import ServiceKit
import Support

/// The keys of a data directory besides its root key.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Give other people and programs keys of their own, with policies.",
        discussion: """
            The root key may do everything. Other keys may do what their policies allow: documents in IAM's language, or
            one of the names all, readwrite and readonly. A running server takes changes up within a second.

            EXAMPLES
              millrace keys add etl --policy etl-policy.json
              millrace keys add dashboard --policy readonly
              millrace keys ls
              millrace keys rm dashboard
            """,
        subcommands: [AddKey.self, ListKeys.self, RemoveKey.self])
}

struct KeyFileOptions: ParsableArguments {
    @Option(help: "The server's data directory; $MILLRACE_DATA, else ./millrace-data.", completion: .directory)
    var data: String?

    func file() throws -> UserKeyFile {
        let directory = try ProgramSettings.dataDirectory(data)
        guard FileManager.default.fileExists(atPath: directory.credentials) else {
            throw CommandFailure(
                "\(directory.path) is no data directory: it has no root key. Start `millrace serve` there first, or name another with --data.")
        }
        return UserKeyFile(path: directory.userKeys)
    }
}

struct AddKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make a key and print it.",
        discussion: """
            The secret is shown once, here; keys.json in the data directory has it, too.

            EXAMPLES
              millrace keys add dashboard --policy readonly
              millrace keys add etl --policy etl-policy.json --json > etl-key.json
            """)

    @Argument(help: "The owner's name, by which policies of buckets call it.") var user: String
    @Option(help: "A file with a policy, or all, readwrite or readonly. May be repeated.", completion: .file())
    var policy: [String] = []
    @OptionGroup var options: KeyFileOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let file = try options.file()
        guard user.utf8.count <= 64, !user.isEmpty, user.utf8.allSatisfy({ isNameByte($0) }) else {
            throw CommandFailure("a user's name has up to 64 letters, digits and . _ - @, found '\(user)'", .usage)
        }
        guard !policy.isEmpty else {
            throw CommandFailure("without a policy the key may do nothing: add --policy readonly, or a file.", .usage)
        }
        var keys = try file.read()
        if let other = keys.first(where: { $0.user == user }) {
            throw CommandFailure(
                "\(user) has the key \(other.credentials.accessKeyID) already: `millrace keys rm \(user)` takes it away.")
        }
        let policies = try policy.map(readPolicy)
        let credentials = AWSCredentials.random()
        keys.append(UserKey(user: user, credentials: credentials, policies: policies, permissions: .anonymous))
        try file.write(keys)
        if output.json {
            let value: JSONValue = [
                "user": .string(user), "accessKeyId": .string(credentials.accessKeyID),
                "secretAccessKey": .string(credentials.secretAccessKey),
            ]
            printDocument(value)
        } else {
            print("export AWS_ACCESS_KEY_ID=\(credentials.accessKeyID) AWS_SECRET_ACCESS_KEY=\(credentials.secretAccessKey)")
        }
    }

    private func readPolicy(_ text: String) throws -> JSONValue {
        let value: JSONValue
        if PolicyTemplate.names.contains(text) {
            value = .string(text)
        } else {
            let bytes: [UInt8]
            do {
                bytes = Array(try Data(contentsOf: URL(filePath: absolutePath(text))))
            } catch {
                throw CommandFailure(
                    "--policy \(text): there is no such file, and the names are \(PolicyTemplate.names.joined(separator: ", ")).", .usage)
            }
            do {
                value = try JSONValue(parsing: bytes)
            } catch {
                throw CommandFailure("\(text) is not JSON: \(error)")
            }
        }
        do {
            _ = try PolicyTemplate.policy(value)
        } catch {
            throw CommandFailure("\(text): \(error.message)")
        }
        return value
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || ".-_@".utf8.contains(byte)
    }
}

struct ListKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the keys, without their secrets, and their policies.",
        discussion: """
            EXAMPLES
              millrace keys ls
              millrace keys ls --json | jq -r '.[].user'
            """)

    @OptionGroup var options: KeyFileOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let keys = try options.file().read()
        if output.json {
            let list: JSONValue = .array(
                keys.map { key in
                    [
                        "user": .string(key.user), "accessKeyId": .string(key.credentials.accessKeyID),
                        "policies": .array(key.policies),
                    ]
                })
            return printDocument(list)
        }
        for key in keys {
            let policies = key.policies.map { $0.string ?? $0.text }.joined(separator: " ")
            print("\(key.user)\t\(key.credentials.accessKeyID)\t\(policies)")
        }
    }
}

struct RemoveKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Take a key away.",
        discussion: """
            A running server refuses it within a second. --json prints what was taken away.

            EXAMPLES
              millrace keys rm dashboard
            """)

    @Argument(help: "The owner's name, or the key's id.") var user: String
    @OptionGroup var options: KeyFileOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let file = try options.file()
        let keys = try file.read()
        guard let gone = keys.first(where: { $0.user == user || $0.credentials.accessKeyID == user }) else {
            throw CommandFailure("there is no key of \(user): `millrace keys ls` shows those that there are.")
        }
        try file.write(keys.filter { $0.user != gone.user })
        if output.json {
            printDocument(["user": .string(gone.user), "accessKeyId": .string(gone.credentials.accessKeyID)])
        }
    }
}
