#!/usr/bin/env python3
"""Writes the manual page millrace.yaml(5), in mdoc, from docs/configuration.md.

    configuration.py > millrace.yaml.5

Knows as much of Markdown as that document uses: headings, paragraphs, lists, indented examples, tables of keys.
"""
import re, sys

from manual import HERE, date, escape, prose, word

DOCUMENT = HERE.parent / "docs/configuration.md"


def plain(text):
    """Text without the marks of code and links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("`", "").replace("**", "")


def table(lines):
    """Keys and what they mean; the first three columns and the last are those of every table, between them are a setting's
    variable and flag."""
    yield ".Bl -tag -width Ds"
    for line in lines[2:]:
        key, value, default, *names, meaning = [plain(c).strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        notes = [f"Value: {value}.", f"Default: {default}."] if value != "secret" else ["A secret."]
        notes += [f"{kind}: {name}." for kind, name in zip(("Variable", "Flag"), names) if name]
        yield f".It {word(key)}\n" + prose(meaning) + "\n" + prose(" ".join(notes))
    yield ".El"


def items(block):
    kind = "enum" if block[0][0].isdigit() else "bullet"
    yield f".Bl -{kind}"
    for item in re.split(r"\n(?=\d+\. |- )", "\n".join(block)):
        yield ".It\n" + prose(plain(" ".join(re.sub(r"^(\d+\.|-) ", "", item).split())))
    yield ".El"


def body(text):
    fresh = True  # no paragraph macro after a heading
    for block in re.split(r"\n\s*\n(?! {4})", text.strip("\n")):
        lines = block.split("\n")
        if lines[0].startswith("## "):
            yield f".Sh {escape(lines[0][3:].upper())}"
            fresh = True
            continue
        if lines[0].startswith("|"):
            yield from table(lines)
        elif re.match(r"\d+\. |- ", lines[0]):
            yield from items(lines)
        elif lines[0].startswith("    "):
            yield ".Bd -literal -offset indent\n" + escape("\n".join(line[4:] for line in lines)) + "\n.Ed"
        else:
            # A paragraph may be followed by its example without an empty line between the splits above.
            text_lines = [line for line in lines if not line.startswith("    ")]
            example = [line[4:] for line in lines if line.startswith("    ")]
            yield ("" if fresh else ".Pp\n") + prose(plain(" ".join(text_lines).strip()))
            if example:
                yield ".Bd -literal -offset indent\n" + escape("\n".join(example)) + "\n.Ed"
        fresh = False


def page():
    text = re.sub(r"<!--.*?-->\n?", "", DOCUMENT.read_text(), flags=re.S).split("\n", 1)[1]
    return "\n".join([
        f".Dd {date()}", ".Dt MILLRACE.YAML 5", ".Os", ".Sh NAME", ".Nm millrace.yaml",
        ".Nd configuration of the server and of every command", ".Sh DESCRIPTION", *body(text),
        ".Sh SEE ALSO", ".Xr millrace 1"]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
