"""Texts and values that have tripped body hashes up, and plain ones."""

import random

PLANES = (
    "Please answer this question about the tides",
    "it's", 'say "ok"', "it's \"both\"", "back\\slash", "tab\there", "line\nbreak", "cr\rhere", "bell\x07", "\x7f", "\x00",
    "é", "ß", "日本語", "Ω≈ç√", "русский", "עברית", "हिन्दी", "한국어", "ไทย",
    "\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028", "\u2029", "\ufeff", "\ue000", "\uffff", "\u0378",
    "😀", "👩\u200d💻", "🏳\ufe0f\u200d🌈", "𝒳", "𠜎", "\U000e0001", "\U0010ffff", "\U000f0000", "e\u0301",
    "[1, 2]", "{'a': 1}", "None", "%s {0} $HOME", "<Bytes>", "'", '"', "\\", "\\'", "''", '""', "\\u0041", "a.b.c",
)
# Assigned after Unicode 14.0, or only printable in some releases: what Python 3.11 prints escaped, newer ones do not.
NEWER = ("\U0001fae8", "\U0001f6dc", "\u0cf3", "\U00011f00", "\U0001e4d0", "\U0001fabd")


def text(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.08:
        return ""
    if roll < 0.5:
        return "".join(rng.choice(PLANES) + rng.choice(("", " ", "  ")) for _ in range(rng.randint(1, 5)))
    if roll < 0.62:
        return "".join(chr(any_scalar(rng)) for _ in range(rng.randint(1, 12)))
    if roll < 0.7:
        return "".join(chr(rng.randint(0, 0x2FF)) for _ in range(rng.randint(1, 20)))
    if roll < 0.72:
        return "word " * rng.randint(50, 800)
    return " ".join(rng.choice(("tide", "moon", "why", "is", "the", "42", "answer")) for _ in range(rng.randint(1, 12)))


def any_scalar(rng: random.Random) -> int:
    while True:
        low, high = rng.choice(((0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF)))
        point = rng.randint(low, high)
        if not 0xD800 <= point <= 0xDFFF:
            return point


def texts(rng: random.Random, most: int = 4) -> list:
    return [text(rng) for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3, most)))]


def integer(rng: random.Random) -> int:
    return rng.choice(
        (0, 1, -1, 42, rng.randint(-1000, 1000), rng.randint(-(2**53), 2**53), 2**63 - 1, -(2**63), rng.randint(-(2**62), 2**62))
    )


def real(rng: random.Random) -> float:
    return rng.choice(
        (
            0.0, -0.0, 1.0, 0.1, 1e16, 1e15, 1e-5, 1e-4, 123456789.125, 5e-324, 1.7976931348623157e308, 2.5e22,
            rng.random(), rng.gauss(0, 1e6), rng.random() * 10 ** rng.randint(-300, 300), float(rng.randint(-(2**60), 2**60)),
        )
    )
