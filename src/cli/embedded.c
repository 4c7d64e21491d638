/**
 * embedded.c - the bytes of the built-in model, put into the program by the assembler (.incbin)
 * from the file that the Makefile names. model_load.c decides when it is used.
 */
#include "cli/embedded.h"

#ifdef EMBEDDED_MODEL_FILE

#include <stdint.h>

/*
 * The assembler copies the file into the object: quicker than a C array of millions of numbers,
 * and the same for gcc and clang, ELF and Mach-O. What differs is the section's name and whether
 * C names have an underscore in front.
 */
#define TEXT_OF(x)   #x
#define TEXT(x)      TEXT_OF(x)
#define SYMBOL(name) TEXT(__USER_LABEL_PREFIX__) name
#define BYTES        SYMBOL("embedded_bytes")
#define SIZE         SYMBOL("embedded_size")

#ifdef __APPLE__
#define READ_ONLY ".section __TEXT,__const\n"
#else
#define READ_ONLY ".section .rodata\n"
#endif

__asm__(READ_ONLY ".globl " BYTES "\n"
                  ".globl " SIZE "\n"
                  ".balign 64\n" BYTES ":\n"
                  ".incbin \"" EMBEDDED_MODEL_FILE "\"\n"
                  "1:\n"
                  ".balign 8\n" SIZE ":\n"
                  ".quad 1b - " BYTES "\n"
                  ".text\n");

__attribute__((visibility("hidden"))) extern const unsigned char embedded_bytes[];
__attribute__((visibility("hidden"))) extern const uint64_t embedded_size;

const unsigned char *embedded_model(size_t *size) {
    *size = (size_t)embedded_size;
    return embedded_bytes;
}

const char *embedded_model_name(void) {
    return EMBEDDED_MODEL_NAME;
}

#else

const unsigned char *embedded_model(size_t *size) {
    *size = 0;
    return NULL;
}

const char *embedded_model_name(void) {
    return "";
}

#endif
