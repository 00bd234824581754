#!/usr/bin/env python3
"""Fuzzes expressions, definitions, their inputs, and requests: `fuzz.py [--seconds N] [--seed N] [KIND ...]`.

A case fails when the program ends, answers nothing within a few seconds, grows without bound, or answers something
that is no answer. The seed and the case are printed; the same seed makes the same cases.
"""
import argparse, json, os, pathlib, random, re, select, subprocess, sys, tempfile, time

import fuzz_http

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / ".build" / "release"))
# Limits on time and memory are for the program to keep; these say when it has not.
SECONDS_MAX, RESIDENT_MAX = 20, 1000 << 20

JSONATA = [
    "$sum(a.b[c > 1].d)", "a.{'k': b, 'n': $count(c)}", "a^(>b, <c)", "a[$ > 2 and $ < 5]", "**.b", "a.*.b",
    "a ~> |b|{'c': 1}, ['d']|", "$map([1..5], function($v, $i) { $v * $i })", "a@$x.b#$i.{'x': $x, 'i': $i}",
    "($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(5))", "$replace('abc', /b(.)/, '$1')", "a ? b : c",
    "$formatNumber(1234.5, '#,##0.00')", "$formatInteger(12, 'w')", "$fromMillis(1, '[Y0001]-[M01]-[D01]')",
    "$toMillis('2020-01-01T00:00:00Z')", "$sort(a, function($l, $r) { $l.b > $r.b })", "$reduce([1..5], function($i, $j) { $i + $j })",
    "a{b: $sum(c)}", "$lookup(a, 'b')", "$merge([{'a': 1}, {'b': 2}])", "$spread(a)", "$each(a, function($v, $k) { $k })",
    "$sift(a, function($v) { $v > 1 })", "$zip([1, 2], [3, 4])", "$distinct([1, 1, 2])", "$pad('a', 5, '#')", "$string(a)",
    "$number('1e3')", "$split('a,b', ',')", "$join(['a', 'b'], '-')", "$contains('abc', /b/)", "$match('ab12', /[0-9]+/)",
    "$base64encode('a')", "$encodeUrlComponent('a b')", "$round(1.25, 1)", "$power(2, 10)", "$formatBase(255, 16)",
    "$type(a)", "$boolean(a)", "$exists(a)", "$assert(true, 'x')", "$error('x')", "$single(a, function($v) { $v = 1 })",
    "$partition([1..10], 3)", "$range(1, 10, 2)", "$hash('a', 'SHA-256')", "$random(7)", "$uuid()", "$parse('{}')",
    "`a b`.c", "\"a\" & 'b' & 1", "[1, 2][0]", "a[-1]", "$$.a.%.b", "a.$b := 1", "function($x)<n:n>{$x}(1)", "a in [1, 2]", "-a", "a % 2",
    "/a+/i", "(a; b; c)", "$states.input", "$now()", "$millis()", "$f(?, 1)", "a ~> $sum ~> $string", "$keys(a)", "a[b][c]",
]
JSONPATH = [
    "$", "$.a", "$['a']", "$.a[0]", "$.a[-1]", "$.a[0:2]", "$.a[::2]", "$..a", "$.*", "$..*", "$.a[*].b", "$.a[?(@.b > 1)]",
    "$.a[?(@.b == 'x' && @.c)]", "$.a[?(@.b =~ /x.*/i)]", "$.a[?(@.b in ['x', 'y'])]", "$['a','b']", "$.a[0,1]", "$.a.length()",
    "$.a[?(!@.b)]", "$.a[?(@['b'] <= 1e3)]", "$.a.min()", "$.a[(@.length-1)]", "$$.Execution.Id", "$v.a", "$.a[?(@.b nin [1])]",
    "$.a[?(@.b size 2)]", "$.a[?(@.b subsetof ['x'])]", "$..a[?(@.b empty true)]", "$.a.concat('x')", "$.a[?(@ == $.b)]",
]
INTRINSICS = [
    "States.Format('{} {}', $.a, 'x')", "States.StringToJson('{\"a\": 1}')", "States.JsonToString($.a)", "States.Array(1, 'a', $.a, null)",
    "States.ArrayPartition($.a, 2)", "States.ArrayContains($.a, 1)", "States.ArrayRange(1, 9, 2)", "States.ArrayGetItem($.a, 0)",
    "States.ArrayLength($.a)", "States.ArrayUnique($.a)", "States.Base64Encode('a')", "States.Base64Decode('YQ==')",
    "States.Hash('a', 'SHA-256')", "States.JsonMerge($.a, $.b, false)", "States.MathRandom(1, 9)", "States.MathRandom(1, 9, 3)",
    "States.MathAdd(1, -1)", "States.StringSplit('a,b', ',')", "States.UUID()", "States.Format('{}', States.Array(1))",
]
NASTY = {
    "jsonata": [
        "[1..1e9]", "[1..1e7]", "[1..10000001]", "[-1e300..1e300]", "[1..1e400]", "[-9223372036854775808..9223372036854775807]",
        "$pad('a', 1e9)", "$pad('a', -1e9)", "$pad('a', 1e300, 'xy')", "$string([1..1e6])", "$join([1..1e6].$string())", "$power(10, 1e6)",
        "$power(-8, 1/3)", "$formatNumber(1e300, '0')", "$formatNumber(1, '" + "0" * 5000 + "')", "$formatBase(1e300, 36)", "$formatBase(-1e300, 2)",
        "$formatInteger(1e300, 'w')", "$formatInteger(-1e300, 'I')", "$formatInteger(9e18, 'A')", "$formatInteger(1e15, 'I')", "$fromMillis(1e300)", "$fromMillis(-1e300)",
        "$fromMillis(9e15, '[Y9999,*-9999]')", "$fromMillis(9223372036854775807)", "$fromMillis(1, '[Y" + "0" * 3000 + "]')", "$fromMillis(0, '[Y]', '+9999')",
        "$toMillis('999999999999-01-01')", "$toMillis('99999999999999999999', '[Y]')", "$toMillis('1', '[" + "Y" * 3000 + "]')",
        "$match($pad('', 100000, 'a'), /(a+)+b/)", "$match($pad('', 40, 'a'), /(a|aa)+$b/)", "$replace($pad('', 100000, 'a'), /(.*)*b/, 'x')",
        "$replace('aaa', /a*/, 'b')", "$replace($pad('', 1000000, 'a'), 'a', $pad('', 1000, 'b'))", "$split($pad('', 1000000, 'a'), '')", "$split('aaa', /a*/)",
        "$contains('a', /((((((((((((((((a*)*)*)*)*)*)*)*)*)*)*)*)*)*)*)*b/)", "/[/", "/(/", "/a{1,99999999}/", "/(?R)/", "/(?<a>.)\\k<a>/", "/\\p{Greek}/", "/(?C1)/",
        "($f := function($x) { $f($x + 1) }; $f(0))", "($f := function($x) { 1 + $f($x + 1) }; $f(0))", "($f := function() { [$f()] }; $f())",
        "($d := function($x, $n) { $n = 0 ? $x : $d($x & $x, $n - 1) }; $d('ab', 60))", "$reduce([1..60], function($a, $b) { $append($a, $a) }, [1])",
        "$reduce([1..60], function($a, $b) { {'a': $a, 'b': $a} }, 1)", "($f := function($x) { $f }; $f(1)(2)(3))", "($x := $x; $x)", "$map([1..1e6], function($v) { [1..1e6] })",
        "[1..1000].([1..1000].([1..1000]))", "[1..1000].[1..1000].[1..1000]", "$count([1..1e6].($ & 'x'))", "$sort([1..200000], function($l, $r) { $random() > 0.5 })",
        "$sort([1..5], function($l, $r) { true })", "$zip([1..1e6], [1..1e6], [1..1e6])", "**.**.**.**.**.**", "$$ ~> |**|{'a': $$}|", "$merge([1..1e6].{'a' & $: $})",
        "$spread([1..1e5].{'a': $})", "$distinct([1..1e5])", "$shuffle([1..1e6])", "$eval('$eval(\"1\")')", "($e := '$eval($e)'; $eval($e))", "$base64decode('%%%')",
        "$decodeUrl('%ff%')", "$encodeUrl('\\ud800')", "'\\ud800' & '\\udc00'", "$length('\\ud800')", "$substring('abc', -1e300, 1e300)", "$substring('abc', 1e300)",
        "$round(1e300, 300)", "$round(1, -400)", "$round(1.5, 1e300)", "$number('0x" + "f" * 400 + "')", "$number('1e400')", "1e400", "-1e400", "1e-400", "9" * 400, "1." + "9" * 400,
        "0." + "0" * 400 + "1", "1e308 * 10", "1/0", "0/0", "-1 % 0", "5 % 1e-320", "1e308 + 1e308", "$sum([1e308, 1e308])", "$max([])", "$average([])", "[1,2,3][1e300]",
        "[1,2,3][-1e300]", "[1,2,3][0/0]", "$partition([1..10], 1e-300)", "$partition([1..10], 0)", "$partition([1..10], -1)", "$partition([1..10], 1e300)", "$range(1, 1e9, 1)",
        "$range(1, 10, 0)", "$range(1, 10, -1)", "$range(-1e300, 1e300, 1)", "$range(1, 2, 1e-300)", "$random(1e300)", "$hash('a', 'MD5000')", "$parse('" + "[" * 20000 + "')",
        "$parse('1e400')", "$parse('" + "9" * 400 + "')", "function($x)<" + "(" * 5000 + ">{$x}", "function($x)<a<a<a<n>>>:x>{$x}(1)", "function($x)<n-:n>{$x}", "$f := $f", "a := b := c := d",
        "?", "", " ", "\x00", "'\x00'", "\"\\u0000\"", "/*", "/* */", "`", "'", "\"", "\\", "$", "$$", "$$$", "%", "%.%", "*", "**", "***", "@", "#", "a@", "a#$", "a@$x#$y@$z", "|", "||", "~>", "^", "^(", "a^(b",
        "{", "{}", "{1:2}", "{'a'}", "[", "[..]", "[1..]", "..", "a.", ".a", "a..b", "(", "()", ")", "function", "function(", "function()", "function(){", "function($a,$a){$a}(1,2)", "λ($x){$x}(1)", "𝒳", "é", "\u202e",
    ],
    "jsonpath": [
        "$[99999999999999999999]", "$[-99999999999999999999]", "$[0:99999999999999999999]", "$[::0]", "$[::-1]", "$[-9223372036854775808:]", "$[9223372036854775807]", "$[1e3]",
        "$.a[" + "0," * 20000 + "0]", "$" + "..*" * 12, "$" + "[*]" * 20000, "$[?(@.a =~ /(a+)+$/)]", "$[?(@ =~ /[/)]", "$[?(@ == " + "9" * 400 + ")]", "$[?(@ == 1e400)]",
        "$[?" + "(" * 20000 + "@" + ")" * 20000 + "]", "$[?(" + "!" * 20000 + "@.a)]", "$[?(@.a" + " && @.a" * 20000 + ")]", "$" + "[?(@" * 5000 + ")]" * 5000, "$.", "$..", "$[", "$['", "$['a", "$[']", "$[?", "$[?(",
        "$[?()]", "$[?(@)]", "", " ", "@", "$$", "$$$", "a", "$.a b", "$.a\x00", "$['\\u0000']", "$['\\ud800']", "$.é", "$.𝒳", "$[*", "$[0:0:0:0]", "$..[", "$.length(", "$.sum($..a", "$.concat(", "$.*.*.*.*.*", "$..a..a..a..a",
        "$[?(@.a in [" + "1," * 20000 + "1])]", "$[?(@.length() > 0)]", "$.a.first().last().index(1).keys()", "$.a.append(1)", "$.stddev()", "$.a.index(99999999999999999999)",
    ],
    "intrinsic": [
        "States.ArrayRange(1, 1000000000, 1)", "States.ArrayRange(1, 9, 0)", "States.ArrayRange(-9223372036854775808, 9223372036854775807, 1)", "States.ArrayRange(9223372036854775806, 9223372036854775807, 1)",
        "States.ArrayRange(-9223372036854775807, -9223372036854775808, -1)", "States.ArrayRange(1, 2, 9223372036854775807)", "States.ArrayPartition($.a, 0)", "States.ArrayPartition($.a, 99999999999999999999)",
        "States.ArrayGetItem($.a, -1)", "States.ArrayGetItem($.a, 9223372036854775807)", "States.MathRandom(-9223372036854775808, 9223372036854775807)", "States.MathRandom(9, 1)", "States.MathRandom(1, 1)",
        "States.MathRandom(1, 2, 99999999999999999999)", "States.MathAdd(9223372036854775807, 1)", "States.MathAdd(-9223372036854775808, -1)", "States.MathAdd(1e400, 1)", "States.MathAdd(" + "9" * 400 + ", 1)", "States.MathAdd(1.5, 1)",
        "States.Format('{', 1)", "States.Format('{}')", "States.Format('" + "{}" * 2000 + "', 1)", "States.Format('\\\\{}\\\\', 1)", "States.StringToJson('" + "[" * 9000 + "')", "States.StringToJson('1e400')",
        "States.StringSplit('a', '')", "States.StringSplit('', '')", "States.Base64Decode('===')", "States.Base64Encode('" + "a" * 20000 + "')", "States.Hash('a', 'x')", "States.JsonMerge($, $, true)", "States.JsonMerge(1, 2, false)",
        "States." + "Array(States." * 3000 + "UUID()" + ")" * 3000, "States.Array(" + "1," * 20000 + "1)", "States.Array(", "States.", "States", "States.Nope()", "States.Array('", "States.Array('\\", "States.Array($" + ".a" * 20000 + ")", "\x00", "",
    ],
}


