"""SDK 10 against a localnet: what `Subtensor` does and says, compared with the chain's own storage.

    sdk10.py ENDPOINT WALLETS

Creates the subnet that the other clients go on with (netuid 2, owned by the wallet `owner`).
"""

import sys
import time

import bittensor as bt
from bittensor_wallet import Wallet
from raw import RAO, Raw, Table, account, blake, close, same, twox, u16

endpoint, wallets = sys.argv[1:]
raw = Raw(endpoint)
sub = bt.Subtensor(network=endpoint)
owner = Wallet("owner", path=wallets)
me = Wallet("ten", path=wallets)
cold, hot = me.coldkey.ss58_address, me.hotkey.ss58_address
table = Table("SDK 10.5")
NETUID = 2


def done(response):
    assert response.success, response.message
    return response


def by_owner(call, **params):
    """A call of AdminUtils, signed by the owner of the subnet."""
    composed = sub.substrate.compose_call("AdminUtils", call, params)
    return done(sub.sign_and_send_extrinsic(call=composed, wallet=owner, wait_for_finalization=True))


def by_sudo(call, **params):
    """The same by root; the owner's coldkey is the chain's sudo key too."""
    inner = sub.substrate.compose_call("AdminUtils", call, params)
    composed = sub.substrate.compose_call("Sudo", "sudo", {"call": inner})
    return done(sub.sign_and_send_extrinsic(call=composed, wallet=owner, wait_for_finalization=True))


def blocks():
    close("block", sub.get_current_block(), raw.block(), 4)
    assert sub.is_fast_blocks(), "the block time is not seen"
    return f"block {sub.block}, {sub.get_timestamp()}"


def balance():
    same("free", sub.get_balance(cold).rao, raw.free(cold))
    same("deposit", sub.get_existential_deposit().rao, 500)
    many = sub.get_balances(cold, owner.coldkey.ss58_address)
    same("many", {address: amount.rao for address, amount in many.items()}, {a: raw.free(a) for a in many})
    return sub.get_balance(cold)


def transfer():
    to, amount = bt.Keypair.create_from_uri("//Ferdie").ss58_address, 12_345_678_901
    before, mine = raw.free(to), raw.free(cold)
    fee = sub.get_transfer_fee(me, to, bt.Balance.from_rao(amount)).rao
    done(sub.transfer(me, to, bt.Balance.from_rao(amount), wait_for_finalization=True))
    same("received", raw.free(to) - before, amount)
    # The estimate is made with another era, which may be a byte shorter.
    close("sent and fee", mine - raw.free(cold), amount + fee, 8)
    return f"{amount} rao for a fee of {fee}"


