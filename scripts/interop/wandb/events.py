"""Event files to export, and what must come out of them.

    events.py write FOLDER          writes events.1.jsonl and events.jsonl
    events.py log FOLDER RUN...     reads the runs' logs with the service's own package: every record, equal
    events.py kill RUN              takes the end off a run's log, as if its validator had been killed
    events.py synced FOLDER RESULT RUN...   what arrived at the server: the same; the last run was killed
    events.py table FOLDER PARQUET  reads the Parquet file with pyarrow
"""

import json
import math
import os
import random
import struct
import sys

NUMBERS = ["dpo_reward_model", "dpo_reward_model_normalized", "relevance_filter", "diversity_reward_model_batch"]


def write(folder):
    random.seed(7)
    number = 0
    for name, tags, count in (("events.1.jsonl", ["netuid_8", "mock"], 40), ("events.jsonl", ["netuid_8"], 3)):
        with open(os.path.join(folder, name), "w") as out:
            header = {"tags": tags, "netuid": 8, "started": 1_790_000_000 + number, "neuron": {"name": "x", "α": [1, 2.5]}}
            out.write(json.dumps({"header": header}) + "\n")
            for _ in range(count):
                number += 1
                size = random.choice([0, 1, 3, 50])
                cell = lambda: random.choice([random.gauss(0, 1), "nan", 0.1 + 0.2, 1e-300])
                event = {
                    "name": "answer0",
                    "task_type": "question-answer",
                    "block": number,
                    "step_length": random.random(),
                    "prompt": "naïve \"prompt\"\n" + "x" * random.choice([0, 40_000]),
                    "uids": list(range(size)),
                    "hotkeys": ["5" + "F" * 47] * size,
                    "completions": [random.choice(["", "ok", "long " * 9000, "\u0000\ud83d\ude00"]) for _ in range(size)],
                    "completion_times": [random.random() for _ in range(size)],
                    "completion_status_codes": ["200"] * size,
                    "completion_status_messages": ["Success"] * size,
                    "rewards": [random.random() for _ in range(size)],
                    "gating_loss": None,
                    "best": "ok",
                    "time": 1_790_000_000 + number * 10.25,
                    "raw_completions": None,
                    "more": {"of": ["a", "fork"]},
                    **{column: [cell() for _ in range(size)] for column in NUMBERS},
                    "rlhf_reward_model": None,
                }
                out.write(json.dumps(event) + "\n")
            out.write('{"name":"forward","steps":9}\n')


def expected(folder):
    """Per run: header, and rows as they must arrive."""
    runs = []
    for name in ("events.1.jsonl", "events.jsonl"):
        lines = [json.loads(line) for line in open(os.path.join(folder, name))]
        header, rows = lines[0]["header"], []
        for event in lines[1:]:
            if "uids" not in event:
                continue
            time = event.pop("time")
            row = {key: value for key, value in event.items() if value is not None}
            for column in NUMBERS:
                row[column] = [math.nan if cell == "nan" else cell for cell in row[column]]
            row["_step"], row["_timestamp"] = len(rows), time
            row["_runtime"] = time - header["started"]
            rows.append(row)
        runs.append((header, rows))
    return runs


def same(a, b):
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def must_be(what, got, wanted):
    if not same(got, wanted):
        shorten = lambda value: json.dumps(value)[:400]
        sys.exit(f"{what}: got {shorten(got)} instead of {shorten(wanted)}")


