/**
 * test_file.c - files: mapped, read whole, written next to their target; and all that is not a
 * regular file.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* ---- a directory of our own, the current one while the tests run ------------------------- */

static char scratch[] = "/tmp/gen-test-file-XXXXXX";

static int enter_scratch(void **state) {
    (void)state;
    return mkdtemp(scratch) == NULL || chdir(scratch) != 0 || chmod(".", 0755) != 0;
}

/* Remove every file of the directory; returns how many there were. */
static int empty_scratch(void) {
    int n = 0;
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(remove(entry->d_name), 0);
            n++;
        }
    }
    closedir(directory);
    return n;
}

static int leave_scratch(void **state) {
    (void)state;
    empty_scratch();
    return chdir("/") != 0 || rmdir(scratch) != 0;
}

static void make_file(const char *path, const char *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void assert_file_is(const char *path, const char *text) {
    char *found = NULL;
    size_t size = 0;
    assert_int_equal(file_read(&found, &size, path, 1000, NULL), GEN_OK);
    assert_string_equal(found, text);
    memory_free(found);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void test_map(void **state) {
    (void)state;
    enum { SIZE = 300001 };
    char *bytes = memory_new(SIZE, 1);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (char)(i * 7 % 251);
    }
    make_file("large", bytes, SIZE);
    struct file_map map;
    struct gen_error err;
    assert_int_equal(file_map_open_readable(&map, "large", &err), GEN_OK);
    assert_int_equal(map.size, SIZE);
    assert_memory_equal(map.data, bytes, SIZE);
    /* What was dropped comes back when it is touched; what lies around it stays. */
    file_map_drop(&map, map.data, SIZE);
    file_map_drop(&map, map.data + 1, 4095);
    file_map_drop(&map, map.data + 5000, 0);
    assert_memory_equal(map.data, bytes, SIZE);
    unsigned char *piece = memory_new(SIZE, 1);
    assert_ptr_equal(file_map_read(&map, map.data + 4097, SIZE - 4097, piece), piece);
    assert_memory_equal(piece, bytes + 4097, SIZE - 4097);
    assert_ptr_equal(file_map_read(&map, map.data, 0, piece), piece);
    /* Cut short by others: up to the end it is read, beyond it is not, and nothing dies. */
    assert_int_equal(truncate("large", 5000), 0);
    assert_ptr_equal(file_map_read(&map, map.data + 4000, 1000, piece), piece);
    assert_memory_equal(piece, bytes + 4000, 1000);
    assert_null(file_map_read(&map, map.data + 4000, 1001, piece));
    assert_int_equal(file_read_error(&err, "large", errno), GEN_IO_ERROR);
    assert_string_equal(err.message, "large: became shorter while it was read");
    file_map_stop_reading(&map);
    file_map_stop_reading(&map);
    assert_ptr_equal(file_map_read(&map, map.data + 4000, 1000, piece), map.data + 4000);
    memory_free(piece);
    file_map_close(&map);
    file_map_close(&map);

    struct file_map borrowed = {.data = (unsigned char *)bytes, .size = SIZE, .mapped = false};
    file_map_drop(&borrowed, borrowed.data, SIZE);
    assert_ptr_equal(file_map_read(&borrowed, borrowed.data + 9, 10, NULL), borrowed.data + 9);
    assert_true(bytes[8000] == (char)(8000 * 7 % 251));
    file_map_close(&borrowed);
    memory_free(bytes);

    make_file("empty", "", 0);
    assert_int_equal(file_map_open(&map, "empty", &err), GEN_OK);
    assert_int_equal(map.size, 0);
    assert_false(map.mapped);
    file_map_close(&map);
    empty_scratch();
}

static void test_read(void **state) {
    (void)state;
    make_file("five", "ab\0cd", 5);
    char *text = NULL;
    size_t size = 0;
    struct gen_error err;
    assert_int_equal(file_read(&text, &size, "five", 5, &err), GEN_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "ab\0cd", 6);
    memory_free(text);
    text = NULL;
    assert_int_equal(file_read(&text, &size, "five", 4, &err), GEN_BAD_FILE);
    assert_null(text);
    assert_non_null(strstr(err.message, "five"));

    char *path = file_join("a", "b");
    assert_string_equal(path, "a/b");
    memory_free(path);
    path = file_join("/", "b");
    assert_string_equal(path, "/b");
    memory_free(path);
    empty_scratch();
}

/* Neither way of reading takes it, at once, with one clean line that names it. */
static void check_refused(const char *path, const char *reason) {
    struct file_map map;
    char *text = NULL;
    size_t size = 0;
    for (int way = 0; way < 2; way++) {
        struct gen_error err = {0};
        enum gen_status status =
            way == 0 ? file_map_open(&map, path, &err) : file_read(&text, &size, path, 1000, &err);
        assert_int_equal(status, GEN_IO_ERROR);
        assert_int_equal(err.status, GEN_IO_ERROR);
        assert_non_null(strstr(err.message, path));
        if (strstr(err.message, reason) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.message, reason);
        }
        assert_null(text);
    }
}

