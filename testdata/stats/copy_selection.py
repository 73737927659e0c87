"""Copies a selection of the references beside the repository (shared/refs) into this folder.

The tests read all of shared/refs where there is one, and this selection always.
"""

import json
import shutil
from pathlib import Path

HERE = Path(__file__).parent
REFS = HERE.parents[2] / "shared" / "refs"

ICC = """
pub_shrout_fleiss_1979 pub_dyestuff bal_k3_n8_icc0p0 bal_k3_n8_icc0p3 bal_k5_n50_icc0p0
bal_k5_n50_icc0p1 unb_mild unb_tiny unb_singleton unb_missing unb_missing_whole_replication
unb_many_singletons deg_all_equal deg_all_equal_decimal deg_zero_within deg_zero_within_decimal
deg_one_group deg_one_group_after_missing deg_one_trial_per_group deg_one_trial_per_group_equal
deg_all_missing deg_k2_n2 deg_sizes_2_1_1 deg_min_icc deg_negative deg_offset_1e9 deg_offset_neg_1e9
deg_scale_tiny deg_scale_huge deg_single_deviant bin_k3_n8 bin_separated bin_single_zero
bin_all_ones bin_p50_sd05 bin_one_all_ones
""".split()
DROPPED = ("numerics_demo_icc", "settings", "note")
TOOLS = (
    "R_ICC_ICCest_THD R_psych_ICC R_irr_icc_oneway R_lmer_reml_tight R_nlme_reml lme4_glmer_nAGQ25".split()
)


def study():
    """Study 1 only: study 2 has eight times as many rows."""
    (HERE / "study").mkdir(exist_ok=True)
    shutil.copyfile(REFS / "study/study1.csv", HERE / "study/study1.csv")
    expected = json.loads((REFS / "study/expected.json").read_text())
    of_study1 = lambda key: [row for row in expected[key] if row["study"] == "study1"]
    return {key: of_study1(key) for key in ("icc_table", "verdicts", "mixed_models")}


def main():
    for name, source in {
        "distributions.json": "dist/expected.json",
        "f_chi2.json": "dist/f_chi2.json",
        "icc_power.csv": "power/icc_power.csv",
        "sharedseed/expected.json": "sharedseed/expected.json",
        "sharedseed/shared_seed.csv": "sharedseed/shared_seed.csv",
        "sharedseed/independent_seeds.csv": "sharedseed/independent_seeds.csv",
    }.items():
        (HERE / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(REFS / source, HERE / name)
    expected = json.loads((REFS / "icc/expected.json").read_text())
    cases = [case for case in expected["cases"] if case["id"] in ICC]
    assert len(cases) == len(ICC), set(ICC) - {case["id"] for case in cases}
    (HERE / "icc/cases").mkdir(parents=True, exist_ok=True)
    for case in cases:
        for key in DROPPED:
            case.pop(key, None)
        case["tools"] = {tool: case["tools"][tool] for tool in TOOLS if tool in case["tools"]}
        shutil.copyfile(REFS / "icc" / case["file"], HERE / "icc" / case["file"])
    text = ",\n".join(json.dumps(case) for case in cases)
    study1 = study()
    (HERE / "study/expected.json").write_text(json.dumps(study1, indent=0) + "\n")
    (HERE / "icc/expected.json").write_text('{"cases": [\n' + text + "\n]}\n")


main()
