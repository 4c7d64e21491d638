/**
 * test_malformed_pickle.c - data.pkl of a file of torch.save() broken in one place at a time, and
 * bombs: each must be refused with one fit sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "torch_fixture.h"

#define B(bytes) bytes, sizeof(bytes) - 1

struct pickle_case {
    const char *what, *bytes;
    size_t n;
    const char *expected;
};

#define AT(offset, shape, strides) GOOD_WITH(STORAGE("K\10"), offset shape strides)
#define GOOD_WITH(storage, place)  PICKLE(NAME TENSOR(storage, place))
#define CALL(module, name, with)   PICKLE(NAME "c" module "\n" name "\n" with "R")

static const struct pickle_case pickles[] = {
    /* bytes */
    {"empty", B(""), "without the opcode STOP"},
    {"no PROTO", B("}."), "does not begin with the opcode PROTO"},
    {"protocol 1", B("\200\1}."), "protocol 1"},
    {"protocol 4", B("\200\4}."), "protocol 4"},
    {"PROTO again", B("\200\2\200\2}."), "PROTO at offset 2"},
    {"no STOP", B("\200\2}"), "without the opcode STOP"},
    {"bytes after STOP", B(GOOD_PICKLE "N"), "bytes after the pickle"},
    {"no opcode", B("\200\2\377."), "byte 0xFF at offset 2 is no opcode"},
    {"nothing at STOP", B("\200\2."), "STOP at offset 2"},
    {"two values at STOP", B("\200\2}N."), "leaves values"},
    {"mark at STOP", B("\200\2(N."), "leaves values"},
    {"text cut off", B("\200\2X\5\0\0\0abc"), "ends within opcode BINUNICODE"},
    {"text of 4 GB", B("\200\2X\377\377\377\377abc"), "ends within opcode BINUNICODE"},
    {"number cut off", B("\200\2J\1\2"), "ends within opcode BININT"},
    {"long cut off", B("\200\2\212\10\1"), "ends within opcode LONG1"},
    {"float cut off", B("\200\2G\1\2\3"), "ends within opcode BINFLOAT"},
    {"global cut off", B("\200\2ctorch"), "ends within opcode GLOBAL"},
    /* opcodes that are not read */
    {"STACK_GLOBAL", B("\200\2X\1\0\0\0aX\1\0\0\0b\223."), "STACK_GLOBAL at offset 14"},
    {"INST", B("\200\2(ios\nsystem\n."), "INST at offset 3"},
    {"OBJ", B("\200\2(cos\nsystem\no."), "os.system at offset 3"},
    {"OBJ of a known name", B("\200\2(ccollections\nOrderedDict\no."), "OBJ"},
    {"EXT1", B("\200\2\202\1."), "EXT1"},
    {"PERSID", B("\200\2Pfoo\n."), "PERSID"},
    {"NEWOBJ_EX", B("\200\2\222."), "NEWOBJ_EX"},
    {"INT", B("\200\2I1\n."), "INT"},
    {"BINUNICODE8", B("\200\2\215\1\0\0\0\0\0\0\0a."), "BINUNICODE8"},
    {"BYTEARRAY8", B("\200\2\226\1\0\0\0\0\0\0\0a."), "BYTEARRAY8"},
    {"FRAME", B("\200\2\225\1\0\0\0\0\0\0\0N."), "FRAME"},
    {"MEMOIZE", B("\200\2N\224."), "MEMOIZE"},
    {"LONG4", B("\200\2\213\1\0\0\0\1."), "LONG4"},
    {"POP", B("\200\2NN0."), "POP"},
    {"DUP", B("\200\2N2."), "DUP"},
    {"BINBYTES", B("\200\2B\1\0\0\0a."), "BINBYTES"},
    {"FROZENSET", B("\200\2(\221."), "FROZENSET"},
    /* names */
    {"os.system", B(CALL("os", "system", "X\2\0\0\0ls\205")), "names os.system at offset"},
    {"posix.system", B(CALL("posix", "system", "X\2\0\0\0ls\205")), "names posix.system"},
    {"builtins.eval",
     B(CALL("builtins", "eval",
            "X\1\0\0\0"
            "1\205")),
     "builtins.eval"},
    {"torch.load", B(CALL("torch", "load", "X\1\0\0\0f\205")), "torch.load"},
    {"torch.hub", B(CALL("torch.hub", "load", "X\1\0\0\0f\205")), "torch.hub.load"},
    {"a name that holds the other's dot", B(CALL("torch._utils._rebuild_tensor_v2", "", ")")),
     "names torch._utils._rebuild_tensor_v2."},
    {"module and name cut elsewhere", B(CALL("torch", "_utils._rebuild_tensor_v2", ")")), "names"},
    {"numpy", B(CALL("numpy.core.multiarray", "_reconstruct", ")")), "_reconstruct"},
    {"control characters in a name", B(CALL("o\33[2Js", "system", ")")), "names o\\x1b[2Js.system"},
    {"rebuild_tensor", B(CALL("torch._utils", "_rebuild_tensor", ")")), "_rebuild_tensor"},
    {"storage that is called", B(CALL("torch", "FloatStorage", "K\1\205")), "makes a storage"},
    {"complex numbers", B(GOOD_WITH(STORAGE_N("ComplexFloatStorage", "0", "K\10"), PLACE)),
     "ComplexFloatStorage"},
    /* the stack */
    {"REDUCE of nothing", B("\200\2R."), "REDUCE at offset 2 needs"},
    {"REDUCE of a text", B("\200\2X\1\0\0\0a)R."), "needs a name and a tuple"},
    {"REDUCE with a list", B("\200\2ccollections\nOrderedDict\n]R."), "needs a name and a tuple"},
    {"TUPLE without a mark", B("\200\2NNt."), "needs a mark"},
    {"TUPLE3 of two", B("\200\2NN\207."), "not on the stack"},
    {"TUPLE2 across a mark", B("\200\2N(N\206."), "not on the stack"},
    {"SETITEM of one", B("\200\2}Ns."), "needs a dict"},
    {"SETITEM into a list", B("\200\2]NNs."), "needs a dict"},
    {"SETITEMS of three", B("\200\2}(NNNu."), "key without a value"},
    {"SETITEMS at the bottom", B("\200\2(NNu."), "needs a dict"},
    {"APPEND to a dict", B("\200\2}Na."), "needs a list"},
    {"APPENDS without a mark", B("\200\2]NNe."), "needs a mark"},
    {"BUILD of a tensor", B("\200\2N}b."), "something else than an ordered dict"},
    {"BUILD of nothing", B("\200\2}b."), "BUILD at offset 3"},
    {"BINPERSID of a number", B("\200\2K\1Q."), "needs a tuple"},
    {"BINGET of nothing", B("\200\2h\0."), "memo where nothing is"},
    {"LONG_BINGET far away", B("\200\2j\377\377\377\177."), "memo where nothing is"},
    {"LONG_BINPUT far away", B("\200\2Nr\377\377\377\177."), "no model needs"},
    {"BINPUT of nothing", B("\200\2q\0."), "BINPUT at offset 2"},
    {"ordered dict of a number", B(CALL("collections", "OrderedDict", "]K\1a\205")), "than pairs"},
    {"ordered dict of two", B(CALL("collections", "OrderedDict", "]]\206")), "several things"},
    /* what was saved */
    {"a list", B("\200\2]."), "holds a list, but must hold a dict of tensors"},
    {"None", B("\200\2N."), "holds None"},
    {"a tensor alone", B("\200\2" TENSOR(STORAGE("K\10"), PLACE) "."), "holds a tensor"},
    {"a number as a name", B(PICKLE("K\1N")), "a number where the name of a tensor"},
    {"a wrapped dict", B(PICKLE("X\12\0\0\0state_dict}")), "weights under \"state_dict\""},
    {"a checkpoint", B(PICKLE("X\5\0\0\0model}")), "weights under \"model\""},
    {"a tensor twice", B(PICKLE(GOOD_ITEM GOOD_ITEM)), "\"a\" is there twice"},
    {"an empty name", B(PICKLE("X\0\0\0\0" TENSOR(STORAGE("K\10"), PLACE))), "is empty"},
    {"a newline in a name", B(PICKLE("X\1\0\0\0\n" TENSOR(STORAGE("K\10"), PLACE))), "control"},
    {"a NUL in a name", B(PICKLE("X\1\0\0\0\0" TENSOR(STORAGE("K\10"), PLACE))), "control"},
    {"a name that is no UTF-8", B(PICKLE("X\1\0\0\0\377" TENSOR(STORAGE("K\10"), PLACE))), "UTF-8"},
    /* storages */
    {"storage of no tuple", B(GOOD_WITH("K\1", PLACE)), "not described"},
    {"storage of four parts", B(GOOD_WITH("(X\7\0\0\0storageNNNtQ", PLACE)), "not named"},
    {"storage of another kind", B(GOOD_WITH("(X\7\0\0\0modulesNNNNtQ", PLACE)), "not named"},
    {"storage without type",
     B(GOOD_WITH("(X\7\0\0\0storageNX\1\0\0\0"
                 "0NK\10tQ",
                 PLACE)),
     "no type"},
    {"storage of a dict's type",
     B(GOOD_WITH("(X\7\0\0\0storageccollections\nOrderedDict\nX\1\0\0\0"
                 "0NK\10tQ",
                 PLACE)),
     "no type"},
    {"storage key is a number",
     B(GOOD_WITH("(X\7\0\0\0storagectorch\nFloatStorage\nK\0NK\10tQ", PLACE)), "no text"},
    {"storage of -1 numbers", B(GOOD_WITH(STORAGE("J\377\377\377\377"), PLACE)),
     "size that is none"},
    {"storage of None numbers", B(GOOD_WITH(STORAGE("N"), PLACE)), "size that is none"},
    {"storage of 2^62 numbers", B(GOOD_WITH(STORAGE("\212\10\0\0\0\0\0\0\0\100"), PLACE)),
     "size that is none"},
    {"storage of 7 numbers", B(GOOD_WITH(STORAGE("K\7"), PLACE)), "data/0 must have 28 bytes"},
    {"storage of 9 numbers", B(GOOD_WITH(STORAGE("K\11"), PLACE)), "data/0 must have 36 bytes"},
    {"storage of another type", B(GOOD_WITH(STORAGE_N("HalfStorage", "0", "K\10"), PLACE)),
     "data/0 must have 16 bytes"},
    {"storage that is missing", B(GOOD_WITH(STORAGE_N("FloatStorage", "1", "K\10"), PLACE)),
     "data/1 must have 32 bytes, but is not there"},
    {"storage with two types",
     B(PICKLE(GOOD_ITEM "X\1\0\0\0b" TENSOR(STORAGE_N("IntStorage", "0", "K\10"), PLACE))),
     "two different things"},
    {"storage key that leads elsewhere",
     B(GOOD_WITH(STORAGE_N("FloatStorage", "/", "K\10"), PLACE)), "is not there"},
    /* shapes */
    {"three arguments", B(GOOD_WITH(STORAGE("K\10"), "K\0")), "not described"},
    {"offset -1", B(AT("J\377\377\377\377", "K\4K\2\206", "K\2K\1\206")), "not described"},
    {"offset is a text", B(AT("X\0\0\0\0", "K\4K\2\206", "K\2K\1\206")), "not described"},
    {"offset 1", B(AT("K\1", "K\4K\2\206", "K\2K\1\206")), "beyond the end of its storage"},
    {"offset 8", B(AT("K\10", "K\1\205", "K\1\205")), "beyond the end of its storage"},
    {"offset 2^63 - 1", B(AT("\212\10\377\377\377\377\377\377\377\177", "K\1\205", "K\1\205")),
     "beyond the end"},
    {"shape is a list", B(AT("K\0", "]", "K\1\205")), "no tuples of one length"},
    {"shape longer than strides", B(AT("K\0", "K\4K\2\206", "K\1\205")), "no tuples of one length"},
    {"dimension -4", B(AT("K\0", "J\374\377\377\377\205", "K\1\205")), "whole number, 0 or above"},
    {"dimension is None", B(AT("K\0", "N\205", "K\1\205")), "whole number, 0 or above"},
    {"dimension is true", B(AT("K\0", "\210\205", "K\1\205")), "whole number, 0 or above"},
    {"dimension is 2.0", B(AT("K\0", "G@\0\0\0\0\0\0\0\205", "K\1\205")), "whole number"},
    {"dimension 9", B(AT("K\0", "K\11\205", "K\1\205")), "beyond the end"},
    {"stride -1", B(AT("K\0", "K\4\205", "J\377\377\377\377\205")), "whole number, 0 or above"},
    {"stride 3", B(AT("K\0", "K\4\205", "K\3\205")), "beyond the end"},
    {"stride 2^62", B(AT("K\0", "K\5\205", "\212\10\0\0\0\0\0\0\0\100\205")), "beyond the end"},
    {"product of 2^66", B(AT("K\0", "J\0\0\0@J\0\0\0@J\0\0\0@\207", "K\0K\0K\0\207")),
     "beyond the end"},
    {"expanded to 2^60", B(AT("K\0", "J\0\0\0@J\0\0\0@\206", "K\0K\0\206")), "no model does"},
    {"a view that overlaps itself", B(AT("K\0", "K\4K\5K\4\207", "K\1K\1K\0\207")),
     "no model does"},
};

