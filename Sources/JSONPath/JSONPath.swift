package import JSONModel

/// A path in Jayway's dialect of JSONPath, parsed once. It finds one value when it is definite (names, single indices)
/// and an array of what it matches otherwise.
package struct JSONPath: Sendable, Hashable {
    package let text: String
    let steps: [Step]
    /// Whether it can only ever name one place.
    package let isDefinite: Bool

    indirect enum Step: Sendable, Hashable {
        case name(String)
        case names([String])
        case index(Int)
        case indices([Int])
        case slice(from: Int?, to: Int?)
        case wildcard
        /// `..`: the next step at this value and everywhere below it.
        case scan
        case filter(FilterExpression, text: String)
        /// With arguments beside what the path finds.
        case function(PathFunction, [FilterOperand])
        /// Only its use is an error.
        case unknownFunction(String)
    }

    /// - Throws: `JSONPathError` for a text that is no path, or that uses a part of the dialect that is not supported.
    package init(_ text: String) throws(JSONPathError) {
        try self.init(text, depth: 0)
    }

    /// A path as Jayway's library itself takes it: `$.` may be left out, and a path may begin with `@`. A state machine
    /// must write the `$`.
    package init(jayway text: String) throws(JSONPathError) {
        if text.hasPrefix("@") {
            try self.init("$" + text.dropFirst())
        } else {
            try self.init(text.hasPrefix("$") ? text : "$." + text)
        }
    }

    /// - Parameter depth: how many filters the path stands in.
    init(_ text: String, depth: Int) throws(JSONPathError) {
        var bytes = Array(text.utf8)
        while bytes.last == 0x20 { bytes.removeLast() }
        var parser = PathParser(bytes: bytes, depth: depth)
        steps = try parser.path()
        self.text = text
        isDefinite = steps.allSatisfy(\.isDefinite)
    }

    /// Whether it is `$` alone.
    package var isRoot: Bool { steps.isEmpty }

    /// The path as Jayway prints it, such as `$['a'][0]`.
    package var normalizedText: String { Self.normalizedText(steps[...]) }

    static func normalizedText(_ steps: ArraySlice<Step>) -> String {
        var text = "$"
        for step in steps { text += step.normalizedText }
        return text
    }

    /// What the path finds in `root`: a value, or an array when the path is not definite.
    /// - Throws: `JSONPathError` with Jayway's text when a definite part of the path leads nowhere.
    package func evaluate(in root: JSONValue) throws(JSONPathError) -> JSONValue {
        if let value = definiteValue(in: root) { return value }
        var evaluation = PathEvaluation(path: self, root: root)
        return try evaluation.run()
    }

    /// The value at a path of names and non-negative indices alone, without the cost of explaining a failure.
    private func definiteValue(in root: JSONValue) -> JSONValue? {
        var value = root
        for step in steps {
            switch (step, value) {
            case (.name(let name), .object(let object)):
                guard let member = object[name] else { return nil }
                value = member
            case (.index(let index), .array(let elements)):
                guard elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}

/// A text that is no path, or a path that finds nothing; `message` is Jayway's where it has one.
package struct JSONPathError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}

/// A function at the end of a path.
enum PathFunction: String, Sendable, Hashable, CaseIterable {
    case length, size, keys, min, max, avg, sum, stddev, first, last, index, append, concat

    var takesArguments: Bool {
        switch self {
        case .min, .max, .avg, .sum, .stddev, .index, .append, .concat: true
        case .length, .size, .keys, .first, .last: false
        }
    }
}

extension JSONPath.Step {
    var normalizedText: String {
        switch self {
        case .name(let name): "['\(name)']"
        case .names(let names): "[" + names.map { "'\($0)'" }.joined(separator: ",") + "]"
        case .index(let index): "[\(index)]"
        case .indices(let indices): "[" + indices.map(String.init).joined(separator: ",") + "]"
        case .slice(let from, let to): "[" + (from.map(String.init) ?? "") + ":" + (to.map(String.init) ?? "") + "]"
        case .wildcard: "[*]"
        case .scan: ".."
        case .filter(_, let text): "[?(\(text))]"
        case .function(let function, _): ".\(function.rawValue)()"
        case .unknownFunction(let name): ".\(name)()"
        }
    }
}
