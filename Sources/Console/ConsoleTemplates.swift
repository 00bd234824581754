import Mustache

/// The console's pages. `{{x}}` escapes, `{{{x}}}` inserts markup that another template made.
struct ConsoleTemplates: Sendable {
    let layout: MustacheTemplate
    let overview: MustacheTemplate
    let execution: MustacheTemplate
    let job: MustacheTemplate
    let failure: MustacheTemplate

    init() throws {
        layout = try MustacheTemplate(string: Self.layoutText)
        overview = try MustacheTemplate(string: Self.overviewText)
        execution = try MustacheTemplate(string: Self.executionText)
        job = try MustacheTemplate(string: Self.jobText)
        failure = try MustacheTemplate(string: "<p class=\"failure\">{{message}}</p>")
    }

    // The script swaps in the fresh body of the same page once a second, while the page is looked at.
    private static let layoutText = """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>{{title}} · Millrace</title>
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
        <body><header><a href="/">Millrace</a><span>{{title}}</span></header>
        <main>{{{body}}}</main>
        {{#live}}<script>
        setInterval(async () => {
          if (document.hidden || String(getSelection())) return;
          try {
            const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
            const scrolls = [...document.querySelectorAll("pre")].map(e => e.scrollTop);
            document.querySelector("main").replaceWith(page.querySelector("main"));
            document.querySelectorAll("pre").forEach((e, i) => e.scrollTop = scrolls[i] || 0);
          } catch { }
        }, 1000);
        </script>{{/live}}
        </body></html>
        """

    private static let overviewText = """
        <h2>Executions</h2>
        {{#noExecutions}}<p class="empty">None yet. <code>millrace submit FILE</code> starts one.</p>{{/noExecutions}}
        {{^noExecutions}}<div class="scroll"><table>
        <tr><th>Status<th>Execution<th>State machine<th>Started<th class="number">Took</tr>
        {{#executions}}<tr><td><span class="status {{status}}">{{status}}</span>
        <td><a href="{{link}}">{{name}}</a><td>{{machine}}<td class="nowrap">{{started}}<td class="number">{{took}}</tr>
        {{/executions}}</table></div>{{/noExecutions}}
        <h2>Jobs</h2>
        {{#noJobs}}<p class="empty">None yet.</p>{{/noJobs}}
        {{^noJobs}}<div class="scroll"><table>
        <tr><th>Status<th>Job<th>Queue<th>Created<th class="number">Took<th class="number">Rows read<th class="number">Rows written<th>Reason</tr>
        {{#jobs}}<tr><td><span class="status {{status}}">{{status}}</span>
        <td><a href="{{link}}">{{name}}</a><td>{{queue}}<td class="nowrap">{{created}}<td class="number">{{took}}
        <td class="number">{{read}}<td class="number">{{written}}<td>{{reason}}</tr>
        {{/jobs}}</table></div>{{/noJobs}}
        """

    private static let executionText = """
        <h2>{{name}} <span class="status {{status}}">{{status}}</span></h2>
        <p class="arn">{{arn}}</p>
        <p>Started {{started}}, took {{took}}.</p>
        {{#error}}<p class="failure"><b>{{error}}</b> {{cause}}</p>{{/error}}
        <div class="columns"><div><h2>Input</h2><pre>{{input}}</pre></div>
        <div><h2>Output</h2><pre>{{output}}</pre></div></div>
        <h2>History</h2><div class="scroll"><table>
        <tr><th class="number">Id<th>Event<th class="number">After<th>What</tr>
        {{#events}}<tr{{#bad}} class="bad"{{/bad}}><td class="number">{{id}}<td>{{type}}<td class="number">{{at}}<td>{{what}}</tr>
        {{/events}}</table></div>
        """

    private static let jobText = """
        <h2>{{name}} <span class="status {{status}}">{{status}}</span></h2>
        <p class="arn">{{id}}</p>
        {{#reason}}<p>{{reason}}</p>{{/reason}}
        <h2>Output</h2><pre>{{log}}</pre>
        <h2>Details</h2><pre>{{details}}</pre>
        """
}