def nested(depth):
    return "[" * depth + "]" * depth


def inputs(rng):
    """JSON texts, most of them data that expressions expect, some not JSON."""
    usual = '{"a": [{"b": 1, "c": [1, 2, 3], "d": "x"}, {"b": 2.5, "c": [], "d": null}], "b": "x,y", "c": {"d": {"e": true}}}'
    return rng.choice([
        usual, usual, usual, usual, "[]", "{}", "null", "1e400", "-0", "9" * 400, '"\\ud800"', '"\\u0000"', '{"a": "\\udc00\\ud800"}',
        nested(rng.choice([10, 400, 10_000, 100_000])), '{"a":' * 10_000 + "1" + "}" * 10_000, json.dumps({"a": "x" * rng.choice([10, 1 << 20])}),
        json.dumps({"a": list(range(rng.choice([10, 20_000])))}), '{"a": 1, "a": 2}', "[1,", "nul", "'a'", '{"": {"": ""}}',
        json.dumps({"a": {str(i): i for i in range(2000)}}), json.dumps({"a": [[["x"]] * 50] * 50})])


TOKENS = re.compile(r"\s+|[A-Za-z_]\w*|\$+\w*|[0-9.]+|'[^']*'|\"[^\"]*\"|.", re.S)
PIECES = ["(", ")", "[", "]", "{", "}", ".", "..", "*", "**", "$", "$$", "@", "#", "%", "?", ":", ":=", "~>", "|", "^", "&", "-", "1e400", "9" * 400, "\x00", "\ud800",
          "''", "\"", "'", "`", "\\", "/", "/a*/", "function($x){$x}", "null", "true", "1", "-1", "0", ",", ";", "\u202e", "𝒳", "[1..3]", "== ", "&&", "||", "!"]


