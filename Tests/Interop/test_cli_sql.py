"""SQL at the command line: statements, formats, errors, and the prompt through a pseudo-terminal."""
import csv, io, json, os, re, subprocess, time

import pexpect, pytest

from conftest import BIN


def run(*arguments, cwd=None, **options):
    return subprocess.run(
        [BIN / "millrace", "sql", *map(str, arguments)], capture_output=True, text=True, cwd=cwd,
        env={"PWD": str(cwd or "/tmp")}, timeout=120, **options)


def test_sql_on_local_files_needs_no_server(tmp_path):
    (tmp_path / "a.csv").write_text("id,name,amount\n1,Ann,2.50\n2,\"B, ob\",3\n3,,\n")
    view = "CREATE TEMP VIEW a USING csv OPTIONS (path 'a.csv', header 'true', inferSchema 'true');"
    done = run(view + "SELECT name, amount * 2 AS twice FROM a ORDER BY id", "--format", "jsonl", cwd=tmp_path)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"name": "Ann", "twice": 5.0}, {"name": "B, ob", "twice": 6.0}, {"name": None, "twice": None}], done.stderr
    made = run(view + "CREATE TABLE t USING delta LOCATION 'table' AS SELECT * FROM a; "
                      "SELECT count(*) AS n FROM delta.`./table`", "--format", "csv", cwd=tmp_path)
    assert made.stdout.splitlines() == ["n", "3"] and "3 rows written" in made.stderr
    history = subprocess.run([BIN / "millrace", "table", "history", "table"], capture_output=True, text=True, cwd=tmp_path,
                             env={"PWD": str(tmp_path)})
    assert history.stdout.count("CREATE") >= 1


QUERY = """SELECT * FROM VALUES (1, 'a|b', 1.50, true, array(1, NULL), named_struct('x', 'y')),
    (NULL, 'two\nlines "q"', NULL, NULL, NULL, NULL), (3, '', 0.25, false, array(), named_struct('x', NULL))
    t(n, s, d, b, l, o)"""


def test_formats():
    done = {name: run(QUERY, "--format", name).stdout for name in ("csv", "json", "jsonl", "markdown", "table")}
    rows = [
        {"n": 1, "s": "a|b", "d": 1.5, "b": True, "l": [1, None], "o": {"x": "y"}},
        {"n": None, "s": 'two\nlines "q"', "d": None, "b": None, "l": None, "o": None},
        {"n": 3, "s": "", "d": 0.25, "b": False, "l": [], "o": {"x": None}}]
    assert json.loads(done["json"]) == rows
    assert [json.loads(line) for line in done["jsonl"].splitlines()] == rows
    assert run(QUERY, "--json").stdout == done["jsonl"]
    found = list(csv.reader(io.StringIO(done["csv"])))
    assert found[0] == ["n", "s", "d", "b", "l", "o"] and [row[1] for row in found[1:]] == ["a|b", 'two\nlines "q"', ""]
    assert ',"",' in done["csv"].splitlines()[-1]  # An empty text is told from NULL.
    lines = done["markdown"].splitlines()
    assert lines[0] == "| n | s | d | b | l | o |" and lines[1] == "|---:|---|---:|---|---|---|"
    assert "a\\|b" in lines[2] and "two<br>lines" in lines[3] and "*NULL*" in lines[3]
    box = done["table"].splitlines()
    assert len({len(line) for line in box}) == 1 and "two\\nlines" in box[4] and "|NULL|" in box[4] and "\x1b" not in done["table"]
    assert json.loads(run("SELECT 1 AS x WHERE false", "--format", "json").stdout) == []


def test_statements_come_from_arguments_files_and_pipes(tmp_path):
    script = tmp_path / "report.sql"
    script.write_text("-- a comment; with a semicolon\nSELECT ${n} AS a;\nSELECT 'x;y' AS b\n")
    for arguments, options in [
        (("-f", script), {}), (("@" + str(script),), {}), (("--file", "-"), {"input": script.read_text()}),
        ((), {"input": script.read_text()})]:
        done = run(*arguments, "--json", "--variable", "n=7", **options)
        assert [json.loads(line) for line in done.stdout.splitlines()] == [{"a": 7}, {"b": "x;y"}], (arguments, done)
    two = run("SELECT 1 AS a", "SELECT 2 AS a", "--json")
    assert two.stdout == '{"a":1}\n{"a":2}\n'
    for arguments, status, words in [
        (("-f", tmp_path / "none.sql"), 66, "none.sql"), (("SELECT 1", "-f", script), 64, "--file"),
        (("SELECT 1", "--variable", "n"), 64, "NAME=VALUE"), (("SELECT 1", "--format", "xml"), 64, "xml"),
        (("SELECT 1", "--json", "--format", "csv"), 64, "--json"),
    ]:
        done = run(*arguments)
        assert done.returncode == status and words in done.stderr, (arguments, done)


