"""Compares the tables of `grace-cli aggregate` with the records: check.py RESULTS TABLES."""

import glob
import json
import os
import sys

import pandas
import pyarrow.parquet

KEYS = ["model_key", "replication_id", "trial_order_in_replication"]


def same(table, records):
    """Whether two columns hold the same values; a missing value is only like another."""
    if pandas.api.types.is_numeric_dtype(table) and not pandas.api.types.is_bool_dtype(table):
        # Whole numbers are compared as such: a double does not hold all seeds.
        records = pandas.array(records.astype(object).where(records.notna(), None), dtype=pandas.Series(table).convert_dtypes().dtype)
        table = table.convert_dtypes()
        return bool(((table == records) | (table.isna() & pandas.isna(records))).fillna(False).all())
    return bool(((table == records) | (table.isna() & records.isna())).all())


def check(results, tables, experiment):
    records = []
    for path in sorted(glob.glob(os.path.join(results, "*", "replication-*", experiment + ".json"))):
        with open(path, encoding="utf-8") as file:
            records += json.load(file)
    expected = pandas.json_normalize(records).sort_values(KEYS).reset_index(drop=True)
    parquet_path = os.path.join(tables, experiment + ".parquet")
    parquet = pandas.read_parquet(parquet_path)
    csv = pandas.read_csv(os.path.join(tables, experiment + ".csv"), dtype=str, keep_default_na=False)
    assert list(parquet.columns) == list(csv.columns), experiment
    assert len(parquet) == len(csv) == len(expected) > 0, (experiment, len(parquet), len(csv), len(expected))
    missing = [name for name in expected.columns if name not in parquet.columns and name.split(".")[0] not in parquet.columns]
    assert not missing or all(name.startswith("scores.") for name in missing), (experiment, missing)
    for name in parquet.columns:
        column = parquet[name]
        if name in expected.columns:
            assert same(column, expected[name]), (experiment, name)
        if pandas.api.types.is_float_dtype(column) or pandas.api.types.is_integer_dtype(column):
            numbers = pandas.to_numeric(csv[name].replace("", None))
            assert bool(((numbers == column) | (numbers.isna() & column.isna())).all()), (experiment, name)
        elif not pandas.api.types.is_bool_dtype(column):
            assert bool((csv[name] == column.fillna("")).all()), (experiment, name)
    compression = pyarrow.parquet.ParquetFile(parquet_path).metadata.row_group(0).column(0).compression
    assert compression == "ZSTD", compression
    print(f"{experiment}: {len(parquet)} rows, {len(parquet.columns)} columns, equal in JSON, Parquet and CSV")


paths = sorted(glob.glob(os.path.join(sys.argv[2], "*.parquet")))
assert paths, "no tables"
for path in paths:
    check(sys.argv[1], sys.argv[2], os.path.basename(path)[: -len(".parquet")])
