/// The console's pages: values in, markup out.
enum ConsolePages {
    struct ExecutionRow {
        var link, name, machine, status, started, took: String
    }

    struct JobRow {
        var link, name, queue, status, created, took, reason, read, written: String
    }

    struct EventRow {
        var id, type, at, what: String
        var isFailure: Bool
    }

    struct Execution {
        var arn, name, status, started, took, error, cause, input, output: String
        var events: [EventRow]
    }

    struct Job {
        var id, name, status, reason, log, details: String
    }

    static func layout(title: String, _ body: HTML, live: Bool) -> HTML {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>\(title) · Millrace</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <style>
        :root { color-scheme: light dark; --line: #8883; --soft: #6b6b6b; --accent: #0a6e8a; }
        @media (prefers-color-scheme: dark) { :root { --accent: #6cc6de; --soft: #9b9b9b; } }
        * { box-sizing: border-box; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 0 1.5rem 4rem; }
        header { display: flex; align-items: baseline; gap: 1rem; padding: 1.2rem 0; border-bottom: 1px solid var(--line); }
        header a { font-weight: 650; font-size: 1.15rem; text-decoration: none; color: inherit; letter-spacing: .01em; }
        header span { color: var(--soft); }
        h2 { font-size: 1rem; font-weight: 650; margin: 2rem 0 .6rem; }
        a { color: var(--accent); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 500; color: var(--soft); font-size: .85rem; }
        th, td { padding: .38rem .9rem .38rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        td.number { text-align: right; white-space: nowrap; } th.number { text-align: right; }
        td.nowrap { white-space: nowrap; }
        .status { font-size: .78rem; font-weight: 600; padding: .1rem .5rem; border-radius: 1rem; background: #8882; white-space: nowrap; }
        .SUCCEEDED { background: #1a9a5022; color: #12803f; } .FAILED, .TIMED_OUT, .bad td { color: #c2362b; }
        .FAILED, .TIMED_OUT { background: #c2362b1c; } .RUNNING, .STARTING { background: #0a6e8a22; color: var(--accent); }
        @media (prefers-color-scheme: dark) { .SUCCEEDED { color: #5fd08f; } .FAILED, .TIMED_OUT, .bad td { color: #ff8b80; } }
        pre { background: #8881; padding: .8rem 1rem; border-radius: .5rem; overflow: auto; max-height: 28rem; font-size: .85rem; }
        code, pre { font-family: ui-monospace, monospace; }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 1.5rem; }
        .empty, .arn { color: var(--soft); } .arn { font-size: .85rem; word-break: break-all; }
        .failure { color: #c2362b; }
        </style></head>
        <body><header><a href="/">Millrace</a><span>\(title)</span></header>
        <main>\(body)</main>
        \(live ? refresh : nil)
        </body></html>
        """
    }

    /// Swaps in the fresh body of the same page once a second, while the page is looked at.
    private static let refresh: HTML = """
        <script>
        setInterval(async () => {
          if (document.hidden || String(getSelection())) return;
          try {
            const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
            const scrolls = [...document.querySelectorAll("pre")].map(e => e.scrollTop);
            document.querySelector("main").replaceWith(page.querySelector("main"));
            document.querySelectorAll("pre").forEach((e, i) => e.scrollTop = scrolls[i] || 0);
          } catch { }
        }, 1000);
        </script>
        """

    static func overview(_ executions: [ExecutionRow], _ jobs: [JobRow]) -> HTML {
        """
        <h2>Executions</h2>
        \(executions.isEmpty ? noExecutions : table(executions))
        <h2>Jobs</h2>
        \(jobs.isEmpty ? noJobs : table(jobs))
        """
    }

    private static let noExecutions: HTML =
        "<p class=\"empty\">None yet. <code>millrace submit FILE</code> starts one.</p>"
    private static let noJobs: HTML = "<p class=\"empty\">None yet.</p>"

    private static func table(_ rows: [ExecutionRow]) -> HTML {
        let lines = rows.map { row -> HTML in
            """
            <tr><td>\(label(row.status))
            <td><a href="\(row.link)">\(row.name)</a><td>\(row.machine)<td class="nowrap">\(row.started)<td class="number">\(row.took)</tr>

            """
        }
        return """
            <div class="scroll"><table>
            <tr><th>Status<th>Execution<th>State machine<th>Started<th class="number">Took</tr>
            \(lines)</table></div>
            """
    }

    private static func table(_ rows: [JobRow]) -> HTML {
        let lines = rows.map { row -> HTML in
            """
            <tr><td>\(label(row.status))
            <td><a href="\(row.link)">\(row.name)</a><td>\(row.queue)<td class="nowrap">\(row.created)<td class="number">\(row.took)
            <td class="number">\(row.read)<td class="number">\(row.written)<td>\(row.reason)</tr>

            """
        }
        return """
            <div class="scroll"><table>
            <tr><th>Status<th>Job<th>Queue<th>Created<th class="number">Took<th class="number">Rows read<th class="number">Rows written<th>Reason</tr>
            \(lines)</table></div>
            """
    }

    static func execution(_ page: Execution) -> HTML {
        let failure: HTML? =
            page.error.isEmpty ? nil : "<p class=\"failure\"><b>\(page.error)</b> \(page.cause)</p>"
        let lines = page.events.map { event -> HTML in
            let mark: HTML? = event.isFailure ? " class=\"bad\"" : nil
            return """
                <tr\(mark)><td class="number">\(event.id)<td>\(event.type)<td class="number">\(event.at)<td>\(event.what)</tr>

                """
        }
        return """
            <h2>\(page.name) \(label(page.status))</h2>
            <p class="arn">\(page.arn)</p>
            <p>Started \(page.started), took \(page.took).</p>
            \(failure)
            <div class="columns"><div><h2>Input</h2><pre>\(page.input)</pre></div>
            <div><h2>Output</h2><pre>\(page.output)</pre></div></div>
            <h2>History</h2><div class="scroll"><table>
            <tr><th class="number">Id<th>Event<th class="number">After<th>What</tr>
            \(lines)</table></div>
            """
    }

    static func job(_ page: Job) -> HTML {
        let reason: HTML? = page.reason.isEmpty ? nil : "<p>\(page.reason)</p>"
        return """
            <h2>\(page.name) \(label(page.status))</h2>
            <p class="arn">\(page.id)</p>
            \(reason)
            <h2>Output</h2><pre>\(page.log)</pre>
            <h2>Details</h2><pre>\(page.details)</pre>
            """
    }

    static func failure(_ message: String) -> HTML { "<p class=\"failure\">\(message)</p>" }

    static let notFound: HTML = "<p>There is no such page. <a href=\"/\">Overview</a></p>"

    private static func label(_ status: String) -> HTML { "<span class=\"status \(status)\">\(status)</span>" }
}
