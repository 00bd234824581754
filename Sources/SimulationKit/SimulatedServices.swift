import JSONModel
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import WorkflowEngine

/// The world outside of the engine: what tasks call, and the workers who report by token.
///
/// It lives on through crashes of the engine. A call reaches it some time after it was made and its answer some time
/// later; a crash between loses the answer, not the effect. Everything it decides is a function of the seed and of which
/// attempt of which state asks, not of when. It holds the engine to its word: no call before its step is durable, none
/// after its outcome is, repetitions only with the same id and content, and none where they are not harmless.
final class SimulatedServices: @unchecked Sendable {
    // Unchecked: everything happens on the thread of the scheduler.
    struct Effect {
        var call: IntegrationCall
        var outcome: IntegrationOutcome
        /// When the work is over; nil: not before it is cancelled.
        var endsAt: Int64?
        var isCancelled = false
        var starts = 0
    }

    let scheduler: SimulatedScheduler
    private let seed: UInt64
    private var random: SeededRandom
    private let journal: SimulatedJournal
    /// By their names.
    var machines: [String: GeneratedMachine] = [:]
    /// What tasks that start executions start, by the names of their own machines.
    var callees: [String: StateMachineRecord] = [:]
    /// The engine that runs now.
    var engine: WorkflowEngine?
    /// What was done, by command id.
    private(set) var effects: [String: Effect] = [:]
    /// The visits of each state in each iteration, in order.
    private var visits: [String: [Int64]] = [:]
    private(set) var failure: SimulationFailure?
    /// Reports, of workers and of those who hold tokens, that have not been answered.
    private(set) var openReports = 0

    init(scheduler: SimulatedScheduler, seed: UInt64, journal: SimulatedJournal) {
        self.scheduler = scheduler
        self.seed = seed
        self.journal = journal
        random = SeededRandom(seed: seed &+ 1)
    }

    func fail(_ rule: String, _ message: String) { failure = failure ?? SimulationFailure(rule, message) }

    /// The machine of an execution; that of a map run's child is its parent's.
    func machine(ofExecution arn: String) -> GeneratedMachine? {
        let parts = arn.split(separator: ":")
        return parts.count > 6 ? machines[String(parts[6].prefix { $0 != "/" })] : nil
    }

    /// Names an execution among those that one client's wish brings about: what its input says. Unlike its ARN it is the
    /// same in every run of the scenario.
    private func identity(_ call: IntegrationCall) -> String { call.content["id"]?.string ?? call.executionARN }

    /// How often the wish's execution has been redriven.
    private func redriveCount(_ identity: String) -> Int {
        let name = identity.prefix { $0 != "/" }
        let arn = "arn:aws:states:us-east-1:123456789012:execution:m\(name.dropFirst()):\(name)"
        return journal.durable.execution(arn)?.redrives.count ?? 0
    }

    func plan(_ call: IntegrationCall) -> TaskPlan {
        machine(ofExecution: call.executionARN)?.plans[call.content["Name"]?.string ?? ""] ?? TaskPlan()
    }

    // MARK: Calls

    /// A call arrives: the first one with its id has the effect, all get the answer.
    func arrive(_ call: IntegrationCall) -> IntegrationOutcome {
        if var known = effects[call.commandID] {
            known.starts += 1
            effects[call.commandID] = known
            if known.call.parameters != call.parameters || known.call.taskVisit != call.taskVisit
                || known.call.attempt != call.attempt || known.call.taskToken != call.taskToken
            {
                fail("command", "\(call.commandID) was repeated with another content")
            }
            // An EXPRESS child may run again as a whole.
            if !SimulatedIntegration.isRepeatable(call.resource), !call.executionARN.contains(":express:") {
                fail("command", "\(call.commandID) was repeated, which does harm")
            }
            return answer(known)
        }
        let key = key(call), plan = plan(call)
        var effect = Effect(call: call, outcome: outcome(key, plan), endsAt: nil, starts: 1)
        if !plan.hangs { effect.endsAt = scheduler.elapsed + 1 + Int64(hash(key, 2) % plan.durationMax) }
        effects[call.commandID] = effect
        if call.resource.pattern == .waitForTaskToken, let token = call.taskToken {
            if call.content["token"]?.string != token { fail("token", "\(call.commandID) was sent another token") }
            work(token, effect)
        }
        return answer(effect)
    }

    /// Checked where a call sets out.
    func depart(_ call: IntegrationCall, isExpress: Bool) {
        if isExpress { return }
        guard let record = journal.durable.command(call.commandID, of: call.executionARN) else {
            return fail("durability", "\(call.commandID) was called while it was not in the durable outbox")
        }
        if !SimulatedIntegration.isRepeatable(call.resource), record.progress != .sending {
            fail("durability", "\(call.commandID) was called before it was durable that it would be")
        }
    }

    private func answer(_ effect: Effect) -> IntegrationOutcome {
        switch effect.call.resource.pattern {
        case .requestResponse: effect.outcome
        case .sync, .sync2:
            .submitted(output: ["Id": .string(effect.call.commandID)], handle: ["job": .string(effect.call.commandID)])
        case .waitForTaskToken: .succeeded(["MessageId": "1"])
        }
    }