def test_errors_mark_the_place():
    for text, condition, line, mark in [
        ("SELECT 1 +\n  FROM", "PARSE_SYNTAX_ERROR", "  FROM", "--^^^"),
        ("SELECT 1;\nSELECT id,\n   nothing FROM range(3)", "UNRESOLVED_COLUMN", "   nothing FROM range(3)", "---^^^"),
        ("SELECT * FROM nowhere", "TABLE_OR_VIEW_NOT_FOUND", "SELECT * FROM nowhere", "-" * 14 + "^^^"),
        ("SELECT 'ä漢', nofn(1)", "UNRESOLVED_ROUTINE", "SELECT 'ä漢', nofn(1)", "-" * 14 + "^^^"),
        ("SELECT 1; SELCT 2", "PARSE_SYNTAX_ERROR", "SELECT 1; SELCT 2", "-" * 10 + "^^^"),
        ("SELECT 1; SELECT * FROM nowhere; SELECT 2", "TABLE_OR_VIEW_NOT_FOUND", "SELECT 1; SELECT * FROM nowhere; SELECT 2", "-" * 24 + "^^^"),
    ]:
        done = run(text)
        lines = done.stderr.splitlines()
        assert done.returncode == 1 and condition in lines[0], done
        assert line in lines and lines[lines.index(line) + 1].startswith(mark), done.stderr
        assert lines[lines.index(line) + 1].count("^") == 3 and "Traceback" not in done.stderr
    assert "line 3" in run("SELECT 1;\nSELECT id,\n   nothing FROM range(3)").stderr
    assert "SQLSTATE: 42601 (line 1, pos 10)\n\n== SQL ==\n" in run("SELECT 1; SELCT 2").stderr


def test_json_and_text_files(tmp_path):
    (tmp_path / "f.json").write_text('{"id": 1, "tags": ["a", "b"]}\nbroken\n{"id": 2, "place": {"city": "Oslo"}}\n')
    done = run("SELECT id, size(tags) AS n, place.city, _corrupt_record AS bad FROM json.`f.json`", "--json", cwd=tmp_path)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 1, "n": 2, "city": None, "bad": None}, {"id": None, "n": None, "city": None, "bad": "broken"},
        {"id": 2, "n": None, "city": "Oslo", "bad": None}], done.stderr
    assert run("SELECT count(*) AS n FROM text.`f.json`", "--json", cwd=tmp_path).stdout == '{"n":3}\n'
    refused = run("SELECT * FROM orc.`f.orc`", cwd=tmp_path)
    assert refused.returncode == 1 and "UNSUPPORTED_DATASOURCE_FOR_DIRECT_QUERY" in refused.stderr and "json" in refused.stderr


def test_without_a_server_what_needs_one_says_so_at_once(tmp_path):
    for text, words in [("SELECT * FROM csv.`s3://lake/x.csv`", "s3://lake needs a server"), ("SELECT * FROM gold.t", "There is no catalog")]:
        done = run(text, cwd=tmp_path)
        assert done.returncode in (1, 69) and words in done.stderr and "millrace serve" in done.stderr, done
    table = subprocess.run([BIN / "millrace", "table", "show", "gold.t"], capture_output=True, text=True, cwd=tmp_path, env={})
    assert table.returncode == 66 and "There is no catalog" in table.stderr


class Prompt:
    """The prompt on a pseudo-terminal."""

    def __init__(self, tmp_path, *arguments, columns=100, **environment):
        self.process = pexpect.spawn(
            str(BIN / "millrace"), ["sql", *arguments], encoding="utf-8", timeout=60, dimensions=(40, columns), cwd=str(tmp_path),
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path), "PWD": str(tmp_path),
                 "NO_COLOR": "1", **environment})
        self.wait()

    def wait(self, prompt="sql> "):
        self.process.expect_exact(prompt)
        return self.process.before

    def ask(self, text, prompt="sql> "):
        self.process.send(text + "\r")
        answer = self.wait(prompt)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", answer)

    def leave(self):
        self.process.sendeof()
        self.process.expect(pexpect.EOF)
        self.process.close()
        return self.process.exitstatus


def test_prompt_runs_statements_of_several_lines(tmp_path):
    prompt = Prompt(tmp_path)
    answer = prompt.ask("SELECT 1 AS one;")
    assert "|one|" in answer and "(1 row, " in answer
    assert "ä;" in prompt.ask("SELECT 'ä;' AS s;")
    prompt.ask("SELECT id", "  -> ")
    prompt.ask("-- not; here", "  -> ")
    assert "(3 rows" in prompt.ask("FROM range(3);")
    answer = prompt.ask("SELECT 1 AS a; SELECT nothing;")
    assert "|  1|" in answer and "UNRESOLVED_COLUMN" in answer and "\n" + "-" * 22 + "^^^" in answer.replace("\r", "")
    assert "(2 rows" in prompt.ask("SELECT * FROM range(2);")  # After an error it goes on.
    assert prompt.leave() == 0


