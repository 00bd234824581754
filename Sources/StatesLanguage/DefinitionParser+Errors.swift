import JSONModel

// Retry and Catch.
extension DefinitionParser {
    mutating func retriers(_ fields: JSONObject, at location: String) -> [Retrier] {
        var retriers: [Retrier] = []
        let values = array(fields, "Retry", at: location) ?? []
        for (index, value) in values.enumerated() {
            let place = "\(location)/Retry[\(index)]"
            guard case .object(let object) = value else {
                report("Expected value of type Object", at: place)
                continue
            }
            checkFields(
                object,
                [
                    "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy",
                    "Comment",
                ], place)
            var retrier = Retrier(errorEquals: errorNames(object, at: place, isLast: index == values.count - 1))
            if let value = integer(object, "IntervalSeconds", at: place, in: 0...99_999_999) { retrier.intervalSeconds = value }
            if let value = integer(object, "MaxAttempts", at: place, in: 0...99_999_999) { retrier.maxAttempts = value }
            retrier.maxDelaySeconds = integer(object, "MaxDelaySeconds", at: place, in: 1...31_622_400)
            if let rate = decimal(object, "BackoffRate", at: place, in: 1...Double.greatestFiniteMagnitude) {
                retrier.backoffRate = rate
            }
            if let text = string(object, "JitterStrategy", at: place) {
                if let jitter = Retrier.Jitter(rawValue: text) {
                    retrier.jitter = jitter
                } else {
                    reportSet(["NONE", "FULL"], at: place + "/JitterStrategy")
                }
            }
            retriers.append(retrier)
        }
        return retriers
    }

    mutating func catchers(
        _ fields: JSONObject, at location: String, siblings: JSONObject, referred: inout Set<String>
    ) -> [Catcher] {
        var catchers: [Catcher] = []
        let values = array(fields, "Catch", at: location) ?? []
        for (index, value) in values.enumerated() {
            let place = "\(location)/Catch[\(index)]"
            guard case .object(let object) = value else {
                report("Expected value of type Object", at: place)
                continue
            }
            let own = current.language == .jsonata ? "Output" : "ResultPath"
            checkFields(object, ["ErrorEquals", "Next", own, "Assign", "Comment"], place)
            let names = errorNames(object, at: place, isLast: index == values.count - 1)
            guard let next = string(object, "Next", at: place) else {
                if object["Next"] == nil { report("These fields are required: [Next]", at: place) }
                continue
            }
            target(next, at: place + "/Next", siblings: siblings, referred: &referred)
            catchers.append(
                Catcher(
                    errorEquals: names, next: next, resultPath: resultPath(object, at: place),
                    assign: assign(object, at: place), output: output(object, at: place)))
        }
        return catchers
    }

    private mutating func errorNames(_ object: JSONObject, at location: String, isLast: Bool) -> [String] {
        guard object["ErrorEquals"] != nil else {
            report("These fields are required: [ErrorEquals]", at: location)
            return []
        }
        guard let values = array(object, "ErrorEquals", at: location) else { return [] }
        let names = values.compactMap(\.string)
        if names.count != values.count { report("Expected value of type String", at: location + "/ErrorEquals") }
        if values.isEmpty { report("Value cannot be empty", at: location + "/ErrorEquals") }
        if names.contains("States.ALL"), names.count > 1 || !isLast {
            report("States.ALL must appear alone and at end of list", at: location + "/ErrorEquals")
        }
        return names
    }
}
