"""Writes request_seeds.json and orders.json beside itself.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1
    venv/bin/python make_vectors.py

Needs nothing of grace: seeds come from hashlib, orders from NumPy and pandas.
"""

import hashlib
import json
import pathlib
import platform

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent


def request_seed(model, experiment, experiment_seed, trial_id, query, draw, bits=31):
    fields = ["grace.request-seed/v1", model, experiment, experiment_seed, trial_id, query, draw]
    hasher = hashlib.sha256()
    for field in fields:
        data = field.encode() if isinstance(field, str) else field.to_bytes(8, "big")
        hasher.update(len(data).to_bytes(8, "big") + data)
    return int.from_bytes(hasher.digest()[:8], "big") & (2**bits - 1)


def request_cases():
    gemma, llama = "google/gemma-2-2b-it", "meta-llama/Llama-3.1-8B-Instruct"
    keys = [
        (gemma, "study1_exp1", 1001, 17, "answer", 0),
        (gemma, "study1_exp1", 1001, 17, "answer", 1),
        (gemma, "study1_exp1", 1001, 18, "answer", 0),
        (gemma, "study1_exp1", 1002, 17, "answer", 0),
        (gemma, "study1_exp2", 3001, 17, "knowledge", 0),
        (llama, "study1_exp1", 1001, 17, "answer", 0),
        (llama, "study2_exp2", 4020, 2423, "utterance", 9),
        ("", "", 0, 0, "", 0),
        ("ab", "c", 0, 0, "", 0),
        ("a", "bc", 0, 0, "", 0),
        ("modèle", "étude", 1, 2, "réponse ☃ 𝄞", 3),
        ("m" * 300, "e" * 64, 2**32, 2**32 + 1, "q" * 55, 2**32 - 1),
        (gemma, "study1_exp1", 2**64 - 1, 2**64 - 1, "answer", 2**32 - 1),
    ]
    names = ["model", "experiment", "experiment_seed", "trial_id", "query", "draw"]
    for key in keys:
        seeds = {f"bits{bits}": request_seed(*key, bits=bits) for bits in (31, 53)}
        yield dict(zip(names, key)) | seeds


def order_case(algorithm, seed, n):
    if algorithm == "pcg64":
        order = np.random.default_rng(seed).permutation(n)
    else:
        order = pd.DataFrame({"row": range(n)}).sample(frac=1.0, random_state=seed).index.to_numpy()
    case = {"algorithm": algorithm, "seed": seed, "n": n}
    case["sha256_le_u32"] = hashlib.sha256(order.astype("<u4").tobytes()).hexdigest()
    if n <= 300:
        case["order"] = order.tolist()
    return case


def order_cases():
    sizes = [0, 1, 2, 3, 4, 5, 36, 300, 512, 513, 2424, 100_000]
    for algorithm in ("pcg64", "pandas"):
        seeds = [0, 42, 1001, 2001, 2**31 - 1, 2**32 - 1]
        if algorithm == "pcg64":
            seeds += [2**32, 2**64 - 1]
        for seed in seeds:
            for n in sizes:
                yield order_case(algorithm, seed, n)
        yield order_case(algorithm, 1001, 1_000_000)


def write(name, cases):
    versions = {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    text = f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]}}\n'
    (HERE / name).write_text(text, encoding="utf-8")


write("request_seeds.json", request_cases())
write("orders.json", order_cases())
