#!/usr/bin/env python3
"""Makes the documentation a site of plain HTML: README.md, docs/ and the examples, without scripts or outside parts.

    website.py DIRECTORY

Every Markdown file there is gets a page; GROUPS only puts some of them in an order, the others follow by title. A link
to a file or folder of the checkout leads to a page that shows it. A link that leads nowhere ends the run.
"""
import html, os, pathlib, posixpath, re, shutil, sys

import markdown

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Title of the group, the documents that begin it, the folder whose other documents follow.
GROUPS = [
    ("Start", ["README.md", "docs/getting-started.md"], None),
    ("Use", ["docs/configuration.md", "docs/minio.md", "docs/operations.md", "docs/backups.md", "docs/troubleshooting.md"], None),
    ("Reference", ["docs/cli.md", "docs/api.md", "docs/s3.md", "docs/integrations.md", "docs/limits.md", "docs/delta-features.md", "docs/conformance.md"], "docs"),
    ("Examples", [], "examples"),
    ("Inside", ["docs/ARCHITECTURE.md", "docs/GLOSSARY.md"], "docs/formats"),
    ("Decisions", [], "docs/decisions"),
]
MARK = ('<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round">'
        '<circle cx="12" cy="10" r="6.2"/><path d="M12 3.8v12.4M5.8 10h12.4M7.6 5.6l8.8 8.8M16.4 5.6l-8.8 8.8"/>'
        '<path d="M2 19.5c2 0 2 1.6 4 1.6s2-1.6 4-1.6 2 1.6 4 1.6 2-1.6 4-1.6 2 1.6 4 1.6"/></svg>')
TEXT_BYTES_MAX = 200_000
# Of other folders, a page only lists what is in them.
SHOWN = ("docs", "examples", "glue-catalog", "statemachines")


class DeadLink(Exception):
    pass


def documents():
    """Groups of (title, [paths]); every Markdown file of the documentation is in one."""
    found = ["README.md"] + sorted(
        str(p.relative_to(ROOT)) for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md")
        if not any(part.startswith(".") for part in p.relative_to(ROOT).parts))
    left, groups = set(found), []
    for title, first, folder in GROUPS:
        groups.append((title, [p for p in first if p in left], folder))
        left -= set(first)
    # The narrowest folder takes a document: docs/decisions before docs.
    for path in sorted(left, key=lambda p: (title_of(p).lower(), p)):
        fitting = [g for g in groups if g[2] and path.startswith(g[2] + "/")]
        max(fitting, key=lambda g: len(g[2]))[1].append(path)
    for title, paths, folder in groups:
        if folder == "docs/decisions":
            paths.sort()
    return [(title, paths) for title, paths, _ in groups if paths]


def title_of(path):
    match = re.search(r"^# (.+)$", (ROOT / path).read_text(), re.M)
    return match.group(1).replace("`", "") if match else posixpath.basename(path)


def page_of(path):
    """Where the page of a file or folder of the checkout is in the site."""
    if path == "README.md":
        return "index.html"
    if path.endswith("/README.md") and not (ROOT / path).is_dir():
        return posixpath.dirname(path) + "/index.html"
    if (ROOT / path).is_dir():
        return path + "/index.html"
    return path[:-3] + ".html" if path.endswith(".md") else path + ".html"


