"""Write tests/golden/gguf/by-package.gguf with the `gguf` Python package (pip install gguf): a
setting of every type, tensors of every type gen reads, GPT-2's kind of tokenizer. Run it from the
root of the repository; tests/unit/test_gguf.c knows the values."""

import json
import os

import gguf
import numpy as np

os.makedirs("tests/golden/gguf", exist_ok=True)
writer = gguf.GGUFWriter("tests/golden/gguf/by-package.gguf", "gpt2")
writer.add_context_length(64)
writer.add_block_count(2)
writer.add_layer_norm_eps(1e-5)
writer.add_uint8("test.u8", 200)
writer.add_int8("test.i8", -100)
writer.add_uint16("test.u16", 60000)
writer.add_int16("test.i16", -30000)
writer.add_int32("test.i32", -2000000000)
writer.add_uint64("test.u64", 2**64 - 1)
writer.add_int64("test.i64", -(2**63))
writer.add_float32("test.f32", 0.25)
writer.add_float64("test.f64", 1e300)
writer.add_bool("test.bool", True)
writer.add_string("test.string", "Gr\u00fc\u00dfe")
writer.add_array("test.ints", [1, 2, 3])
writer.add_array("test.strings", ["a", "", "bc"])

with open("tests/golden/models/base/vocab.json", encoding="utf-8") as file:
    vocab = json.load(file)
with open("tests/golden/models/base/merges.txt", encoding="utf-8") as file:
    merges = file.read().splitlines()[1:]
tokens = sorted(vocab, key=vocab.get)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("gpt-2")
writer.add_token_list(tokens)
writer.add_token_types([3 if token == "<|endoftext|>" else 1 for token in tokens])
writer.add_token_merges(merges)
writer.add_bos_token_id(511)
writer.add_eos_token_id(511)

numbers = np.arange(24, dtype=np.float32).reshape(4, 6)
writer.add_tensor("matrix.f32", numbers)
writer.add_tensor("matrix.f16", numbers.astype(np.float16))
writer.add_tensor(
    "vector.bf16",
    (np.arange(5, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8),
    raw_shape=(10,),
    raw_dtype=gguf.GGMLQuantizationType.BF16,
)
writer.add_tensor("cube.f32", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
