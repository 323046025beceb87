"""Drives a localnet with the Python SDK 10.5, the way a subnet's miner and validator do.

    pip install bittensor==10.5.0
    python sdk10.py ws://127.0.0.1:9944

Prints one line per step and ends with status 1 if any failed.
"""

import sys
import tempfile
import traceback

import bittensor as bt
from bittensor_wallet import Keypair, Wallet

failed = []


def step(name, run):
    try:
        result = run()
        print(f"ok    {name}: {str(result)[:150]}")
        return result
    except BaseException as error:  # SDK errors derive from several roots
        failed.append(name)
        print(f"FAIL  {name}: {type(error).__name__}: {error}")
        if "-v" in sys.argv:
            traceback.print_exc()
        return None


def expect(condition, text):
    if not condition:
        raise AssertionError(text)
    return text


def done(response):
    success = response.success if hasattr(response, "success") else bool(response)
    expect(success, f"refused: {response}")
    return getattr(response, "message", response) or "success"


def wallet(folder, name, uri):
    """A wallet whose both keys are the development key `uri`."""
    made = Wallet(name=name, path=folder, hotkey="default")
    made.set_coldkey(Keypair.create_from_uri(uri), encrypt=False, overwrite=True)
    made.set_coldkeypub(Keypair.create_from_uri(uri), overwrite=True)
    made.set_hotkey(Keypair.create_from_uri(uri + "//hot"), encrypt=False, overwrite=True)
    return made


def main(url):
    sub = bt.Subtensor(url)
    folder = tempfile.mkdtemp()
    owner, other = wallet(folder, "owner", "//Alice"), wallet(folder, "other", "//Bob")

    step("block", lambda: sub.block)
    step("chain is local", lambda: expect(sub.is_fast_blocks() is not None, "is_fast_blocks answered"))
    step("balance", lambda: sub.get_balance(owner.coldkeypub.ss58_address))
    step("existential deposit", sub.get_existential_deposit)
    step("all subnets", lambda: len(sub.all_subnets()))
    step("subnet info", lambda: sub.subnet(1))
    step("hyperparameters", lambda: sub.get_subnet_hyperparameters(1))
    step("metagraph of netuid 1", lambda: sub.metagraph(1))
    step("full metagraph of netuid 1", lambda: sub.metagraph(1, lite=False))
    step("neurons", lambda: len(sub.neurons(1)))

    step("transfer", lambda: done(sub.transfer(wallet=owner, destination_ss58=other.coldkeypub.ss58_address, amount=bt.Balance.from_tao(5))))
    netuids = set(sub.get_all_subnets_netuid())
    step("register a subnet", lambda: done(sub.register_subnet(wallet=owner)))
    new = sorted(set(sub.get_all_subnets_netuid()) - netuids)
    netuid = step("its netuid", lambda: new[0])
    if netuid is None:
        return
    step("start call", lambda: done(sub.start_call(wallet=owner, netuid=netuid)))
    step("burned register", lambda: done(sub.burned_register(wallet=other, netuid=netuid)))
    step("registered", lambda: expect(sub.is_hotkey_registered(other.hotkey.ss58_address, netuid=netuid), "is registered"))
    uid = step("uid", lambda: sub.get_uid_for_hotkey_on_subnet(other.hotkey.ss58_address, netuid))
    step("register again is refused or noticed", lambda: sub.burned_register(wallet=other, netuid=netuid).message)
    axon = bt.Axon(wallet=other, ip="198.51.100.7", port=8091, external_ip="198.51.100.7", external_port=8091)
    step("serve axon", lambda: done(sub.serve_axon(netuid=netuid, axon=axon)))

    def served():
        shown = sub.metagraph(netuid).axons[uid]
        expect((shown.ip, shown.port) == ("198.51.100.7", 8091), f"{shown.ip}:{shown.port}")
        return f"{shown.ip}:{shown.port}"

    step("the metagraph shows it", served)
    step("add stake", lambda: done(sub.add_stake(wallet=other, netuid=netuid, hotkey_ss58=other.hotkey.ss58_address, amount=bt.Balance.from_tao(1000))))
    step("stake", lambda: sub.get_stake(coldkey_ss58=other.coldkeypub.ss58_address, hotkey_ss58=other.hotkey.ss58_address, netuid=netuid))
    step("commit-reveal is", lambda: sub.commit_reveal_enabled(netuid))

    def sudo(function, **params):
        inner = sub.substrate.compose_call("AdminUtils", function, params)
        call = sub.substrate.compose_call("Sudo", "sudo", {"call": inner})
        return done(sub.sign_and_send_extrinsic(call=call, wallet=owner))

    step("sudo: no limit on weights", lambda: sudo("sudo_set_weights_set_rate_limit", netuid=netuid, weights_set_rate_limit=0))
    step("set weights", lambda: done(sub.set_weights(wallet=other, netuid=netuid, uids=[uid], weights=[1.0], wait_for_finalization=True)))
    step("weights", lambda: sub.weights(netuid))
    step("commitment", lambda: done(sub.set_commitment(wallet=other, netuid=netuid, data="hello")))
    step("commitments", lambda: sub.get_all_commitments(netuid))
    step("bonds", lambda: sub.bonds(netuid))
    step("next epoch", lambda: sub.get_next_epoch_start_block(netuid))
    step("remove stake", lambda: done(sub.unstake(wallet=other, netuid=netuid, hotkey_ss58=other.hotkey.ss58_address, amount=bt.Balance.from_tao(10).set_unit(netuid))))
    step("wait for block", lambda: sub.wait_for_block(sub.block + 2))


main(sys.argv[1])
print(f"{len(failed)} failed: {failed}" if failed else "all passed")
sys.exit(1 if failed else 0)
