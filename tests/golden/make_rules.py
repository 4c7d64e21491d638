"""Rules for the next token as transformers has them, for test_rules.c: texts of the golden models with many settings,
greedy, drawn and by beam search, and scores of single steps. Writes golden/rules.json (needs torch, transformers).

    python3 tests/golden/make_rules.py

What is drawn is drawn with gen's random numbers, as make_beams.py says. Each prompt is a batch of its own.
"""
import functools
import json
import os
import random

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import numpy
import torch
import transformers
from transformers.generation import logits_process

torch.set_num_threads(1)
torch.sort = functools.partial(torch.sort, stable=True)
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["base", "odd-width", "untied", "neo-mixed"]
MASK = 2**64 - 1
PAD = -1


def mix(z):
    """SplitMix64's output function."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Pcg32:
    """The stream of the first text of a run with that seed."""

    def __init__(self, seed):
        key = mix(mix(mix(seed) ^ 0) ^ 0)
        self.increment = (mix(key) << 1 | 1) & MASK
        self.state = 0
        self.u32()
        self.state = (self.state + key) & MASK
        self.u32()

    def u32(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) & MASK
        shifted = ((old >> 18 ^ old) >> 27) & 0xFFFFFFFF
        rotation = old >> 59
        return (shifted >> rotation | shifted << (-rotation & 31)) & 0xFFFFFFFF

    def double(self):
        high, low = self.u32() >> 5, self.u32() >> 6
        return (high << 26 | low) * 2.0**-53


def multinomial_of(generator):
    """torch.multinomial for one row of probabilities; what weighs nothing is never drawn."""

    def multinomial(probabilities, num_samples, replacement=False):
        assert probabilities.shape[0] == 1 and not replacement
        weights = probabilities[0].double().numpy().copy()
        drawn = []
        for _ in range(num_samples):
            sums = numpy.cumsum(weights)
            if sums[-1] <= 0:
                break
            at = int(numpy.searchsorted(sums, generator.double() * sums[-1], side="right"))
            drawn.append(at)
            weights[at] = 0
        left = [i for i in range(len(weights)) if i not in drawn and probabilities[0, i] == 0]
        drawn += left[: num_samples - len(drawn)]
        return torch.tensor([drawn])

    return multinomial


def choose_rules(generator, settings, prompt, likely, eos):
    """Rules that greedy decoding heeds, too."""
    new = settings["max_new_tokens"]
    if generator.random() < 0.35:
        sequences = [[[generator.choice(likely)], generator.choice([2.5, -1.5, -30.0])]]
        for _ in range(4):
            tail = [generator.choice(likely) for _ in range(generator.choice([2, 2, 3]))]
            sequences.append([tail, generator.choice([4.0, 9.5, -9.0, float("-inf")])])
        sequences.append([prompt[-2:] + [generator.choice(likely)], 8.0])
        sequences.append([[prompt[-1], generator.choice(likely)], -3.0])
        sequences = [s for i, s in enumerate(sequences) if s[0] not in [t[0] for t in sequences[:i]]]
        settings["sequence_bias"] = sequences
    if generator.random() < 0.3:
        settings["suppress_tokens"] = generator.sample(likely, 4)
    if generator.random() < 0.3:
        settings["begin_suppress_tokens"] = likely[: generator.choice([1, 3, 6])]
    if generator.random() < (0.5 if len(prompt) == 1 else 0.1):
        settings["forced_bos_token_id"] = generator.choice([t for t in likely if t not in eos])
    if generator.random() < 0.3:
        one, two = generator.choice(likely), generator.sample(likely, 2)
        settings["forced_eos_token_id"] = generator.choice([one, two]) if settings["num_beams"] == 1 else one
    if eos and generator.random() < 0.5:
        settings["exponential_decay_length_penalty"] = (generator.choice([0, 1, new // 2]),
                                                        generator.choice([1.05, 1.3, 1.9, 0.9]))
    forced = [settings.get("forced_bos_token_id"), settings.get("forced_eos_token_id")]
    forced = [t for one in forced for t in (one if isinstance(one, list) else [one])]
    for name in ("suppress_tokens", "begin_suppress_tokens"):  # what is forced must not be forbidden
        if name in settings:
            settings[name] = [t for t in settings[name] if t not in forced] or [generator.choice(likely[:1])]
            if settings[name][0] in forced:
                del settings[name]
    if generator.random() < 0.2:
        settings["repetition_penalty"] = generator.choice([1.3, 0.8])
    if generator.random() < 0.2:
        settings["no_repeat_ngram_size"] = generator.choice([1, 2, 3])


def choose_warpers(generator, settings):
    settings["temperature"] = generator.choice([0.3, 0.7, 1.0, 1.6])
    settings["top_k"] = generator.choice([0, 0, 5, 40])
    settings["top_p"] = generator.choice([1.0, 1.0, 0.9])
    if settings["num_beams"] == 1 and generator.random() < 0.4:
        settings["top_h"] = generator.choice([0.2, 0.5, 0.9])
        if isinstance(settings.get("forced_eos_token_id"), list):  # as with beams: of two equals torch.topk takes either
            settings["forced_eos_token_id"] = settings["forced_eos_token_id"][0]
    if generator.random() < 0.4:
        settings["epsilon_cutoff"] = generator.choice([0.001, 0.004, 0.02, 0.3])
    if generator.random() < 0.4:
        settings["eta_cutoff"] = generator.choice([0.001, 0.01, 0.1, 0.9])


def case(model, name, generator, number):
    """One text or search, its settings drawn, its results."""
    kind = ["greedy", "drawn", "drawn", "beams", "drawn beams"][number % 5]
    prompt = [generator.randrange(model.config.vocab_size) for _ in range(generator.choice([1, 2, 3, 6, 12]))]
    with torch.no_grad():
        likely = model(torch.tensor([prompt])).logits[0, -1].topk(20).indices.tolist()
    eos = generator.choice([[], likely[1:2], generator.sample(likely, 2),
                            [generator.randrange(model.config.vocab_size)]])
    beams = generator.choice([2, 3, 4]) if "beams" in kind else 1
    settings = {"max_new_tokens": generator.choice([1, 2, 7, 12, 20]), "num_beams": beams}
    choose_rules(generator, settings, prompt, likely, eos)
    if "drawn" in kind:
        choose_warpers(generator, settings)
    if beams > 1:
        settings["num_return_sequences"] = generator.randrange(1, beams + 1)
        if generator.random() < 0.6:
            settings["renormalize_logits"] = True
    seed = generator.randrange(2**53)
    torch.multinomial = multinomial_of(Pcg32(seed))
    given = dict(settings)
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                         do_sample="drawn" in kind, eos_token_id=eos or None, pad_token_id=PAD, use_cache=True,
                         return_dict_in_generate=True, output_scores=True, **given)
    scores = out.sequences_scores.tolist() if beams > 1 else [None]
    texts = []
    for row, score in zip(out.sequences[:, len(prompt):].tolist(), scores):
        while row and row[-1] == PAD:
            row.pop()
        texts.append({"ids": row, "score": score and round(score, 6)})
    if not all(text["score"] is None or numpy.isfinite(text["score"]) and text["score"] > -1e8 for text in texts):
        return None
    settings["sequence_bias"] = [[ids, None if bias == float("-inf") else bias]
                                 for ids, bias in settings.get("sequence_bias", [])]
    return {"model": name, "kind": kind, "seed": seed, "prompt": prompt, "eos": eos, "settings": settings,
            "texts": texts}


# ---- single steps ----

N_VOCAB = 64
EOS = [63, 40]
PROMPT = [5, 9, 5, 9, 30, 63, 7]
NEW = [9, 30, 9, 30, 9, 12, 5, 9]
STEPS = [
    {"sequence_bias": [[[3], 2.5], [[9, 4], 3.25], [[5, 9, 4], -1.5], [[5, 8, 5], 7.0], [[12, 5, 9, 50], None]]},
    {"sequence_bias": [[PROMPT + NEW + [33], 4.0], [[1] + PROMPT + NEW + [34], 4.0]]},
    {"suppress_tokens": [0, 17, 63]},
    {"begin_suppress_tokens": [0, 17, 63]},
    {"exponential_decay_length_penalty": [3, 1.5]},
    {"exponential_decay_length_penalty": [7, 0.5]},
    {"exponential_decay_length_penalty": [8, 2.0]},
    {"exponential_decay_length_penalty": [0, 2.0], "suppress_tokens": [40]},
    {"top_h": 0.1}, {"top_h": 0.4}, {"top_h": 0.8}, {"top_h": 0.99},
    {"epsilon_cutoff": 0.001}, {"epsilon_cutoff": 0.02}, {"epsilon_cutoff": 0.999},
    {"eta_cutoff": 0.0003}, {"eta_cutoff": 0.01}, {"eta_cutoff": 0.6}, {"eta_cutoff": 0.999},
    {"temperature": 0.7, "top_h": 0.7, "top_k": 20, "top_p": 0.95, "epsilon_cutoff": 0.01, "eta_cutoff": 0.1},
    {"temperature": 1.6, "top_k": 50, "eta_cutoff": 0.05, "renormalize_logits": True},
    {"renormalize_logits": True},
    {"top_p": 0.8, "renormalize_logits": True},
]


def processors(options, n_prompt):
    """In transformers' order."""
    result, get = [], options.get
    if get("sequence_bias"):
        bias = {tuple(ids): float("-inf") if x is None else x for ids, x in get("sequence_bias")}
        result.append(logits_process.SequenceBiasLogitsProcessor(bias))
    if get("exponential_decay_length_penalty"):
        result.append(logits_process.ExponentialDecayLengthPenalty(get("exponential_decay_length_penalty"), EOS,
                                                                   n_prompt))
    if get("suppress_tokens"):
        result.append(logits_process.SuppressTokensLogitsProcessor(get("suppress_tokens")))
    if get("begin_suppress_tokens"):
        result.append(logits_process.SuppressTokensAtBeginLogitsProcessor(get("begin_suppress_tokens"), n_prompt))
    if get("temperature"):
        result.append(logits_process.TemperatureLogitsWarper(get("temperature")))
    if get("top_h"):
        result.append(logits_process.TopHLogitsWarper(get("top_h")))
    if get("top_k"):
        result.append(logits_process.TopKLogitsWarper(get("top_k")))
    if get("top_p"):
        result.append(logits_process.TopPLogitsWarper(get("top_p")))
    if get("epsilon_cutoff"):
        result.append(logits_process.EpsilonLogitsWarper(get("epsilon_cutoff")))
    if get("eta_cutoff"):
        result.append(logits_process.EtaLogitsWarper(get("eta_cutoff")))
    if get("renormalize_logits"):
        result.append(logits_process.LogitNormalization())
    return result


