"""A miner of the Python kit for SDK 11 (taowire) that echoes, for measuring: `kit_miner.py PORT`. Hotkey //Bob.

The kit's own in-memory chain stands in for a chain; HTTP, verification, replay store, limits and response signatures
are what it runs with in production. One worker, as the other axons are one process too.
"""

import sys
import tempfile
from pathlib import Path
from typing import List

from pydantic import BaseModel
from taowire import Miner
from taowire.config import MinerSettings
from taowire.crypto import keypair_from_uri
from taowire.observability.logging import configure_logging
from taowire.testing.fake_chain import FakeChain
from taowire.testing.metagraph import FakeMetagraphSource

PORT = int(sys.argv[1])
NETUID = 1


class Prompting(BaseModel):
    roles: List[str]
    messages: List[str]
    completion: str = ""


bob, alice = keypair_from_uri("//Bob"), keypair_from_uri("//Alice")
chain = FakeChain()
chain.add_subnet(NETUID)
chain.register(NETUID, bob.ss58_address)
chain.register(NETUID, alice.ss58_address, validator_permit=True, stake_tao=1000)
gateway = chain.with_signer(bob.ss58_address)
settings = MinerSettings(
    netuid=NETUID,
    wallet_name="bench",
    wallet_path=Path(tempfile.gettempdir()),
    external_ip="127.0.0.2",
    allow_private_axons=True,
    bind_host="127.0.0.1",
    bind_port=PORT,
    ntp_servers=(),
    log_level="WARNING",
    rate_ip_per_s=1_000_000,
    rate_ip_burst=1_000_000,
    rate_hotkey_per_s=1_000_000,
    rate_hotkey_burst=1_000_000,
)
configure_logging("WARNING")
miner = Miner(
    settings,
    gateway=gateway,
    metagraph=FakeMetagraphSource(gateway, NETUID),
    hotkey=bob,
    check_sdk=False,
)


@miner.route("/Prompting", request=Prompting, response=Prompting)
async def echo(req: Prompting, ctx) -> Prompting:
    return Prompting(roles=req.roles, messages=req.messages, completion=req.messages[-1])


miner.run()
