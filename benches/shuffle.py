"""Prints how long NumPy and pandas take to order a million trials, in milliseconds.

    venv/bin/python benches/shuffle.py

To be read beside `cargo run --release -p grace-seed --example shuffle_speed`,
which does the same work in the same number of repeats.
"""

import statistics
import time

import numpy as np
import pandas as pd

TRIALS = 1_000_000
REPEATS = 31


def median_ms(order):
    times_ms = []
    for seed in range(REPEATS):
        start = time.perf_counter()
        order(seed)
        times_ms.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times_ms)


frame = pd.DataFrame({"row": np.arange(TRIALS)})
orders = {
    "default_rng(seed).permutation(n)": lambda seed: np.random.default_rng(seed).permutation(TRIALS),
    "RandomState(seed).permutation(n)": lambda seed: np.random.RandomState(seed).permutation(TRIALS),
    "DataFrame.sample(frac=1.0)": lambda seed: frame.sample(frac=1.0, random_state=seed),
}
for name, order in orders.items():
    print(f"{name:<34} {median_ms(order):8.2f} ms")
