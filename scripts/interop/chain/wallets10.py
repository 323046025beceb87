"""Writes plain wallets with development keys into a folder: NAME COLDKEY-URI HOTKEY-URI per wallet."""

import sys

from bittensor_wallet import Keypair, Wallet

folder, *wallets = sys.argv[1:]
for name, cold, hot in zip(wallets[::3], wallets[1::3], wallets[2::3]):
    wallet = Wallet(name=name, hotkey="default", path=folder)
    coldkey = Keypair.create_from_uri(cold)
    wallet.set_coldkey(coldkey, encrypt=False, overwrite=True)
    wallet.set_coldkeypub(coldkey, overwrite=True)
    wallet.set_hotkey(Keypair.create_from_uri(hot), encrypt=False, overwrite=True)
    print(name, coldkey.ss58_address, wallet.hotkey.ss58_address)
