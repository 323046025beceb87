"""What SDK 11 says to btauth/1 cases: `btauth_answers.py < CASES > ANSWERS`.

Its `http_auth.verify`, with the clock of each request, in front of one route: POST /Prompting with roles and messages.
"""

import base64
import json
import sys

from bittensor import http_auth, sp_core
from pydantic import BaseModel, ValidationError

from wire import parse

SERVER = sp_core.Keypair.create_from_uri("//Bob").ss58_address


class Prompting(BaseModel):
    roles: list[str]
    messages: list[str]
    completion: str = ""


def answer(raw: bytes, now: int, store) -> tuple:
    parsed = parse(raw)
    if isinstance(parsed, str):
        return 400 if parsed.startswith("not HTTP") else 0, parsed
    method, target, headers, body = parsed
    try:
        http_auth.verify(
            {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}, body, method=method,
            path=target.decode("latin-1"), self_hotkey_ss58=SERVER, nonce_store=store, now_ns=now,
        )
    except http_auth.AuthError as error:
        return 401, f"{type(error).__name__}: {error}"
    except Exception as error:  # what its callers see as 500
        return 500, f"{type(error).__name__}: {error}"
    if target.partition(b"?")[0] != b"/Prompting":
        return 404, "no such route"
    if method != "POST":
        return 405, "not a POST"
    try:
        read = Prompting.model_validate(json.loads(body), strict=True)
    except (ValidationError, ValueError, RecursionError) as error:
        return 422, str(error)[:100]
    return 200, " | ".join(f"{role}:{message}" for role, message in zip(read.roles, read.messages))


for line in sys.stdin:
    case = json.loads(line)
    store = http_auth.InMemoryNonceStore()
    answers = [answer(base64.b64decode(step["raw"]), step["at"], store) for step in case["steps"]]
    print(json.dumps({"id": case["id"], "answers": answers}))
