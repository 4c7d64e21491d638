/**
 * test_malformed_torch.c - good files of torch.save() broken in one place at a time: ZIPs, the
 * form before PyTorch 1.6, files of another kind. Each must be refused with one fit sentence. The
 * pickles in them are test_malformed_pickle.c's; what is wrong with shards is what is wrong with
 * those of safetensors: test_malformed_hf.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "format/model_file.h"
#include "format_fixture.h"
#include "torch_fixture.h"

#define B(bytes) bytes, sizeof(bytes) - 1

struct pickle_case {
    const char *what, *bytes;
    size_t n;
    const char *expected;
};

/* ---- ZIP -------------------------------------------------------------------------------------*/

/* Where something is changed: in the headers of data.pkl, the first entry, and the end records. */
enum part { LOCAL, AFTER, CENTRAL, END_64, LOCATOR, END };

struct zip_case {
    const char *what;
    enum part part;
    size_t at, n; /* bytes there */
    uint64_t value;
    const char *expected;
};

static const struct zip_case zips[] = {
    {"local magic", LOCAL, 0, 4, 0x04034b51, "is no file of torch.save()"},
    {"local flags", LOCAL, 6, 2, 0x800, "says otherwise"},
    {"encrypted in local only", LOCAL, 6, 2, 0x809, "says otherwise"},
    {"compressed in local only", LOCAL, 8, 2, 8, "says otherwise"},
    {"local check sum", LOCAL, 14, 4, 1, "says otherwise"},
    {"local packed size", LOCAL, 18, 4, 5, "says otherwise"},
    {"local size", LOCAL, 22, 4, 5, "says otherwise"},
    {"local size of 64 bits, without field", LOCAL, 22, 4, 0xffffffff, "says otherwise"},
    {"local name longer", LOCAL, 26, 2, 11, "says otherwise"},
    {"local name shorter", LOCAL, 26, 2, 9, "says otherwise"},
    {"local name endless", LOCAL, 26, 2, 0xffff, "does not lie where"},
    {"local extra longer", LOCAL, 28, 2, 7, "says otherwise"},
    {"local extra endless", LOCAL, 28, 2, 0xffff, "does not lie where"},
    {"local extra of no form", LOCAL, 42, 2, 9, "says otherwise"},
    {"local ZIP64 field of 2 bytes", LOCAL, 40, 2, 1, "says otherwise"},
    {"local name differs", LOCAL, 30, 1, 'u', "says otherwise"},
    {"descriptor magic", AFTER, 0, 4, 0, "after its data"},
    {"descriptor check sum", AFTER, 4, 4, 7, "after its data"},
    {"descriptor packed size", AFTER, 8, 4, 7, "after its data"},
    {"descriptor size", AFTER, 12, 4, 7, "after its data"},
    {"central magic", CENTRAL, 0, 4, 0, "central directory"},
    {"central flags", CENTRAL, 8, 2, 0x800, "says otherwise"},
    {"encrypted", CENTRAL, 8, 2, 0x809, "is encrypted"},
    {"strongly encrypted", CENTRAL, 8, 2, 0x848, "is encrypted"},
    {"deflated", CENTRAL, 10, 2, 8, "is compressed"},
    {"zstd", CENTRAL, 10, 2, 93, "is compressed"},
    {"central check sum", CENTRAL, 16, 4, 7, "after its data"},
    {"central packed size", CENTRAL, 20, 4, 7, "do not fit together"},
    {"central size", CENTRAL, 24, 4, 7, "do not fit together"},
    {"central size of 64 bits, without field", CENTRAL, 24, 4, 0xffffffff, "do not fit together"},
    {"both sizes larger than the file", CENTRAL, 20, 8, 0x7fffffff7fffffff, "do not fit together"},
    {"both sizes one less", CENTRAL, 20, 8, ~UINT64_C(0), "do not fit together"},
    {"central name longer", CENTRAL, 28, 2, 11, "central directory"},
    {"central name endless", CENTRAL, 28, 2, 0xffff, "ends within an entry"},
    {"central extra endless", CENTRAL, 30, 2, 0xffff, "ends within an entry"},
    {"central comment", CENTRAL, 32, 2, 1, "has not"},
    {"on another disk", CENTRAL, 34, 2, 1, "has not"},
    {"at the second entry", CENTRAL, 42, 4, 200, "at its beginning"},
    {"at one byte", CENTRAL, 42, 4, 1, "at its beginning"},
    {"beyond the end", CENTRAL, 42, 4, 0x7fffffff, "do not fit"},
    {"offset of 64 bits, without field", CENTRAL, 42, 4, 0xffffffff, "do not fit"},
    {"central name differs", CENTRAL, 46, 1, 'u', "says otherwise"},
    {"ZIP64 end magic", END_64, 0, 4, 0, "ZIP64"},
    {"ZIP64 end size", END_64, 4, 8, 45, "ZIP64"},
    {"ZIP64 end disks", END_64, 16, 4, 1, "ZIP64"},
    {"ZIP64 entries here", END_64, 24, 8, 2, "ZIP64"},
    {"ZIP64 entries", END_64, 32, 8, 2, "ZIP64"},
    {"ZIP64 directory size", END_64, 40, 8, 2, "ZIP64"},
    {"ZIP64 directory size endless", END_64, 40, 8, UINT64_MAX, "ZIP64"},
    {"ZIP64 directory offset", END_64, 48, 8, 2, "ZIP64"},
    {"locator magic", LOCATOR, 0, 4, 0, "does not lie right before"},
    {"locator disk", LOCATOR, 4, 4, 1, "ZIP64"},
    {"locator offset", LOCATOR, 8, 8, 1, "ZIP64"},
    {"locator offset endless", LOCATOR, 8, 8, UINT64_MAX, "ZIP64"},
    {"locator disks", LOCATOR, 16, 4, 2, "ZIP64"},
    {"end magic", END, 0, 4, 0, "does not end as a ZIP"},
    {"end disks", END, 4, 4, 1, "end record"},
    {"end entries here", END, 8, 2, 2, "end record"},
    {"end entries", END, 8, 4, 0x00020002, "ZIP64"},
    {"end directory size", END, 12, 4, 2, "ZIP64"},
    {"end directory offset", END, 16, 4, 2, "ZIP64"},
    {"end comment", END, 20, 2, 1, "end record"},
};

