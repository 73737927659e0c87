"""Reads the journals of a run.

    python3 benches/journal.py bodies DIR         the bodies that were sent, one a line, byte for byte
    python3 benches/journal.py rate DIR           requests a second from the first request to the last answer
    python3 benches/journal.py first DIR SECONDS  milliseconds from a Unix time to the first trial's request
"""

import datetime
import glob
import json
import sys


def lines(folder):
    for path in glob.glob(f"{folder}/attempts/*/*.jsonl"):
        with open(path, encoding="utf-8") as file:
            yield from file


def started(line):
    return datetime.datetime.fromisoformat(line["started_at"]).timestamp()


def main():
    what, folder = sys.argv[1:3]
    if what == "bodies":
        decoder = json.JSONDecoder()
        for line in lines(folder):
            start = line.index('"request":') + len('"request":')
            _, end = decoder.raw_decode(line, start)
            print(line[start:end])
        return
    parsed = [json.loads(line) for line in lines(folder)]
    first = min(started(line) for line in parsed)
    if what == "rate":
        last = max(started(line) + line["seconds"] for line in parsed)
        print(f"{len(parsed) / (last - first):.1f}")
    else:
        print(f"{(first - float(sys.argv[3])) * 1e3:.2f}")


main()
