/**
 * embedded.c - the bytes of the built-in model, put into the program by the assembler (.incbin)
 * from the file that the Makefile names. model_load.c decides when it is used.
 */
#include "cli/embedded.h"

#ifdef EMBEDDED_MODEL_FILE

#include "cli/incbin.h"

INCBIN(embedded, EMBEDDED_MODEL_FILE);

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
