import JSONModel

extension AWSError {
    /// An encoded error: what goes on the wire besides the status.
    package struct Envelope: Sendable, Hashable {
        package var status: Int
        package var fields: HTTPFields
        package var body: [UInt8]
    }

    /// awsJson1.0, awsJson1.1 and restJson1.
    ///
    /// - Parameter contentType: `application/x-amz-json-1.0`, `application/x-amz-json-1.1` or `application/json`.
    /// - Parameter namespace: put before `#` and the code, as awsJson1.0 services do.
    package func jsonEnvelope(contentType: String, namespace: String? = nil, requestID: String) -> Envelope {
        var body: JSONObject = [:]
        body["__type"] = .string(namespace.map { "\($0)#\(code)" } ?? code)
        // Service models write the member in lower case, but for a few old ones; SDKs read both.
        body["message"] = .string(message)
        for (key, value) in members where body[key] == nil { body[key] = value }
        return Envelope(
            status: httpStatus,
            fields: ["content-type": contentType, "x-amzn-errortype": code, "x-amzn-requestid": requestID],
            body: JSONValue.object(body).bytes)
    }

    /// S3: `<Error>` as the root. A HEAD request's answer has the status and the fields only.
    ///
    /// - Parameter resource: the path of the bucket or object.
    package func s3Envelope(resource: String, requestID: String, hostID: String = "millrace") -> Envelope {
        var xml = XMLWriter()
        xml.element("Error") { xml in
            xml.element("Code", code)
            xml.element("Message", message)
            for (key, value) in members { xml.element(named: key, value.string ?? value.text) }
            xml.element("Resource", resource)
            xml.element("RequestId", requestID)
            xml.element("HostId", hostID)
        }
        return Envelope(
            status: httpStatus,
            fields: ["content-type": "application/xml", "x-amz-request-id": requestID, "x-amz-id-2": hostID],
            body: xml.bytes)
    }

    /// awsQuery: sts and iam.
    ///
    /// - Parameter namespace: of the service's documents, such as `https://sts.amazonaws.com/doc/2011-06-15/`.
    package func queryEnvelope(namespace: String, requestID: String) -> Envelope {
        var xml = XMLWriter(declaration: false)
        xml.element("ErrorResponse", namespace: namespace) { xml in
            xml.element("Error") { xml in
                xml.element("Type", httpStatus < 500 ? "Sender" : "Receiver")
                xml.element("Code", code)
                xml.element("Message", message)
            }
            xml.element("RequestId", requestID)
        }
        return Envelope(
            status: httpStatus, fields: ["content-type": "text/xml", "x-amzn-requestid": requestID], body: xml.bytes)
    }

    /// EC2's form of the query protocol.
    package func ec2Envelope(requestID: String) -> Envelope {
        var xml = XMLWriter()
        xml.element("Response") { xml in
            xml.element("Errors") { xml in
                xml.element("Error") { xml in
                    xml.element("Code", code)
                    xml.element("Message", message)
                }
            }
            xml.element("RequestID", requestID)
        }
        return Envelope(
            status: httpStatus, fields: ["content-type": "text/xml", "x-amzn-requestid": requestID], body: xml.bytes)
    }

    /// Reads an answer whose status is not a success, as any of the three protocols writes it.
    ///
    /// - Returns: never fails: what cannot be read becomes code `UnknownError` with the status in the message.
    package init(status: Int, fields: HTTPFields, body: [UInt8]) {
        let named = fields["x-amzn-errortype"].map(Self.bareCode)
        if let object = (try? JSONValue(parsing: body))?.object {  // Not JSON: then it may be XML.
            let code = object["__type"]?.string ?? object["code"]?.string ?? object["Code"]?.string
            let message = object["message"]?.string ?? object["Message"]?.string ?? ""
            var members = object
            for key in ["__type", "message", "Message", "code", "Code"] { members[key] = nil }
            self.init(named ?? code.map(Self.bareCode) ?? "UnknownError", message, httpStatus: status, members: members)
            return
        }
        if let root = try? XMLReader.read(body) {  // Not XML either: only the status is left.
            let error = root.name == "Error" ? root : root["Error"] ?? root["Errors"]?["Error"] ?? root
            var members: JSONObject = [:]
            for child in error.children where child.name != "Code" && child.name != "Message" {
                members[child.name] = .string(child.text)
            }
            if let code = error.text(of: "Code") {
                self.init(code, error.text(of: "Message") ?? "", httpStatus: status, members: members)
                return
            }
        }
        self.init(named ?? "UnknownError", "The server answered with status \(status).", httpStatus: status)
    }

    /// `com.amazonaws.x#Code:http://…` without what surrounds the code.
    private static func bareCode(_ text: String) -> String {
        let code = text.split(separator: ":", maxSplits: 1).first ?? ""
        return String(code.split(separator: "#").last ?? "")
    }
}

extension XMLWriter {
    /// An element whose name is known only at run time; characters that a name cannot have are left out.
    package mutating func element(named name: String, _ text: String) {
        let name = String(
            decoding: name.utf8.filter { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
            }, as: UTF8.self)
        guard let first = name.utf8.first, first >= 65 else { return }
        openTag(name)
        self.text(text)
        closeTag(name)
    }
}
