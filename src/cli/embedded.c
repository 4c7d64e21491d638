#include "cli/embedded.h"

#ifdef EMBEDDED_MODEL_FILE

/*
 * The assembler copies the file into the object: quicker than a C array of millions of numbers,
 * and the same for gcc and clang, ELF and Mach-O. What differs is the section's name and whether
 * C names have an underscore in front.
 */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define SYMBOL(name) TEXT(__USER_LABEL_PREFIX__) #name

#ifdef __APPLE__
#define READ_ONLY ".section __TEXT,__const\n"
#else
#define READ_ONLY ".section .rodata\n"
#endif

__asm__(READ_ONLY ".globl " SYMBOL(embedded_begin) "\n"
        ".globl " SYMBOL(embedded_end) "\n"
        ".balign 64\n" SYMBOL(embedded_begin) ":\n"
        ".incbin \"" EMBEDDED_MODEL_FILE "\"\n" SYMBOL(embedded_end) ":\n"
        ".byte 0\n"
        ".text\n");

__attribute__((visibility("hidden"))) extern const unsigned char embedded_begin[];
__attribute__((visibility("hidden"))) extern const unsigned char embedded_end[];

const unsigned char *embedded_model(size_t *size) {
    *size = (size_t)(embedded_end - embedded_begin);
    return embedded_begin;
}

const char *embedded_model_name(void) { return EMBEDDED_MODEL_NAME; }

#else

const unsigned char *embedded_model(size_t *size) {
    *size = 0;
    return NULL;
}

const char *embedded_model_name(void) { return ""; }

#endif
