"""Where the Rust axon may differ from the Python one, and why. A rule is a condition on the request itself, with the
statuses the Rust axon may answer then; what no rule covers is a failure.

STRICTER: Python serves, we refuse. LAXER: Python refuses, we serve. The numbers are those of docs/interop.md.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Callable

from wire import parse

SECOND = 1_000_000_000
DENDRITE, AXON = "bt_header_dendrite_", "bt_header_axon_"
INTEGERS = ("header_size", "total_size", *(side + name for side in (DENDRITE, AXON) for name in ("nonce", "version", "port", "status_code")))
FLOATS = ("timeout", DENDRITE + "process_time", AXON + "process_time")
WIRE = (*INTEGERS, *FLOATS, "name", "computed_body_hash", *(side + name for side in (DENDRITE, AXON) for name in ("ip", "hotkey", "uuid", "signature", "status_message")))
MEMBERS = ("name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash")
REQUIRED = {
    "Prompting": {"roles": "[]", "messages": "[]"}, "StreamPrompting": {"roles": "[]", "messages": "[]"}, "Synapse": {},
    "Zoo": {"text": '""', "count": "0", "ratio": "0.0", "flag": "false", "tags": "[]", "table": "{}"},
    "Ordered": {"first": '""', "second": '""'}, "Older": {"first": '""', "second": '""'},
}
CONVERTED = {
    "table": lambda v: isinstance(v, dict) and all(type(x) is int for x in v.values()),
    "pair": lambda v: isinstance(v, list) and len(v) == 2 and isinstance(v[0], str) and type(v[1]) is int,
    "scores": lambda v: isinstance(v, list) and all(type(x) in (int, float) for x in v),
}


class View:
    """One request and both answers."""

    def __init__(self, case: dict, step: dict, raw: bytes, python: list, ours: list) -> None:
        self.kinds, self.at, self.raw = case["kinds"], step["at"], raw
        self.python, self.python_text = python[0], python[1] or ""
        self.ours, self.our_text = ours[0], ours[1] or ""
        end = raw.find(b"\r\n\r\n")
        self.head = raw[: end + 4] if end >= 0 else raw
        parsed = parse(raw)
        self.http = not isinstance(parsed, str)
        self.method, self.target, headers, self.body = parsed if self.http else ("", b"", [], b"")
        self.headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
        self.path = self.target.partition(b"?")[0]
        self.route = self.path.decode("latin-1").rpartition("/")[2]
        try:
            self.json = json.loads(self.body)
        except (ValueError, RecursionError):
            self.json = None

    def all(self, name: str) -> list:
        return [value for known, value in self.headers if known == name]

    def get(self, name: str):
        """The value both sides read when there is one."""
        return next(iter(self.all(name)), None)

    def near_names(self) -> bool:
        """Names that contain one of the wire's and are not it: Python reads them too."""
        marks = (DENDRITE, AXON, "bt_header_input_obj")
        return any(mark in name and not name.startswith(mark) for name, _ in self.headers for mark in marks)

    def nonce(self):
        text = self.get(DENDRITE + "nonce")
        try:
            return int(text)
        except (TypeError, ValueError):
            return None

    def window(self) -> int:
        try:
            timeout = float(self.get("timeout") or 0)
        except ValueError:
            timeout = 0.0
        return 4 * SECOND + int(min(max(timeout, 0.0), 60.0) * 1e9)


@dataclass
class Rule:
    """What we answer then, a pattern for what we say, and for LAXER what Python answers: an excuse for one refusal is
    none for another."""

    name: str
    ours: tuple
    applies: Callable[[View], bool]
    why: str
    says: str = ""
    python: tuple = (200,)

    def explains(self, view: View) -> bool:
        return (
            view.ours in self.ours and view.python in self.python and re.search(self.says, view.our_text) is not None
            and self.applies(view)
        )


def whole_integer(text: str) -> bool:
    return re.fullmatch("[0-9]{1,20}", text) is not None and int(text) < 2**64


def plain_seconds(text: str) -> bool:
    if not re.fullmatch(r"[0-9.eE+-]{1,32}", text):
        return False
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False


def repeated_members(view: View) -> bool:
    found = []

    def pairs(items: list) -> dict:
        names = [name for name, _ in items]
        found.append(len(names) != len(set(names)))
        return dict(items)

    try:
        json.loads(view.body, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return False
    return any(found)


def leaves(value):
    """Everything inside that is neither list nor dict; without recursion, as the nesting may be deep."""
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += [*value.values(), *value]
        elif isinstance(value, list):
            rest += value
        else:
            yield value


def wide(value) -> bool:
    if type(value) is int:
        return not -(2**63) <= value < 2**63
    return isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))


