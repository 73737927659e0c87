"""Compares recorded scores with a plain forward pass: reference.py MODEL_FOLDER PROMPTS JOURNAL

Takes the first PROMPTS distinct prompts of a journal of scores, runs transformers in float32 over the prompt with each
option behind it, and prints as JSON how far its log-probabilities lie from the recorded ones.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, wanted, journal = sys.argv[1], int(sys.argv[2]), sys.argv[3]
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


for line in map(json.loads, open(journal)):
    if found["prompts"] == wanted:
        break
    if "score" not in line:
        continue
    sent, score = line["request"][0]["body"]["prompt"], line["score"]
    # By ids the root of the trie comes first, by text the bare prompt.
    prompt = tokenizer(sent[0]).input_ids if isinstance(sent[0], str) else sent[0]
    assert len(prompt) == score["prompt_tokens"], (len(prompt), score["prompt_tokens"])
    options = [option["token_ids"] for option in score["options"]]
    found["prompts"] += 1
    for option, ours in zip(score["options"], logprobs(prompt, options)):
        differences = [abs(one - other) for one, other in zip(option["logprobs"], ours)]
        found["options"] += 1
        found["tokens"] += len(differences)
        found["token_nat"] = max(found["token_nat"], *differences)
        found["option_nat"] = max(found["option_nat"], abs(sum(option["logprobs"]) - sum(ours)))
print(json.dumps(found))
