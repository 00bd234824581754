#!/usr/bin/env python3
"""Writes what the operations take that a Task state can call by their names, from AWS's service models.

    shapes.py > Sources/StatesLanguage/ServiceShapes.swift

These are the operations that docs/api.md lists, but for S3's, and those of the optimised integrations of services elsewhere.
"""
import pathlib, re, textwrap

import botocore.session

HERE = pathlib.Path(__file__).resolve().parent
OWN = {"Step Functions": "stepfunctions", "Glue": "glue", "Batch": "batch", "CloudWatch Logs": "logs", "STS": "sts"}
ELSEWHERE = {
    "dynamodb": ["GetItem", "PutItem", "DeleteItem", "UpdateItem"], "events": ["PutEvents"], "lambda": ["Invoke"],
    "sns": ["Publish"], "sqs": ["SendMessage"]}
# Hundreds of shapes of Glue's visual editor, which no job here has.
LEFT_OUT = {"CodeGenConfigurationNodes"}
LETTERS = {"string": "s", "timestamp": "t", "blob": "s", "boolean": "b"}
HEAD = '''\
/// What operations take, from AWS's service models (botocore {version}). Written by `packaging/shapes.py`.
///
/// A line is a service (`#`), an operation (`>`) or one of the structures that its input has. Members follow by the names
/// that integrations have for them, `!` marks a required one; after the colon the kind of the value: `s` text, `n` number,
/// `b` boolean, `t` time, `[` a list and `{{` a map of what comes next, else a structure's name. A line that begins with a
/// blank goes on.
let serviceShapes = """
'''


def table(model, operations):
    lines, shapes = [], {}

    def kind(shape):
        if shape.type_name == "structure":
            add(shape.name, shape)
            return shape.name
        if shape.type_name == "list":
            return "[" + kind(shape.member)
        if shape.type_name == "map":
            return "{" + kind(shape.value)
        return LETTERS.get(shape.type_name, "n")

    def add(name, shape):
        if name in shapes:
            return
        shapes[name] = ""
        shapes[name] = " ".join(
            f"{member[0].upper()}{member[1:]}{'!' if member in shape.required_members else ''}:{kind(of)}"
            for member, of in shape.members.items() if member not in LEFT_OUT)

    for operation in operations:
        shape = model.operation_model(operation).input_shape
        shapes[">" + operation] = ""
        if shape is not None:
            add_to = f">{operation}"
            del shapes[add_to]
            add(add_to, shape)
    for name, members in sorted(shapes.items()):
        lines += textwrap.wrap(
            f"{name} {members}".strip(), 112, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    return lines


def main():
    session = botocore.session.get_session()
    api = (HERE.parent / "docs/api.md").read_text()
    print(HEAD.format(version=session.user_agent_version), end="")
    named = {OWN[title]: re.findall(r"`(\w+)`", text.split("\n", 1)[1])
             for title, text in ((part.split("\n", 1)[0], part) for part in api.split("\n## ")[1:]) if title in OWN}
    for service, operations in {**named, **ELSEWHERE}.items():
        model = session.get_service_model(service)
        print(f"    # {'states' if service == 'stepfunctions' else service}")
        for line in table(model, operations):
            print("    " + line)
    print('    """')


main()
