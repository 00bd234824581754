import ArgumentParser
import JSONModel
import Support

// Names that the server knows, for the shell's completion. A server that cannot be found or does not answer at once
// completes nothing: whoever presses Tab waits for nobody.

extension CompletionKind {
    static let machines = custom { _, _, prefix in
        complete(prefix) { try await $0.machines().map(\.name) }
    }

    static let jobs = custom { _, _, prefix in
        complete(prefix) { try await $0.jobNames() }
    }

    static let jobsAndMachines = custom { _, _, prefix in
        complete(prefix) { try await $0.machines().map(\.name) + $0.jobNames() }
    }

    static let databases = custom { _, _, prefix in
        complete(prefix) { try await $0.databaseNames() }
    }

    /// `DATABASE.TABLE`, and databases before the dot is typed.
    static let tables = custom { _, _, prefix in
        complete(prefix) { server in
            guard let dot = prefix.firstIndex(of: ".") else { return try await server.databaseNames().map { $0 + "." } }
            let database = String(prefix[..<dot])
            return try await server.all(
                "glue", "GetTables", ["DatabaseName": .string(database)], member: "TableList", token: "NextToken"
            ).compactMap { $0["Name"]?.string.map { "\(database).\($0)" } }
        }
    }

    private static func complete(
        _ prefix: String, _ names: @escaping @Sendable (Connection) async throws -> [String]
    ) -> [String] {
        guard let server = try? ConnectionOptions.parse([]).connect(patience: .zero),
            let found = try? runBlocking({ try await names(server) })
        else { return [] }  // See above.
        return Set(found).filter { $0.hasPrefix(prefix) }.sorted()
    }
}

extension Connection {
    fileprivate func jobNames() async throws -> [String] { try await jobs(limit: 200).map(\.name) }

    fileprivate func databaseNames() async throws -> [String] {
        try await all("glue", "GetDatabases", member: "DatabaseList", token: "NextToken").compactMap { $0["Name"]?.string }
    }
}
