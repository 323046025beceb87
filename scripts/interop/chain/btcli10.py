"""btcli 9.23 against a localnet: what it says, compared with the chain's own storage.

    btcli10.py ENDPOINT WALLETS COLDKEY HOTKEY BTCLI

The two keys are those of the wallet `cli10`. Goes on with the subnet that sdk10.py created.
"""

import sys

from btcli import Btcli
from raw import RAO, Raw, Table, account, close, same, u16

endpoint, wallets, cold, hot, program = sys.argv[1:]
raw = Raw(endpoint)
table = Table("btcli 9.23")
NETUID = 2
FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"
chain = ["--network", endpoint, "--json-output"]
wallet = ["--wallet-path", wallets, "--wallet-name", "cli10"]
btcli = Btcli(program, after=chain)
DUST = 1e-6


def balance():
    said = btcli("wallet", "balance", *wallet)["balances"]["cli10"]
    same("address", said["coldkey"], cold)
    close("free", said["free"], raw.free(cold) / RAO, DUST)
    return f"{said['free']} TAO"


def transfer():
    before, mine = raw.free(FERDIE), raw.free(cold)
    said = btcli("wallet", "transfer", "--amount", "1.25", "--dest", FERDIE, "-y", *wallet)
    assert said["success"], said
    same("received", raw.free(FERDIE) - before, 5 * RAO // 4)
    close("sent", mine - raw.free(cold), 5 * RAO // 4, RAO // 100)
    return "1.25 TAO"


def subnets_list():
    said = btcli("subnets", "list")
    same("netuids", sorted(int(netuid) for netuid in said["subnets"]), raw.netuids())
    subnet = said["subnets"][str(NETUID)]
    close("price", subnet["price"], raw.price(NETUID), 0.01)
    close("pool", subnet["liquidity"]["tao_in"], raw.pool(NETUID)[0] / RAO, 0.1)
    same("tempo", subnet["tempo"]["sn_tempo"], raw.tempo(NETUID))
    return f"{len(said['subnets'])} subnets, a price of {subnet['price']}"


def neurons(said):
    same("neurons", len(said["uids"]), raw.size(NETUID))
    for neuron in said["uids"]:
        same("uid", raw.uid(NETUID, neuron["hotkey"]), neuron["uid"])
        same("coldkey", account(neuron["coldkey"]), raw.owner(neuron["hotkey"]))
        close("stake", neuron["alpha_stake"], raw.stake(neuron["hotkey"], NETUID) / RAO, 60)
    close("price", said["rate"], raw.price(NETUID), 0.01)
    same("tempo", said["tempo"]["tempo"], raw.tempo(NETUID))
    return f"{len(said['uids'])} neurons of {said['name']!r}"


def hyperparameters():
    said = {row["hyperparameter"]: row["value"] for row in btcli("subnets", "hyperparameters", "--netuid", NETUID)}
    same("tempo", said["tempo"], raw.tempo(NETUID))
    same("immunity", said["immunity_period"], raw.subtensor("ImmunityPeriod", u16(NETUID), default=4096))
    limit = raw.subtensor("WeightsSetRateLimit", u16(NETUID), default=100)
    same("rate limit", said["weights_rate_limit"], limit)
    enabled = raw.subtensor("CommitRevealWeightsEnabled", u16(NETUID), default=1)
    same("commit-reveal", said["commit_reveal_weights_enabled"], bool(enabled))
    return f"{len(said)} of them"


def register():
    price, mine, before = raw.burn(NETUID), raw.free(cold), raw.size(NETUID)
    said = btcli("subnets", "register", "--netuid", NETUID, "-y", *wallet, "--hotkey", "default")
    assert said["success"], said
    same("neurons", raw.size(NETUID), before + 1)
    assert raw.uid(NETUID, hot) is not None, "no uid"
    assert f"UID {raw.uid(NETUID, hot)}" in said["msg"], said
    close("paid", mine - raw.free(cold), price, price // 5)
    return said["msg"]


def stake_add(*flags):
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    said = btcli(
        *("stake", "add", "--netuid", NETUID, "--amount", 10, "--include-hotkeys", hot, "-y", *flags, *wallet)
    )
    assert raw.stake(hot, NETUID) > before, said
    close("paid", mine - raw.free(cold), 10 * RAO, RAO // 10)
    return f"{(raw.stake(hot, NETUID) - before) / RAO} alpha for 10 TAO"


def stake_remove():
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    said = btcli(
        *("stake", "remove", "--netuid", NETUID, "--amount", 0.5, "--include-hotkeys", hot, "-y", "--unsafe"),
        *("--no-mev-protection", *wallet),
    )
    assert raw.free(cold) > mine, said
    close("stake", before - raw.stake(hot, NETUID), RAO // 2, 20 * RAO)
    return f"{(raw.free(cold) - mine) / RAO} TAO for 0.5 alpha"


def stake_list():
    said = btcli("stake", "list", "-y", *wallet)
    (position,) = [row for row in said["stake_info"][hot] if row["netuid"] == NETUID]
    close("alpha", position["stake_value"], raw.stake(hot, NETUID) / RAO, 20)
    close("free", said["free_balance"], raw.free(cold) / RAO, DUST)
    return f"{position['stake_value']} alpha"


def owner_sets():
    owner = ["--wallet-path", wallets, "--wallet-name", "owner"]
    said = btcli("sudo", "set", "--netuid", NETUID, "--param", "immunity_period", "--value", 4002, "-y", *owner)
    assert said["success"], said
    same("immunity", raw.subtensor("ImmunityPeriod", u16(NETUID)), 4002)
    return "an immunity of 4002 blocks"


def overview():
    said = btcli("wallet", "overview", *wallet)
    (subnet,) = [subnet for subnet in said["subnets"] if subnet["netuid"] == NETUID]
    (neuron,) = subnet["neurons"]
    same("uid", neuron["uid"], raw.uid(NETUID, hot))
    close("total", said["total_balance"], raw.free(cold) / RAO, DUST)
    return f"uid {neuron['uid']}, {neuron['stake']} alpha"


table.check("wallet balance", balance)
table.check("wallet transfer", transfer)
table.check("subnets list", subnets_list)
table.check("subnets show", lambda: neurons(btcli("subnets", "show", "--netuid", NETUID, "-y")))
table.check("subnets metagraph", lambda: neurons(btcli("subnets", "metagraph", "--netuid", NETUID, "-y")))
table.check("subnets hyperparameters", hyperparameters)
table.check("subnets register", register, critical=True)
table.check("stake add", lambda: stake_add("--unsafe", "--no-mev-protection"))
table.check("stake add, safe", lambda: stake_add("--safe", "--tolerance", "0.1", "--no-mev-protection"))
table.check("stake add through the shield", lambda: stake_add("--unsafe", "--mev-protection"))
table.check("stake list", stake_list)
table.check("stake remove", stake_remove)
table.check("wallet overview", overview)
table.check("sudo set", owner_sets)
table.end()
