#!/usr/bin/env python3
"""A LoRA adapter for golden/models/base by the gguf package, and what PyTorch computes with it.

    python3 tests/golden/make_lora.py

Wants gguf, numpy, torch and transformers. Writes golden/lora/adapter.gguf, with pairs of several
ranks and types for some of the matrices, and golden/lora/logits.f32: the logits (little-endian
f32) after the ids 1, 8, 15, ... of the model with the adapter merged in double precision.
"""

import os

import gguf
import numpy as np
import torch
from transformers import GPT2LMHeadModel

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "lora")
ALPHA, N_IDS = 12.0, 20

# matrix in the GGUF, in the checkpoint, rank, type
PAIRS = [("blk.0.attn_qkv", "h.0.attn.c_attn", 4, np.float32),
         ("blk.0.ffn_down", "h.0.mlp.c_proj", 2, np.float16),
         ("blk.1.attn_output", "h.1.attn.c_proj", 1, np.float32),
         ("blk.1.ffn_up", "h.1.mlp.c_fc", 3, np.float32)]


def main():
    os.makedirs(OUT, exist_ok=True)
    numbers = np.random.default_rng(5)
    model = GPT2LMHeadModel.from_pretrained(os.path.join(HERE, "models", "base"),
                                            dtype=torch.float64).eval()
    weights = dict(model.transformer.named_parameters())
    writer = gguf.GGUFWriter(os.path.join(OUT, "adapter.gguf"), "gpt2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for name, hf, rank, kind in PAIRS:
        w = weights[hf + ".weight"]  # [in][out]
        a = numbers.normal(0, 0.2, (rank, w.shape[0])).astype(kind)
        b = numbers.normal(0, 0.2, (w.shape[1], rank)).astype(kind)
        writer.add_tensor(name + ".weight.lora_a", a)
        writer.add_tensor(name + ".weight.lora_b", b)
        with torch.no_grad():
            delta = b.astype(np.float64) @ a.astype(np.float64) * (ALPHA / rank)
            w += torch.from_numpy(delta.T)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with torch.no_grad():
        logits = model(torch.arange(1, 1 + 7 * N_IDS, 7)[None]).logits[0, -1]
    logits.numpy().astype("<f4").tofile(os.path.join(OUT, "logits.f32"))


if __name__ == "__main__":
    main()
