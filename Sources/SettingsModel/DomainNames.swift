/// The value of a setting that lists domain names: `s3.example.com, s3.lan`.
enum DomainNames {
    /// - Returns: the names in lower case, in their order.
    /// - Throws: what is wrong with the first one that is none.
    static func read(_ text: String) throws(SettingMismatch) -> [String] {
        var names: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = part.drop { $0 == " " }.lowercased()
            let trimmed = String(name.reversed().drop { $0 == " " }.reversed())
            if let fault = fault(in: trimmed) {
                throw SettingMismatch("must be domain names such as s3.example.com, with commas between them; '\(trimmed)' \(fault)")
            }
            if !names.contains(trimmed) { names.append(trimmed) }
        }
        return names
    }

    private static func fault(in name: String) -> String? {
        if name.isEmpty { return "is empty" }
        if name.contains("://") || name.contains("/") { return "is a URL: leave out what is not the name" }
        if name.contains(":") { return "has a port: leave it out, any port will do" }
        if name.hasPrefix("*.") { return "has a wildcard: leave out '*.'" }
        if name.utf8.count > 190 { return "is longer than 190 bytes, which leaves no room for a bucket" }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        if labels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }) {
            return "is an address: no name can stand before it"
        }
        for label in labels {
            let isLabel = (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") }
            if !isLabel { return "is no domain name" }
        }
        return nil
    }
}

extension EffectiveSettings {
    /// The names of a setting that lists domains, in lower case; none when it is not set.
    package func domains(_ setting: Setting) -> [String] {
        // What is no list of names has been refused before.
        text(setting).flatMap { try? DomainNames.read($0) } ?? []
    }
}
