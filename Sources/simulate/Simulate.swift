import SimulationKit
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

private let usage = """
    Runs the workflow engine on simulated time over a journal and services that fail, and judges what it did.

    simulate [--seed N] [--seeds N] [--transcript] [what to make smaller]
      --seed N         the first seed, 1 if not given; the same seed is the same run
      --seeds N        how many seeds to run, 1 if not given
      --transcript     print definitions and histories
      --executions N   --size N   --crashes N   --clock-jumps N   --redrives N   --no-stops   --no-refusals   --no-express
                       less than the seed stands for, as a failure's message gives it
      --defect NAME    break the simulation's journal on purpose: \(Scenario.Defect.allCases.map(\.rawValue).joined(separator: ", "))
    """

/// What was asked for.
private struct Options {
    var seed: UInt64 = 1
    var seeds: UInt64 = 1
    var prints = false
    var changes: [@Sendable (inout Scenario) -> Void] = []

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        func number(_ option: String) throws(UsageError) -> UInt64 {
            guard let text = rest.popFirst(), let value = UInt64(text) else { throw UsageError("\(option) needs a number.") }
            return value
        }
        while let option = rest.popFirst() {
            switch option {
            case "--seed": seed = try number(option)
            case "--seeds": seeds = try number(option)
            case "--transcript": prints = true
            case "--executions":
                let count = Int(clamping: try number(option))
                changes.append { $0.executions = count }
            case "--size":
                let count = Int(clamping: try number(option))
                changes.append { $0.size = count }
            case "--crashes":
                let count = Int(clamping: try number(option))
                changes.append { $0.crashes = count }
            case "--clock-jumps":
                let count = Int(clamping: try number(option))
                changes.append { $0.clockJumps = count }
            case "--redrives":
                let count = Int(clamping: try number(option))
                changes.append { $0.redrives = count }
            case "--no-stops": changes.append { $0.stops = false }
            case "--no-refusals": changes.append { $0.refusals = false }
            case "--no-express": changes.append { $0.express = false }
            case "--defect":
                guard let defect = rest.popFirst().flatMap(Scenario.Defect.init(rawValue:)) else {
                    throw UsageError("--defect needs one of the names below.")
                }
                changes.append { $0.defect = defect }
            default: throw UsageError("'\(option)' is not an option.")
            }
        }
    }

    func scenario(_ seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed)
        for change in changes { change(&scenario) }
        return scenario
    }
}

private struct UsageError: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

private struct Totals {
    var runs = 0, crashes = 0, writes = 0, events = 0
    var elapsed: Int64 = 0
    var digest: UInt64 = 0
    var failure: (scenario: Scenario, failure: SimulationFailure)?
}

@main
struct Simulate {
    static func main() {
        let options: Options
        do {
            options = try Options(Array(CommandLine.arguments.dropFirst()))
        } catch {
            _ = "\(error.message)\n\n\(usage)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(2)
        }
        let totals = run(options)
        print(
            "\(totals.runs) runs: \(totals.events) events, \(totals.writes) writes, \(totals.crashes) crashes, "
                + "\(totals.elapsed / 1000) s of simulated time, digest \(hexText(totals.digest, digits: 16))")
        guard let (scenario, failure) = totals.failure else { return }
        print("seed \(scenario.seed) failed: \(failure)")
        let (smallest, reason) = scenario.shrunk(from: failure)
        print("smallest: \(reason)")
        print("run it again: make simulate ARGS='\(smallest.arguments) --transcript'")
        exit(1)
    }

    /// Runs the seeds on as many threads as there are processors, until one fails.
    private static func run(_ options: Options) -> Totals {
        let totals = Mutex(Totals()), next = Atomic<UInt64>(0)
        let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        sem_init(done, 0, 0)
        let threads = max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), Int(clamping: options.seeds)))
        for _ in 0..<threads {
            startThread(name: "simulate", stackBytes: 8 << 20) {
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    if index >= options.seeds || totals.withLock({ $0.failure != nil }) { break }
                    let scenario = options.scenario(options.seed &+ index)
                    let report = Simulation.run(scenario, transcribes: options.prints)
                    totals.withLock { totals in
                        totals.runs += 1
                        totals.crashes += report.crashes
                        totals.writes += report.writes
                        totals.events += report.events
                        totals.elapsed += report.elapsed
                        totals.digest &+= report.digest
                        for line in report.transcript { print(line) }
                        if let failure = report.failure, totals.failure == nil { totals.failure = (scenario, failure) }
                    }
                }
                sem_post(done)
            }
        }
        for _ in 0..<threads { while sem_wait(done) != 0 {} }
        sem_destroy(done)
        done.deallocate()
        return totals.withLock { $0 }
    }
}
