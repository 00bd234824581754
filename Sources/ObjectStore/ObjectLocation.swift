/// Where an object, or a prefix of objects, is: `s3://bucket/key`.
package struct ObjectLocation: Sendable, Hashable, CustomStringConvertible {
    package let bucket: String
    /// May be empty or end in a slash, for a prefix.
    package let key: String

    package init(bucket: String, key: String) {
        self.bucket = bucket
        self.key = key
    }

    /// Reads `s3://`, and Hadoop's `s3a://` and `s3n://`. The key is taken as written, not percent-decoded, as Spark
    /// does. Nil for another scheme or without a bucket.
    package init?(uri: String) {
        guard let colon = uri.firstIndex(of: ":"), ["s3", "s3a", "s3n"].contains(uri[..<colon].lowercased()),
            uri[colon...].hasPrefix("://")
        else { return nil }
        let rest = uri[uri.index(colon, offsetBy: 3)...]
        let bucket = rest.prefix { $0 != "/" }
        guard !bucket.isEmpty else { return nil }
        self.init(bucket: String(bucket), key: String(rest.dropFirst(bucket.count + 1)))
    }

    package var description: String { "s3://\(bucket)/\(key)" }
}