static size_t place_of(const struct gen_bytes *file, enum part part) {
    switch (part) {
    case LOCAL:
        return 0;
    case AFTER:
        return fixture_find(file, "PK\7\10", 4);
    case CENTRAL:
        return fixture_find(file, "PK\1\2", 4);
    case END_64:
        return fixture_find(file, "PK\6\6", 4);
    case LOCATOR:
        return fixture_find(file, "PK\6\7", 4);
    case END:
    default:
        return fixture_find(file, "PK\5\6", 4);
    }
}

static void test_zips(void **state) {
    (void)state;
    struct gen_bytes file = {0};
    size_t n_bad = 0, n = sizeof zips / sizeof *zips;
    for (size_t i = 0; i < n; i++) {
        torch_file(&file, B(GOOD_PICKLE));
        size_t at = place_of(&file, zips[i].part) + zips[i].at;
        for (size_t byte = 0; byte < zips[i].n; byte++) {
            file.data[at + byte] = (char)(zips[i].value >> 8 * byte & 0xff);
        }
        n_bad += !torch_refused(zips[i].what, &file, zips[i].expected);
    }
    print_message("# %zu malformed ZIPs\n", n);
    gen_bytes_release(&file);
    assert_int_equal(n_bad, 0);
}

/* Entries of these names, all with the good pickle in them or 32 bytes. */
static void file_of(struct gen_bytes *out, const char *const *names) {
    struct torch_zip zip = {.n = 0};
    for (size_t i = 0; names[i] != NULL; i++) {
        bool pickle = strstr(names[i], ".pkl") != NULL;
        bool order = strstr(names[i], "byteorder") != NULL;
        torch_zip_add(&zip, names[i],
                      pickle  ? GOOD_PICKLE
                      : order ? "big"
                              : "01234567012345670123456701234567",
                      pickle  ? sizeof GOOD_PICKLE - 1
                      : order ? 3
                              : 32);
    }
    torch_zip_end(&zip);
    out->n = 0;
    fixture_put(out, zip.bytes.data, zip.bytes.n);
    torch_zip_release(&zip);
}

