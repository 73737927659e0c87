"""Serves a GGUF with llama.cpp's own HTTP server, which the wheel of xllamacpp carries.

usage: serve.py GGUF ALIAS SLOTS --port PORT

Whoever starts it sees to its end.
"""

import signal
import sys
import time

CONTEXT_PER_SLOT = 2048


def serve(port, gguf, alias, slots):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = gguf
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = CONTEXT_PER_SLOT * slots
    # One thread: two of them wait for each other by spinning, which a shared machine pays for.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # A reused prefix moves log-probabilities; without, one slot gives equal texts for equal requests.
    params.cache_prompt = False
    params.cache_ram_mib = 0
    return xllamacpp.Server(params)


def main():
    gguf, alias, slots, flag, port = sys.argv[1:]
    assert flag == "--port", flag
    server = serve(int(port), gguf, alias, int(slots))
    # Leaving main would wait for every client to hang up: let signals end the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("ready at", server.listening_address, flush=True)
    while True:
        time.sleep(3600)


main()