def mutated(rng, corpus):
    """An expression of the corpus, changed here and there."""
    parts = TOKENS.findall(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(parts) + 1)
        choice = rng.randrange(8)
        if choice == 0 and parts:
            del parts[at % len(parts)]
        elif choice == 1:
            parts.insert(at, rng.choice(PIECES))
        elif choice == 2:
            parts[at:at] = TOKENS.findall(rng.choice(corpus))
        elif choice == 3 and parts:
            i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
            parts[i], parts[j] = parts[j], parts[i]
        elif choice == 4 and parts:
            i = rng.randrange(len(parts))
            parts[i:i + 3] = parts[i:i + 3] * rng.choice([2, 3, 50])
        elif choice == 5 and parts:
            parts[at % len(parts)] = rng.choice(PIECES)
        elif choice == 6 and rng.random() < 0.1:
            times = rng.choice([100, 1000, 10_000])
            opening, closing = rng.choice([("(", ")"), ("[", "]"), ("{'a':", "}"), ("-", ""), ("$not(", ")"), ("function(){", "}"), ("a.", ""), ("a?b:", ""), ("(1;", ")"), ("a[", "]")])
            parts = [opening * times, *parts, closing * times]
        else:
            parts.insert(at, chr(rng.choice([0, 9, 10, 34, 39, 92, 127, 0x85, 0x2028, 0xfffd, 0x1f600])))
    return "".join(parts)


