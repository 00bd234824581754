"""Adds up an order. What goes in and out is JSON; an error is an object with a type and a message."""
import json, os, sys

PRICES = {"apple": 50, "pear": 75}

order = json.load(sys.stdin)
unknown = [item for item in order["items"] if item not in PRICES]
if unknown:
    print(json.dumps({"errorType": "UnknownItem", "errorMessage": f"there is no {unknown[0]}"}))
else:
    cents = sum(PRICES[item] * count for item, count in order["items"].items())
    print(f"{len(order['items'])} kinds of fruit", file=sys.stderr)
    json.dump({"cents": cents, "currency": os.environ["CURRENCY"]}, sys.stdout)
