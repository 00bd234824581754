/// One value for `/metrics`.
package struct Metric: Sendable {
    package enum Kind: String, Sendable { case counter, gauge }

    /// With the unit last, such as `millrace_store_commits_total`.
    package var name: String
    package var help: String
    package var kind: Kind
    package var labels: [(name: String, value: String)]
    package var value: Double

    package init(
        _ name: String, _ kind: Kind, _ help: String, labels: [(name: String, value: String)] = [], value: Double
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.labels = labels
        self.value = value
    }

    /// Prometheus' text format; metrics of one name stand together.
    package static func exposition(_ metrics: [Metric]) -> String {
        var text = ""
        var last = ""
        for metric in metrics {
            if metric.name != last {
                text += "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
                last = metric.name
            }
            let labels = metric.labels.map { "\($0.name)=\"\($0.value.escapedLabel)\"" }.joined(separator: ",")
            let value = metric.value == metric.value.rounded() && abs(metric.value) < 1e15
                ? String(Int64(metric.value)) : String(metric.value)
            text += metric.name + (labels.isEmpty ? "" : "{\(labels)}") + " \(value)\n"
        }
        return text
    }
}

extension String {
    fileprivate var escapedLabel: String {
        map { ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"][$0] ?? String($0) }.joined()
    }
}
