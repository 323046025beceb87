"""The Python SDK 10 dendrite asking many axons, round after round: `py_dendrite.py TARGETS ROUNDS MESSAGE_BYTES`.

TARGETS is a file with the line that `axoneme bench serve` prints. Prints one line of JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from typing import ClassVar, List, Tuple

os.environ["READ_ONLY"] = "1"
TARGETS, ROUNDS, MESSAGE_BYTES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.argv = sys.argv[:1]

import bittensor as bt  # noqa: E402
from bittensor.core.chain_data import AxonInfo  # noqa: E402
from bittensor.core.dendrite import Dendrite  # noqa: E402
from bittensor.utils import networking  # noqa: E402
from bittensor_wallet import Keypair  # noqa: E402

# A stock dendrite asks the internet for its own address.
networking.get_external_ip = lambda: "192.0.2.1"


class Prompting(bt.Synapse):
    roles: List[str]
    messages: List[str]
    completion: str = ""
    required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)


def target(served: dict) -> AxonInfo:
    ip, port = served["address"].rsplit(":", 1)
    hotkey = served["hotkey"]
    return AxonInfo(version=10_005_000, ip=ip, port=int(port), ip_type=4, hotkey=hotkey, coldkey=hotkey, protocol=4)


async def main() -> None:
    with open(TARGETS) as file:
        axons = [target(served) for served in json.load(file)["axons"]]
    question = Prompting(roles=["user"], messages=["x" * MESSAGE_BYTES])
    rounds, outcomes = [], Counter()
    async with Dendrite(wallet=Keypair.create_from_uri("//Alice")) as dendrite:

        async def one_round() -> list:
            return await dendrite.forward(axons=axons, synapse=question, timeout=60, deserialize=False)

        await one_round()  # connects
        cpu = time.process_time()
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answers = await one_round()
            rounds.append((time.perf_counter() - began) * 1e3)
            outcomes.update(str(answer.dendrite.status_code) for answer in answers)
        cpu = time.process_time() - cpu
    rounds.sort()
    print(
        json.dumps(
            {
                "axons": len(axons),
                "rounds": ROUNDS,
                "outcomes": outcomes,
                "round_ms": {"p50": rounds[len(rounds) // 2], "max": rounds[-1]},
                "cpu_ms_per_round": cpu * 1e3 / ROUNDS,
            }
        )
    )


asyncio.run(main())
