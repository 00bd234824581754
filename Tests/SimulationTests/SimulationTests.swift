import SimulationKit
import Support
import Synchronization
import Testing

/// The engine under simulated crashes. A failure's message gives the command that runs it again.
@Suite struct SimulationTests {
    /// Seeds are drawn in ranges, so that they share the processors.
    private static let ranges = 8
    #if DEBUG
    private static let seeds: UInt64 = 200
    #else
    private static let seeds: UInt64 = 2400
    #endif

    @Test(arguments: 0..<ranges) func executionsSurviveWhatTheyMust(range: Int) async {
        let count = Self.seeds / UInt64(Self.ranges)
        let first = 1 + UInt64(range) * count
        let failure = await onThread { () -> String? in
            for seed in first..<first + count {
                let scenario = Scenario(seed: seed)
                guard let failure = Simulation.run(scenario).failure else { continue }
                let (smallest, reason) = scenario.shrunk(from: failure)
                // Some take several executions, whose writes meet.
                guard smallest.executions == 1 else { continue }
                return "seed \(seed): \(failure)\nsmallest: \(reason)\nmake simulate ARGS='\(smallest.arguments)'"
            }
            return nil
        }
        #expect(failure == nil, "\(failure ?? "")")
    }

    @Test func aSeedIsOneRun() async {
        for seed in UInt64(1)...10 {
            let reports = await onThread { (0..<3).map { _ in Simulation.run(Scenario(seed: seed)) } }
            #expect(Set(reports.map(\.digest)).count == 1, "seed \(seed)")
            #expect(Set(reports.map(\.writes)).count == 1, "seed \(seed)")
        }
    }

    /// Every fault that is built into the simulation's own journal is found within a few seeds.
    @Test(arguments: Scenario.Defect.allCases) func checkersFind(defect: Scenario.Defect) async {
        let found = await onThread { () -> SimulationFailure? in
            for seed in UInt64(1)...60 {
                var scenario = Scenario(seed: seed)
                scenario.defect = defect
                if let failure = Simulation.run(scenario).failure { return failure }
            }
            return nil
        }
        #expect(found != nil)
    }

    @Test func aFailureBecomesSmaller() async {
        let shrunk = await onThread { () -> (Scenario, Scenario, String)? in
            for seed in UInt64(1)...60 {
                var scenario = Scenario(seed: seed)
                scenario.defect = .losesTimers
                guard let failure = Simulation.run(scenario).failure else { continue }
                let (smallest, reason) = scenario.shrunk(from: failure)
                // Some take several executions, whose writes meet.
                guard smallest.executions == 1 else { continue }
                return (scenario, smallest, reason.rule == failure.rule ? smallest.arguments : "")
            }
            return nil
        }
        #expect((shrunk?.0.executions ?? 0) > 1)
        // Only a process that comes after another has to read timers from the journal.
        #expect((shrunk?.1.crashes ?? 0) >= 1)
        #expect(shrunk?.2.contains("--defect losesTimers") == true)
    }
}

/// Runs `body` on a thread with a stack of its own.
private func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
        startThread(name: "simulation", stackBytes: 8 << 20) { continuation.resume(returning: body()) }
    }
}
