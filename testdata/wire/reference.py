"""Log-probabilities of options by a plain forward pass: python3 reference.py MODEL_FOLDER PROMPT OPTION…

One pass of transformers in float32 for each option, the prompt tokenised with its special tokens; prints the sum over
the option's tokens for each. Made the constants of `grace-client/tests/it/sessions.rs`, see README.md.
"""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, prompt, *options = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def tokens(text):
    # A tokenizer made from a GGUF file forgets to put the beginning-of-sequence token there.
    bos = tokenizer.bos_token_id
    return [bos] + [id for id in tokenizer(text).input_ids if id != bos]


bare = tokens(prompt)
for option in options:
    ids = tokens(prompt + option)
    assert ids[: len(bare)] == bare
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    print(repr(option), sum(logits[at - 1, ids[at]].item() for at in range(len(bare), len(ids))))
