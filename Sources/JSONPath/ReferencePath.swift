package import JSONModel

/// A path of names and non-negative indices, which names one place and may be set: `$.a['b c'][0]`.
package struct ReferencePath: Sendable, Hashable {
    package let text: String
    private let steps: [JSONPath.Step]

    /// Deeper data could not be read back.
    private static let stepsMax = JSONLimits.default.maxDepth

    /// Nil when the text is no path, has another kind of step, or too many.
    package init?(_ text: String) {
        // The reason is of no use: the definition's finding names the field and the text.
        guard let path = try? JSONPath(text) else { return nil }
        self.init(path)
    }

    package init?(_ path: JSONPath) {
        guard path.isReference, path.steps.count <= Self.stepsMax else { return nil }
        text = path.text
        steps = path.steps
    }

    /// Replaces what stands at the path, making missing objects on the way. False, with `root` unchanged, where a name
    /// meets something else than an object or an index something else than an element.
    package func set(_ value: JSONValue, in root: inout JSONValue) -> Bool {
        Self.set(value, in: &root, steps[...])
    }

    private static func set(_ value: JSONValue, in target: inout JSONValue, _ steps: ArraySlice<JSONPath.Step>) -> Bool {
        guard let step = steps.first else {
            target = value
            return true
        }
        let rest = steps.dropFirst()
        // The container is taken out of `target` while it changes, so that it is not copied.
        switch (step, target) {
        case (.name(let name), .object(var object)):
            target = .null
            let done = object.update(name) { member in
                let isNew = member == nil
                var inner = member ?? .object([:])
                member = nil
                let done = set(value, in: &inner, rest)
                if done || !isNew { member = inner }
                return done
            }
            target = .object(object)
            return done
        case (.index(let index), .array(var elements)):
            guard elements.indices.contains(index) else { return false }
            target = .null
            let done = set(value, in: &elements[index], rest)
            target = .array(elements)
            return done
        default: return false
        }
    }
}

extension JSONPath {
    /// Whether every step is a name or a single non-negative index.
    package var isReference: Bool {
        steps.allSatisfy { step in
            switch step {
            case .name: true
            case .index(let index): index >= 0
            default: false
            }
        }
    }
}