def converted_inside(view: View) -> bool:
    members = view.json if isinstance(view.json, dict) else {}
    return view.route == "Zoo" and any(name in members and not check(members[name]) for name, check in CONVERTED.items())


def other_placeholders(view: View) -> bool:
    import base64

    wanted = REQUIRED.get(view.route, {})
    found = {name.removeprefix("bt_header_input_obj_"): value for name, value in view.headers if name.startswith("bt_header_input_obj")}
    return found != {name: base64.b64encode(text.encode()).decode() for name, text in wanted.items()}


def unreadable_members(view: View) -> bool:
    """Whether the SDK's own class refuses the members of the body that describe the exchange."""
    from bittensor.core.synapse import Synapse

    if not isinstance(view.json, dict):
        return False
    listed = view.json.get("required_hash_fields", [])
    if not isinstance(listed, list) or any(not isinstance(name, str) for name in listed):
        return True
    if any(isinstance(view.json.get(side), dict) and view.json[side].get("status_code") is not None for side in ("axon", "dendrite")):
        return True
    try:
        Synapse(**{name: value for name, value in view.json.items() if name in MEMBERS})
    except Exception:
        return True
    return False


def depth(body: bytes) -> int:
    now = most = 0
    for byte in body:
        now += (byte in b"[{") - (byte in b"]}")
        most = max(most, now)
    return most


def newer_text(view: View) -> bool:
    texts = (leaf for leaf in leaves(view.json) if isinstance(leaf, str))
    return any(unicodedata.category(c) == "Cn" for text in texts for c in text)


def half_a_pair(view: View) -> bool:
    return any(isinstance(leaf, str) and re.search("[\ud800-\udfff]", leaf) for leaf in leaves(view.json))


def bad_length(view: View) -> bool:
    return any(not re.fullmatch(rb"[ \t]*[0-9]+[ \t]*", value) for value in re.findall(rb"(?im)^content-length:([^\r\n]*)", view.head))


def length_twice(view: View) -> bool:
    return len(re.findall(rb"(?im)^(content-length|transfer-encoding):", view.head)) > 1


def odd_transfer(view: View) -> bool:
    values = re.findall(rb"(?im)^transfer-encoding:[ \t]*([^\r\n]*?)[ \t]*\r?$", view.head)
    return bool(values) and (values != [b"chunked"] or b" HTTP/1.0" in view.head.split(b"\n")[0])


