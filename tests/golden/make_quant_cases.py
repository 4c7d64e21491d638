"""Write tests/golden/quant/TYPE.bin with ggml, which the llama-cpp-python package brings along
(pip install llama-cpp-python), or with another libggml-base.so, given as its argument. Run it from
the root of the repository.

Each file, all little-endian, holds what ggml makes of numbers, and what it reads in arbitrary
bytes that are blocks of that type:

    u32 n, f32 x[n], the blocks of x, f32 what they stand for[n]
    u32 n, random blocks of n numbers, f32 what they stand for[n]
"""

import ctypes
import glob
import os
import sys

import numpy as np


def library():
    if len(sys.argv) > 1:
        return sys.argv[1]
    import llama_cpp

    folder = os.path.join(os.path.dirname(llama_cpp.__file__), "lib")
    return sorted(glob.glob(os.path.join(folder, "libggml-base.so*")))[0]


ggml = ctypes.CDLL(library())

# name: numbers per block, bytes per block, where half-precision numbers lie in it
TYPES = {
    "q8_0": (32, 34, [0]),
    "q4_0": (32, 18, [0]),
    "q4_1": (32, 20, [0, 2]),
    "q5_0": (32, 22, [0]),
    "q5_1": (32, 24, [0, 2]),
    "q2_K": (256, 84, [80, 82]),
    "q3_K": (256, 110, [108]),
    "q4_K": (256, 144, [0, 2]),
    "q5_K": (256, 176, [0, 2]),
    "q6_K": (256, 210, [208]),
    "iq4_nl": (32, 18, [0]),
}


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def numbers(rng, n):
    """Weights like a model's, some far out, some groups constant, tiny or of one sign."""
    x = rng.normal(0, 0.05, n).astype(np.float32)
    x[rng.integers(0, n, n // 64)] *= 8
    x[0:32] = 0
    x[32:64] = 0.25
    x[64:96] = np.abs(x[64:96])
    x[96:128] = -np.abs(x[96:128])
    x[128:160] *= np.float32(1e-4)
    x[160] = -3
    return x


def halves(rng, n):
    """Finite half-precision numbers of any exponent and sign, as bytes."""
    bits = rng.integers(0, 0x7C00, n) | rng.integers(0, 2, n) << 15
    return bits.astype("<u2").view(np.uint8).reshape(n, 2)


os.makedirs("tests/golden/quant", exist_ok=True)
for name, (block, size, places) in TYPES.items():
    rng = np.random.default_rng(20240607)
    if name == "iq4_nl":  # its reference tries less than what llama-quantize calls
        def quantize(x, blocks, n):
            return ggml.quantize_iq4_nl(x, blocks, ctypes.c_int64(1), n, None)
    else:
        quantize = getattr(ggml, f"quantize_row_{name}_ref")
    dequantize = getattr(ggml, f"dequantize_row_{name}")
    with open(f"tests/golden/quant/{name.lower()}.bin", "wb") as file:
        x = numbers(rng, 1024)
        blocks = np.zeros(1024 // block * size, np.uint8)
        quantize(pointer(x), pointer(blocks), ctypes.c_int64(1024))
        back = np.empty(1024, np.float32)
        dequantize(pointer(blocks), pointer(back), ctypes.c_int64(1024))
        np.array([1024], "<u4").tofile(file)
        for array in (x, blocks, back):
            array.tofile(file)

        blocks = rng.integers(0, 256, (512 // block, size), np.uint8)
        for place in places:
            blocks[:, place : place + 2] = halves(rng, len(blocks))
        blocks = np.ascontiguousarray(blocks).reshape(-1)
        back = np.empty(512, np.float32)
        dequantize(pointer(blocks), pointer(back), ctypes.c_int64(512))
        np.array([512], "<u4").tofile(file)
        for array in (blocks, back):
            array.tofile(file)
