"""Writes ratings.json: the six forms of Shrout and Fleiss from pingouin, and their own table also from R's psych.

Needs pingouin and numpy, and shared/refs beside the repository for psych's numbers.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin as pg

HERE = Path(__file__).parent
REFS = HERE.parents[2] / "shared" / "refs"
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
NAMES = {"ICC1": "ICC(1,1)", "ICC2": "ICC(A,1)", "ICC3": "ICC(C,1)"}
NAMES |= {f"{name}k": f"{long[:-2]}k)" for name, long in NAMES.items()}


def tables():
    rng = np.random.default_rng(20261125)
    for targets, raters, target_sd, rater_sd, offset in [
        (6, 4, 1.0, 1.0, 0.0),
        (50, 5, 0.3, 0.1, 0.0),
        (50, 5, 0.0, 0.0, 3.0),
        (8, 2, 2.0, 0.5, -10.0),
        (2, 3, 1.0, 1.0, 0.0),
        (30, 10, 1.0, 3.0, 1000.0),
    ]:
        table = rng.normal(0, target_sd, (targets, 1)) + rng.normal(0, rater_sd, (1, raters))
        yield np.round(table + rng.normal(0, 1, (targets, raters)) + offset, 3).tolist()
    yield np.round(rng.uniform(-0.5, 3.5, (40, 3))).astype(int).tolist()


def pingouin_forms(table):
    rows = [(t, r, v) for t, row in enumerate(table) for r, v in enumerate(row)]
    data = pd.DataFrame(rows, columns=["target", "rater", "value"])
    found = pg.intraclass_corr(data, targets="target", raters="rater", ratings="value")
    interval = next(column for column in found.columns if column.startswith("CI"))
    forms = found.set_index("Type")
    return {
        short: {
            "icc": forms.loc[long, "ICC"],
            "f": forms.loc[long, "F"],
            "p": forms.loc[long, "pval" if "pval" in found.columns else "p_val"],
            "lower": forms.loc[long, interval][0],
            "upper": forms.loc[long, interval][1],
        }
        for short, long in NAMES.items()
    }


def psych_forms():
    cases = json.loads((REFS / "icc/expected.json").read_text())["cases"]
    case = next(case for case in cases if case["id"] == "pub_shrout_fleiss_1979")
    keep = {"ICC": "icc", "F": "f", "p": "p", "lower": "lower", "upper": "upper"}
    return {row["type"]: {new: row[old] for old, new in keep.items()} for row in case["tools"]["R_psych_ICC"]}


def main():
    pg.options["round.column.CI95"] = None
    pg.options["round.column.CI95%"] = None
    cases = [{"made_by": "psych", "table": SHROUT_FLEISS, "forms": psych_forms()}]
    cases += [
        {"made_by": "pingouin", "table": table, "forms": pingouin_forms(table)} for table in [SHROUT_FLEISS, *tables()]
    ]
    text = ",\n".join(json.dumps(case, default=float) for case in cases)
    (HERE / "ratings.json").write_text('{"cases": [\n' + text + "\n]}\n")


main()
