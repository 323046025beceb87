"""SDK 11 against a localnet, through its own API: intents and reads, compared with the chain's own storage.

    sdk11.py ENDPOINT WALLETS

Goes on with the subnet that sdk10.py created.
"""

import hashlib
import sys

import bittensor as bt
from bittensor import calls
from raw import RAO, Raw, Table, account, blake, close, same, twox, u16

endpoint, wallets = sys.argv[1:]
raw = Raw(endpoint)
sub = bt.Subtensor(endpoint)
owner = bt.Wallet("owner", path=wallets)
me = bt.Wallet("eleven", path=wallets)
cold, hot = me.coldkeypub.ss58_address, me.hotkey.ss58_address
table = Table("SDK 11.3")
NETUID = 2
FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"


def done(intent, wallet=me, **options):
    return sub.execute(intent, wallet, wait_for_finalization=True, **options).raise_for_failure()


def by_sudo(call):
    """A call of AdminUtils by root; the owner's coldkey is the chain's sudo key too."""
    sudo = calls.Sudo.sudo(call=sub.compose(call))
    return sub.submit_call(sudo, owner, wait_for_finalization=True).raise_for_failure()


def anew():
    """Another client: a client's nonce cache does not count the transaction inside of a shielded one."""
    global sub
    sub.close()
    sub = bt.Subtensor(endpoint)


def blocks():
    close("block", sub.block, raw.block(), 4)
    same("genesis", sub.block_info(0).hash, raw.rpc("chain_getBlockHash", 0))
    assert sub.chain.is_fast_blocks(), "the block time is not seen"
    return f"block {sub.block}, spec {sub.spec_version}"


def balance():
    same("free", sub.balances.get(cold).rao, raw.free(cold))
    same("deposit", sub.balances.existential_deposit().rao, 500)
    addresses = [cold, owner.coldkeypub.ss58_address]
    many = sub.balances.get_many(addresses)
    same("many", [many[a].rao for a in addresses], [raw.free(a) for a in addresses])
    return sub.balances.get(cold)


def transfer():
    to, amount = FERDIE, 12_345_678_901
    before, mine = raw.free(to), raw.free(cold)
    result = done(bt.Transfer(dest_ss58=to, amount_tao=bt.Balance.from_rao(amount)))
    same("received", raw.free(to) - before, amount)
    same("sent and fee", mine - raw.free(cold), amount + result.fee.rao)
    return f"{amount} rao for a fee of {result.fee.rao}"


