"""Logits of variants of golden/models/base by transformers, for test_variants.c: each name of an
activation function that gen takes, a tied model saved as lm_head only, one with an lm_head of its own
although the configuration ties it. Writes golden/variants.json (needs torch, transformers, safetensors).

    python3 tests/golden/make_variants.py
"""
import json
import os
import shutil
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(HERE, "models", "base")
IDS = [46, 5, 77, 130]
SHOWN = list(range(0, 512, 37))
ACTIVATIONS = ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate", "gelu",
               "gelu_python", "relu", "silu", "swish", "quick_gelu"]


def logits(config=None, change=None):
    """Of the last token, at the ids of SHOWN."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("config.json", "model.safetensors"):
            shutil.copy(os.path.join(BASE, name), directory)
        with open(os.path.join(BASE, "config.json"), encoding="utf-8") as file:
            settings = json.load(file)
        settings.update(config or {})
        with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        if change is not None:
            tensors = load_file(os.path.join(BASE, "model.safetensors"))
            save_file(change(tensors), os.path.join(directory, "model.safetensors"), {"format": "pt"})
        model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
        with torch.no_grad():
            row = model(torch.tensor([IDS])).logits[0, -1]
        return [round(float(row[i]), 7) for i in SHOWN]


def only_head(tensors):
    tensors["lm_head.weight"] = tensors.pop("wte.weight")
    return tensors


def own_head(tensors):
    """The embedding turned around: exact, and made again easily."""
    tensors["lm_head.weight"] = tensors["wte.weight"].flip(0).contiguous()
    return tensors


cases = [{"what": name, "activation": name, "logits": logits({"activation_function": name})}
         for name in ACTIVATIONS]
cases.append({"what": "only_head", "logits": logits(change=only_head)})
cases.append({"what": "own_head", "logits": logits(change=own_head)})
with open(os.path.join(HERE, "variants.json"), "w", encoding="utf-8") as out:
    json.dump({"transformers": transformers.__version__, "ids": IDS, "shown": SHOWN, "cases": cases}, out,
              indent=1)
    out.write("\n")
