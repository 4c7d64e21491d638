/**
 * test_file_writer.c - how files are written: links, modes, locks, names; and what others find of
 * it meanwhile. How they are read is tested in test_file.c.
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
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#define LEFT_OVER ".gen-0123456789abcdef.tmp"

static char scratch[] = "/tmp/gen-test-writer-XXXXXX";

static int enter_scratch(void **state) {
    (void)state;
    umask(022);
    return mkdtemp(scratch) == NULL || chdir(scratch) != 0 || chmod(".", 0777) != 0;
}

/* Remove all there is in a directory; returns how much there was. */
static int empty(const char *path) {
    int n = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0) == 0 ||
                                 unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR) == 0,
                             1);
            n++;
        }
    }
    closedir(directory);
    return n;
}

static int leave_scratch(void **state) {
    (void)state;
    empty(".");
    return chdir("/") != 0 || rmdir(scratch) != 0;
}

static void make_file(const char *path, const char *text, mode_t mode) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(descriptor, mode), 0);
    close(descriptor);
}

static void assert_file_is(const char *path, const char *text) {
    char *found = NULL;
    size_t size = 0;
    assert_int_equal(file_read(&found, &size, path, 1000, NULL), GEN_OK);
    assert_string_equal(found, text);
    memory_free(found);
}