class Failure(Exception):
    pass


class Evaluator:
    """`millrace eval KIND --batch`, started again when a case has ended it."""

    def __init__(self, kind):
        self.kind = kind
        self.process = None

    def ask(self, line):
        if self.process is None:
            self.process = subprocess.Popen(
                [BIN / "millrace", "eval", self.kind, "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, bufsize=0)
        begin, patience = self.cpu_seconds(), time.monotonic() + 10 * SECONDS_MAX
        try:
            self.process.stdin.write(line + b"\n")
        except BrokenPipeError:
            pass
        answer = bytearray()
        while not answer.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], 1)[0]:
                if self.cpu_seconds() - begin < SECONDS_MAX and time.monotonic() < patience:
                    continue
                self.end()
                raise Failure(f"no answer within {SECONDS_MAX} s")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                code, said = self.process.wait(), self.process.stderr.read()[-2000:]
                self.process = None
                raise Failure(f"the program ended with {code}: {said.decode('utf-8', 'replace')}")
            answer += piece
        peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text())
        if peak and int(peak[1]) << 10 > RESIDENT_MAX:
            self.end()
            raise Failure(f"{int(peak[1]) >> 10} MiB of memory")
        if len(answer) > 1 << 20:  # Large, and no error.
            return
        try:
            value = json.loads(answer)
        except ValueError:
            raise Failure(f"no JSON: {answer[:300]}")
        if not isinstance(value, dict) or not ({"result", "undefined", "error"} & set(value)):
            raise Failure(f"no answer: {answer[:300]}")
        if "error" in value and not value.get("message"):
            raise Failure(f"an error without a message: {answer[:300]}")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def expressions(kind, rng):
    corpus = list({"jsonata": JSONATA, "jsonpath": JSONPATH, "intrinsic": INTRINSICS}[kind])
    suite = {"jsonata": "jsonata.json", "jsonpath": "jsonpath.json", "intrinsic": "intrinsics.json"}[kind]
    shared = ROOT.parent / "shared" / "suites" / "expr" / suite
    if shared.exists():
        found = {case.get("expr") or case.get("selector") for case in json.loads(shared.read_text())}
        corpus += sorted(expression for expression in found if expression and len(expression) < 300)
    for expression in NASTY[kind]:
        yield expression
    for depth in (1000, 10_000, 100_000):
        for opening, closing in [("(", ")"), ("[", "]"), ("{'a':", "}"), ("-", "1"), ("$not(", ")"), ("function(){", "}"), ("a.", "a"), ("a[", "]"), ("$[?(@", ")]"), ("States.Array(", ")"), ("$..", "a"),
                                 ("a?b:", "c"), ("1+", "1"), ("a~>", "b"), ("a&", "b"), ("a:=", "b"), ("$x:=", "1"), ("|", "|"), ("a^(", ")"), ("a{b:", "}"), ("1;", "1"), ("a@$x.", "a"), ("%.", "a"), ("[[],", "]"), ("/a/", "")]:
            yield opening * depth + closing * (depth if len(closing) == 1 and closing in ")]}" or closing == ")]" else 1)
    while True:
        yield mutated(rng, corpus)


