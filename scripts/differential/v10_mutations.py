"""What can be wrong with a v10 request, by name. Each takes a random source and a `Sent` and bends the request."""

import hashlib
import json
import random
import unicodedata

from bittensor_wallet import Keypair

import content
from wire import Request

NONCE, UUID, HOTKEY = "bt_header_dendrite_nonce", "bt_header_dendrite_uuid", "bt_header_dendrite_hotkey"
SIGNATURE, VERSION, HASH = "bt_header_dendrite_signature", "bt_header_dendrite_version", "computed_body_hash"
SECOND = 1_000_000_000
MALLORY = Keypair.create_from_uri("//Mallory")
FERDIE_ED = Keypair.create_from_uri("//Ferdie", crypto_type=0)


class Sent:
    """A request with what is needed to sign it again."""

    def __init__(self, request: Request, key, axon: str, cls, members: dict) -> None:
        self.request, self.key, self.axon, self.cls, self.members = request, key, axon, cls, members
        self.now = 0

    def message(self) -> bytes:
        get = self.request.text
        return f"{get(NONCE)}.{get(HOTKEY)}.{self.axon}.{get(UUID)}.{get(HASH)}".encode("latin-1", "replace")

    def sign(self, key=None, message: bytes | None = None) -> None:
        """Signs what the headers say now."""
        signature = (key or self.key).sign(self.message() if message is None else message)
        self.request.set(SIGNATURE, "0x" + bytes(signature).hex())

    def set_members(self, members: dict) -> None:
        self.request.body = json.dumps(members).encode()

    def rehash(self, members: dict) -> None:
        """The hash of other members, if the class takes them, signed."""
        try:
            self.request.set(HASH, self.cls(**json.loads(json.dumps(members))).body_hash)
        except Exception:  # the class refuses them: the hash stays
            pass
        self.sign()


MUTATIONS = {}
SEQUENCES = {}


def mutation(function):
    MUTATIONS[function.__name__.replace("_", "-")] = function
    return function


def sequence(function):
    SEQUENCES["sequence-" + function.__name__.replace("_", "-")] = function
    return function


# ---- headers as such


@mutation
def drop_a_header(rng, sent):
    sent.request.drop(rng.choice(sent.request.headers)[0])


@mutation
def drop_an_identity_header(rng, sent):
    sent.request.drop(rng.choice((NONCE, UUID, HOTKEY, SIGNATURE, HASH, VERSION)))


@mutation
def drop_and_sign_again(rng, sent):
    sent.request.drop(rng.choice((UUID, HASH, VERSION, NONCE)))
    get = lambda name: "None" if sent.request.get(name) is None else sent.request.text(name)  # noqa: E731
    sent.sign(message=f"{get(NONCE)}.{get(HOTKEY)}.{sent.axon}.{get(UUID)}.{get(HASH)}".encode())


@mutation
def empty_a_header(rng, sent):
    rng.choice(sent.request.headers)[1] = b""


@mutation
def repeat_a_header(rng, sent):
    name, value = rng.choice(sent.request.headers)
    other = rng.choice((value, value, b"", b"1", value[::-1], value + b"0"))
    at = rng.choice((0, len(sent.request.headers)))
    sent.request.headers.insert(at, [name, other])


@mutation
def a_name_that_is_almost_right(rng, sent):
    header = rng.choice([h for h in sent.request.headers if b"bt_header" in h[0].lower() or b"hash" in h[0].lower()] or sent.request.headers)
    name = header[0]
    header[0] = rng.choice((b"x-" + name, name + b"x", name.replace(b"_", b"-"), name[:-1] or b"n", name + b"_", b"my_" + name))


@mutation
def a_second_name_that_is_almost_right(rng, sent):
    header = rng.choice([h for h in sent.request.headers if b"bt_header" in h[0].lower()] or sent.request.headers)
    name = rng.choice((b"x-" + header[0], b"x" + header[0]))
    sent.request.headers.append([name, rng.choice((header[1], b"1", b"x", b""))])


@mutation
def spell_an_integer_otherwise(rng, sent):
    names = (NONCE, VERSION, "bt_header_axon_port", "header_size", "total_size")
    name = rng.choice(names)
    value = sent.request.text(name) or "0"
    forms = (
        value[:1] + "_" + value[1:], "+" + value, "0" + value, "-" + value, value + ".0", "0x10", "1e3", "", " ", "ten", "None", "nan",
        "99999999999999999999", "18446744073709551616", "18446744073709551615", "9" * 40, "9" * 4400, value + "\xb2", "\u0663", value + "L", "--1",
    )
    sent.request.set(name, rng.choice(forms))
    if rng.random() < 0.5:
        sent.sign()


