"""Writes lines.json: slopes from SciPy's linregress, intervals from SciPy and statsmodels."""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).parent
RNG = np.random.default_rng(20261126)


def line(x, y):
    found = stats.linregress(x, y)
    half = stats.t.isf(0.025, len(x) - 2) * found.stderr
    return {
        "x": list(x),
        "y": list(y),
        "slope": found.slope,
        "intercept": found.intercept,
        "slope_se": found.stderr,
        "p": found.pvalue,
        "lower": found.slope - half,
        "upper": found.slope + half,
    }


def lines():
    for n, slope, noise, offset in [(3, 1.0, 0.5, 0), (20, 0.0, 1.0, 0), (50, 0.02, 1.0, 100), (300, -0.5, 3.0, 1e6)]:
        x = np.sort(RNG.integers(0, 3 * n, n)).astype(float)
        yield line(x + offset, np.round(slope * x + RNG.normal(0, noise, n), 4))
    x = np.arange(40.0)
    yield line(x, (RNG.uniform(size=40) < 0.3).astype(float))


def mean(values):
    interval = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return {
        "values": list(values),
        "mean": np.mean(values),
        "sd": np.std(values, ddof=1),
        "lower": interval[0],
        "upper": interval[1],
    }


def proportion(yes, total):
    lower, upper = proportion_confint(yes, total, 0.05, method="wilson")
    return {"yes": yes, "total": total, "lower": lower, "upper": upper}


def main():
    cases = {
        "lines": list(lines()),
        "means": [mean(np.round(RNG.normal(m, 1, n), 3)) for m, n in [(0, 2), (5, 5), (-3, 40), (1e6, 10)]],
        "proportions": [proportion(*p) for p in [(0, 1), (1, 1), (0, 50), (50, 50), (1, 50), (25, 50), (990, 1000)]],
    }
    (HERE / "lines.json").write_text(json.dumps(cases, default=float, indent=0) + "\n")


main()