static mode_t mode_of(const char *path) {
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void write_file(const char *path, const char *text) {
    struct file_writer writer;
    struct gen_error err;
    assert_int_equal(file_writer_open(&writer, path, &err), GEN_OK);
    assert_int_equal(file_writer_put(&writer, text, strlen(text), &err), GEN_OK);
    assert_int_equal(file_writer_commit(&writer, &err), GEN_OK);
    file_writer_close(&writer);
}

static void assert_refused(const char *path, const char *reason) {
    struct file_writer writer;
    struct gen_error err;
    assert_int_equal(file_writer_open(&writer, path, &err), GEN_IO_ERROR);
    file_writer_close(&writer);
    assert_non_null(strstr(err.message, path));
    if (strstr(err.message, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, reason);
    }
}

static bool is_link(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

static void test_links(void **state) {
    (void)state;
    assert_int_equal(mkdir("disk", 0755), 0);
    assert_int_equal(mkdir("other", 0755), 0);
    make_file("disk/file", "old", 0644);
    /* From link to link, through directories, both relative and absolute. */
    char absolute[sizeof scratch + 20];
    snprintf(absolute, sizeof absolute, "%s/other/second", scratch);
    assert_int_equal(symlink(absolute, "first"), 0);
    assert_int_equal(symlink("../disk/file", "other/second"), 0);
    write_file("first", "new");
    assert_file_is("disk/file", "new");
    assert_true(is_link("first") && is_link("other/second"));
    /* One that leads nowhere names what it makes. */
    assert_int_equal(symlink("disk/fresh", "dangling"), 0);
    write_file("dangling", "made");
    assert_true(is_link("dangling"));
    assert_file_is("disk/fresh", "made");
    assert_int_equal(symlink("nowhere/file", "lost"), 0);
    assert_refused("lost", "No such file");
    assert_int_equal(symlink("b", "a"), 0);
    assert_int_equal(symlink("a", "b"), 0);
    assert_refused("a", "symbolic links");
    assert_int_equal(symlink("disk", "to-directory"), 0);
    assert_refused("to-directory", "regular file");
    assert_refused("/dev/stdout", "regular file");
    assert_int_equal(empty("disk"), 2);
    assert_int_equal(empty("other"), 1);
    empty(".");
}

static void test_names_of_one_file(void **state) {
    (void)state;
    assert_int_equal(mkdir("disk", 0755), 0);
    make_file("file", "", 0644);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(link("file", "hard"), 0);
    assert_int_equal(symlink("disk/fresh", "dangling"), 0);
    assert_true(file_target_same("file", "./link"));
    assert_true(file_target_same("file", "disk/../hard"));
    assert_true(file_target_same("fresh", "./disk/../fresh"));
    assert_true(file_target_same("dangling", "disk/fresh"));
    assert_false(file_target_same("fresh", "disk/fresh"));
    assert_false(file_target_same("file", "fresh"));
    assert_false(file_target_same("nowhere/a", "nowhere/a"));
    empty(".");
}

static void test_modes(void **state) {
    (void)state;
    static const mode_t modes[] = {0600, 0664, 0640, 0777, 0200};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        make_file("file", "old", modes[i]);
        struct file_writer writer;
        assert_int_equal(file_writer_open(&writer, "file", NULL), GEN_OK);
        assert_int_equal(mode_of(writer.temporary), 0600); /* never wider meanwhile */
        assert_int_equal(file_writer_put(&writer, "new", 3, NULL), GEN_OK);
        assert_int_equal(file_writer_commit(&writer, NULL), GEN_OK);
        file_writer_close(&writer);
        assert_int_equal(mode_of("file"), modes[i]);
        empty(".");
    }
    umask(027);
    write_file("file", "new");
    assert_int_equal(mode_of("file"), 0640);
    umask(022);
    empty(".");
}

static void test_owner(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct stat status;
    make_file("file", "old", 0640);
    assert_int_equal(chown("file", 1234, 4321), 0);
    write_file("file", "new");
    assert_int_equal(stat("file", &status), 0);
    assert_int_equal(status.st_uid, 1234);
    assert_int_equal(status.st_gid, 4321);
    assert_int_equal(mode_of("file"), 0640);
    /* Whoever cannot keep the group gives nobody else more than everybody has. */
    assert_int_equal(chown("file", 65534, 4321), 0);
    assert_int_equal(chmod("file", 0664), 0);
    assert_int_equal(seteuid(65534), 0);
    write_file("file", "newer");
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(mode_of("file"), 0644);
    empty(".");
}

static void test_protected(void **state) {
    (void)state;
    make_file("file", "old", 0444);
    if (geteuid() == 0) {
        assert_int_equal(chown("file", 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    assert_refused("file", "Permission denied");
    if (getuid() == 0) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_file_is("file", "old");
    assert_int_equal(empty("."), 1);
}

static void test_names_too_long(void **state) {
    (void)state;
    char name[256];
    struct gen_error err;
    memset(name, 'n', 250);
    name[250] = '\0';
    assert_int_equal(file_writer_check(name, &err), GEN_OK);
    assert_int_equal(file_writer_check_ending(name, ".abcd", &err), GEN_OK);
    assert_int_equal(file_writer_check_ending(name, ".state", &err), GEN_IO_ERROR);
    assert_non_null(strstr(err.message, ".state: cannot write: File name too long"));
    make_file("file", "old", 0644);
    assert_int_equal(file_writer_check("file", &err), GEN_OK);
    assert_file_is("file", "old");
    assert_int_equal(empty("."), 1);
}

/* Open another writer in the directory, as another process would that begins. */
static void sweep(void) {
    assert_int_equal(file_writer_check("another", NULL), GEN_OK);
}

static void test_sweep(void **state) {
    (void)state;
    make_file(LEFT_OVER, "half", 0400);
    make_file(".gen-0123456789abcdeg.tmp", "not ours", 0644);
    assert_int_equal(mkdir(".gen-0123456789abcde0.tmp", 0755), 0);
    /* Neither what is being written nor what is whole and not renamed yet is anybody else's. */
    struct file_writer a, b;
    assert_int_equal(file_writer_open(&a, "a", NULL), GEN_OK);
    assert_int_equal(file_writer_open(&b, "b", NULL), GEN_OK);
    sweep();
    assert_int_equal(file_writer_put(&a, "A", 1, NULL), GEN_OK);
    assert_int_equal(file_writer_put(&b, "B", 1, NULL), GEN_OK);
    assert_int_equal(file_writer_sync(&a, NULL), GEN_OK);
    assert_int_equal(file_writer_sync(&b, NULL), GEN_OK);
    sweep();
    assert_int_equal(file_writer_commit(&a, NULL), GEN_OK);
    sweep();
    assert_int_equal(file_writer_commit(&b, NULL), GEN_OK);
    /* Both are locked until both have their names. */
    int descriptor = open("a", O_RDONLY);
    assert_int_not_equal(flock(descriptor, LOCK_EX | LOCK_NB), 0);
    file_writer_close(&a);
    assert_int_equal(flock(descriptor, LOCK_EX | LOCK_NB), 0);
    close(descriptor);
    file_writer_close(&b);
    assert_file_is("a", "A");
    assert_file_is("b", "B");
    assert_int_equal(access(LEFT_OVER, F_OK), -1);
    assert_int_equal(access(".gen-0123456789abcdeg.tmp", F_OK), 0);
    assert_int_equal(empty("."), 4);
}

static void test_append(void **state) {
    (void)state;
    struct file_writer writer;
    make_file("log", "one\ntwo\n", 0600);
    assert_int_equal(file_writer_open(&writer, "log", NULL), GEN_OK);
    assert_int_equal(file_writer_put(&writer, "one\n", 4, NULL), GEN_OK);
    assert_int_equal(file_writer_commit(&writer, NULL), GEN_OK);
    assert_file_is("log", "one\n");
    assert_int_equal(file_writer_put(&writer, "2\n", 2, NULL), GEN_OK);
    assert_int_equal(file_writer_flush(&writer, NULL), GEN_OK);
    assert_file_is("log", "one\n2\n");
    file_writer_close(&writer);
    assert_file_is("log", "one\n2\n");
    assert_int_equal(empty("."), 1);
}

static void test_partial(void **state) {
    (void)state;
    struct file_writer writer, other;
    struct gen_error err;
    make_file("out", "old", 0640);
    make_file("out.partial", "of a killed one", 0600);
    assert_int_equal(file_writer_open_partial(&writer, "out", &err), GEN_OK);
    assert_file_is("out.partial", "");
    assert_int_equal(file_writer_put(&writer, "whole, half", 11, &err), GEN_OK);
    assert_int_equal(file_writer_flush(&writer, &err), GEN_OK);
    assert_file_is("out.partial", "whole, half");
    /* Another process is not let in. */
    assert_int_equal(file_writer_open_partial(&other, "out", &err), GEN_IO_ERROR);
    assert_non_null(strstr(err.message, "out.partial"));
    file_writer_close(&other);
    assert_file_is("out.partial", "whole, half");
    assert_true(file_writer_leave(&writer, 7));
    file_writer_close(&writer);
    assert_file_is("out.partial", "whole, ");
    assert_int_equal(mode_of("out.partial"), 0640);
    assert_file_is("out", "old");

    assert_int_equal(file_writer_open_partial(&writer, "out", &err), GEN_OK);
    assert_int_equal(file_writer_put(&writer, "all", 3, &err), GEN_OK);
    assert_int_equal(file_writer_commit(&writer, &err), GEN_OK);
    file_writer_close(&writer);
    assert_file_is("out", "all");
    assert_int_equal(empty("."), 1);
    /* A link there is not followed, nor removed. */
    make_file("precious", "old", 0644);
    assert_int_equal(symlink("precious", "out.partial"), 0);
    assert_int_equal(file_writer_open_partial(&writer, "out", &err), GEN_IO_ERROR);
    assert_file_is("precious", "old");
    assert_true(is_link("out.partial"));
    assert_int_equal(empty("."), 2);
}

static void test_remove_all(void **state) {
    (void)state;
    if (access("/proc/self/fd/0", F_OK) != 0 && access("/proc/self/fd/1", F_OK) != 0) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        struct file_writer hidden, done, partial;
        bool good = file_writer_open(&hidden, "hidden", NULL) == GEN_OK &&
                    file_writer_open(&done, "done", NULL) == GEN_OK &&
                    file_writer_commit(&done, NULL) == GEN_OK &&
                    file_writer_open_partial(&partial, "out", NULL) == GEN_OK;
        file_writer_remove_all();
        _exit(good ? 0 : 1);
    }
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_int_equal(access("done", F_OK), 0);
    assert_int_equal(access("out.partial", F_OK), 0);
    assert_int_equal(empty("."), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),     cmocka_unit_test(test_names_of_one_file),
        cmocka_unit_test(test_modes),     cmocka_unit_test(test_owner),
        cmocka_unit_test(test_protected), cmocka_unit_test(test_names_too_long),
        cmocka_unit_test(test_sweep),     cmocka_unit_test(test_append),
        cmocka_unit_test(test_partial),   cmocka_unit_test(test_remove_all),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