static void test_entries(void **state) {
    (void)state;
    static const struct {
        const char *what, *names[5], *expected;
    } cases[] = {
        {"no data.pkl", {"t/data/0"}, "without an entry data.pkl"},
        {"data.pkl without a folder", {"data.pkl", "data/0"}, "without an entry data.pkl"},
        {"two folders", {"t/data.pkl", "u/data.pkl", "t/data/0"}, "two entries data.pkl"},
        {"a name twice", {"t/data.pkl", "t/data/0", "t/data/0"}, "\"t/data/0\" is there twice"},
        {"data.pkl twice", {"t/data.pkl", "t/data.pkl", "t/data/0"}, "is there twice"},
        {"TorchScript", {"t/data.pkl", "t/constants.pkl", "t/data/0"}, "TorchScript"},
        {"big-endian", {"t/data.pkl", "t/byteorder", "t/data/0"}, "big-endian"},
        {"storage in another folder", {"t/data.pkl", "u/data/0"}, "is not there"},
        {"storage above", {"t/data.pkl", "t/data/../data/0"}, "is not there"},
    };
    struct gen_bytes file = {0};
    size_t n_bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_of(&file, cases[i].names);
        n_bad += !torch_refused(cases[i].what, &file, cases[i].expected);
    }
    gen_bytes_release(&file);
    assert_int_equal(n_bad, 0);
}

/* Bytes put in somewhere, or two entries at one place. */
static void test_put_in(void **state) {
    (void)state;
    struct gen_bytes file = {0}, other = {0};
    size_t n_bad = 0;
    torch_file(&file, B(GOOD_PICKLE));
    size_t places[] = {0,
                       place_of(&file, AFTER),
                       place_of(&file, CENTRAL),
                       place_of(&file, END_64),
                       place_of(&file, END),
                       file.n};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        other.n = 0;
        fixture_put(&other, file.data, places[i]);
        fixture_text(&other, "PK\3\4");
        fixture_put(&other, file.data + places[i], file.n - places[i]);
        n_bad += !torch_refused("bytes put in", &other, TORCH_WEIGHTS);
    }
    /* The second entry of the directory at the place of the first. */
    size_t second = place_of(&file, CENTRAL) + 46 + strlen("t/data.pkl");
    memset(file.data + second + 42, 0, 4);
    n_bad += !torch_refused("two entries at one place", &file, "overlaps");
    /* data.pkl damaged. */
    torch_file(&file, B(GOOD_PICKLE));
    file.data[fixture_find(&file, "FloatStorage", 12)] = 'E';
    n_bad += !torch_refused("a check sum", &file, "CRC-32");
    gen_bytes_release(&file);
    gen_bytes_release(&other);
    assert_int_equal(n_bad, 0);
}

/* ---- the older form --------------------------------------------------------------------------*/

#define LEGACY(about, pickle, keys) B(about), B(pickle), B(keys)