def fuzz_expressions(kind, seed, seconds):
    """Gives failures as texts; the nasty cases come first, whatever the time."""
    rng, evaluator = random.Random(f"{kind} {seed}"), Evaluator(kind)
    end, count, failures = time.monotonic() + seconds, 0, []
    certain = len(NASTY[kind]) + 75
    for expression in expressions(kind, rng):
        count += 1
        if count > certain and time.monotonic() > end or len(failures) >= 10:
            break
        data = inputs(rng) if count > certain else '{"a": [1, 2, {"b": 3}]}'
        text = json.dumps(expression, ensure_ascii=True)
        line = ('{"expr": %s, "data": %s}' % (text, data)).encode("utf-8", "surrogatepass")
        if count > certain and rng.random() < 0.02:
            at = rng.randrange(len(line))
            line = line[:at] + bytes([rng.choice([0x80, 0xff, 0xed, 0xc0, 0x22, 0x5c])]) + line[at + 1:]
        line = line.replace(b"\n", b" ")
        try:
            evaluator.ask(line)
        except Failure as failure:
            shown = line.decode("utf-8", "replace")
            shown = shown if len(shown) < 400 else f"{shown[:200]} ... {shown[-100:]} ({len(shown)} characters)"
            failures.append(f"{kind}, seed {seed}, case {count}: {failure}\n  {shown}")
            print(failures[-1], flush=True)
    evaluator.end()
    return count, failures


