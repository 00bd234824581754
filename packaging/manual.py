#!/usr/bin/env python3
"""Writes the manual from what the program says of itself.

    manual.py MILLRACE man > millrace.1       the page millrace(1), in mdoc
    manual.py MILLRACE markdown > cli.md      the same as a document

The source is `millrace --experimental-dump-help`, the JSON of swift-argument-parser; what the program does not say of
itself is in manual-tail.mdoc. The page's date is SOURCE_DATE_EPOCH, else today.
"""
import datetime, json, os, pathlib, re, subprocess, sys, textwrap

HERE = pathlib.Path(__file__).resolve().parent
COMMON = {"version", "help"}
# Help that is about no command, and where it goes.
TOPICS = [("Environment", "environment"), ("Exit status", "exit-codes")]


def load(program):
    dump = subprocess.run([program, "--experimental-dump-help"], env={"PATH": "/usr/bin:/bin"},
                          stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(dump.stdout)["command"]


def verbs(command, path=()):
    """Every command that does something, with its full name, in the program's order."""
    for sub in command.get("subcommands", []):
        if sub.get("shouldDisplay", True) and sub["commandName"] != "help":
            yield from verbs(sub, path + (sub["commandName"],))
    if path and not any(s["commandName"] != "help" for s in command.get("subcommands", [])):
        yield " ".join(path), command


def topic(command, name):
    """The (names, explanation) of a help topic's list, then its other paragraphs; nothing of one that is not there."""
    items, texts = [], []
    discussion = "\n\n".join(sub["discussion"] for sub in command["subcommands"] if sub["commandName"] == name)
    for block in discussion.split("\n\n") if discussion else []:
        if not re.match(r"\S+(, \S+)*( {2,}|$)", block.split("\n")[0]):
            texts.append(" ".join(block.split("\n")))
            continue
        for line in block.split("\n"):
            if line.startswith(" ") and items:
                items[-1][1] = f"{items[-1][1]} {line.strip()}"
            else:
                term, _, text = line.partition("  ")
                items.append([term.strip(), text.strip()])
    return items, texts


def arguments(command):
    return [a for a in command.get("arguments", []) if a.get("shouldDisplay", True) and a.get("valueName") not in COMMON]


def names(argument):
    """The ways to write an option: -n, --name."""
    return [("--" if n["kind"].startswith("long") and n["kind"] != "longWithSingleDash" else "-") + n["name"]
            for n in sorted(argument.get("names", []), key=lambda n: n["kind"] != "short")]


def preferred(argument):
    return names({"names": [argument["preferredName"]]})[0]


def explanation(argument):
    text = argument.get("abstract", "").strip()
    notes = []
    if argument.get("allValues"):
        notes.append("One of " + ", ".join(argument["allValues"]) + ".")
    if argument.get("defaultValue") and argument["kind"] != "flag":
        notes.append(f"Default: {argument['defaultValue']}.")
    return " ".join([text] + notes).strip()


def paragraphs(text):
    """What a discussion consists of: ("text", words), ("heading", words), ("example", lines as they are)."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        while lines:
            if re.fullmatch(r"[A-Z][A-Z ]+", lines[0]):
                yield "heading", lines.pop(0)
                continue
            literal = lines[0].startswith("  ")
            count = 0
            while count < len(lines) and lines[count].startswith("  ") == literal \
                    and not re.fullmatch(r"[A-Z][A-Z ]+", lines[count]):
                count += 1
            taken, lines = lines[:count], lines[count:]
            yield ("example", [line[2:] for line in taken]) if literal else ("text", " ".join(taken))


# mdoc

def escape(text):
    """Text in which roff sees nothing of its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace("…", "...").replace("→", "\\(->")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def prose(text):
    """A paragraph as roff likes it: each sentence begins a line, none is long."""
    sentences = re.split(r"(?<=[.!?]) +", text)
    return "\n".join(escape(line) for sentence in sentences
                     for line in textwrap.wrap(sentence, 72, break_long_words=False, break_on_hyphens=False))


def word(text):
    """One argument of a macro. A word that is itself a macro's or a delimiter's name would be taken for it."""
    text = escape(text)
    return "\\&" + text if len(text) <= 3 else text


def mdoc_usage(command):
    for a in arguments(command):
        if a["kind"] == "positional":
            body = f"Ar {word(a['valueName'])}"
        else:
            body = f"Fl {word(preferred(a)[1:])}" + ("" if a["kind"] == "flag" else f" Ar {word(a['valueName'])}")
        if a["isRepeating"]:
            body += " ..."
        yield f".Op {body}" if a["isOptional"] else f".{body}"


def mdoc_discussion(text):
    """What follows a `.Pp`."""
    after_heading = True
    for kind, content in paragraphs(text):
        if kind == "heading":
            yield ("" if after_heading else ".Pp\n") + f"{escape(content.capitalize())}:"
        elif kind == "example":
            yield ".Bd -literal -offset indent\n" + escape("\n".join(content)) + "\n.Ed"
        else:
            yield ("" if after_heading else ".Pp\n") + prose(content)
        after_heading = False


def date():
    """The day as mdoc writes it."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp()))
    day = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return f"{day.strftime('%B')} {day.day}, {day.year}"


def man(command, release):
    out = [f".Dd {date()}", ".Dt MILLRACE 1", f".Os Millrace {release}", ".Sh NAME", ".Nm millrace",
           ".Nd runs data pipelines that speak AWS on the wire", ".Sh SYNOPSIS", ".Nm", ".Ar command",
           ".Op Ar option ...", ".Sh DESCRIPTION", prose(command["abstract"]), ".Pp"]
    out += mdoc_discussion(command.get("discussion", ""))
    out += [".Pp", "Every command takes", ".Fl \\-help", "and tells what it does;", ".Nm Fl \\-version",
            "tells which release this is.", ".Sh COMMANDS"]
    for name, verb in verbs(command):
        out += [f".Ss {escape(name)}", f".Nm Cm {escape(name)}", *mdoc_usage(verb), ".Pp", prose(verb["abstract"])]
        if verb.get("discussion"):
            out += [".Pp", *mdoc_discussion(verb["discussion"])]
        if arguments(verb):
            out.append(".Bl -tag -width Ds")
            for a in arguments(verb):
                if a["kind"] == "positional":
                    out.append(f".It Ar {word(a['valueName'])}")
                else:
                    value = "" if a["kind"] == "flag" else f" Ar {word(a['valueName'])}"
                    out.append(".It " + " , ".join(f"Fl {word(n[1:])}" for n in names(a)) + value)
                out.append(prose(explanation(a)))
            out.append(".El")
    files, _, rest = (HERE / "manual-tail.mdoc").read_text().partition(".Sh SEE ALSO\n")
    for title, name in TOPICS:
        if name == "exit-codes":
            out.append(files.rstrip("\n"))
        items, texts = topic(command, name)
        if not items:
            continue
        out += [f".Sh {title.upper()}", ".Bl -tag -width Ds"]
        for term, text in items:
            macro = "Ev" if re.match("[A-Z]", term) else ""
            out += [f".It {macro} " + " , ".join(word(t) for t in term.split(", "))] + ([prose(text)] if text else [])
        out.append(".El")
        for text in texts:
            out += [".Pp", prose(text)]
    return "\n".join(out) + "\n.Sh SEE ALSO\n" + rest


# Markdown

def usage(name, command):
    """The line that shows how a command is written, broken before 96 columns."""
    words = []
    for a in arguments(command):
        if a["kind"] == "positional":
            text = a["valueName"].upper()
        else:
            text = preferred(a) + ("" if a["kind"] == "flag" else " " + a["valueName"].upper())
        text += " ..." if a["isRepeating"] else ""
        words.append(f"[{text}]" if a["isOptional"] else text)
    lines, line = [], f"millrace {name}"
    for text in words:
        if len(line) + len(text) > 92:
            lines.append(line + " \\")
            line = "    " + text
        else:
            line += " " + text
    return "\n".join(lines + [line])


def cell(text):
    return re.sub(r"(\$[A-Z_]+|\./[\w.-]*\w|https?://[\w.:]+|\{\}|arn:[\w:/-]+|@FILE)", r"`\1`", text).replace("|", "\\|")


def indented(lines):
    return "\n".join("    " + line if line else "" for line in lines)


def markdown(command):
    out = ["# Command line", "", "<!-- Written by `make reference` from what the program says of itself. -->", "",
           command["abstract"], "",
           "`millrace help COMMAND` shows the same. `millrace --version` tells the release.", ""]
    for name, verb in verbs(command):
        out += [f"## {name}", "", verb["abstract"], "", indented(usage(name, verb).split("\n")), ""]
        for kind, content in paragraphs(verb.get("discussion", "")):
            if kind == "heading":
                out += [content.capitalize() + ":", ""]
            elif kind == "example":
                out += [indented(content), ""]
            elif content:
                out += [content, ""]
        if arguments(verb):
            out += ["| | |", "| --- | --- |"]
            for a in arguments(verb):
                shown = a["valueName"].upper() if a["kind"] == "positional" else ", ".join(names(a))
                if a["kind"] == "option":
                    shown += " " + a["valueName"].upper()
                out.append(f"| `{shown}` | {cell(explanation(a))} |")
            out.append("")
    for title, name in TOPICS:
        items, texts = topic(command, name)
        if not items:
            continue
        out += [f"## {title}", "", "| | |", "| --- | --- |"]
        out += [f"| {', '.join(f'`{t}`' for t in term.split(', '))} | {cell(text)} |" for term, text in items] + [""]
        for text in texts:
            out += [text, ""]
    return "\n".join(out).rstrip("\n") + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("man", "markdown"):
        sys.exit(__doc__)
    command = load(sys.argv[1])
    if sys.argv[2] == "markdown":
        sys.stdout.write(markdown(command))
    else:
        release = subprocess.run([sys.argv[1], "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        sys.stdout.write(man(command, release))
