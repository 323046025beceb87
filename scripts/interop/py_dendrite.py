"""A Python dendrite that asks one axon many questions. Ends with 0 only if every status is as expected."""

import argparse
import asyncio
import sys
import time
from collections import Counter

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("address", help="IP:PORT of the axon")
parser.add_argument("hotkey", help="ss58 address the requests are signed for")
parser.add_argument("--key", default="//Alice", help="development key that signs")
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--at-once", type=int, default=1)
parser.add_argument("--message", default="hello {i}")
parser.add_argument("--style", choices=("classvar", "field"), default="classvar")
parser.add_argument("--stream", action="store_true", help="ask StreamPrompting")
parser.add_argument("--pieces", type=int, default=0, help="the least pieces each stream must come in")
parser.add_argument("--timeout", type=float, default=12.0)
parser.add_argument("--own-ip", default="192.0.2.1", help="what the SDK would learn from the internet")
parser.add_argument("--expect", default="200", help="statuses, separated by commas")
arguments = parser.parse_args()
sys.argv = sys.argv[:1]

from classes import Keys, StreamPrompting, prompting  # noqa: E402
from bittensor.core.chain_data import AxonInfo  # noqa: E402
from bittensor.core.dendrite import Dendrite  # noqa: E402
from bittensor.utils import networking  # noqa: E402

networking.get_external_ip = lambda: arguments.own_ip
Prompting = prompting(arguments.style)


async def main() -> int:
    ip, port = arguments.address.rsplit(":", 1)
    axon = AxonInfo(
        version=10_005_000, ip=ip, port=int(port), ip_type=4, hotkey=arguments.hotkey, coldkey=arguments.hotkey
    )
    gate = asyncio.Semaphore(arguments.at_once)
    statuses, times, wrong = Counter(), [], 0
    began = time.perf_counter()
    async with Dendrite(wallet=Keys(arguments.key).hotkey) as dendrite:

        async def ask(number: int) -> None:
            nonlocal wrong
            message = arguments.message.replace("{i}", str(number))
            async with gate:
                start, pieces = time.perf_counter(), 0
                if arguments.stream:
                    question = StreamPrompting(roles=["user"], messages=[message])
                    asked = {"synapse": question, "timeout": arguments.timeout, "deserialize": False}
                    async for piece in dendrite.call_stream(axon, **asked):
                        if isinstance(piece, StreamPrompting):
                            answer = piece
                        else:
                            pieces += bool(piece)
                else:
                    question = Prompting(roles=["user"], messages=[message])
                    answer = await dendrite.call(axon, question, timeout=arguments.timeout, deserialize=False)
                times.append(time.perf_counter() - start)
            statuses[f"{answer.dendrite.status_code} {answer.dendrite.status_message}"] += 1
            served = answer.dendrite.status_code == 200
            # Python's stream client takes the text of an error for an answer; only served ones can be right.
            as_asked = answer.completion == f"user:{message}" if served else arguments.stream or answer.completion == ""
            as_asked &= not served or pieces >= arguments.pieces
            if str(answer.dendrite.status_code) not in arguments.expect.split(",") or not as_asked:
                wrong += 1

        await asyncio.gather(*(ask(number) for number in range(arguments.count)))
    wall = time.perf_counter() - began
    times.sort()
    middle, late = times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3
    print(
        f"{arguments.count} requests, {arguments.at_once} at once: {wrong} wrong, statuses {dict(statuses)}, "
        f"{arguments.count / wall:.0f} per second, p50 {middle:.1f} ms, p99 {late:.1f} ms"
    )
    return int(wrong > 0)


sys.exit(asyncio.run(main()))
