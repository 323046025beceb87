"""Times Subtensor.metagraph of the Python SDK 10: `metagraph.py URL NETUID`.

Once per line of stdin; a JSON line with the seconds and the number of neurons for each.
"""

import json
import sys
import time

import bittensor

url, netuid = sys.argv[1], int(sys.argv[2])
subtensor = bittensor.Subtensor(network=url)
subtensor.metagraph(netuid)
print(json.dumps({"ready": True}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    metagraph = subtensor.metagraph(netuid)
    seconds = time.perf_counter() - started
    print(json.dumps({"neurons": int(metagraph.n), "seconds": seconds}), flush=True)
