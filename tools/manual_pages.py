#!/usr/bin/env python3
"""Writes the manual pages of a program and its subcommands from the description that the program prints with
--experimental-dump-help: NAME.1 and NAME-SUBCOMMAND.1 in FOLDER.

The generator of ArgumentParser leaves out the values and defaults of options.

Usage: PROGRAM --experimental-dump-help | tools/manual_pages.py FOLDER
"""

import json
import pathlib
import sys


def text(words):
    """Text for roff: its own characters escaped, paragraphs with a request between them."""
    lines = words.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in {".", "'"} else line or ".PP" for line in lines)


def spelled(name):
    return f'-{name["name"]}' if name["kind"] == "short" else f'--{name["name"]}'


def bold(words):
    return f"\\fB{text(words)}\\fR"


def value(argument):
    return f'\\fI{text(argument["valueName"])}\\fR{"..." if argument["isRepeating"] else ""}'


def heading(argument):
    """Names, short ones first, and the value of an option; the name of an operand."""
    if argument["kind"] == "positional":
        return value(argument)
    names = sorted(argument["names"], key=lambda name: name["kind"] != "short")
    label = ", ".join(bold(spelled(name)) for name in names)
    return f"{label} {value(argument)}" if argument["kind"] == "option" else label


def description(argument):
    """The text of the help, with values and the default where it does not have them."""
    words = argument.get("abstract", "")
    values, default = argument.get("allValues"), argument.get("defaultValue")
    more = [f'values: {", ".join(values)}'] if values else []
    more += [f"default: {default}"] if default and "(default" not in words else []
    return words + (f' ({"; ".join(more)})' if more else "")


def items(arguments):
    """Pairs of headings and descriptions. A flag and its opposite have the same text and are one item."""
    found = []
    for argument in arguments:
        label, words = heading(argument), description(argument)
        if found and argument["kind"] == "flag" and found[-1][1] == words:
            found[-1] = (f"{found[-1][0]}, {label}", words)
        else:
            found.append((label, words))
    return found


def page(command, title, related):
    shown = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    operands = [argument for argument in shown if argument["kind"] == "positional"]
    options = [argument for argument in shown if argument["kind"] != "positional"]
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    usage = [bold(title), "[options]"]
    usage += [f"[{value(operand)}]" if operand["isOptional"] else value(operand) for operand in operands]
    usage += ["\\fIcommand\\fR ..."] if children else []
    name = title.replace(" ", "-")
    lines = [f'.TH "{name.upper()}" 1', ".SH NAME", f'{text(name)} \\- {text(command.get("abstract", ""))}',
             ".SH SYNOPSIS", " ".join(usage)]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", text(command["discussion"])]
    commands = [(bold(child["commandName"]), child.get("abstract", "")) for child in children]
    for section, found in [("COMMANDS", commands), ("OPERANDS", items(operands)), ("OPTIONS", items(options))]:
        if found:
            lines.append(f".SH {section}")
            for label, words in found:
                lines += [".TP", label, text(words)]
    others = [other for other in related if other != title]
    if others:
        lines += [".SH SEE ALSO", ",\n".join(f'{bold(other.replace(" ", "-"))}(1)' for other in others)]
    return name, "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = json.load(sys.stdin)["command"]
    pages = {root["commandName"]: root}
    for child in root.get("subcommands", []):
        if child["commandName"] != "help":
            pages[f'{root["commandName"]} {child["commandName"]}'] = child
    for title, command in pages.items():
        name, lines = page(command, title, pages)
        (pathlib.Path(sys.argv[1]) / f"{name}.1").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
