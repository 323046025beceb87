"""A btauth/1 client: SDK 11 signs, the kit verifies the signed answers. Asks an axon on loopback many questions, or attacks it.

Ends with 0 only if every answer is as expected and signed by the axon; with --attacks, only if every one is refused.
"""

import argparse
import http.client
import json
import sys
import threading
import time
from collections import Counter

from bittensor import http_auth, sp_core
from taowire.extensions import response_sig, streaming

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("address", help="IP:PORT of the axon")
parser.add_argument("hotkey", help="ss58 address of the axon")
parser.add_argument("--key", default="//Alice")
parser.add_argument("--ed25519", action="store_true")
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--at-once", type=int, default=1)
parser.add_argument("--message", default="hello {i}")
parser.add_argument("--stream", action="store_true")
parser.add_argument("--expect", type=int, default=200)
parser.add_argument("--unsigned", action="store_true", help="the answer must not be signed")
parser.add_argument("--attacks", action="store_true")
arguments = parser.parse_args()

HOST, PORT = arguments.address.rsplit(":", 1)
KEY = sp_core.Keypair.create_from_uri(arguments.key, crypto_type=0 if arguments.ed25519 else 1)
PATH = "/StreamPrompting" if arguments.stream else "/Prompting"
lock, last = threading.Lock(), 0


def next_nonce() -> int:
    global last
    with lock:
        last = max(time.time_ns(), last + 1)
        return last


def body_of(message: str) -> bytes:
    return json.dumps({"roles": ["user"], "messages": [message]}).encode()


def sign(body: bytes, nonce: int, **other) -> dict:
    asked = {"method": "POST", "path": PATH, "body": body, "receiver_ss58": arguments.hotkey, "nonce_ns": nonce} | other
    return http_auth.sign(asked.pop("key", KEY), **asked)


