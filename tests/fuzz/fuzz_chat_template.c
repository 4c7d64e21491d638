/**
 * fuzz_chat_template.c - libFuzzer entry: the first byte chooses what the others are, Jinja of a
 * model, to be recognized and rendered, or a pattern, and what begins and ends a text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "data/chat_template.h"
#include "fuzz.h"

/* Also pieces of what templates say. */
static const struct chat_ends all_ends[] = {
    {"<s>", "</s>"},        {"", ""},        {"User: First\nAssistant:", "</s>"},
    {"user", "<|im_end|>"}, {"\n", "First"}, {"[INST]", "###"}};

static const struct gen_chat_message messages[] = {{"system", "Be  brief\n", 10},
                                                   {"user", " {{ x }} \xe4\xbd\xa0", 12},
                                                   {"assistant", "Yes", 3},
                                                   {"user", "", 0}};

static void render_after(const struct gen_chat_template *chat_template, size_t first) {
    struct gen_bytes after = {0};
    struct gen_error err = {0};
    if (gen_chat_render_after(chat_template, messages + first, 4 - first, 2 - first, &after,
                              &err) != GEN_OK) {
        fuzz_check_error(&err);
    }
    gen_bytes_release(&after);
}

static void render(const struct gen_chat_template *chat_template) {
    for (size_t first = 0; first < 2; first++) {
        for (int prompt = 0; prompt < 2; prompt++) {
            struct gen_bytes text = {0};
            struct gen_error err = {0};
            if (gen_chat_render(chat_template, messages + first, 4 - first, prompt == 1, &text,
                                &err) != GEN_OK) {
                fuzz_check_error(&err);
                if (text.n != 0) {
                    abort();
                }
            }
            render_after(chat_template, first);
            gen_bytes_release(&text);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_chat_template *chat_template = NULL;
    struct gen_error err = {0};
    if (size < 1) {
        return 0;
    }
    char *text = malloc(size); /* so long that the sanitizer sees its end */
    if (text == NULL) {
        return 0;
    }
    const struct chat_ends ends = all_ends[data[0] / 2 % N_OF(all_ends)];
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    enum gen_status status = GEN_OK;
    if (data[0] % 2 == 1) {
        status = chat_template_new(&chat_template, text, &ends, &err);
    } else {
        if (chat_template_recognize(&chat_template, text, size - 1, &ends, "f", &err) != GEN_OK) {
            fuzz_check_error(&err);
        }
        gen_chat_template_free(chat_template);
        status = chat_template_make(&chat_template, text, size - 1, &ends, "f", NULL, &err);
    }
    if (status != GEN_OK) {
        fuzz_check_error(&err);
    } else {
        render(chat_template);
    }
    gen_chat_template_free(chat_template);
    free(text);
    return 0;
}
