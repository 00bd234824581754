package import AWSProtocol
package import JSONModel
import Support

/// How members are called in results.
package enum MemberNaming: Sendable, Hashable {
    /// `aws-sdk` integrations: as in Java's second SDK, `Md5OfMessageBody`.
    case java
    /// Optimised integrations: the model's names with a capital in front, as in `MD5OfMessageBody`.
    case plain

    func name(_ member: String) -> String {
        switch self {
        case .java: JavaNames.member(member)
        case .plain: JavaNames.capitalized(member)
        }
    }
}

extension ServiceOperation {
    /// Reads a successful answer as Step Functions shows it: members in Pascal case, times in ISO 8601, blobs as the text
    /// that their bytes are.
    ///
    /// - Throws: `JSONSyntaxError` or `XMLSyntaxError` for a body that is not what the format prescribes.
    package func result(
        status: Int, fields: HTTPFields, body: [UInt8], naming: MemberNaming
    ) throws -> JSONObject {
        guard let shape = shape(output) else { return [:] }
        let reader = WireReader(operation: self, naming: naming)
        switch format {
        case .json:
            return try body.isEmpty ? [:] : reader.json(JSONValue(parsing: body), output).object ?? [:]
        case .query, .ec2:
            guard !body.isEmpty else { return [:] }
            var root = try XMLReader.read(body)
            if let wrapper = declaration["output"]?["resultWrapper"]?.string { root = root[wrapper] ?? root }
            return reader.xml(root, shape).object ?? [:]
        case .restJSON, .restXML:
            return try reader.rest(shape, status: status, fields: fields, body: body)
        }
    }

    /// The shape of a refusal; nil for one that the model does not have.
    ///
    /// - Parameter code: as it stood in the answer.
    package func errorShape(code: String) -> String? {
        errors.first { $0 == code || shape($0)?.errorCode == code }
    }
}

private struct WireReader {
    let operation: ServiceOperation
    let naming: MemberNaming

    // MARK: - JSON

    // As deep as the answer, which the parser has limited.
    func json(_ value: JSONValue, _ name: String?, place: WireMember? = nil) -> JSONValue {
        guard let shape = operation.shape(name), !value.isNull else { return value }
        switch shape.type {
        case "structure":
            guard let object = value.object else { return value }
            var result = JSONObject()
            for member in shape.members where member.place == nil || operation.format == .json {
                guard let inner = object[operation.format == .json ? member.name : member.wireName], !inner.isNull else {
                    continue
                }
                result[naming.name(member.name)] = json(inner, member.shape, place: member)
            }
            return .object(result)
        case "list":
            return .array((value.array ?? []).map { json($0, shape.element?.shape, place: shape.element) })
        case "map":
            var result = JSONObject()
            for (key, inner) in value.object ?? [:] { result[key] = json(inner, shape.value?.shape, place: shape.value) }
            return .object(result)
        case "blob": return value.string.map(blob) ?? value
        case "timestamp": return time(value, shape)
        default: return value
        }
    }

    /// The text that base64 stands for.
    private func blob(_ text: String) -> JSONValue {
        .string(Base64.decode(text).map { String(decoding: $0, as: UTF8.self) } ?? text)
    }

    private func time(_ value: JSONValue, _ shape: WireShape) -> JSONValue {
        if let seconds = value.double, abs(seconds) < 1e12 {
            return .string(Timestamp(secondsSince1970: seconds).iso8601)
        }
        guard let text = value.string else { return value }
        let time = Timestamp(iso8601: text) ?? Timestamp(httpDate: text)
            ?? Double(text).flatMap { abs($0) < 1e12 ? Timestamp(secondsSince1970: $0) : nil }
        return .string(time?.iso8601 ?? text)
    }

    // MARK: - XML

    func xml(_ element: XMLElement, _ shape: WireShape) -> JSONValue {
        switch shape.type {
        case "structure":
            var result = JSONObject()
            for member in shape.members where member.place == nil {
                guard let inner = operation.shape(member.shape) else { continue }
                let isFlat = operation.format != .ec2 && (inner.isFlattened || member.isFlattened)
                if isFlat, inner.type == "list" {
                    let found = element.all(inner.element?.locationName ?? member.wireName)
                    if !found.isEmpty { result[naming.name(member.name)] = list(found, inner) }
                } else if isFlat, inner.type == "map" {
                    let found = element.all(member.wireName)
                    if !found.isEmpty { result[naming.name(member.name)] = map(found, inner) }
                } else if let found = element[member.wireName] {
                    result[naming.name(member.name)] = xml(found, inner)
                }
            }
            return .object(result)
        case "list": return list(element.children, shape)
        case "map": return map(element.all("entry"), shape)
        case "blob": return blob(element.text)
        case "timestamp": return time(.string(element.text), shape)
        case "boolean": return .bool(element.text == "true")
        case "integer", "long", "short", "byte", "float", "double", "bigdecimal":
            return JSONNumber(text: element.text).map { .number($0) } ?? .string(element.text)
        default: return .string(element.text)
        }
    }

    private func list(_ elements: [XMLElement], _ shape: WireShape) -> JSONValue {
        guard let inner = operation.shape(shape.element?.shape) else { return [] }
        return .array(elements.map { xml($0, inner) })
    }

    private func map(_ entries: [XMLElement], _ shape: WireShape) -> JSONValue {
        guard let key = shape.key, let value = shape.value, let inner = operation.shape(value.shape) else { return [:] }
        var result = JSONObject()
        for entry in entries {
            guard let name = entry.text(of: key.wireName), let found = entry[value.wireName] else { continue }
            result[name] = xml(found, inner)
        }
        return .object(result)
    }

    // MARK: - REST

    func rest(_ shape: WireShape, status: Int, fields: HTTPFields, body: [UInt8]) throws -> JSONObject {
        var result = JSONObject()
        for member in shape.members {
            switch member.place {
            case .header:
                guard let text = fields[member.wireName] else { continue }
                result[naming.name(member.name)] = header(text, member)
            case .headers:
                var found = JSONObject()
                let prefix = member.wireName.lowercased()
                for entry in fields.entries where entry.name.hasPrefix(prefix) {
                    found[String(entry.name.dropFirst(prefix.count))] = .string(entry.value)
                }
                result[naming.name(member.name)] = .object(found)
            case .statusCode: result[naming.name(member.name)] = .number(status)
            case .uri, .querystring, nil: continue
            }
        }
        if let payload = shape.payload, let member = shape.member(payload), let inner = operation.shape(member.shape) {
            let name = naming.name(payload)
            switch inner.type {
            case "blob", "string": result[name] = .string(String(decoding: body, as: UTF8.self))
            default:
                guard !body.isEmpty else { break }
                result[name] = operation.format == .restJSON
                    ? json(try JSONValue(parsing: body), member.shape) : xml(try XMLReader.read(body), inner)
            }
        } else if !body.isEmpty, shape.members.contains(where: { $0.place == nil }) {
            let found = operation.format == .restJSON
                ? json(try JSONValue(parsing: body), operation.output) : xml(try XMLReader.read(body), shape)
            for (key, value) in found.object ?? [:] { result[key] = value }
        }
        return result
    }

    private func header(_ text: String, _ member: WireMember) -> JSONValue {
        guard let shape = operation.shape(member.shape) else { return .string(text) }
        switch shape.type {
        case "list": return .array(text.split(separator: ",").map { .string(String($0.trimmed)) })
        case "string": return .string(text)
        default: return xml(XMLElement(name: "", text: text), shape)
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var rest = drop { $0 == " " }
        while rest.hasSuffix(" ") { rest = rest.dropLast() }
        return rest
    }
}
