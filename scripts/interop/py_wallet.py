"""`py_wallet.py FOLDER NAME COLDKEY HOTKEY`: the Python wallet opens a wallet of ours and signs with both keys."""

import sys

from bittensor_wallet import Keypair, Wallet

_, folder, name, coldkey, hotkey = sys.argv
wallet = Wallet(name=name, hotkey="default", path=folder)
assert wallet.coldkeypub.ss58_address == coldkey, wallet.coldkeypub
for pair, address in ((wallet.coldkey, coldkey), (wallet.hotkey, hotkey)):
    assert pair.ss58_address == address, pair
    assert Keypair(ss58_address=address).verify(b"message", pair.sign(b"message"))
print(f"opened {name}: coldkey and hotkey sign")
