/**
 * incbin.h - put the bytes of a file into the program, by the assembler (.incbin).
 *
 * The assembler copies the file into the object: quicker than a C array of millions of numbers,
 * and the same for gcc and clang, ELF and Mach-O. What differs is the section's name and whether
 * C names have an underscore in front.
 */
#ifndef CLI_INCBIN_H
#define CLI_INCBIN_H

#include <stdint.h>

#define INCBIN_TEXT_OF(x)   #x
#define INCBIN_TEXT(x)      INCBIN_TEXT_OF(x)
#define INCBIN_SYMBOL(name) INCBIN_TEXT(__USER_LABEL_PREFIX__) name

#ifdef __APPLE__
#define INCBIN_READ_ONLY ".section __TEXT,__const\n"
#else
#define INCBIN_READ_ONLY ".section .rodata\n"
#endif

/**
 * Outside of functions: declares NAME_bytes[] and NAME_size, the bytes of `file`, a path from where
 * the compiler runs. They lie at cache lines in the program's read-only data, paged in only when
 * they are used. The Makefile must name the file as what the object is made of.
 */
#define INCBIN(name, file)                                                                         \
    __asm__(INCBIN_READ_ONLY ".globl " INCBIN_SYMBOL(                                              \
        #name "_bytes") "\n"                                                                       \
                        ".globl " INCBIN_SYMBOL(                                                   \
                            #name "_size") "\n"                                                    \
                                           ".balign 64\n" INCBIN_SYMBOL(                           \
                                               #name                                               \
                                               "_bytes") ":\n"                                     \
                                                         ".incbin \"" file "\"\n"                  \
                                                         "1:\n"                                    \
                                                         ".balign 8\n" INCBIN_SYMBOL(              \
                                                             #name                                 \
                                                             "_size") ":\n"                        \
                                                                      ".quad 1b - " INCBIN_SYMBOL( \
                                                                          #name                    \
                                                                          "_bytes") "\n"           \
                                                                                    ".text\n");    \
    __attribute__((visibility("hidden"))) extern const unsigned char name##_bytes[];               \
    __attribute__((visibility("hidden"))) extern const uint64_t name##_size

#endif