STRICTER = [
    Rule("compressed", (400,), lambda v: v.get("content-encoding") is not None, "a body says it is compressed; nobody compresses, and Python ignores the header", says="compressed"),
    Rule("body-size", (413,), lambda v: len(v.body) > 1 << 20, "bodies above 1 MiB (A.13)", says="too large"),
    Rule("head-size", (431,), lambda v: len(v.head) > 15 << 10 or len(v.headers) > 100, "heads above 16 KiB or 100 fields (A.13)"),
    Rule("repeated-header", (400, 401), lambda v: any(len(v.all(name)) > 1 for name in {n for n, _ in v.headers} if name in WIRE or name.startswith("bt_header_input_obj_")), "a header of the wire twice (A.3)", says="more than once|Missing|malformed"),
    Rule("integer-form", (400,), lambda v: any(not whole_integer(value) for name in INTEGERS for value in v.all(name)), "integers other than 1 to 20 digits below 2^64 (A.3, A.7)", says="malformed header"),
    Rule("seconds-form", (400,), lambda v: any(not plain_seconds(value) for name in FLOATS for value in v.all(name)), "times that are not finite plain numbers of zero or more (A.7)", says="malformed header"),
    Rule("unprintable-header", (400,), lambda v: any(not re.fullmatch(r"[ -~]*", value) for name, value in v.headers if name in WIRE), "text outside printable ASCII in a header of the wire (A.9)", says="malformed header|ss58|128 hex"),
    Rule("uuid-form", (400, 401), lambda v: not re.fullmatch("[0-9A-Za-z-]{1,64}", v.get(DENDRITE + "uuid") or ""), "no uuid, or one that could move the dots of the signed text (A.6)", says="_uuid|Missing UUID"),
    Rule("near-name", (400, 401), View.near_names, "names that only contain one of the wire's (A.3)", says="Missing|mismatch|malformed|more than once"),
    Rule("too-old", (401,), lambda v: v.nonce() is not None and v.nonce() <= v.at - v.window(), "freshness for every request, whatever version, stored nonces and timeout say; timeouts count up to 60 s (A.7)", says="too old"),
    Rule("from-the-future", (401,), lambda v: v.nonce() is not None and v.nonce() > v.at + 4 * SECOND, "an upper bound on nonces (A.7)", says="future"),
    Rule("wrapped-signature", (401,), lambda v: "a-wrapped-message" in v.kinds, "signatures over <Bytes>message</Bytes> (A.6)", says="mismatch"),
    Rule("weak-key", (401,), lambda v: v.get(DENDRITE + "hotkey") == "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM", "the all-zero key, under which a constant verifies (A.6)", says="mismatch|ss58"),
    Rule("address-form", (401,), lambda v: not re.fullmatch("5[1-9A-HJ-NP-Za-km-z]{47}", v.get(DENDRITE + "hotkey") or ""), "the same key under another prefix or spelling (A.6, D.5)", says="ss58"),
    Rule("signature-form", (401,), lambda v: not re.fullmatch("0x[0-9a-fA-F]{128}", v.get(DENDRITE + "signature") or ""), "signatures other than 0x and 128 hex digits (A.6)", says="128 hex"),
    Rule("get", (405,), lambda v: v.method == "GET", "GET (A.1)", says="Method"),
    Rule("percent-path", (404,), lambda v: b"%" in v.path, "percent signs in the path: a route has one spelling (A.14)", says="not found"),
    Rule("repeated-member", (400,), repeated_members, "members of the body twice (A.4)", says="not a valid"),
    Rule("wide-number", (400,), lambda v: any(map(wide, leaves(v.json))), "numbers no 64 bits hold; NaN and infinities (A.4)", says="not a valid"),
    Rule("converted-inside", (400,), converted_inside, "texts or fractions where a list, dict or tuple has integers: converted only at top level (A.4)", says="not a valid"),
    Rule("number-text", (400,), lambda v: any(isinstance(leaf, str) and re.fullmatch(r"\s*[+-]?[0-9]+(_[0-9]+)+\s*", leaf) for leaf in leaves(v.json)), "numbers as texts with underscores: pydantic reads them, no client writes them (A.4)", says="not a valid"),
    Rule("negative-zero", (400,), lambda v: re.search(rb"[\s:\[,]-0[\s,\]}]", v.body) is not None, "the integer -0, which Python reads as 0 and a reader of floats as -0.0; no client writes it", says="not a valid|hash"),
    Rule("deep-json", (400,), lambda v: depth(v.body) > 120, "more than 127 levels of nesting (A.4)", says="not a valid|hash"),
    Rule("http-version", (400, 505, 0), lambda v: re.match(rb"[^\r\n]* HTTP/1\.[01]\r?\n", v.head) is None, "versions of HTTP other than 1.0 and 1.1"),
    Rule("lone-surrogate", (400,), half_a_pair, "half of a surrogate pair, which is no text (A.4)", says="not a valid"),
    Rule("line-form", (400,), lambda v: re.search(rb"\n[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", v.head) is not None, "folded lines and control characters in the head (A.13)", says="^$|content type|Bad request"),
    Rule("transfer-form", (400,), odd_transfer, "transfer encodings other than exactly `chunked`, or one in HTTP/1.0 (A.13)", says="^$|transfer encoding"),
    Rule("length-twice", (400,), length_twice, "the length said twice, or beside chunks (A.13)", says="more than one statement"),
    Rule("length-form", (400,), bad_length, "a content length that is not one plain number (A.13)", says="^$"),
]
LAXER = [
    Rule("placeholders", (200,), other_placeholders, "placeholder headers are not needed and not read (A.3)", python=(500, 401)),
    Rule("near-name", (200,), View.near_names, "names that only contain one of the wire's are not read (A.3)", python=(401, 500)),
    Rule("wire-members", (200,), unreadable_members, "members of the body that describe the exchange are not authenticated and not read (A.4)", python=(500,)),
    Rule("order", (200,), lambda v: v.python == 401 and "newer one was last processed" in v.python_text and v.nonce() > v.at - v.window(), "nonces of one lane may arrive out of order; each still works once (A.7)", python=(401,)),
    Rule("newer-unicode", (200,), newer_text, "hashes as Python releases with a newer Unicode make them (A.5)", python=(500,)),
    Rule("lone-surrogate", (200,), half_a_pair, "half of a surrogate pair in a member nobody reads, which Python cannot write back", python=(500,)),
    Rule("long-digits", (200,), lambda v: v.python == 400 and re.search(rb"[0-9]{4300}", v.body) is not None, "numbers of more than 4300 digits, which Python does not parse, in a member nobody reads", python=(400,)),
    Rule("fragment", (200,), lambda v: b"#" in v.target, "what follows a # in the target is dropped by the HTTP library", python=(404,)),
    Rule("deep-json", (200,), lambda v: v.python == 400 and depth(v.body) > 400, "deep nesting in a member nobody reads, where Python's recursion ends", python=(400,)),
]
