import JSONModel
import ObjectStore
import StateStore
import StatesLanguage
import StatesRuntime
import Support
import WorkflowEngine

// What is durable when a run is over must be whole, and what a run without faults leaves.
extension Simulation {
    func check() {
        do throws(SimulationFailure) {
            for wish in wishes where journal.durable.execution(wish.arn) == nil {
                throw SimulationFailure("durability", "\(wish.name) was started and is gone")
            }
            for record in journal.durable.allExecutions where record.stateMachine.type == "STANDARD" {
                guard let machine = services.machine(ofExecution: record.arn) else {
                    throw SimulationFailure("history", "nobody wanted \(record.arn)")
                }
                let history = history(record)
                let checker = HistoryChecker(record: record, history: history, machine: machine)
                try checker.check()
                try checker.check(against: services.effects)
                try checkReplay(record, history)
                if record.status == .succeeded, journal.durable.frameCount(record.arn) > 0 {
                    throw SimulationFailure("leftover", "\(record.name) has succeeded and has frames")
                }
            }
            for run in journal.durable.allMapRuns { try checkMapRun(run) }
            if let timer = journal.durable.timers(limit: 1).first {
                throw SimulationFailure("leftover", "everything is over and there is a timer: \(timer)")
            }
            for (commandID, effect) in services.effects.sorted(by: { $0.key.precedes($1.key) })
            where effect.call.resource.pattern == .sync && !effect.isCancelled {
                if effect.endsAt.map({ $0 > scheduler.elapsed }) ?? true {
                    throw SimulationFailure("leftover", "the job \(commandID) goes on although nobody waits for it")
                }
            }
        } catch {
            failure = error
        }
    }

    private func history(_ record: ExecutionRecord) -> [HistoryRecord] {
        journal.durable.history(record.arn, ids: 1...Int64.max, descending: false, limit: .max)
    }

    /// A run that has succeeded has one child for each item, and its result tells of all of them; nothing of any run
    /// goes on.
    private func checkMapRun(_ run: MapRunRecord) throws(SimulationFailure) {
        func fail(_ message: String) -> SimulationFailure { SimulationFailure("map run", "\(run.arn) \(message)") }
        let children = journal.durable.children(ofMapRun: run.arn, afterOrdinal: -1, limit: .max)
        if run.isOpen || run.status == .running { throw fail("goes on") }
        if let child = children.first(where: { $0.status == .running }) { throw fail("has a child that runs: \(child.name)") }
        let ordinals = children.compactMap(\.mapRun?.ordinal)
        if Set(ordinals).count != ordinals.count { throw fail("has two children for an item") }
        guard run.status == .succeeded else { return }
        let label = run.childMachine.name.split(separator: "/").last.map(String.init) ?? ""
        let expected = services.machine(ofExecution: run.executionArn)?.itemCounts[label] ?? -1
        if ordinals != Array(0..<Int64(expected)) { throw fail("has \(expected) items and these children: \(ordinals)") }
        for child in children where child.status.isFailure && (child.mapRun?.redriveCount ?? 0) < run.redriveCount {
            throw fail("has succeeded without another attempt of \(child.name)")
        }
        guard run.resultsWritten != nil else { return }
        let id = run.arn.split(separator: ":").last.map(String.init) ?? ""
        do {
            let manifest = try JSONValue(parsing: try bucket.get("out/\(id)/manifest.json", range: nil, ifMatch: nil).bytes)
            var results = 0
            for outcome in ["SUCCEEDED", "FAILED"] {
                for file in manifest["ResultFiles"]?[outcome]?.array ?? [] {
                    let bytes = try bucket.get(file["Key"]?.string ?? "", range: nil, ifMatch: nil).bytes
                    results += try JSONValue(parsing: bytes).array?.count ?? 0
                }
            }
            if results != children.count { throw fail("has \(children.count) children and wrote \(results) results") }
        } catch let failure as SimulationFailure {
            throw failure
        } catch {
            throw fail("has written nothing that can be read: \(error)")
        }
    }

    /// Gives the same events to one machine that is never dropped: the history must be the same.
    private func checkReplay(_ record: ExecutionRecord, _ history: [HistoryRecord]) throws(SimulationFailure) {
        var replayed: [HistoryEvent] = []
        do {
            var machine = ExecutionMachine(
                definition: try StateMachineDefinition(parsing: record.stateMachine.definition),
                execution: try ExecutionIdentity(record), limits: limits)
            for number in 0..<record.stepCount {
                guard let (event, context) = taken[StepSeed(secret: record.secret, step: number)] else {
                    throw SimulationFailure("replay", "\(record.name) has no event number \(number)")
                }
                var commands: [ExecutionCommand] = []
                try machine.apply(event, in: context, history: &replayed, commands: &commands)
            }
        } catch {
            throw SimulationFailure("replay", "\(record.name) cannot be replayed: \(error)")
        }
        let durable = history.map(\.event)
        if let index = durable.indices.first(where: { !replayed.indices.contains($0) || replayed[$0] != durable[$0] }) {
            throw SimulationFailure(
                "replay",
                "\(record.name): event \(index + 1) is \(durable[index]), without crashes "
                    + (replayed.indices.contains(index) ? "\(replayed[index])" : "there is none"))
        }
        if replayed.count > durable.count {
            throw SimulationFailure("replay", "\(record.name) has lost events from \(durable.count + 1) on")
        }
    }

    func difference(to other: Simulation) -> SimulationFailure? {
        for wish in wishes {
            let mine = projection(wish), theirs = other.projection(wish)
            for scope in Set(mine.keys).union(theirs.keys).sorted(by: { $0.precedes($1) }) where mine[scope] != theirs[scope] {
                let a = mine[scope] ?? [], b = theirs[scope] ?? []
                let position = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
                return SimulationFailure(
                    "equality",
                    "\(wish.name), scope '\(scope)', event \(position): \(a.indices.contains(position) ? a[position] : "none"), "
                        + "undisturbed \(b.indices.contains(position) ? b[position] : "none")")
            }
        }
        return nil
    }

    /// The histories of a wish's execution, scope by scope, and of all that it brought about.
    private func projection(_ wish: Wish) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for record in journal.durable.allExecutions {
            // Its input says where it belongs.
            let identity = (try? JSONValue(parsing: record.input)["id"]?.string) ?? ""
            guard identity == wish.name || identity.hasPrefix(wish.name + "/"),
                let machine = services.machine(ofExecution: record.arn)
            else { continue }
            let scopes = HistoryChecker(record: record, history: history(record), machine: machine).eventsByScope
            if record.arn == wish.arn {
                for (scope, events) in scopes { result[scope] = events }
            } else {
                let lines = scopes.sorted { $0.key.precedes($1.key) }.map { "\($0.key): \($0.value)" }
                result["in \(identity)", default: []].append("\(record.status.rawValue) \(record.output ?? "") \(lines)")
            }
        }
        // A Map that is entered again has further runs, and so several executions one identity.
        for key in result.keys where key.hasPrefix("in ") { result[key]?.sort { $0.precedes($1) } }
        return result
    }
}
