"""The synapse classes of the subnet, in the two ways Python subnets declare their hash fields."""

import os
from typing import ClassVar, List, Tuple

# The SDK would otherwise make a wallet folder in the home folder.
os.environ.setdefault("READ_ONLY", "1")

import bittensor  # noqa: E402
from bittensor.core.stream import StreamingSynapse  # noqa: E402


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


class StreamPrompting(StreamingSynapse):
    """The client of the original text subnet, but for two of its faults: it keeps line breaks, and characters that two
    reads share."""

    roles: List[str]
    messages: List[str]
    completion: str = ""
    required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)

    async def process_streaming_response(self, response):
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")()
        async for read in response.content.iter_any():
            text = decoder.decode(read)
            self.completion += text
            yield text

    def extract_response_json(self, response) -> dict:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.raw_headers}

        def side(prefix: str) -> dict:
            found = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
            return {name: value for name, value in found.items() if name in bittensor.TerminalInfo.model_fields}

        return {
            "name": headers.get("name", ""),
            "timeout": float(headers.get("timeout", 0)),
            "total_size": int(headers.get("total_size", 0)),
            "header_size": int(headers.get("header_size", 0)),
            "dendrite": side("bt_header_dendrite_"),
            "axon": side("bt_header_axon_"),
            "roles": self.roles,
            "messages": self.messages,
            "completion": self.completion,
        }

    def deserialize(self):
        return self


class Keys:
    """As much of a wallet as an axon or a dendrite touches."""

    def __init__(self, uri: str) -> None:
        from bittensor_wallet import Keypair

        self.hotkey = Keypair.create_from_uri(uri)
        self.coldkeypub = self.hotkey
