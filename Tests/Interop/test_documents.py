"""The documentation as a reader meets it: a site without dead ends, references that agree with the programs."""
import html.parser, os, pathlib, posixpath, re, subprocess, sys

import pytest
from conftest import BIN, ROOT


def generate(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.parametrize("document, command", [
    ("cli.md", [sys.executable, ROOT / "packaging/manual.py", BIN / "millrace", "markdown"]),
    ("api.md", [sys.executable, ROOT / "packaging/operations.py", BIN / "millrace"]),
])
def test_references_say_what_the_programs_do(document, command):
    assert (ROOT / "docs" / document).read_text() == generate(*command), "`make reference` writes it anew"


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded, self.scripts = set(), [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.scripts += tag == "script"
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif "src" in attributes or "href" in attributes:
            self.loaded.append(attributes.get("src", attributes.get("href")))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    generate(sys.executable, ROOT / "packaging/website.py", out)
    return {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}


def test_every_link_of_the_site_leads_somewhere(site):
    pages = {name: Links(text) for name, text in site.items() if name.endswith(".html")}
    assert len(pages) > 10
    for name, page in pages.items():
        assert page.scripts == 0
        assert all(posixpath.normpath(posixpath.join(posixpath.dirname(name), r)) in site
                   for r in page.loaded if not r.startswith("data:")), (name, page.loaded)
        for link in page.links:
            if link.startswith(("http://", "https://")):
                continue
            file, _, fragment = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), file)) if file else name
            assert target in pages, f"{name} links to {link}"
            assert not fragment or fragment in pages[target].ids, f"{name} links to {link}"


def test_every_document_is_reached_from_the_first_page(site):
    reached, left = set(), ["index.html"]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += [posixpath.normpath(posixpath.join(posixpath.dirname(name), link.partition("#")[0]))
                     for link in Links(site[name]).links if "://" not in link and not link.startswith("#")]
    assert reached == {name for name in site if name.endswith(".html")}
    documents = [p for folder in ("docs", "examples") for p in (ROOT / folder).rglob("*.md")
                 if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]
    for document in documents:
        path = document.relative_to(ROOT)
        page = path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html")
        assert str(page) in reached, path


def test_the_site_loads_nothing_from_elsewhere(site):
    assert "url(" not in site["site.css"]
    assert "@import" not in site["site.css"]


def test_a_dead_link_is_not_published(tmp_path):
    """The generator refuses what a reader would stumble over."""
    copy = tmp_path / "checkout"
    for folder in ("packaging", "docs"):
        (copy / folder).mkdir(parents=True)
    for name in ("website.py", "website.css"):
        (copy / "packaging" / name).write_bytes((ROOT / "packaging" / name).read_bytes())
    (copy / "examples").mkdir()
    (copy / "README.md").write_text("# A\n\n[there](docs/b.md) and [not there](docs/c.md)\n")
    (copy / "docs/b.md").write_text("# B\n")
    done = subprocess.run([sys.executable, copy / "packaging/website.py", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 1 and "README.md links to docs/c.md" in done.stderr


def commands(document):
    """The lines of a document's indented blocks, as a shell would get them."""
    text = document.read_text()
    blocks = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.M)
    return ["\n".join(line[4:] for line in block.strip("\n").split("\n")) for block in blocks]


def test_getting_started_works_as_written(new_server, tmp_path):
    server = new_server()
    blocks = commands(ROOT / "docs/getting-started.md")
    assert blocks[0] == "millrace serve" and blocks[1].startswith('eval "$(millrace env)"')
    script = "set -eu\n" + "\n".join(blocks[1:])
    path = f"{BIN.resolve()}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={"PATH": path, "HOME": str(tmp_path), "MILLRACE_DATA": str(server.directory)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert '{"columns":["day","orders","revenue"]}' in done.stdout
    assert re.search(r"2026-11-01\W+2\W+19\.75", done.stdout) and re.search(r"2026-11-02\W+2\W+30\.00", done.stdout)
