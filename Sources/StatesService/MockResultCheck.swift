import AWSProtocol
import JSONModel
import ServiceModels
import StatesLanguage

/// Checks the mocked result of a Task against the model of the service that it calls.
/// - Source: TestState, `fieldValidationMode`; messages as the real service gives them.
struct MockResultCheck {
    /// Whether members that the model requires must be there; `PRESENT` lets them miss.
    let isStrict: Bool

    /// The operation whose answer is the result: for `.sync` the one that describes what was started, and the member
    /// of its answer.
    static func operation(of resource: TaskResource) -> (name: String, members: [String]) {
        switch (resource.service, resource.action, resource.pattern) {
        case ("glue", "startJobRun", .sync): ("GetJobRun", ["JobRun"])
        case ("batch", "submitJob", .sync): ("DescribeJobs", ["jobs"])
        case ("states", "startExecution", .sync), ("states", "startExecution", .sync2): ("DescribeExecution", [])
        default: (resource.action.prefix(1).uppercased() + resource.action.dropFirst(), [])
        }
    }

    func check(_ result: JSONValue, _ resource: TaskResource, _ models: ServiceModels) throws {
        let operation = Self.operation(of: resource)
        guard let model = try models.model(ofService: resource.service),
            var shape = model.output(ofOperation: operation.name)
        else { return }
        for member in operation.members {
            guard let inner = shape.members.first(where: { $0.name == member })?.shape else { return }
            shape = inner.element ?? inner
        }
        // The Lambda integration gives the function's own answer as JSON, not as the blob of the model.
        try check(result, shape, named: nil, free: resource.service == "lambda" ? ["Payload"] : [])
    }

    private func check(
        _ value: JSONValue, _ shape: ServiceModel.Shape, named name: String?, free: Set<String> = []
    ) throws {
        func fail(_ complaint: String) -> AWSError {
            AWSError("ValidationException", "Mock result schema validation error: \(name.map { "Field '\($0)'" } ?? "Result") \(complaint)")
        }
        func checkSize(_ size: Double, tooSmall: String, tooGreat: String) throws {
            if let minimum = shape.minimum, size < minimum { throw fail(tooSmall) }
            if let maximum = shape.maximum, size > maximum { throw fail(tooGreat) }
        }
        switch shape.type {
        case "structure":
            guard let object = value.object else { throw fail("must be an object") }
            if isStrict {
                for required in shape.required where object[Self.spelled(required)] == nil {
                    throw AWSError(
                        "ValidationException",
                        "Mock result schema validation error: Required field '\(Self.spelled(required))' is missing")
                }
            }
            for (name, member) in shape.members {
                let name = Self.spelled(name)
                guard !free.contains(name), let value = object[name], !value.isNull else { continue }
                try check(value, member, named: name)
            }
        case "list":
            guard let elements = value.array else { throw fail("must be an array") }
            if let element = shape.element { for value in elements { try check(value, element, named: name) } }
        case "map":
            guard let object = value.object else { throw fail("must be an object") }
            if let shape = shape.value { for (key, value) in object { try check(value, shape, named: key) } }
        case "string", "blob", "timestamp":
            guard let text = value.string else { throw fail("must be a string") }
            if let allowed = shape.allowed, !allowed.contains(text) { throw fail("is not an expected value") }
            try checkSize(
                Double(text.unicodeScalars.count), tooSmall: "is smaller than the minimum length",
                tooGreat: "exceeds the maximum length")
        case "integer", "long", "float", "double", "short", "byte":
            guard let number = value.number else { throw fail("must be a number") }
            try checkSize(number.double, tooSmall: "is less than the minimum value", tooGreat: "exceeds the maximum value")
        case "boolean":
            guard value.bool != nil else { throw fail("must be a boolean") }
        default: return
        }
    }

    /// Step Functions spells members in Pascal case.
    private static func spelled(_ name: String) -> String { name.prefix(1).uppercased() + name.dropFirst() }
}
