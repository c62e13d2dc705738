#!/usr/bin/env python3
"""Holds the code against the module table of ARCHITECTURE.md.

Each #include "…" in src/ and include/fanfare/ must name a file of the own module, of a module
that the table's column "may include" allows, or a public header of one of those. Only tests
may include a testing/ folder. The table itself must have no cycle.

Prints each violation as file:line with the rule; exit status 1 when there is one.
"""

import argparse
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
SOURCES = {".h", ".cpp"}


class Module:
    def __init__(self, may_include, public_headers):
        self.may_include = may_include
        self.public_headers = public_headers


def names_in(cell):
    return re.findall(r"[a-z0-9_]+", cell.split("(")[0])


def read_table(text):
    """The modules by name, from the first table whose header names the three columns."""
    columns, modules = None, {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if columns is None:
            if {"module", "may include", "public headers"} <= set(cells):
                columns = {name: cells.index(name) for name in cells}
            continue
        if not line.startswith("|"):
            break
        if set(line) <= set("|-: "):
            continue
        name = cells[columns["module"]].strip("`")
        modules[name] = Module(
            names_in(cells[columns["may include"]]),
            names_in(cells[columns["public headers"]]),
        )
    return modules


def find_cycle(modules):
    """A path of names that ends where it began; empty when there is none."""
    finished = set()

    def visit(name, path):
        if name in path:
            return path[path.index(name):] + [name]
        if name in finished or name not in modules:
            return []
        for child in modules[name].may_include:
            cycle = visit(child, path + [name])
            if cycle:
                return cycle
        finished.add(name)
        return []

    for name in modules:
        cycle = visit(name, [])
        if cycle:
            return cycle
    return []


def owner_of_header(name, modules):
    for module, row in modules.items():
        if name in row.public_headers:
            return module
    return None


def module_of(path, modules):
    """The module that a file of ours, relative to the root, belongs to."""
    if path.parts[:2] == ("include", "fanfare"):
        return owner_of_header(path.stem, modules)
    return path.parts[1]


def is_test(path):
    return path.stem.endswith("_test") or "testing" in path.parts


def fault_of(path, module, target, modules):
    """What is wrong with one include; None when nothing is."""
    parts = pathlib.PurePosixPath(target).parts
    if len(parts) < 2:
        return f'"{target}" names no module: write "{module}/{target}"'
    if parts[0] == "fanfare":
        owner = owner_of_header(pathlib.PurePosixPath(target).stem, modules)
        if owner is None:
            return f'no module owns the public header "{target}"'
    else:
        owner = parts[0]
        if owner not in modules:
            return f'"{target}" is of no module in the table'
        if path.parts[0] == "include":
            return f'a public header must not include "{target}", which is not public'
    if owner != module and owner not in modules[module].may_include:
        allowed = ", ".join(modules[module].may_include) or "no other module"
        return f'{module} must not include {owner} ("{target}"); it may include {allowed}'
    if "testing" in parts and not is_test(path):
        return f'"{target}" is for tests only'
    return None


def check(root):
    table = root / "ARCHITECTURE.md"
    modules = read_table(table.read_text(encoding="utf-8"))
    if not modules:
        return ["ARCHITECTURE.md:1: no table with the columns module, may include, public headers"]
    faults = []
    for name, row in modules.items():
        for other in row.may_include:
            if other not in modules:
                faults.append(f"ARCHITECTURE.md:1: {name} may include {other}, which has no row")
    cycle = find_cycle(modules)
    if cycle:
        faults.append("ARCHITECTURE.md:1: the modules form a cycle: " + " -> ".join(cycle))
    for folder in ("src", "include/fanfare"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in SOURCES and file.is_file():
                faults += check_file(root, file.relative_to(root), modules)
    return faults


def check_file(root, path, modules):
    module = module_of(path, modules)
    if module not in modules:
        return [f"{path}:1: belongs to no module in the table of ARCHITECTURE.md"]
    faults = []
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        fault = fault_of(path, module, match.group(1), modules)
        if fault:
            faults.append(f"{path}:{number}: {fault}")
    return faults


SELF_TEST_TABLE = """
| module | owns | may include | public headers | must not know |
| --- | --- | --- | --- | --- |
| `low` | x | | `result` | |
| `high` | x | low | `client` | |
| `side` | x | low | | `high`: reasons |
"""

# Path, line, and a part of the fault that it must give; None: none.
SELF_TEST_CASES = [
    ("src/high/a.cpp", '#include "low/x.h"', None),
    ("src/high/a.cpp", '#include "high/b.h"', None),
    ("src/high/a.cpp", '#include "fanfare/result.h"', None),
    ("src/high/a.cpp", "#include <side/x.h>", None),
    ("src/high/a.cpp", '#include "b.h"', "names no module"),
    ("src/high/a.cpp", '#include "side/x.h"', "high must not include side"),
    ("src/low/a.h", '  #  include "high/x.h"', "no other module"),
    ("src/low/a.h", '#include "fanfare/client.h"', "low must not include high"),
    ("src/low/a.h", '#include "fanfare/unknown.h"', "no module owns"),
    ("src/low/a.h", '#include "other/unknown.h"', "of no module"),
    ("src/high/a.cpp", '#include "low/testing/fake.h"', "for tests only"),
    ("src/high/a_test.cpp", '#include "low/testing/fake.h"', None),
    ("src/high/testing/b.h", '#include "low/testing/fake.h"', None),
    ("src/side/a_test.cpp", '#include "high/testing/fake.h"', "side must not include high"),
    ("src/stray/a.cpp", "", "belongs to no module"),
    ("include/fanfare/client.h", '#include "fanfare/result.h"', None),
    ("include/fanfare/client.h", '#include "low/x.h"', "is not public"),
    ("include/fanfare/result.h", '#include "fanfare/client.h"', "low must not include high"),
]


def faults_in(table, path, line):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "ARCHITECTURE.md").write_text(table, encoding="utf-8")
        file = root / path
        file.parent.mkdir(parents=True)
        file.write_text("// first line\n" + line + "\n", encoding="utf-8")
        return check(root)


def self_test():
    failures = 0
    for path, line, expected in SELF_TEST_CASES:
        faults = faults_in(SELF_TEST_TABLE, path, line)
        if expected is None:
            good = not faults
        else:
            good = len(faults) == 1 and expected in faults[0] and faults[0].startswith(path + ":")
        if not good:
            failures += 1
            print(f"self-test: {path} with {line!r}: expected {expected!r}, got {faults!r}")
    circle = SELF_TEST_TABLE.replace("| `low` | x | |", "| `low` | x | high |")
    faults = faults_in(circle, "src/low/a.h", "")
    if len(faults) != 1 or "low -> high -> low" not in faults[0]:
        failures += 1
        print(f"self-test: the cycle was not found: {faults!r}")
    if "no table" not in "".join(faults_in("nothing", "src/low/a.h", "")):
        failures += 1
        print("self-test: the missing table was not noticed")
    print(f"self-test: {len(SELF_TEST_CASES) + 2 - failures} passed, {failures} failed")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true", help="test this script")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    faults = check(options.root)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