@mutation
def spell_an_integer_otherwise_under_the_same_signature(rng, sent):
    value = sent.request.text(NONCE)
    forms = (value[:3] + "_" + value[3:], "+" + value, "0" + value, "00" + value, value + "_")
    sent.request.set(NONCE, rng.choice(forms))


@mutation
def another_timeout(rng, sent):
    forms = ("nan", "inf", "-inf", "-1", "-0.0", "1e400", "1e9", "abc", "", "12,0", "0", "0.0", "1_0", "None", "61", "100000", "1e-9", ".5", "5.",
             "+5", "Infinity", "0x1p3", "12.0 ", "1" * 40, "0.3333333333333333333333333333333333")
    sent.request.set("timeout", rng.choice(forms))


@mutation
def a_timeout_that_excuses_age(rng, sent):
    sent.request.set("timeout", rng.choice(("nan", "inf", "1e9", "3600", "61", "60", "59.5", "-5", "0")))
    sent.request.set(NONCE, sent.now - rng.choice((5, 30, 63, 64, 65, 300, 86400)) * SECOND)
    sent.sign()


@mutation
def another_float_header(rng, sent):
    sent.request.set(rng.choice(("bt_header_dendrite_process_time", "bt_header_axon_process_time")), rng.choice(("1.5", "nan", "-1", "x", "3.3e-05", "")))


@mutation
def another_status_header(rng, sent):
    sent.request.set(rng.choice(("bt_header_axon_status_code", "bt_header_dendrite_status_code")), rng.choice(("200", "0", "x", "-1", "2_0_0", "")))


@mutation
def another_unsigned_header(rng, sent):
    name = rng.choice(("name", "bt_header_axon_ip", "bt_header_axon_port", "bt_header_axon_hotkey", "bt_header_dendrite_ip", "header_size", "total_size",
                       "bt_header_axon_version", "bt_header_dendrite_status_message", "bt_header_axon_uuid", "user-agent", "host", "bt_header_dendrite_zzz"))
    sent.request.set(name, rng.choice(("1", "127.0.0.1", "x", "Zoo", "a" * 300, "::1", "8.8.8.8:1", "\u00e9", "a\tb")))


@mutation
def many_or_large_headers(rng, sent):
    if rng.random() < 0.5:
        sent.request.headers += [[b"x-%d" % i, b"v"] for i in range(rng.choice((20, 74, 90, 150)))]
    else:
        sent.request.headers.append([b"x-pad", b"p" * rng.choice((1000, 8000, 14000, 16384, 20000, 60000))])
    sent.request.own_connection = True


@mutation
def another_placeholder(rng, sent):
    names = [h[0] for h in sent.request.headers if h[0].lower().startswith(b"bt_header_input_obj_")]
    name = rng.choice(names) if names else b"bt_header_input_obj_roles"
    roll = rng.random()
    if roll < 0.3:
        sent.request.drop(name)
    elif roll < 0.8:
        sent.request.set(name, rng.choice(("", "W10", "IiI=", "e30=", "MA==", "%%%", "bnVsbA==", "eyJhIjogMX0=", "/w==", "W251bGxd")))
    else:
        sent.request.headers.append([b"bt_header_input_obj_" + rng.choice((b"zzz", b"", b"axon", b"dendrite", b"completion")), rng.choice((b"W10=", b"IiI=", b"x"))])


@mutation
def another_content_type(rng, sent):
    if rng.random() < 0.2:
        sent.request.drop("content-type")
    else:
        sent.request.set("content-type", rng.choice((
            "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;", "application/problem+json", "text/plain", "text/json",
            "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json", "", "application/jsonx", "application/json, text/plain",
            "application/octet-stream", "application/ld+json; a=b", "image/svg+json", "application/json;charset=utf-16", ";application/json")))


@mutation
def a_content_encoding(rng, sent):
    sent.request.set("content-encoding", rng.choice(("gzip", "identity", "br", "deflate")))


# ---- framing, method, target


