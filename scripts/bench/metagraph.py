"""Times Subtensor.metagraph of the Python SDK 10: `metagraph.py URL NETUID ROUNDS`, seconds as a JSON list."""

import json
import sys
import time

import bittensor

url, netuid, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
subtensor = bittensor.Subtensor(network=url)
subtensor.metagraph(netuid)
times = []
for _ in range(rounds):
    started = time.perf_counter()
    metagraph = subtensor.metagraph(netuid)
    times.append(time.perf_counter() - started)
print(json.dumps({"neurons": int(metagraph.n), "seconds": times}))
