"""Gradients of tiny GPT-2s and GPT-Neos by PyTorch's autograd, in double precision.

usage: make_gradients.py MODELS... (directories of Hugging Face models; each gives
tests/golden/gradients/NAME.bin)

The batch is 2 sequences of 40 ids, id i being (7 i^2 + 31 i + 5) mod n_vocab; the target of a
position is the id after it, but every 11th position has none. The loss is the mean over the
positions that count. The file is little-endian f32: the loss; then for every tensor, in the order
of src/arch/gpt2.c or gpt_neo.c and layer by layer, the norm of its gradient and the numbers 0, s,
2 s, ... of it in PyTorch's order, where s = ceil(n / 256).
"""

import pathlib
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM

N_SEQUENCES, N_POSITIONS, N_SAMPLES = 2, 40, 256
LAYER = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias",
         "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias",
         "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"]
# Queries, keys and values are one tensor in gen, one over the other.
NEO_LAYER = ["ln_1.weight", "ln_1.bias", "attn.attention.[qkv]_proj.weight",
             "attn.attention.out_proj.weight", "attn.attention.out_proj.bias", "ln_2.weight",
             "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"]


def names(config):
    yield "transformer.wte.weight"
    yield "transformer.wpe.weight"
    for name in NEO_LAYER if config.model_type == "gpt_neo" else LAYER:
        for layer in range(config.num_hidden_layers):
            yield f"transformer.h.{layer}.{name}"
    yield "transformer.ln_f.weight"
    yield "transformer.ln_f.bias"
    if not config.tie_word_embeddings:
        yield "lm_head.weight"


def gradient_of(parameters, name):
    parts = [name.replace("[qkv]", part) for part in "qkv"] if "[qkv]" in name else [name]
    return torch.cat([parameters[part].grad.flatten() for part in parts])


def batch(n_vocab):
    n = N_SEQUENCES * N_POSITIONS
    ids = [(7 * i * i + 31 * i + 5) % n_vocab for i in range(n + 1)]
    targets = [-100 if i % 11 == 10 else ids[i + 1] for i in range(n)]
    shape = (N_SEQUENCES, N_POSITIONS)
    return torch.tensor(ids[:n]).reshape(shape), torch.tensor(targets).reshape(shape)


def gradients(directory):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float64,
                                                 attn_implementation="eager").eval()
    ids, targets = batch(model.config.vocab_size)
    logits = model(ids).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(),
                                             ignore_index=-100)
    loss.backward()
    parameters = dict(model.named_parameters())
    out = [loss.item()]
    for name in names(model.config):
        gradient = gradient_of(parameters, name)
        step = -(-gradient.numel() // N_SAMPLES)
        out.append(gradient.norm().item())
        out.extend(gradient[::step].tolist())
    return np.array(out, dtype="<f4")


if __name__ == "__main__":
    torch.manual_seed(0)
    target = pathlib.Path(__file__).parent / "gradients"
    target.mkdir(exist_ok=True)
    for path in map(pathlib.Path, sys.argv[1:]):
        gradients(path).tofile(target / f"{path.name}.bin")
