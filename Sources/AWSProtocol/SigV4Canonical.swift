/// The canonical form of a request, whose hash is signed.
///
/// S3 takes the path encoded once, as it stands in the request line; every other service takes that path with dot
/// segments and empty segments removed and encoded again. Queries are sorted by encoded name, then encoded value.
enum CanonicalRequest {
    static func text(
        method: String, path: String, query: String, fields: HTTPFields, signedNames: [String], payload: String
    ) -> String {
        var text = "\(method)\n\(path)\n\(query)\n"
        for name in signedNames {
            text += "\(name):\(fields.values(of: name).map(collapsed).joined(separator: ","))\n"
        }
        return text + "\n\(signedNames.joined(separator: ";"))\n\(payload)"
    }

    /// The path as the signer of `service` writes it, from the path of the request line.
    static func path(_ rawPath: String, service: String) -> String {
        if service == "s3" { return rawPath.isEmpty ? "/" : rawPath }
        return PercentEncoding.encode(withoutDotSegments(rawPath), keepingSlashes: true)
    }

    /// The path and query as nearly every signer means them.
    static func usual(rawPath: String, query: RawQuery, service: String) -> (path: String, query: String) {
        (path(rawPath, service: service), sorted(query))
    }

    /// The other forms of path and query that a signer may have meant by what arrived. All of them name the same
    /// resource, so accepting each weakens nothing.
    static func unusual(rawPath: String, query: RawQuery, service: String) -> some Sequence<(path: String, query: String)> {
        var paths = [path(rawPath, service: service)]
        if service == "s3" {
            if let decoded = PercentEncoding.decode(rawPath) {
                add(PercentEncoding.encode(decoded, keepingSlashes: true), to: &paths)
            }
        } else {
            add(PercentEncoding.encode(rawPath, keepingSlashes: true), to: &paths)
            add(rawPath, to: &paths)
        }
        var queries = [sorted(query)]
        add(sorted(reencoded(query, plusIsSpace: false)), to: &queries)
        add(sorted(reencoded(query, plusIsSpace: true)), to: &queries)
        return paths.flatMap { path in queries.map { (path, $0) } }.dropFirst()
    }

    /// Sorted by bytes of the encoded name, then of the encoded value.
    static func sorted(_ query: RawQuery) -> String {
        query.items.sorted { a, b in
            a.name == b.name
                ? a.value.utf8.lexicographicallyPrecedes(b.value.utf8)
                : a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
        }
        .map { "\($0.name)=\($0.value)" }
        .joined(separator: "&")
    }

    /// Without blanks at the ends, runs of blanks inside made one space.
    private static func collapsed(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) else { return value }
        return value.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            .map { String(decoding: $0, as: UTF8.self) }
            .joined(separator: " ")
    }

    private static func reencoded(_ query: RawQuery, plusIsSpace: Bool) -> RawQuery {
        var result = query
        for index in result.items.indices {
            let item = result.items[index]
            result.items[index].name =
                PercentEncoding.decode(item.name, plusIsSpace: plusIsSpace).map { PercentEncoding.encode($0) }
                ?? item.name
            result.items[index].value =
                PercentEncoding.decode(item.value, plusIsSpace: plusIsSpace).map { PercentEncoding.encode($0) }
                ?? item.value
        }
        return result
    }

    private static func withoutDotSegments(_ path: String) -> String {
        var kept: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." {
                _ = kept.popLast()
            } else {
                kept.append(segment)
            }
        }
        let result = "/" + kept.joined(separator: "/")
        return path.hasSuffix("/") && result != "/" ? result + "/" : result
    }

    private static func add(_ text: String, to list: inout [String]) {
        if !list.contains(text) { list.append(text) }
    }
}
