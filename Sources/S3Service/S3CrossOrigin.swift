import AWSProtocol
import JSONModel
import ObjectServer
import ServiceKit
import StateStore
import Support

/// Which requests of web pages from elsewhere a bucket's owner wants browsers to let through.
struct CORSConfiguration: Sendable {
    let rules: [Rule]

    struct Rule: Sendable {
        var origins: [String] = []
        var methods: [String] = []
        var headers: [String] = []
        var exposed: [String] = []
        var maxAgeSeconds: Int?

        func allows(origin: String, method: String, headers wanted: [String] = []) -> Bool {
            methods.contains(method) && origins.contains { matchesWildcards(origin, pattern: $0) }
                && wanted.allSatisfy { name in headers.contains { matchesWildcards(name, pattern: $0.lowercased()) } }
        }
    }

    private static let methods = ["GET", "PUT", "POST", "DELETE", "HEAD"]

    /// - Throws: `MalformedXML`, `InvalidRequest`.
    init(parsing bytes: [UInt8]) throws {
        guard let root = try? XMLReader.read(bytes), root.name == "CORSConfiguration", (1...100).contains(root.children.count)
        else { throw S3Errors.malformedXML() }
        rules = try root.children.map { element in
            guard element.name == "CORSRule" else { throw S3Errors.malformedXML() }
            var rule = Rule()
            for child in element.children {
                switch child.name {
                case "AllowedOrigin": rule.origins.append(child.text)
                case "AllowedMethod": rule.methods.append(child.text)
                case "AllowedHeader": rule.headers.append(child.text)
                case "ExposeHeader": rule.exposed.append(child.text)
                case "MaxAgeSeconds": rule.maxAgeSeconds = Int(child.text)
                case "ID": break
                default: throw S3Errors.malformedXML()
                }
            }
            guard !rule.origins.isEmpty, !rule.methods.isEmpty else { throw S3Errors.malformedXML() }
            for method in rule.methods where !Self.methods.contains(method) {
                throw S3Errors.invalidRequest(
                    "Found unsupported HTTP method in CORS config. Unsupported method is \(method)")
            }
            for origin in rule.origins where origin.utf8.count(where: { $0 == UInt8(ascii: "*") }) > 1 {
                throw S3Errors.invalidRequest("AllowedOrigin \"\(origin)\" can not have more than one wildcard.")
            }
            for header in rule.headers where header.utf8.count(where: { $0 == UInt8(ascii: "*") }) > 1 {
                throw S3Errors.invalidRequest("AllowedHeader \"\(header)\" can not have more than one wildcard.")
            }
            return rule
        }
    }
}

extension S3Service {
    /// Answers a browser that asks whether it may send a request (OPTIONS).
    func preflight(_ bucket: String, _ request: S3Request) throws -> HTTPAnswer {
        guard let origin = request.fields["origin"] else {
            throw AWSError("BadRequest", "Insufficient information. Origin request header needed.")
        }
        guard let method = request.fields["access-control-request-method"] else {
            throw AWSError("BadRequest", "Invalid Access-Control-Request-Method: null")
        }
        let wanted = (request.fields["access-control-request-headers"] ?? "").lowercased().split(separator: ",")
            .map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
        guard let configuration = try crossOrigin(bucket) else {
            throw forbidden("CORS is not enabled for this bucket.", method, request)
        }
        guard let rule = configuration.rules.first(where: { $0.allows(origin: origin, method: method, headers: wanted) })
        else {
            throw forbidden(
                "This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
                method, request)
        }
        var fields: HTTPFields = [:]
        add(rule, origin, to: &fields)
        if !wanted.isEmpty { fields["access-control-allow-headers"] = wanted.joined(separator: ", ") }
        if let seconds = rule.maxAgeSeconds { fields["access-control-max-age"] = String(seconds) }
        return HTTPAnswer(status: 200, fields: fields)
    }

    /// Adds what a browser needs to see before it hands the answer to the page.
    func addCrossOrigin(_ request: S3Request, to answer: inout HTTPAnswer) {
        // A bucket that does not exist, or a configuration that cannot be read, lets no page in.
        guard let origin = request.fields["origin"], request.call.method != "OPTIONS", let bucket = request.bucket,
            let configuration = try? crossOrigin(bucket)
        else { return }
        let method = request.fields["access-control-request-method"] ?? request.call.method
        guard let rule = configuration.rules.first(where: { $0.allows(origin: origin, method: method) }) else { return }
        add(rule, origin, to: &answer.fields)
    }

    private func crossOrigin(_ bucket: String) throws -> CORSConfiguration? {
        guard let text = try server.bucket(bucket).documents["cors"] else { return nil }
        return try crossOriginRules.value(of: text) { try CORSConfiguration(parsing: Array(text.utf8)) }
    }

    private func add(_ rule: CORSConfiguration.Rule, _ origin: String, to fields: inout HTTPFields) {
        let isForAll = rule.origins.contains("*")
        fields["access-control-allow-origin"] = isForAll ? "*" : origin
        if !isForAll { fields["access-control-allow-credentials"] = "true" }
        fields["access-control-allow-methods"] = rule.methods.joined(separator: ", ")
        if !rule.exposed.isEmpty { fields["access-control-expose-headers"] = rule.exposed.joined(separator: ", ") }
        fields["vary"] = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    }

    private func forbidden(_ why: String, _ method: String, _ request: S3Request) -> AWSError {
        AWSError(
            "AccessForbidden", "CORSResponse: \(why)", httpStatus: 403,
            members: ["Method": .string(method), "ResourceType": .string(request.key == nil ? "BUCKET" : "OBJECT")])
    }
}
