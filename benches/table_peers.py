"""Reads all records, and thoughts if there are any, of a results folder into tables in memory, as people do.

    table_peers.py pandas|polars|duckdb RESULTS

Prints the number of rows of all tables. Nothing is checked and nothing is written.
"""

import glob
import json
import os
import sys


def files(results):
    """Files by table: records of each experiment, thoughts of each experiment."""
    tables = {}
    for path in sorted(glob.glob(os.path.join(results, "*", "replication-*", "*.json*"))):
        name = os.path.basename(path)
        if name != "metadata.json":
            tables.setdefault(name, []).append(path)
    return tables


def pandas(paths):
    import pandas

    def records(path):
        with open(path, encoding="utf-8") as file:
            if path.endswith("l"):
                return [json.loads(line) for line in file]
            return json.load(file)

    return pandas.concat([pandas.DataFrame(records(path)) for path in paths])


def polars(paths):
    import polars

    read = polars.read_ndjson if paths[0].endswith("l") else polars.read_json
    # A reason is null in most records: types cannot be told from the first hundred.
    return polars.concat([read(path, infer_schema_length=None) for path in paths], how="diagonal_relaxed")


def duckdb(paths):
    import duckdb

    form = "newline_delimited" if paths[0].endswith("l") else "array"
    read = f"read_json({paths!r}, format = '{form}', union_by_name = true, maximum_object_size = 1073741824)"
    table = f'"{os.path.basename(paths[0])}"'
    duckdb.sql(f"create table {table} as select * from {read}")
    return duckdb.table(table)


peer = {"pandas": pandas, "polars": polars, "duckdb": duckdb}[sys.argv[1]]
tables = [peer(paths) for paths in files(sys.argv[2]).values()]
print(sum(table.shape[0] for table in tables))
