#!/usr/bin/env python3
"""Ten steps of training by PyTorch, for tests/unit/test_train.c.

    python3 tests/golden/make_train_steps.py

Wants torch and transformers. Takes the model of golden/models/base and the text below, cut so
that with the end-of-text token behind it it is exactly N_SEQUENCES * N_POSITIONS + 1 tokens. Every
step learns all sequences at once, so their order does not matter. Writes golden/train/text.txt
and golden/train/steps.json: for each step the loss before it, the length of its gradient before
clipping and its learning rate, and at the end the sum of each tensor's magnitudes.
"""

import json
import math
import os

import numpy as np
import torch
from transformers import AutoTokenizer, GPT2LMHeadModel

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "models", "base")
OUT = os.path.join(HERE, "train")

N_SEQUENCES, N_POSITIONS, N_STEPS, N_WARMUP = 6, 32, 10, 3
RATE, LEAST, DECAY, CLIP = (float(np.float32(x)) for x in (2e-2, 1e-3, 0.1, 0.5))
BETAS = tuple(float(np.float32(x)) for x in (0.9, 0.95))

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


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    text, ids = cut_text(tokenizer)
    model = GPT2LMHeadModel.from_pretrained(MODEL, dtype=torch.float32)
    model.config.loss_type = "ForCausalLM"
    model.eval()  # no dropout
    groups = {True: [], False: []}
    for name, parameter in model.named_parameters():
        embedding = "wte" in name or "wpe" in name
        groups[parameter.dim() > 1 and not embedding].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": DECAY},
         {"params": groups[False], "weight_decay": 0.0}],
        lr=RATE, betas=BETAS, eps=float(np.float32(1e-8)))
    inputs = torch.tensor(ids[:-1]).reshape(N_SEQUENCES, N_POSITIONS)
    targets = torch.tensor(ids[1:]).reshape(N_SEQUENCES, N_POSITIONS)
    steps = []
    for step in range(N_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(step)
        logits = model(input_ids=inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        steps.append({"loss": loss.item(), "grad_norm": norm.item(), "lr": rate_of(step)})
    sums = {name: parameter.detach().double().abs().sum().item()
            for name, parameter in model.named_parameters()}
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "text.txt"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    with open(os.path.join(OUT, "steps.json"), "w", encoding="utf-8") as file:
        json.dump({"n_sequences": N_SEQUENCES, "n_positions": N_POSITIONS, "n_warmup": N_WARMUP,
                   "rate": RATE, "least": LEAST, "decay": DECAY, "clip": CLIP, "steps": steps,
                   "sums": sums}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
