"""The Prompting class of the subnet, in the two ways Python subnets declare their hash fields."""

import os
from typing import ClassVar, List, Tuple

# The SDK would otherwise make a wallet folder in the home folder.
os.environ.setdefault("READ_ONLY", "1")

import bittensor  # noqa: E402


def prompting(style: str) -> type:
    """``classvar``: how it is written today. ``field``: the first subnets, whose bodies hold the list as well."""
    if style == "classvar":

        class Prompting(bittensor.Synapse):
            roles: List[str]
            messages: List[str]
            completion: str = ""
            required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)

        return Prompting

    class Prompting(bittensor.Synapse):
        roles: List[str]
        messages: List[str]
        completion: str = ""
        required_hash_fields: List[str] = ["messages"]

    return Prompting


class Keys:
    """As much of a wallet as an axon or a dendrite touches."""

    def __init__(self, uri: str) -> None:
        from bittensor_wallet import Keypair

        self.hotkey = Keypair.create_from_uri(uri)
        self.coldkeypub = self.hotkey
