import JSONModel

/// One operation of a service with all shapes that it needs, and how it goes over the wire.
package struct ServiceOperation: Sendable {
    /// As the model's metadata name them.
    package enum WireFormat: String, Sendable, Hashable {
        case json, query, ec2
        case restJSON = "rest-json"
        case restXML = "rest-xml"
    }

    /// As the model has it, such as `SendMessage`.
    package let name: String
    /// Such as `DynamoDB` or `CloudWatch Logs`; what the SDKs derive all their names from.
    package let serviceID: String
    package let format: WireFormat
    /// Of Signature Version 4's credential scope.
    package let signingName: String
    /// Nil for an operation that takes nothing.
    package let input: String?
    package let output: String?
    /// Names of the shapes of errors: its own, then the others of the service, which the SDKs know everywhere.
    package let errors: [String]
    let metadata: JSONObject
    let declaration: JSONObject
    private let shapes: [String: WireShape]

    func shape(_ name: String?) -> WireShape? { name.flatMap { shapes[$0] } }

    /// Whether sending it twice does what once does, by its name: it reads.
    package var isReadOnly: Bool {
        ["Get", "List", "Describe", "BatchGet", "Head", "Query", "Scan", "Search", "Lookup", "Select"].contains {
            name.hasPrefix($0)
        }
    }

    /// The member of the input that makes repetitions one, where the service has such.
    package var idempotencyToken: String? { shape(input)?.members.first(where: \.isIdempotencyToken)?.name }
}

/// A shape as the serialisers need it.
struct WireShape: Sendable {
    /// `structure`, `list`, `map`, `string`, `blob`, `timestamp`, `boolean`, or a kind of number.
    var type: String
    var members: [WireMember] = []
    /// The names of members that must be there.
    var required: [String] = []
    /// Of a list.
    var element: WireMember?
    /// Of a map.
    var key: WireMember?
    var value: WireMember?
    /// The member that is the whole body in the REST formats.
    var payload: String?
    /// What stands in answers for an error's own name.
    var errorCode: String?
    var isFlattened = false
    /// A timestamp's, unless the member says otherwise.
    var timestampFormat: String?
    var namespace: XMLNamespace?

    func member(_ name: String) -> WireMember? { members.first { $0.name == name } }
}

struct XMLNamespace: Sendable {
    var prefix: String?
    var uri: String

    init?(_ value: JSONValue?) {
        guard let uri = value?["uri"]?.string else { return nil }
        self.uri = uri
        prefix = value?["prefix"]?.string
    }

    var attribute: (name: String, value: String) { (prefix.map { "xmlns:\($0)" } ?? "xmlns", uri) }
}

/// A reference to a shape from within another, with what it adds.
struct WireMember: Sendable {
    enum Place: String, Sendable {
        case uri, querystring, header, headers, statusCode
    }

    var name: String
    var shape: String
    var locationName: String?
    /// Nil: in the body.
    var place: Place?
    var queryName: String?
    var isIdempotencyToken = false
    var isStreaming = false
    var isFlattened = false
    var isAttribute = false
    var timestampFormat: String?
    var namespace: XMLNamespace?

    /// The name on the wire.
    var wireName: String { locationName ?? name }
}

extension ServiceModel {
    /// Takes out what one operation needs.
    ///
    /// - Returns: nil for an unknown operation.
    /// - Throws: `ServiceModelError` for a wire format that nobody here speaks.
    package func operation(named name: String) throws(ServiceModelError) -> ServiceOperation? {
        guard let declaration = document["operations"]?[name]?.object else { return nil }
        return try ServiceOperation(name: name, declaration: declaration, model: self)
    }

    /// The operation whose name has these letters, whatever their case; nil without one.
    package func operationName(like name: String) -> String? {
        let operations = document["operations"]?.object
        if operations?.contains(name) == true { return name }
        return operations?.keys.first { $0.lowercased() == name.lowercased() }
    }
}

extension ServiceOperation {
    init(name: String, declaration: JSONObject, model: ServiceModel) throws(ServiceModelError) {
        let metadata = model.document["metadata"]?.object ?? [:]
        let serviceID = metadata["serviceId"]?.string ?? metadata["serviceAbbreviation"]?.string ?? ""
        let known = metadata["protocols"]?.array?.compactMap(\.string) ?? []
        let named = known + [metadata["protocol"]?.string ?? ""]
        guard let format = named.lazy.compactMap({ WireFormat(rawValue: $0) }).first else {
            throw ServiceModelError(
                "\(serviceID) speaks \(named.first ?? "a format without a name"), which is not supported; supported are "
                    + "json, query, ec2, rest-json and rest-xml")
        }
        self.name = name
        self.serviceID = serviceID
        self.format = format
        self.metadata = metadata
        self.declaration = declaration
        signingName = metadata["signingName"]?.string ?? metadata["endpointPrefix"]?.string ?? ""
        input = declaration["input"]?["shape"]?.string
        output = declaration["output"]?["shape"]?.string
        let own = (declaration["errors"]?.array ?? []).compactMap { $0["shape"]?.string }
        let all = (model.document["shapes"]?.object ?? [:]).filter { $0.value["exception"]?.bool == true }.map(\.key)
        errors = own + all.filter { !own.contains($0) }
        var shapes: [String: WireShape] = [:]
        var open = [input, output].compactMap { $0 } + errors
        while let next = open.popLast() {
            guard shapes[next] == nil, let fields = model.document["shapes"]?[next]?.object else { continue }
            let shape = WireShape(fields)
            shapes[next] = shape
            open += (shape.members + [shape.element, shape.key, shape.value].compactMap { $0 }).map(\.shape)
        }
        self.shapes = shapes
    }
}

extension WireShape {
    init(_ fields: JSONObject) {
        type = fields["type"]?.string ?? ""
        members = (fields["members"]?.object ?? [:]).compactMap { WireMember(name: $0, $1) }
        required = fields["required"]?.array?.compactMap(\.string) ?? []
        element = fields["member"].flatMap { WireMember(name: "member", $0) }
        key = fields["key"].flatMap { WireMember(name: "key", $0) }
        value = fields["value"].flatMap { WireMember(name: "value", $0) }
        payload = fields["payload"]?.string
        errorCode = fields["error"]?["code"]?.string
        isFlattened = fields["flattened"]?.bool ?? false
        timestampFormat = fields["timestampFormat"]?.string
        namespace = XMLNamespace(fields["xmlNamespace"])
    }
}

extension WireMember {
    init?(name: String, _ reference: JSONValue) {
        guard let shape = reference["shape"]?.string else { return nil }
        self.name = name
        self.shape = shape
        locationName = reference["locationName"]?.string
        place = reference["location"]?.string.flatMap { Place(rawValue: $0) }
        queryName = reference["queryName"]?.string
        isIdempotencyToken = reference["idempotencyToken"]?.bool ?? false
        isStreaming = reference["streaming"]?.bool ?? false
        isFlattened = reference["flattened"]?.bool ?? false
        isAttribute = reference["xmlAttribute"]?.bool ?? false
        timestampFormat = reference["timestampFormat"]?.string
        namespace = XMLNamespace(reference["xmlNamespace"])
    }
}
