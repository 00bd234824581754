import FoundationEssentials

/// Published cases beside the checkout, used when they are there.
package enum Suites {
    /// The folder of `name`, such as `suites/delta` or `data/retail`; nil when the shared folder is absent.
    package static func folder(_ name: String) -> String? {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(4)
        let path = parts.joined(separator: "/") + "/shared/" + name
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }
}
