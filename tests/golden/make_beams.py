"""Beam searches of transformers, for test_beams.c: beam search and beam sampling over the golden models with many
settings. Writes golden/beams.json (needs torch, transformers).

    python3 tests/golden/make_beams.py

Beam sampling draws with torch.multinomial, whose random numbers are torch's own. Here it is replaced by the same draw,
one after the other without putting back, with the generator that gen has: PCG32, two numbers a draw, seeded as
src/base/rng.c says. Each prompt is a batch of its own.
"""
import json
import os
import random

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import numpy
import torch
import transformers

torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["base", "odd-width", "untied", "neo-mixed"]
MASK = 2**64 - 1


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
        # Candidates that weigh nothing have a score of -infinity, and are never taken.
        left = [i for i in range(len(weights)) if i not in drawn and probabilities[0, i] == 0]
        drawn += left[: num_samples - len(drawn)]
        return torch.tensor([drawn])

    return multinomial


def case(model, name, generator, number):
    """One search, its settings drawn, its results."""
    config = model.config
    samples = number % 4 == 3
    beams = generator.choice([2, 2, 3, 4, 4, 5, 8])
    prompt = [generator.randrange(config.vocab_size) for _ in range(generator.choice([1, 3, 6, 12]))]
    with torch.no_grad():
        likely = model(torch.tensor([prompt])).logits[0, -1].topk(20).indices.tolist()
    eos = generator.choice([[], likely[1:2], likely[2:3], generator.sample(likely, 2),
                            [generator.randrange(config.vocab_size)], generator.sample(likely, 3)])
    settings = {"num_beams": beams, "max_new_tokens": generator.choice([1, 2, 7, 12, 20]),
                "num_return_sequences": generator.randrange(1, beams + 1),
                "length_penalty": generator.choice([1.0, 1.0, 0.0, 0.5, 2.0, -1.0, 1.3]),
                "early_stopping": generator.choice([False, True, "never"])}
    if generator.random() < 0.3:
        settings["no_repeat_ngram_size"] = generator.choice([1, 2, 3])
    if generator.random() < 0.3:
        settings["repetition_penalty"] = generator.choice([1.3, 0.8])
    if generator.random() < 0.2:
        settings["min_new_tokens"] = min(3, settings["max_new_tokens"])
    if samples:
        settings["temperature"] = generator.choice([0.7, 1.0, 1.6])
        settings["top_k"] = generator.choice([0, 1, 5, 40])
        settings["top_p"] = generator.choice([1.0, 0.9, 0.3])
        if generator.random() < 0.3:
            settings["min_p"] = generator.choice([0.05, 0.5])
        if generator.random() < 0.3:
            settings["typical_p"] = generator.choice([0.9, 0.2])
    seed = generator.randrange(2**53)
    torch.multinomial = multinomial_of(Pcg32(seed))
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                         do_sample=samples, eos_token_id=eos or None, pad_token_id=PAD, use_cache=True,
                         return_dict_in_generate=True, output_scores=True, **settings)
    texts = []
    for row, score in zip(out.sequences[:, len(prompt):].tolist(), out.sequences_scores.tolist()):
        while row and row[-1] == PAD:
            row.pop()
        texts.append({"ids": row, "score": round(score, 6)})
    if not all(numpy.isfinite(text["score"]) and text["score"] > -1e8 for text in texts):
        return None
    return {"model": name, "seed": seed, "prompt": prompt, "eos": eos, "samples": samples, "settings": settings,
            "texts": texts}


# No token: what a shorter text is filled up with.
PAD = -1

generator = random.Random(20)
cases = []
for name in MODELS:
    model = transformers.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, "models", name),
                                                              dtype=torch.float32).eval()
    model.generation_config = transformers.GenerationConfig()
    print(name, flush=True)
    for number in range(100):
        cases.append(case(model, name, generator, number))
left_out = sum(one is None for one in cases)
cases = [one for one in cases if one is not None]
print(len(cases), "cases;", left_out, "left out, which transformers fills up with unfinished texts")
with open(os.path.join(HERE, "beams.json"), "w", encoding="utf-8") as out:
    lines = ",\n".join("  " + json.dumps(one) for one in cases)
    out.write('{"transformers": "%s",\n "cases": [\n%s\n]}\n' % (transformers.__version__, lines))
