"""Write default_model.json: what `transformers` thinks of tale.txt with the built-in model.

    python3 tests/golden/make_default_model.py [MODEL.gguf]

Needs torch, transformers, tokenizers and gguf. The weights are those of the file, widened to
float32; gen computes with the bytes themselves, so that its figure differs a little.
"""

import json
import math
import sys
from pathlib import Path

import gguf
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel

HERE = Path(__file__).parent
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
N_IDS = 512
NAMES = {"attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj",
         "ffn_norm": "ln_2", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}


def strings(reader, key):
    field = reader.fields[key]
    return [bytes(field.parts[i]).decode("utf-8") for i in field.data]


def number(reader, key):
    return int(reader.fields[key].parts[-1][0])


def hf_name(name):
    if name.startswith("blk."):
        _, layer, part, kind = name.split(".")
        return f"transformer.h.{layer}.{NAMES[part]}.{kind}"
    return {"token_embd.weight": "transformer.wte.weight",
            "position_embd.weight": "transformer.wpe.weight",
            "output_norm.weight": "transformer.ln_f.weight",
            "output_norm.bias": "transformer.ln_f.bias"}[name]


def load(path):
    reader = gguf.GGUFReader(path)
    tokens = strings(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in strings(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    config = GPT2Config(bos_token_id=None, eos_token_id=None, vocab_size=len(tokens), n_positions=number(reader, "gpt2.context_length"),
                        n_embd=number(reader, "gpt2.embedding_length"),
                        n_layer=number(reader, "gpt2.block_count"),
                        n_head=number(reader, "gpt2.attention.head_count"))
    state = {}
    for tensor in reader.tensors:
        values = torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type)).float()
        name = hf_name(tensor.name)
        conv1d = ".h." in name and name.endswith("weight") and values.dim() == 2
        state[name] = values.T.contiguous() if conv1d else values
    state["lm_head.weight"] = state["transformer.wte.weight"]
    model = GPT2LMHeadModel(config).eval()
    model.load_state_dict(state)
    return tokenizer, model


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent / "models/tales-6m.gguf"
    tokenizer, model = load(path)
    text = (HERE / "tale.txt").read_text(encoding="utf-8")
    ids = tokenizer.encode(text).ids[:N_IDS]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1].double()
    nats = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:])).item()
    n_bytes = len(tokenizer.decode(ids[1:]).encode("utf-8"))
    result = {"ids": ids, "nats_per_token": nats}
    (HERE / "default_model.json").write_text(json.dumps(result) + "\n")
    bits = nats * (len(ids) - 1) / math.log(2) / n_bytes
    print(f"{len(ids)} tokens, {nats:.4f} nats each, {bits:.4f} bits a byte")


if __name__ == "__main__":
    main()
