"""The Python half of `wallets.sh`, for SDK 10 and 11 alike.

`py_keyfiles.py open FOLDER < LINES`: opens the hotkeys that Rust wrote, checks addresses and signatures, signs itself.
`py_keyfiles.py write FOLDER`: writes a hotkey of every kind and prints a line for each.

A line: name, scheme, address, signature over `message` in hex, VARIABLE=VALUE of the password or `-`.
"""

import ctypes
import os
import sys
from pathlib import Path

try:
    from bittensor.keyfiles import Keyfile, Keypair  # SDK 11

    SDK = 11
except ImportError:
    from bittensor_wallet import Keyfile, Keypair  # SDK 10

    SDK = 10

MESSAGE = b"message"
PASSWORD = "päss wörd 🔑 of a hotkey"
CRYPTO = {"sr25519": 1, "ed25519": 0}
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"


libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p


def variable_of(keyfile: Keyfile) -> str:
    """The password's variable as the wallet sets it: native code writes it past Python's own copy in SDK 10."""
    name = keyfile.env_var_name()
    return f"{name}={os.environ.get(name) or libc.getenv(name.encode()).decode()}"


def open_all(folder: Path) -> None:
    count = 0
    for line in sys.stdin:
        name, scheme, address, signature, variable = line.rstrip("\n").split(" ")
        keyfile = Keyfile(str(folder / "rust" / "hotkeys" / name))
        assert keyfile.is_encrypted() == (variable != "-"), name
        if variable != "-":
            key, value = variable.split("=", 1)
            # Not the process's own environment from the shell: the name is Rust's idea of it.
            assert key == keyfile.env_var_name(), (key, keyfile.env_var_name())
            os.environ[key] = value
        pair = keyfile.get_keypair()
        assert pair.ss58_address == address, (name, pair.ss58_address, address)
        assert pair.crypto_type == CRYPTO[scheme], name
        public = Keyfile(str(folder / "rust" / "hotkeys" / f"{name}pub.txt")).get_keypair()
        assert (public.ss58_address, public.crypto_type) == (address, CRYPTO[scheme]), name
        theirs = bytes.fromhex(signature)
        assert public.verify(MESSAGE, theirs), name
        assert not public.verify(b"another", theirs), name
        assert public.verify(MESSAGE, pair.sign(MESSAGE)), name
        count += 1
    print(f"SDK {SDK} opened {count} hotkeys")


def keypairs(scheme: str):
    crypto = CRYPTO[scheme]
    for words in (12, 24):
        yield f"words{words}", Keypair.create_from_mnemonic(Keypair.generate_mnemonic(words), crypto_type=crypto)
    yield "phrase", Keypair.create_from_mnemonic(WORDS, crypto_type=crypto)
    seed = "0x" + "22" * 32 if SDK == 10 else b"\x22" * 32
    yield "seed", Keypair.create_from_seed(seed, crypto_type=crypto)
    yield "uri", Keypair.create_from_uri("//Bob//stash", crypto_type=crypto)
    if scheme == "sr25519":
        yield "soft", Keypair.create_from_uri("//Bob/soft/1", crypto_type=crypto)
    yield "sealed", Keypair.create_from_mnemonic(Keypair.generate_mnemonic(12), crypto_type=crypto)


def write_all(folder: Path) -> None:
    hotkeys = folder / "python" / "hotkeys"
    for scheme, crypto in CRYPTO.items():
        for kind, pair in keypairs(scheme):
            name, variable = f"{scheme}-{kind}", "-"
            keyfile = Keyfile(str(hotkeys / name))
            if kind == "sealed":
                keyfile.set_keypair(pair, encrypt=True, overwrite=False, password=PASSWORD)
                keyfile.save_password_to_env(PASSWORD)
                variable = variable_of(keyfile)
            else:
                keyfile.set_keypair(pair, encrypt=False, overwrite=False)
            public = Keypair(ss58_address=pair.ss58_address, crypto_type=crypto)
            Keyfile(str(hotkeys / f"{name}pub.txt")).set_keypair(public, encrypt=False, overwrite=False)
            print(name, scheme, pair.ss58_address, bytes(pair.sign(MESSAGE)).hex(), variable)


_, command, folder = sys.argv
{"open": open_all, "write": write_all}[command](Path(folder))
