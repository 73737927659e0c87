"""Makes a results folder as grace seals it, from a seed and nothing else: replications of all four experiments.

    make_results.py OUT [--models 7] [--replications 5] [--rows1 300] [--rows2 2424] [--thought 0] [--inline]

`--thought BYTES` gives every sampled answer a thought of about so many bytes: in <experiment>_reasoning.jsonl, or with
`--inline` in front of the answer, as a model writes whose markers nobody configured. With 15000, 7 models x 5
replications are about 2 GB. Digests hold, so grace takes the folder for its own; answers are drawn at random.
"""

import argparse
import hashlib
import json
import os
import random

WORDS = 4000
POOL_BYTES = 1 << 22


def words(rng):
    syllables = ["ka", "lo", "mi", "ren", "tu", "sha", "vo", "pel", "is", "an", "der", "qui", "bra", "ne", "ol", "fi"]
    return ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(WORDS)]


def prose(rng, vocabulary):
    """Text with the frequencies of language: some words are much more common than others."""
    weights = [1 / (rank + 1) for rank in range(WORDS)]
    pieces, size = [], 0
    while size < POOL_BYTES:
        sentence = " ".join(rng.choices(vocabulary, weights, k=rng.randint(5, 18))).capitalize()
        sentence += rng.choice([". ", ". ", ". ", "? ", ".\n", ".\n\n", ', "so to say". '])
        pieces.append(sentence)
        size += len(sentence)
    return "".join(pieces)


class Text:
    def __init__(self, seed):
        rng = random.Random(seed)
        self.pool = prose(rng, words(rng))

    def cut(self, rng, size):
        start = rng.randrange(len(self.pool) - size)
        return self.pool[start : start + size]


def study1(row, text):
    rng = random.Random(f"study1 {row}")
    access, observe = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)][row % 6]
    story = f"story{row // 6 % 6}"
    rng_story = random.Random(story)
    return {
        "participant_id": str(row // 6),
        "story_shortname": story,
        "story_setup": text.cut(rng_story, 320),
        "priorQ": text.cut(rng_story, 70),
        "speach": text.cut(rng, 110),
        "speachQ": text.cut(rng_story, 90),
        "knowledgeQ": text.cut(rng_story, 80),
        "access": str(access),
        "observe": str(observe),
    }


def study2(row, text):
    rng = random.Random(f"study2 {row}")
    goals = ["accurate and informative", "make the other feel good", "BOTH informative and feel good"]
    return {
        "Participant_ID": str(row // 12),
        "Domain": f"domain{row % 13}",
        "Precontext": text.cut(rng, 110),
        "Scenario": text.cut(rng, 260),
        "Utterance": "It was good",
        "Goal": goals[row % 3],
        "State": f"{row // 3 % 4} hearts",
        "SP_Name": "Ana",
        "LS_Name": "Bo",
    }


GOALS = ["informational", "social", "both"]
QUALITIES = ["terrible", "bad", "good", "amazing"]


def conditions1(row):
    access, observe = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)][row % 6]
    return {"access": str(access), "observe": str(observe)}


def conditions2(row):
    return {"goal": GOALS[row % 3], "state": f"{row // 3 % 4} hearts"}


def answers1(rng, shift):
    quantity = min(3, max(0, round(rng.gauss(1.5 + shift, 0.9))))
    knowledge = "yes" if rng.random() < 0.5 + shift / 4 else "no"
    return {
        "quantity": (f" {quantity}.", {"quantity": quantity}),
        "knowledge": (f" {knowledge.capitalize()}.", {"knowledge": knowledge}),
    }


def answers2(rng, shift):
    polarity = "was" if rng.random() < 0.7 + shift / 4 else "wasn't"
    quality = rng.choice(QUALITIES)
    return {"response": (f" It {polarity} {quality}.", {"polarity": polarity, "quality": quality})}


def probabilities(rng, labels):
    weights = [rng.random() ** 3 for _ in labels]
    total = sum(weights)
    return {label: weight / total for label, weight in zip(labels, weights)}


