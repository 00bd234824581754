#!/usr/bin/env python3
"""Evaluations of JSONata per second of processor time: millrace beside jsonata-js.

usage: jsonata.py MILLRACE [PATH/TO/jsonata.js]

Each expression is parsed and evaluated on a document of 1 KB many times, and on one of 1 MB a few times, through
`millrace eval jsonata --batch`; what reading the same lines costs with the expression `1` is taken off. With the path
of jsonata-js, and node on the PATH, the same lines go through it in the same way."""
import json, os, resource, shutil, subprocess, sys

EXPRESSIONS = {
    "path": "orders[0].customer.name",
    "filter": "orders[customer.tier = 'gold' and $count(lines) > 2].id",
    "aggregate": "$sum(orders.lines.(qty * price))",
    "shape": "orders.{'id': id, 'who': $uppercase(customer.name), 'total': $sum(lines.(qty * price)), 'day': $fromMillis(placed, '[Y0001]-[M01]-[D01]')}",
    "group": "orders{customer.tier: {'n': $count(id), 'value': $round($sum(lines.(qty * price)), 2), 'skus': $count($distinct(lines.sku))}}",
}
NODE = """
const jsonata = require(require('path').resolve(process.argv[1]));
const lines = require('readline').createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    const q = JSON.parse(line);
    console.log(JSON.stringify({ result: await jsonata(q.expr).evaluate(q.data) }));
  }
})();
"""


def order(i):
    return {
        "id": f"o-{i}", "customer": {"name": f"Customer {i % 97}", "tier": ["gold", "silver", "basic"][i % 3]},
        "placed": 1700000000000 + i * 60000,
        "lines": [
            {"sku": f"SKU-{(i * 7 + k * 13) % 211}", "qty": 1 + (i + k) % 5, "price": ((i * 31 + k * 17) % 1000) / 10}
            for k in range(2 + i % 3)],
    }


def seconds(command, text, document, times):
    """Processor time of `times` evaluations, reading and writing included, and the last answer."""
    line = json.dumps({"expr": text, "data": document}) + "\n"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=line * times, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, json.loads(done.stdout.split("\n")[-2])


def main():
    engines = {"millrace": [sys.argv[1], "eval", "jsonata", "--batch"]}
    if len(sys.argv) > 2 and shutil.which("node"):
        engines["jsonata-js"] = ["node", "-e", NODE, os.path.abspath(sys.argv[2])]
    for size, count, times in (("1 KB", 5, 5000), ("1 MB", 4713, 5)):
        document = {"orders": [order(i) for i in range(count)]}
        base = {name: min(seconds(c, "1", document, times)[0] for _ in range(2)) for name, c in engines.items()}
        for expression, text in EXPRESSIONS.items():
            answers, rates = {}, []
            for name, command in engines.items():
                used, answers[name] = min((seconds(command, text, document, times) for _ in range(2)), key=lambda r: r[0])
                rates.append(f"{name} {times / max(used - base[name], 1e-3):12,.0f}/s")
            same = len({json.dumps(a.get("result"), sort_keys=True) for a in answers.values()}) == 1
            print(f"jsonata/{expression}/{size}: {'  '.join(rates)}{'' if same else '  THE RESULTS DIFFER'}", flush=True)


if __name__ == "__main__":
    main()
