#!/usr/bin/env python3
"""Ten steps of training by PyTorch, for tests/unit/test_train.c.

    python3 tests/golden/make_train_steps.py

Wants torch and transformers. Takes the model of golden/models/base and the text below, cut so
that with the end-of-text token after it it is exactly N_SEQUENCES * N_POSITIONS + 1 tokens. Every
step learns all sequences at once, so their order does not matter. Writes golden/train/text.txt,
golden/train/steps.json (AdamW) and golden/train/steps-muon.json (Muon for the matrices of the
layers, AdamW for the rest): for each step the loss before it, the length of its gradient before
clipping and its learning rate, and at the end the sum of each tensor's magnitudes.

torch.optim.Muon makes singular values equal in bfloat16, which is too coarse to compare with:
`orthogonal` below takes the place of that part, the same in f32. With --bfloat16 PyTorch's own is
used, the losses are compared with those of steps-muon.json and nothing is written.
"""

import json
import math
import os
import sys

import numpy as np
import torch
import torch.optim._muon as torch_muon
from transformers import AutoTokenizer, GPT2LMHeadModel

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "models", "base")
OUT = os.path.join(HERE, "train")

N_SEQUENCES, N_POSITIONS, N_STEPS, N_WARMUP = 6, 32, 10, 3
RATE, LEAST, DECAY, CLIP = (float(np.float32(x)) for x in (2e-2, 1e-3, 0.1, 0.5))
BETAS = tuple(float(np.float32(x)) for x in (0.9, 0.95))
MOMENTUM = float(np.float32(0.95))

TEXT = """Once upon a time there lived in a small house at the edge of the forest a miller who had
three sons, a mill, a donkey and a cat. When he died the eldest took the mill, the second the
donkey, and the youngest got nothing but the cat. "My brothers," said he, "can earn an honest
living if they put their goods together; but when I have eaten my cat and made me a muff of its
skin, I shall have to die of hunger." The cat, who had heard all this, said to him with a grave
and serious air: "Do not trouble yourself, master. You have only to give me a sack, and have a
pair of boots made for me, so that I can go among the brambles, and you shall see that you are
not so badly off as you think." The master had seen the cat do so many clever tricks to catch rats
and mice that he did not give up all hope of being helped by him in his need.
"""


def tokens_of(text, tokenizer):
    return tokenizer.encode(text, add_special_tokens=False) + [tokenizer.eos_token_id]


def cut_text(tokenizer):
    """The longest beginning of TEXT that has the number of tokens wanted."""
    wanted = N_SEQUENCES * N_POSITIONS + 1
    for n in range(len(TEXT) - 1, 0, -1):
        ids = tokens_of(TEXT[:n], tokenizer)
        if len(ids) == wanted and not TEXT[:n].endswith("\n"):
            return TEXT[:n], ids
    raise SystemExit("TEXT has no beginning of that many tokens")


def rate_of(step):
    if step < N_WARMUP:
        return RATE * (step + 1) / N_WARMUP
    share = (step - N_WARMUP) / (N_STEPS - N_WARMUP)
    return LEAST + (RATE - LEAST) * 0.5 * (1 + math.cos(math.pi * share))


def orthogonal(update, coefficients, n_steps, eps):
    """`update` with its singular values pulled to 1 by a polynomial, all in f32."""
    a, b, c = (float(np.float32(x)) for x in coefficients)
    x = update.T if update.size(0) > update.size(1) else update
    x = x / x.norm().clamp(min=eps)
    for _ in range(n_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if update.size(0) > update.size(1) else x


class Optimizers:
    """AdamW for all parameters, or Muon for the matrices of the layers and AdamW for the rest."""

    def __init__(self, model, with_muon):
        groups = {True: [], False: []}
        self.parts = []  # of matrices for Muon: (whole, columns, the part as a parameter)
        for name, parameter in model.named_parameters():
            embedding = "wte" in name or "wpe" in name
            if with_muon and parameter.dim() > 1 and not embedding:
                n = parameter.size(1) // (3 if "c_attn" in name else 1)
                for first in range(0, parameter.size(1), n):
                    columns = slice(first, first + n)
                    part = torch.nn.Parameter(parameter.data[:, columns])  # the same memory
                    self.parts.append((parameter, columns, part))
            else:
                groups[parameter.dim() > 1 and not embedding].append(parameter)
        self.all = [torch.optim.AdamW(
            [{"params": groups[True], "weight_decay": DECAY},
             {"params": groups[False], "weight_decay": 0.0}],
            lr=RATE, betas=BETAS, eps=float(np.float32(1e-8)))]
        if with_muon:
            self.all.append(torch.optim.Muon(
                [part for _, _, part in self.parts], lr=RATE, weight_decay=DECAY,
                momentum=MOMENTUM, nesterov=True, adjust_lr_fn="match_rms_adamw"))

    def step(self, rate):
        for whole, columns, part in self.parts:
            part.grad = whole.grad[:, columns]
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()


def train(ids, with_muon):
    """What happened in all steps, and the sums of the weights that came out."""
    model = GPT2LMHeadModel.from_pretrained(MODEL, dtype=torch.float32)
    model.config.loss_type = "ForCausalLM"
    model.eval()  # no dropout
    optimizers = Optimizers(model, with_muon)
    inputs = torch.tensor(ids[:-1]).reshape(N_SEQUENCES, N_POSITIONS)
    targets = torch.tensor(ids[1:]).reshape(N_SEQUENCES, N_POSITIONS)
    steps = []
    for step in range(N_STEPS):
        logits = model(input_ids=inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        model.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizers.step(rate_of(step))
        steps.append({"loss": loss.item(), "grad_norm": norm.item(), "lr": rate_of(step)})
    sums = {name: parameter.detach().double().abs().sum().item()
            for name, parameter in model.named_parameters()}
    return steps, sums


def write(name, steps, sums):
    with open(os.path.join(OUT, name), "w", encoding="utf-8") as file:
        json.dump({"n_sequences": N_SEQUENCES, "n_positions": N_POSITIONS, "n_warmup": N_WARMUP,
                   "rate": RATE, "least": LEAST, "decay": DECAY, "clip": CLIP, "steps": steps,
                   "sums": sums}, file, indent=1)
        file.write("\n")


def compare_bfloat16(ids):
    with open(os.path.join(OUT, "steps-muon.json"), encoding="utf-8") as file:
        kept = json.load(file)["steps"]
    for i, (step, wanted) in enumerate(zip(train(ids, with_muon=True)[0], kept)):
        print(f"step {i + 1}: loss {step['loss']:.5f}, in f32 {wanted['loss']:.5f}")


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    text, ids = cut_text(AutoTokenizer.from_pretrained(MODEL))
    if "--bfloat16" in sys.argv[1:]:
        compare_bfloat16(ids)
        return
    torch_muon._zeropower_via_newtonschulz = orthogonal
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "text.txt"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    write("steps.json", *train(ids, with_muon=False))
    write("steps-muon.json", *train(ids, with_muon=True))


if __name__ == "__main__":
    main()
