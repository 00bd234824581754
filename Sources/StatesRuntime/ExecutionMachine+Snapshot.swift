package import StatesLanguage
import JSONModel
import Support

/// The version of the frames' format; readers refuse a greater one.
private let formatVersion: Int64 = 1

// Saving and loading. Times are in milliseconds since 1970; payloads are their texts.
extension ExecutionMachine {
    /// What differs from the snapshot of the last call, or from no snapshot at the first. After the end of the
    /// execution every frame but `""` is removed, unless it ended without success.
    package mutating func takeFrameChanges() -> [FrameChange] {
        var changes: [FrameChange] = []
        for (path, slot) in dirtyFrames.sorted(by: { $0.key < $1.key }) {
            if let bytes = frame(path, slot) {
                changes.append(.write(SnapshotFrame(path: path, bytes: bytes)))
                savedFrames.insert(path)
            } else if savedFrames.remove(path) != nil {
                changes.append(.remove(path: path))
            }
        }
        dirtyFrames = [:]
        return changes
    }

    /// All frames, whatever has been taken.
    package func snapshot() -> [SnapshotFrame] {
        var frames: [SnapshotFrame] = []
        if let bytes = frame("", 0) { frames.append(SnapshotFrame(path: "", bytes: bytes)) }
        for (slot, scope) in scopes.enumerated() {
            guard let scope else { continue }
            if slot > 0, let bytes = frame(scope.path, slot) { frames.append(SnapshotFrame(path: scope.path, bytes: bytes)) }
            let items = Self.itemsPath(scope)
            if let bytes = frame(items, slot) { frames.append(SnapshotFrame(path: items, bytes: bytes)) }
        }
        return frames.sorted { $0.path < $1.path }
    }

    /// The bytes of one frame, which describes or described the scope in the slot; nil for one that no longer is.
    private func frame(_ path: String, _ slot: Int) -> [UInt8]? {
        if path.isEmpty {
            var object = header()
            if let scope = scopes.first ?? nil { object["scope"] = .object(record(scope)) }
            return object.bytes
        }
        guard scopes.indices.contains(slot), let scope = scopes[slot] else { return nil }
        if scope.path == path { return record(scope).bytes }
        guard case .group(let wait) = scope.phase, let items = wait.items, Self.itemsPath(scope) == path else { return nil }
        return JSONValue.object(["items": .array(items), "selectorInput": wait.selectorInput]).bytes
    }

    private func header() -> JSONObject {
        var object: JSONObject = [
            "format": .number(formatVersion), "nextEventId": .number(nextEventID), "timers": .number(timerCount),
        ]
        if historyBytesTotal > 0 { object["historyBytes"] = .number(historyBytesTotal) }
        if redriveCount > 0 { object["redrives"] = .number(redriveCount) }
        if isContinuationPending { object["continuation"] = true }
        if let executionTimer { object["timer"] = record(executionTimer) }
        let queue = ready.compactMap { slot -> JSONValue? in
            guard let scope = scopes[slot], scope.isRunnable else { return nil }
            return .string(scope.path)
        }
        if !queue.isEmpty { object["ready"] = .array(queue) }
        if let outcome { object["outcome"] = record(outcome) }
        return object
    }

