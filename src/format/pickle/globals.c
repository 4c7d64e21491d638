/**
 * globals.c - names: of the globals that a pickle of weights may have, and of all opcodes,
 * for the message about one that is refused.
 */
#include <string.h>

#include "base/size.h"
#include "format/pickle/pickle.h"

static const char *const globals[PICKLE_N_GLOBALS] = {
    [PICKLE_ORDERED_DICT] = "collections.OrderedDict",
    [PICKLE_REBUILD_TENSOR] = "torch._utils._rebuild_tensor_v2",
    [PICKLE_REBUILD_PARAMETER] = "torch._utils._rebuild_parameter",
    [PICKLE_PARAMETER] = "torch.nn.parameter.Parameter",
    [PICKLE_SIZE] = "torch.Size",
    [PICKLE_ENCODE] = "_codecs.encode",
    [PICKLE_FLOAT_STORAGE] = "torch.FloatStorage",
    [PICKLE_HALF_STORAGE] = "torch.HalfStorage",
    [PICKLE_BFLOAT16_STORAGE] = "torch.BFloat16Storage",
    [PICKLE_DOUBLE_STORAGE] = "torch.DoubleStorage",
    [PICKLE_BYTE_STORAGE] = "torch.ByteStorage",
    [PICKLE_CHAR_STORAGE] = "torch.CharStorage",
    [PICKLE_SHORT_STORAGE] = "torch.ShortStorage",
    [PICKLE_INT_STORAGE] = "torch.IntStorage",
    [PICKLE_LONG_STORAGE] = "torch.LongStorage",
    [PICKLE_BOOL_STORAGE] = "torch.BoolStorage",
};

bool pickle_global_find(const char *module, size_t n_module, const char *name, size_t n_name,
                        enum pickle_global *out) {
    for (size_t i = 0; i < PICKLE_N_GLOBALS; i++) {
        /* The last dot parts module and name, which has none here. */
        const char *dot = strrchr(globals[i], '.');
        if (n_module == (size_t)(dot - globals[i]) && memcmp(globals[i], module, n_module) == 0 &&
            n_name == strlen(dot + 1) && memcmp(dot + 1, name, n_name) == 0) {
            *out = (enum pickle_global)i;
            return true;
        }
    }
    return false;
}

const char *pickle_global_name(enum pickle_global global) {
    return globals[global];
}

static const struct {
    unsigned char opcode;
    const char *name;
} opcodes[] = {
    {'(', "MARK"},
    {'.', "STOP"},
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'J', "BININT"},
    {'K', "BININT1"},
    {'L', "LONG"},
    {'M', "BININT2"},
    {'N', "NONE"},
    {'P', "PERSID"},
    {'Q', "BINPERSID"},
    {'R', "REDUCE"},
    {'S', "STRING"},
    {'T', "BINSTRING"},
    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},
    {'X', "BINUNICODE"},
    {'a', "APPEND"},
    {'b', "BUILD"},
    {'c', "GLOBAL"},
    {'d', "DICT"},
    {'}', "EMPTY_DICT"},
    {'e', "APPENDS"},
    {'g', "GET"},
    {'h', "BINGET"},
    {'i', "INST"},
    {'j', "LONG_BINGET"},
    {'l', "LIST"},
    {']', "EMPTY_LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {'q', "BINPUT"},
    {'r', "LONG_BINPUT"},
    {'s', "SETITEM"},
    {'t', "TUPLE"},
    {')', "EMPTY_TUPLE"},
    {'u', "SETITEMS"},
    {'G', "BINFLOAT"},
    {0x80, "PROTO"},
    {0x81, "NEWOBJ"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x85, "TUPLE1"},
    {0x86, "TUPLE2"},
    {0x87, "TUPLE3"},
    {0x88, "NEWTRUE"},
    {0x89, "NEWFALSE"},
    {0x8a, "LONG1"},
    {0x8b, "LONG4"},
    {'B', "BINBYTES"},
    {'C', "SHORT_BINBYTES"},
    {0x8c, "SHORT_BINUNICODE"},
    {0x8d, "BINUNICODE8"},
    {0x8e, "BINBYTES8"},
    {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},
    {0x93, "STACK_GLOBAL"},
    {0x94, "MEMOIZE"},
    {0x95, "FRAME"},
    {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
};

const char *pickle_opcode_name(unsigned char opcode) {
    for (size_t i = 0; i < N_OF(opcodes); i++) {
        if (opcodes[i].opcode == opcode) {
            return opcodes[i].name;
        }
    }
    return NULL;
}
