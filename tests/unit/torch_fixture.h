/**
 * torch_fixture.h - small files as torch.save() writes them, put together byte by byte: a ZIP, and
 * pickles as texts of opcodes.
 */
#ifndef TORCH_FIXTURE_H
#define TORCH_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/* Pieces of pickles as string literals; sizeof - 1 of the whole is its length. */
#define PICKLE(items) "\200\002}(" items "u."
#define STORAGE_N(type, key, n)                                                                    \
    "(X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0" key "X\3\0\0\0cpu" n "tQ"
#define STORAGE(n)             STORAGE_N("FloatStorage", "0", n)
#define TENSOR(storage, place) "ctorch._utils\n_rebuild_tensor_v2\n(" storage place "\211}tR"
/* The tensor "a" of 8 numbers, (4, 2), which fill the storage "0". */
#define PLACE       "K\0K\4K\2\206K\2K\1\206"
#define NAME        "X\1\0\0\0a"
#define GOOD_ITEM   NAME TENSOR(STORAGE("K\10"), PLACE)
#define GOOD_PICKLE PICKLE(GOOD_ITEM)

/** A ZIP that is being written. Start from {0}. */
struct torch_zip {
    struct gen_bytes bytes, directory;
    unsigned n;
};
/** An entry, with its check sum behind it as torch has it. */
void torch_zip_add(struct torch_zip *zip, const char *name, const void *data, size_t n);
/** The central directory and the end records, also those of ZIP64; then zip->bytes is the file. */
void torch_zip_end(struct torch_zip *zip);
void torch_zip_release(struct torch_zip *zip);

/** The file of a state dict: data.pkl of n bytes, byteorder, the storage "0" of 8 floats. */
void torch_file(struct gen_bytes *out, const char *pickle, size_t n);
/** The same in the form before PyTorch 1.6; about: the dict on the machine; keys: the list. */
void torch_legacy_file(struct gen_bytes *out, const char *about, size_t n_about, const char *pickle,
                       size_t n, const char *keys, size_t n_keys);
#define LEGACY_ABOUT "\200\002}X\15\0\0\0little_endian\210s."
#define LEGACY_KEYS                                                                                \
    "\200\002]X\1\0\0\0"                                                                           \
    "0a."
/** The same tensor in that form. */
#define LEGACY_STORAGE(view)                                                                       \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                             \
    "0X\3\0\0\0cpuK\10" view "tQ"
#define LEGACY_PICKLE PICKLE(NAME TENSOR(LEGACY_STORAGE("N"), PLACE))

#define TORCH_WEIGHTS "pytorch_model.bin"
/** A directory with config.json and these weights. */
const char *torch_directory(const struct gen_bytes *weights);
/** fixture_refused() of such a directory, of which the weights' file must be named. */
bool torch_refused(const char *what, const struct gen_bytes *weights, const char *expected);
/** Fails the test unless it opens and has the tensor of GOOD_PICKLE: what is broken must be good
 *  before. */
void torch_check_good(const struct gen_bytes *weights);

#endif