    private func record(_ scope: Scope) -> JSONObject {
        var object: JSONObject = [
            "input": .string(scope.input.text), "visit": .number(scope.visit), "from": .number(scope.enteredFrom),
            "entered": .number(scope.enteredAt.millisecondsSince1970), "last": .number(scope.lastEventID),
        ]
        if let state = scope.state { object["state"] = .string(state.name) }
        if let item = scope.item { object["item"] = item }
        if !scope.variables.isEmpty { object["variables"] = .object(scope.variables) }
        if scope.attempt > 0 {
            object["attempt"] = .number(scope.attempt)
            object["retries"] = .array(scope.retryCounts.map { .number($0) })
        }
        if let token = scope.taskToken { object["token"] = .string(token) }
        if let run = scope.mapRun, run.redriveCount > 0 { object["mapRunRedrives"] = .number(run.redriveCount) }
        if case .mapRun = scope.phase {} else if let run = scope.mapRun { object["lastMapRun"] = .string(run.mapRunArn) }
        switch scope.phase {
        case .entering(let name): object["entering"] = .string(name)
        case .executing: object["executing"] = true
        case .waiting(let timer): object["waiting"] = record(timer)
        case .retrying(let timer): object["retrying"] = record(timer)
        case .task(let wait):
            var task: JSONObject = [
                "id": .string(wait.start.taskID), "resource": .string(wait.start.resource.arn),
                "parameters": wait.start.parameters,
            ]
            if let credentials = wait.start.credentials { task["credentials"] = credentials }
            if let token = wait.start.taskToken { task["token"] = .string(token) }
            if let seconds = wait.start.timeoutSeconds { task["timeoutSeconds"] = .number(seconds) }
            if let seconds = wait.start.heartbeatSeconds { task["heartbeatSeconds"] = .number(seconds) }
            if let timer = wait.timeout { task["timeout"] = record(timer) }
            if let timer = wait.heartbeat { task["heartbeat"] = record(timer) }
            if wait.isTaken { task["taken"] = true }
            object["task"] = .object(task)
        case .group(let wait):
            var group: JSONObject = [
                "count": .number(wait.children.count), "next": .number(wait.next), "running": .number(wait.running),
                "concurrency": .number(wait.concurrency),
            ]
            if let tolerated = wait.toleratedFailures { group["tolerated"] = .number(tolerated) }
            object["group"] = .object(group)
        case .mapRun: if let run = scope.mapRun { object["mapRun"] = .string(run.mapRunArn) }
        case .done(let output): object["output"] = .string(output.text)
        }
        return object
    }

    private func record(_ timer: TimerWait) -> JSONValue {
        ["id": .string(timer.timerID), "at": .number(timer.at.millisecondsSince1970)]
    }

    private func record(_ outcome: ExecutionOutcome) -> JSONValue {
        func failure(_ status: String, _ error: String?, _ cause: String?) -> JSONValue {
            var object = Self.failureDetails(error, cause)
            object["status"] = .string(status)
            return .object(object)
        }
        return switch outcome {
        case .succeeded(let output): ["status": "SUCCEEDED", "output": .string(output.text)]
        case .failed(let error, let cause): failure("FAILED", error, cause)
        case .timedOut(let error, let cause): failure("TIMED_OUT", error, cause)
        case .aborted(let error, let cause): failure("ABORTED", error, cause)
        }
    }
}

extension ExecutionMachine {
    /// An execution as a snapshot has it. `frames` are all of its frames in any order, `definition` and `execution`
    /// what it was started with.
    package init(
        definition: StateMachineDefinition, execution: ExecutionIdentity, frames: [SnapshotFrame],
        limits: ExecutionLimits = .default
    ) throws(SnapshotError) {
        self.init(definition: definition, execution: execution, limits: limits)
        try load(frames)
        dirtyFrames = [:]
        savedFrames = Set(frames.map(\.path))
    }