    /// How a call's work ends.
    func outcome(_ key: String, _ plan: TaskPlan) -> IntegrationOutcome {
        if plan.failsOneIn > 0, hash(key, 1) % plan.failsOneIn == 0 {
            return .failed(error: hash(key, 3) % 2 == 0 ? "Flaky" : "Broken", cause: "attempt \(hash(key, 4) % 100)")
        }
        return .succeeded(["v": .number(Int(hash(key, 5) % 20)), "made": .string(String(hash(key, 6) % 1000))])
    }

    /// What a task that starts an execution gives it, the same whenever the command is repeated.
    func calleeInput(_ call: IntegrationCall) -> JSONValue {
        let known = calleeIdentities[call.commandID] ?? key(call)
        calleeIdentities[call.commandID] = known
        return ["v": call.content["v"] ?? 0, "id": .string(known.replacing(" ", with: "/"))]
    }
    private var calleeIdentities: [String: String] = [:]

    /// Tells attempts apart as the definition does, whatever ids their events have: by state, iteration, redrives, how
    /// many visits were before, and retries.
    private func key(_ call: IntegrationCall) -> String {
        let identity = identity(call)
        let place = "\(identity) \(call.content["Name"]?.string ?? "") \(call.mapPath.map(String.init).joined(separator: ",")) \(redriveCount(identity))"
        var known = visits[place] ?? []
        if !known.contains(call.taskVisit) { known.append(call.taskVisit) }
        visits[place] = known
        return "\(place) \(known.firstIndex(of: call.taskVisit) ?? 0) \(call.attempt)"
    }

    private func hash(_ key: String, _ use: UInt64) -> UInt64 {
        var state = seed &+ use
        for byte in key.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var random = SeededRandom(seed: state)
        return random.next()
    }

    func delay(below limit: UInt64) -> Int64 { Int64(random.next() % limit) }

    func cancel(_ commandID: String, of arn: String) {
        effects[commandID]?.isCancelled = true
        guard journal.durable.command(commandID, of: arn)?.isCancelled != false else {
            return fail("durability", "\(commandID) was cancelled before that was durable")
        }
    }

    // MARK: Reports by token

    /// Sends heartbeats and the outcome of a task that is known by its token, again and again until somebody answers.
    private func work(_ token: String, _ effect: Effect) {
        guard let endsAt = effect.endsAt else { return }
        let plan = plan(effect.call)
        openReports += 1
        Task(executorPreference: scheduler) { [self] in
            let duration = max(1, endsAt - scheduler.elapsed)
            for _ in 0..<plan.heartbeats {
                try? await scheduler.sleep(for: .milliseconds(duration / Int64(plan.heartbeats + 1)))
                try? await engine?.taskHeartbeat(token: token)  // A lost heartbeat is a late one.
            }
            try? await scheduler.sleep(for: .milliseconds(max(1, endsAt - scheduler.elapsed)))
            await report(token, effect.outcome)
            if delay(below: 4) == 0 { await report(token, effect.outcome) }
            openReports -= 1
        }
    }

    private func report(_ token: String, _ outcome: IntegrationOutcome) async {
        while true {
            guard let engine else {
                try? await scheduler.sleep(for: .milliseconds(200))  // Nobody cancels it.
                continue
            }
            do {
                switch outcome {
                case .succeeded(let output): try await engine.taskSucceeded(token: token, output: .init(output))
                case .failed(let error, let cause): try await engine.taskFailed(token: token, error: error, cause: cause)
                case .submitted: return
                }
                return
            } catch let error as WorkflowEngineError {
                if case .taskDoesNotExist = error { return }
                return fail("report", "a report was answered with \(error)")
            } catch {
                try? await scheduler.sleep(for: .milliseconds(500))  // Nobody cancels it.
            }
        }
    }

    // MARK: Workers

    static let activityArn = "arn:aws:states:us-east-1:123456789012:activity:work"

    /// Takes tasks of the activity and works on them, until the engine is gone.
    func workOnActivities(_ engine: WorkflowEngine) async {
        while self.engine === engine {
            do {
                guard let task = try await engine.takeActivityTask(
                    arn: Self.activityArn, workerName: "worker", limit: .seconds(60))
                else { continue }
                let input = try JSONValue(parsing: task.input)
                guard let command = journal.durable.commands(after: nil, limit: .max).first(where: {
                        $0.taskToken == task.taskToken
                    }), let call = IntegrationCall(command, account: "123456789012", region: "us-east-1")
                else { continue }
                if command.call["parameters"] != input { fail("activity", "a worker was given another task's input") }
                _ = arrive(call)
                if let effect = effects[call.commandID] { work(task.taskToken, effect) }
            } catch {
                try? await scheduler.sleep(for: .milliseconds(500))  // Nobody cancels it.
            }
        }
    }
}

extension IntegrationCall {
    /// What the generated definition hands over, wherever the callee takes it.
    fileprivate var content: JSONValue {
        parameters["MessageBody"] ?? parameters["Input"] ?? parameters["Arguments"] ?? parameters["Parameters"] ?? parameters
    }
}

