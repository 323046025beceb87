"""What the Python SDK's own axon answers to cases: `v10_answers.py < CASES > ANSWERS`.

The axon's application runs in this process; its clock is set to the moment of each request. The bytes pass through
h11, which is what its server reads requests with.
"""

import asyncio
import base64
import json
import sys
import time
from urllib.parse import unquote

sys.argv = sys.argv[:1]

from bittensor_wallet import Keypair  # noqa: E402

from synapses import classes  # noqa: E402
from wire import parse  # noqa: E402
import bittensor  # noqa: E402

bittensor.logging.off()


class Keys:
    def __init__(self, uri: str) -> None:
        self.hotkey = Keypair.create_from_uri(uri)
        self.coldkeypub = self.hotkey


def build(style: str) -> bittensor.Axon:
    axon = bittensor.Axon(wallet=Keys("//Bob"), ip="127.0.0.1", port=8091, external_ip="127.0.0.1", external_port=8091)

    def serve(cls: type) -> None:
        if cls.__name__ == "StreamPrompting":

            async def forward(synapse: cls) -> cls.BTStreamingResponse:
                async def stream(send) -> None:
                    await send({"type": "http.response.body", "body": say(synapse).encode(), "more_body": True})

                return synapse.create_streaming_response(stream)
        else:

            async def forward(synapse: cls) -> cls:
                synapse.completion = say(synapse)
                return synapse

        axon.attach(forward_fn=forward)

    for name, cls in classes(style).items():
        if name != "Synapse":
            serve(cls)
    return axon


def say(synapse) -> str:
    if hasattr(synapse, "messages"):
        return " | ".join(f"{role}:{message}" for role, message in zip(synapse.roles, synapse.messages))
    return synapse.first + "/" + synapse.second if hasattr(synapse, "first") else synapse.text


NOW = 0
time.time_ns = lambda: NOW
AXONS = [build("classvar"), build("field")]


async def answer(axon, raw: bytes) -> tuple:
    """Status (0: none), and the completion of an answer that was served."""
    parsed = parse(raw)
    if isinstance(parsed, str):
        return 400 if parsed.startswith("not HTTP") else 0, parsed
    method, target, headers, body = parsed
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "server": ("127.0.0.1", 8091), "client": ("127.0.0.1", 50000), "method": method, "path": unquote(path.decode("latin-1")),
        "raw_path": path, "query_string": query, "headers": headers, "state": {},
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    out, status, never = bytearray(), 0, asyncio.Event()

    async def receive() -> dict:
        if messages:
            return messages.pop()
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            out.extend(message.get("body", b""))

    try:
        await asyncio.wait_for(axon.app(scope, receive, send), 20)
    except Exception as error:  # its server would answer 500 or close
        return status or 500, f"raised {type(error).__name__}"
    text = out.decode("utf-8", "replace")
    if status != 200:
        return status, text[:160]
    if path.endswith(b"StreamPrompting"):
        return status, text
    try:
        return status, json.loads(text).get("completion", "")
    except ValueError:
        return status, text[:160]


async def main() -> None:
    global NOW
    for line in sys.stdin:
        case = json.loads(line)
        # Both declaration styles serve; neither the status nor the answer may depend on it.
        axon = AXONS[case["id"] % 2]
        axon.nonces.clear()
        answers = []
        for step in case["steps"]:
            NOW = step["at"]
            answers.append(await answer(axon, base64.b64decode(step["raw"])))
        print(json.dumps({"id": case["id"], "answers": answers}))


asyncio.run(main())