@mutation
def another_length(rng, sent):
    length = len(sent.request.body)
    sent.request.length = str(rng.choice((max(0, length - 1), max(0, length - 7), 0, -1, f"+{length}", f"{length}, {length}", f"0{length}", f"{length} {length}", "x", f"{length}.0", 2**64, f"0x{length:x}"))).encode()
    sent.request.own_connection = True


@mutation
def framed_twice(rng, sent):
    length = b"%d" % len(sent.request.body)
    extra = rng.choice(([b"Content-Length", length], [b"Content-Length", b"5"], [b"Transfer-Encoding", b"chunked"], [b"Transfer-Encoding", b"identity"],
                        [b"Transfer-Encoding", b"gzip, chunked"], [b"Transfer-Encoding", b"Chunked"], [b"Transfer-Encoding", b"chunked, chunked"], [b"Transfer-Encoding", b"xchunked"]))
    if rng.random() < 0.5:
        sent.request.chunks = [len(sent.request.body)]
    sent.request.headers.insert(rng.choice((0, len(sent.request.headers))), extra)
    sent.request.own_connection = True


@mutation
def another_http_version(rng, sent):
    version = rng.choice((b"1.0", b"1.2", b"1.9", b"2.0", b"0.9", b"1", b"1.1 ", b"3"))
    sent.request.late.append(lambda whole: whole.replace(b" HTTP/1.1\r\n", b" HTTP/%s\r\n" % version, 1))
    sent.request.own_connection = True


@mutation
def another_method(rng, sent):
    sent.request.method = rng.choice((b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"post", b"Post", b"PROPFIND", b"TRACE"))


@mutation
def another_target(rng, sent):
    path = sent.request.target
    name = path[1:]
    sent.request.target = rng.choice((
        path + b"/", b"/" + path, path + b"/more", path.lower(), path.upper(), path + b"?a=b", path + b"?", path + b"?a=%00", b"/%50" + name[1:],
        b"/" + name[:-1] + b"%" + b"%02x" % name[-1], path + b"%20", path + b"%2F", path + b";v=1", path + b"#part", b"/", b"/Unknown", b"/Zoo", b"/Ordered", b"/Synapse", b"/Prompting",
        b"/./" + name, b"/../" + name, b"http://127.0.0.1:8091" + path, b"http://elsewhere" + path, b"*", b"//" + name, b"/axon" + path, path + b"%00", path + b"\xc3\xa9", b"/docs", b"/openapi.json"))


# ---- identity


@mutation
def another_uuid(rng, sent):
    sent.request.set(UUID, rng.choice(("a.b", "", "x" * 64, "x" * 65, "x" * 3000, "with space", "btauth/1", "None", "\u00e9", "a_b", "a:b", "1", "ABC-def-0", ".", "a\tb")))
    if rng.random() < 0.8:
        sent.sign()


@mutation
def move_a_dot(rng, sent):
    """The same signed text, cut elsewhere."""
    sent.request.set(UUID, sent.request.text(UUID) + "." + sent.request.text(HASH))
    sent.request.set(HASH, "")


@mutation
def another_hotkey(rng, sent):
    address = sent.request.text(HOTKEY) or sent.key.ss58_address
    raw = bytes.fromhex(sent.key.public_key.hex() if hasattr(sent.key.public_key, "hex") else sent.key.public_key[2:])
    sent.request.set(HOTKEY, rng.choice((
        MALLORY.ss58_address, sent.axon, address.lower(), address[:-1], address + "1", address[:-1] + "1", " " + address, "", "5", "1" * 48, "x" * 3000,
        "0x" + raw.hex(), "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM", ss58(raw, 0), ss58(raw, 2), ss58(raw, 1337), "None")))
    if rng.random() < 0.6:
        sent.sign()


@mutation
def the_key_that_verifies_anything(rng, sent):
    sent.request.set(HOTKEY, "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM")
    sent.request.set(SIGNATURE, "0x" + "00" * 63 + "80")


@mutation
def another_signature_text(rng, sent):
    text = sent.request.text(SIGNATURE)
    sent.request.set(SIGNATURE, rng.choice((
        text[2:], "0X" + text[2:], text.upper().replace("0X", "0x"), text[:-1], text[:-2], text + "00", text + "0", "0x" + "00" * 64, "0x", "", "0x" + "zz" * 64, text[:40] + " " + text[40:],
        "0x" + "00" * 63 + "80", text[:2] + text[4:] + text[2:4], text + " ", "0x0x" + text[2:], "None", flip_digit(rng, text), flip_digit(rng, text), flip_digit(rng, text))))