def test_prompt_commands(tmp_path):
    prompt = Prompt(tmp_path)
    assert "\\timing" in prompt.ask("\\?")
    prompt.ask("CREATE TEMP VIEW v AS SELECT 1 AS a, 'x' AS b;")
    assert "v" in prompt.ask("\\dt") and "|a " in prompt.ask("\\d v")
    assert "default" in prompt.ask("\\dn")
    assert "off" in prompt.ask("\\timing")
    assert re.search(r"\(1 row\)", prompt.ask("SELECT * FROM v;"))
    prompt.ask("\\f json")
    assert '[{"a":1,"b":"x"}]' in prompt.ask("SELECT * FROM v;")
    prompt.ask("\\f table")
    prompt.ask("\\x on")
    assert "-[ row 1 ]" in prompt.ask("SELECT * FROM v;")
    prompt.ask("\\x auto")
    prompt.ask("\\rows 2")
    answer = prompt.ask("SELECT * FROM range(5);")
    assert "5 rows" in answer and "the first 2 shown" in answer
    (tmp_path / "s.sql").write_text("SELECT 42 AS answer;")
    assert "42" in prompt.ask("\\i s.sql")
    assert "no command \\nonsense" in prompt.ask("\\nonsense") and "none.sql" in prompt.ask("\\i none.sql")
    prompt.process.send("\\q\r")
    prompt.process.expect(pexpect.EOF)
    prompt.process.close()
    assert prompt.process.exitstatus == 0


def test_prompt_lays_out_wide_rows_and_hides_nothing(tmp_path):
    prompt = Prompt(tmp_path, columns=60)
    wide = "SELECT " + ", ".join(f"'{'x' * 20}' AS c{i}" for i in range(6)) + ", NULL AS nil;"
    answer = prompt.ask(wide)
    assert "-[ row 1 ]" in answer and answer.count("x" * 20) >= 6 and re.search(r"nil\s*\| NULL", answer)
    prompt.process.setwinsize(40, 200)
    assert "-[ row 1 ]" not in prompt.ask(wide)  # It fits now.
    assert "\\u{1b}" in prompt.ask("SELECT '\\u001b[31mred' AS s;")  # Data cannot steer the terminal.
    prompt.leave()


def test_ctrl_c_gives_up_the_line_or_the_statement_but_not_the_prompt(tmp_path):
    prompt = Prompt(tmp_path)
    prompt.ask("SELECT nonsense", "  -> ")
    prompt.process.sendintr()
    prompt.wait()
    prompt.process.send("half a li")
    time.sleep(0.2)
    prompt.process.sendintr()
    prompt.wait()
    assert "|  1|" in prompt.ask("SELECT 1 AS a;")
    prompt.process.send("SELECT sum(a.id * b.id) FROM range(100000000) a CROSS JOIN range(1000) b;\r")
    time.sleep(1.5)
    prompt.process.sendintr()
    prompt.process.expect_exact("cancelled")
    prompt.wait()
    assert "|  2|" in prompt.ask("SELECT 2 AS a;")
    assert prompt.leave() == 0


def test_prompt_recalls_statements_of_earlier_sessions(tmp_path):
    state = tmp_path / "state"
    first = Prompt(tmp_path, XDG_STATE_HOME=str(state))
    if "No libedit" in first.process.before:
        pytest.skip("libedit is not installed")
    first.ask("SELECT 'first'", "  -> ")
    first.ask("AS s;")
    first.leave()
    file = state / "millrace" / "sql_history"
    assert file.read_text() == "SELECT 'first' AS s;\n" and file.stat().st_mode & 0o777 == 0o600
    second = Prompt(tmp_path, XDG_STATE_HOME=str(state))
    second.process.send("\x1b[A")  # The arrow up.
    second.process.expect_exact("SELECT 'first' AS s;")
    second.process.send("\r")
    assert "|first|" in second.wait()
    second.leave()


def test_prompt_completes_keywords_and_tables(tmp_path):
    prompt = Prompt(tmp_path)
    if "No libedit" in prompt.process.before:
        pytest.skip("libedit is not installed")
    prompt.ask("CREATE TEMP VIEW remarkable AS SELECT 7 AS seven;")
    prompt.process.send("sel\t* from remark\t;\r")
    assert "|    7|" in prompt.wait()
    prompt.leave()


def test_colours_only_on_a_terminal_and_if_wanted(tmp_path):
    plain = Prompt(tmp_path)
    assert "\x1b[31m" not in plain.ask("SELECT nothing;")
    plain.leave()
    process = pexpect.spawn(
        str(BIN / "millrace"), ["sql", "SELECT NULL AS x"], encoding="utf-8", timeout=60,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "PWD": str(tmp_path)})
    process.expect(pexpect.EOF)
    assert "\x1b[2mNULL\x1b[0m" in process.before


def test_files_of_the_working_directory_need_no_slash(tmp_path):
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    def sql(text):
        return subprocess.run([BIN / "millrace", "sql", "--format", "csv", text], cwd=tmp_path, capture_output=True, text=True)
    done = sql("SELECT count(*) FROM csv.`a.csv`")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "3", done.stderr
    assert sql("CREATE TABLE delta.`t` AS SELECT 1 AS x").returncode == 0
    assert sql("SELECT x FROM delta.`t`").stdout.splitlines()[-1] == "1"
