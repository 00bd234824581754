import StateStore
import Support
import TestSupport
import Testing

/// Databases of earlier schemas, opened by this one.
struct StateStoreUpgradeTests {
    @Test func executionsThatWereKeptByNameAreKeptByNumber() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/state.sqlite"
        let before = try #require(StateStoreSchema.all.firstIndex { $0.name == "workflow-execution-numbers-1" })
        let old = try SQLiteStateStore(
            path: path, migrations: Array(StateStoreSchema.all[..<before]),
            formatVersion: StateStoreSchema.formatVersion, vfs: nil)
        let prefix = "arn:aws:states:us-east-1:1:execution:m:", express = "arn:aws:states:us-east-1:1:express:m:x:y"
        let machine = """
            {"arn":"arn:aws:states:us-east-1:1:stateMachine:m","account":"1","region":"us-east-1","name":"m",\
            "type":"STANDARD","roleArn":"r","createdAt":1,"configuration":{}}
            """
        let long = String(repeating: "x", count: 2000)
        try await old.execute("INSERT INTO workflow_definitions VALUES ('h', '{}')")
        // The later one has the earlier name.
        for (name, start, status) in [("b", 10, "RUNNING"), ("a", 20, "SUCCEEDED")] {
            try await old.execute(
                """
                INSERT INTO workflow_executions (arn, account, region, name, machine_arn, machine, definition_hash, input,
                    started_at, secret, status, stopped_at, last_event_id, step_count, runnable, revision, owner_epoch,
                    shard, map_redrive)
                VALUES ('\(prefix)\(name)', '1', 'us-east-1', '\(name)', 'arn:aws:states:us-east-1:1:stateMachine:m',
                    '\(machine)', 'h', '#0f', \(start), x'01', '\(status)', \(status == "RUNNING" ? "NULL" : "30"), 1, 1,
                    \(status == "RUNNING" ? 1 : 0), 1, 0, 0, 0);
                INSERT INTO workflow_payloads VALUES ('\(prefix)\(name)', '0f', '\(long)\(name)');
                INSERT INTO workflow_history VALUES ('\(prefix)\(name)', 1, 1, CAST('[[1,0,5,"Began\(name)"]]' AS BLOB));
                """)
        }
        try await old.execute(
            """
            INSERT INTO workflow_frames VALUES ('\(prefix)b', 'p', x'07');
            INSERT INTO workflow_commands VALUES ('\(prefix)b', 'c', '={"call":1}', 'pending', NULL, 0, 'token');
            INSERT INTO workflow_timers VALUES ('\(prefix)b', 't', 99);
            INSERT INTO workflow_express_logs VALUES ('\(express)', '1', 'us-east-1', 'g', 'm', 'ALL', 1, 3, 4);
            INSERT INTO workflow_history VALUES ('\(express)', 1, 1, CAST('[[1,0,5,"Express"]]' AS BLOB));
            """)
        try await old.close()

        let store = try SQLiteStateStore(path: path)
        let loaded = try #require(try await store.loadExecution(arn: prefix + "b"))
        #expect(loaded.record.input == long + "b")
        #expect(loaded.frames == [FrameRecord(path: "p", bytes: [7])])
        #expect(try await store.execution(arn: prefix + "a")?.input == long + "a")
        for (arn, type) in [(prefix + "a", "Begana"), (prefix + "b", "Beganb"), (express, "Express")] {
            let events = try await store.history(ofExecution: arn, ids: 1...9, descending: false, limit: 9)
            #expect(events.map(\.type) == [type])
        }
        #expect(try await store.command(taskToken: "token")?.executionArn == prefix + "b")
        #expect(try await store.runnableExecutions(after: nil, limit: 9) == [prefix + "b"])
        #expect(try await store.timers(limit: 9).map(\.executionArn) == [prefix + "b"])
        #expect(try await store.firstText("SELECT group_concat(name) FROM workflow_executions ORDER BY number") == "b,a")

        var step = ExecutionStep(executionArn: prefix + "b", revision: 1, stepCount: 2, isRunnable: false)
        step.finishedTimers = ["t"]
        step.finishedCommands = ["c"]
        step.end = ExecutionStep.End(status: .succeeded, stoppedAt: Timestamp(millisecondsSince1970: 40), output: "1")
        try await store.commit(step)
        let removed = try await store.removeExecutions(stoppedBefore: Timestamp(millisecondsSince1970: 100), limit: 9)
        #expect(removed == 3)
        for table in ["executions", "payloads", "history", "frames", "commands", "timers", "express_logs"] {
            #expect(try await store.firstText("SELECT count(*) FROM workflow_\(table)") == "0", "workflow_\(table)")
        }
    }
}