@mutation
def another_signer(rng, sent):
    sent.sign(key=rng.choice((MALLORY, FERDIE_ED)))


@mutation
def an_ed25519_caller(rng, sent):
    sent.request.set(HOTKEY, FERDIE_ED.ss58_address)
    sent.sign(key=FERDIE_ED)


@mutation
def a_wrapped_message(rng, sent):
    wrap = rng.choice(((b"<Bytes>", b"</Bytes>"), (b"<bytes>", b"</bytes>"), (b"", b"\n"), (b" ", b"")))
    sent.sign(message=wrap[0] + sent.message() + wrap[1])


@mutation
def another_receiver(rng, sent):
    sent.axon = rng.choice((MALLORY.ss58_address, sent.key.ss58_address, "", "None"))
    if rng.random() < 0.5:
        sent.request.set("bt_header_axon_hotkey", sent.axon)
    sent.sign()


@mutation
def another_message_form(rng, sent):
    get = sent.request.text
    sent.sign(message=rng.choice((
        f"{get(NONCE)}.{get(HOTKEY)}.{sent.axon}.{get(UUID)}", f"{get(NONCE)}.{get(HOTKEY)}.{sent.axon}.{get(HASH)}", f"{get(HOTKEY)}.{get(NONCE)}.{sent.axon}.{get(UUID)}.{get(HASH)}",
        f"{get(NONCE)}{get(HOTKEY)}{sent.axon}{get(UUID)}{get(HASH)}", f"{get(NONCE)}.{get(HOTKEY)}.{sent.axon}.{get(UUID)}.{get(HASH)}.", f"{get(NONCE)}.{get(HOTKEY)}.{sent.axon}.{get(UUID)}.{get(HASH).upper()}")).encode())


# ---- time


@mutation
def a_nonce_at_the_edge(rng, sent):
    timeout = number(sent.request.text("timeout"))
    edge = rng.choice((sent.now - 4 * SECOND - int(min(timeout, 1e6) * 1e9), sent.now - 4 * SECOND - 60 * SECOND, sent.now + 4 * SECOND, sent.now - 4 * SECOND))
    # Python computes the far edge in floats, which near 1.8e18 are 256 apart: stay clear of the rounding.
    sent.request.set(NONCE, edge + rng.choice((-1_000_000, -2000, 2000, 1_000_000)))
    sent.sign()


@mutation
def a_nonce_from_another_time(rng, sent):
    sent.request.set(NONCE, rng.choice((
        0, 1, sent.now // 1000, sent.now // SECOND, sent.now - 86400 * SECOND, sent.now - 70 * SECOND, sent.now - 20 * SECOND, sent.now + 5 * SECOND, sent.now + 60 * SECOND,
        sent.now + 86400 * SECOND, 2**63 - 1, 2**63, 2**64 - 1, 2**64, sent.now * 1000)))
    sent.sign()


@mutation
def another_nonce_unsigned(rng, sent):
    sent.request.set(NONCE, int(sent.request.text(NONCE) or 0) + rng.choice((-1, 1, 1000, -SECOND, SECOND)) if sent.request.text(NONCE).isdecimal() and len(sent.request.text(NONCE)) < 30 else sent.now)


@mutation
def another_version(rng, sent):
    sent.request.set(VERSION, rng.choice((0, 7001000, 7001999, 7002000, 6000000, 11003000, 1)))
    if rng.random() < 0.4:
        sent.request.set(NONCE, sent.now - rng.choice((3, 17, 100, 86400)) * SECOND)
        sent.sign()


# ---- body


@mutation
def another_hash(rng, sent):
    text = sent.request.text(HASH)
    sent.request.set(HASH, rng.choice((flip_digit(rng, text), text.upper(), "", text[:-1], text + "0", hashlib.sha3_256(b"").hexdigest(), hashlib.sha256(sent.request.body).hexdigest(),
                                       hashlib.sha3_256(sent.request.body).hexdigest(), "0x" + text, " ", "None")))
    if rng.random() < 0.7:
        sent.sign()


@mutation
def change_a_value(rng, sent):
    """The signature and the hash stay: under the hash it must be noticed, elsewhere it cannot be."""
    members = dict(sent.members)
    name = rng.choice(list(members))
    members[name] = another_value(rng, members[name])
    sent.set_members(members)


