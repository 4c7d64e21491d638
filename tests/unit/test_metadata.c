/**
 * test_metadata.c - settings of a GGUF pass through the writer as they are, whatever their type:
 * read, copied and written, each has the bytes it had. Which of them are carried is tested in
 * metadata.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/gguf_write.h"
#include "format/model_file.h"
#include "format_fixture.h"
#include "gen.h"

/* The bytes of one value of each type, little-endian, as gguf_write.h lays them out. */
static const struct {
    uint32_t type;
    const char *bytes;
    size_t n;
} values[] = {
    {SETTING_U8, "\xc8", 1},
    {SETTING_I8, "\xfb", 1},
    {SETTING_U16, "\x60\xea", 2},
    {SETTING_I16, "\xd4\xfe", 2},
    {SETTING_U32, "\x00\x28\x6b\xee", 4},
    {SETTING_I32, "\xf9\xff\xff\xff", 4},
    {SETTING_F32, "\xcd\xcc\xcc\x3d", 4},
    {SETTING_BOOL, "\x01", 1},
    {SETTING_STRING, "\x03\x00\x00\x00\x00\x00\x00\x00\xc3\xa4\n", 11},
    {SETTING_U64, "\x05\x00\x00\x00\x00\x00\x00\x80", 8},
    {SETTING_I64, "\x01\x00\x00\x00\x00\x00\x00\xc0", 8},
    {SETTING_F64, "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8},
};
#define N_VALUES (sizeof values / sizeof *values)

/* Each type alone and three in an array; the end of the header is the end of the file. */
static void put_all(struct gen_bytes *out) {
    for (size_t i = 0; i < N_VALUES; i++) {
        char key[24];
        snprintf(key, sizeof key, "my.value.%zu", i);
        fixture_key(out, key, values[i].type);
        fixture_put(out, values[i].bytes, values[i].n);
        snprintf(key, sizeof key, "my.array.%zu", i);
        fixture_array_key(out, key, values[i].type, 3);
        for (int j = 0; j < 3; j++) {
            fixture_put(out, values[i].bytes, values[i].n);
        }
    }
}

static void test_every_type(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_bytes image = {0}, settings = {0};
    put_all(&settings);
    fixture_gguf_start(&image, 0, 2 * N_VALUES);
    fixture_put(&image, settings.data, settings.n);
    struct model_file *file;
    assert_int_equal(model_file_open_memory(&file, "image", image.data, image.n, &err), GEN_OK);

    char directory[200];
    snprintf(directory, sizeof directory, "%s", fixture_directory_new());
    const char *path = fixture_path(directory, "copy.gguf");
    struct gguf_writer *writer;
    assert_int_equal(gguf_writer_new(&writer, path, &err), GEN_OK);
    for (size_t i = 0; i < file->n_settings; i++) {
        assert_int_equal(gguf_writer_setting(writer, &file->settings[i], &err), GEN_OK);
    }
    assert_int_equal(gguf_writer_commit(writer, &err), GEN_OK);
    gguf_writer_free(writer);

    struct file_map map;
    assert_int_equal(file_map_open(&map, path, &err), GEN_OK);
    assert_true(map.size >= image.n);
    assert_memory_equal(map.data, image.data, image.n);
    file_map_close(&map);
    model_file_free(file);
    fixture_directory_remove(directory);
    gen_bytes_release(&settings);
    gen_bytes_release(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_type)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
