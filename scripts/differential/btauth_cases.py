"""Writes btauth/1 cases as JSON lines: `btauth_cases.py COUNT SEED FIRST_ID`.

Every case starts from what SDK 11 signs; about a third stay as they are. The server under test is //Bob.
"""

import argparse
import hashlib
import json
import random
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("count", type=int)
parser.add_argument("seed", type=int)
parser.add_argument("first", type=int)
arguments = parser.parse_args()
sys.argv = sys.argv[:1]

from bittensor import http_auth, sp_core  # noqa: E402

import content  # noqa: E402
from wire import Case, Request  # noqa: E402

SECOND = 1_000_000_000
START, APART = 1_800_000_000_000_000_000, 200 * SECOND
CALLERS = [sp_core.Keypair.create_from_uri(uri, crypto_type=kind) for uri in ("//Alice", "//Charlie") for kind in (1, 1, 0)]
MALLORY = sp_core.Keypair.create_from_uri("//Mallory")
SERVER = sp_core.Keypair.create_from_uri("//Bob").ss58_address
HOTKEY, NONCE, SIGNATURE = http_auth.HEADER_HOTKEY, http_auth.HEADER_NONCE, http_auth.HEADER_SIGNATURE
CRYPTO, RECEIVER, VERSION = http_auth.HEADER_CRYPTO, http_auth.HEADER_RECEIVER, http_auth.HEADER_VERSION
AUTH = (HOTKEY, NONCE, SIGNATURE, CRYPTO, RECEIVER, VERSION)
# ed25519 points of small order: signatures that need no key exist for them.
WEAK = ("01" + "00" * 31, "00" * 32, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "0100000000000000000000000000000000000000000000000000000000000080", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


class Sent:
    def __init__(self, request: Request, key, now: int) -> None:
        self.request, self.key, self.now = request, key, now

    def scheme(self) -> str:
        return "ed25519" if self.key.crypto_type == 0 else "sr25519"

    def payload(self, **other) -> bytes:
        request = self.request
        receiver = request.get(RECEIVER)
        lines = {
            "protocol": "btauth/1", "scheme": self.scheme(), "method": request.method.decode("latin-1"), "path": request.target.decode("latin-1"),
            "body": hashlib.sha256(request.body).hexdigest(), "nonce": request.text(NONCE), "sender": request.text(HOTKEY),
            "receiver": receiver.decode("latin-1") if receiver else "-",
        }
        return "\n".join((lines | other).values()).encode()

    def sign(self, payload: bytes | None = None, key=None) -> None:
        signature = (key or self.key).sign(self.payload() if payload is None else payload)
        self.request.set(SIGNATURE, "0x" + bytes(signature).hex())


def ask(rng, now: int, key=None, age: int | None = None) -> Sent:
    key = key or rng.choice(CALLERS)
    messages = content.texts(rng)
    members = {"roles": ["user"] * len(messages), "messages": messages}
    if rng.random() < 0.3:
        members["completion"] = ""
    if rng.random() < 0.1:
        members["extra"] = {"a": [1, None]}
    body = json.dumps(members, ensure_ascii=rng.random() < 0.5).encode()
    target = "/Prompting" + rng.choice(("", "", "", "?", "?a=b", "?lang=en&x=%20y", "?%C3%A9", "?a=b?c=d", "?a+b"))
    if age is None:
        age = rng.choice((0, rng.randint(0, 9_900_000_000), -rng.randint(0, 1_900_000_000)))
    headers = http_auth.sign(key, method="POST", path=target, body=body, receiver_ss58=SERVER, nonce_ns=now - age)
    extra = rng.choice(([], [("Accept", "*/*"), ("User-Agent", "python-httpx/0.28.1")], [("X-Request-Id", "7")]))
    request = Request(target, [*headers.items(), ("Content-Type", "application/json"), *extra], body)
    if rng.random() < 0.2:
        rng.shuffle(request.headers)
    if rng.random() < 0.2:
        for header in request.headers:
            header[0] = rng.choice((header[0].upper(), header[0].lower()))
    if rng.random() < 0.1:
        request.chunks = [max(1, len(body) // 2)] * 2
    return Sent(request, key, now)


MUTATIONS, SEQUENCES = {}, {}


def mutation(function):
    MUTATIONS[function.__name__.replace("_", "-")] = function
    return function


def sequence(function):
    SEQUENCES["sequence-" + function.__name__.replace("_", "-")] = function
    return function


@mutation
def drop_a_header(rng, sent):
    sent.request.drop(rng.choice(AUTH))


@mutation
def drop_the_receiver_and_sign_again(rng, sent):
    sent.request.drop(RECEIVER)
    sent.sign()


@mutation
def empty_a_header(rng, sent):
    name = rng.choice(AUTH)
    sent.request.set(name, rng.choice(("", " ")))
    if rng.random() < 0.5:
        sent.sign()


@mutation
def repeat_a_header(rng, sent):
    name = rng.choice(AUTH)
    value = sent.request.get(name) or b"ed25519"
    sent.request.headers.insert(rng.choice((0, len(sent.request.headers))), [name.encode(), rng.choice((value, b"1", value[::-1], b""))])


@mutation
def a_name_that_is_almost_right(rng, sent):
    name = rng.choice(AUTH)
    value = sent.request.get(name)
    sent.request.drop(name)
    if value is not None:
        sent.request.headers.append([rng.choice((name.replace("-", "_"), name[:-1], "X-" + name, name + "s")).encode(), value])


@mutation
def another_version(rng, sent):
    sent.request.set(VERSION, rng.choice(("2", "01", "1.0", "", "btauth/1", "one", "+1", "1 ", " 1")))


@mutation
def spell_the_nonce_otherwise(rng, sent):
    value = sent.request.text(NONCE)
    sent.request.set(NONCE, rng.choice((value[:3] + "_" + value[3:], "+" + value, "0" + value, "00" + value, "-" + value, value + ".0", "0x" + value, "", "1e18", "9" * 40, "9" * 5000, "18446744073709551616", "18446744073709551615", value + "x", "\u0663")))


@mutation
def a_nonce_at_the_edge(rng, sent):
    edge = rng.choice((sent.now - 10 * SECOND, sent.now + 2 * SECOND))
    # The SDK compares as floats, which hold differences of this size exactly.
    sent.request.set(NONCE, edge + rng.choice((-1, 0, 1, -1000, 1000)))
    sent.sign()


@mutation
def a_nonce_from_another_time(rng, sent):
    sent.request.set(NONCE, rng.choice((0, 1, sent.now // SECOND, sent.now - 86400 * SECOND, sent.now - 11 * SECOND, sent.now - 60 * SECOND, sent.now + 3 * SECOND, sent.now + 86400 * SECOND, 2**63, 2**64 - 1, 2**64)))
    sent.sign()


@mutation
def another_nonce_unsigned(rng, sent):
    sent.request.set(NONCE, int(sent.request.text(NONCE)) + rng.choice((-1, 1, SECOND, -SECOND)) if sent.request.text(NONCE).isdecimal() and len(sent.request.text(NONCE)) < 30 else sent.now)


@mutation
def another_crypto(rng, sent):
    sent.request.set(CRYPTO, rng.choice(("sr25519", "ed25519", "0", "1", "SR25519", "Ed25519", "", "ecdsa", "2", "secp256k1", "sr25519 ", "schnorrkel")))


@mutation
def another_crypto_signed(rng, sent):
    """The payload names a scheme, the header another, and the signature is of one of them."""
    scheme = rng.choice(("sr25519", "ed25519", "ecdsa"))
    sent.request.set(CRYPTO, rng.choice((scheme, "sr25519", "ed25519")))
    sent.sign(sent.payload(scheme=scheme))


@mutation
def another_hotkey(rng, sent):
    raw = bytes(sent.key.public_key)
    address = sent.key.ss58_address
    sent.request.set(HOTKEY, rng.choice((
        MALLORY.ss58_address, SERVER, address.lower(), address[:-1], address + "1", "", "5", "1" * 48, "x" * 3000, "0x" + raw.hex(), raw.hex(),
        sp_core.ss58_encode(raw, 0), sp_core.ss58_encode(raw, 2), sp_core.ss58_encode(raw, 1337), " " + address)))
    if rng.random() < 0.7:
        sent.sign()


@mutation
def a_weak_key(rng, sent):
    raw = bytes.fromhex(rng.choice(WEAK))
    sent.request.set(HOTKEY, sp_core.ss58_encode(raw, 42))
    sent.request.set(CRYPTO, rng.choice(("ed25519", "ed25519", "sr25519")))
    sent.request.set(SIGNATURE, "0x" + rng.choice((raw.hex() + "00" * 32, "01" + "00" * 31 + "00" * 32, "00" * 63 + "80", "00" * 64)))


@mutation
def another_receiver(rng, sent):
    sent.request.set(RECEIVER, rng.choice((MALLORY.ss58_address, sent.key.ss58_address, SERVER.lower(), "-", "", SERVER + " x", sp_core.ss58_encode(sp_core.ss58_decode(SERVER), 0) if hasattr(sp_core, "ss58_decode") else "x")))
    if rng.random() < 0.7:
        sent.sign()


@mutation
def another_signature_text(rng, sent):
    text = sent.request.text(SIGNATURE)
    at = rng.randrange(2, max(3, len(text)))
    sent.request.set(SIGNATURE, rng.choice((
        text[2:], "0X" + text[2:], text.upper().replace("0X", "0x"), text[:-1], text[:-2], text + "00", "0x", "", "0x" + "zz" * 64, text[:40] + " " + text[40:], text[:40] + "\t" + text[40:], "0x0x" + text[2:],
        "0x" + "00" * 64, "0x" + "00" * 63 + "80", text[:at] + ("1" if text[at : at + 1] != "1" else "2") + text[at + 1 :])))


@mutation
def another_signer(rng, sent):
    sent.sign(key=MALLORY)


@mutation
def a_wrapped_payload(rng, sent):
    wrap = rng.choice(((b"<Bytes>", b"</Bytes>"), (b"", b"\n"), (b" ", b"")))
    sent.sign(wrap[0] + sent.payload() + wrap[1])


@mutation
def another_payload_form(rng, sent):
    sent.sign(rng.choice((
        sent.payload(protocol="btauth/2"), sent.payload(method="post"), sent.payload(path="/Prompting/"), sent.payload(body=hashlib.sha256(b"").hexdigest()), sent.payload(body=hashlib.sha256(sent.request.body).hexdigest().upper()),
        sent.payload(receiver="-"), sent.payload().replace(b"\n", b"\r\n"), sent.payload().replace(b"\n", b"."), sent.payload(nonce="0" + sent.request.text(NONCE)))))


@mutation
def another_method(rng, sent):
    sent.request.method = rng.choice((b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"))
    if rng.random() < 0.5:
        sent.sign()


@mutation
def another_target(rng, sent):
    target = sent.request.target
    sent.request.target = rng.choice((target + b"&z=1", target + b"?", b"/", b"/Unknown", b"/prompting", b"//Prompting", b"/Prompting/", b"/%50rompting", b"/Prompting?%61=b", b"/Zoo", b"/Prompting;a", b"http://elsewhere/Prompting"))
    if rng.random() < 0.6:
        sent.sign()


@mutation
def another_body(rng, sent):
    body = sent.request.body
    at = rng.randrange(len(body))
    sent.request.body = rng.choice((body + b" ", b" " + body, body[:-1], b"", body[:at] + bytes([body[at] ^ 1 << rng.randrange(8)]) + body[at + 1 :], body * 2, b"{}", b"[]", body.replace(b"user", b"system")))
    if rng.random() < 0.4:
        sent.sign()


@mutation
def repeat_a_member(rng, sent):
    """Signed: a question about JSON, not about signatures."""
    sent.request.body = sent.request.body.replace(b"{", b'{"completion": "x", "completion": "y", ' if b'"completion"' not in sent.request.body else b'{"completion": "x", ', 1)
    sent.sign()


@mutation
def another_length(rng, sent):
    length = len(sent.request.body)
    sent.request.chunks = None
    sent.request.length = rng.choice((b"%d" % (length - 1), b"+%d" % length, b"%d, %d" % (length, length), b"0%d" % length, b"-1", b"x", b"0"))
    sent.request.own_connection = True


@mutation
def another_unsigned_header(rng, sent):
    sent.request.set(rng.choice(("user-agent", "x-other", "x-bittensor-extra", "bt_header_dendrite_hotkey", "bt_header_dendrite_nonce")), rng.choice(("1", "x", "a" * 400)))


@mutation
def v10_headers_too(rng, sent):
    sent.request.headers += [[b"bt_header_dendrite_signature", b"0x" + b"11" * 64], [b"bt_header_dendrite_nonce", b"1"], [b"computed_body_hash", b"x"]]


@mutation
def flip_a_byte_of_a_value(rng, sent):
    header = rng.choice([h for h in sent.request.headers if h[0].lower().startswith(b"x-bittensor")] or sent.request.headers)
    if header[1]:
        value = bytearray(header[1])
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        header[1] = bytes(value)
        sent.request.own_connection = True


@mutation
def flip_a_byte_of_the_head(rng, sent):
    seed = rng.random()

    def change(whole: bytes) -> bytes:
        dice, end = random.Random(seed), whole.find(b"\r\n\r\n") + 4
        bent = bytearray(whole)
        bent[dice.randrange(end)] ^= 1 << dice.randrange(8)
        return bytes(bent)

    sent.request.late.append(change)
    sent.request.own_connection = True


@sequence
def replay(rng, now, ask):
    sent = ask(rng, now)
    return [(now, sent.request), (now + rng.choice((0, 1, SECOND, 9 * SECOND, 12 * SECOND, 13 * SECOND, 59 * SECOND, 61 * SECOND, 150 * SECOND)), sent.request)]


@sequence
def replay_spelled_otherwise(rng, now, ask):
    sent = ask(rng, now)
    twin = sent.request.copy()
    change = rng.randrange(4)
    if change == 0:
        twin.set(SIGNATURE, "0x" + twin.text(SIGNATURE)[2:].upper())
    elif change == 1:
        twin.set(NONCE, "0" + twin.text(NONCE))
    elif change == 2:
        twin.headers.append([b"x-other", b"1"])
    else:
        again = Sent(twin, sent.key, now)
        again.sign()
    return [(now, sent.request), (now + 1000, twin)]


@sequence
def order(rng, now, ask):
    """Nonces of one caller in any order: each works once."""
    key = rng.choice(CALLERS)
    return [(now + i, ask(rng, now, key=key, age=rng.choice((0, 1, SECOND, 5 * SECOND)) + i * 7).request) for i in range(3)]


@sequence
def two_callers(rng, now, ask):
    return [(now, ask(rng, now, key=CALLERS[0], age=0).request), (now + 1, ask(rng, now, key=CALLERS[3], age=0).request)]


@sequence
def two_schemes(rng, now, ask):
    """One seed, two keys: the same nonce is two requests."""
    return [(now, ask(rng, now, key=CALLERS[0], age=0).request), (now + 1, ask(rng, now, key=CALLERS[2], age=0).request)]


@sequence
def refused_then_right(rng, now, ask):
    """A request that fails must not use its nonce up."""
    sent = ask(rng, now)
    bad = sent.request.copy()
    text = bad.text(SIGNATURE)
    bad.set(SIGNATURE, text[:-1] + ("1" if text[-1] != "1" else "2"))
    return [(now, bad), (now + 1000, sent.request)]


def make(number: int) -> Case:
    rng = random.Random(f"{arguments.seed}/btauth/{number}")
    now = START + number * APART
    roll = rng.random()
    if roll < 0.25:
        return Case(number, "btauth", ["honest"], [(now, ask(rng, now).request)])
    if roll < 0.4:
        name = rng.choice(list(SEQUENCES))
        return Case(number, "btauth", [name], SEQUENCES[name](rng, now, ask))
    sent = ask(rng, now)
    names = rng.sample(list(MUTATIONS), 1 if rng.random() < 0.7 else 2)
    for name in names:
        MUTATIONS[name](rng, sent)
    return Case(number, "btauth", names, [(now, sent.request)])


for number in range(arguments.first, arguments.first + arguments.count):
    print(make(number).line())
