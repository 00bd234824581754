package import AWSProtocol

/// A request as it came, before anybody has looked at its signature.
package struct IncomingRequest: Sendable {
    package var method: String
    /// Still percent-encoded, without the query.
    package var rawPath: String
    /// What followed the first `?`, still percent-encoded; nil without one.
    package var rawQuery: String?
    /// With `host`, also for requests that named it as authority.
    package var fields: HTTPFields
    package var body: RequestBody
    /// Whether nobody could listen: it came over TLS, or never left the machine.
    package var isSecure = false
    /// Where the connection comes from, such as `192.168.1.7` or `fe80::1`; nil for what has no address.
    package var clientAddress: String?
    /// Nil where nobody can hang up.
    package var client: ClientPresence?

    /// - Parameter target: what stood between method and version in the request line.
    package init(method: String, target: String, fields: HTTPFields, body: RequestBody) {
        self.method = method
        if let mark = target.firstIndex(of: "?") {
            rawPath = String(target[..<mark])
            rawQuery = String(target[target.index(after: mark)...])
        } else {
            rawPath = target
            rawQuery = nil
        }
        self.fields = fields
        self.body = body
    }
}
