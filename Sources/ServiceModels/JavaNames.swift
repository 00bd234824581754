/// The names that the AWS SDK for Java makes of a model's, which are those that Step Functions shows.
///
/// Its second version writes every word of a service or an exception with one capital (`DynamoDB` becomes `DynamoDb`), its
/// first one only begins with one.
/// - Source: aws-sdk-java-v2, codegen, `Utils.splitOnWordBoundaries`, `Utils.unCapitalize` and `DefaultNamingStrategy`.
package enum JavaNames {
    /// `DynamoDB` to `DynamoDb`, `CloudWatch Logs` to `CloudWatchLogs`, `SFN` to `Sfn`.
    package static func pascal(_ name: String) -> String {
        words(name).map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }.joined()
    }

    /// Of an error's shape: `QueueDoesNotExist` to `QueueDoesNotExistException`.
    package static func exception(_ shape: String) -> String {
        if shape.hasSuffix("Fault") { return pascal(String(shape.dropLast(5))) + "Exception" }
        return pascal(shape) + (shape.hasSuffix("Exception") ? "" : "Exception")
    }

    /// As `exception`, in the first version: the words stay as they are.
    package static func oldException(_ shape: String) -> String {
        if shape.hasSuffix("Fault") { return capitalized(shape.dropLast(5)) + "Exception" }
        return capitalized(shape) + (shape.hasSuffix("Exception") ? "" : "Exception")
    }

    /// Of a member, in the second version: `DBInstance` to `DbInstance`, `BOOL` to `Bool`, `MD5OfBody` to `Md5OfBody`;
    /// capitals further on stay, as in `ChecksumCRC32`.
    package static func member(_ name: String) -> String {
        let bytes = Array(name.utf8)
        var count = 1
        while count < bytes.count, kind(bytes[count]) == .upper,
            count + 1 == bytes.count || kind(bytes[count + 1]) != .lower
        { count += 1 }
        return name.prefix(1).uppercased() + name.prefix(count).dropFirst().lowercased() + name.dropFirst(count)
    }

    package static func capitalized(_ name: some StringProtocol) -> String {
        name.prefix(1).uppercased() + name.dropFirst()
    }

    private enum Kind { case lower, upper, digit, other }

    private static func kind(_ byte: UInt8) -> Kind {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): .lower
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): .upper
        case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
        default: .other
        }
    }

    /// Words end before a capital that follows a small letter (unless nothing follows it), before the last of several
    /// capitals that a small letter follows, after a digit that a letter follows, and at everything else; a version
    /// such as `V2` is a word.
    static func words(_ name: String) -> [String] {
        let bytes = Array(name.utf8)
        let kinds = bytes.map(kind)
        var words: [String] = []
        var current: [UInt8] = []
        func ends(before index: Int) -> Bool {
            let (last, this) = (kinds[index - 1], kinds[index])
            let next = index + 1 < kinds.count ? kinds[index + 1] : .other
            if isVersion(at: index), index >= 2, kinds[index - 2] != .other, last != .other, last != .digit { return true }
            switch (last, this) {
            case (.lower, .upper): return next != .other
            case (.upper, .upper): return next == .lower && !isVersion(at: index + 1)
            case (.digit, .lower), (.digit, .upper): return true
            default: return false
            }
        }
        /// A `v` of the other case than the letters before it, and a digit.
        func isVersion(at index: Int) -> Bool {
            guard index > 0, index + 1 < bytes.count, kinds[index + 1] == .digit else { return false }
            switch bytes[index] {
            case UInt8(ascii: "v"): return kinds[index - 1] == .upper
            case UInt8(ascii: "V"): return kinds[index - 1] == .lower
            default: return false
            }
        }
        for index in bytes.indices {
            if kinds[index] == .other || (index > 0 && kinds[index - 1] != .other && ends(before: index)) {
                if !current.isEmpty { words.append(String(decoding: current, as: UTF8.self)) }
                current = []
            }
            if kinds[index] != .other { current.append(bytes[index]) }
        }
        if !current.isEmpty { words.append(String(decoding: current, as: UTF8.self)) }
        return words
    }
}
