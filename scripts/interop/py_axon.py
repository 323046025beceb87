"""A Python axon on a free loopback port that answers Prompting like the echo example. Prints `ready ADDRESS HOTKEY`."""

import argparse
import socket
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--style", choices=("classvar", "field"), default="classvar")
arguments = parser.parse_args()
# The SDK reads the command line too.
sys.argv = sys.argv[:1]

from classes import Keys, prompting  # noqa: E402
import bittensor  # noqa: E402

Prompting = prompting(arguments.style)


async def forward(synapse: Prompting) -> Prompting:
    pairs = zip(synapse.roles, synapse.messages)
    synapse.completion = " | ".join(f"{role}:{message}" for role, message in pairs)
    return synapse


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


keys = Keys("//Bob")
port = free_port()
# With an external address given, the SDK does not ask the internet for one.
axon = bittensor.Axon(wallet=keys, ip="127.0.0.1", port=port, external_ip="127.0.0.1", external_port=port)
axon.fast_config.host = "127.0.0.1"
axon.attach(forward_fn=forward)
axon.start()
while not axon.fast_server.started:
    time.sleep(0.01)
print(f"ready 127.0.0.1:{port} {keys.hotkey.ss58_address}", flush=True)
while True:
    time.sleep(3600)
