"""The synapse classes of the test, in every way a Python subnet declares one. The Rust side has the same."""

import os
from typing import ClassVar, Dict, List, Optional, Tuple

# The SDK would otherwise make a wallet folder in the home folder.
os.environ.setdefault("READ_ONLY", "1")

import warnings  # noqa: E402

warnings.filterwarnings("ignore")

from pydantic import BaseModel  # noqa: E402
from bittensor.core.stream import StreamingSynapse  # noqa: E402
from bittensor.core.synapse import Synapse  # noqa: E402


class Inner(BaseModel):
    label: str
    weight: float = 0.5


def classes(style: str) -> dict:
    """Name to class. ``classvar``: today's declaration; ``field``: that of the first subnets."""
    if style == "classvar":

        class Prompting(Synapse):
            roles: List[str]
            messages: List[str]
            completion: str = ""
            required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)

    else:

        class Prompting(Synapse):
            roles: List[str]
            messages: List[str]
            completion: str = ""
            required_hash_fields: List[str] = ["messages"]

    class Zoo(Synapse):
        text: str
        count: int
        ratio: float
        flag: bool
        tags: List[str]
        table: Dict[str, int]
        # Without defaults a Python axon could not build its placeholders of these two.
        pair: Tuple[str, int] = ("", 0)
        inner: Inner = Inner(label="")
        scores: List[float] = []
        nested: Dict[str, List[str]] = {}
        maybe: Optional[str] = None
        limit: Optional[float] = None
        completion: str = ""
        required_hash_fields: ClassVar[Tuple[str, ...]] = (
            "text", "count", "ratio", "flag", "tags", "table", "pair", "inner", "scores", "nested", "maybe", "limit",
        )

    class Ordered(Synapse):
        """Hashed in the order of the class variable."""

        first: str
        second: str
        completion: str = ""
        required_hash_fields: ClassVar[Tuple[str, ...]] = ("second", "first")

    class Older(Synapse):
        """Hashed in the order of the model, whatever the field says."""

        first: str
        second: str
        completion: str = ""
        required_hash_fields: List[str] = ["second", "first"]

    class StreamPrompting(StreamingSynapse):
        roles: List[str]
        messages: List[str]
        completion: str = ""
        required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages",)

        async def process_streaming_response(self, response):
            raise NotImplementedError("nobody reads here")
            yield

        def extract_response_json(self, response) -> dict:
            raise NotImplementedError("nobody reads here")

        def deserialize(self):
            return self

    found = {c.__name__: c for c in (Prompting, Zoo, Ordered, Older, StreamPrompting)} | {"Synapse": Synapse}
    for cls in found.values():
        remember_schema(cls)
    return found


def remember_schema(cls: type) -> None:
    """The SDK works the JSON schema of a class out again for every message, which is most of its time."""
    schema = BaseModel.model_json_schema.__func__(cls)
    cls.model_json_schema = classmethod(lambda *_, **__: schema)