# Raw JSON texts to stand anywhere in a definition.
ODD_VALUES = [
    "null", "true", "-1", "0", "1.5", "1e400", "-1e400", "1e-400", "9" * 400, "9223372036854775807", "9223372036854775808", "99999999", "99999999999", "2147483647", "2147483648",
    "[]", "{}", '""', '"$"', '"$.a"', '"$$.Task.Token"', '"{% $states.input %}"', '"{% $f := function() { $f() } %}"', '"{% [1..1e9] %}"', '"{%"', '"States.UUID()"', '"States.ArrayRange(1, 99999999, 1)"',
    '"\\ud800"', '"\\u0000"', '"2016-03-14T01:59:00Z"', '"9999-99-99T99:99:99Z"', '"+292278994-08-17T07:12:55Z"', nested(300), nested(20_000), '"' + "x" * 100_000 + '"', '"States.ALL"', '"FULL"', '["a", 1]', '{"a": {"a": {"a": 1}}}',
]
DEFINITIONS = [
    {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"x.$": "$.a"}, "ResultPath": "$.r", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.a", "IsPresent": True}, {"Not": {"Variable": "$.b", "StringMatches": "x*"}}], "Next": "C"}], "Default": "D"},
        "C": {"Type": "Wait", "Seconds": 0, "Next": "D"}, "D": {"Type": "Succeed"}}, "TimeoutSeconds": 5, "Comment": "c", "Version": "1.0"},
    {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getTables", "Parameters": {"DatabaseName": "x"}, "TimeoutSeconds": 3, "HeartbeatSeconds": 2,
        "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.5, "MaxDelaySeconds": 2, "JitterStrategy": "FULL"}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "F"}], "End": True}, "F": {"Type": "Fail", "Error": "E", "CausePath": "$.e.Cause"}}},
    {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": "{% $states.input.a %}"}, "Output": {"v": "{% $count($states.input.a) %}"}, "Next": "M"},
        "M": {"Type": "Map", "Items": "{% [1..5] %}", "MaxConcurrency": 2, "ItemSelector": {"i": "{% $states.context.Map.Item.Value %}"}, "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "P",
            "States": {"P": {"Type": "Pass", "Output": "{% $states.input %}", "End": True}}}, "ToleratedFailureCount": 1, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": "{% 0 %}", "Next": "C"}, "C": {"Type": "Choice", "Choices": [{"Condition": "{% $x[0] > 1 %}", "Next": "E", "Assign": {"y": 1}}], "Default": "E"}, "E": {"Type": "Succeed", "Output": "{% $x %}"}}},
    {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": [1], "End": True}}}, {"StartAt": "B", "States": {"B": {"Type": "Wait", "SecondsPath": "$.n", "End": True}}}],
        "ResultSelector": {"x.$": "$[0]"}, "OutputPath": "$.x", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "P"}], "End": True}}},
    {"StartAt": "D", "States": {"D": {"Type": "Map", "Label": "l", "MaxConcurrencyPath": "$.n", "ToleratedFailurePercentage": 5, "ItemBatcher": {"MaxItemsPerBatch": 2, "MaxInputBytesPerBatch": 1000, "BatchInput": {"x": 1}},
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 5}, "Parameters": {"Bucket": "b", "Key": "k"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}, "End": True}}},
]


