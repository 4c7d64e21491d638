"""Contrastive searches of transformers 4.55, the last that has them, for test_contrastive.c: over the golden models with
many settings. Writes golden/contrastive.json (needs torch and transformers 4.55.4 in an environment of its own, as
make_old_beams.py). Cases whose outcome depends on rounding are left out: those that with another
alpha, by a hundred-thousandth, come to another text.

    old/bin/python tests/golden/make_contrastive.py
"""
import json
import os
import random

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers
from safetensors.torch import load_file

assert transformers.__version__ == "4.55.4"
torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["base", "odd-width", "untied", "neo-mixed"]


def load(name):
    """By hand, as 4.55 refuses names without `transformer.` next to lm_head."""
    path = os.path.join(HERE, "models", name)
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(path))
    weights = load_file(os.path.join(path, "model.safetensors"))
    names = {key: key if key.startswith(("transformer.", "lm_head.")) else "transformer." + key for key in weights}
    missing, _ = model.load_state_dict({names[key]: weights[key] for key in weights}, strict=False)
    assert all(key == "lm_head.weight" for key in missing), missing
    model.tie_weights()
    model.generation_config = transformers.GenerationConfig()
    return model.eval()


def search(model, prompt, eos, settings):
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                             do_sample=False, eos_token_id=eos or None, use_cache=True,
                             pad_token_id=eos[0] if eos else 0, **settings)
    return out[0, len(prompt):].tolist()


def case(model, name, generator):
    config = model.config
    prompt = [generator.randrange(config.vocab_size) for _ in range(generator.choice([1, 3, 6, 12, 20]))]
    with torch.no_grad():
        likely = model(torch.tensor([prompt])).logits[0, -1].topk(20).indices.tolist()
    eos = generator.choice([[], [], likely[1:2], generator.sample(likely, 2)])
    settings = {"penalty_alpha": generator.choice([0.1, 0.4, 0.6, 0.6, 0.9, 1.0]),
                "top_k": generator.choice([2, 4, 4, 5, 8, 20]), "max_new_tokens": generator.choice([1, 2, 7, 12, 20])}
    if generator.random() < 0.3:
        settings["no_repeat_ngram_size"] = generator.choice([1, 2, 3])
    if generator.random() < 0.3:
        settings["repetition_penalty"] = generator.choice([1.3, 0.8])
    if generator.random() < 0.2 and eos:
        settings["min_new_tokens"] = min(3, settings["max_new_tokens"])
    ids = search(model, prompt, eos, settings)
    for by in (1e-5, -1e-5):
        if search(model, prompt, eos, dict(settings, penalty_alpha=min(1.0, settings["penalty_alpha"] + by))) != ids:
            return None
    return {"model": name, "prompt": prompt, "eos": eos, "settings": settings, "ids": ids}


generator = random.Random(55)
cases = []
for name in MODELS:
    model = load(name)
    print(name, flush=True)
    for _ in range(80):
        cases.append(case(model, name, generator))
left_out = sum(one is None for one in cases)
cases = [one for one in cases if one is not None]
print(len(cases), "cases;", left_out, "left out")
with open(os.path.join(HERE, "contrastive.json"), "w", encoding="utf-8") as out:
    lines = ",\n".join("  " + json.dumps(one) for one in cases)
    out.write('{"transformers": "%s",\n "cases": [\n%s\n]}\n' % (transformers.__version__, lines))