def scores1(row):
    rng = random.Random(f"scores1 {row % 36}")
    columns = {}
    for state in range(4):
        for label, p in probabilities(rng, range(0, 101, 10)).items():
            columns[f"state{state}_prob_{label}"] = p
        columns[f"state{state}_mean"] = rng.uniform(0, 100)
        columns[f"state{state}_std"] = rng.uniform(0, 40)
        columns[f"state{state}_entropy"] = rng.uniform(0, 3.4)
    for label, p in probabilities(rng, ["yes", "no"]).items():
        columns[f"prob_knowledge_{label}"] = p
    columns["entropy_knowledge"] = rng.random()
    return columns


def scores2(row):
    rng = random.Random(f"scores2 {row}")
    p = probabilities(rng, [f"{w}_{q}" for w in ("was", "wasnt") for q in QUALITIES])
    columns = {f"prob_{label}": value for label, value in p.items()}
    columns["entropy_response"] = rng.uniform(0, 3)
    for polarity in ("was", "wasnt"):
        columns[f"prob_{polarity}"] = sum(p[f"{polarity}_{q}"] for q in QUALITIES)
    for quality in QUALITIES:
        columns[f"prob_{quality}"] = p[f"was_{quality}"] + p[f"wasnt_{quality}"]
    return columns


class Experiment:
    def __init__(self, name, offset, rows, stimulus, conditions, answers=None, scores=None, queries=()):
        self.name, self.offset, self.rows = name, offset, rows
        self.stimulus, self.conditions, self.answers, self.scores = stimulus, conditions, answers, scores
        self.queries = queries


def outcome(unparsable):
    if unparsable:
        return {"outcome": "unparsable", "reason": "no answer found, expected a number from 0 to 3"}
    return {"outcome": "answered", "reason": None}


def score(rng):
    """How probabilities came about: of the two most likely options, which is enough for the size."""
    return {
        "method": "prompt_logprobs",
        "border": "joint",
        "mass": rng.random(),
        "logprobs": {"first": -rng.random(), "second": -10 * rng.random()},
        "tokens": {"first": 2, "second": 2},
        "reused_from": None,
    }


class Writer:
    """A sealed file and its digest."""

    def __init__(self, folder, name, digests):
        self.name, self.digests = name, digests
        self.file = open(os.path.join(folder, name), "wb")
        self.digest = hashlib.sha256()

    def write(self, text):
        data = text.encode()
        self.digest.update(data)
        self.file.write(data)

    def close(self):
        self.file.close()
        self.digests[self.name] = self.digest.hexdigest()


def write_experiment(experiment, folder, model, replication, stimuli, text, options, digests):
    rng = random.Random(f"{model} {replication} {experiment.name}")
    shift = random.Random(f"{model} {replication}").gauss(0, 0.2)
    seed = 1001 + experiment.offset + replication
    order = list(range(experiment.rows))
    random.Random(seed).shuffle(order)
    records = Writer(folder, f"{experiment.name}.json", digests)
    thoughts = None
    if options.thought and experiment.answers and not options.inline:
        thoughts = Writer(folder, f"{experiment.name}_reasoning.jsonl", digests)
    unparsable_count = 0
    records.write("[")
    for place, row in enumerate(order):
        record = dict(stimuli[row])
        missing = []
        outcomes = {}
        if experiment.scores:
            record.update(experiment.scores(row))
            outcomes = {query: outcome(False) for query in experiment.queries}
        else:
            for query, (response, measures) in experiment.answers(rng, shift).items():
                thought = text.cut(rng, int(options.thought * rng.uniform(0.5, 1.5))) if options.thought else None
                if thought and thoughts:
                    line = {"trial_id": row, "query": query, "reasoning": thought}
                    thoughts.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                elif thought:
                    response = thought + response
                unparsable = rng.random() < 0.01
                unparsable_count += unparsable
                outcomes[query] = outcome(unparsable)
                if unparsable:
                    missing.append(query)
                    measures = dict.fromkeys(measures)
                column = "response" if query == "response" else f"response_{query}"
                record[column] = response
                record.update(measures)
                if query != "response":
                    record[f"result_id_{query}"] = f"cmpl-{rng.getrandbits(64):016x}"
        timing = lambda: {"started_at": "2026-11-25T02:45:47.437Z", "seconds": round(rng.uniform(0.01, 2), 6), "attempts": 1}
        tokens = {"prompt": 96, "completion": 4, "finish_reason": "stop"}
        record["conditions"] = experiment.conditions(row)
        if experiment.scores:
            record["scores"] = {query: score(rng) for query in experiment.queries}
        record.update(
            trial_id=row,
            trial_order_in_replication=place,
            replication_id=replication,
            replication_seed=seed,
            request_seeds={query: rng.getrandbits(31) for query in experiment.queries if experiment.answers},
            trial_order_shuffled=True,
            order_algorithm="pcg64",
            run_timestamp="2026-11-25T02:45:47.362Z",
            model_name=f"lab/{model}",
            model_key=model,
            experiment_name=experiment.name,
            status="missing: " + ", ".join(missing) if missing else "complete",
            outcomes=outcomes,
            timings={query: timing() for query in experiment.queries},
            tokens={query: tokens for query in experiment.queries},
        )
        records.write(("\n" if place == 0 else ",\n") + json.dumps(record, ensure_ascii=False, separators=(",", ":")))
    records.write("\n]\n")
    records.close()
    if thoughts:
        thoughts.close()
    queries = experiment.rows * len(experiment.queries)
    counts = dict.fromkeys("truncated refused_by_server over_context failed open reused duplicates damaged_lines retries".split(), 0)
    return {"trials": experiment.rows, "queries": queries, "answered": queries - unparsable_count, "unparsable": unparsable_count, **counts}