static const struct {
    const char *what, *about;
    size_t n_about;
    const char *pickle;
    size_t n;
    const char *keys;
    size_t n_keys;
    const char *expected;
} legacy[] = {
    {"no dict", LEGACY("\200\2N.", LEGACY_PICKLE, LEGACY_KEYS), "little_endian"},
    {"no endianness", LEGACY("\200\2}.", LEGACY_PICKLE, LEGACY_KEYS), "little_endian"},
    {"endianness is a number",
     LEGACY("\200\2}X\15\0\0\0little_endianK\1s.", LEGACY_PICKLE, LEGACY_KEYS), "little_endian"},
    {"big-endian", LEGACY("\200\2}X\15\0\0\0little_endian\211s.", LEGACY_PICKLE, LEGACY_KEYS),
     "big-endian"},
    {"code in the first dict",
     LEGACY("\200\2cos\nsystem\nX\2\0\0\0ls\205R.", LEGACY_PICKLE, LEGACY_KEYS), "os.system"},
    {"code in the value", LEGACY(LEGACY_ABOUT, "\200\2cos\nsystem\nX\2\0\0\0ls\205R.", LEGACY_KEYS),
     "os.system"},
    {"code in the keys",
     LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, "\200\2cos\nsystem\nX\2\0\0\0ls\205R."), "os.system"},
    {"five parts", LEGACY(LEGACY_ABOUT, GOOD_PICKLE, LEGACY_KEYS), "not named"},
    {"a view",
     LEGACY(LEGACY_ABOUT,
            PICKLE(NAME TENSOR(LEGACY_STORAGE("X\1\0\0\0"
                                              "1K\0K\10\207"),
                               PLACE)),
            LEGACY_KEYS),
     "view of another"},
    {"keys are a dict", LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, "\200\2}."), "no list of its storages"},
    {"no keys", LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, "\200\2]."), "not in its list"},
    {"another key",
     LEGACY(LEGACY_ABOUT, LEGACY_PICKLE,
            "\200\2]X\1\0\0\0"
            "1a."),
     "no tensor has it"},
    {"a key that is a number", LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, "\200\2]K\1a."),
     "no tensor has it"},
    {"a key twice",
     LEGACY(LEGACY_ABOUT, LEGACY_PICKLE,
            "\200\2](X\1\0\0\0"
            "0X\1\0\0\0"
            "0e."),
     "there twice"},
    {"not all bytes",
     LEGACY(LEGACY_ABOUT,
            PICKLE(NAME TENSOR("(X\7\0\0\0storagectorch\nDoubleStorage\nX\1\0\0\0"
                               "0X\3\0\0\0cpuK\10NtQ",
                               PLACE)),
            LEGACY_KEYS),
     "ends within the storage"},
    {"other size",
     LEGACY(LEGACY_ABOUT,
            PICKLE(NAME TENSOR("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                               "0X\3\0\0\0cpuK\11NtQ",
                               PLACE)),
            LEGACY_KEYS),
     "has 8 numbers, but its tensors say 9"},
};

static void test_legacy(void **state) {
    (void)state;
    struct gen_bytes file = {0};
    size_t n_bad = 0, n = sizeof legacy / sizeof *legacy;
    torch_legacy_file(&file, LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, LEGACY_KEYS));
    torch_check_good(&file);
    fixture_put(&file, "x", 1);
    n_bad += !torch_refused("a byte too many", &file, "bytes after the last storage");
    for (size_t i = 0; i < n; i++) {
        torch_legacy_file(&file, legacy[i].about, legacy[i].n_about, legacy[i].pickle, legacy[i].n,
                          legacy[i].keys, legacy[i].n_keys);
        n_bad += !torch_refused(legacy[i].what, &file, legacy[i].expected);
    }
    print_message("# %zu malformed files of the older form\n", n + 1);
    gen_bytes_release(&file);
    assert_int_equal(n_bad, 0);
}

/* ---- every place -----------------------------------------------------------------------------*/

/* Opens or says in one line why not; true if it opens. */
static bool opens(const char *directory) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    bool good = model_file_open(&file, directory, &err) == GEN_OK;
    if (!good) {
        const char *problem = fixture_message_problem(&err, TORCH_WEIGHTS);
        if (problem != NULL) {
            fail_msg("%s: %s", problem, err.message);
        }
    }
    model_file_free(file);
    return good;
}

