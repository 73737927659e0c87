"""Compares recorded scores with a plain forward pass: reference.py MODEL_FOLDER PROMPTS CONFIG JOURNAL…

Takes the first PROMPTS prompts of journals of scores, tokenises prompt and option itself, runs transformers in float32 over
them, and prints as JSON how far its log-probabilities lie from the recorded ones. CONFIG is the replication's
metadata.json, which tells the texts of the options.
"""

import json
import math
import os
import sys

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, wanted, config, journals = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
texts = json.load(open(config))["configuration"]["queries"]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
found = {"prompts": 0, "options": 0, "tokens": 0, "token_nat": 0.0, "option_nat": 0.0}


def logprobs(prompt, options):
    """The log-probability of each token of each option, all options in one batch."""
    rows = [prompt + option for option in options]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        logits = model(ids, attention_mask=mask).logits
    for row, option in enumerate(options):
        places = range(len(prompt) - 1, len(prompt) - 1 + len(option))
        after = logits[row, list(places)].double().log_softmax(-1)
        yield [after[place, token].item() for place, token in enumerate(option)]


def compare(line, options_as_text):
    sent, score = line["request"][0]["body"]["prompt"], line["score"]
    # By text the bare prompt comes first, by ids the root of the trie.
    prompt = sent[0] if isinstance(sent[0], str) else tokenizer.decode(sent[0], skip_special_tokens=True)
    bare = tokenizer(prompt).input_ids
    options = [tokenizer(prompt + option).input_ids[len(bare) :] for option in options_as_text]
    assert score["border"] == "joint" and score["prompt_tokens"] == len(bare), (score, len(bare))
    assert options == [option["token_ids"] for option in score["options"]], (options, score["options"])
    found["prompts"] += 1
    for option, ours in zip(score["options"], logprobs(bare, options), strict=True):
        differences = [abs(one - other) for one, other in zip(option["logprobs"], ours, strict=True)]
        difference = abs(sum(option["logprobs"]) - sum(ours))
        assert math.isfinite(difference), option
        found["options"] += 1
        found["tokens"] += len(differences)
        found["token_nat"] = max(found["token_nat"], *differences)
        found["option_nat"] = max(found["option_nat"], difference)


for journal in journals:
    experiment = os.path.basename(journal).removesuffix(".jsonl")
    for line in map(json.loads, open(journal)):
        if found["prompts"] < wanted and "score" in line:
            compare(line, texts[f"{experiment}.{line['query']}"]["options"])
print(json.dumps(found))
