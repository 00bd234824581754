import JSONModel
package import StateStore
import StatesLanguage
package import StatesRuntime

/// How a task's start is kept in the outbox.
extension TaskStart {
    func record(executionArn: String) -> CommandRecord {
        var call: JSONObject = [
            "resource": .string(resource.arn), "parameters": parameters, "stateName": .string(stateName),
            "taskVisit": .number(taskVisit), "mapPath": .array(mapPath.map { .number($0) }), "attempt": .number(attempt),
        ]
        if let credentials { call["credentials"] = credentials }
        if let taskToken { call["taskToken"] = .string(taskToken) }
        return CommandRecord(
            executionArn: executionArn, commandID: taskID, call: .object(call), taskToken: taskToken)
    }
}

extension IntegrationCall {
    /// Nil for a record that cannot be read.
    package init?(_ record: CommandRecord, account: String, region: String) {
        let call = record.call
        guard let resource = call["resource"]?.string.flatMap({ TaskResource($0) }), let parameters = call["parameters"],
            let taskVisit = call["taskVisit"]?.int64
        else { return nil }
        self.init(
            commandID: record.commandID, resource: resource, parameters: parameters, executionARN: record.executionArn,
            taskVisit: taskVisit, mapPath: (call["mapPath"]?.array ?? []).compactMap { $0.int64.map { Int($0) } },
            attempt: Int(call["attempt"]?.int64 ?? 0), account: account, region: region,
            taskToken: call["taskToken"]?.string)
    }
}

extension HistoryEvent {
    var record: HistoryRecord {
        HistoryRecord(
            id: id, previousEventID: previousEventID, timestamp: timestamp, type: type.rawValue, details: details)
    }
}

extension HistoryRecord {
    /// The event as the machine made it.
    package var event: HistoryEvent {
        HistoryEvent(
            id: id, previousEventID: previousEventID, timestamp: timestamp, type: HistoryEventType(rawValue: type),
            details: details)
    }
}