/// The services as one process of the engine reaches them. When the process dies, so do the calls that it waits for.
final class SimulatedIntegration: IntegrationRegistry, TaskIntegration, @unchecked Sendable {
    // Unchecked: everything happens on the thread of the scheduler.
    private let services: SimulatedServices
    var isAlive = true

    init(_ services: SimulatedServices) { self.services = services }

    func integration(for resource: TaskResource) -> (any TaskIntegration)? { resource.kind == .activity ? nil : self }

    static func isRepeatable(_ resource: TaskResource) -> Bool {
        !(resource.service == "sqs" && resource.pattern == .requestResponse)
    }

    func isRepeatable(_ call: IntegrationCall) -> Bool { Self.isRepeatable(call.resource) }

    func start(_ call: IntegrationCall) async -> IntegrationOutcome {
        let lost = IntegrationOutcome.failed(error: "Lost", cause: nil)
        guard isAlive else { return lost }
        let isExpress = call.executionARN.contains(":express:")
        services.depart(call, isExpress: isExpress)
        if call.resource.service == "states" { return await startExecution(call) ?? lost }
        // On its way, it arrives whatever becomes of the caller.
        let outcome: IntegrationOutcome = await withCheckedContinuation { continuation in
            services.scheduler.after(services.delay(below: 30)) { [services] in
                continuation.resume(returning: services.arrive(call))
            }
        }
        if call.resource.pattern == .requestResponse {
            // One that hangs answers when it is too late.
            let end = services.effects[call.commandID]?.endsAt ?? services.scheduler.elapsed + 1_200_000
            try? await services.scheduler.sleep(for: .milliseconds(end - services.scheduler.elapsed))
        } else {
            try? await services.scheduler.sleep(for: .milliseconds(services.delay(below: 30)))
        }
        return isAlive ? outcome : lost
    }

    /// As `states:startExecution.sync` does it: the execution's name follows from the command's id.
    private func startExecution(_ call: IntegrationCall) async -> IntegrationOutcome? {
        let parts = call.executionARN.split(separator: ":")
        guard parts.count > 6, let machine = services.callees[String(parts[6].prefix { $0 != "/" })] else { return nil }
        let hash = call.commandID.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let name = hexText(hash, digits: 16)
        let arn = "arn:aws:states:us-east-1:123456789012:execution:\(machine.name):\(name)"
        let input = Payload(services.calleeInput(call))
        while isAlive, !Task.isCancelled, let engine = services.engine {
            do {
                _ = try await engine.startExecution(
                    StartExecutionRequest(executionArn: arn, name: name, stateMachine: machine, input: input, isCommand: true))
                return .submitted(output: ["Id": .string(call.commandID)], handle: ["execution": .string(arn)])
            } catch let error as WorkflowEngineError {
                services.fail("command", "\(call.commandID) could not start \(arn): \(error)")
                return nil
            } catch {
                try? await services.scheduler.sleep(for: .milliseconds(100))  // The loop looks again.
            }
        }
        return nil
    }

    private func end(ofExecution arn: String) async -> IntegrationOutcome {
        while isAlive, !Task.isCancelled, let engine = services.engine {
            do {
                let record = try await engine.waitForEnd(executionARN: arn)
                guard record.status == .succeeded, let output = record.output else {
                    return .failed(error: "States.TaskFailed", cause: record.status.rawValue)
                }
                let value = try JSONValue(parsing: output)
                return .succeeded(["v": value["v"] ?? 0, "called": true])
            } catch {
                try? await services.scheduler.sleep(for: .milliseconds(100))  // The loop looks again.
            }
        }
        return .failed(error: "Lost", cause: nil)
    }

    func completion(of handle: JSONValue, for call: IntegrationCall) async -> IntegrationOutcome {
        if let arn = handle["execution"]?.string { return await end(ofExecution: arn) }
        while isAlive, !Task.isCancelled, let effect = services.effects[handle["job"]?.string ?? ""] {
            if handle["job"]?.string != call.commandID { services.fail("handle", "\(call.commandID) was given \(handle)") }
            if let endsAt = effect.endsAt, endsAt <= services.scheduler.elapsed { return effect.outcome }
            let wait = (effect.endsAt ?? services.scheduler.elapsed + 60_000) - services.scheduler.elapsed
            try? await services.scheduler.sleep(for: .milliseconds(max(1, wait)))  // The loop looks again.
        }
        if isAlive, !Task.isCancelled { services.fail("handle", "\(call.commandID) was given \(handle)") }
        return .failed(error: "Lost", cause: nil)
    }

    func cancel(_ handle: JSONValue, for call: IntegrationCall) async {
        guard isAlive else { return }
        services.cancel(call.commandID, of: call.executionARN)
        if let arn = handle["execution"]?.string, let engine = services.engine {
            // One that has ended is as good as stopped.
            _ = try? await engine.stopExecution(arn: arn, error: nil, cause: nil)
            return
        }
        try? await services.scheduler.sleep(for: .milliseconds(services.delay(below: 30)))
    }
}