@mutation
def change_a_value_and_sign_again(rng, sent):
    members = dict(sent.members)
    name = rng.choice(list(members))
    members[name] = another_value(rng, members[name])
    sent.set_members(members)
    sent.rehash(members)


@mutation
def a_value_of_another_type(rng, sent):
    members = dict(sent.members)
    fields = [name for name in members if name not in WIRE_MEMBERS] or list(members)
    members[rng.choice(fields)] = rng.choice((None, 0, 1, -1, 42, 1.0, 1.5, True, False, "", "42", "1.5", "true", "off", " 7 ", "1_000", "nan", "1_0", [], ["a"], [1], [None], ["a", 1], [["a"]], {}, {"a": 1}, {"a": "1"}, {"label": "x"}, ["a", "7"], [1.0, 2], ["1.5"]))
    sent.set_members(members)
    if rng.random() < 0.8:
        sent.rehash(members)


@mutation
def an_item_of_another_type(rng, sent):
    members = json.loads(json.dumps(sent.members))
    lists = [value for name, value in members.items() if isinstance(value, (list, dict)) and name not in WIRE_MEMBERS]
    if lists:
        chosen, value = rng.choice(lists), rng.choice((None, 7, 1.5, True, "7", [], {}, ["x"], "x"))
        if isinstance(chosen, list):
            chosen.insert(rng.randint(0, len(chosen)), value)
        else:
            chosen[rng.choice([*chosen, "new"])] = value
    sent.set_members(members)
    if rng.random() < 0.8:
        sent.rehash(members)


@mutation
def drop_a_member(rng, sent):
    members = dict(sent.members)
    members.pop(rng.choice(list(members)))
    sent.set_members(members)
    if rng.random() < 0.6:
        sent.rehash(members)


@mutation
def add_a_member(rng, sent):
    members = dict(sent.members)
    members[rng.choice(("extra", "required_hash_fields", "__class__", "Messages", "hotkey", ""))] = rng.choice((None, [], ["roles"], {"a": {"b": [1.5]}}, "x", 1e300, "\ud83d\ude00"))
    sent.set_members(members)


@mutation
def a_wire_member_of_another_type(rng, sent):
    members = dict(sent.members)
    members[rng.choice(("name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash"))] = rng.choice((None, "x", 1, "12", [], {}, {"nonce": "x"}, {"hotkey": 5}, {"port": "1"}, True, 1.5, {"status_code": 500}))
    sent.set_members(members)


@mutation
def repeat_a_member(rng, sent):
    members = list(sent.members.items())
    name, value = rng.choice(members)
    other = rng.choice((value, another_value(rng, value)))
    at = rng.choice((0, len(members)))
    members.insert(at, (name, other))
    sent.request.body = ("{" + ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in members) + "}").encode()
    if rng.random() < 0.5:
        sent.rehash(dict(members))


@mutation
def another_json_dialect(rng, sent):
    body = sent.request.body
    text = json.dumps(sent.members, ensure_ascii=False)
    sent.request.body = rng.choice((
        b"\xef\xbb\xbf" + body, body + b"\n\n ", b" \t\r\n" + body, body + b"x", body + b"{}", body.replace(b'"', b"'"), body[:-1] + b",}", body + b"\x00", b"", b" ", b"null", b"[]",
        b"[" + body + b"]", b'"' + body[:20] + b'"', b"0", text.encode("utf-16"), text.encode("latin-1", "replace"), text.encode("utf-8"), body[:-1], body[1:], body.replace(b": ", b":\x0b"),
        body.replace(b", ", b",\xc2\xa0"), b"// c\n" + body, body.replace(b"null", b"None"), body.replace(b"\\u", b"\\U"), body.replace(b"true", b"True")))


@mutation
def a_literal_in_place_of_a_value(rng, sent):
    fields = [name for name in sent.members if name not in WIRE_MEMBERS]
    name = rng.choice(fields or ["extra"])
    literal = rng.choice(("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e5", "1E5", "1.0", "42.0", "-0", "-0.0", "0.1e1", "01", "+1", ".5", "5.", "0x10", "1_000", "18446744073709551616", "9223372036854775808",
                          "-9223372036854775809", "1" * 60, "1" + "0" * 5000, "0.30000000000000004", "1.7976931348623159e308", "2.2250738585072011e-308", "123456789012345678901234567890.5",
                          '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\u0000"', '"\\/"', '"\\x41"', '"a\nb"', '"a\tb"', '"\\q"', "tru", "nul", "[1,]", "{}"))
    if rng.random() < 0.4:
        literal = f"[{literal}]"
    marker = "\x01marker\x01"
    body = json.dumps({**sent.members, name: marker}).replace(json.dumps(marker), literal)
    sent.request.body = body.encode()
    try:
        members = json.loads(body)
        json.dumps(members, ensure_ascii=False).encode()
    except ValueError:
        return
    if rng.random() < 0.8:
        sent.rehash(members)


