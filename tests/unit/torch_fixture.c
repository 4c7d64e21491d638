/**
 * torch_fixture.c - see torch_fixture.h.
 */
#include "torch_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "format/model_file.h"
#include "format_fixture.h"

/* Bit by bit, unlike the library. */
static uint32_t check_sum(const unsigned char *bytes, size_t n) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
        }
    }
    return ~crc;
}

static void put_u16(struct gen_bytes *out, unsigned value) {
    unsigned char bytes[2];
    bytes_put_u16(bytes, (uint16_t)value);
    fixture_put(out, bytes, 2);
}

void torch_zip_add(struct torch_zip *zip, const char *name, const void *data, size_t n) {
    size_t n_name = strlen(name), at = zip->bytes.n;
    uint32_t crc = check_sum(data, n);
    fixture_text(&zip->bytes, "PK\3\4");
    put_u16(&zip->bytes, 0);
    put_u16(&zip->bytes, 0x808);
    for (int i = 0; i < 9; i++) { /* stored, no date; check sum and sizes come later */
        put_u16(&zip->bytes, 0);
    }
    put_u16(&zip->bytes, (unsigned)n_name);
    put_u16(&zip->bytes, 6);
    fixture_put(&zip->bytes, name, n_name);
    fixture_put(&zip->bytes, "FB\2\0ZZ", 6);
    fixture_put(&zip->bytes, data, n);
    fixture_put(&zip->bytes, "PK\7\10", 4);
    fixture_u32(&zip->bytes, crc);
    fixture_u32(&zip->bytes, (uint32_t)n);
    fixture_u32(&zip->bytes, (uint32_t)n);
    struct gen_bytes *d = &zip->directory;
    fixture_text(d, "PK\1\2");
    fixture_u32(d, 0);
    put_u16(d, 0x808);
    put_u16(d, 0);
    fixture_u32(d, 0);
    fixture_u32(d, crc);
    fixture_u32(d, (uint32_t)n);
    fixture_u32(d, (uint32_t)n);
    put_u16(d, (unsigned)n_name);
    for (int i = 0; i < 6; i++) { /* extra, comment, disk, attributes */
        put_u16(d, 0);
    }
    fixture_u32(d, (uint32_t)at);
    fixture_put(d, name, n_name);
    zip->n++;
}

void torch_zip_end(struct torch_zip *zip) {
    size_t at = zip->bytes.n, size = zip->directory.n;
    fixture_put(&zip->bytes, zip->directory.data, size);
    size_t end = zip->bytes.n;
    fixture_text(&zip->bytes, "PK\6\6");
    fixture_u64(&zip->bytes, 44);
    fixture_u32(&zip->bytes, 0x002d031e);
    fixture_u64(&zip->bytes, 0);
    fixture_u64(&zip->bytes, zip->n);
    fixture_u64(&zip->bytes, zip->n);
    fixture_u64(&zip->bytes, size);
    fixture_u64(&zip->bytes, at);
    fixture_text(&zip->bytes, "PK\6\7");
    fixture_u32(&zip->bytes, 0);
    fixture_u64(&zip->bytes, end);
    fixture_u32(&zip->bytes, 1);
    fixture_text(&zip->bytes, "PK\5\6");
    fixture_u32(&zip->bytes, 0);
    put_u16(&zip->bytes, zip->n);
    put_u16(&zip->bytes, zip->n);
    fixture_u32(&zip->bytes, (uint32_t)size);
    fixture_u32(&zip->bytes, (uint32_t)at);
    put_u16(&zip->bytes, 0);
}

void torch_zip_release(struct torch_zip *zip) {
    gen_bytes_release(&zip->bytes);
    gen_bytes_release(&zip->directory);
}

static const float numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};

void torch_file(struct gen_bytes *out, const char *pickle, size_t n) {
    struct torch_zip zip = {.n = 0};
    torch_zip_add(&zip, "t/data.pkl", pickle, n);
    torch_zip_add(&zip, "t/byteorder", "little", 6);
    torch_zip_add(&zip, "t/data/0", numbers, sizeof numbers);
    torch_zip_end(&zip);
    out->n = 0;
    fixture_put(out, zip.bytes.data, zip.bytes.n);
    torch_zip_release(&zip);
}

void torch_legacy_file(struct gen_bytes *out, const char *about, size_t n_about, const char *pickle,
                       size_t n, const char *keys, size_t n_keys) {
    static const char magic[] = "\200\2\212\12l\374\234F\371 j\250P\31.\200\2M\351\3.";
    out->n = 0;
    fixture_put(out, magic, sizeof magic - 1);
    fixture_put(out, about, n_about);
    fixture_put(out, pickle, n);
    fixture_put(out, keys, n_keys);
    fixture_u64(out, 8);
    fixture_put(out, numbers, sizeof numbers);
}

const char *torch_directory(const struct gen_bytes *weights) {
    const char *directory = fixture_directory_new();
    fixture_write_text(directory, "config.json", "{\"model_type\": \"gpt2\"}");
    fixture_write(directory, TORCH_WEIGHTS, weights);
    return directory;
}

bool torch_refused(const char *what, const struct gen_bytes *weights, const char *expected) {
    const char *directory = torch_directory(weights);
    bool refused = fixture_refused(what, directory, TORCH_WEIGHTS, expected);
    fixture_directory_remove(directory);
    return refused;
}

void torch_check_good(const struct gen_bytes *weights) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    const char *directory = torch_directory(weights);
    if (model_file_open(&file, directory, &err) != GEN_OK) {
        fail_msg("the good one: %s", err.message);
    }
    const struct file_tensor *tensor = model_file_tensor(file, "a");
    assert_non_null(tensor);
    assert_int_equal(tensor->dims[0], 2);
    assert_int_equal(tensor->dims[1], 4);
    assert_int_equal(bytes_u32(tensor->data), 0x3f800000);
    model_file_free(file);
    fixture_directory_remove(directory);
}
