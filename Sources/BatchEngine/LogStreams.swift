/// Names of log streams, which lead back to the attempt they belong to.
package enum LogStreams {
    /// The last part of a stream's name. It holds no colon, which stream names may not contain.
    package static func identifier(jobID: String, attempt: Int) -> String {
        "\(pathName(ofJob: jobID))-\(attempt)"
    }

    /// The job and attempt that a stream's name, or its last part, was made from.
    package static func attempt(ofStream name: String) -> (jobID: String, attempt: Int)? {
        guard let last = name.split(separator: "/", omittingEmptySubsequences: false).last,
            let dash = last.lastIndex(of: "-"), let attempt = Int(last[last.index(after: dash)...]), attempt > 0
        else { return nil }
        return (String(last[..<dash].map { $0 == "_" ? ":" : $0 }), attempt)
    }

    /// A job's id as one path component.
    package static func pathName(ofJob id: String) -> String { String(id.map { $0 == ":" ? "_" : $0 }) }
}