    private mutating func load(_ frames: [SnapshotFrame]) throws(SnapshotError) {
        var records: [String: FrameReader] = [:]
        for frame in frames {
            do {
                records[frame.path] = FrameReader(path: frame.path, value: try JSONValue(parsing: frame.bytes, limits: JSONLimits(maxDepth: 1_000)))
            } catch {
                throw SnapshotError("frame '\(frame.path)' is not JSON: \(error)")
            }
        }
        guard let header = records[""] else { throw SnapshotError("the frame '' is missing") }
        guard try header.int("format") <= formatVersion else {
            throw SnapshotError("the snapshot has format \(try header.int("format")); this release reads up to \(formatVersion)")
        }
        nextEventID = try header.int("nextEventId")
        timerCount = try header.int("timers")
        historyBytesTotal = header.value["historyBytes"]?.int64 ?? 0
        redriveCount = Int(header.value["redrives"]?.int64 ?? 0)
        isContinuationPending = header.value["continuation"]?.bool ?? false
        outcome = try header.member("outcome")?.outcome()
        guard let root = header.member("scope") else { return }
        try load(root, path: "", parent: nil, index: 0, group: definition.root, records)
        if let timer = header.member("timer") {
            let wait = try timer.timer()
            executionTimer = wait
            slotOfTimer[wait.timerID] = 0
        }
        let slots = Dictionary(scopes.enumerated().compactMap { slot, scope in scope.map { ($0.path, slot) } }, uniquingKeysWith: { a, _ in a })
        for path in header.value["ready"]?.array ?? [] { if let slot = path.string.flatMap({ slots[$0] }) { enqueue(slot) } }
    }

    private mutating func load(
        _ record: FrameReader, path: String, parent: Int?, index: Int, group: StateGroup,
        _ records: [String: FrameReader]
    ) throws(SnapshotError) {
        let slot = scopes.count
        var scope = Scope(
            path: path, parent: parent, index: index, group: group, item: record.value["item"], phase: .executing,
            input: try record.payload("input"))
        scope.visit = try record.int("visit")
        scope.enteredFrom = try record.int("from")
        scope.enteredAt = Timestamp(millisecondsSince1970: try record.int("entered"))
        scope.lastEventID = try record.int("last")
        scope.attempt = Int(record.value["attempt"]?.int64 ?? 0)
        scope.variables = record.value["variables"]?.object ?? [:]
        scope.taskToken = record.value["token"]?.string
        if let arn = (record.value["mapRun"] ?? record.value["lastMapRun"])?.string {
            scope.mapRun = MapRunAttempt(
                mapRunArn: arn, redriveCount: Int(clamping: record.value["mapRunRedrives"]?.int64 ?? 0))
        }
        if let name = record.value["state"]?.string {
            guard let state = group[name] else { throw SnapshotError("frame '\(path)': no state is named '\(name)'") }
            scope.state = state
            scope.retryCounts = Array(repeating: 0, count: state.retriers.count)
            for (position, count) in (record.value["retries"]?.array ?? []).enumerated() where position < state.retriers.count {
                scope.retryCounts[position] = count.int64 ?? 0
            }
        }
        scopes.append(scope)
        let phase = try phase(record, slot, scope, records)
        scopes[slot]?.phase = phase
    }

    private mutating func phase(
        _ record: FrameReader, _ slot: Int, _ scope: Scope, _ records: [String: FrameReader]
    ) throws(SnapshotError) -> Scope.Phase {
        if let name = record.value["entering"]?.string { return .entering(name) }
        if record.value["executing"] != nil { return .executing }
        if record.value["output"] != nil { return .done(try record.payload("output")) }
        if let timer = record.member("waiting") { return .waiting(try load(timer, slot)) }
        if let timer = record.member("retrying") { return .retrying(try load(timer, slot)) }
        guard let state = scope.state else { throw SnapshotError("frame '\(scope.path)' has no state") }
        if let arn = record.value["mapRun"]?.string {
            slotOfMapRun[arn] = slot
            return .mapRun
        }
        if let task = record.member("task") { return .task(try load(task: task, slot, scope, state)) }
        guard let group = record.member("group") else { throw SnapshotError("frame '\(scope.path)' has no phase") }
        let count = try group.int("count")
        guard count >= 0, count <= 100_000_000 else { throw SnapshotError("frame '\(scope.path)' has \(count) children") }
        var wait = GroupWait(
            children: Array(repeating: nil, count: Int(count)), next: Int(try group.int("next")),
            running: Int(try group.int("running")), concurrency: Int(try group.int("concurrency")),
            toleratedFailures: group.value["tolerated"]?.int64.map { Int(clamping: $0) })
        let groups: (Int) -> StateGroup?
        switch state.body {
        case .parallel(let branches):
            groups = { branches.indices.contains($0) ? branches[$0] : nil }
        case .map(let fields):
            groups = { _ in fields.processor }
            let path = Self.itemsPath(scope)
            guard let items = records[path]?.value["items"]?.array, items.count == wait.children.count else {
                throw SnapshotError("the frame '\(path)' is missing or incomplete")
            }
            wait.items = items
            wait.selectorInput = records[path]?.value["selectorInput"] ?? .null
        default: throw SnapshotError("frame '\(scope.path)': '\(state.name)' has no children")
        }
        for index in 0..<min(wait.next, wait.children.count) {
            let path = Self.childPath(scope, index)
            guard let child = records[path], let group = groups(index) else {
                throw SnapshotError("the frame '\(path)' is missing")
            }
            wait.children[index] = scopes.count
            try load(child, path: path, parent: slot, index: index, group: group, records)
        }
        return .group(wait)
    }

