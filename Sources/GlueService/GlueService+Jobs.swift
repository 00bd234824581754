import CatalogEngine
import GlueModel
import JSONModel
import ServiceKit
import StateStore
import Support

extension GlueService {
    private static let jobName = GlueShape.Member("JobName", .name, required: true)

    static let jobOperations: [String: Operation] = [
        "CreateJob": Operation(shape: .createJob) { service, call in
            let name = call.text("Name")
            var input = call.input
            input["Tags"] = nil
            try checkCapacity(input)
            try await service.catalog.createJob(name, input, in: call.scope)
            try await service.setTags(call, "job/\(name)")
            return ["Name": .string(name)]
        },
        "GetJob": Operation(shape: .structure([jobName])) { service, call in
            ["Job": .object(try await service.catalog.job(call.text("JobName"), in: call.scope))]
        },
        "GetJobs": Operation(shape: .structure([GlueShape.token, GlueShape.maxResults(1000)])) { service, call in
            let page = try await service.catalog.jobs(
                after: try call.position(), limit: call.limit(100), in: call.scope)
            return call.page("Jobs", page.items, next: page.next)
        },
        "BatchGetJobs": Operation(
            shape: .structure([.init("JobNames", .list(.name), required: true)])
        ) { service, call in
            var found: [JSONValue] = []
            var missing: [JSONValue] = []
            for name in call.texts("JobNames") {
                do {
                    found.append(.object(try await service.catalog.job(name, in: call.scope)))
                } catch let error as GlueError where error.code == .entityNotFound {
                    missing.append(.string(name))
                }
            }
            return ["Jobs": .array(found), "JobsNotFound": .array(missing)]
        },
        "ListJobs": Operation(
            shape: .structure([GlueShape.token, GlueShape.maxResults(1000), .init("Tags", .map)])
        ) { service, call in
            try await service.listJobs(call)
        },
        "UpdateJob": Operation(
            shape: .structure([jobName, .init("JobUpdate", .jobUpdate, required: true)])
        ) { service, call in
            try checkCapacity(call.object("JobUpdate"))
            try await service.catalog.updateJob(call.text("JobName"), call.object("JobUpdate"), in: call.scope)
            return ["JobName": .string(call.text("JobName"))]
        },
        "DeleteJob": Operation(shape: .structure([jobName])) { service, call in
            try await service.catalog.deleteJob(call.text("JobName"), in: call.scope)
            return ["JobName": .string(call.text("JobName"))]
        },
        "StartJobRun": Operation(shape: .startJobRun) { service, call in
            ["JobRunId": .string(try await service.runs.start(call.input, call.context, call.scope))]
        },
        "GetJobRun": Operation(
            shape: .structure([
                jobName, .init("RunId", .name, required: true), .init("PredecessorsIncluded", .boolean),
            ])
        ) { service, call in
            let run = try await service.runs.run(call.text("RunId"), of: call.text("JobName"), call.scope)
            return ["JobRun": .object(run)]
        },
        "GetJobRuns": Operation(
            shape: .structure([jobName, GlueShape.token, GlueShape.maxResults(200)])
        ) { service, call in
            let position = try call.position()
            guard let before = position.isEmpty ? Int64.max : Int64(position) else {
                throw GlueError(.invalidInput, "The NextToken is not valid.")
            }
            let page = try await service.runs.runs(
                of: call.text("JobName"), before: before, limit: call.limit(200), call.scope)
            return call.page("JobRuns", page.items, next: page.next.map { String($0) })
        },
        "BatchStopJobRun": Operation(
            shape: .structure([jobName, .init("JobRunIds", .list(.name, 1...25), required: true)])
        ) { service, call in
            try await service.stopRuns(call)
        },
    ]

    private static func checkCapacity(_ input: JSONObject) throws {
        if input["AllocatedCapacity"] != nil, input["MaxCapacity"] != nil {
            throw GlueError(.invalidInput, "Please set only Allocated Capacity or Max Capacity")
        }
        if input["MaxCapacity"] != nil, input["WorkerType"] != nil || input["NumberOfWorkers"] != nil {
            throw GlueError(.invalidInput, "Please do not set Max Capacity if using Worker Type and Number of Workers.")
        }
    }

    private func listJobs(_ call: GlueCall) async throws -> JSONObject {
        let wanted = call.object("Tags")
        var names: [JSONValue] = []
        var position = try call.position()
        let limit = call.limit(100)
        var next: String?
        while true {
            let page = try await catalog.jobs(after: position, limit: max(limit - names.count, 1), in: call.scope)
            for job in page.items {
                guard let name = job["Name"]?.string else { continue }
                if !wanted.isEmpty {
                    let tags = try await catalog.records.tags(of: arn(call, "job/\(name)"))
                    guard wanted.allSatisfy({ tags[$0.key] == $0.value }) else { continue }
                }
                names.append(.string(name))
            }
            guard let last = page.next else { break }
            position = last
            if names.count >= limit {
                next = last
                break
            }
        }
        var output = call.page("JobNames", [], next: next)
        output["JobNames"] = .array(names)
        return output
    }

    private func stopRuns(_ call: GlueCall) async throws -> JSONObject {
        var stopped: [JSONValue] = []
        var errors: [JSONValue] = []
        for id in call.texts("JobRunIds") {
            let entry: JSONObject = ["JobName": .string(call.text("JobName")), "JobRunId": .string(id)]
            do {
                try await runs.stop(id, of: call.text("JobName"), call.scope)
                stopped.append(.object(entry))
            } catch let error as GlueError {
                var entry = entry
                entry["ErrorDetail"] = error.detail
                errors.append(.object(entry))
            }
        }
        return ["SuccessfulSubmissions": .array(stopped), "Errors": .array(errors)]
    }

    // MARK: - Tags

    static let tagOperations: [String: Operation] = [
        "GetTags": Operation(shape: .structure([.init("ResourceArn", .text, required: true)])) { service, call in
            ["Tags": .object(try await service.catalog.records.tags(of: call.text("ResourceArn")))]
        },
        "TagResource": Operation(
            shape: .structure([.init("ResourceArn", .text, required: true), .init("TagsToAdd", .map, required: true)])
        ) { service, call in
            try await service.catalog.records.changeTags(
                of: call.text("ResourceArn"), set: call.object("TagsToAdd"), remove: [])
            return [:]
        },
        "UntagResource": Operation(
            shape: .structure([
                .init("ResourceArn", .text, required: true), .init("TagsToRemove", .list(.text), required: true),
            ])
        ) { service, call in
            try await service.catalog.records.changeTags(
                of: call.text("ResourceArn"), set: [:], remove: call.texts("TagsToRemove"))
            return [:]
        },
    ]

    func arn(_ call: GlueCall, _ resource: String) -> String {
        call.context.arn(service: "glue", resource: resource).description
    }

    func setTags(_ call: GlueCall, _ resource: String) async throws {
        let tags = call.object("Tags")
        if !tags.isEmpty {
            try await catalog.records.changeTags(of: arn(call, resource), set: tags, remove: [])
        }
    }
}
