"""Searches that transformers had up to 4.56, for test_old_beams.c: groups of beams and words that must come, over
the golden models with many settings. Writes golden/old_beams.json (needs torch and transformers 4.56.2; 5 has neither).

    python3 -m venv old && old/bin/pip install torch transformers==4.56.2
    old/bin/python tests/golden/make_old_beams.py

Each prompt is a batch of its own. An id that ends a text is no part of the texts here, as transformers shows the first
of several in the place of the one that came.
"""
import json
import os
import random
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers
from safetensors.torch import load_file

from transformers.generation.beam_search import BeamHypotheses

assert transformers.__version__ == "4.56.2"
warnings.simplefilter("ignore")
torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["base", "odd-width", "untied", "neo-mixed"]


def add(self, hyp, sum_logprobs, beam_indices=None, generated_len=None):
    """A text without all of its words has no list of beams, at which transformers fails when scores are asked for."""
    return plain_add(self, hyp, sum_logprobs, () if beam_indices is None else beam_indices, generated_len)


plain_add = BeamHypotheses.add
BeamHypotheses.add = add


def words_of(generator, config, likely):
    """Words that must come, some in several spellings; none is the beginning of another of its entry."""
    def spelling(most):
        return [generator.choice(likely) if generator.random() < 0.5 else generator.randrange(config.vocab_size)
                for _ in range(generator.randint(1, most))]

    entries = []
    for _ in range(generator.choice([1, 1, 2, 3])):
        if generator.random() < 0.6:
            entries.append([spelling(3)])
            continue
        first = generator.choice(likely)
        spellings = [spelling(3) if generator.random() < 0.4 else [first] + spelling(3)
                     for _ in range(generator.randint(2, 4))]
        clean = []
        for one in spellings:
            if not any(one[: len(other)] == other[: len(one)] for other in clean):
                clean.append(one)
        entries.append(clean)
    return entries


def settings_of(generator, config, likely, words):
    beams = generator.choice([2, 3, 4, 4, 6, 8]) if words else generator.choice([2, 4, 4, 6, 6, 8, 9])
    settings = {"num_beams": beams, "max_new_tokens": generator.choice([1, 2, 7, 12, 20]),
                "num_return_sequences": generator.randrange(1, beams + 1),
                "length_penalty": generator.choice([1.0, 1.0, 0.0, 0.5, 2.0, -1.0, 1.3]),
                "early_stopping": generator.choice([False, True, "never"])}
    if words:
        settings["force_words_ids"] = words_of(generator, config, likely)
    else:
        settings["num_beam_groups"] = generator.choice([n for n in range(2, beams + 1) if beams % n == 0])
        settings["diversity_penalty"] = generator.choice([0.1, 0.5, 1.0, 3.0, 20.0])
    if generator.random() < 0.3:
        settings["no_repeat_ngram_size"] = generator.choice([1, 2, 3])
    if generator.random() < 0.3:
        settings["repetition_penalty"] = generator.choice([1.3, 0.8])
    if generator.random() < 0.2:
        settings["min_new_tokens"] = min(3, settings["max_new_tokens"])
    return settings


def search(model, prompt, eos, settings):
    """Texts with their scores."""
    settings = dict(settings)
    if "force_words_ids" in settings:
        # One spelling alone is a phrase there.
        settings["force_words_ids"] = [one[0] if len(one) == 1 else one for one in settings["force_words_ids"]]
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                             do_sample=False, eos_token_id=eos or None, use_cache=True,
                             pad_token_id=eos[0] if eos else 0,
                             return_dict_in_generate=True, output_scores=True, **settings)
    texts = []
    for row, score in zip(out.sequences[:, len(prompt):].tolist(), out.sequences_scores.tolist()):
        n = next((i for i, token in enumerate(row) if token in eos), len(row))
        texts.append({"ids": row[:n], "score": round(score, 6)})
    return texts


def case(model, name, generator, number):
    config = model.config
    prompt = [generator.randrange(config.vocab_size) for _ in range(generator.choice([1, 3, 6, 12]))]
    with torch.no_grad():
        likely = model(torch.tensor([prompt])).logits[0, -1].topk(20).indices.tolist()
    eos = generator.choice([[], likely[1:2], likely[2:3], generator.sample(likely, 2),
                            [generator.randrange(config.vocab_size)], generator.sample(likely, 3)])
    settings = settings_of(generator, config, likely, number % 2 == 1)
    if any(token in eos for entry in settings.get("force_words_ids", []) for word in entry for token in word):
        return None
    try:
        texts = search(model, prompt, eos, settings)
    except ValueError as error:
        print(error)
        return None
    if any(not abs(text["score"]) < 1e6 for text in texts):
        return None
    return {"model": name, "prompt": prompt, "eos": eos, "settings": settings, "texts": texts}


def load(name):
    """By hand, as 4.56 refuses names without `transformer.` next to lm_head."""
    path = os.path.join(HERE, "models", name)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(path))
    weights = load_file(os.path.join(path, "model.safetensors"))
    names = {key: key if key.startswith(("transformer.", "lm_head.")) else "transformer." + key for key in weights}
    missing, _ = model.load_state_dict({names[key]: weights[key] for key in weights}, strict=False)
    assert all(key == "lm_head.weight" for key in missing), missing
    model.tie_weights()
    model.generation_config = transformers.GenerationConfig()
    return model.eval()


generator = random.Random(56)
cases = []
for name in MODELS:
    model = load(name)
    print(name, flush=True)
    for number in range(160):
        cases.append(case(model, name, generator, number))
left_out = sum(one is None for one in cases)
cases = [one for one in cases if one is not None]
words = sum("force_words_ids" in one["settings"] for one in cases)
print(len(cases), "cases,", words, "of them with words;", left_out, "left out")
with open(os.path.join(HERE, "old_beams.json"), "w", encoding="utf-8") as out:
    lines = ",\n".join("  " + json.dumps(one) for one in cases)
    out.write('{"transformers": "%s",\n "cases": [\n%s\n]}\n' % (transformers.__version__, lines))