    private mutating func load(_ record: FrameReader, _ slot: Int) throws(SnapshotError) -> TimerWait {
        let timer = try record.timer()
        slotOfTimer[timer.timerID] = slot
        return timer
    }

    private mutating func load(
        task record: FrameReader, _ slot: Int, _ scope: Scope, _ state: StateDefinition
    ) throws(SnapshotError) -> TaskWait {
        guard let resource = TaskResource(try record.string("resource")) else {
            throw SnapshotError("frame '\(scope.path)': '\(try record.string("resource"))' is no resource")
        }
        let start = TaskStart(
            taskID: try record.string("id"), resource: resource, parameters: record.value["parameters"] ?? .null,
            credentials: record.value["credentials"], stateName: state.name, taskVisit: scope.visit,
            mapPath: mapPath(slot), attempt: scope.attempt, taskToken: record.value["token"]?.string,
            timeoutSeconds: record.value["timeoutSeconds"]?.int64, heartbeatSeconds: record.value["heartbeatSeconds"]?.int64)
        slotOfTask[start.taskID] = slot
        var wait = TaskWait(start: start)
        if let timer = record.member("timeout") { wait.timeout = try load(timer, slot) }
        if let timer = record.member("heartbeat") { wait.heartbeat = try load(timer, slot) }
        wait.isTaken = record.value["taken"]?.bool ?? false
        return wait
    }
}

/// The members of one frame.
private struct FrameReader {
    let path: String
    let value: JSONValue

    func member(_ key: String) -> FrameReader? { value[key].map { FrameReader(path: path, value: $0) } }

    func int(_ key: String) throws(SnapshotError) -> Int64 {
        guard let number = value[key]?.int64 else { throw SnapshotError("frame '\(path)' has no number '\(key)'") }
        return number
    }

    func string(_ key: String) throws(SnapshotError) -> String {
        guard let text = value[key]?.string else { throw SnapshotError("frame '\(path)' has no text '\(key)'") }
        return text
    }

    func payload(_ key: String) throws(SnapshotError) -> Payload {
        do {
            return try Payload(parsing: try string(key))
        } catch {
            throw SnapshotError("frame '\(path)': '\(key)' is not JSON")
        }
    }

    func timer() throws(SnapshotError) -> TimerWait {
        TimerWait(timerID: try string("id"), at: Timestamp(millisecondsSince1970: try int("at")))
    }

    func outcome() throws(SnapshotError) -> ExecutionOutcome {
        let error = value["error"]?.string, cause = value["cause"]?.string
        switch try string("status") {
        case "SUCCEEDED": return .succeeded(output: try payload("output"))
        case "FAILED": return .failed(error: error, cause: cause)
        case "TIMED_OUT": return .timedOut(error: error, cause: cause)
        case "ABORTED": return .aborted(error: error, cause: cause)
        case let status: throw SnapshotError("an execution cannot have ended as '\(status)'")
        }
    }
}