def step(logits, options, new):
    scores = logits.unsqueeze(0).clone()
    ids = torch.tensor([PROMPT + new], dtype=torch.long)
    for processor in processors(options, len(PROMPT)):
        scores = processor(ids, scores)
    return [None if v == -float("inf") else float(f"{v:.9g}") for v in scores[0].tolist()]


def main():
    generator = random.Random(21)
    cases = []
    for name in MODELS:
        model = transformers.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, "models", name),
                                                                  dtype=torch.float32).eval()
        model.generation_config = transformers.GenerationConfig()
        print(name, flush=True)
        for number in range(110):
            cases.append(case(model, name, generator, number))
    left_out = sum(one is None for one in cases)
    cases = [one for one in cases if one is not None]
    print(len(cases), "cases;", left_out, "left out, which transformers fills up with unfinished texts")
    torch.manual_seed(21)
    logits = {"random": torch.randn(N_VOCAB) * 3 - 1, "flatter": torch.randn(N_VOCAB) * 0.5}
    steps = [{"logits": kind, "options": options, "new": new, "scores": step(values, options, new)}
             for kind, values in logits.items() for options in STEPS for new in ([], NEW)]
    with open(os.path.join(HERE, "rules.json"), "w", encoding="utf-8") as out:
        out.write('{"transformers": "%s", "n_vocab": %d, "eos": %s, "prompt": %s,\n' %
                  (transformers.__version__, N_VOCAB, EOS, PROMPT))
        out.write(' "logits": %s,\n' % json.dumps({k: [float(f"{v:.9g}") for v in x.tolist()]
                                                   for k, x in logits.items()}))
        out.write(' "steps": [\n%s],\n' % ",\n".join("  " + json.dumps(one) for one in steps))
        out.write(' "cases": [\n%s\n]}\n' % ",\n".join("  " + json.dumps(one) for one in cases))


if __name__ == "__main__":
    main()
