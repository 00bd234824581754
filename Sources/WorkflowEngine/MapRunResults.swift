import JSONModel
import ObjectStore
import StateStore
import StatesLanguage
import StatesRuntime
import Support

/// A child as results show it.
/// - Source: Step Functions, "ResultWriter".
private func resultRecord(_ child: ExecutionRecord) -> JSONValue {
    var json = JSONObject()
    if let cause = child.cause { json["Cause"] = .string(cause) }
    if let error = child.error { json["Error"] = .string(error) }
    json["ExecutionArn"] = .string(child.arn)
    json["Input"] = .string(child.input)
    json["InputDetails"] = ["Included": true]
    json["Name"] = .string(child.name)
    if let output = child.output {
        json["Output"] = .string(output)
        json["OutputDetails"] = ["Included": true]
    }
    json["RedriveCount"] = .number(child.redrives.count)
    if child.status == .succeeded {
        json["RedriveStatus"] = "NOT_REDRIVABLE"
        json["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    } else {
        json["RedriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
    }
    json["StartDate"] = .string(child.startedAt.iso8601)
    json["StateMachineArn"] = .string(child.stateMachine.arn)
    json["Status"] = .string(child.status.rawValue)
    if let stopped = child.stoppedAt { json["StopDate"] = .string(stopped.iso8601) }
    return .object(json)
}

/// The texts of the results that a child gives: one, or the elements of its array, or none while it runs.
private func resultTexts(
    _ child: ExecutionRecord, _ transformation: ResultWriterFields.Transformation
) throws -> [String] {
    if child.status == .running { return [] }
    // What failed has nothing but its record to show.
    guard child.status == .succeeded, let output = child.output, transformation != .none else {
        return [resultRecord(child).text]
    }
    guard transformation == .flatten else { return [output] }
    let value = try JSONValue(parsing: output, limits: JSONLimits(maxDepth: 1_000))
    return value.array?.map(\.text) ?? [output]
}

/// The results of a map run as its state's result.
struct ResultArray {
    private let transformation: ResultWriterFields.Transformation
    private let outputType: ResultWriterFields.OutputType
    private let bytesMax: Int
    private var text = ""

    init(_ writer: ResultWriterStart?, bytesMax: Int) {
        transformation = writer?.transformation ?? .compact
        outputType = writer?.outputType ?? .json
        self.bytesMax = bytesMax
    }

    /// False when the results have become too large.
    mutating func add(_ child: ExecutionRecord) throws -> Bool {
        for result in try resultTexts(child, transformation) {
            if !text.isEmpty { text += outputType == .json ? "," : "\n" }
            text += result
        }
        return text.utf8.count + 2 <= bytesMax
    }

    /// An array, or a text of JSON lines.
    func payload() throws -> Payload {
        switch outputType {
        case .json: Payload(try JSONValue(parsing: "[\(text)]", limits: JSONLimits(maxDepth: 1_000)))
        case .jsonLines: Payload(.string(text))
        }
    }
}

/// Writes the results of a map run into a bucket: one file or more for each outcome, then the manifest that names them.
///
/// Repeated after a crash it writes the same objects again.
final class ResultExport {
    /// A file that has become so large is followed by another.
    /// - Source: Step Functions, "ResultWriter": files of 5 GB at most.
    private static let fileBytesMax: Int64 = 5 << 30

    private enum Outcome: String, CaseIterable { case failed = "FAILED", pending = "PENDING", succeeded = "SUCCEEDED" }

    fileprivate struct File {
        var key: String
        var upload: any ObjectUpload
        var byteCount: Int64 = 0
        var waiting: [UInt8] = []
    }

    private let mapRunArn: String
    private let writer: ResultWriterStart
    private let bucket: String
    private let directory: String
    private let store: any ObjectStore
    private var open: [Outcome: File] = [:]
    private var closed: [Outcome: [(key: String, byteCount: Int64)]] = [:]
    private(set) var written = MapRunCounts.Pair()

    init(
        _ mapRunArn: String, _ writer: ResultWriterStart, _ parameters: JSONValue, _ stores: ObjectStores
    ) throws {
        self.mapRunArn = mapRunArn
        self.writer = writer
        guard let bucket = parameters["Bucket"]?.string, !bucket.isEmpty else {
            throw MapRunFailure.resultWriter("The ResultWriter's Bucket must be a string that is not empty.")
        }
        self.bucket = bucket
        var prefix = parameters["Prefix"]?.string ?? ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        let id = mapRunArn.split(separator: ":").last.map(String.init) ?? mapRunArn
        directory = prefix.isEmpty ? id : "\(prefix)/\(id)"
        do {
            store = try stores.store(ofBucket: bucket)
        } catch let error as ObjectStoreError {
            throw Self.failure(error, bucket)
        }
    }

    func add(_ child: ExecutionRecord) async throws {
        if child.status == .running { return }
        let outcome: Outcome = child.status == .succeeded ? .succeeded : .failed
        for text in try resultTexts(child, writer.transformation) { try await append(text, to: outcome) }
        written.executions += 1
        written.items += child.mapRun?.itemCount ?? 0
    }

    func add(pendingInput input: String) async throws {
        let json: JSONValue = ["Input": .string(input), "InputDetails": ["Included": true], "Status": "PENDING"]
        try await append(json.text, to: .pending)
    }

    /// Completes the files. Gives the state's result.
    func finish() async throws -> JSONValue {
        for outcome in Outcome.allCases { try await close(outcome) }
        var files = JSONObject()
        for outcome in Outcome.allCases {
            files[outcome.rawValue] = .array(
                (closed[outcome] ?? []).map { ["Key": .string($0.key), "Size": .number($0.byteCount)] })
        }
        let manifest: JSONValue = [
            "DestinationBucket": .string(bucket), "MapRunArn": .string(mapRunArn), "ResultFiles": .object(files),
        ]
        let key = directory + "/manifest.json"
        try await storing { try await store.put(key, manifest.bytes) }
        return [
            "MapRunArn": .string(mapRunArn), "ResultWriterDetails": ["Bucket": .string(bucket), "Key": .string(key)],
        ]
    }

    private func append(_ text: String, to outcome: Outcome) async throws {
        if let size = open[outcome]?.byteCount, size > Self.fileBytesMax { try await close(outcome) }
        var file: File
        if let known = open[outcome] {
            file = known
            file.append(writer.outputType == .json ? "," : "\n")
        } else {
            let suffix = writer.outputType == .json ? "json" : "jsonl"
            let key = "\(directory)/\(outcome.rawValue)_\(closed[outcome]?.count ?? 0).\(suffix)"
            file = File(key: key, upload: try await storing { try await store.upload(key) })
            if writer.outputType == .json { file.append("[") }
        }
        file.append(text)
        // The dictionary lets go of the bytes, so that they are not copied.
        open[outcome] = nil
        if file.waiting.count > 1 << 20 {
            let bytes = file.waiting
            let upload = file.upload
            file.waiting = []
            try await storing { try await upload.write(bytes) }
        }
        open[outcome] = file
    }

    private func close(_ outcome: Outcome) async throws {
        guard var file = open.removeValue(forKey: outcome) else { return }
        if writer.outputType == .json { file.append("]") }
        let bytes = file.waiting
        let upload = file.upload
        try await storing {
            try await upload.write(bytes)
            _ = try await upload.complete()
        }
        closed[outcome, default: []].append((file.key, file.byteCount))
    }

    private func storing<T>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let error as ObjectStoreError { throw Self.failure(error, bucket) }
    }

    private static func failure(_ error: ObjectStoreError, _ bucket: String) -> MapRunFailure {
        .resultWriter("The results cannot be written to the bucket '\(bucket)': \(error.message)")
    }
}

extension ResultExport.File {
    fileprivate mutating func append(_ text: String) {
        waiting += Array(text.utf8)
        byteCount += Int64(text.utf8.count)
    }
}
