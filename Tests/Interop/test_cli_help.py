"""Help texts and shell completion."""
import json, subprocess

import pytest

from conftest import BIN


def dump(command=None):
    text = subprocess.run([BIN / "millrace", "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    return json.loads(text)["command"]


def verbs(command, path=()):
    """Every verb that does something, by its words."""
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    if path and not children:
        yield path
    for child in children:
        yield from verbs(child, path + (child["commandName"],))


OTHERS = {"serve", "config", "doctor", "backup", "restore", "job", "datagen", "demo"}


def test_every_verb_has_examples_and_json():
    found = [path for path in verbs(dump()) if path[0] not in OTHERS | {"exit-codes", "environment", "completion"}]
    assert {("submit",), ("status",), ("history",), ("stop",), ("validate",), ("env",), ("logs",), ("sql",), ("jobs", "ls"),
            ("catalog", "export"), ("table", "history")} <= set(found)
    for path in found:
        text = subprocess.run([BIN / "millrace", "help", *path], capture_output=True, text=True, check=True).stdout
        assert "EXAMPLE" in text and "--json" in text, path


def test_mistyped_verbs_and_options_are_met_with_what_there_is():
    for words, suggestion in [
        (["sumbit"], "submit"), (["Status", "x"], "status"), (["catalog", "shwo", "a.b"], "show"), (["jobs", "lst"], "ls"),
        (["help", "sumbit"], "submit"), (["valid", "x.json"], "validate"), (["submit", "x.json", "--inptu", "{}"], "--input"),
        (["table", "histroy", "x"], "history"),
    ]:
        done = subprocess.run([BIN / "millrace", *words], capture_output=True, text=True)
        assert done.returncode == 64 and f"Did you mean '{suggestion}'?" in done.stderr and not done.stdout, (words, done)
    done = subprocess.run([BIN / "millrace", "frobnicate"], capture_output=True, text=True)
    assert done.returncode == 64 and "'frobnicate'" in done.stderr and "millrace --help" in done.stderr and "mean" not in done.stderr
    done = subprocess.run([BIN / "millrace", "catalog", "frobnicate"], capture_output=True, text=True)
    assert done.returncode == 64 and "millrace catalog --help" in done.stderr


def test_eval_answers_as_json():
    for arguments, status, answer in [
        (["jsonata", "1 + 1"], 0, {"result": 2}), (["jsonata", "nothing"], 0, {"undefined": True}),
        (["jsonpath", "$.a"], 1, {"error": "notFound"}), (["intrinsic", "States.MathAdd(1, 2)"], 0, {"result": 3}),
        (["jsonata", "1 +"], 1, {"error": "S0207"}),
    ]:
        done = subprocess.run([BIN / "millrace", "eval", *arguments, "--json"], capture_output=True, text=True)
        found = json.loads(done.stdout)
        assert done.returncode == status and not done.stderr and {key: found[key] for key in answer} == answer, (arguments, done)
        assert ("message" in found) == ("error" in found)


def test_topics():
    for topic, words in [("exit-codes", "75"), ("environment", "NO_COLOR"), ("completion", "bash")]:
        helped = subprocess.run([BIN / "millrace", "help", topic], capture_output=True, text=True, check=True).stdout
        assert words in helped, topic
        assert words in subprocess.run([BIN / "millrace", topic], capture_output=True, text=True, check=True).stdout
    assert "exit-codes" in subprocess.run([BIN / "millrace", "--help"], capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "millrace.bash"
    path.write_text(subprocess.run(
        [BIN / "millrace", "--generate-completion-script", "bash"], capture_output=True, text=True, check=True).stdout)
    return path


def complete(script, words, environment=None, cwd=None):
    """What bash offers for the last of `words`."""
    line = " ".join(words)
    program = f"""
        source {script}
        COMP_WORDS=({' '.join("'" + word + "'" for word in words)})
        COMP_CWORD={len(words) - 1} COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9
        function compopt() {{ :; }}
        complete -p millrace | grep -o -- '-F [^ ]*' > /dev/null || exit 3
        "$(complete -p millrace | sed 's/.*-F \\([^ ]*\\).*/\\1/')" millrace '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, cwd=cwd,
        env={"PATH": f"{BIN}:/usr/bin:/bin", **(environment or {})})
    assert done.returncode == 0, done
    return {word.strip() for word in done.stdout.splitlines() if word.strip()}


def test_bash_completes_verbs_options_values_and_files(script, tmp_path):
    (tmp_path / "flow.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    assert {"submit", "status", "stop", "sql"} <= complete(script, ["millrace", "s"])
    assert complete(script, ["millrace", "catalog", "ex"]) == {"export"}
    assert {"--wait", "--json", "--input"} <= complete(script, ["millrace", "submit", "--"])
    assert complete(script, ["millrace", "sql", "--format", ""]) == {"table", "csv", "json", "jsonl", "markdown"}
    assert "RUNNING" in complete(script, ["millrace", "jobs", "ls", "--status", "R"])
    assert complete(script, ["millrace", "submit", "fl"], cwd=tmp_path) == {"flow.json"}
    assert complete(script, ["millrace", "catalog", "apply", "fo"], cwd=tmp_path) == {"folder"}


def test_bash_completes_names_that_the_server_knows(script, server, tmp_path):
    (tmp_path / "tabulated.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')
    server.run("submit", tmp_path / "tabulated.json", "--wait")
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": "tabdb"})
    glue.create_table(DatabaseName="tabdb", TableInput={"Name": "tabtable"})
    environment = {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
    assert "tabulated" in complete(script, ["millrace", "status", "tab"], environment)
    assert "tabdb" in complete(script, ["millrace", "catalog", "ls", "tab"], environment)
    assert "tabdb.tabtable" in complete(script, ["millrace", "catalog", "show", "tabdb.t"], environment)
    # Without a server there is nothing to complete, and nothing is said.
    assert complete(script, ["millrace", "status", "tab"], cwd=tmp_path) == set()


def test_other_shells_get_scripts():
    for shell in ("zsh", "fish"):
        text = subprocess.run(
            [BIN / "millrace", "--generate-completion-script", shell], capture_output=True, text=True, check=True).stdout
        assert "catalog" in text and "--follow" in text or "follow" in text