@mutation
def half_a_surrogate_pair(rng, sent):
    """In a member that no hash covers, or in a value under it."""
    name = rng.choice(("completion", "completion", *sent.members))
    body = json.dumps({**sent.members, name: "\x01"}).replace('"\\u0001"', rng.choice(('"\\ud800"', '"a\\udc00"', '"\\ud83dx"')))
    sent.request.body = body.encode()


@mutation
def nested_deeply(rng, sent):
    depth = rng.choice((10, 100, 120, 126, 127, 128, 130, 500, 5000))
    deep = "[" * depth + "]" * depth
    name = rng.choice(("extra", "extra", "completion", "messages"))
    body = json.dumps({**sent.members, name: "\x01"}).replace('"\\u0001"', deep)
    sent.request.body = body.encode()


@mutation
def a_large_body(rng, sent):
    # Rarely, as each is a megabyte on its way through files.
    sizes = ((1 << 20) - len(sent.request.body), (1 << 20) + 1, 1_500_000) if rng.random() < 0.05 else (3000, 10_000, 30_000)
    sent.request.body += b" " * rng.choice(sizes)
    sent.request.own_connection = True


@mutation
def text_of_a_newer_unicode(rng, sent):
    """Hashed as a Python release with another Unicode version does."""
    members = dict(sent.members)
    if "messages" not in members:
        return
    mark = rng.choice(content.NEWER)
    members["messages"] = [f"new {mark}"]
    members["roles"] = ["user"]
    sent.set_members(members)
    if rng.random() < 0.5:
        sent.rehash(members)
    else:
        assert unicodedata.category(mark) == "Cn"
        inner = hashlib.sha3_256(f"['new {mark}']".encode()).hexdigest()
        sent.request.set(HASH, hashlib.sha3_256(inner.encode()).hexdigest())
        sent.sign()


# ---- bytes


@mutation
def flip_a_byte_of_the_body(rng, sent):
    if sent.request.body:
        body = bytearray(sent.request.body)
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        sent.request.body = bytes(body)


@mutation
def flip_a_byte_of_a_value(rng, sent):
    header = rng.choice(sent.request.headers)
    if header[1]:
        value = bytearray(header[1])
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        header[1] = bytes(value)
        sent.request.own_connection = True


def late(change):
    def apply(rng, sent):
        seed = rng.random()
        sent.request.late.append(lambda whole: change(random.Random(seed), whole))
        sent.request.own_connection = True

    apply.__name__ = change.__name__
    return apply


def head_length(whole: bytes) -> int:
    end = whole.find(b"\r\n\r\n")
    return len(whole) if end < 0 else end + 4


@mutation
@late
def flip_a_byte_of_the_head(rng, whole):
    bent = bytearray(whole)
    bent[rng.randrange(head_length(whole))] ^= 1 << rng.randrange(8)
    return bytes(bent)


@mutation
@late
def remove_or_insert_a_byte_in_the_head(rng, whole):
    at = rng.randrange(head_length(whole))
    if rng.random() < 0.5:
        return whole[:at] + whole[at + 1 :]
    return whole[:at] + bytes([rng.choice((0, 9, 10, 13, 32, 58, 127, 200, rng.randrange(256)))]) + whole[at:]


@mutation
@late
def other_line_ends(rng, whole):
    end = head_length(whole)
    head, body = whole[:end], whole[end:]
    lines = head.split(b"\r\n")
    at = rng.randrange(1, max(2, len(lines) - 2))
    kind = rng.randrange(4)
    if kind == 0:
        return head.replace(b"\r\n", b"\n") + body
    if kind == 1:
        lines[at] = lines[at].replace(b":", b" :", 1)
    elif kind == 2:
        lines[at] = b" " + lines[at]
    else:
        lines[at] = lines[at].replace(b": ", b":\t \t", 1) + b" \t"
    return b"\r\n".join(lines) + body


# ---- sequences