def places(value, path=()):
    """Paths to every value inside a JSON value."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def changed(rng, definition):
    """The text of a definition with a few values replaced, left out, moved or written twice."""
    value, raw = json.loads(json.dumps(definition)), {}
    for _ in range(rng.choice([1, 1, 2, 5])):
        spots = [path for path in places(value) if path]
        if not spots:
            break
        path = rng.choice(spots)
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        choice = rng.randrange(6)
        if choice == 0:
            del parent[path[-1]]
        elif choice == 1:
            other = value
            for key in rng.choice(spots):
                other = other[key] if isinstance(other, dict) and key in other or isinstance(other, list) and isinstance(key, int) and key < len(other) else other
            parent[path[-1]] = json.loads(json.dumps(other))
        elif choice == 2 and isinstance(parent, dict):
            parent[rng.choice(["Type", "Next", "End", "Assign", "Output", "InputPath", "ResultPath", "Seconds", "x.$", "", "TimeoutSecondsPath", "QueryLanguage", "A", "Resource", "\u0000"])] = parent[path[-1]]
        elif choice == 3 and isinstance(parent[path[-1]], str):
            corpus = JSONATA if "{%" in parent[path[-1]] else JSONPATH if rng.random() < 0.7 else INTRINSICS
            text = mutated(rng, corpus)
            parent[path[-1]] = "{% " + text + " %}" if corpus is JSONATA else text
        else:
            token = f"@@{len(raw)}@@"
            raw[token] = rng.choice(ODD_VALUES)
            parent[path[-1]] = token
    text = json.dumps(value)
    for token, odd in raw.items():
        text = text.replace(json.dumps(token), odd)
    if rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["", "{", "}", "[", ",", "\\", "\x00", '"']) + text[at + 1:]
    return text


def fuzz_definitions(server, seed, seconds):
    """Has a server validate, test and run changed definitions. Gives failures as texts."""
    rng = random.Random(f"definitions {seed}")
    client = server.client("stepfunctions")
    corpus = list(DEFINITIONS) + [json.loads(path.read_text()) for path in sorted((ROOT / "statemachines").glob("**/*.asl.json"))]
    end, count, started, failures = time.monotonic() + seconds, 0, 0, []
    role = "arn:aws:iam::123456789012:role/r"
    while time.monotonic() < end and len(failures) < 10:
        count += 1
        text = changed(rng, rng.choice(corpus))
        name = f"f{seed}-{count}"
        try:
            found = client.validate_state_machine_definition(definition=text)
            if found["result"] == "FAIL" and not all(d["message"] for d in found["diagnostics"]):
                raise Failure("a finding without a message")
            try:
                client.test_state(definition=json.dumps(json.loads(text)["States"]["A"]), roleArn=role, input=inputs(rng), inspectionLevel="TRACE")
            except (ValueError, KeyError, TypeError, RecursionError, client.exceptions.InvalidDefinition, client.exceptions.InvalidExecutionInput, client.exceptions.ValidationException):
                pass
            if found["result"] == "OK":
                machine = client.create_state_machine(name=name, definition=text, roleArn=role)["stateMachineArn"]
                execution = client.start_execution(stateMachineArn=machine, input=inputs(rng) if rng.random() < 0.5 else '{"a": [1, 2], "n": 0, "b": "xy"}')["executionArn"]
                started += 1
                time.sleep(0.02)
                if client.describe_execution(executionArn=execution)["status"] == "RUNNING":
                    client.stop_execution(executionArn=execution)
                client.get_execution_history(executionArn=execution)
                client.delete_state_machine(stateMachineArn=machine)
        except Failure as failure:
            failures.append(f"definitions, seed {seed}, case {count}: {failure}\n  {text[:400]}")
        except client.exceptions.ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status >= 500 or not error.response["Error"].get("Message"):
                failures.append(f"definitions, seed {seed}, case {count}: {status} {code}: {error}\n  {text[:400]}")
        except Exception as error:  # No answer: ended, or too slow.
            failures.append(f"definitions, seed {seed}, case {count}: {type(error).__name__}: {error}\n  {text[:400]}")
        if server.process.poll() is not None:
            failures.append(f"the server ended with {server.process.returncode}:\n{(server.directory / 'server.log').read_text()[-3000:]}")
            break
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text())[1]) << 10
        if peak > RESIDENT_MAX:
            failures.append(f"definitions, seed {seed}, case {count}: {peak >> 20} MiB of memory\n  {text[:400]}")
            break
    for failure in failures:
        print(failure, flush=True)
    return count, started, failures


KINDS = ["jsonata", "jsonpath", "intrinsic", "definitions", "services", "s3"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="of " + ", ".join(KINDS) + "; all if none is given")
    parser.add_argument("--seconds", type=float, default=60, help="for each kind")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    failed = False
    for kind in options.kinds or KINDS:
        if kind in fuzz_http.KINDS:
            from conftest import Server
            with tempfile.TemporaryDirectory() as directory:
                server = Server(directory, "--auth", "none")
                count, failures = fuzz_http.fuzz_requests(kind, server, options.seed, options.seconds)
                if server.process.poll() is None:
                    server.kill()
            print(f"{kind}: seed {options.seed}, {count} requests, {len(failures)} failures", flush=True)
            failed = failed or bool(failures)
            continue
        if kind == "definitions":
            from conftest import Server
            with tempfile.TemporaryDirectory() as directory:
                server = Server(directory)
                count, started, failures = fuzz_definitions(server, options.seed, options.seconds)
                if server.process.poll() is None:
                    server.kill()
            print(f"{kind}: seed {options.seed}, {count} cases, {started} of them run, {len(failures)} failures", flush=True)
            failed = failed or bool(failures)
            continue
        count, failures = fuzz_expressions(kind, options.seed, options.seconds)
        print(f"{kind}: seed {options.seed}, {count} cases, {len(failures)} failures", flush=True)
        failed = failed or bool(failures)
    sys.exit(failed)


if __name__ == "__main__":
    main()
