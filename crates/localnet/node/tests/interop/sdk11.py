"""Drives a localnet with the Python SDK 11.3, the way a subnet's miner and validator do.

    pip install bittensor==11.3.0
    python sdk11.py ws://127.0.0.1:9944

Prints one line per step and ends with status 1 if any failed.
"""

import sys
import tempfile
import traceback

import bittensor as bt
from bittensor import calls, storage
from bittensor.keyfiles import Keypair

failed = []


def step(name, run):
    try:
        result = run()
        print(f"ok    {name}: {str(result)[:150]}")
        return result
    except BaseException as error:
        failed.append(name)
        print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:600]}")
        if "-v" in sys.argv:
            traceback.print_exc()
        return None


def expect(condition, text):
    if not condition:
        raise AssertionError(text)
    return text


def done(result):
    expect(result.success, f"refused: {result}")
    return "success"


def wallet(folder, name, uri):
    """A wallet whose keys are development keys."""

    class Made:
        coldkey = coldkeypub = Keypair.create_from_uri(uri)
        hotkey = hotkeypub = Keypair.create_from_uri(uri + "//hot")

    return Made()


def main(url):
    sub = bt.Subtensor(url)
    folder = tempfile.mkdtemp()
    owner, other = wallet(folder, "owner", "//Alice"), wallet(folder, "other", "//Bob")
    cold = other.coldkeypub.ss58_address
    hot = other.hotkey.ss58_address

    step("block", lambda: sub.block)
    step("finalized block", lambda: sub.finalized_block)
    step("spec version", lambda: sub.spec_version)
    step("block time", sub.block_time)
    step("timestamp", sub.timestamp)
    step("block info", lambda: sub.block_info(sub.block))
    step("genesis block info", lambda: sub.block_info(0))
    step("balance", lambda: sub.balances.get(cold))
    step("subnets", lambda: len(sub.subnets.all()))
    step("neurons of netuid 1", lambda: len(sub.neurons.all(1)))
    step("metagraph of netuid 1", lambda: sub.subnets.metagraph(1))
    step("transfer", lambda: done(sub.execute(bt.Transfer(dest_ss58=cold, amount_tao=5), owner)))

    before = {int(netuid) for netuid, added in sub.query_map(storage.SubtensorModule.NetworksAdded) if added}
    step("register a subnet", lambda: done(sub.execute(bt.RegisterSubnet(), owner)))
    after = {int(netuid) for netuid, added in sub.query_map(storage.SubtensorModule.NetworksAdded) if added}
    netuid = step("its netuid", lambda: max(after - before))
    if netuid is None:
        return
    step("start call", lambda: done(sub.execute(bt.StartCall(netuid=netuid), owner)))
    step("burned register, shielded", lambda: done(sub.execute(bt.BurnedRegister(netuid=netuid), other)))
    if sub.query(storage.SubtensorModule.Uids, [netuid, hot]) is None:
        step("burned register, in the open", lambda: done(sub.submit_call(calls.SubtensorModule.burned_register(netuid=netuid, hotkey=hot), other)))
    uid = step("uid", lambda: sub.query(storage.SubtensorModule.Uids, [netuid, hot]))
    step("serve axon", lambda: done(sub.execute(bt.ServeAxon(netuid=netuid, ip="198.51.100.7", port=8091), other)))
    step("add stake", lambda: done(sub.execute(bt.AddStake(hotkey_ss58=hot, netuid=netuid, amount_tao=1000, slippage_protection=False), other)))
    no_limit = calls.AdminUtils.sudo_set_weights_set_rate_limit(netuid=netuid, weights_set_rate_limit=0)
    step("sudo: no limit on weights", lambda: done(sub.submit_call(calls.Sudo.sudo(call=sub.compose(no_limit)), owner)))
    step("set weights", lambda: done(sub.execute(bt.SetWeights(netuid=netuid, uids=[uid], weights=[1.0]), other)))
    step("weights", lambda: sub.query_map(storage.SubtensorModule.Weights, [netuid]))
    step("metagraph", lambda: sub.subnets.metagraph(netuid))
    step("wait for block", lambda: sub.wait_for_block(sub.block + 2))


main(sys.argv[1])
print(f"{len(failed)} failed: {failed}" if failed else "all passed")
sys.exit(1 if failed else 0)
