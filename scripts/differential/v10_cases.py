"""Writes v10 cases as JSON lines: `v10_cases.py COUNT SEED FIRST_ID`.

Every case starts from what the SDK's own dendrite sends; a quarter stay as they are (in sequences, other JSON
formatting, other header order), the rest are bent once or twice. The axon under test is //Bob.
"""

import argparse
import json
import random
import sys
import time
import uuid

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("count", type=int)
parser.add_argument("seed", type=int)
parser.add_argument("first", type=int)
arguments = parser.parse_args()
sys.argv = sys.argv[:1]

from bittensor_wallet import Keypair  # noqa: E402

import content  # noqa: E402
from synapses import classes  # noqa: E402
from v10_mutations import MUTATIONS, SEQUENCES, Sent  # noqa: E402
from wire import Case, Request  # noqa: E402
from bittensor.core.chain_data import AxonInfo  # noqa: E402
from bittensor.core.dendrite import Dendrite  # noqa: E402
from bittensor.utils import networking  # noqa: E402

networking.get_external_ip = lambda: "192.0.2.1"
CALLERS = [Keypair.create_from_uri(uri) for uri in ("//Alice", "//Charlie", "//Dave")]
AXON = Keypair.create_from_uri("//Bob").ss58_address
TARGET = AxonInfo(version=10_005_000, ip="127.0.0.1", port=8091, ip_type=4, hotkey=AXON, coldkey=AXON)
STYLES = {style: classes(style) for style in ("classvar", "field")}
DENDRITES = {key.ss58_address: Dendrite(wallet=key) for key in CALLERS}
# Cases are 200 s apart, more than any store has to remember.
START, APART = 1_800_000_000_000_000_000, 200_000_000_000


def question(rng: random.Random):
    kind = rng.choices(("Prompting", "Zoo", "Ordered", "Older", "StreamPrompting", "Synapse"), (55, 20, 6, 6, 8, 5))[0]
    cls = STYLES[rng.choice(("classvar", "classvar", "field"))][kind]
    if kind in ("Prompting", "StreamPrompting"):
        messages = content.texts(rng)
        return cls(roles=["user"] * len(messages), messages=messages)
    if kind in ("Ordered", "Older"):
        return cls(first=content.text(rng), second=content.text(rng))
    if kind == "Zoo":
        fields = {
            "text": content.text(rng),
            "count": content.integer(rng),
            "ratio": content.real(rng),
            "flag": rng.random() < 0.5,
            "tags": content.texts(rng),
            "table": {content.text(rng): content.integer(rng) for _ in range(rng.randint(0, 3))},
            "pair": (content.text(rng), content.integer(rng)),
            "inner": {"label": content.text(rng)} | ({"weight": content.real(rng)} if rng.random() < 0.5 else {}),
        }
        for name, value in {
            "scores": [content.real(rng) for _ in range(rng.randint(0, 3))],
            "nested": {content.text(rng): content.texts(rng) for _ in range(rng.randint(0, 2))},
            "maybe": content.text(rng),
            "limit": content.real(rng),
        }.items():
            if rng.random() < 0.6:
                fields[name] = value
        return cls(**fields)
    return cls()


def ask(rng: random.Random, now: int, key=None, lane: str | None = None, age: int | None = None) -> Sent:
    """A request as the SDK sends it."""
    key = key or rng.choice(CALLERS)
    dendrite = DENDRITES[key.ss58_address]
    dendrite.uuid = lane or str(uuid.UUID(int=rng.getrandbits(128), version=1))
    age = age if age is not None else rng.choice((0, 0, rng.randint(0, 3_900_000_000), -rng.randint(0, 1_900_000_000)))
    timeout = rng.choice((12.0, 12.0, 12.0, 1.0, 0.5, 60.0, 3.3e-05, 10, 120.0))
    signed_at, real_time = now - age, time.time_ns
    time.time_ns = lambda: signed_at
    try:
        synapse = dendrite.preprocess_synapse_for_request(TARGET, question(rng), timeout)
    finally:
        time.time_ns = real_time
    members = synapse.model_dump()
    headers = list(synapse.to_headers().items()) + [
        ("Accept", "*/*"),
        ("Accept-Encoding", "gzip, deflate"),
        ("User-Agent", "Python/3.11 aiohttp/3.14.1"),
        ("Content-Type", "application/json"),
    ]
    request = Request(f"/{type(synapse).__name__}", headers, json.dumps(members).encode())
    return Sent(request, key, AXON, type(synapse), members)


def reformat(rng: random.Random, sent: Sent) -> None:
    """Differences between honest clients: JSON style, left out or extra members, header order and case."""
    members = dict(sent.members)
    if rng.random() < 0.3:
        for name in ("name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash"):
            members.pop(name, None)
    if rng.random() < 0.2:
        members["extra"] = {"a": [1, None, {"b": "é"}]}
    if rng.random() < 0.2:
        items = list(members.items())
        rng.shuffle(items)
        members = dict(items)
    style = rng.choice(({}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 2}))
    sent.request.body = json.dumps(members, **style).encode()
    if rng.random() < 0.3:
        rng.shuffle(sent.request.headers)
    if rng.random() < 0.3:
        for header in sent.request.headers:
            header[0] = rng.choice((header[0], header[0].upper(), header[0].title()))
    if rng.random() < 0.2:
        sent.request.headers += [[b"X-Forwarded-For", b"192.0.2.7"], [b"Cookie", b"a=b; c=d"]]
    if rng.random() < 0.15:
        size = max(1, len(sent.request.body) // rng.randint(1, 4))
        sent.request.chunks = [size, size]


def make(number: int) -> Case:
    rng = random.Random(f"{arguments.seed}/v10/{number}")
    now = START + number * APART
    roll = rng.random()
    if roll < 0.18:
        sent = ask(rng, now)
        reformatted = rng.random() < 0.6
        if reformatted:
            reformat(rng, sent)
        return Case(number, "v10", ["honest-reformatted" if reformatted else "honest"], [(now, sent.request)])
    if roll < 0.24:
        key, lane = rng.choice(CALLERS), str(uuid.UUID(int=rng.getrandbits(128), version=1))
        moments = [now + i * rng.randint(1, 2_000_000_000) for i in range(rng.randint(2, 4))]
        moments.sort()
        steps = [(at, ask(rng, at, key, lane, age=0).request) for at in moments]
        if len(set(moments)) == len(moments):
            return Case(number, "v10", ["honest-sequence"], steps)
    if roll < 0.34:
        name = rng.choice(list(SEQUENCES))
        return Case(number, "v10", [name], SEQUENCES[name](rng, now, ask))
    sent = ask(rng, now)
    if rng.random() < 0.25:
        reformat(rng, sent)
    names = rng.sample(list(MUTATIONS), 1 if rng.random() < 0.65 else 2)
    # Those that change bytes come last, whatever the draw said.
    for name in names:
        sent.now = now
        MUTATIONS[name](rng, sent)
    return Case(number, "v10", names, [(now, sent.request)])


for number in range(arguments.first, arguments.first + arguments.count):
    print(make(number).line())
