import JSONModel
import StateStore
import Support

/// What a task of a generated machine meets outside.
struct TaskPlan {
    /// Never answers in time: a time-out is what ends it.
    var hangs = false
    /// One attempt in so many fails; 0 means none.
    var failsOneIn: UInt64 = 0
    /// How long its work takes at most, in milliseconds.
    var durationMax: UInt64 = 1
    /// Of a task with a token or an activity: heartbeats that are sent while it works.
    var heartbeats = 0
}

/// A random definition with what surrounds its tasks.
struct GeneratedMachine {
    var definition: String
    var input: String
    /// By the names of the Task states, which are unique in the machine.
    var plans: [String: TaskPlan] = [:]
    /// The names of the Parallel and Map states around each state, outermost first.
    var groups: [String: [String]] = [:]
    /// Which branch of its Parallel each state is in.
    var branches: [String: String] = [:]
    /// By the names of distributed Maps: how many items each of their runs has.
    var itemCounts: [String: Int] = [:]
    /// What item readers find in the bucket `b`.
    var objects: [String: String] = [:]
    /// Only for machines without races: what happens in a scope depends on nothing but the answers that its tasks get.
    var isRaceFree: Bool

    /// The one that some of its tasks are of.
    static let activity = ActivityRecord(
        arn: "arn:aws:states:us-east-1:123456789012:activity:work", account: "123456789012", region: "us-east-1",
        name: "work", createdAt: Timestamp(millisecondsSince1970: 0))
}

/// Makes definitions in which every state can be reached, every loop ends and every path leads to an end. All data
/// are objects with a number `v`.
///
/// A machine without races has no time-out that an answer might still meet, and no failure that ends siblings: its
/// histories can be compared scope by scope with those of another run. The others may do anything.
struct MachineGenerator {
    private var random: SeededRandom
    private let seed: UInt64
    private var statesLeft: Int
    private let isRaceFree: Bool
    private var isExpress: Bool
    /// Whether tasks may start executions.
    private let hasCallee: Bool
    private var name = 0
    private var machine: GeneratedMachine
    private var scope: [String] = []
    private var branch: [String] = []
    private var isJSONata = false

    static func machine(seed: UInt64, size: Int, isRaceFree: Bool, isExpress: Bool = false, hasCallee: Bool = false) -> GeneratedMachine {
        var generator = MachineGenerator(
            seed: seed, size: size, isRaceFree: isRaceFree, isExpress: isExpress, hasCallee: hasCallee)
        return generator.make()
    }

    private init(seed: UInt64, size: Int, isRaceFree: Bool, isExpress: Bool, hasCallee: Bool) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        statesLeft = size
        self.isRaceFree = isRaceFree
        self.isExpress = isExpress
        self.hasCallee = hasCallee
        machine = GeneratedMachine(definition: "", input: #"{"v": 1, "id": "x"}"#, isRaceFree: isRaceFree)
    }

    private mutating func make() -> GeneratedMachine {
        isJSONata = oneIn(2)
        var object = group(depth: 0)
        if isJSONata { object["QueryLanguage"] = "JSONata" }
        if !isRaceFree, oneIn(8) { object["TimeoutSeconds"] = number(1...600) }
        machine.definition = JSONValue.object(object).text
        return machine
    }

