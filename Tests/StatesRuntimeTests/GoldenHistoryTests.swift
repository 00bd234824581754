import JSONModel
import StatesRuntime
import Support
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder with `definition.json`, `script.json` (the input, and what happens) and `history.txt` (the expected history
/// and commands). `UPDATE_GOLDEN=1` in the environment rewrites the expectations.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    let folder: String

    var testDescription: String { folder.split(separator: "/").suffix(2).joined(separator: "/") }

    static let root: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast().joined(separator: "/") + "/Fixtures"
    }()

    static func all() throws -> [GoldenCase] {
        var cases: [GoldenCase] = []
        for topic in try FileManager.default.contentsOfDirectory(atPath: root).sorted() {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(topic)").sorted() {
                cases.append(GoldenCase(folder: "\(root)/\(topic)/\(name)"))
            }
        }
        return cases
    }

    func text(_ file: String) throws -> String {
        let data = FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}

@Suite struct GoldenHistoryTests {
    @Test(arguments: try GoldenCase.all())
    func machineWritesTheExpectedHistory(_ golden: GoldenCase) throws {
        let script = try JSONValue(parsing: try golden.text("script.json"))
        let definition = try golden.text("definition.json")
        var texts: [String] = []
        for reloads in [false, true] {
            let driver = try MachineDriver(definition, input: script["input"]?.string ?? "{}", reloads: reloads)
            try driver.apply(.started)
            for event in script["events"]?.array ?? [] { try apply(event, to: driver) }
            texts.append(driver.historyText + "--\n" + driver.log.map { $0 + "\n" }.joined())
        }
        #expect(texts[0] == texts[1], "a machine loaded from its snapshot goes on differently")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try texts[0].write(toFile: "\(golden.folder)/history.txt", atomically: true, encoding: .utf8)
        } else {
            #expect(texts[0] == (try golden.text("history.txt")))
        }
    }

    private func apply(_ event: JSONValue, to driver: MachineDriver) throws {
        let (kind, value) = try #require(event.object?.first)
        let task = Int(value["task"]?.int64 ?? value.int64 ?? 0)
        switch kind {
        case "succeed": try driver.succeed(task, try #require(value["output"]))
        case "fail": try driver.fail(task, value["error"]?.string, value["cause"]?.string)
        case "submit":
            try driver.apply(.taskSubmitted(taskID: driver.tasks[task].taskID, output: try #require(value["output"])))
        case "heartbeat": try driver.apply(.taskHeartbeat(taskID: driver.tasks[task].taskID))
        case "takeActivity":
            try driver.apply(.activityStarted(taskID: driver.tasks[task].taskID, workerName: value["worker"]?.string))
        case "fire": try driver.fire()
        case "stop": try driver.apply(.stopRequested(error: value["error"]?.string, cause: value["cause"]?.string))
        default: Issue.record("unknown event \(kind)")
        }
    }
}