def log(folder, runs):
    import wandb

    wandb._assert_is_internal_process = True
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    records = 0
    for path, (header, rows) in zip(runs, expected(folder)):
        run_id = path.rsplit("-", 1)[1]
        store = DataStore()
        store.open_for_scan(os.path.join(path, f"run-{run_id}.wandb"))
        kinds, history, summary = [], [], {}
        while (data := store.scan_data()) is not None:
            record = wandb_internal_pb2.Record.FromString(data)
            records += 1
            must_be("number of a record", record.num, len(kinds) + 1)
            kind = record.WhichOneof("record_type")
            kinds.append(kind)
            items = lambda parts: {(part.key or part.nested_key[0]): json.loads(part.value_json) for part in parts}
            if kind == "run":
                must_be("id", record.run.run_id, run_id)
                must_be("tags", list(record.run.tags), header["tags"])
                must_be("project", record.run.project, "openvalidators")
                must_be("start", record.run.start_time.seconds, header["started"])
                settings = {key: value for key, value in header.items() if key != "tags"} | {"_wandb": {}}
                must_be("settings", items(record.run.config.update), settings)
            elif kind == "history":
                must_be("step", record.history.step.num, len(history))
                history.append(items(record.history.item))
            elif kind == "summary":
                summary |= items(record.summary.update)
            elif kind == "exit":
                must_be("exit code", record.exit.exit_code, 0)
        must_be("kinds", [kinds[0], kinds[1], kinds[-1]], ["header", "run", "exit"])
        must_be("rows", history, rows)
        must_be("summary", {key: summary[key] for key in rows[-1]}, rows[-1])
    print(f"{records} records of {len(runs)} runs read back equal by wandb {wandb.__version__}")


def kill(path):
    log = os.path.join(path, f"run-{path.rsplit('-', 1)[1]}.wandb")
    raw = open(log, "rb").read()
    at, last = 7, 0
    while at < len(raw):
        if (room := 32768 - at % 32768) < 7:
            at += room
            continue
        _, length, kind = struct.unpack("<IHB", raw[at : at + 7])
        last = at if kind in (1, 2) else last
        at += 7 + length
    os.truncate(log, last)


def synced(folder, result, runs):
    seen = json.load(open(result))
    must_be("requests nobody understood", seen["unknown"], [])
    count = 0
    for path, (header, rows) in zip(runs, expected(folder)):
        run_id = path.rsplit("-", 1)[1]
        run = seen["runs"][run_id]
        must_be("tags", run["tags"], header["tags"])
        config = {key: value["value"] for key, value in json.loads(run["config"]).items() if key != "_wandb"}
        must_be("settings", config, {key: value for key, value in header.items() if key != "tags"})
        stream = seen["streams"][f"/files/opentensor-dev/openvalidators/{run_id}/file_stream"]
        killed = path == runs[-1]
        must_be("end", (stream.get("complete"), stream.get("exitcode")), (True, int(killed)))
        arrived = [json.loads(line) for line in stream["files"]["wandb-history.jsonl"]]
        must_be("rows", arrived, rows)
        summary = json.loads(stream["files"]["wandb-summary.json"][-1])
        # A killed run has of its last row what was short.
        keys = ["_step", "_timestamp", "block", "best"] if killed else rows[-1]
        must_be("summary", {key: summary[key] for key in keys}, {key: rows[-1][key] for key in keys})
        count += len(arrived)
    print(f"{count} rows of {len(runs)} runs arrived equal, the last one of a killed validator")


def table(folder, path):
    import pyarrow.parquet

    rows = [row for _, run in expected(folder) for row in run]
    got = pyarrow.parquet.read_table(path).to_pylist()
    must_be("rows", len(got), len(rows))
    for ours, row in zip(got, rows):
        for key, value in row.items():
            if key not in ("_step", "_timestamp", "_runtime", "more"):
                must_be(key, ours[key], value)
        must_be("time", ours["time"], row["_timestamp"])
        must_be("extra", json.loads(ours["extra"])["more"], row["more"])
        must_be("absent", ours["rlhf_reward_model"], None)
        must_be("header", json.loads(ours["header"])["netuid"], 8)
    print(f"{len(got)} rows of {len(got[0])} columns read back equal by pyarrow {pyarrow.__version__}")


{"write": write, "log": lambda folder, *runs: log(folder, runs), "table": table, "kill": kill}.get(
    sys.argv[1], lambda folder, result, *runs: synced(folder, result, runs)
)(*sys.argv[2:])