def write_replication(options, experiments, stimuli, text, model, replication):
    folder = os.path.join(options.out, model, f"replication-{replication}")
    os.makedirs(folder)
    digests, counts, inputs = {}, {}, {"model_key": model, "model_name": f"lab/{model}", "replication_index": str(replication)}
    seeds = {"base_seed": 1001 + replication}
    for experiment in experiments:
        counts[experiment.name] = write_experiment(
            experiment, folder, model, replication, stimuli[experiment.stimulus], text, options, digests
        )
        inputs[f"{experiment.name}.trials"] = str(experiment.rows)
        seeds[f"{experiment.name}_seed"] = 1001 + experiment.offset + replication
    metadata = {
        "schema": "grace.replication/v1",
        "status": "complete",
        "model_key": model,
        "model_name": f"lab/{model}",
        "replication_index": replication,
        "replication_id": f"{model}-rep{replication}-20261125-024547",
        "seeds": {**seeds, "request_seeds": "per-request", "seed_bits": 31, "order_algorithm": "pcg64"},
        "timestamps": {"start": "2026-11-25T02:45:47.362Z", "end": "2026-11-25T03:45:47.362Z"},
        "deployment_info": {"node_name": f"node-{replication % 3}", "vllm_version": "0.32.0"},
        "configuration": {},
        "probe": None,
        "inputs": inputs,
        "counts": counts,
        "attempts": [],
    }
    file = Writer(folder, "metadata.json", digests)
    file.write(json.dumps(metadata, indent=2) + "\n")
    file.close()
    with open(os.path.join(folder, "MANIFEST.sha256"), "w") as manifest:
        manifest.writelines(f"{digests[name]}  {name}\n" for name in sorted(digests))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    for name, default in [("models", 7), ("replications", 5), ("rows1", 300), ("rows2", 2424), ("thought", 0)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--inline", action="store_true")
    options = parser.parse_args()
    text = Text("grace")
    stimuli = {
        study1: [study1(row, text) for row in range(options.rows1)],
        study2: [study2(row, text) for row in range(options.rows2)],
    }
    experiments = [
        Experiment("study1_exp1", 0, options.rows1, study1, conditions1, answers=answers1, queries=("quantity", "knowledge")),
        Experiment("study2_exp1", 1000, options.rows2, study2, conditions2, answers=answers2, queries=("response",)),
        Experiment("study1_exp2", 2000, options.rows1, study1, conditions1, scores=scores1, queries=("state0", "state1", "state2", "state3", "knowledge")),
        Experiment("study2_exp2", 3000, options.rows2, study2, conditions2, scores=scores2, queries=("response",)),
    ]
    for model in range(options.models):
        for replication in range(options.replications):
            write_replication(options, experiments, stimuli, text, f"model-{model}", replication)


main()