static void test_not_regular(void **state) {
    (void)state;
    alarm(20); /* a test that waits for a FIFO's writer shall not wait for ever */
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);

    check_refused("fifo", "regular file");
    check_refused("directory", "directory");
    check_refused("/dev/null", "regular file");
    check_refused("/dev/zero", "regular file");
    check_refused("socket", "");
    check_refused("loop", "open");
    check_refused("dangling", "No such file");
    check_refused("missing", "No such file");
    check_refused("", "No such file");

    make_file("file", "x", 1);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(file_kind_of("file"), FILE_REGULAR);
    assert_int_equal(file_kind_of("link"), FILE_REGULAR);
    assert_int_equal(file_kind_of("directory"), FILE_DIRECTORY);
    assert_int_equal(file_kind_of("fifo"), FILE_OTHER);
    assert_int_equal(file_kind_of("loop"), FILE_OTHER);
    assert_int_equal(file_kind_of("dangling"), FILE_OTHER);
    assert_int_equal(file_kind_of("missing"), FILE_MISSING);
    close(listener);
    alarm(0);
    empty_scratch();
}

static void test_no_permission(void **state) {
    (void)state;
    make_file("secret", "x", 1);
    assert_int_equal(chmod("secret", 0), 0);
    /* Root may read everything, so be somebody else for a moment. */
    uid_t me = geteuid();
    if (me == 0) {
        assert_int_equal(seteuid(65534), 0);
    }
    check_refused("secret", "Permission denied");
    assert_int_equal(seteuid(me), 0);
    empty_scratch();
}

static void test_hostile_name(void **state) {
    (void)state;
    struct file_map map;
    struct gen_error err;
    assert_int_equal(file_map_open(&map, "no\x1b[31m\nsuch", &err), GEN_IO_ERROR);
    assert_null(strchr(err.message, '\x1b'));
    assert_null(strchr(err.message, '\n'));
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(file_map_open(&map, name, &err), GEN_IO_ERROR);
    assert_true(strlen(err.message) < 300);
    assert_non_null(strstr(err.message, "too long"));
}

/* ---- writing ----------------------------------------------------------------------------- */

static void test_write(void **state) {
    (void)state;
    make_file("target", "old", 3);
    struct file_writer writer;
    struct gen_error err;
    assert_int_equal(file_writer_open(&writer, "target", &err), GEN_OK);
    assert_int_equal(file_writer_put(&writer, "new", 3, &err), GEN_OK);
    assert_int_equal(file_writer_put(&writer, "", 0, &err), GEN_OK);
    assert_file_is("target", "old");
    assert_int_equal(file_writer_commit(&writer, &err), GEN_OK);
    assert_int_equal(writer.n_written, 3);
    file_writer_close(&writer);
    file_writer_close(&writer);
    assert_file_is("target", "new");

    /* Given up: as if nothing had been. */
    assert_int_equal(file_writer_open(&writer, "target", &err), GEN_OK);
    assert_int_equal(file_writer_put(&writer, "half", 4, &err), GEN_OK);
    file_writer_close(&writer);
    assert_file_is("target", "new");
    assert_int_equal(file_writer_open(&writer, "fresh", &err), GEN_OK);
    file_writer_close(&writer);
    assert_int_equal(empty_scratch(), 1);

    struct file_writer never = {0};
    file_writer_close(&never);
}

