"""llama.cpp's server with one GGUF model on a free port of this machine, until stdin ends."""

import os
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"smollm2"}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.api_keys = [os.environ["OPENAI_API_KEY"]]
params.n_ctx = 4096
params.n_parallel = 2
params.warmup = False
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
