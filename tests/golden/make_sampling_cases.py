#!/usr/bin/env python3
"""Write sampling_cases.json next to this script: scores as Hugging Face transformers computes them.

Run in a scratch environment with `pip install torch transformers`:

    python3 tests/golden/make_sampling_cases.py

Each case names logits, the ids of prompt and new text, options (only those that are not off) and
the scores after transformers' logits processors and warpers, in the order of its
_get_logits_processor(). Presence and frequency penalty, which transformers lacks, follow the
formula of OpenAI's API documentation, between repetition penalty and no-repeat n-gram.
null stands for -infinity. Numbers are float32, written with 9 digits.

torch.sort leaves the order of equal scores open (it changes from machine to machine), and top-p
may have to cut between equals. Here it is made stable, so of equals the lower id is removed first.
"""

import functools
import json
import os

import torch
import transformers
from transformers.generation.logits_process import (
    MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

N_VOCAB = 64
EOS = 63
PROMPT = [5, 9, 5, 9, 30, 63, 7]
NEW = [9, 30, 9, 30, 9, 12, 5, 9]


class PresenceFrequencyProcessor:
    """mu[j] -= c[j] * frequency + (c[j] > 0) * presence, c counting the new ids."""

    def __init__(self, n_prompt, presence, frequency):
        self.n_prompt, self.presence, self.frequency = n_prompt, presence, frequency

    def __call__(self, input_ids, scores):
        counts = torch.bincount(input_ids[0, self.n_prompt :], minlength=scores.shape[-1]).float()
        return scores - (counts * self.frequency + (counts > 0).float() * self.presence)


def processors(options, n_prompt):
    """The list of processors and warpers, in transformers' order."""
    get = options.get
    result = []
    if get("logit_bias"):
        bias = {(i,): float(b) if b is not None else -float("inf") for i, b in get("logit_bias")}
        result.append(SequenceBiasLogitsProcessor(bias))
    if get("repetition_penalty"):
        result.append(RepetitionPenaltyLogitsProcessor(get("repetition_penalty")))
    if get("presence_penalty") or get("frequency_penalty"):
        result.append(
            PresenceFrequencyProcessor(
                n_prompt, get("presence_penalty", 0.0), get("frequency_penalty", 0.0)
            )
        )
    if get("no_repeat_ngram_size"):
        result.append(NoRepeatNGramLogitsProcessor(get("no_repeat_ngram_size")))
    if get("bad_words"):
        result.append(NoBadWordsLogitsProcessor(get("bad_words"), EOS))
    if get("min_length"):
        result.append(MinLengthLogitsProcessor(get("min_length"), EOS))
    if get("min_new_tokens"):
        result.append(MinNewTokensLengthLogitsProcessor(n_prompt, get("min_new_tokens"), EOS))
    if get("temperature") == 0:
        return result
    if get("temperature", 1.0) != 1.0:
        result.append(TemperatureLogitsWarper(get("temperature")))
    if get("top_k"):
        result.append(TopKLogitsWarper(get("top_k")))
    if get("top_p"):
        result.append(TopPLogitsWarper(get("top_p")))
    if get("min_p"):
        result.append(MinPLogitsWarper(get("min_p")))
    if get("typical_p"):
        result.append(TypicalLogitsWarper(get("typical_p")))
    return result


def make_logits():
    torch.manual_seed(20)
    random = torch.randn(N_VOCAB) * 3 - 1
    peaked = torch.randn(N_VOCAB)
    peaked[17] = 12.0
    ties = (torch.randn(N_VOCAB) * 2).round()
    steps = torch.arange(N_VOCAB).float() * 0.125 - 100
    return {
        "random": random,
        "peaked": peaked,
        "ties": ties,
        "flat": torch.zeros(N_VOCAB),
        "steps": steps,
    }


# Options tried alone, on every kind of logits named.
ALONE = [
    (["random"], {"logit_bias": [[3, 2.5], [40, -7.25], [63, 0.5]]}),
    (["random"], {"logit_bias": [[0, None], [17, 100.0]]}),
    (["random", "steps"], {"repetition_penalty": 1.3}),
    (["random", "ties"], {"repetition_penalty": 0.7}),
    (["random"], {"repetition_penalty": 5.0}),
    (["random"], {"presence_penalty": 0.75}),
    (["random"], {"presence_penalty": -2.0}),
    (["random"], {"frequency_penalty": 0.5}),
    (["random"], {"frequency_penalty": -1.5}),
    (["random"], {"presence_penalty": 1.25, "frequency_penalty": 0.3}),
    (["random"], {"no_repeat_ngram_size": 1}),
    (["random"], {"no_repeat_ngram_size": 2}),
    (["random"], {"no_repeat_ngram_size": 3}),
    (["random"], {"no_repeat_ngram_size": 4}),
    (["random"], {"no_repeat_ngram_size": 15}),
    (["random"], {"no_repeat_ngram_size": 16}),
    (["random"], {"no_repeat_ngram_size": 40}),
    (["random"], {"bad_words": [[1], [2, 3], [9, 20], [5, 9, 21], [12, 5, 9, 22], [30, 9, 23]]}),
    (["random"], {"bad_words": [[EOS], [9, EOS], [4]]}),
    (["random"], {"bad_words": [[EOS], [8, EOS], [4]]}),
    (["random"], {"bad_words": [PROMPT + NEW + [33], [1] + PROMPT + NEW + [34], [9, 9, 35]]}),
    (["random"], {"min_length": 15}),
    (["random"], {"min_length": 16}),
    (["random"], {"min_new_tokens": 8}),
    (["random"], {"min_new_tokens": 9}),
    (["random", "peaked", "steps"], {"temperature": 0.7}),
    (["random"], {"temperature": 3.5}),
    (["random"], {"temperature": 0.01}),
    (["random", "ties"], {"temperature": 0, "repetition_penalty": 1.5}),
    (["random", "ties", "flat"], {"top_k": 1}),
    (["random", "ties", "steps"], {"top_k": 10}),
    (["random", "ties"], {"top_k": 63}),
    (["random", "flat"], {"top_k": 64}),
    (["random"], {"top_k": 1000}),
    (["random", "peaked", "ties", "flat", "steps"], {"top_p": 0.9}),
    (["random", "ties", "flat"], {"top_p": 0.5}),
    (["random", "ties", "flat", "steps"], {"top_p": 0.001}),
    (["random"], {"top_p": 0.9999}),
    (["random", "peaked", "ties", "flat"], {"min_p": 0.05}),
    (["random", "steps"], {"min_p": 0.3}),
    (["random", "ties"], {"min_p": 1.0}),
    (["random", "peaked", "ties", "flat", "steps"], {"typical_p": 0.9}),
    (["random", "ties", "flat", "steps"], {"typical_p": 0.2}),
    (["random", "ties"], {"typical_p": 0.999}),
]

PENALTIES = {
    "logit_bias": [[3, 2.5], [9, 1.5], [50, None]],
    "repetition_penalty": 1.2,
    "presence_penalty": 0.4,
    "frequency_penalty": 0.2,
    "no_repeat_ngram_size": 2,
    "bad_words": [[1], [5, 9, 21], [EOS]],
    "min_new_tokens": 20,
}

TOGETHER = [
    {"temperature": 0.8, "top_k": 40, "top_p": 0.95},
    {"temperature": 1.5, "top_k": 20, "top_p": 0.8, "min_p": 0.02},
    {"temperature": 0.6, "top_p": 0.97, "typical_p": 0.8},
    {"temperature": 2.0, "top_k": 50, "top_p": 0.98, "min_p": 0.01, "typical_p": 0.95},
    {"top_k": 12, "typical_p": 0.6},
    {"min_p": 0.1, "typical_p": 0.7},
    {**PENALTIES},
    {**PENALTIES, "temperature": 0},
    {**PENALTIES, "temperature": 0.8, "top_k": 40, "top_p": 0.95},
    {
        **PENALTIES,
        "min_length": 15,
        "temperature": 1.3,
        "top_k": 30,
        "top_p": 0.9,
        "min_p": 0.03,
        "typical_p": 0.9,
    },
]


def as_json(values):
    """float32 values, -infinity as null."""
    return [None if v == -float("inf") else float(f"{v:.9g}") for v in values]


def main():
    torch.set_num_threads(1)
    torch.sort = functools.partial(torch.sort, stable=True)
    logits = make_logits()
    cases = []

    def add(kind, options, prompt, new):
        ids = torch.tensor([prompt + new], dtype=torch.long).reshape(1, -1)
        scores = logits[kind].unsqueeze(0).clone()
        for processor in processors(options, len(prompt)):
            scores = processor(ids, scores)
        cases.append(
            {
                "logits": kind,
                "prompt": prompt,
                "new": new,
                "options": options,
                "scores": as_json(scores[0].tolist()),
            }
        )

    for kinds, options in ALONE:
        for kind in kinds:
            add(kind, options, PROMPT, NEW)
    for options in TOGETHER:
        for kind in ["random", "ties", "steps"]:
            add(kind, options, PROMPT, NEW)
    for n in [1, 2, 3]:
        add("random", {"no_repeat_ngram_size": n}, [1, 2], [3, 4, 4, 4])
        add("random", {"no_repeat_ngram_size": n}, [1, 2, 1], [])
    add("random", PENALTIES, PROMPT, [])
    add("random", {**PENALTIES, "top_k": 5}, [EOS], [])

    result = {
        "made_by": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "n_vocab": N_VOCAB,
        "eos": EOS,
        "logits": {kind: as_json(values.tolist()) for kind, values in logits.items()},
        "cases": cases,
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sampling_cases.json")
    with open(path, "w", encoding="ascii") as file:
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        result["cases"] = []
        head = json.dumps(result, separators=(",", ":"))
        file.write(head.replace('"cases":[]', '"cases":[\n' + lines + "\n]") + "\n")
    print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
