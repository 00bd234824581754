package import Columnar
package import QueryEngine
package import Support
import DeltaProtocol
import JSONModel
import ObjectStore

/// Delta tables, under the name `delta`.
package struct DeltaFormat: TableFormat {
    package let name = "delta"
    private let clock: any WallClock
    private let engine: String

    /// - Parameter engine: what commits say wrote them, `millrace/<version>`.
    package init(clock: any WallClock = SystemWallClock(), engine: String = "millrace/0.1.0") {
        self.clock = clock
        self.engine = engine
    }

    package var storesSchema: Bool { true }

    package func source(
        paths: [String], schema: StructType?, options: FormatOptions, context: SourceContext
    ) throws -> any TableSource {
        try forwarding {
            guard paths.count == 1, let path = paths.first else {
                throw DeltaError(.unsupportedOperation, "A Delta table is read from one path, not \(paths.count).")
            }
            if options["timestampAsOf"] != nil {
                throw DeltaError(.unsupportedOperation, "Time travel by timestamp is not supported.")
            }
            if let flag = options["readChangeFeed"] ?? options["readChangeData"], flag.lowercased() == "true" {
                throw DeltaError(.unsupportedOperation, "Reading the change data feed is not supported.")
            }
            var version: Int64?
            if let text = options["versionAsOf"] {
                guard let number = Int64(text), number >= 0 else {
                    throw DeltaError(.versionNotFound, "The version '\(text)' is not a number.")
                }
                version = number
            }
            let log = try DeltaLog(uri: path, stores: context.stores)
            guard let snapshot = try log.snapshot(version: version) else {
                throw DeltaError(.tableNotFound, "Delta table '\(path)' doesn't exist.")
            }
            return DeltaSource(log: log, snapshot: snapshot)
        }
    }

    package func sink(_ request: WriteRequest, context: SourceContext) throws -> any TableSink {
        try forwarding {
            if request.mode == .ignore, !request.replacesTable,
                let snapshot = try DeltaLog(uri: request.path, stores: context.stores).snapshot()
            {
                return ExistingTableSink(version: snapshot.version)
            }
            return try makeSink(request, context)
        }
    }

    private func makeSink(_ request: WriteRequest, _ context: SourceContext) throws -> DeltaSink {
        try DeltaSink(
            log: try DeltaLog(uri: request.path, stores: context.stores), request: request, clock: clock, engine: engine)
    }

    package func createTable(_ request: WriteRequest, context: SourceContext) throws -> WriteResult {
        try forwarding {
            var request = request
            if request.operation == "WRITE" { request.operation = request.replacesTable ? "CREATE OR REPLACE TABLE" : "CREATE TABLE" }
            return try makeSink(request, context).commit([])
        }
    }

    package func committedVersion(
        of transaction: WriteTransaction, path: String, context: SourceContext
    ) throws -> Int64? {
        try forwarding {
            let log = try DeltaLog(uri: path, stores: context.stores)
            guard let snapshot = try log.snapshot(), let stored = snapshot.transactions[transaction.appID],
                stored.version >= transaction.version
            else { return nil }
            // The commit itself may have been cleaned up; the table's version stands for it then.
            return try DeltaSink.previousResult(log, snapshot, transaction.appID).version ?? snapshot.version
        }
    }

    package func exists(path: String, context: SourceContext) throws -> Bool {
        try forwarding { try DeltaLog(uri: path, stores: context.stores).snapshot() != nil }
    }

    package func history(path: String, context: SourceContext) throws -> (StructType, [[Scalar]]) {
        try forwarding {
            let log = try DeltaLog(uri: path, stores: context.stores)
            _ = try log.requiredSnapshot()
            return (Self.historySchema, try log.commits().map { commit in
                var info = CommitInfo([:])
                for case .commitInfo(let found) in commit.actions { info = found }
                func text(_ key: String) -> Scalar { info.members[key]?.string.map(Scalar.string) ?? .null }
                func map(_ key: String) -> Scalar {
                    guard let object = info.members[key]?.object else { return .null }
                    return .map(object.map { ScalarEntry(.string($0.key), $0.value.isNull ? .null : .string($0.value.string ?? $0.value.text)) })
                }
                let timestamp = info.inCommitTimestamp ?? info.timestamp ?? commit.modified
                return [
                    .int64(commit.version), .timestamp(timestamp.multipliedReportingOverflow(by: 1000).partialValue),
                    text("userId"), text("userName"), text("operation"), map("operationParameters"), text("clusterId"),
                    info.members["readVersion"]?.int64.map(Scalar.int64) ?? .null, text("isolationLevel"),
                    info.isBlindAppend.map(Scalar.bool) ?? .null, map("operationMetrics"), text("userMetadata"), text("engineInfo"),
                ]
            })
        }
    }

    private static let historySchema: StructType = {
        let map = DataType.map(key: .string, value: .string, valueContainsNull: true)
        return StructType([
            StructField("version", .long), StructField("timestamp", .timestamp), StructField("userId", .string),
            StructField("userName", .string), StructField("operation", .string), StructField("operationParameters", map),
            StructField("clusterId", .string), StructField("readVersion", .long), StructField("isolationLevel", .string),
            StructField("isBlindAppend", .boolean), StructField("operationMetrics", map), StructField("userMetadata", .string),
            StructField("engineInfo", .string),
        ])
    }()

    private func forwarding<R>(_ body: () throws -> R) throws -> R { try body() }
}
