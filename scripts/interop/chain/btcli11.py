"""btcli of SDK 11.3 against a localnet: what it says, compared with the chain's own storage.

    btcli11.py ENDPOINT WALLETS COLDKEY HOTKEY BTCLI

The two keys are those of the wallet `cli11`. Goes on with the subnet that sdk10.py created.
"""

import sys

from btcli import Btcli
from raw import RAO, Raw, Table, account, close, same, u16

endpoint, wallets, cold, hot, program = sys.argv[1:]
raw = Raw(endpoint)
table = Table("btcli 11.3")
NETUID = 2
FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"
offline = ["--fallback-endpoints", "none", "--archive-endpoints", "none"]
btcli = Btcli(program, before=["-n", endpoint, "-w", "cli11", "--wallet-path", wallets, "--json", "--yes", *offline])


def balance():
    said = btcli("wallet", "balance")
    close("free", float(said["free_tao"]), raw.free(cold) / RAO, 1e-6)
    return f"{said['free_tao']} TAO"


def transfer():
    before, mine = raw.free(FERDIE), raw.free(cold)
    said = btcli("wallet", "transfer", "--dest", FERDIE, "--amount-tao", "1.25")
    assert said["success"], said
    same("received", raw.free(FERDIE) - before, 5 * RAO // 4)
    close("sent", mine - raw.free(cold), 5 * RAO // 4, RAO // 100)
    return "1.25 TAO"


def subnets_list():
    said = btcli("subnets", "list")
    same("netuids", sorted(subnet["netuid"] for subnet in said), raw.netuids())
    for subnet in said:
        same("tempo", subnet["tempo"], raw.tempo(subnet["netuid"]))
        same("neurons", subnet["neurons"], raw.size(subnet["netuid"]))
    (subnet,) = [subnet for subnet in said if subnet["netuid"] == NETUID]
    close("price", subnet["price_tao_per_alpha"], raw.price(NETUID), 0.01)
    return f"{len(said)} subnets, a price of {subnet['price_tao_per_alpha']}"


def subnets_show():
    said = btcli("subnets", "show", NETUID)
    same("neurons", said["neurons"], raw.size(NETUID))
    same("tempo", said["tempo"], raw.tempo(NETUID))
    owner = raw.value("SubtensorModule", "SubnetOwner", u16(NETUID))
    same("owner", account(said["owner_coldkey"]), owner)
    # The price falls with every block.
    close("burn", said["burn_tao"] * RAO, raw.burn(NETUID), raw.burn(NETUID) // 5 + 1)
    return f"{said['neurons']} neurons of {said['name']!r}"


def metagraph():
    said = btcli("subnets", "metagraph", NETUID)
    same("neurons", len(said["hotkeys"]), raw.size(NETUID))
    for uid, hotkey in enumerate(said["hotkeys"]):
        same("uid", raw.uid(NETUID, hotkey), uid)
        same("coldkey", account(said["coldkeys"][uid]), raw.owner(hotkey))
        close("stake", said["alpha_stake"][uid], raw.stake(hotkey, NETUID), 60 * RAO)
    permits = [bool(permit) for permit in raw.vector("ValidatorPermit", NETUID, 1)]
    same("permits", said["validator_permit"], permits)
    return f"{len(said['hotkeys'])} neurons"


def hyperparameters():
    said = btcli("subnets", "hyperparameters", NETUID)
    same("tempo", said["tempo"], raw.tempo(NETUID))
    same("immunity", said["immunity_period"], raw.subtensor("ImmunityPeriod", u16(NETUID), default=4096))
    limit = raw.subtensor("WeightsSetRateLimit", u16(NETUID), default=100)
    same("rate limit", said["weights_rate_limit"], limit)
    return f"{len(said)} of them"


def register():
    price, mine, before = raw.burn(NETUID), raw.free(cold), raw.size(NETUID)
    said = btcli("subnets", "register", "--netuid", NETUID)
    assert said["success"], said
    same("neurons", raw.size(NETUID), before + 1)
    assert raw.uid(NETUID, hot) is not None, "no uid"
    close("paid", mine - raw.free(cold), price, price // 5)
    return f"uid {raw.uid(NETUID, hot)} through the shield"


def stake_add(*flags):
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    said = btcli("stake", "add", "--netuid", NETUID, "--amount-tao", 10, "--hotkey", hot, *flags)
    assert said["success"], said
    assert raw.stake(hot, NETUID) > before, said
    close("paid", mine - raw.free(cold), 10 * RAO, RAO // 10)
    return f"{(raw.stake(hot, NETUID) - before) / RAO} alpha for 10 TAO"


def stake_list():
    (row,) = [row for row in btcli("stake", "list") if row["netuid"] == NETUID and row["hotkey"] == hot]
    close("alpha", float(row["stake_amount"]), raw.stake(hot, NETUID) / RAO, 20)
    return row["stake"]


def stake_remove():
    mine, before = raw.free(cold), raw.stake(hot, NETUID)
    said = btcli("stake", "remove", "--netuid", NETUID, "--amount-alpha", 0.5, "--hotkey", hot, "--no-mev-shield")
    assert said["success"] and raw.free(cold) > mine, said
    close("stake", before - raw.stake(hot, NETUID), RAO // 2, 20 * RAO)
    return f"{(raw.free(cold) - mine) / RAO} TAO for 0.5 alpha"


def overview():
    (said,) = btcli("wallet", "overview")
    close("free", float(said["free_tao"]), raw.free(cold) / RAO, 1e-6)
    (row,) = [row for row in said["stakes"] if row["netuid"] == NETUID and row["hotkey"] == hot]
    same("uid", row["uid"], raw.uid(NETUID, hot))
    return f"uid {row['uid']}, {row['stake']}"


table.check("wallet balance", balance)
table.check("wallet transfer", transfer)
table.check("subnets list", subnets_list)
table.check("subnets show", subnets_show)
table.check("subnets metagraph", metagraph)
table.check("subnets hyperparameters", hyperparameters)
table.check("subnets register", register, critical=True)
table.check("stake add", lambda: stake_add("--no-mev-shield"))
table.check("stake add through the shield", stake_add)
table.check("stake list", stake_list)
table.check("stake remove", stake_remove)
table.check("wallet overview", overview)
table.end()
