import FoundationEssentials
import SettingsModel
import Testing

@Suite struct ReferenceTests {
    /// `millrace config reference` prints what belongs there.
    @Test func theDocumentHoldsTheReference() throws {
        let path = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/docs/configuration.md"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(SettingsReference.markdown), "docs/configuration.md must hold:\n\(SettingsReference.markdown)")
    }

    @Test func keysAreUniqueAndVariablesToo() {
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.environment)).count == Setting.all.count)
    }
}
