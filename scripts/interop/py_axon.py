"""A Python axon on a free loopback port that answers Prompting and StreamPrompting like the echo example, the latter
word by word. Prints `ready ADDRESS HOTKEY`. The message `break` ends a stream after its first word."""

import argparse
import asyncio
import socket
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--style", choices=("classvar", "field"), default="classvar")
arguments = parser.parse_args()
# The SDK reads the command line too.
sys.argv = sys.argv[:1]

from classes import Keys, StreamPrompting, prompting  # noqa: E402
import bittensor  # noqa: E402

Prompting = prompting(arguments.style)


async def forward(synapse: Prompting) -> Prompting:
    pairs = zip(synapse.roles, synapse.messages)
    synapse.completion = " | ".join(f"{role}:{message}" for role, message in pairs)
    return synapse


async def forward_stream(synapse: StreamPrompting) -> StreamPrompting.BTStreamingResponse:
    words = " | ".join(f"{role}:{message}" for role, message in zip(synapse.roles, synapse.messages)).split(" ")

    async def send_words(send) -> None:
        for number, word in enumerate(words):
            text = word if number == 0 else " " + word
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            # A pause, or the words would travel in one piece.
            await asyncio.sleep(0.002)
            if synapse.messages[-1:] == ["break it"]:
                raise RuntimeError("as asked")

    return synapse.create_streaming_response(send_words)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


keys = Keys("//Bob")
port = free_port()
# With an external address given, the SDK does not ask the internet for one.
axon = bittensor.Axon(wallet=keys, ip="127.0.0.1", port=port, external_ip="127.0.0.1", external_port=port)
axon.fast_config.host = "127.0.0.1"
axon.attach(forward_fn=forward).attach(forward_fn=forward_stream)
axon.start()
while not axon.fast_server.started:
    time.sleep(0.01)
print(f"ready 127.0.0.1:{port} {keys.hotkey.ss58_address}", flush=True)
while True:
    time.sleep(3600)