/* Cut off anywhere it is refused; with any bit turned it opens or is refused. */
static void check_everywhere(const struct gen_bytes *file) {
    const char *directory = torch_directory(file);
    struct gen_bytes other = {0};
    size_t n_opened = 0;
    for (size_t n = 0; n < file->n; n++) {
        other.n = 0;
        fixture_put(&other, file->data, n);
        fixture_write(directory, TORCH_WEIGHTS, &other);
        assert_false(opens(directory));
    }
    fixture_put(&other, file->data + other.n, file->n - other.n);
    for (size_t bit = 0; bit < file->n * 8; bit += 3) {
        other.data[bit / 8] = (char)(other.data[bit / 8] ^ (1 << bit % 8));
        fixture_write(directory, TORCH_WEIGHTS, &other);
        n_opened += opens(directory);
        other.data[bit / 8] = (char)(other.data[bit / 8] ^ (1 << bit % 8));
    }
    print_message("# %zu truncations, %zu bits turned, of which %zu do no harm\n", file->n,
                  file->n * 8 / 3, n_opened);
    gen_bytes_release(&other);
    fixture_directory_remove(directory);
}

static void test_everywhere(void **state) {
    (void)state;
    struct gen_bytes file = {0};
    torch_file(&file, B(GOOD_PICKLE));
    check_everywhere(&file);
    torch_legacy_file(&file, LEGACY(LEGACY_ABOUT, LEGACY_PICKLE, LEGACY_KEYS));
    check_everywhere(&file);
    gen_bytes_release(&file);
}

/* ---- other things under this name ------------------------------------------------------------*/

static void test_other_files(void **state) {
    (void)state;
    static const struct pickle_case cases[] = {
        {"nothing", B(""), "is empty"},
        {"a git-lfs pointer", B("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
        {"a web page", B("<!DOCTYPE html>"), "web page"},
        {"HDF5", B("\211HDF\r\n\32\n"), "HDF5"},
        {"text", B("hello"), "no file of torch.save()"},
        {"a pickle of another kind", B("\200\2}."), "PyTorch"},
        {"a GGUF", B("GGUF\3\0\0\0"), "no file of torch.save()"},
        {"the beginning of a ZIP", B("PK\3\4"), "does not end as a ZIP"},
        {"an empty ZIP", B("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
         "no file of torch.save()"},
    };
    struct gen_bytes file = {0};
    size_t n_bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file.n = 0;
        fixture_put(&file, cases[i].bytes, cases[i].n);
        n_bad += !torch_refused(cases[i].what, &file, cases[i].expected);
    }
    file.n = 0;
    for (int i = 0; i < 600; i++) {
        fixture_put(&file, "", 1);
    }
    memcpy(file.data + 257, "ustar", 5);
    n_bad += !torch_refused("tar", &file, "is a tar file");
    gen_bytes_release(&file);
    const char *directory = fixture_directory_new();
    fixture_write_text(directory, "config.json", "{}");
    assert_int_equal(symlink(TORCH_WEIGHTS, fixture_path(directory, TORCH_WEIGHTS)), 0);
    n_bad += !fixture_refused("a link to itself", directory, TORCH_WEIGHTS, "cannot open");
    remove(fixture_path(directory, TORCH_WEIGHTS));
    assert_int_equal(symlink("/nowhere", fixture_path(directory, TORCH_WEIGHTS)), 0);
    n_bad += !fixture_refused("a link that leads nowhere", directory, TORCH_WEIGHTS, "cannot open");
    remove(fixture_path(directory, TORCH_WEIGHTS));
    assert_int_equal(mkfifo(fixture_path(directory, TORCH_WEIGHTS), 0600), 0);
    n_bad += !fixture_refused("a FIFO", directory, TORCH_WEIGHTS, "not a regular file");
    fixture_directory_remove(directory);
    assert_int_equal(n_bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zips),       cmocka_unit_test(test_entries),
        cmocka_unit_test(test_put_in),     cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_everywhere), cmocka_unit_test(test_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