def register():
    price, mine, before = raw.burn(NETUID), raw.free(cold), raw.size(NETUID)
    result = done(bt.BurnedRegister(netuid=NETUID))
    anew()
    assert result.data.get("shielded"), result.data
    same("uid", sub.neurons.uid(hot, NETUID), raw.uid(NETUID, hot))
    same("neurons", raw.size(NETUID), before + 1)
    same("owner", raw.owner(hot), account(cold))
    # The carrier's fee comes on top of the price, which falls until the transaction is in a block.
    close("paid", mine - raw.free(cold), price, price // 5)
    return f"uid {raw.uid(NETUID, hot)} through the shield"


def same_block():
    key = bytes.fromhex(sub.chain.mev_shield_next_key().removeprefix("0x"))
    same("key", key, raw.value("MevShield", "NextKey")[2:])
    transfer = bt.Transfer(dest_ss58=owner.coldkeypub.ss58_address, amount_tao=1)
    result = sub.submit_shielded(transfer, me, wait_for_finalization=True).raise_for_failure()
    anew()
    block = raw.rpc("chain_getBlock", result.block_hash)["block"]["extrinsics"]
    hashes = ["0x" + hashlib.blake2b(bytes.fromhex(extrinsic[2:]), digest_size=32).hexdigest() for extrinsic in block]
    same("last in the block", hashes[-1], result.data["inner_extrinsic_hash"])
    return f"right after its carrier in a block of {len(block)}"


def serve_axon():
    done(bt.ServeAxon(netuid=NETUID, ip="127.0.0.3", port=8100))
    same("axon", raw.axon(NETUID, hot)[:2], ("127.0.0.3", 8100))
    return "127.0.0.3:8100"


def add_stake():
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    done(bt.AddStake(hotkey_ss58=hot, netuid=NETUID, amount_tao=20))
    got = sub.staking.get(cold, hot, NETUID).rao
    close("stake", got, raw.stake(hot, NETUID), 20 * RAO)
    assert raw.stake(hot, NETUID) > before
    close("paid", mine - raw.free(cold), 20 * RAO, RAO // 10)
    positions = sub.staking.positions(cold)
    assert any(p.netuid == NETUID and p.hotkey == hot for p in positions), positions
    return f"{got / RAO} alpha for 20 TAO"


def remove_stake():
    before, mine = raw.stake(hot, NETUID), raw.free(cold)
    amount = before // 20
    done(bt.RemoveStake(hotkey_ss58=hot, netuid=NETUID, amount_alpha=bt.Balance.from_rao(amount, NETUID)))
    assert raw.free(cold) > mine, "nothing came back"
    close("stake", before - raw.stake(hot, NETUID), amount, 20 * RAO)
    return f"{amount / RAO} alpha for {(raw.free(cold) - mine) / RAO} TAO"


def metagraph():
    meta = sub.subnets.metagraph(NETUID)
    same("neurons", len(meta.neurons), raw.size(NETUID))
    permits = raw.vector("ValidatorPermit", NETUID, 1)
    for neuron in meta.neurons:
        same("uid", raw.uid(NETUID, neuron.hotkey), neuron.uid)
        same("coldkey", account(neuron.coldkey), raw.owner(neuron.hotkey))
        same("permit", neuron.validator_permit, bool(permits[neuron.uid]))
    mine = meta.neurons[raw.uid(NETUID, hot)]
    same("axon", mine.axon, "127.0.0.3:8100")
    close("alpha", mine.alpha_stake.rao, raw.stake(hot, NETUID), 20 * RAO)
    same("tempo", meta.tempo, raw.tempo(NETUID))
    close("price", meta.price, raw.price(NETUID), 0.1)
    lite, full = sub.neurons.all(NETUID), sub.neurons.all(NETUID, lite=False)
    same("lite", [n.hotkey for n in lite], [n.hotkey for n in meta.neurons])
    same("full", [n.hotkey for n in full], [n.hotkey for n in meta.neurons])
    return f"{len(meta.neurons)} neurons at block {meta.block}, {meta.name!r}"


def hyperparameters():
    params = sub.subnets.subnet_hyperparameters(NETUID)
    same("tempo", int(params["tempo"]), raw.tempo(NETUID))
    limit = raw.subtensor("WeightsSetRateLimit", u16(NETUID), default=100)
    same("rate limit", int(params["weights_rate_limit"]), limit)
    immunity = raw.subtensor("ImmunityPeriod", u16(NETUID), default=4096)
    same("immunity", sub.hyperparameters.immunity_period(NETUID), immunity)
    return f"{len(params)} of them, tempo {params['tempo']}"


def subnets():
    infos = sub.subnets.all()
    same("netuids", sorted(info.netuid for info in infos), raw.netuids())
    for info in infos:
        same("tempo", info.tempo, raw.tempo(info.netuid))
        same("neurons", info.neuron_count, raw.size(info.netuid))
    prices = sub.prices.alpha_prices()
    close("price", prices[NETUID], raw.price(NETUID), 0.01)
    return f"{len(infos)} subnets; prices {prices}"


def epochs():
    status = sub.epochs.epoch_status(NETUID)
    same("tempo", status["tempo"], raw.tempo(NETUID))
    assert 0 <= sub.epochs.blocks_until_next_epoch(NETUID) <= raw.tempo(NETUID)
    return status


def commitments():
    info = {"fields": [[{"Raw5": b"hello"}]]}
    sub.submit_call(
        calls.Commitments.set_commitment(netuid=NETUID, info=info), me, signer="hotkey", wait_for_finalization=True
    ).raise_for_failure()
    same("stored", raw.commitment(NETUID, hot), b"hello")
    said = sub.identity.commitment(NETUID, hot)
    assert "hello" in str(said), said
    return said


def set_weights():
    uid = raw.uid(NETUID, hot)
    raw.wait_blocks(2)
    done(bt.SetWeights(netuid=NETUID, uids=[0, uid], weights=[0.25, 0.5]))
    same("row", raw.weights(NETUID, uid), [(0, 32768), (uid, 65535)])
    said = sub.weights.weights(NETUID)[uid]
    close("read back", said[uid], 2 / 3, 1e-4)
    return raw.weights(NETUID, uid)


def commit_reveal():
    by_sudo(calls.AdminUtils.sudo_set_tempo(netuid=NETUID, tempo=100))
    by_sudo(calls.AdminUtils.sudo_set_admin_freeze_window(window=0))
    by_sudo(calls.AdminUtils.sudo_set_commit_reveal_weights_enabled(netuid=NETUID, enabled=True))
    same("commit-reveal", sub.subnets.commit_reveal_enabled(NETUID), True)
    uid = raw.uid(NETUID, hot)
    before = raw.weights(NETUID, uid)
    raw.wait_blocks(2)
    done(bt.SetWeights(netuid=NETUID, uids=[0], weights=[1.0]))
    found = [reveal for who, reveal in raw.timelocked(NETUID) if who == account(hot)]
    assert len(found) == 1, f"{len(found)} commits of this hotkey are stored"
    listed = sub.weights.timelocked_weight_commits(NETUID)
    assert any(found[0] == entry.get("reveal_round") for entries in listed.values() for entry in entries), listed
    same("row, not revealed", raw.weights(NETUID, uid), before)
    by_sudo(calls.AdminUtils.sudo_set_commit_reveal_weights_enabled(netuid=NETUID, enabled=False))
    by_sudo(calls.AdminUtils.sudo_set_tempo(netuid=NETUID, tempo=10))
    return f"to be revealed in round {found[0]} of the public beacon, which no block here brings"


def expired():
    """What both SDKs committed; this chain has no pulse to open it with."""
    uid = raw.uid(NETUID, hot)
    for _ in range(60):
        if not raw.timelocked(NETUID):
            same("row, never revealed", raw.weights(NETUID, uid), [(0, 32768), (uid, 65535)])
            return f"gone by block {raw.block()}, the rows as they were"
        raw.wait_blocks(1)
    raise AssertionError(f"still there: {raw.timelocked(NETUID)}")


def permit():
    uid = raw.uid(NETUID, hot)
    for _ in range(100):
        if (raw.vector("ValidatorPermit", NETUID, 1) + [0] * 9)[uid]:
            return f"uid {uid} may set weights at block {raw.block()}"
        raw.wait_blocks(2)
    raise AssertionError("no permit")


def register_subnet():
    before, cost = raw.netuids(), sub.subnets.subnet_registration_cost().rao
    mine = raw.free(cold)
    result = done(bt.RegisterSubnet(hotkey_ss58=hot))
    new = (set(raw.netuids()) - set(before)).pop()
    same("netuid", result.data.get("netuid", new), new)
    same("owner", raw.value("SubtensorModule", "SubnetOwner", u16(new)), account(cold))
    close("paid", mine - raw.free(cold), cost, RAO // 10)
    done(bt.StartCall(netuid=new))
    assert raw.subtensor("FirstEmissionBlockNumber", u16(new)) > 0
    return f"netuid {new} for {cost / RAO} TAO, started"


def owner_sets():
    new = max(raw.netuids())
    done(bt.SetHyperparameter(netuid=new, name="immunity_period", value=4321))
    same("immunity", raw.subtensor("ImmunityPeriod", u16(new)), 4321)
    again = sub.execute(bt.SetHyperparameter(netuid=new, name="immunity_period", value=4322), me)
    assert not again.success and "too recently" in again.message, again
    return again.message


def proxies():
    friend = owner.coldkeypub.ss58_address
    done(bt.AddProxy(delegate_ss58=friend, proxy_type="Transfer"))
    assert account(friend) in raw.value("Proxy", "Proxies", twox(account(cold)))
    mine, to = raw.free(cold), FERDIE
    result = done(bt.Transfer(dest_ss58=to, amount_tao=3), wallet=owner, proxy_for=cold)
    same("paid by the real account", mine - raw.free(cold), 3 * RAO)
    done(bt.RemoveProxy(delegate_ss58=friend, proxy_type="Transfer"))
    return f"a transfer in another's name, for a fee of {result.fee.rao}"


def identity():
    done(bt.SetIdentity(name="Eleven", description="a coldkey on this machine"))
    stored = raw.value("SubtensorModule", "IdentitiesV2", blake(account(cold)))
    assert b"a coldkey on this machine" in stored
    said = sub.identity.identity(cold)
    same("name", said["name"], "Eleven")
    return said["name"]


table.check("blocks", blocks, critical=True)
table.check("balance", balance)
table.check("transfer", transfer)
table.check("burned_register", register, critical=True)
table.check("a transfer through the shield", same_block)
table.check("serve_axon", serve_axon)
table.check("add_stake", add_stake)
table.check("remove_stake", remove_stake)
table.check("hyperparameters", hyperparameters)
table.check("subnets", subnets)
table.check("epochs", epochs)
table.check("commitments", commitments)
table.check("validator permit", permit)
table.check("metagraph", metagraph)
table.check("set_weights", set_weights)
table.check("set_weights, commit-reveal on", commit_reveal)
table.check("register_subnet and start_call", register_subnet)
table.check("the owner's rate limit", owner_sets)
table.check("proxies", proxies)
table.check("identity", identity)
table.check("timelocked weights expire unrevealed", expired)
table.end()
