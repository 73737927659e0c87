"""The intraclass correlation of replications: value ~ condition + (1 | replication), for each model, by REML.

    python replication_icc.py DATASET/study1_exp1.csv quantity
    python replication_icc.py DATASET/study1_exp1.parquet knowledge
    python replication_icc.py DATASET/study2_exp1.csv polarity=was

DATASET is what `grace-cli aggregate` wrote. The measure is a column; yes is 1 and no is 0, and `column=word` is 1 where
the answer is that word. Conditions are the columns that begin with `conditions.`; rows without a value are left out.
Prints CSV, as replication_icc.R does; `status` says why numbers are missing, in grace's words. Needs pandas and NumPy (and pyarrow for Parquet).

The likelihood is profiled here, after Bates, Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1):
statsmodels' MixedLM can be far off where the variance between replications is small, and says that it converged.
"""

import sys

import numpy as np
import pandas as pd

# The ICC from which on a fit counts as unbounded.
UNBOUNDED = 1 - 1e-8


def read(path):
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    # Only an empty field is missing: "NA" may be an answer.
    return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])


def values(data, measure):
    column, _, word = measure.partition("=")
    if column not in data:
        raise SystemExit(f"no column `{column}`")
    answers = data[column]
    known = answers.dropna()
    if word:
        return (answers == word).astype(float).where(answers.notna())
    if known.isin(["yes", "no"]).all():
        return (answers == "yes").astype(float).where(answers.notna())
    return pd.to_numeric(answers)


def deviance(theta, y, x, groups):
    """The REML criterion, profiled over everything but the ratio of variances, and its parts."""
    counts = np.bincount(groups)
    weights = theta / (1 + theta * counts)

    def precise(a, b):
        """a' V^-1 b with V = I + theta Z Z'."""
        sums = lambda m: np.stack([np.bincount(groups, column, len(counts)) for column in m.T])
        return a.T @ b - (sums(a) * weights) @ sums(b).T

    a = precise(x, x)
    b = precise(x, y)
    residual = precise(y, y) - b.T @ np.linalg.solve(a, b)
    q, df = residual.item(), len(y) - x.shape[1]
    d = df * np.log(q) + np.log1p(theta * counts).sum() + np.linalg.slogdet(a)[1]
    return d + df * (1 + np.log(2 * np.pi / df)), q / df


def minimise(f):
    """The ratio of variances with the least deviance; golden section on the ICC, and the boundary."""
    ratio = lambda icc: icc / (1 - icc)
    low, high = 0.0, 1 - 1e-9
    shrink = (np.sqrt(5) - 1) / 2
    for _ in range(120):
        left, right = high - shrink * (high - low), low + shrink * (high - low)
        if f(ratio(left)) <= f(ratio(right)):
            high = right
        else:
            low = left
    middle = ratio((low + high) / 2)
    # A gain below rounding is none.
    return middle if f(middle) < f(0.0) - 1e-9 else 0.0


def status(y, conditions, replications):
    """Why there is nothing to estimate, or "ok"."""
    if len(y) == 0:
        return "not_estimable_no_data"
    if replications < 2:
        return "not_estimable_one_group"
    if len(y) < conditions + replications:
        return "not_estimable_no_within_df"
    return "ok" if y.any() else "undefined_no_variance"


def fit(model, measure, rows):
    rows = rows[rows["value"].notna()]
    condition = rows["condition"].astype("category").cat.codes.to_numpy()
    groups = rows["replication_id"].astype("category").cat.codes.to_numpy()
    x = np.equal.outer(condition, np.unique(condition)).astype(float)
    # About the first of its condition and then the mean, so that no digits are lost and equal values give 0; the fit
    # does not change.
    values = rows.groupby("condition")["value"]
    about_first = rows["value"] - values.transform("first")
    value = about_first - about_first.groupby(rows["condition"]).transform("mean")
    y = value.to_numpy(dtype=float)[:, None]
    result = {
        "model": model,
        "measure": measure,
        "status": status(y, x.shape[1], len(np.unique(groups))),
        "replications": len(np.unique(groups)),
        "conditions": x.shape[1],
        "trials": len(y),
        "var_between": None,
        "var_within": None,
        "icc": None,
        "criterion": None,
    }
    if result["status"] != "ok":
        return result
    theta = minimise(lambda theta: deviance(theta, y, x, groups)[0])
    icc = theta / (1 + theta)
    # What conditions and replications leave is rounding.
    if icc > UNBOUNDED:
        return result | {"status": "perfect_no_within_variance"}
    criterion, within = deviance(theta, y, x, groups)
    return result | {
        "var_between": theta * within,
        "var_within": within,
        "icc": icc,
        "criterion": criterion,
    }


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: replication_icc.py TABLE MEASURE")
    path, measure = sys.argv[1:]
    data = read(path)
    data["value"] = values(data, measure)
    factors = [name for name in data if name.startswith("conditions.")]
    data["condition"] = data[factors].astype(str).agg(" ".join, axis=1) if factors else "all"
    result = [fit(model, measure, rows) for model, rows in data.groupby("model_key")]
    print(pd.DataFrame(result).to_csv(index=False, float_format="%.15g"), end="")


if __name__ == "__main__":
    main()
