"""Leaves a request for somebody to decide on. The task goes on when its token comes back."""
import json, pathlib, sys

request = json.load(sys.stdin)
folder = pathlib.Path(request["folder"])
folder.mkdir(parents=True, exist_ok=True)
(folder / f"{request['order']}.json").write_text(json.dumps(request))
print("null")
