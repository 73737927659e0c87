"""Compares recorded scores with a plain forward pass: reference.py MODEL_FOLDER PROMPTS CONFIG JOURNAL…

Takes the first PROMPTS prompts of journals of scores, tokenises prompt and option itself, runs transformers in float32 over
them, and prints as JSON how far its log-probabilities lie from the recorded ones. CONFIG is the replication's
metadata.json, which tells the texts of the options.

Two ways lead from float32 logits to log-probabilities. In float32, as vLLM does it, torch's log_softmax adds up the
probabilities of a vocabulary and loses those too small to change the sum: up to 1.3e-4 nat a token with 262,144 of them, always
in the same direction. In float64 it loses nothing. Both are compared; so that it shows whose error a difference is, the options
that differ most are computed once more in float64 from the first layer on.
"""

import json
import os
import sys
from unittest.mock import patch

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

WORST = 3

# Two threads would wait for each other by spinning where the machine is shared.
torch.set_num_threads(1)
folder, wanted, config, journals = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
texts = json.load(open(config))["configuration"]["queries"]
tokenizer = AutoTokenizer.from_pretrained(folder)


def load(dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def logprobs(model, prompt, options):
    """The log-probability of each token of each option, with a softmax in float32 and in float64; all options in one batch."""
    rows = [prompt + option for option in options]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    before = torch.arange(len(prompt) - 1, longest - 1)
    with torch.no_grad():
        logits = model(ids, attention_mask=mask, logits_to_keep=before).logits
    for row, option in enumerate(options):
        token = torch.tensor(option)[:, None]
        after = logits[row, : len(option)]
        yield [
            after.log_softmax(-1, dtype=dtype).gather(-1, token)[:, 0].double()
            for dtype in (torch.float32, torch.float64)
        ]


def tokenised(line, options_as_text):
    """Prompt and options as token ids, which must be the recorded ones."""
    sent, score = line["request"][0]["body"]["prompt"], line["score"]
    # By text the bare prompt comes first, by ids the root of the trie.
    prompt = sent[0] if isinstance(sent[0], str) else tokenizer.decode(sent[0], skip_special_tokens=True)
    bare = tokenizer(prompt).input_ids
    options = [tokenizer(prompt + option).input_ids[len(bare) :] for option in options_as_text]
    assert score["border"] == "joint" and score["prompt_tokens"] == len(bare), (score, len(bare))
    assert options == [option["token_ids"] for option in score["options"]], (options, score["options"])
    return bare, options


def compare(model, line, options_as_text):
    """One entry for each option: the recorded numbers and those of the forward pass."""
    bare, options = tokenised(line, options_as_text)
    for option, text, ids, (float32, float64) in zip(
        line["score"]["options"], options_as_text, options, logprobs(model, bare, options), strict=True
    ):
        recorded = torch.tensor(option["logprobs"], dtype=torch.float64)
        assert recorded.isfinite().all(), option
        yield {"prompt": bare, "ids": ids, "text": text, "recorded": recorded, "float32": float32, "float64": float64}


def lines():
    scored = (
        (line, texts[f"{os.path.basename(journal).removesuffix('.jsonl')}.{line['query']}"]["options"])
        for journal in journals
        for line in map(json.loads, open(journal))
        if "score" in line
    )
    yield from (pair for _, pair in zip(range(wanted), scored))


def distance(one, other):
    """Of tokens and of the option they make up."""
    return {"token_nat": (one - other).abs().max().item(), "option_nat": abs((one - other).sum().item())}


def largest(softmax, entries):
    found = [distance(entry["recorded"], entry[softmax]) for entry in entries]
    return {key: max(one[key] for one in found) for key in found[0]}


def judged(entry, model):
    """An option beside a forward pass that is in float64 all through, transformers' own casts to float32 included."""
    with patch.object(torch.Tensor, "float", torch.Tensor.double):
        ((_, exact),) = logprobs(model, entry["prompt"], [entry["ids"]])
    return {
        "text": entry["text"],
        "tokens": len(entry["ids"]),
        "server_nat": (entry["recorded"] - exact).sum().item(),
        "float32_nat": (entry["float32"] - exact).sum().item(),
        "float32_exact_softmax_nat": (entry["float64"] - exact).sum().item(),
    }


def main():
    model, entries, prompts = load(torch.float32), [], 0
    for line, options in lines():
        entries += compare(model, line, options)
        prompts += 1
    entries.sort(key=lambda entry: -distance(entry["recorded"], entry["float64"])["option_nat"])
    model = load(torch.float64)
    found = {
        "prompts": prompts,
        "options": len(entries),
        "tokens": sum(len(entry["ids"]) for entry in entries),
        "float32": largest("float32", entries),
        "float32_exact_softmax": largest("float64", entries),
        "worst": [judged(entry, model) for entry in entries[:WORST]],
    }
    print(json.dumps(found))


main()
