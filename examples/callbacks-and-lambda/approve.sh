#!/bin/sh
# Approves the order whose request stands in the folder, once it is there.
set -eu
until [ -s "$1" ]; do sleep 0.1; done
token=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"])' "$1")
aws stepfunctions send-task-success --task-token "$token" --task-output '{"approvedBy": "Ada"}'
