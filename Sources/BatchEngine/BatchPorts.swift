package import BatchScheduling

/// What the program tells the engine about its surroundings.
package struct BatchEngineConfiguration: Sendable {
    /// Attempts' directories and the report socket; absolute.
    package var workDirectory: String
    /// The running program's own executable, which `JobImages.millrace` stands for; absolute.
    package var executablePath: String
    /// Where jobs reach the server, such as `http://127.0.0.1:9400`.
    package var endpointURL: String
    /// What all attempts together may occupy.
    package var machine: ResourceDemand
    package var graceMilliseconds: Int64 = 30_000
    package var outputBytesMax: Int64 = 64 << 20
    /// Whether an attempt that uses more memory than its job asked for is killed.
    package var enforcesMemory = true
    /// Given to every job, before its own.
    package var environment: [EnvironmentVariable] = []
    /// How long a job's keys live if the job has no timeout of its own.
    package var credentialSeconds = 7 * 86_400

    package init(workDirectory: String, executablePath: String, endpointURL: String, machine: ResourceDemand) {
        self.workDirectory = workDirectory
        self.executablePath = executablePath
        self.endpointURL = endpointURL
        self.machine = machine
    }
}

/// Keys that a job signs its calls with.
package struct JobCredentials: Sendable {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String?

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

/// Makes the keys of jobs. Bound by the program, which owns the key directory.
package protocol JobCredentialIssuer: Sendable {
    /// Keys for one attempt, valid for `lifetimeSeconds` from now. They must outlive a restart of the server, as the
    /// attempt does.
    func credentials(
        forJob id: String, attempt: Int, account: String, region: String, lifetimeSeconds: Int
    ) async throws -> JobCredentials
}

/// Fetches executables that jobs name by `s3://bucket/key`.
package protocol ArtifactFetcher: Sendable {
    /// Writes the object's bytes to a new file at `path`. May leave a part of them behind when it throws.
    func fetch(_ uri: String, account: String, region: String, to path: String) async throws
}
