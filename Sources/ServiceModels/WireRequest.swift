package import AWSProtocol
package import JSONModel
import Support

/// A request as it is to be sent, but for the host and the signature.
package struct WireRequest: Sendable, Hashable {
    package var method: String
    /// Percent-encoded.
    package var rawPath: String
    /// Percent-encoded, without `?`; nil for none.
    package var rawQuery: String?
    package var fields: HTTPFields
    package var body: [UInt8]
}

/// Why parameters cannot be sent.
package struct WireParameterError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

extension ServiceOperation {
    /// Writes a request from parameters as Step Functions takes them.
    ///
    /// Members go by their names in Pascal case, in either version of the Java SDK's spelling, or as the model has them;
    /// a null is a member that is left out. A text may be given as JSON, whose compact form it then is; a blob is the text's
    /// UTF-8 or, where the service streams it, the value's JSON; times are ISO 8601 or epoch seconds.
    ///
    /// - Throws: `WireParameterError` for a member that the operation lacks, a required one that is missing, or a value that
    ///   its shape cannot hold.
    package func request(_ parameters: JSONObject) throws(WireParameterError) -> WireRequest {
        let input = try normalized(.object(parameters), self.input ?? "", "")?.object ?? [:]
        if self.input == nil, let first = parameters.first {
            throw WireParameterError("The field \"\(first.key)\" is not supported by Step Functions")
        }
        var request = WireRequest(
            method: declaration["http"]?["method"]?.string ?? "POST", rawPath: "/", rawQuery: nil, fields: [:], body: [])
        switch format {
        case .json:
            let version = metadata["jsonVersion"]?.string ?? "1.0"
            request.fields["content-type"] = "application/x-amz-json-\(version)"
            request.fields["x-amz-target"] = "\(metadata["targetPrefix"]?.string ?? "").\(name)"
            // Has errors carry the codes of the older format, too.
            if metadata["awsQueryCompatible"] != nil { request.fields["x-amzn-query-mode"] = "true" }
            request.body = jsonBody(.object(input), self.input).bytes
        case .query, .ec2:
            request.fields["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
            request.body = Array(formBody(input).utf8)
        case .restJSON, .restXML: try writeREST(input, &request)
        }
        let isChecksumRequired =
            declaration["httpChecksumRequired"]?.bool ?? declaration["httpChecksum"]?["requestChecksumRequired"]?.bool ?? false
        if isChecksumRequired { request.fields["content-md5"] = contentMD5(request.body) }
        return request
    }

    // MARK: - Parameters

    /// The value with the model's own names and texts. As deep as the parameters, which the parser has limited.
    private func normalized(
        _ value: JSONValue, _ name: String, _ path: String, streams: Bool = false
    ) throws(WireParameterError) -> JSONValue? {
        guard let shape = shape(name), !value.isNull else { return nil }
        func mismatch(_ wanted: String) -> WireParameterError {
            let found = String(value.text.prefix(100))
            return WireParameterError("The field '\(path.isEmpty ? "Parameters" : path)' must be \(wanted), found: \(found)")
        }
        func inner(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch shape.type {
        case "structure":
            guard let object = value.object else { throw mismatch("an object") }
            var result = JSONObject()
            for (key, value) in object {
                guard let member = shape.members.first(where: { Self.isNamed($0.name, key) }) else {
                    throw WireParameterError("The field \"\(key)\" is not supported by Step Functions")
                }
                result[member.name] = try normalized(value, member.shape, inner(key), streams: member.isStreaming)
            }
            // A null is there, and the service's to complain of.
            for name in shape.required where !object.keys.contains(where: { Self.isNamed(name, $0) }) {
                throw WireParameterError("The field '\(JavaNames.capitalized(name))' is required but was missing")
            }
            return .object(result)
        case "list":
            guard let elements = value.array else { throw mismatch("an array") }
            guard let element = shape.element else { return value }
            var result: [JSONValue] = []
            for (index, value) in elements.enumerated() {
                if let value = try normalized(value, element.shape, "\(path)[\(index)]") { result.append(value) }
            }
            return .array(result)
        case "map":
            guard let object = value.object else { throw mismatch("an object") }
            guard let member = shape.value else { return value }
            var result = JSONObject()
            for (key, value) in object { result[key] = try normalized(value, member.shape, inner(key)) }
            return .object(result)
        case "string": return .string(value.string ?? value.text)
        case "blob": return .string(Base64.encode(Array((streams ? value.text : value.string ?? value.text).utf8)))
        case "timestamp":
            if let seconds = value.double, abs(seconds) < 1e12 {
                return .string(Timestamp(secondsSince1970: seconds).iso8601)
            }
            guard let text = value.string, let time = Timestamp(iso8601: text) else {
                throw mismatch("an ISO 8601 time such as 2026-11-21T11:32:41Z")
            }
            return .string(time.iso8601)
        case "boolean":
            if let text = value.string, let flag = Bool(text) { return .bool(flag) }
            guard value.bool != nil else { throw mismatch("a boolean") }
            return value
        default:
            if let text = value.string, let number = JSONNumber(text: text) { return .number(number) }
            guard value.number != nil else { throw mismatch("a number") }
            return value
        }
    }

    private static func isNamed(_ name: String, _ key: String) -> Bool {
        name == key || JavaNames.capitalized(name) == key || JavaNames.member(name) == key
    }

    /// A time as a format has it. The normalised form is ISO 8601.
    private func time(_ text: String, _ member: WireMember, standard: String) -> JSONValue {
        guard let time = Timestamp(iso8601: text) else { return .string(text) }
        switch member.timestampFormat ?? shape(member.shape)?.timestampFormat ?? standard {
        case "iso8601":
            let hasFraction = time.millisecondsSince1970 % 1000 != 0
            return .string(hasFraction ? time.iso8601 : time.iso8601.dropLast(5) + "Z")
        case "rfc822": return .string(time.httpDate)
        default:
            let milliseconds = time.millisecondsSince1970
            return milliseconds % 1000 == 0 ? .number(milliseconds / 1000) : .number(time.secondsSince1970)
        }
    }

    // MARK: - JSON

    private func jsonBody(_ value: JSONValue, _ name: String?, places: Bool = false) -> JSONValue {
        guard let shape = shape(name) else { return value }
        switch shape.type {
        case "structure":
            var result = JSONObject()
            for (key, value) in value.object ?? [:] {
                guard let member = shape.member(key), member.place == nil || !places else { continue }
                result[format == .json ? member.name : member.wireName] = jsonMember(value, member)
            }
            return .object(result)
        case "list":
            guard let element = shape.element else { return value }
            return .array((value.array ?? []).map { jsonMember($0, element) })
        case "map":
            guard let member = shape.value else { return value }
            var result = JSONObject()
            for (key, value) in value.object ?? [:] { result[key] = jsonMember(value, member) }
            return .object(result)
        default: return value
        }
    }

    private func jsonMember(_ value: JSONValue, _ member: WireMember) -> JSONValue {
        if shape(member.shape)?.type == "timestamp", let text = value.string {
            return time(text, member, standard: "unixTimestamp")
        }
        return jsonBody(value, member.shape)
    }

    // MARK: - Forms

    private func formBody(_ input: JSONObject) -> String {
        var items = ["Action=\(PercentEncoding.encode(name))"]
        if let version = metadata["apiVersion"]?.string { items.append("Version=\(PercentEncoding.encode(version))") }
        func add(_ value: JSONValue, _ member: WireMember, _ prefix: String) {
            let shape = shape(member.shape)
            switch shape?.type {
            case "structure":
                for (key, value) in value.object ?? [:] {
                    guard let inner = shape?.member(key) else { continue }
                    add(value, inner, prefix.isEmpty ? formName(inner) : "\(prefix).\(formName(inner))")
                }
            case "list":
                guard let element = shape?.element else { return }
                let isFlat = format == .ec2 || shape?.isFlattened == true || member.isFlattened
                // A flat list goes by its elements' name where they have one.
                var base = prefix
                if isFlat, format == .query, let name = element.locationName {
                    base = (prefix.split(separator: ".").dropLast() + [Substring(name)]).joined(separator: ".")
                }
                if value.array?.isEmpty == true, format == .query { items.append("\(prefix)=") }
                for (index, value) in (value.array ?? []).enumerated() {
                    add(value, element, isFlat ? "\(base).\(index + 1)" : "\(prefix).\(element.wireName).\(index + 1)")
                }
            case "map":
                guard let keyMember = shape?.key, let valueMember = shape?.value else { return }
                let base = shape?.isFlattened == true || member.isFlattened ? prefix : "\(prefix).entry"
                for (index, entry) in (value.object ?? [:]).enumerated() {
                    add(.string(entry.key), keyMember, "\(base).\(index + 1).\(keyMember.wireName)")
                    add(entry.value, valueMember, "\(base).\(index + 1).\(valueMember.wireName)")
                }
            case "timestamp":
                let time = time(value.string ?? "", member, standard: "iso8601")
                items.append("\(PercentEncoding.encode(prefix))=\(PercentEncoding.encode(time.string ?? time.text))")
            default: items.append("\(PercentEncoding.encode(prefix))=\(PercentEncoding.encode(value.string ?? value.text))")
            }
        }
        add(.object(input), WireMember(name: "", shape: self.input ?? ""), "")
        return items.joined(separator: "&")
    }

    private func formName(_ member: WireMember) -> String {
        guard format == .ec2 else { return member.wireName }
        return member.queryName ?? JavaNames.capitalized(member.wireName)
    }

    // MARK: - REST

    private func writeREST(_ input: JSONObject, _ request: inout WireRequest) throws(WireParameterError) {
        let shape = shape(self.input)
        var labels: [String: String] = [:]
        var query: [(name: String, value: String)] = []
        for (key, value) in input {
            guard let member = shape?.member(key), let place = member.place else { continue }
            switch place {
            case .uri: labels[member.wireName] = plain(value, member, standard: "iso8601")
            case .querystring: query += queryItems(value, member)
            case .header:
                guard let text = headerText(value, member) else { continue }
                request.fields[member.wireName] = text
            case .headers:
                for (name, value) in value.object ?? [:] {
                    request.fields[member.wireName + name] = value.string ?? value.text
                }
            case .statusCode: continue
            }
        }
        try writeTarget(labels, query, &request)
        if let payload = shape?.payload, let member = shape?.member(payload) {
            guard let value = input[payload] else { return }
            writePayload(value, member, &request)
        } else if let shape, shape.members.contains(where: { $0.place == nil }) {
            if format == .restJSON {
                request.fields["content-type"] = "application/json"
                request.body = jsonBody(.object(input), self.input, places: true).bytes
            } else if input.keys.contains(where: { shape.member($0)?.place == nil }) {
                request.fields["content-type"] = "application/xml"
                let root = declaration["input"]?["locationName"]?.string ?? self.input ?? ""
                request.body = xmlBody(.object(input), WireMember(name: root, shape: self.input ?? ""), isRoot: true)
            }
        }
    }

    private func writePayload(_ value: JSONValue, _ member: WireMember, _ request: inout WireRequest) {
        switch shape(member.shape)?.type {
        case "blob":
            request.body = Base64.decode(value.string ?? "") ?? []
            if request.fields["content-type"] == nil {
                request.fields["content-type"] =
                    member.isStreaming ? "text/plain; charset=UTF-8" : "application/octet-stream"
            }
        case "string":
            request.body = Array((value.string ?? "").utf8)
            if request.fields["content-type"] == nil { request.fields["content-type"] = "text/plain" }
        default:
            request.fields["content-type"] = format == .restJSON ? "application/json" : "application/xml"
            request.body =
                format == .restJSON ? jsonBody(value, member.shape).bytes : xmlBody(value, member, isRoot: true)
        }
    }

    /// The model's `/{Bucket}/{Key+}?list-type=2` with the labels filled in.
    private func writeTarget(
        _ labels: [String: String], _ query: [(name: String, value: String)], _ request: inout WireRequest
    ) throws(WireParameterError) {
        let template = declaration["http"]?["requestUri"]?.string ?? "/"
        let parts = template.split(separator: "?", maxSplits: 1)
        var path = ""
        for segment in (parts.first ?? "/").split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            path += "/"
            var rest = segment
            while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
                path += rest[..<open]
                var label = rest[rest.index(after: open)..<close]
                let isGreedy = label.hasSuffix("+")
                if isGreedy { label = label.dropLast() }
                guard let value = labels[String(label)], !value.isEmpty else {
                    throw WireParameterError("The field \"\(JavaNames.capitalized(label))\" is required but was missing")
                }
                path += PercentEncoding.encode(value, keepingSlashes: isGreedy)
                rest = rest[rest.index(after: close)...]
            }
            path += rest
        }
        request.rawPath = path.isEmpty ? "/" : path
        let fixed = parts.count > 1 ? parts[1].split(separator: "&").map(String.init) : []
        let items = fixed + query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }
        request.rawQuery = items.isEmpty ? nil : items.joined(separator: "&")
    }

    private func queryItems(_ value: JSONValue, _ member: WireMember) -> [(name: String, value: String)] {
        if let elements = value.array {
            let element = shape(member.shape)?.element ?? member
            return elements.map { (member.wireName, plain($0, element, standard: "iso8601")) }
        }
        if let object = value.object {
            return object.flatMap { name, value in
                (value.array ?? [value]).map { (name, $0.string ?? $0.text) }
            }
        }
        return [(member.wireName, plain(value, member, standard: "iso8601"))]
    }

    private func headerText(_ value: JSONValue, _ member: WireMember) -> String? {
        let text: String
        if let elements = value.array {
            text = elements.map { $0.string ?? $0.text }.joined(separator: ",")
        } else {
            text = plain(value, member, standard: "rfc822")
        }
        // What could end the field is no value of one.
        return text.utf8.contains { $0 < 0x20 && $0 != 9 || $0 == 0x7F } ? nil : text
    }

    private func plain(_ value: JSONValue, _ member: WireMember, standard: String) -> String {
        if shape(member.shape)?.type == "timestamp", let text = value.string {
            let time = time(text, member, standard: standard)
            return time.string ?? time.text
        }
        return value.string ?? value.text
    }

    // MARK: - XML

    private func xmlBody(_ value: JSONValue, _ member: WireMember, isRoot: Bool = false) -> [UInt8] {
        var writer = XMLWriter(declaration: false)
        let namespace = XMLNamespace(declaration["input"]?["xmlNamespace"]) ?? member.namespace
        write(value, member, named: member.wireName, &writer, namespace: isRoot ? namespace : nil)
        return writer.bytes
    }

    private func write(
        _ value: JSONValue, _ member: WireMember, named name: String, _ writer: inout XMLWriter, namespace: XMLNamespace? = nil
    ) {
        let shape = shape(member.shape)
        switch shape?.type {
        case "structure":
            let inner = (value.object ?? [:]).compactMap { key, value in shape?.member(key).map { ($0, value) } }
            let attributes = inner.filter(\.0.isAttribute).map { ($0.0.wireName, $0.1.string ?? $0.1.text) }
            let declared = namespace ?? member.namespace ?? shape?.namespace
            writer.openTag(name, attributes: (declared.map { [$0.attribute] } ?? []) + attributes)
            for (inner, value) in inner where !inner.isAttribute && (inner.place == nil) {
                write(value, inner, named: inner.wireName, &writer)
            }
            writer.closeTag(name)
        case "list":
            guard let element = shape?.element else { return }
            if shape?.isFlattened == true || member.isFlattened {
                for value in value.array ?? [] { write(value, element, named: element.locationName ?? name, &writer) }
                return
            }
            writer.openTag(name)
            for value in value.array ?? [] { write(value, element, named: element.wireName, &writer) }
            writer.closeTag(name)
        case "map":
            guard let keyMember = shape?.key, let valueMember = shape?.value else { return }
            writer.openTag(name)
            for (key, value) in value.object ?? [:] {
                writer.openTag("entry")
                write(.string(key), keyMember, named: keyMember.wireName, &writer)
                write(value, valueMember, named: valueMember.wireName, &writer)
                writer.closeTag("entry")
            }
            writer.closeTag(name)
        default:
            writer.openTag(name)
            writer.text(plain(value, member, standard: "iso8601"))
            writer.closeTag(name)
        }
    }
}
