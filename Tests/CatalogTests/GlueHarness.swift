import AWSProtocol
import BatchEngine
import BatchScheduling
import CatalogEngine
import GlueService
import JSONModel
import ServiceKit
import StateStore
import Support
import Synchronization
import TestSupport
import Testing

/// The service on a fresh database, with jobs that only the test moves on.
final class GlueHarness: Sendable {
    let directory: TemporaryDirectory
    let jobs = HandMovedJobs()
    let service: GlueService

    init() throws {
        directory = try TemporaryDirectory()
        let store = try SQLiteStateStore(path: directory.path + "/state.sqlite")
        service = GlueService(catalog: GlueCatalog(records: store), jobs: jobs)
    }

    func call(
        _ operation: String, _ input: JSONObject, region: String = "us-east-1", command: String? = nil,
        commitScope: String? = nil
    ) async throws -> JSONObject {
        var context = CallContext(
            account: "123456789012", region: region, requestID: "r", receivedAt: SystemWallClock().now(),
            commandID: command)
        context.commitScope = commitScope
        return try await service.call(operation, input, context)
    }

    /// The code and message with which a call is refused; empty when it is not.
    func refusal(_ operation: String, _ input: JSONObject) async throws -> (code: String, message: String) {
        do {
            _ = try await call(operation, input)
            return ("", "")
        } catch let error as AWSError {
            return (error.code, error.message)
        }
    }

    /// A database `db` and a table `tbl` with these partition keys, each `name type`.
    func makeTable(keys: [String] = []) async throws {
        _ = try await call("CreateDatabase", ["DatabaseInput": ["Name": "db"]])
        let columns = keys.map { key -> JSONValue in
            let parts = key.split(separator: " ")
            return ["Name": .string(String(parts[0])), "Type": .string(String(parts[1]))]
        }
        _ = try await call(
            "CreateTable",
            ["DatabaseName": "db", "TableInput": ["Name": "tbl", "PartitionKeys": .array(columns)]])
    }

    func addPartition(_ values: [String]) async throws {
        _ = try await call(
            "CreatePartition",
            [
                "DatabaseName": "db", "TableName": "tbl",
                "PartitionInput": ["Values": .array(values.map { .string($0) })],
            ])
    }
}

/// Keeps what is submitted; `finish` and `run` move it on.
final class HandMovedJobs: JobControl {
    private let records = Mutex<[JobRecord]>([])

    var submitted: [JobRecord] { records.withLock { $0 } }

    func submit(_ submission: JobSubmission) async throws -> JobRecord {
        records.withLock { records in
            if let known = records.first(where: { $0.submission.commandID == submission.commandID }) { return known }
            let record = JobRecord(
                id: "job-\(records.count)", sequence: Int64(records.count), submission: submission,
                state: JobState(status: .runnable, createdAt: Timestamp(millisecondsSince1970: 0)))
            records.append(record)
            return record
        }
    }

    func change(_ index: Int, _ body: (inout JobState) -> Void) { records.withLock { body(&$0[index].state) } }

    func describe(_ ids: [String]) async throws -> [JobRecord] {
        records.withLock { $0.filter { ids.contains($0.id) } }
    }

    func cancel(_ id: String, reason: String) async throws {}

    func terminate(_ id: String, reason: String) async throws {
        records.withLock { records in
            for index in records.indices where records[index].id == id { records[index].state.isTerminated = true }
        }
    }

    func completion(ofJob id: String) async throws -> JobRecord {
        guard let record = try await describe([id]).first else { throw JobError(.unknownJob, id) }
        return record
    }

    func output(ofJob id: String, attempt: Int?, _ range: JobOutputRange) async throws -> JobOutputPage {
        throw JobError(.unknownJob, id)
    }
}
