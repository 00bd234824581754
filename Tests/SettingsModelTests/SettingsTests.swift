import SettingsModel
import Testing

@Suite struct SettingsTests {
    private func file(_ text: String, path: String = "/etc/millrace/millrace.yaml") throws -> ConfigurationFile {
        try ConfigurationFile(path: path, bytes: Array(text.utf8))
    }

    private func settings(
        _ text: String, flags: [String: String] = [:], environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> EffectiveSettings {
        try EffectiveSettings(
            SettingsSources(
                flags: flags, environment: { environment[$0] }, file: file(text), read: { files[$0] }))
    }

    @Test func theFirstSourceWins() throws {
        let text = "port: 1\nconsole-port: 2\nlog-level: debug\n"
        let found = try settings(
            text, flags: ["port": "3"], environment: ["MILLRACE_PORT": "4", "MILLRACE_CONSOLE_PORT": "5"])
        #expect(found[.port] == .init(text: "3", origin: .flag("--port")))
        #expect(found[.consolePort] == .init(text: "5", origin: .environment("MILLRACE_CONSOLE_PORT")))
        #expect(found[.logLevel] == .init(text: "debug", origin: .file("/etc/millrace/millrace.yaml", line: 3)))
        #expect(found[.auth] == .init(text: "keys", origin: .standard))
        #expect(found[.s3Endpoint] == nil)
    }

    @Test func standardsAreWhatTheyMustBe() throws {
        let found = try EffectiveSettings(SettingsSources())
        #expect(found.integer(.port) == 9400)
        #expect(found.flag(.jobEnforceMemory) == true)
    }

    @Test func sectionsAndTypesAreRead() throws {
        let found = try settings(
            """
            account: 012345678901
            s3:
              endpoint: https://minio:9000
              path-style: False
            jobs:
              cpus: 3
            """)
        #expect(found.text(.account) == "012345678901")
        #expect(found.text(.s3Endpoint) == "https://minio:9000")
        #expect(found.flag(.s3PathStyle) == false)
        #expect(found.integer(.jobCPUs) == 3)
    }

    @Test func pathsInAFileAreRelativeToIt() throws {
        let text = "data: data\ncatalog: /srv/catalog\ns3: {secret-access-key-file: secret}\n"
        let found = try settings(text, files: ["/etc/millrace/secret": "abc\n"])
        #expect(found.text(.data) == "/etc/millrace/data")
        #expect(found.text(.catalog) == "/srv/catalog")
        #expect(found[.s3SecretAccessKey]?.text == "abc")
        #expect(try file("data: data", path: "millrace.yaml").path == "millrace.yaml")
    }

    @Test func secretsComeFromFilesAndCredentials() throws {
        let credentials = ["CREDENTIALS_DIRECTORY": "/run/credentials/millrace.service"]
        let files = [
            "/run/credentials/millrace.service/s3-secret-access-key": "from systemd\n", "/secret": "from a file\r\n",
        ]
        var found = try settings("s3: {secret-access-key: x}", environment: credentials, files: files)
        #expect(found.text(.s3SecretAccessKey) == "from systemd")
        found = try settings(
            "", environment: credentials.merging(["MILLRACE_S3_SECRET_ACCESS_KEY_FILE": "/secret"]) { $1 }, files: files)
        #expect(found.text(.s3SecretAccessKey) == "from a file")
    }

    @Test(arguments: [
        ("prot: 9400\n", "line 1, column 1: 'prot' is no setting. Did you mean 'port'?"),
        ("\nconsole_port: 1\n", "line 2, column 1: 'console_port' is no setting. Did you mean 'console-port'?"),
        ("s3:\n  endpont: x\n", "line 2, column 3: 's3.endpont' is no setting. Did you mean 's3.endpoint'?"),
        ("S3: {}\n", "line 1, column 1: 'S3' is no setting. Did you mean 's3'?"),
        ("colour: red\n", "line 1, column 1: 'colour' is no setting."),
        ("port: 99999\n", "line 1, column 7: 'port' must be a whole number from 0 to 65535, found '99999'"),
        ("auth: 'on'\n", "line 1, column 7: 'auth' must be one of keys, none, found 'on'"),
        ("jobs: {enforce-memory: yes}\n", "column 24: 'jobs.enforce-memory' must be true or false, found 'yes'"),
        ("port: [1]\n", "line 1, column 7: 'port' must be one value, found a list or keys"),
        ("s3: minio\n", "line 1, column 5: 's3' must hold keys and values"),
        ("- port\n", "line 1, column 1: the file must hold keys and values"),
        ("account: 123\n", "'account' must be 12 digits, found '123'"),
        ("s3: {endpoint: minio:9000}\n", "'s3.endpoint' must be a URL such as http://127.0.0.1:9000, found 'minio:9000'"),
        ("data: ''\n", "'data' must not be empty"),
    ])
    func whatIsWrongIsNamedWithItsPlace(text: String, message: String) throws {
        let error = try #require(throws: SettingsError.self) { try file(text) }
        #expect(error.description.hasPrefix("/etc/millrace/millrace.yaml, line "))
        #expect(error.description.contains(message))
    }

    @Test func wrongFlagsVariablesAndAmbiguousSecretsAreRefused() throws {
        var error = try #require(throws: SettingsError.self) { try settings("", flags: ["port": "x"]) }
        #expect(error.description == "--port must be a whole number from 0 to 65535, found 'x'")
        #expect(error.isArgument)
        error = try #require(throws: SettingsError.self) { try settings("", environment: ["MILLRACE_AUTH": "maybe"]) }
        #expect(error.description == "MILLRACE_AUTH must be one of keys, none, found 'maybe'")
        error = try #require(throws: SettingsError.self) {
            try settings("s3:\n  secret-access-key: a\n  secret-access-key-file: b\n")
        }
        #expect(error.description.contains("which one counts?"))
        error = try #require(throws: SettingsError.self) { try settings("s3: {secret-access-key-file: /none}\n") }
        #expect(error.description == "'s3.secret-access-key-file' names /none, and there is no such file")
    }

    @Test func nothingIsSetByAnEmptyFile() throws {
        #expect(try settings("").text(.port) == "9400")
        #expect(try settings("# nothing\ns3:\nport: ~\n").text(.port) == "9400")
    }
}
