"""Guidance (guidance_scale, negative_prompt_ids) and token healing as transformers has them, for test_guidance.c: texts
of the golden models, greedy and drawn. Writes golden/guidance.json (needs torch, transformers).

    python3 tests/golden/make_guidance.py

What is drawn is drawn with gen's random numbers, as make_beams.py says. transformers 5.24 hands its second text's cache
on under a name that models do not know, so with use_cache=True that text is its last token alone; these are made with
use_cache=False, which reads it whole, as 4.56 does both ways.

transformers heals by a bias of 10 for tokens that go on with the last one's text and of 11 for itself, greedily. Cases
where another token is better by more, or where the 1 decides, are counted and left out: gen has them by what the model
says alone. A prompt of one token it means to heal from bos, as gen does, but leaves as it is; so these are left out, too.
"""
import json
import os
import random

from make_rules import HERE, MODELS, PAD, Pcg32, multinomial_of
import torch
import transformers

WORDS = ["Once upon a time", "the king was", "He was a good boy and", "In the forest th", "She said to the sist", "a",
         "There was once a wom", "and the little bird san", "What is the matt", "I will not go th", "They went to the houi",
         "The old man cam", "It is very col", "Then she wept b", "wh", "the daughter of the k", "A fish in the wate"]


def guided(model, name, generator, number):
    n_vocab = model.config.vocab_size
    prompt = [generator.randrange(n_vocab) for _ in range(generator.choice([1, 2, 5, 9]))]
    negative = [generator.randrange(n_vocab) for _ in range(generator.choice([1, 3, 8]))] if number % 3 else None
    scale = generator.choice([0.0, 0.5, 1.25, 1.5, 2.0, 3.0, 7.5, -1.0])
    settings = {"max_new_tokens": generator.choice([1, 5, 12]), "guidance_scale": scale}
    drawn = number % 2 == 1
    if generator.random() < 0.5:
        settings["repetition_penalty"] = generator.choice([1.2, 0.9])
    if generator.random() < 0.3:
        settings["no_repeat_ngram_size"] = 2
    if drawn:
        settings["temperature"] = generator.choice([0.5, 0.8, 1.3])
        settings["top_k"] = generator.choice([0, 5, 40])
        settings["top_p"] = generator.choice([1.0, 0.9])
    seed = generator.randrange(2**53)
    torch.multinomial = multinomial_of(Pcg32(seed))
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                         negative_prompt_ids=torch.tensor([negative]) if negative else None, do_sample=drawn,
                         pad_token_id=PAD, use_cache=False, **settings)
    return {"model": name, "kind": "drawn" if drawn else "greedy", "seed": seed, "prompt": prompt, "negative": negative,
            "settings": settings, "ids": out[0, len(prompt):].tolist()}


def healed(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    if ids.shape[1] == 1:
        return None
    out = model.generate(ids, attention_mask=torch.ones_like(ids), token_healing=True, tokenizer=tokenizer,
                         do_sample=False, max_new_tokens=8, pad_token_id=PAD)[0].tolist()
    n = ids.shape[1]
    tail, new = ids[0, -1].item(), out[n - 1]
    before = ids[0, :-1].tolist()
    logits = model(torch.tensor([before])).logits[0, -1]
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(logits))))
    longer = [i for i, piece in enumerate(pieces) if piece.startswith(pieces[tail]) and i not in tokenizer.all_special_ids]
    if len(longer) > 1 and max(longer, key=lambda i: logits[i].item()) != new:
        return None
    assert out[:n - 1] == before
    return {"text": text, "prompt": ids[0].tolist(), "ids": out[n - 1:]}


def main():
    generator = random.Random(22)
    guidance = []
    for name in MODELS:
        model = transformers.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, "models", name),
                                                                  dtype=torch.float32).eval()
        model.generation_config = transformers.GenerationConfig()
        guidance += [guided(model, name, generator, number) for number in range(24)]
        if name == "base":
            tokenizer = transformers.AutoTokenizer.from_pretrained(os.path.join(HERE, "models", name))
            tokenizer.pad_token = tokenizer.eos_token
            texts = list(WORDS)
            for word in WORDS:
                texts += [word[:n] for n in range(2, len(word), 3) if word[:n] == word[:n].strip()]
            healing = [healed(model, tokenizer, text) for text in sorted(set(texts))]
    left_out = sum(one is None for one in healing)
    healing = [one for one in healing if one is not None]
    print(len(guidance), "guided,", len(healing), "healed,", left_out, "left out")
    with open(os.path.join(HERE, "guidance.json"), "w", encoding="utf-8") as out:
        out.write('{"transformers": "%s",\n "guidance": [\n' % transformers.__version__)
        out.write(",\n".join("  " + json.dumps(one) for one in guidance))
        out.write('\n ],\n "healing": [\n')
        out.write(",\n".join("  " + json.dumps(one) for one in healing) + "\n]}\n")


if __name__ == "__main__":
    main()
