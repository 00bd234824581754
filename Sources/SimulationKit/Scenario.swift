import Support

/// What a run is made of. Everything else follows from the seed; a smaller scenario of the same seed keeps what it can.
package struct Scenario: Sendable, Hashable {
    package var seed: UInt64
    package var executions: Int
    /// About how many states each machine has.
    package var size: Int
    package var crashes: Int
    package var clockJumps: Int
    package var stops: Bool
    /// How often clients let an execution go on that ended without success.
    package var redrives: Int
    package var refusals: Bool
    package var express: Bool
    /// Machines without races, whose histories are compared with those of an undisturbed run.
    package var isRaceFree: Bool
    package var defect: Defect?

    /// Faults of the simulation's own parts that its checkers must find.
    package enum Defect: String, Sendable, CaseIterable {
        /// The journal answers before what it answers for is durable.
        case acknowledgesEarly
        /// The journal keeps a step without its timers.
        case losesTimers
        /// The journal keeps a step without its commands.
        case losesCommands
        /// The journal keeps a step without one of its frames.
        case losesFrames
        /// The journal keeps a step without its last event.
        case losesEvents
        /// The journal keeps commands whose outcome a step took in.
        case forgetsOutcomes
        /// The journal keeps a batch of a map run's children without its last one.
        case losesChildren
        /// The journal takes children of a map run for redriven, and lets none of them go on.
        case losesRedrives
    }

    /// The scenario that a seed stands for.
    package init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        func draw(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(random.next() % UInt64(range.count)) }
        executions = draw(1...3)
        size = draw(2...16)
        crashes = draw(0...6)
        clockJumps = draw(0...2)
        isRaceFree = draw(0...1) == 0
        stops = !isRaceFree && draw(0...2) == 0
        refusals = draw(0...2) == 0
        express = draw(0...3) == 0
        redrives = draw(0...2)
    }

    /// The options that tell this scenario from the one of its seed, as `simulate` takes them.
    package var arguments: String {
        let usual = Scenario(seed: seed)
        var text = "--seed \(seed)"
        if executions != usual.executions { text += " --executions \(executions)" }
        if size != usual.size { text += " --size \(size)" }
        if crashes != usual.crashes { text += " --crashes \(crashes)" }
        if clockJumps != usual.clockJumps { text += " --clock-jumps \(clockJumps)" }
        if stops != usual.stops { text += " --no-stops" }
        if redrives != usual.redrives { text += " --redrives \(redrives)" }
        if refusals != usual.refusals { text += " --no-refusals" }
        if express != usual.express { text += " --no-express" }
        if let defect { text += " --defect \(defect.rawValue)" }
        return text
    }

    /// Scenarios with less in them, the smallest steps last.
    var smaller: [Scenario] {
        var result: [Scenario] = []
        func add(_ change: (inout Scenario) -> Void) {
            var scenario = self
            change(&scenario)
            if scenario != self { result.append(scenario) }
        }
        add { $0.express = false }
        add { $0.executions = 1 }
        add { $0.crashes = 0 }
        add { $0.clockJumps = 0 }
        add { $0.redrives = 0 }
        add { $0.refusals = false }
        add { $0.stops = false }
        add { $0.size = max(1, $0.size / 2) }
        add { $0.executions = max(1, $0.executions - 1) }
        add { $0.crashes = max(0, $0.crashes - 1) }
        add { $0.redrives = max(0, $0.redrives - 1) }
        add { $0.clockJumps = max(0, $0.clockJumps - 1) }
        add { $0.size = max(1, $0.size - 1) }
        return result
    }

    /// Makes a failing scenario smaller while it fails by the same rule.
    package func shrunk(from failure: SimulationFailure, attemptsMax: Int = 60) -> (Scenario, SimulationFailure) {
        var (best, reason) = (self, failure)
        var attempts = 0
        search: while true {
            for candidate in best.smaller {
                attempts += 1
                guard attempts <= attemptsMax else { break search }
                if let found = Simulation.run(candidate).failure, found.rule == failure.rule {
                    (best, reason) = (candidate, found)
                    continue search
                }
            }
            break
        }
        return (best, reason)
    }
}
