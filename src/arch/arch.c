/**
 * arch.c - the table of architectures, and finding one by its name or its number. What each is, its
 * own file says.
 */
#include "arch/arch.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

/* In the order of their numbers, which states of training runs hold: new ones come last. */
static const struct arch *const archs[] = {&arch_gpt2, &arch_gpt_neo};
#define N_ARCHS N_OF(archs)

const struct arch *arch_find(const char *name, size_t n) {
    for (size_t i = 0; i < N_ARCHS; i++) {
        if (strlen(archs[i]->name) == n && memcmp(archs[i]->name, name, n) == 0) {
            return archs[i];
        }
    }
    return NULL;
}

const struct arch *arch_of(const struct gen_config *config) {
    const struct arch *arch =
        config->arch != NULL ? arch_find(config->arch, strlen(config->arch)) : NULL;
    return arch != NULL ? arch : archs[0];
}

uint32_t arch_number(const struct arch *arch) {
    uint32_t number = 0;
    while (number + 1 < N_ARCHS && archs[number] != arch) {
        number++;
    }
    return number;
}

const struct arch *arch_by_number(uint32_t number) {
    return number < N_ARCHS ? archs[number] : NULL;
}

const char *arch_names(struct arch_names *out) {
    size_t n = 0;
    for (size_t i = 0; i < N_ARCHS && n < sizeof out->text; i++) {
        const char *between = i == 0 ? "" : i + 1 == N_ARCHS ? " and " : ", ";
        n += (size_t)snprintf(out->text + n, sizeof out->text - n, "%s%s", between, archs[i]->name);
    }
    return out->text;
}

bool arch_has_key(const char *gguf) {
    for (size_t i = 0; i < N_ARCHS; i++) {
        for (size_t j = 0; j < archs[i]->n_keys; j++) {
            const char *key = archs[i]->keys[j].gguf;
            if (key != NULL && strcmp(key, gguf) == 0) {
                return true;
            }
        }
    }
    return false;
}
