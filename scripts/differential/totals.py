"""Adds up what compare.py counted: `totals.py COUNTS...`; one table per wire, and the rules that never applied."""

import importlib
import json
import sys
from collections import Counter

for path in sys.argv[1:]:
    wire = path.rpartition(".")[2]
    numbers, fired = Counter(), Counter()
    with open(path) as lines:
        for line in lines:
            counts = json.loads(line)
            fired.update(counts.pop("explained"))
            numbers.update(counts)
    rules = importlib.import_module("rules" if wire == "v10" else "btauth_rules")
    print(f"\n{wire}: " + ", ".join(f"{name} {number}" for name, number in numbers.items()) + f", explained {sum(fired.values())}")
    known = {f"stricter {rule.name}": rule for rule in rules.STRICTER} | {f"laxer {rule.name}": rule for rule in rules.LAXER}
    for name, rule in known.items():
        if fired[name]:
            print(f"  {fired[name]:7}  {name}: {rule.why}")
    print("  never applied: " + ", ".join(name for name in known if not fired[name]))
