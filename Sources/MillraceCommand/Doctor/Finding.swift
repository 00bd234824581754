import JSONModel

/// What one check of `millrace doctor` found.
struct Finding: Sendable {
    enum Verdict: String, Sendable { case ok, warn, fail }

    var verdict: Verdict
    /// The part of the set-up: `data`, `machine`, `server`, `s3`, ...
    var area: String
    /// What was found, in one sentence without a point at its end.
    var text: String
    /// What to do about it: a command where there is one.
    var fix: String?

    static func ok(_ area: String, _ text: String) -> Finding { Finding(verdict: .ok, area: area, text: text, fix: nil) }

    static func warn(_ area: String, _ text: String, fix: String) -> Finding {
        Finding(verdict: .warn, area: area, text: text, fix: fix)
    }

    static func fail(_ area: String, _ text: String, fix: String) -> Finding {
        Finding(verdict: .fail, area: area, text: text, fix: fix)
    }

    var json: JSONValue {
        [
            "check": .string(area), "status": .string(verdict.rawValue), "found": .string(text),
            "fix": fix.map(JSONValue.string) ?? .null,
        ]
    }

    var line: String {
        let name = verdict == .ok ? "ok   " : verdict == .warn ? "WARN " : "FAIL "
        let padding = String(repeating: " ", count: max(0, 8 - area.utf8.count))
        return "\(name) \(area)\(padding) \(text)" + (fix.map { "\n               -> \($0)" } ?? "")
    }
}
