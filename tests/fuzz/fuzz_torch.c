/**
 * fuzz_torch.c - libFuzzer entry: the first byte chooses what the others are: a file of
 * torch.save(), a pickle of plain data, or the pickle of such a file, in a ZIP that is made around
 * it so that its check sum is right, as weights or as a checkpoint of nanoGPT.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/torch/crc32.h"
#include "format/torch/torch.h"
#include "fuzz.h"

enum { NUMBERS = 64 };

/* Whoever uses a tensor may trust that its data lie inside the file. */
static void check_tensors(struct model_file *file, const uint8_t *data, size_t size) {
    struct gen_error err;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct file_tensor *tensor = &file->tensors[i];
        size_t at = (size_t)(tensor->data - data);
        if (at > size || tensor->size > size - at ||
            model_file_tensor(file, tensor->name) != tensor) {
            abort();
        }
    }
    for (size_t i = 0; i < file->n_unread && i < 100; i++) {
        model_file_narrow(file, file->unread[i].name, &err);
    }
}

static void read_weights(const uint8_t *data, size_t size) {
    struct gen_error err;
    struct model_file *file = memory_new(1, sizeof *file);
    if (file == NULL || !model_file_room_for_map(file)) {
        abort();
    }
    file->naming = NAMES_HF;
    file->maps[0] = (struct file_map){.data = data, .size = size, .mapped = false};
    file->n_maps = 1;
    if (torch_read(file, 0, "fuzz", NULL, &err) == GEN_OK) {
        check_tensors(file, data, size);
    } else {
        fuzz_check_error(&err);
    }
    model_file_free(file);
}

static void put(struct gen_bytes *out, const void *bytes, size_t n) {
    if (gen_bytes_append(out, bytes, n) != GEN_OK) {
        abort();
    }
}

static void put_number(struct gen_bytes *out, uint64_t value, size_t n) {
    unsigned char bytes[8];
    bytes_put_u64(bytes, value);
    put(out, bytes, n);
}

/* An entry in `out`, and what the central directory says of it. */
static void put_entry(struct gen_bytes *out, struct gen_bytes *directory, const char *name,
                      const void *data, size_t n) {
    struct gen_bytes fields = {0};
    size_t at = out->n, n_name = strlen(name);
    put_number(&fields, 0, 8); /* flags, method, time and date */
    put_number(&fields, crc32_of(data, n), 4);
    put_number(&fields, n, 4);
    put_number(&fields, n, 4);
    put_number(&fields, n_name, 4); /* and no extra field */
    put(out, "PK\3\4\0\0", 6);
    put(out, fields.data, fields.n);
    put(out, name, n_name);
    put(out, data, n);
    put(directory, "PK\1\2\0\0\0\0", 8);
    put(directory, fields.data, fields.n);
    put_number(directory, 0, 8);
    put_number(directory, 0, 2);
    put_number(directory, at, 4);
    put(directory, name, n_name);
    gen_bytes_release(&fields);
}

static void make_file(struct gen_bytes *out, const uint8_t *pickle, size_t n) {
    struct gen_bytes directory = {0};
    float numbers[NUMBERS] = {0};
    put_entry(out, &directory, "t/data.pkl", pickle, n);
    put_entry(out, &directory, "t/data/0", numbers, sizeof numbers);
    put_entry(out, &directory, "t/data/1", numbers, sizeof numbers);
    size_t at = out->n;
    put(out, directory.data, directory.n);
    put(out, "PK\5\6\0\0\0\0\3\0\3\0", 12);
    put_number(out, directory.n, 4);
    put_number(out, at, 4);
    put_number(out, 0, 2);
    gen_bytes_release(&directory);
}

static void read_checkpoint(const struct gen_bytes *bytes) {
    struct gen_model_options options = gen_model_options_default();
    struct gen_model *model;
    struct gen_error err;
    options.n_threads = 1;
    if (gen_model_open(&model, fuzz_write(NANOGPT_FILE, bytes->data, bytes->n), &options, &err) ==
        GEN_OK) {
        gen_model_free(model);
    } else {
        fuzz_check_error(&err);
    }
}

static void read_characters(const uint8_t *data, size_t size) {
    struct gen_error err;
    struct gen_tokenizer *tokenizer;
    if (torch_read_characters(&tokenizer, fuzz_write("meta.pkl", data, size), &err) == GEN_OK) {
        gen_tokenizer_free(tokenizer);
    } else {
        fuzz_check_error(&err);
    }
    fuzz_write("meta.pkl", NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_bytes file = {0};
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        read_weights(data + 1, size - 1);
        break;
    case 1:
        read_characters(data + 1, size - 1);
        break;
    case 2:
        make_file(&file, data + 1, size - 1);
        read_weights((const uint8_t *)file.data, file.n);
        break;
    default:
        make_file(&file, data + 1, size - 1);
        read_checkpoint(&file);
        break;
    }
    gen_bytes_release(&file);
    return 0;
}