@sequence
def replay(rng, now, ask):
    sent = ask(rng, now)
    later = now + rng.choice((0, 1, SECOND, 5 * SECOND, 30 * SECOND, 63 * SECOND, 70 * SECOND, 150 * SECOND))
    return [(now, sent.request), (later, sent.request)] + ([(later, sent.request)] if rng.random() < 0.3 else [])


@sequence
def replay_elsewhere(rng, now, ask):
    sent = ask(rng, now)
    twin = sent.request.copy()
    change = rng.randrange(5)
    if change == 0:
        twin.target = rng.choice((b"/Zoo", b"/Synapse", b"/Prompting"))
    elif change == 1:
        twin.set("timeout", "60.0")
    elif change == 2:
        twin.set(UUID, "another")
    elif change == 3:
        twin.set(SIGNATURE, twin.text(SIGNATURE)[:2] + twin.text(SIGNATURE)[2:].upper())
    else:
        twin.drop(VERSION)
    return [(now, sent.request), (now + 1000, twin)]


@sequence
def order(rng, now, ask):
    """One lane, nonces out of order or equal."""
    first = ask(rng, now, age=0)
    lane = first.request.text(UUID)
    second = ask(rng, now, key=first.key, lane=lane, age=rng.choice((0, 1, 1000, SECOND, 3 * SECOND)))
    return [(now, first.request), (now + 1000, second.request)]


@sequence
def lanes(rng, now, ask):
    """The same nonce in two lanes, or of two callers."""
    first = ask(rng, now, age=0)
    second = ask(rng, now, age=0, lane=first.request.text(UUID) if rng.random() < 0.5 else None)
    return [(now, first.request), (now + 1000, second.request)]


@sequence
def stale_after_fresh(rng, now, ask):
    """Python checks freshness for the first request of a lane only."""
    first = ask(rng, now, age=0)
    second = ask(rng, now + 1, key=first.key, lane=first.request.text(UUID), age=0)
    return [(now, first.request), (now + rng.choice((1, 10, 20, 80, 130)) * SECOND, second.request)]


@sequence
def future_first(rng, now, ask):
    first = ask(rng, now, age=-rng.choice((1, 3, 5, 60)) * SECOND)
    second = ask(rng, now, key=first.key, lane=first.request.text(UUID), age=0)
    return [(now, first.request), (now + SECOND // 2, second.request)]


@sequence
def refused_then_right(rng, now, ask):
    """A request that fails must not use its nonce up."""
    sent = ask(rng, now)
    bad = sent.request.copy()
    bad.set(SIGNATURE, flip_digit(rng, bad.text(SIGNATURE)))
    return [(now, bad), (now + 1000, sent.request)]


@sequence
def bad_body_then_right(rng, now, ask):
    sent = ask(rng, now)
    bad = sent.request.copy()
    bad.body = b"{" + bad.body
    return [(now, bad), (now + 1000, sent.request)]


WIRE_MEMBERS = ("name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash", "required_hash_fields")


def another_value(rng: random.Random, value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + rng.choice((-1, 1))
    if isinstance(value, float):
        return rng.choice((value + 1.0, -value, value * 2))
    if isinstance(value, str):
        return rng.choice((value + " ", value + "\u200b", value.upper() + "x", "", content.text(rng)))
    if isinstance(value, (list, tuple)):
        value = list(value)
        return rng.choice((value + ["x"], value[1:], value[::-1], [*value, *value], ["x", "y"]))
    if isinstance(value, dict):
        return rng.choice((dict(reversed(list(value.items()))), {**value, "new": 1}, {}))
    return rng.choice(("x", 1))


def flip_digit(rng: random.Random, text: str) -> str:
    if len(text) < 3:
        return "0" + text
    at = rng.randrange(2, len(text))
    return text[:at] + rng.choice([d for d in "0123456789abcdef" if d != text[at].lower()]) + text[at + 1 :]


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if value == value and 0 <= value < 1e12 else 0.0


def ss58(public: bytes, prefix: int) -> str:
    if prefix < 64:
        head = bytes([prefix])
    else:
        head = bytes([((prefix & 0b1111_1100) >> 2) | 0b0100_0000, (prefix >> 8) | ((prefix & 0b11) << 6)])
    check = hashlib.blake2b(b"SS58PRE" + head + public).digest()[:2]
    data, alphabet = head + public + check, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    value, out = int.from_bytes(data, "big"), ""
    while value:
        value, digit = divmod(value, 58)
        out = alphabet[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out
