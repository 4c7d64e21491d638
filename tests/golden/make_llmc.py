"""Models as llm.c writes them, and their logits by transformers: golden/llmc/*.bin, golden/llmc.json.

    python3 tests/golden/make_llmc.py LLM.C/train_gpt2.py

The files of versions 3 and 5 are written by llm.c's own write_model(), whose check that a vocabulary
has GPT-2's size is passed over; version 1 is what it wrote before vocabularies were padded: the same
tensors, from write_tensors(), after a header without the padded size. Needs torch, transformers, numpy.
"""
import importlib.util
import json
import os
import sys

import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "llmc")
IDS = [7, 41, 299, 0, 123, 41]
SIZES = {"block_size": 16, "vocab_size": 300, "n_layer": 2, "n_head": 2, "n_embd": 16}

spec = importlib.util.spec_from_file_location("train_gpt2", sys.argv[1])
llmc = importlib.util.module_from_spec(spec)
spec.loader.exec_module(llmc)


def pad_vocab(tensor, multiple=128):
    """With rows that would win every choice if they were not left out."""
    rows = -tensor.shape[0] % multiple
    return torch.nn.functional.pad(tensor, (0, 0, 0, rows), value=9.0)


def write_unpadded(model, path):
    header = torch.zeros(256, dtype=torch.int32)
    sizes = [SIZES[name] for name in ("block_size", "vocab_size", "n_layer", "n_head", "n_embd")]
    header[:7] = torch.tensor([20240326, 1, *sizes])
    with open(path, "wb") as file:
        file.write(header.numpy().tobytes())
        llmc.write_tensors(dict(model.named_parameters()), SIZES["n_layer"], file, "float32")


def expected(model, dtype):
    """What transformers makes of the same weights, rounded to dtype, at the last of IDS."""
    other = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=SIZES["vocab_size"], n_positions=SIZES["block_size"], n_embd=SIZES["n_embd"],
        n_layer=SIZES["n_layer"], n_head=SIZES["n_head"], bos_token_id=None, eos_token_id=None)).eval()
    conv1d = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
    state = {name: value.to(dtype).float() for name, value in model.named_parameters()}
    state = {name: value.t() if name.endswith(conv1d) else value for name, value in state.items()}
    missing, unexpected = other.load_state_dict(state, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unexpected, (missing, unexpected)
    other.tie_weights()
    with torch.no_grad():
        return [round(float(x), 6) for x in other(torch.tensor([IDS])).logits[0, -1]]


torch.manual_seed(5)
llmc.pad_vocab = pad_vocab
os.makedirs(OUT, exist_ok=True)
model = llmc.GPT(llmc.GPTConfig(**SIZES))
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
write_unpadded(model, os.path.join(OUT, "v1.bin"))
llmc.write_model(model, os.path.join(OUT, "v3.bin"), "float32")
llmc.write_model(model, os.path.join(OUT, "v5.bin"), "bfloat16")
with open(os.path.join(HERE, "llmc.json"), "w", encoding="utf-8") as file:
    json.dump({"transformers": transformers.__version__, "ids": IDS,
               "f32": expected(model, torch.float32), "bf16": expected(model, torch.bfloat16)}, file)
    file.write("\n")
