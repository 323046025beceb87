"""Compares answers: `compare.py CASES PYTHON OURS FAILURES`. Ends with 0 only if every difference is explained.

Honest requests have no excuse: both sides serve them, and the handlers saw the same question.
"""

import argparse
import base64
import json
import sys
from collections import Counter

parser = argparse.ArgumentParser(description=__doc__)
for name in ("cases", "python", "ours", "failures"):
    parser.add_argument(name)
parser.add_argument("--rules", default="rules", help="module with STRICTER, LAXER and View")
parser.add_argument("--counts", help="file to add the counts of the rules to, as JSON")
arguments = parser.parse_args()
sys.argv = sys.argv[:1]

import importlib  # noqa: E402

rules = importlib.import_module(arguments.rules)
steps = honest = agreed_served = agreed_refused = 0
fired, failures, kinds = Counter(), [], Counter()


def judge(case: dict, view) -> str | None:
    """The rule that explains a difference, "" where there is none, None where there is no excuse."""
    served, serve = view.python == 200, view.ours == 200
    if served and serve:
        return "" if view.python_text == view.our_text else None
    if case["kinds"][0].startswith("honest"):
        return None
    if served == serve:
        return ""
    for side, candidates in (("stricter", rules.STRICTER), ("laxer", rules.LAXER)):
        if served == (side == "stricter"):
            for rule in candidates:
                if rule.explains(view):
                    return f"{side} {rule.name}"
    return None


with open(arguments.cases) as cases, open(arguments.python) as python, open(arguments.ours) as ours:
    for line, theirs, mine in zip(cases, python, ours, strict=True):
        case, theirs, mine = json.loads(line), json.loads(theirs), json.loads(mine)
        assert case["id"] == theirs["id"] == mine["id"], "answers out of step"
        for index, (step, a, b) in enumerate(zip(case["steps"], theirs["answers"], mine["answers"], strict=True)):
            view = rules.View(case, step, base64.b64decode(step["raw"]), a, b)
            verdict = judge(case, view)
            steps += 1
            honest += case["kinds"][0].startswith("honest")
            if verdict is None:
                failures.append({**case, "step": index, "python": a, "ours": b})
            elif verdict:
                fired[verdict] += 1
            elif view.ours == 200:
                agreed_served += 1
            else:
                agreed_refused += 1

with open(arguments.failures, "a") as out:
    for failure in failures:
        out.write(json.dumps(failure) + "\n")
for failure in failures[:12]:
    raw = base64.b64decode(failure["steps"][failure["step"]]["raw"])
    print(f"UNEXPLAINED case {failure['id']} step {failure['step']} {'+'.join(failure['kinds'])}: python {failure['python']}, ours {failure['ours']}")
    print("    " + repr(raw[:3000])[2:-1].replace("\\r\\n", "\n    "))
summary = {
    "requests": steps, "honest": honest, "served by both": agreed_served, "refused by both": agreed_refused,
    "explained": fired, "unexplained": len(failures),
}
if arguments.counts:
    with open(arguments.counts, "a") as out:
        out.write(json.dumps(summary) + "\n")
print(json.dumps({**summary, "explained": sum(fired.values())}))
sys.exit(int(bool(failures)))