def send(connection, headers, body: bytes, method="POST", path=PATH):
    """Headers as pairs, so that one can come twice."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def signed(response, nonce: int, body: bytes | None = None, digest: str | None = None, more=()) -> bool:
    try:
        response_sig.verify_response(
            [*response.getheaders(), *more], expected_responder=arguments.hotkey, request_nonce=nonce,
            sender_ss58=KEY.ss58_address, status=response.status, body=body, digest=digest,
        )
    except response_sig.ResponseSignatureError as error:
        if not arguments.unsigned:
            print(f"signature: {error}", file=sys.stderr)
        return False
    return True


def read_stream(response, nonce: int) -> tuple:
    """The text, and whether the trailer signs every piece of it. An answer that is not a stream is signed as a whole."""
    if response.getheader("content-type") != "text/event-stream":
        body = response.read()
        return body.decode("utf-8", "replace"), signed(response, nonce, body=body)
    parser, digest, text, end = streaming.SSEParser(), streaming.StreamDigest(), "", None
    while piece := response.read1(65536):
        for event in parser.feed(piece):
            assert end is None, "an event after the end"
            if event.event == "chunk":
                digest.update(event.data)
                text += streaming.decode_chunk(event.data)["token"]
            elif event.event == "tw-end":
                end = streaming.parse_trailer(event.data)
    if end is None or (end.digest, end.count) != (digest.hexdigest(), digest.count):
        return text, False
    return text, signed(response, nonce, digest=end.digest, more=[(response_sig.HEADER_SIGNATURE, end.signature or "")])


def ask(connection, message: str) -> str:
    """What came back; "200" if it is right."""
    body, nonce = body_of(message), next_nonce()
    response = send(connection, sign(body, nonce).items(), body)
    if arguments.stream:
        text, proven = read_stream(response, nonce)
    else:
        raw = response.read()
        proven = signed(response, nonce, body=raw)
        text = json.loads(raw).get("completion") if response.status == 200 else raw.decode("utf-8", "replace")
    if response.status == 200 and text != f"user:{message}":
        return f"200 with {text[:60]!r}"
    if proven == arguments.unsigned:
        return f"{response.status} {'signed' if proven else 'unsigned'} {text[:120] if response.status != 200 else ''}"
    return str(response.status)


def load() -> bool:
    outcomes, todo = Counter(), list(range(arguments.count))

    def work() -> None:
        connection = http.client.HTTPConnection(HOST, int(PORT), timeout=30)
        while True:
            with lock:
                if not todo:
                    break
                number = todo.pop()
            outcome = ask(connection, arguments.message.replace("{i}", str(number)))
            with lock:
                outcomes[outcome] += 1
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(arguments.at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = arguments.count / (time.perf_counter() - began)
    print(f"{arguments.count} requests, {arguments.at_once} at once: {dict(outcomes)}, {rate:.0f} per second")
    return outcomes == {str(arguments.expect): arguments.count}


def attacks() -> bool:
    body, other = body_of("hello"), sp_core.Keypair.create_from_uri("//Charlie")
    names = http_auth

    def fresh(**changes) -> dict:
        return sign(body, changes.pop("nonce", None) or next_nonce(), **changes)

    def without(name: str) -> dict:
        return {known: value for known, value in fresh().items() if known != name}

    def signed_over(wrap, sender=None) -> dict:
        nonce, sender = next_nonce(), sender or KEY.ss58_address
        payload = names.build_payload(
            scheme="ed25519" if arguments.ed25519 else "sr25519", method="POST", path=PATH, body=body, nonce_ns=nonce,
            sender_ss58=sender, receiver_ss58=arguments.hotkey,
        )
        signature = "0x" + bytes(KEY.sign(wrap(payload))).hex()
        return fresh() | {names.HEADER_HOTKEY: sender, names.HEADER_NONCE: str(nonce), names.HEADER_SIGNATURE: signature}

    now, text = time.time_ns(), "0x" + "11" * 64
    used = fresh()
    kinds = {
        "right, for once": (used, {}),
        "replay": (used, {}),
        "replay with other letters": ({**used, names.HEADER_SIGNATURE: "0x" + used[names.HEADER_SIGNATURE][2:].upper()}, {}),
        "stale": (fresh(nonce=now - 60 * 10**9), {}),
        "from the future": (fresh(nonce=now + 60 * 10**9), {}),
        "another body": (fresh(), {"body": body + b" "}),
        "another path": (fresh(), {"path": "/StreamPrompting" if PATH == "/Prompting" else "/Prompting"}),
        "a query": (fresh(), {"path": PATH + "?x=1"}),
        "another method": (fresh(), {"method": "PUT"}),
        "another receiver": (fresh(receiver_ss58=other.ss58_address), {}),
        "no receiver": (fresh(receiver_ss58=None), {}),
        "another signer": (fresh() | {names.HEADER_SIGNATURE: fresh(key=other)[names.HEADER_SIGNATURE]}, {}),
        "another scheme": (fresh() | {names.HEADER_CRYPTO: "sr25519" if arguments.ed25519 else "ed25519"}, {}),
        "scheme by number": (fresh() | {names.HEADER_CRYPTO: "0" if arguments.ed25519 else "1"}, {}),
        "no signature": (without(names.HEADER_SIGNATURE), {}),
        "no nonce": (without(names.HEADER_NONCE), {}),
        "no version": (without(names.HEADER_VERSION), {}),
        "no sender": (without(names.HEADER_HOTKEY), {}),
        "version 2": (fresh() | {names.HEADER_VERSION: "2"}, {}),
        "nonce in letters": (fresh() | {names.HEADER_NONCE: "12x"}, {}),
        "signature in letters": (fresh() | {names.HEADER_SIGNATURE: "0x" + "zz" * 64}, {}),
        "short signature": (fresh() | {names.HEADER_SIGNATURE: text[:-2]}, {}),
        "random signature": (fresh() | {names.HEADER_SIGNATURE: text}, {}),
        "wrapped": (signed_over(lambda payload: b"<Bytes>" + payload + b"</Bytes>"), {}),
        "another prefix": (signed_over(lambda payload: payload, sp_core.ss58_encode(bytes(KEY.public_key), 0)), {}),
        "two signatures": ([*fresh().items(), (names.HEADER_SIGNATURE, text)], {}),
        "two nonces": ([*fresh().items(), (names.HEADER_NONCE, "1")], {}),
        "right at the end": (None, {}),
    }
    failed = []
    for kind, (headers, changed) in kinds.items():
        connection = http.client.HTTPConnection(HOST, int(PORT), timeout=10)
        headers = fresh() if headers is None else headers
        pairs = headers.items() if isinstance(headers, dict) else headers
        sent = {"body": body} | changed
        status = send(connection, pairs, **sent).status
        connection.close()
        if (status == 200) != kind.startswith("right") or status >= 500:
            failed.append(f"{kind}: {status}")
    print(f"{len(kinds) - 2} attacks refused, two right requests served" if not failed else f"wrong: {failed}")
    return not failed


sys.exit(int(not (attacks() if arguments.attacks else load())))
