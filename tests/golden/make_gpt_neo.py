"""Tiny GPT-Neos of random weights with what transformers computes with them, for test_golden_models.c:
writes golden/models/neo-* (needs torch, transformers, safetensors).

    python3 tests/golden/make_gpt_neo.py

Weights are larger than a fresh model's, so that attention tells positions apart though its scores are
not scaled. The greedy ids of a model must not hang on rounding: where the best two logits are closer than
MARGIN, other weights are drawn.
"""
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent / "models"
MARGIN = 0.003
MODELS = {
    # A window shorter than the text; heads of 5; layers in an odd order; the masks that old files carry along.
    "neo-mixed": dict(vocab_size=61, hidden_size=15, num_heads=3, num_layers=3, window_size=6,
                      attention_types=[[["global", "local"], 1], [["local"], 1]], lengths=[7, 1, 33], old=True),
    # Local only; a head of its own; an inner layer of another width.
    "neo-local": dict(vocab_size=53, hidden_size=24, num_heads=3, num_layers=2, window_size=3,
                      attention_types=[[["local"], 2]], intermediate_size=40, tie_word_embeddings=False,
                      lengths=[2, 40]),
    # Global only; saved without a prefix.
    "neo-global": dict(vocab_size=61, hidden_size=16, num_heads=2, num_layers=2, window_size=256,
                       attention_types=[[["global"], 2]], lengths=[5, 40], activation_function="gelu", bare=True),
    # Half precision, the vocabulary of golden/models/base, a window of whole panels.
    "neo-words": dict(vocab_size=512, hidden_size=16, num_heads=4, num_layers=2, window_size=16,
                      attention_types=[[["global", "local"], 1]], lengths=[12], half=True),
}


def random_model(config):
    model = transformers.GPTNeoForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
                weight.normal_(1.0, 0.1)
            else:
                weight.normal_(0.0, 0.3 if weight.dim() > 1 else 0.1)
    return model


def save(model, directory, old=False, bare=False, half=False):
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    path = directory / "model.safetensors"
    tensors = load_file(path)
    config = json.loads((directory / "config.json").read_text())
    if half:
        tensors = {name: tensor.half() for name, tensor in tensors.items()}
        config["dtype"] = "float16"
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(HERE / "base" / name, directory)
    if bare:
        tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    if old:
        n = model.config.max_position_embeddings
        for layer in range(model.config.num_layers):
            name = f"transformer.h.{layer}.attn.attention."
            tensors[name + "bias"] = torch.ones(1, 1, n, n, dtype=torch.bool).tril()
            tensors[name + "masked_bias"] = torch.tensor(-1e9)
        del config["attention_layers"]
    save_file(tensors, path, {"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (directory / "generation_config.json").unlink(missing_ok=True)


def greedy(model, prompt, n):
    ids, margin = list(prompt), float("inf")
    for _ in range(n):
        with torch.no_grad():
            best = model(torch.tensor([ids])).logits[0, -1].topk(2).values
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        margin = min(margin, float(best[0] - best[1]))
    return ids, margin


def make(name, lengths, old=False, bare=False, half=False, **options):
    last = options["vocab_size"] - 1
    config = transformers.GPTNeoConfig(max_position_embeddings=40, bos_token_id=last, eos_token_id=last, **options)
    directory = HERE / name
    save(random_model(config), directory, old, bare, half)
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    prompts = [torch.randint(0, last, (n,)).tolist() for n in lengths]
    with torch.no_grad():
        rows = [model(torch.tensor([prompt])).logits[0] for prompt in prompts]
    torch.cat(rows).numpy().astype("<f4").tofile(directory / "expected_logits.f32")
    ids, margin = greedy(model, prompts[0][:7], 32)
    if margin < MARGIN:
        return False
    expected = {"transformers": transformers.__version__, "prompts": prompts,
                "greedy": {"prompt": prompts[0][:7], "ids": ids, "smallest_margin": margin}}
    (directory / "expected.json").write_text(json.dumps(expected) + "\n")
    return True


for name, options in MODELS.items():
    for seed in range(100):
        torch.manual_seed(seed)
        if make(name, **options):
            break