static void test_write_pieces(void **state) {
    (void)state;
    /* Pieces smaller and larger than any buffer, in turn. */
    static const size_t pieces[] = {1, 100, 262143, 1, 262144, 5, 262145, 700000, 3, 0, 262140};
    struct file_writer writer;
    struct gen_error err;
    assert_int_equal(file_writer_open(&writer, "pieces", &err), GEN_OK);
    char *data = memory_new(2000000, 1);
    size_t n = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (size_t k = n; k < n + pieces[i]; k++) {
            data[k] = (char)(k * 31 % 253);
        }
        assert_int_equal(file_writer_put(&writer, data + n, pieces[i], &err), GEN_OK);
        n += pieces[i];
        assert_int_equal(writer.n_written, n);
    }
    assert_int_equal(file_writer_commit(&writer, &err), GEN_OK);
    file_writer_close(&writer);
    struct file_map map;
    assert_int_equal(file_map_open(&map, "pieces", &err), GEN_OK);
    assert_int_equal(map.size, n);
    assert_memory_equal(map.data, data, n);
    file_map_close(&map);
    memory_free(data);
    assert_int_equal(empty_scratch(), 1);
}

static void test_write_refused(void **state) {
    (void)state;
    struct file_writer nameless;
    assert_int_equal(file_writer_open(&nameless, "", NULL), GEN_IO_ERROR);
    file_writer_close(&nameless);
    /* A name as long as names can be. */
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    struct file_writer long_writer;
    assert_int_equal(file_writer_open(&long_writer, longest, NULL), GEN_OK);
    assert_int_equal(file_writer_commit(&long_writer, NULL), GEN_OK);
    file_writer_close(&long_writer);
    assert_int_equal(unlink(longest), 0);
    alarm(20);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("directory", 0700), 0);
    static const char *const paths[] = {"fifo", "directory", "missing/target", "/dev/null"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct file_writer writer;
        struct gen_error err = {0};
        assert_int_equal(file_writer_open(&writer, paths[i], &err), GEN_IO_ERROR);
        assert_non_null(strstr(err.message, paths[i]));
        file_writer_close(&writer);
    }
    alarm(0);
    assert_int_equal(empty_scratch(), 2);
}

/* Write `size` bytes to "target" where files may have 300,000; the status of the first failure. */
static enum gen_status write_limited(size_t size, struct gen_error *err) {
    /* The limit makes write() fail as a full disk does, if its signal is not wanted. */
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 300000, .rlim_max = before.rlim_max});
    struct file_writer writer;
    enum gen_status status = file_writer_open(&writer, "target", err);
    char block[1000] = {0};
    for (size_t i = 0; status == GEN_OK && i < size / sizeof block; i++) {
        status = file_writer_put(&writer, block, sizeof block, err);
    }
    if (status == GEN_OK) {
        status = file_writer_commit(&writer, err);
    } else {
        /* Nor can a caller that did not look make a whole file of it. */
        setrlimit(RLIMIT_FSIZE, &before);
        assert_int_equal(file_writer_commit(&writer, NULL), GEN_IO_ERROR);
    }
    file_writer_close(&writer);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    return status;
}

static void test_disk_full(void **state) {
    (void)state;
    make_file("target", "old", 3);
    struct gen_error err = {0};
    /* Once while pieces are put, once only when the last of them are flushed. */
    const size_t sizes[] = {2000000, 301000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(write_limited(sizes[i], &err), GEN_IO_ERROR);
        assert_non_null(strstr(err.message, "target"));
        assert_non_null(strstr(err.message, "too large"));
        assert_file_is("target", "old");
    }
    assert_int_equal(write_limited(300000, &err), GEN_OK);
    assert_int_equal(empty_scratch(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),          cmocka_unit_test(test_read),
        cmocka_unit_test(test_not_regular),  cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_hostile_name), cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_pieces), cmocka_unit_test(test_write_refused),
        cmocka_unit_test(test_disk_full),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
