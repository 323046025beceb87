"""Where the Rust axon may differ from SDK 11's verifier on btauth/1, and why. See rules.py."""

import re

from rules import Rule, View, bad_length, half_a_pair, length_twice, odd_transfer, repeated_members

NAMES = tuple("x-bittensor-" + name for name in ("version", "hotkey", "nonce", "signature", "crypto", "receiver"))


def form(name: str, pattern: str, absent: bool = False):
    def applies(view: View) -> bool:
        value = view.get(name)
        return (value is None and absent) or (value is not None and not re.fullmatch(pattern, value))

    return applies


STRICTER = [
    Rule("repeated-header", (401,), lambda v: any(len(v.all(name)) > 1 for name in NAMES), "an X-Bittensor header twice (B.3)", says="malformed"),
    Rule("nonce-form", (401,), form(NAMES[2], "[0-9]{1,20}"), "nonces other than 1 to 20 digits (B.3)", says="malformed"),
    Rule("crypto-form", (401,), form(NAMES[4], "sr25519|ed25519"), "schemes by other than their two names (B.3)", says="malformed"),
    Rule("signature-form", (401,), form(NAMES[3], "0x[0-9a-fA-F]{128}"), "signatures other than 0x and 128 hex digits (B.3)", says="malformed"),
    Rule("address-form", (401,), form(NAMES[1], "5[1-9A-HJ-NP-Za-km-z]{47}"), "the same key under another prefix or spelling (B.3, D.5)", says="malformed"),
    Rule("wrapped-signature", (401,), lambda v: "a-wrapped-payload" in v.kinds, "signatures over <Bytes>payload</Bytes> (B.3)", says="bad_signature"),
    Rule("weak-key", (401,), lambda v: "a-weak-key" in v.kinds, "keys for which anybody can sign (B.3)", says="bad_signature|malformed"),
    Rule("repeated-member", (400, 422), repeated_members, "members of the body twice (A.4)"),
    Rule("lone-surrogate", (422,), half_a_pair, "half of a surrogate pair, which is no text (A.4)", says="not a valid"),
    Rule("content-type", (400,), lambda v: not re.fullmatch(r"(?ia)\s*application/(.*\+)?json\s*(;.*)?", v.get("content-type") or ""), "bodies that do not say they are JSON; the SDK does not look", says="content type"),
    Rule("line-form", (400,), lambda v: re.search(rb"\n[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", v.head) is not None, "folded lines and control characters in the head (A.13)"),
    Rule("transfer-form", (400,), odd_transfer, "transfer encodings other than exactly `chunked` (A.13)", says="transfer encoding"),
    Rule("length-twice", (400,), length_twice, "the length said twice, or beside chunks (A.13)", says="more than one statement"),
    Rule("length-form", (400,), bad_length, "a content length that is not one plain number (A.13)"),
]
LAXER = []