class Site:
    def __init__(self, out):
        self.out = out
        self.groups = documents()
        self.documents = {path for _, paths in self.groups for path in paths}
        self.sources = []  # files and folders that some page links to
        self.written = set()

    def make(self):
        for path in sorted(self.documents):
            self.write(path, title_of(path), self.body_of(path), edited=path)
        while self.sources:
            path = self.sources.pop()
            if page_of(path) not in self.written:
                self.write(path, path, self.source_of(path), edited=path)
        shutil.copyfile(pathlib.Path(__file__).with_name("website.css"), self.out / "site.css")

    def body_of(self, path):
        text = (ROOT / path).read_text()
        body = markdown.Markdown(extensions=["tables", "fenced_code", "sane_lists", "toc"], extension_configs={
            "toc": {"permalink": "#", "permalink_class": "anchor", "permalink_title": "Link to this section"}}).convert(text)
        body = re.sub(r'(href|src)="([^"]*)"', lambda m: f'{m[1]}="{html.escape(self.link(html.unescape(m[2]), path))}"', body)
        body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
        sections = re.findall(r'<h2 id="([^"]+)">(.*?)<a class="anchor"', body, re.S)
        if len(sections) >= 4:
            here = "".join(f'<a href="#{i}">{re.sub("<[^>]+>", "", t)}</a> ' for i, t in sections)
            body = re.sub(r"(</h1>)", lambda m: m[1] + f'\n<p class="here">{here}</p>', body, count=1)
        return body

    def link(self, target, path):
        """What a link in the document `path` is in the site."""
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return target
        file, _, fragment = target.partition("#")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        if found.startswith("..") or not (ROOT / found).exists():
            raise DeadLink(f"{path} links to {target}, which is not there")
        readme = found + "/README.md"
        if readme in self.documents:
            found = readme
        if found not in self.documents:
            self.sources.append(found)
        return posixpath.relpath(page_of(found), posixpath.dirname(page_of(path)) or ".") + ("#" + fragment if fragment else "")

    def source_of(self, path):
        """A file as it is, or what a folder has in it."""
        full = ROOT / path
        heading = f"<h1><code>{html.escape(path)}</code></h1>\n"
        if full.is_dir():
            names = sorted(p.name + ("/" if p.is_dir() else "") for p in full.iterdir() if not p.name.startswith("."))
            items = []
            for name in names:
                item = f"<code>{html.escape(name)}</code>"
                if path.split("/")[0] in SHOWN:
                    item = f'<a href="{html.escape(self.link(name.rstrip("/"), path + "/x"))}">{item}</a>'
                items.append(f"<li>{item}</li>")
            return heading + "<ul>\n" + "\n".join(items) + "\n</ul>"
        data = full.read_bytes()
        if len(data) > TEXT_BYTES_MAX:
            raise DeadLink(f"{path} is linked to and too long to be shown")
        return heading + f"<pre><code>{html.escape(data.decode())}</code></pre>"

    def write(self, path, title, body, edited):
        page = page_of(path)
        up = posixpath.relpath(".", posixpath.dirname(page) or ".")
        lists = []
        for group, paths in self.groups:
            items = []
            for other in paths:
                current = ' aria-current="page"' if other == path else ""
                name = {"README.md": "Overview"}.get(other, title_of(other))
                href = posixpath.relpath(page_of(other), posixpath.dirname(page) or ".")
                items.append(f'<li><a href="{href}"{current}>{html.escape(name)}</a></li>')
            lists.append(f"<h2>{group}</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>")
        name = "Millrace" if path == "README.md" else f"{title} · Millrace"
        text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(name)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{up}/site.css">
</head>
<body>
<nav class="side" aria-label="Pages">
<a class="brand" href="{posixpath.relpath('index.html', posixpath.dirname(page) or '.')}">{MARK}Millrace</a>
<details><summary>Pages</summary>
{chr(10).join(lists)}
</details>
</nav>
<main>
{body}
<footer>From <code>{html.escape(edited)}</code> of the sources.</footer>
</main>
</body>
</html>
"""
        target = self.out / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        self.written.add(page)


def main(out):
    out = pathlib.Path(out)
    if (out / "index.html").exists():
        shutil.rmtree(out)
    elif out.exists() and any(out.iterdir()):
        sys.exit(f"site: {out} holds other things than a site")
    out.mkdir(parents=True, exist_ok=True)
    site = Site(out)
    try:
        site.make()
    except DeadLink as error:
        sys.exit(f"site: {error}")
    print(f"{len(site.written)} pages in {out}/index.html")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
