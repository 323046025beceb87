"""Reads a chain's state with nothing but the standard library, so that it shares no code with the clients it checks.

Storage keys and values are built and taken apart by hand. Amounts are rao.
"""

import hashlib
import json
import os
import sys
import time
import urllib.request

RAO = 10**9
_MASK = (1 << 64) - 1
_P1, _P2, _P3, _P4, _P5 = (
    11400714785074694791,
    14029467366897019727,
    1609587929392839161,
    9650029242287828579,
    2870177450012600261,
)


def _rotate(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(acc, lane):
    return (_rotate((acc + lane * _P2) & _MASK, 31) * _P1) & _MASK


def _xxh64(data, seed):
    at, length = 0, len(data)

    def word(size):
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at], "little")

    if length >= 32:
        lanes = [(seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed, (seed - _P1) & _MASK]
        while length - at >= 32:
            lanes = [_round(lane, word(8)) for lane in lanes]
        acc = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & _MASK
        for lane in lanes:
            acc = ((acc ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        acc = (seed + _P5) & _MASK
    acc = (acc + length) & _MASK
    while length - at >= 8:
        acc = (_rotate(acc ^ _round(0, word(8)), 27) * _P1 + _P4) & _MASK
    if length - at >= 4:
        acc = (_rotate(acc ^ (word(4) * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
    while at < length:
        acc = (_rotate(acc ^ (word(1) * _P5 & _MASK), 11) * _P1) & _MASK
    acc = ((acc ^ (acc >> 33)) * _P2) & _MASK
    acc = ((acc ^ (acc >> 29)) * _P3) & _MASK
    return acc ^ (acc >> 32)


def twox128(data):
    return b"".join(_xxh64(data, seed).to_bytes(8, "little") for seed in (0, 1))


def u16(value):
    return value.to_bytes(2, "little")


def blake(data):
    """Blake2_128Concat."""
    return hashlib.blake2b(data, digest_size=16).digest() + data


def twox(data):
    """Twox64Concat."""
    return _xxh64(data, 0).to_bytes(8, "little") + data


_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def account(ss58):
    """The 32 bytes behind an address."""
    number = 0
    for letter in ss58:
        number = number * 58 + _ALPHABET.index(letter)
    data = number.to_bytes(35, "big")
    assert hashlib.blake2b(b"SS58PRE" + data[:33], digest_size=64).digest()[:2] == data[33:], ss58
    return data[1:33]


def number(data, start=0, size=None):
    return int.from_bytes(data[start : None if size is None else start + size], "little")


def compact(data, at):
    """A compact number and where it ends."""
    mode = data[at] & 3
    if mode == 3:
        size = (data[at] >> 2) + 4
        return number(data, at + 1, size), at + 1 + size
    size = 1 << mode
    return number(data, at, size) >> 2, at + size


class Raw:
    def __init__(self, endpoint):
        self.url = endpoint.replace("ws://", "http://")

    def rpc(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer = json.load(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def value(self, pallet, item, *keys, at=None):
        key = twox128(pallet.encode()) + twox128(item.encode()) + b"".join(keys)
        value = self.rpc("state_getStorage", "0x" + key.hex(), *([at] if at else []))
        return None if value is None else bytes.fromhex(value[2:])

    def subtensor(self, item, *keys, default=0):
        value = self.value("SubtensorModule", item, *keys)
        return default if value is None else number(value)

    def free(self, ss58):
        value = self.value("System", "Account", blake(account(ss58)))
        return 0 if value is None else number(value, 16, 8)

    def uid(self, netuid, ss58):
        return self.subtensor("Uids", u16(netuid), blake(account(ss58)), default=None)

    def burn(self, netuid):
        return self.subtensor("Burn", u16(netuid), default=100_000_000)

    def size(self, netuid):
        return self.subtensor("SubnetworkN", u16(netuid))

    def tempo(self, netuid):
        return self.subtensor("Tempo", u16(netuid), default=360)

    def owner(self, hotkey):
        return self.value("SubtensorModule", "Owner", blake(account(hotkey)))

    def stake(self, hotkey, netuid):
        """All alpha staked to a hotkey."""
        return self.subtensor("TotalHotkeyAlpha", blake(account(hotkey)), u16(netuid))

    def pool(self, netuid):
        """TAO and alpha in a subnet's pool."""
        return self.subtensor("SubnetTAO", u16(netuid)), self.subtensor("SubnetAlphaIn", u16(netuid))

    def price(self, netuid):
        tao, alpha = self.pool(netuid)
        return tao / alpha if alpha else 0.0

    def axon(self, netuid, hotkey):
        """Address, port and the block at which they were published."""
        value = self.value("SubtensorModule", "Axons", u16(netuid), blake(account(hotkey)))
        if value is None:
            return None
        ip = number(value, 12, 16)
        return ".".join(str(ip >> shift & 255) for shift in (24, 16, 8, 0)), number(value, 28, 2), number(value, 0, 8)

    def weights(self, netuid, uid):
        value = self.value("SubtensorModule", "Weights", u16(netuid), u16(uid)) or b"\0"
        count, at = compact(value, 0)
        return [(number(value, at + 4 * i, 2), number(value, at + 4 * i + 2, 2)) for i in range(count)]

    def vector(self, item, netuid, size):
        value = self.value("SubtensorModule", item, u16(netuid)) or b"\0"
        count, at = compact(value, 0)
        return [number(value, at + size * i, size) for i in range(count)]

    def netuids(self):
        prefix = "0x" + (twox128(b"SubtensorModule") + twox128(b"NetworksAdded")).hex()
        keys = self.rpc("state_getKeysPaged", prefix, 1000)
        return sorted(number(bytes.fromhex(key[-4:])) for key in keys)

    def commitment(self, netuid, hotkey):
        """The bytes of the first field, if it is raw."""
        value = self.value("Commitments", "CommitmentOf", u16(netuid), twox(account(hotkey)))
        if value is None:
            return None
        count, at = compact(value, 12)
        kind = value[at]
        return value[at + 1 : at + kind] if count and 1 <= kind <= 129 else None

    def timelocked(self, netuid):
        """(hotkey bytes, reveal round) of all timelocked commits still stored."""
        prefix = twox128(b"SubtensorModule") + twox128(b"TimelockedWeightCommits") + twox(u16(netuid))
        found = []
        for key in self.rpc("state_getKeysPaged", "0x" + prefix.hex(), 1000):
            value = self.rpc("state_getStorage", key)
            if value is None:
                continue
            value = bytes.fromhex(value[2:])
            count, at = compact(value, 0)
            for _ in range(count):
                hotkey = value[at : at + 32]
                size, at = compact(value, at + 40)
                found.append((hotkey, number(value, at + size, 8)))
                at += size + 8
        return found

    def block(self):
        return int(self.rpc("chain_getHeader")["number"], 16)

    def wait_blocks(self, count, limit=60):
        goal, deadline = self.block() + count, time.monotonic() + limit
        while self.block() < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} blocks took more than {limit} s")
            time.sleep(0.1)


class Table:
    """Runs checks in turn, prints how each ended, and ends the program with 1 if any failed."""

    def __init__(self, client):
        self.client, self.failed, self.count = client, 0, 0
        self.only = os.environ.get("CHAIN_ONLY")

    def check(self, name, run, critical=False):
        """`run` gives a word about what it saw, and raises or asserts when that is wrong."""
        if self.only and not critical and self.only not in name:
            return
        self.count += 1
        started = time.monotonic()
        try:
            seen = run()
        except BaseException as error:  # a client may well call sys.exit
            if isinstance(error, KeyboardInterrupt):
                raise
            self.failed += 1
            print(f"FAILED {self.client}, {name}: {type(error).__name__}: {error}", flush=True)
            if os.environ.get("CHAIN_TRACE"):
                import traceback

                traceback.print_exc()
            if critical:
                self.end()
            return
        took = time.monotonic() - started
        print(f"ok     {self.client}, {name}: {seen} ({took:.1f} s)", flush=True)

    def end(self):
        sys.stdout.flush()
        # Clients leave threads behind that would keep the program.
        os._exit(1 if self.failed else 0)


def same(what, client, chain):
    """Asserts that the client says what the chain holds."""
    assert client == chain, f"{what}: the client says {client}, the chain {chain}"


def close(what, client, chain, tolerance):
    """The same for numbers that move with every block."""
    assert abs(client - chain) <= tolerance, f"{what}: the client says {client}, the chain {chain}"
