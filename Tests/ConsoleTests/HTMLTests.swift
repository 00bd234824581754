import Console
import Testing

struct HTMLTests {
    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("<script>", "&lt;script&gt;"), ("a & b", "a &amp; b"), ("\"'", "&quot;&#39;"),
        ("&lt;", "&amp;lt;"), ("é<\u{301}🐟>", "é&lt;\u{301}🐟&gt;"), (">", "&gt;"),
    ])
    func textIsEscaped(text: String, markup: String) {
        let html: HTML = "<a title=\"\(text)\">\(text)</a>"
        #expect(html.markup == "<a title=\"\(markup)\">\(markup)</a>")
    }

    @Test func markupIsNotEscapedAgain() {
        let cell: HTML = "<td>\("a<b")</td>"
        let none: HTML? = nil
        let row: HTML = "<tr>\(cell)\([cell, cell])\(none)</tr>"
        #expect(row.markup == "<tr><td>a&lt;b</td><td>a&lt;b</td><td>a&lt;b</td></tr>")
    }
}
