import AWSProtocol
import HTTPTransport
import JSONModel
import Logging
import ServiceModels
package import StateStore
import Support
package import WorkflowEngine

/// Tells EventBridge of executions that have begun or ended: "Step Functions Execution Status Change".
///
/// The changes stand in the store since the transaction that made them and go once the event bus has taken them, in
/// their order: each is sent at least once, and no execution waits for it.
/// - Source: Step Functions, "Automating event delivery", execution status changes.
package struct StatusChangeEvents: Sendable {
    private let store: any StatusChangeStore
    private let workflow: WorkflowEngine
    private let foreign: ForeignServices
    private let bus: String
    private let source: String
    private let logger = Logger(label: "millrace.events")

    /// - Source: EventBridge, PutEvents: entries in one call.
    private static let batchMax = 10
    /// Entries of a call have 256 KiB together.
    private static let batchBytesMax = 250 << 10
    /// - Source: Step Functions: input and output are left out of events beyond it.
    private static let dataBytesMax = 248 << 10
    /// Changes that wait for an endpoint that does not answer.
    private static let waitingMax: Int64 = 1_000_000

    /// - Parameters:
    ///   - foreign: must have an endpoint of EventBridge.
    ///   - source: `aws.states`, where the endpoint takes it from others than AWS.
    package init(
        store: any StatusChangeStore, workflow: WorkflowEngine, foreign: ForeignServices, bus: String, source: String
    ) {
        self.store = store
        self.workflow = workflow
        self.foreign = foreign
        self.bus = bus
        self.source = source
    }

    /// Sends until cancelled.
    package func run() async {
        let steps = workflow.changes()
        await withTaskGroup(of: Void.self) { group in
            let (wake, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            signal.yield()  // For what waits since before.
            group.addTask {
                for await _ in steps { signal.yield() }
                signal.finish()
            }
            for await _ in wake {
                await sendAll()
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// Sends what waits, again and again where that fails.
    private func sendAll() async {
        var delay = Duration.seconds(1)
        while !Task.isCancelled {
            do {
                guard try await sendBatch() else { return }
                delay = .seconds(1)
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "Status changes could not be sent to EventBridge; they will be sent again.",
                    metadata: ["reason": "\(Self.reason(error))", "seconds": "\(delay.components.seconds)"])
                let dropped = (try? await store.trimStatusChanges(to: Self.waitingMax)) ?? 0  // Tried again as well.
                if dropped > 0 { logger.error("\(dropped) status changes have waited for too long and are given up.") }
                try? await Task.sleep(for: delay)  // Cancelled: the loop ends.
                delay = min(delay * 2, .seconds(60))
            }
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? ForeignCallError {
        case .refused(let error, _)?: error.description
        case .noAnswer(let error)?: error.message
        case .noCredentials?: "there is no key to sign with: set aws.access-key-id and aws.secret-access-key"
        case .unusable(let why)?, .unreadable(let why)?: why
        case .noEndpoint?, nil: "\(error)"
        }
    }

    /// - Returns: false when nothing waits.
    private func sendBatch() async throws -> Bool {
        let changes = try await store.statusChanges(limit: Self.batchMax)
        guard !changes.isEmpty else { return false }
        var entries: [JSONValue] = []
        var taken: [StatusChange] = []
        var byteCount = 0
        for change in changes {
            // One that retention has removed meanwhile is of no interest any more.
            guard let record = try? await workflow.execution(arn: change.executionArn) else {
                taken.append(change)
                continue
            }
            let refusal = change.status == .running
                ? "Execution is RUNNING and cannot be redriven" : try await workflow.redriveRefusal(record)
            let entry = entry(change, record, refusal)
            let size = entry.text.utf8.count
            if !entries.isEmpty, byteCount + size > Self.batchBytesMax { break }
            byteCount += size
            entries.append(entry)
            taken.append(change)
        }
        if !entries.isEmpty { try await send(entries, taken) }
        if let last = taken.last { try await store.removeStatusChanges(through: last.number) }
        return true
    }

    private func send(_ entries: [JSONValue], _ changes: [StatusChange]) async throws {
        let region = changes.lazy.compactMap { ARN($0.executionArn)?.region }.first ?? "us-east-1"
        let operation = try foreign.operation("putEvents", ofService: "events")
        let answer = try await foreign.call(
            operation, ofService: "events", ["Entries": .array(entries)], region: region, commandID: "", naming: .plain)
        for result in answer.output["Entries"]?.array ?? [] {
            guard let code = result["ErrorCode"]?.string else { continue }
            if ["InternalFailure", "ThrottlingException"].contains(code) {
                throw AWSError(code, result["ErrorMessage"]?.string ?? "")
            }
            logger.error(
                "EventBridge refuses a status change, which is given up. If it does not let others than AWS use the source, set events.source.",
                metadata: ["code": "\(code)", "reason": "\(result["ErrorMessage"]?.string ?? "")", "source": "\(source)"])
        }
    }

    private func entry(_ change: StatusChange, _ record: ExecutionRecord, _ refusal: String?) -> JSONValue {
        let isRunning = change.status == .running
        let time = isRunning ? record.startedAt : record.stoppedAt ?? record.startedAt
        return [
            "Time": .string(time.iso8601), "Source": .string(source), "Resources": [.string(record.arn)],
            "DetailType": "Step Functions Execution Status Change",
            "Detail": .string(Self.detail(change.status, record, refusal).text), "EventBusName": .string(bus),
        ]
    }

    /// - Parameter refusal: why the execution cannot be redriven; nil if it can.
    private static func detail(
        _ status: ExecutionRecord.Status, _ record: ExecutionRecord, _ refusal: String?
    ) -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        let isRunning = status == .running
        let output = isRunning ? nil : record.output
        let isIncluded = JSONValue.string(record.input).text.utf8.count + text(output).text.utf8.count <= dataBytesMax
        return [
            "executionArn": .string(record.arn), "stateMachineArn": .string(record.stateMachine.arn),
            "name": .string(record.name), "status": .string(status.rawValue),
            "startDate": .number(record.startedAt.millisecondsSince1970),
            "stopDate": isRunning ? .null : record.stoppedAt.map { .number($0.millisecondsSince1970) } ?? .null,
            "input": isIncluded ? .string(record.input) : .null,
            "inputDetails": ["included": .bool(isIncluded)],
            "output": isIncluded ? text(output) : .null,
            "outputDetails": output == nil ? .null : ["included": .bool(isIncluded)],
            "error": isRunning ? .null : text(record.error), "cause": isRunning ? .null : text(record.cause),
            "stateMachineVersionArn": text(record.stateMachine.versionArn),
            "stateMachineAliasArn": text(record.stateMachine.aliasArn), "redriveCount": .number(record.redrives.count),
            "redriveDate": record.redrives.date.map { .number($0.millisecondsSince1970) } ?? .null,
            "redriveStatus": refusal == nil ? "REDRIVABLE" : "NOT_REDRIVABLE", "redriveStatusReason": text(refusal),
        ]
    }
}
