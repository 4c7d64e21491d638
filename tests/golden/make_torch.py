"""Models saved by torch.save() in every layout that gen reads, with the logits that transformers or PyTorch
computes of them, for test_torch.c: writes golden/torch/ (needs torch, transformers).

    python3 tests/golden/make_torch.py

zip, legacy     a GPT-2 of transformers, its state dict in the form of today and in that before PyTorch 1.6
sharded         the same in two files with an index
odd             the same numbers, but transposed, cut out of a larger storage, as float64, as parameters, with
                the buffers of old checkpoints, without a prefix
characters      a checkpoint of nanoGPT without biases, compiled, with its optimizer and meta.pkl
padded          one with biases and rows of the vocabulary that no token has; tokenizer of models/base

The network of nanoGPT is written out here with the names and shapes of its checkpoints.
"""
import json
import math
import os
import pathlib
import pickle
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
OUT = HERE / "torch"
cases = []


def directory(name):
    shutil.rmtree(OUT / name, ignore_errors=True)
    (OUT / name).mkdir(parents=True)
    return OUT / name


def randomize(model):
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.3)
            else:
                weight.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)


def add_case(name, logits, ids, **more):
    cases.append(dict(name=name, ids=ids, logits=[round(float(x), 6) for x in logits], **more))


# ---- Hugging Face -------------------------------------------------------------------------------
IDS = [5, 60, 0, 17, 17, 33, 2]


def hugging_face():
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=61, n_positions=24, n_embd=24, n_layer=2, n_head=3,
                                     bos_token_id=60, eos_token_id=60)
    model = transformers.GPT2LMHeadModel(config).eval()
    randomize(model)
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0, -1]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]  # tied: one storage
    for name in ("zip", "legacy", "sharded", "odd"):
        config.save_pretrained(directory(name))
        add_case(name, logits, IDS)
    torch.save(state, OUT / "zip" / "pytorch_model.bin")
    torch.save(state, OUT / "legacy" / "pytorch_model.bin", _use_new_zipfile_serialization=False)

    names = sorted(state)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    weight_map = {}
    for number, part in enumerate(halves, 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        weight_map.update({name: file for name in part})
        torch.save({name: state[name] for name in part}, OUT / "sharded" / file)
    (OUT / "sharded" / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}, indent=1))

    odd = {}
    for i, (name, tensor) in enumerate(state.items()):
        name = name.removeprefix("transformer.")
        if name == "lm_head.weight":
            continue
        if tensor.dim() == 2 and i % 2 == 0:
            tensor = tensor.t().contiguous().t()  # stored the other way round
        elif tensor.dim() == 2:
            larger = torch.zeros(tensor.shape[0] + 2, tensor.shape[1] + 3)
            larger[1:-1, 2:-1] = tensor
            tensor = larger[1:-1, 2:-1]
        elif i % 3 == 0:
            tensor = tensor.double()
        elif i % 3 == 1:
            tensor = nn.Parameter(torch.cat([torch.ones(5), tensor])[5:])
        odd[name] = tensor
    for layer in range(2):
        odd[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 24, 24, dtype=torch.uint8).tril()
        odd[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(odd, OUT / "odd" / "pytorch_model.bin")


# ---- nanoGPT ------------------------------------------------------------------------------------
class Norm(nn.Module):
    def __init__(self, n, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.bias = nn.Parameter(torch.zeros(n)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, n, heads, bias, mask):
        super().__init__()
        self.c_attn = nn.Linear(n, 3 * n, bias=bias)
        self.c_proj = nn.Linear(n, n, bias=bias)
        self.heads = heads
        if mask:
            self.register_buffer("bias", torch.ones(mask, mask).tril().view(1, 1, mask, mask))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(C, 2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])
        scores = scores.masked_fill(torch.ones(T, T).tril() == 0, -math.inf).softmax(-1)
        return self.c_proj((scores @ v).transpose(1, 2).reshape(B, T, C))


class Mlp(nn.Module):
    def __init__(self, n, bias):
        super().__init__()
        self.c_fc = nn.Linear(n, 4 * n, bias=bias)
        self.c_proj = nn.Linear(4 * n, n, bias=bias)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, n, heads, bias, mask):
        super().__init__()
        self.ln_1, self.attn = Norm(n, bias), Attention(n, heads, bias, mask)
        self.ln_2, self.mlp = Norm(n, bias), Mlp(n, bias)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class NanoGpt(nn.Module):
    def __init__(self, args, mask=0):
        super().__init__()
        n, bias = args["n_embd"], args["bias"]
        self.transformer = nn.ModuleDict(dict(
            wte=nn.Embedding(args["vocab_size"], n),
            wpe=nn.Embedding(args["block_size"], n),
            h=nn.ModuleList([Block(n, args["n_head"], bias, mask) for _ in range(args["n_layer"])]),
            ln_f=Norm(n, bias)))
        self.lm_head = nn.Linear(n, args["vocab_size"], bias=False)
        self.transformer.wte.weight = self.lm_head.weight

    def forward(self, ids):
        x = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(ids.shape[1]))
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def nanogpt(name, args, ids, n_tokens, prefix="", mask=0):
    torch.manual_seed(2)
    model = NanoGpt(args, mask)
    randomize(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model(torch.tensor([ids])).square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, -1]
    torch.save({"model": {prefix + key: tensor for key, tensor in model.state_dict().items()},
                "optimizer": optimizer.state_dict(), "model_args": args, "iter_num": 250,
                "best_val_loss": torch.tensor(1.5), "config": {"dataset": name, "learning_rate": 1e-3,
                                                              "compile": True, "betas": [0.9, 0.95]}},
               directory(name) / "ckpt.pt")
    add_case(name, logits[:n_tokens], ids, n_vocab=n_tokens)


def all_nanogpt():
    characters = sorted(set("\n !abcdefgehijklmnop\u00e9\u4e2d\U0001f600"))
    args = dict(n_layer=2, n_head=2, n_embd=16, block_size=20, bias=False, vocab_size=len(characters), dropout=0.2)
    nanogpt("characters", args, [3, 1, 0, 20, 7, 7], len(characters), prefix="_orig_mod.")
    with open(OUT / "characters" / "meta.pkl", "wb") as file:
        pickle.dump({"vocab_size": len(characters), "itos": dict(enumerate(characters)),
                     "stoi": {c: i for i, c in enumerate(characters)}}, file)
    args = dict(n_layer=2, n_head=4, n_embd=8, block_size=16, bias=True, vocab_size=576, dropout=0.0)
    nanogpt("padded", args, [46, 5, 77, 130, 511], 512, mask=16)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(HERE / "models" / "base" / name, OUT / "padded")


if __name__ == "__main__":
    hugging_face()
    all_nanogpt()
    (OUT / "expected.json").write_text(
        json.dumps({"torch": torch.__version__, "transformers": transformers.__version__, "cases": cases}) + "\n")
