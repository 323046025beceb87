"""An axon of the Python SDK 10 that echoes, for measuring: `py_axon.py PORT`. Hotkey //Bob, no chain.

Prints `ready` when it serves; ends with its standard input.
"""

import os
import sys
import time
from typing import ClassVar, List, Tuple

os.environ["READ_ONLY"] = "1"  # no wallet folder in HOME
PORT = int(sys.argv[1])
sys.argv = sys.argv[:1]  # the SDK reads the command line too

import bittensor as bt  # noqa: E402
from bittensor_wallet import Keypair  # noqa: E402

ALICE = Keypair.create_from_uri("//Alice").ss58_address


class Prompting(bt.Synapse):
    roles: List[str]
    messages: List[str]
    completion: str = ""
    required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)


class DevWallet:
    hotkey = Keypair.create_from_uri("//Bob")
    coldkeypub = Keypair.create_from_uri("//Bob//cold")
    name = hotkey_str = "dev"


async def forward(synapse: Prompting) -> Prompting:
    synapse.completion = synapse.messages[-1]
    return synapse


def blacklist(synapse: Prompting) -> Tuple[bool, str]:
    return synapse.dendrite.hotkey != ALICE, "not on the list"


axon = bt.Axon(wallet=DevWallet, port=PORT, ip="127.0.0.1", external_ip="127.0.0.1", external_port=PORT)
axon.fast_config.host = "127.0.0.1"
axon.attach(forward_fn=forward, blacklist_fn=blacklist)
axon.start()
while not axon.fast_server.started:
    time.sleep(0.01)
print("ready", flush=True)
sys.stdin.read()
axon.stop()
os._exit(0)  # the server's thread does not always end