static void test_pickles(void **state) {
    (void)state;
    struct gen_bytes file = {0};
    size_t n_bad = 0, n = sizeof pickles / sizeof *pickles;
    torch_file(&file, B(GOOD_PICKLE));
    torch_check_good(&file);
    for (size_t i = 0; i < n; i++) {
        torch_file(&file, pickles[i].bytes, pickles[i].n);
        n_bad += !torch_refused(pickles[i].what, &file, pickles[i].expected);
    }
    print_message("# %zu malformed pickles\n", n);
    gen_bytes_release(&file);
    assert_int_equal(n_bad, 0);
}

/* ---- bombs -----------------------------------------------------------------------------------*/

static bool bomb(const char *what, const char *begin, size_t n_begin, const char *part, size_t n,
                 size_t times, const char *expected) {
    struct gen_bytes pickle = {0}, file = {0};
    fixture_text(&pickle, "\200\2");
    fixture_put(&pickle, begin, n_begin);
    for (size_t i = 0; i < times; i++) {
        fixture_put(&pickle, part, n);
    }
    torch_file(&file, pickle.data, pickle.n);
    bool refused = torch_refused(what, &file, expected);
    gen_bytes_release(&pickle);
    gen_bytes_release(&file);
    return refused;
}

static void test_bombs(void **state) {
    (void)state;
    size_t n_bad = 0;
    n_bad += !bomb("values", B("]"), B("Na"), 1100000, "more than 1048576 values");
    n_bad += !bomb("stack", B(""), B("N"), 70000, "more than 65536 values on its stack");
    n_bad += !bomb("deep", B(""), B("("), 2000, "nested deeper than 1000");
    n_bad += !bomb("tuples in tuples", B(")"), B("\205"), 1100000, "more than 1048576 values");
    n_bad += !bomb("memo, doubling", B(")q\0"), B("h\0h\0\206q\0000"), 3, "POP");
    n_bad += !bomb("items", B("Nq\0]"), B("h\0a"), 4200000, "more than 4194304 items");
    n_bad += !bomb("dict of pairs again and again",
                   B("](](X\1\0\0\0aNe](X\1\0\0\0bNee\205q\0ccollections\nOrderedDict\nq\1(0"),
                   B(""), 0, "POP");
    /* A list that holds itself, and a dict that does. */
    n_bad += !bomb("a list in itself", B("]q\0h\0a."), B(""), 0, "holds a list");
    n_bad += !bomb("a dict in itself", B("}q\0X\12\0\0\0state_dicth\0s."), B(""), 0, "state_dict");
    /* Doubling again and again is harmless where nobody walks over it. */
    struct gen_bytes pickle = {0}, file = {0};
    fixture_put(&pickle, B("\200\2}(" GOOD_ITEM "X\1\0\0\0b)q\0"));
    for (int i = 0; i < 1000; i++) {
        fixture_put(&pickle, B("h\0\206q\0"));
    }
    fixture_put(&pickle, B("u."));
    torch_file(&file, pickle.data, pickle.n);
    torch_check_good(&file);
    gen_bytes_release(&pickle);
    gen_bytes_release(&file);
    assert_int_equal(n_bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pickles),
        cmocka_unit_test(test_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