def register_subnet():
    before, cost = raw.netuids(), sub.get_subnet_burn_cost().rao
    mine = raw.free(owner.coldkey.ss58_address)
    done(sub.register_subnet(owner))
    same("netuids", raw.netuids(), before + [NETUID])
    same("exists", sub.subnet_exists(NETUID), True)
    same("owner's hotkey", sub.get_subnet_owner_hotkey(NETUID), owner.hotkey.ss58_address)
    same("uid of the owner", raw.uid(NETUID, owner.hotkey.ss58_address), 0)
    close("cost", mine - raw.free(owner.coldkey.ss58_address), cost, RAO // 10)
    return f"netuid {NETUID} for {cost / RAO} TAO"


def start_call():
    done(sub.start_call(owner, NETUID))
    same("active", sub.is_subnet_active(NETUID), True)
    assert raw.subtensor("FirstEmissionBlockNumber", u16(NETUID)) > 0
    return "trading and emission are on"


def burned_register():
    same("registered before", sub.is_hotkey_registered(hot, NETUID), False)
    price, mine = raw.burn(NETUID), raw.free(cold)
    done(sub.burned_register(me, NETUID))
    same("uid", sub.get_uid_for_hotkey_on_subnet(hot, NETUID), raw.uid(NETUID, hot))
    same("neurons", sub.subnetwork_n(NETUID), raw.size(NETUID))
    # The price falls with every block until the transaction is in one.
    close("paid", mine - raw.free(cold), price, price // 10)
    return f"uid {raw.uid(NETUID, hot)} for {(mine - raw.free(cold)) / RAO} TAO"


def register_again():
    answer = sub.burned_register(me, NETUID)
    assert answer.success and "already" in answer.message.lower(), answer.message
    return answer.message


def serve_axon():
    axon = bt.Axon(wallet=me, port=8091, external_ip="127.0.0.2", external_port=8099)
    done(sub.serve_axon(NETUID, axon))
    neuron = sub.neuron_for_uid(raw.uid(NETUID, hot), NETUID)
    same("axon", (neuron.axon_info.ip, neuron.axon_info.port), raw.axon(NETUID, hot)[:2])
    same("address", raw.axon(NETUID, hot)[:2], ("127.0.0.2", 8099))
    return f"{neuron.axon_info.ip}:{neuron.axon_info.port}"


def add_stake():
    amount = 1_000 * RAO
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    done(sub.add_stake(me, NETUID, hot, bt.Balance.from_rao(amount)))
    got = sub.get_stake(cold, hot, NETUID).rao
    # Emission goes on between two reads.
    close("stake", got, raw.stake(hot, NETUID), 20 * RAO)
    assert raw.stake(hot, NETUID) > before
    close("paid", mine - raw.free(cold), amount, RAO // 10)
    info = sub.get_stake_info_for_coldkey(cold)
    assert any(i.netuid == NETUID and i.hotkey_ss58 == hot for i in info), info
    return f"{got / RAO} alpha for {amount / RAO} TAO"


def unstake():
    before, mine = raw.stake(hot, NETUID), raw.free(cold)
    amount = before // 20
    done(sub.unstake(me, NETUID, hot, bt.Balance.from_rao(amount, NETUID)))
    assert raw.free(cold) > mine, "nothing came back"
    close("stake", before - raw.stake(hot, NETUID), amount, 20 * RAO)
    return f"{amount / RAO} alpha for {(raw.free(cold) - mine) / RAO} TAO"


def metagraph():
    for lite in (True, False):
        meta = sub.metagraph(NETUID, lite=lite)
        same("neurons", int(meta.n), raw.size(NETUID))
        for uid in range(int(meta.n)):
            same("uid", raw.uid(NETUID, meta.hotkeys[uid]), uid)
            same("coldkey", account(meta.coldkeys[uid]), raw.owner(meta.hotkeys[uid]))
        mine = raw.uid(NETUID, hot)
        same("axon", (meta.axons[mine].ip, meta.axons[mine].port), raw.axon(NETUID, hot)[:2])
        close("alpha", float(meta.alpha_stake[mine]), raw.stake(hot, NETUID) / RAO, 20)
        permits = raw.vector("ValidatorPermit", NETUID, 1)
        same("permits", [bool(p) for p in meta.validator_permit], [bool(p) for p in permits])
    same("tempo", sub.tempo(NETUID), raw.tempo(NETUID))
    return meta


def hyperparameters():
    params = sub.get_subnet_hyperparameters(NETUID)
    same("tempo", params.tempo, raw.tempo(NETUID))
    same("rate limit", params.weights_rate_limit, raw.subtensor("WeightsSetRateLimit", u16(NETUID), default=100))
    same("immunity", params.immunity_period, raw.subtensor("ImmunityPeriod", u16(NETUID), default=4096))
    same("max burn", int(params.max_burn), raw.subtensor("MaxBurn", u16(NETUID), default=100 * RAO))
    same("validators", params.max_validators, raw.subtensor("MaxAllowedValidators", u16(NETUID), default=128))
    enabled = raw.subtensor("CommitRevealWeightsEnabled", u16(NETUID), default=1)
    same("commit-reveal", params.commit_reveal_weights_enabled, bool(enabled))
    return f"tempo {params.tempo}, immunity {params.immunity_period}"


def subnets():
    infos = sub.all_subnets()
    same("netuids", sorted(info.netuid for info in infos), raw.netuids())
    info = next(info for info in infos if info.netuid == NETUID)
    close("price", float(info.price), raw.price(NETUID), 1e-3)
    close("pool", info.tao_in.rao, raw.pool(NETUID)[0], RAO)
    return f"{len(infos)} subnets; a price of {info.price}"


def commitments():
    text = f"model at block {raw.block()}"
    done(sub.set_commitment(me, NETUID, text))
    same("commitment", sub.get_commitment(NETUID, raw.uid(NETUID, hot)), text)
    same("stored", raw.commitment(NETUID, hot), text.encode())
    same("all", sub.get_all_commitments(NETUID)[hot], text)
    return text


def permit():
    uid = raw.uid(NETUID, hot)
    for _ in range(200):
        if (raw.vector("ValidatorPermit", NETUID, 1) + [0] * 9)[uid]:
            return f"uid {uid} may set weights at block {raw.block()}"
        time.sleep(0.25)
    raise AssertionError("no permit after 50 s")


def set_weights():
    by_sudo("sudo_set_weights_set_rate_limit", netuid=NETUID, weights_set_rate_limit=0)
    uid = raw.uid(NETUID, hot)
    raw.wait_blocks(2)
    done(sub.set_weights(me, NETUID, [0, uid], [0.25, 0.5], block_time=0.25))
    same("row", raw.weights(NETUID, uid), [(0, 32768), (uid, 65535)])
    same("row read back", dict(sub.weights(NETUID))[uid], raw.weights(NETUID, uid))
    return raw.weights(NETUID, uid)


def commit_reveal():
    # Long enough that the commits are still there when they are looked for.
    by_sudo("sudo_set_tempo", netuid=NETUID, tempo=100)
    by_sudo("sudo_set_admin_freeze_window", window=0)
    by_owner("sudo_set_commit_reveal_weights_enabled", netuid=NETUID, enabled=True)
    same("commit-reveal", sub.commit_reveal_enabled(NETUID), True)
    uid = raw.uid(NETUID, hot)
    before = raw.weights(NETUID, uid)
    raw.wait_blocks(2)
    answer = done(sub.set_weights(me, NETUID, [0, uid], [1.0, 0.0], block_time=0.25))
    found = [reveal for who, reveal in raw.timelocked(NETUID) if who == account(hot)]
    assert len(found) == 1, f"{len(found)} commits of this hotkey are stored"
    same("round", answer.data["reveal_round"], found[0])
    listed = [entry for entry in sub.get_timelocked_weight_commits(NETUID) if entry[0] == hot]
    same("listed round", listed[0][3], found[0])
    same("row, not revealed", raw.weights(NETUID, uid), before)
    by_sudo("sudo_set_commit_reveal_weights_enabled", netuid=NETUID, enabled=False)
    by_sudo("sudo_set_tempo", netuid=NETUID, tempo=10)
    return f"to be revealed in round {found[0]} of the public beacon, which no block here brings"


def shielded():
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    answer = done(sub.add_stake(me, NETUID, hot, bt.Balance.from_tao(5), mev_protection=True))
    assert answer.mev_extrinsic is not None and answer.mev_extrinsic.is_success
    same("block", answer.mev_extrinsic.block_hash, answer.extrinsic_receipt.block_hash)
    assert raw.stake(hot, NETUID) > before and raw.free(cold) < mine - 4 * RAO
    return "carrier and stake in the same block"


def proxies():
    friend = Wallet("eleven", path=wallets).coldkey.ss58_address
    done(sub.add_proxy(me, friend, "Staking", 0))
    listed, deposit = sub.get_proxies_for_real_account(cold)
    assert any(proxy.delegate == friend for proxy in listed), listed
    stored = raw.value("Proxy", "Proxies", twox(account(cold)))
    assert account(friend) in stored, "not in storage"
    done(sub.remove_proxy(me, friend, "Staking", 0))
    return f"a staking proxy for a deposit of {deposit}"


def identity():
    done(
        sub.set_subnet_identity(
            owner,
            NETUID,
            bt.SubnetIdentity(
                subnet_name="local",
                github_repo="https://example.org/repo",
                subnet_contact="a@example.org",
                subnet_url="https://example.org",
                logo_url="https://example.org/logo.png",
                discord="local",
                description="a subnet on this machine",
                additional="",
            ),
        )
    )
    stored = raw.value("SubtensorModule", "SubnetIdentitiesV3", blake(u16(NETUID)))
    assert b"a subnet on this machine" in stored
    same("name", sub.subnet(NETUID).subnet_identity.subnet_name, "local")
    return "a name that other clients show"


def owner_freeze_window():
    by_sudo("sudo_set_tempo", netuid=NETUID, tempo=100)
    by_sudo("sudo_set_admin_freeze_window", window=10)
    by_owner("sudo_set_immunity_period", netuid=NETUID, immunity_period=4000)
    same("immunity", sub.get_subnet_hyperparameters(NETUID).immunity_period, 4000)
    try:
        by_owner("sudo_set_immunity_period", netuid=NETUID, immunity_period=3999)
    except AssertionError as error:
        said = str(error)
    else:
        raise AssertionError("an owner changed one parameter twice in a row")
    same("immunity", raw.subtensor("ImmunityPeriod", u16(NETUID)), 4000)
    by_sudo("sudo_set_tempo", netuid=NETUID, tempo=10)
    return said


table.check("blocks", blocks, critical=True)
table.check("balance", balance)
table.check("transfer", transfer)
table.check("register_subnet", register_subnet, critical=True)
table.check("start_call", start_call, critical=True)
table.check("burned_register", burned_register, critical=True)
table.check("burned_register again", register_again)
table.check("serve_axon", serve_axon)
table.check("add_stake", add_stake)
table.check("unstake", unstake)
table.check("hyperparameters", hyperparameters)
table.check("subnets", subnets)
table.check("commitments", commitments)
table.check("validator permit", permit)
table.check("metagraph", metagraph)
table.check("set_weights", set_weights)
table.check("set_weights, commit-reveal on", commit_reveal)
table.check("add_stake through the shield", shielded)
table.check("proxies", proxies)
table.check("subnet identity", identity)
table.check("the owner's rate limit", owner_freeze_window)
table.end()