    private mutating func draw(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.next() % UInt64(range.count))
    }
    private mutating func oneIn(_ count: Int) -> Bool { draw(1...count) == 1 }
    private mutating func number(_ range: ClosedRange<Int>) -> JSONValue { .number(draw(range)) }

    private mutating func newName(_ prefix: String) -> String {
        name += 1
        statesLeft -= 1
        machine.groups["\(prefix)\(name)"] = scope
        machine.branches["\(prefix)\(name)"] = branch.last
        return "\(prefix)\(name)"
    }

    // MARK: Chains

    /// States one after another, with where they begin: a whole machine, a branch or an iteration.
    private mutating func group(depth: Int) -> JSONObject {
        var states = JSONObject()
        let length = draw(1...max(1, min(6 - depth, statesLeft)))
        var next: String?
        if depth == 0 || !isRaceFree, oneIn(6) {
            next = newName("Fail")
            states[next ?? ""] = ["Type": "Fail", "Error": "Ended", "Cause": "by the definition"]
        } else if oneIn(4) {
            next = newName("Succeed")
            states[next ?? ""] = ["Type": "Succeed"]
        }
        for _ in 0..<length where next == nil || statesLeft > 0 { next = segment(before: next, depth, &states) }
        return ["StartAt": .string(next ?? ""), "States": .object(states)]
    }

    /// Adds states that lead to `next`, or to the end of the scope, and gives their first.
    private mutating func segment(before next: String?, _ depth: Int, _ states: inout JSONObject) -> String {
        switch draw(0...15) {
        case 0, 1: return pass(next, &states)
        case 2: return wait(next, &states)
        case 3, 4, 5, 6, 7: return task(next, &states)
        case 8: return choice(next, &states)
        case 9 where statesLeft > 3 && !(isExpress && isRaceFree): return loop(next, depth, &states)
        case 10...11 where depth < 3 && statesLeft > 2: return parallel(next, depth, &states)
        case 12...13 where depth < 3 && statesLeft > 2: return map(next, depth, &states)
        case 14... where depth < 2 && statesLeft > 2 && !isExpress && mayDistribute:
            return distributedMap(next, depth, &states)
        default: return task(next, &states)
        }
    }

    private func leading(to next: String?, _ members: JSONObject) -> JSONObject {
        var members = members
        if let next { members["Next"] = .string(next) } else { members["End"] = true }
        return members
    }

    /// Whether this state speaks JSONata; says so in `members` where it must.
    private mutating func speaksJSONata(_ members: inout JSONObject) -> Bool {
        if isJSONata { return true }
        guard oneIn(4) else { return false }
        members["QueryLanguage"] = "JSONata"
        return true
    }

    private mutating func pass(_ next: String?, _ states: inout JSONObject) -> String {
        let name = newName("Pass")
        var members: JSONObject = ["Type": "Pass"]
        if speaksJSONata(&members) {
            members["Output"] = ["v": "{% $states.input.v + 1 %}"]
            if !isRaceFree, oneIn(2) { members["Assign"] = [name: "{% $uuid() %}"] }
        } else if oneIn(2) {
            members["Result"] = ["v": number(0...9)]
            members["ResultPath"] = oneIn(2) ? "$" : "$.p"
        } else {
            members["Parameters"] = ["v.$": "States.MathAdd($.v, 1)"]
            if !isRaceFree, oneIn(2) { members["Assign"] = ["\(name).$": "States.UUID()"] }
        }
        states[name] = .object(leading(to: next, members))
        return name
    }

    private mutating func wait(_ next: String?, _ states: inout JSONObject) -> String {
        let name = newName("Wait"), seconds = isExpress && isRaceFree ? 0...5 : 0...40
        var members: JSONObject = ["Type": "Wait"]
        if speaksJSONata(&members) {
            members["Seconds"] = oneIn(2) ? "{% $states.input.v % 7 %}" : number(seconds)
        } else if oneIn(3) {
            members["SecondsPath"] = "$.v"
        } else if oneIn(3) {
            members["Timestamp"] = "2023-11-14T22:13:50Z"  // Half a minute after a simulation begins.
        } else {
            members["Seconds"] = number(seconds)
        }
        states[name] = .object(leading(to: next, members))
        return name
    }

    private mutating func choice(_ next: String?, _ states: inout JSONObject) -> String {
        let name = newName("Choice")
        let left = pass(next, &states), right = pass(next, &states)
        var members: JSONObject = ["Type": "Choice", "Default": .string(left)]
        if speaksJSONata(&members) {
            members["Choices"] = [["Condition": "{% $states.input.v % 2 = 0 %}", "Next": .string(right)]]
        } else {
            members["Choices"] = [["Variable": "$.v", "NumericGreaterThan": number(0...9), "Next": .string(right)]]
        }
        states[name] = .object(members)
        return name
    }

    /// begin: counter = 0; test: counter < n ? body : next; body ...; step: counter + 1, back to test
    private mutating func loop(_ next: String?, _ depth: Int, _ states: inout JSONObject) -> String {
        let begin = newName("Begin"), test = newName("Test"), step = newName("Step")
        let after = next ?? pass(nil, &states)
        let counter = "c" + begin, times = number(1...3)
        var body: String = step
        for _ in 0..<draw(1...2) { body = segment(before: body, depth, &states) }
        if isJSONata {
            states[begin] = ["Type": "Pass", "Assign": [counter: 0], "Next": .string(test)]
            states[test] = [
                "Type": "Choice", "Default": .string(after),
                "Choices": [["Condition": .string("{% $\(counter) < \(times.text) %}"), "Next": .string(body)]],
            ]
            states[step] = ["Type": "Pass", "Assign": [counter: .string("{% $\(counter) + 1 %}")], "Next": .string(test)]
        } else {
            states[begin] = ["Type": "Pass", "Assign": [counter: 0], "Next": .string(test)]
            states[test] = [
                "Type": "Choice", "Default": .string(after),
                "Choices": [["Variable": .string("$\(counter)"), "NumericLessThan": times, "Next": .string(body)]],
            ]
            states[step] = [
                "Type": "Pass", "Assign": ["\(counter).$": .string("States.MathAdd($\(counter), 1)")],
                "Next": .string(test),
            ]
        }
        return begin
    }

    // MARK: Groups

    private mutating func parallel(_ next: String?, _ depth: Int, _ states: inout JSONObject) -> String {
        let name = newName("Parallel")
        scope.append(name)
        let branches = (0..<draw(1...3)).map { index in
            branch.append(String(index))
            defer { branch.removeLast() }
            return JSONValue.object(group(depth: depth + 1))
        }
        scope.removeLast()
        var members: JSONObject = ["Type": "Parallel", "Branches": .array(branches)]
        keepResult(&members, "count")
        handleErrors(&members, next, &states)
        states[name] = .object(leading(to: next, members))
        return name
    }

    private mutating func map(_ next: String?, _ depth: Int, _ states: inout JSONObject) -> String {
        let name = newName("Map")
        scope.append(name)
        branch.append("")
        var processor = group(depth: depth + 1)
        branch.removeLast()
        scope.removeLast()
        processor["ProcessorConfig"] = ["Mode": "INLINE"]
        var members: JSONObject = ["Type": "Map", "ItemProcessor": .object(processor)]
        if oneIn(2) { members["MaxConcurrency"] = number(0...3) }
        let items = (0..<draw(0...5)).map { JSONValue.number($0) }
        var before: String?
        if isJSONata {
            members["Items"] = .array(items)
            members["ItemSelector"] = ["v": "{% $states.context.Map.Item.Value %}"]
        } else {
            let source = newName("Items")
            states[source] = ["Type": "Pass", "Assign": ["i\(source)": .array(items)], "Next": .string(name)]
            members["ItemsPath"] = .string("$i\(source)")
            members["ItemSelector"] = ["v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"]
            before = source
        }
        keepResult(&members, "items")
        handleErrors(&members, next, &states)
        states[name] = .object(leading(to: next, members))
        return before ?? name
    }

    /// Iterations of one Map that run at once would have children with the same identity, and races with them.
    private var mayDistribute: Bool { !isRaceFree || !scope.contains { $0.hasPrefix("Map") } }

    /// Children of a machine without races either fail one at a time, or are all allowed to.
    private mutating func distributedMap(_ next: String?, _ depth: Int, _ states: inout JSONObject) -> String {
        let name = newName("Each")
        let (outerScope, outerBranch, outerExpress) = (scope, branch, isExpress)
        (scope, branch) = ([], [])
        isExpress = oneIn(2)
        var processor = group(depth: depth + 1)
        processor["ProcessorConfig"] = ["Mode": "DISTRIBUTED", "ExecutionType": isExpress ? "EXPRESS" : "STANDARD"]
        (scope, branch, isExpress) = (outerScope, outerBranch, outerExpress)
        var members: JSONObject = ["Type": "Map", "Label": .string(name), "ItemProcessor": .object(processor)]
        let items = (0..<draw(0...6)).map { JSONValue.object(["v": .number($0)]) }
        machine.itemCounts[name] = items.count
        if isRaceFree, oneIn(2) {
            members["ToleratedFailurePercentage"] = 100
            members["MaxConcurrency"] = number(0...3)
        } else {
            members["MaxConcurrency"] = isRaceFree ? 1 : number(0...3)
            if oneIn(2) { members["ToleratedFailureCount"] = number(0...2) }
        }
        let parameters = isJSONata ? "Arguments" : "Parameters"
        var before: String?
        if oneIn(2) {
            let key = "\(seed)/\(name).jsonl"
            machine.objects[key] = items.map { $0.text + "\n" }.joined()
            members["ItemReader"] = [
                "Resource": "arn:aws:states:::s3:getObject", parameters: ["Bucket": "b", "Key": .string(key)],
                "ReaderConfig": ["InputType": "JSONL"],
            ]
        } else if isJSONata {
            members["Items"] = .array(items)
        } else {
            let source = newName("Items")
            states[source] = ["Type": "Pass", "Assign": ["i\(source)": .array(items)], "Next": .string(name)]
            members["ItemsPath"] = .string("$i\(source)")
            before = source
        }
        if isJSONata {
            members["ItemSelector"] = [
                "v": "{% $states.context.Map.Item.Value.v %}",
                "id": .string("{% $states.context.Execution.Input.id & '/\(name).' & $string($states.context.Map.Item.Index) %}"),
            ]
        } else {
            members["ItemSelector"] = [
                "v.$": "$$.Map.Item.Value.v",
                "id.$": .string("States.Format('{}/\(name).{}', $$.Execution.Input.id, $$.Map.Item.Index)"),
            ]
        }
        keepResult(&members, "children")
        if oneIn(3) {
            members["ResultWriter"] = [
                "Resource": "arn:aws:states:::s3:putObject", parameters: ["Bucket": "b", "Prefix": "out"],
            ]
            if !isJSONata { members["ResultSelector"] = ["n.$": "$.ResultWriterDetails.Bucket"] }
        }
        handleErrors(&members, next, &states)
        states[name] = .object(leading(to: next, members))
        return before ?? name
    }

    /// A group's result is a list; what goes on is the input with the length of that.
    private func keepResult(_ members: inout JSONObject, _ key: String) {
        if isJSONata {
            var output: JSONObject = ["v": "{% $states.input.v %}"]
            output[key] = "{% $count($states.result) %}"
            members["Output"] = .object(output)
        } else {
            members["ResultSelector"] = ["n.$": "States.ArrayLength($)"]
            members["ResultPath"] = .string("$.\(key)")
        }
    }

    // MARK: Tasks

    private mutating func task(_ next: String?, _ states: inout JSONObject) -> String {
        let name = newName("Task")
        var plan = TaskPlan()
        // An Express execution has five minutes: with no races it must not come near.
        plan.durationMax = oneIn(2) || isExpress && isRaceFree ? 50 : UInt64(draw(100...20_000))
        plan.failsOneIn = oneIn(2) ? 0 : UInt64(draw(1...4))
        plan.hangs = oneIn(8) && !(isExpress && isRaceFree)
        var kinds = [
            "arn:aws:states:::aws-sdk:s3:getObject", "arn:aws:lambda:us-east-1:123456789012:function:f",
        ]
        if !isExpress {
            kinds += [
                "arn:aws:states:::glue:startJobRun.sync", "arn:aws:states:::batch:submitJob.sync",
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            ]
            if hasCallee { kinds += ["arn:aws:states:::states:startExecution.sync"] }
        }
        // One is called at most once, the other is lost with its worker: what comes of them depends on crashes.
        if !isRaceFree { kinds.append("arn:aws:states:::aws-sdk:sqs:sendMessage") }
        if !isRaceFree, !isExpress { kinds.append(GeneratedMachine.activity.arn) }
        let resource = kinds[draw(0...kinds.count - 1)]
        let isActivity = resource.contains(":activity:"), usesToken = resource.contains("Token")
        let isExecution = resource.contains("startExecution")
        if isExecution { plan.hangs = false }
        var members: JSONObject = ["Type": "Task", "Resource": .string(resource)]
        var arguments: JSONObject = ["Name": .string(name)]
        let speaksJSONata = speaksJSONata(&members)
        if speaksJSONata {
            arguments["v"] = "{% $states.input.v %}"
            arguments["id"] = "{% $states.context.Execution.Input.id %}"
            if usesToken { arguments["token"] = "{% $states.context.Task.Token %}" }
        } else {
            arguments["v.$"] = "$.v"
            arguments["id.$"] = "$$.Execution.Input.id"
            if usesToken { arguments["token.$"] = "$$.Task.Token" }
        }
        // These take parameters of their own only.
        if resource.contains("glue") { arguments = ["JobName": "j", "Arguments": .object(arguments)] }
        if resource.contains("batch") {
            arguments = ["JobName": "j", "JobQueue": "q", "JobDefinition": "d", "Parameters": .object(arguments)]
        }
        if resource.contains("sqs") { arguments = ["QueueUrl": "q", "MessageBody": .object(arguments)] }
        if isExecution { arguments = ["StateMachineArn": "callee", "Input": .object(arguments)] }
        members[speaksJSONata ? "Arguments" : "Parameters"] = .object(arguments)
        if !speaksJSONata {
            if oneIn(2) { members["ResultPath"] = "$.r" }
        }
        if plan.hangs || isActivity {
            if oneIn(2), usesToken || isActivity {
                members["HeartbeatSeconds"] = number(2...30)
                members["TimeoutSeconds"] = number(31...90)
                plan.heartbeats = isRaceFree ? 0 : draw(0...3)
            } else {
                members["TimeoutSeconds"] = number(1...90)
            }
        } else if oneIn(4) {
            members["TimeoutSeconds"] = isRaceFree ? 10_000_000 : number(1...30)
        }
        machine.plans[name] = plan
        handleErrors(&members, next, &states, speaksJSONata: speaksJSONata)
        states[name] = .object(leading(to: next, members))
        return name
    }

    /// Retry and Catch. In a machine without races no failure leaves a scope that has siblings.
    private mutating func handleErrors(
        _ members: inout JSONObject, _ next: String?, _ states: inout JSONObject, speaksJSONata: Bool? = nil
    ) {
        if oneIn(2) {
            var retrier: JSONObject = [
                "ErrorEquals": oneIn(2) ? ["States.ALL"] : ["Flaky", "States.Timeout"], "IntervalSeconds": number(1...5),
                "MaxAttempts": number(0...3), "BackoffRate": oneIn(2) ? 1 : 1.5,
            ]
            if oneIn(3) { retrier["JitterStrategy"] = "FULL" }
            if oneIn(3) { retrier["MaxDelaySeconds"] = number(6...9) }
            members["Retry"] = [.object(retrier)]
        }
        let mustCatch = isRaceFree && !scope.isEmpty
        guard mustCatch || oneIn(2) else { return }
        let handler = next ?? pass(nil, &states)
        var catcher: JSONObject = ["ErrorEquals": ["States.ALL"], "Next": .string(handler)]
        if speaksJSONata ?? isJSONata {
            catcher["Output"] = ["v": "{% $states.input.v %}", "caught": "{% $states.errorOutput.Error %}"]
        } else {
            catcher["ResultPath"] = "$.caught"
        }
        members["Catch"] = [.object(catcher)]
    }
}
