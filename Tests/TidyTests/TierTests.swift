import Testing

/// `Package.swift` against the tiers and edges of docs/ARCHITECTURE.md.
@Suite struct TierTests {
    let tiers: [String: Int]
    let edges: Set<String>
    let dependencies: [String: [String]]

    init() throws {
        let map = try Repository.text("docs/ARCHITECTURE.md")
        tiers = try Self.readTiers(map)
        edges = Self.readEdges(map)
        dependencies = Self.readDependencies(try Repository.text("Package.swift"), known: Set(tiers.keys))
    }

    @Test func everyFolderIsATargetOfTheMap() throws {
        let folders = Set(try Repository.files(under: "Sources", ending: "").map { String($0.split(separator: "/")[1]) })
        #expect(folders.subtracting(tiers.keys).sorted() == [], "folders without a line in the map")
        #expect(Set(tiers.keys).subtracting(folders).sorted() == [], "targets of the map without a folder")
    }

    @Test func targetsDependDownwards() {
        #expect(dependencies.count > 20, "the targets of Package.swift were not understood")
        for (target, needed) in dependencies {
            for other in needed {
                guard let own = tiers[target], let theirs = tiers[other] else { continue }
                #expect(
                    theirs < own || theirs == own && edges.contains("\(target)>\(other)"),
                    "\(target) (tier \(own)) may not depend on \(other) (tier \(theirs)): add the edge to the map or remove it")
            }
        }
    }

    private static func readTiers(_ map: String) throws -> [String: Int] {
        var tiers: [String: Int] = [:]
        for line in map.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { $0.drop(while: { $0 == " " }) }
            guard cells.count == 2 else { continue }
            let tier = cells[0].first == "C" ? -1 : Int(cells[0].prefix(1))
            guard let tier, cells[0].dropFirst().allSatisfy({ $0 == " " }) else { continue }
            for name in String(cells[1]).all(between: "`", and: "`") { tiers[name] = tier }
        }
        return try #require(tiers.isEmpty ? nil : tiers)
    }

    private static func readEdges(_ map: String) -> Set<String> {
        var edges: Set<String> = []
        for line in map.split(separator: "\n") where line.hasPrefix("- `") && line.contains("→") {
            for clause in line.split(separator: ";") {
                let sides = clause.split(separator: "→")
                guard sides.count == 2 else { continue }
                for from in String(sides[0]).all(between: "`", and: "`") {
                    for to in String(sides[1]).all(between: "`", and: "`") { edges.insert("\(from)>\(to)") }
                }
            }
        }
        return edges
    }

    /// Target names and the quoted names that follow each up to the next target.
    private static func readDependencies(_ manifest: String, known: Set<String>) -> [String: [String]] {
        guard let start = manifest.range(of: "// Tier 0"), let end = manifest.range(of: "// Tests.") else { return [:] }
        var result: [String: [String]] = [:]
        var target: String?
        for name in String(manifest[start.lowerBound..<end.lowerBound]).replacingTargets().all(between: "\"", and: "\"") {
            if name.hasPrefix("@") {
                target = String(name.dropFirst())
            } else if let target, known.contains(name) {
                result[target, default: []].append(name)
            }
        }
        return result
    }
}

extension String {
    /// Marks the name of each declared target with an `@`.
    fileprivate func replacingTargets() -> String {
        var text = ""
        var rest = self[...]
        while let found = ["library(", "executableTarget("].compactMap({ rest.range(of: $0) }).min(by: { $0.lowerBound < $1.lowerBound }) {
            text += rest[..<found.upperBound]
            rest = rest[found.upperBound...]
            if let quote = rest.firstIndex(of: "\"") {
                text += rest[...quote] + "@"
                rest = rest[rest.index(after: quote)...]
            }
        }
        return text + rest
    }
}

extension StringProtocol {
    fileprivate func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
