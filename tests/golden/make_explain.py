"""What transformers and PyTorch see inside two golden models, for test_explain.c: hidden states, attention
(output_attentions, attn_implementation="eager"), the logit lens, and what each branch adds to the logit of
the next token. Writes golden/explain.json (needs torch, transformers).

    python3 tests/golden/make_explain.py
"""
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
# base is a GPT-2; neo-mixed a GPT-Neo with local layers, whose window is shorter than the text.
MODELS = {"base": 20, "neo-mixed": 33}


def numbers(tensor):
    """All of them, one after the other, as f32 needs them."""
    return [float(f"{x:.8g}") for x in tensor.detach().flatten().tolist()]


def branches(model, ids):
    """The streams that each branch adds, in order: the embedding, then attention and MLP of each layer."""
    added = []
    hooks = [model.transformer.drop.register_forward_hook(lambda m, i, o: added.append(o[0].double()))]
    for block in model.transformer.h:
        attention = block.attn.attention if hasattr(block.attn, "attention") else block.attn
        proj = attention.out_proj if hasattr(attention, "out_proj") else attention.c_proj
        for module in (proj, block.mlp.c_proj):
            hooks.append(module.register_forward_hook(lambda m, i, o: added.append(o[0].double())))
    model(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    return added


def look(name, n):
    directory = os.path.join(HERE, "models", name)
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    torch.manual_seed(n)
    ids = torch.randint(0, model.config.vocab_size, (n,)).tolist()
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
        norm, head = model.transformer.ln_f, model.lm_head
        targets = torch.tensor(ids[1:] + [int(out.logits[0, -1].argmax())])
        # transformers' last hidden state has the norm already.
        states = [norm(h[0]) for h in out.hidden_states[:-1]] + [out.hidden_states[-1][0]]
        lens = torch.stack([torch.log_softmax(head(h).double(), -1) for h in states])
        picked = lens[:, torch.arange(n), targets]
        top = lens.topk(3).indices
        added = branches(model, ids)
        last = sum(added)
        scale = 1 / torch.sqrt(last.var(-1, unbiased=False, keepdim=True) + norm.eps)
        w = head.weight[targets].double()
        parts = [(w * norm.weight.double() * (d - d.mean(-1, keepdim=True)) * scale).sum(-1) for d in added]
        parts.append((w * norm.bias.double()).sum(-1))
        logits = out.logits[0, torch.arange(n), targets]
        assert (sum(parts) - logits).abs().max() < 1e-4
    lower = torch.tril_indices(n, n)
    return {
        "model": name,
        "ids": ids,
        "targets": targets.tolist(),
        "hidden": [numbers(h[0]) for h in out.hidden_states[:-1]],
        "attention": [[numbers(a[0, head][lower[0], lower[1]]) for head in range(a.shape[1])]
                      for a in out.attentions],
        "lens_logprobs": [numbers(row) for row in picked],
        "lens_top": [row.flatten().tolist() for row in top],
        "logits": numbers(logits),
        "contributions": [numbers(torch.stack(parts)[:, t]) for t in range(n)],
    }


with open(os.path.join(HERE, "explain.json"), "w", encoding="utf-8") as out:
    json.dump([look(name, n) for name, n in MODELS.items()], out, separators=(",", ":"))
    out.write("\n")
