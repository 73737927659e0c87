"""Serves a GGUF with llama.cpp's own HTTP server, which the wheel of xllamacpp carries.

usage: serve.py PARENT_PID PORT GGUF ALIAS SLOTS

Prints "READY URL" once the model is loaded. Ends with its parent, however that ends; with PARENT_PID 0 whoever started
it sees to that. PORT 0 is a free one.
"""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
CONTEXT_PER_SLOT = 2048


def end_with(parent):
    """Ends this process once `parent` is gone."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:
        pass  # not Linux: only the thread below watches

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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
    parent, port, gguf, alias, slots = sys.argv[1:]
    if int(parent):
        end_with(int(parent))
    server = serve(int(port), gguf, alias, int(slots))
    # Leaving main would wait for every client to hang up: let signals end the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("READY", server.listening_address, flush=True)
    while True:
        time.sleep(3600)


main()
