/**
 * manual.c - writes one man page, or the completions of one shell, to stdout:
 *
 *     manual man [COMMAND]
 *     manual guide FILE
 *     manual commands              (their names, one a line)
 *     manual bash|zsh|fish
 *
 * It is linked with gen's own objects; the Makefile runs it once gen is built. What the writers
 * share is here: which options there are, and what a shell can offer for their values.
 */
#include "manual.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"

const struct option common_options[] = {
    {.name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show the help"},
    {.name = "version", .kind = OPTION_FLAG, .help = "show the version"},
    {.name = NULL},
};

/* IFS divides $GEN_MODEL_PATH. In a directory of models a name is a GGUF file or a directory with a
   config.json, at most two levels down: owner/name. */
const char list_of_models[] =
    "IFS=:; for d in $GEN_MODEL_PATH \"${XDG_DATA_HOME:-$HOME/.local/share}/gen/models\"; do "
    "for f in \"$d\"/*.gguf \"$d\"/*/*.gguf \"$d\"/*/config.json \"$d\"/*/*/config.json; do "
    "[ -e \"$f\" ] || continue; f=${f#\"$d\"/}; f=${f%/config.json}; echo \"${f%.gguf}\"; done; "
    "done; "
    "h=${HF_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/huggingface}/hub; "
    "for f in \"${HF_HUB_CACHE:-${HUGGINGFACE_HUB_CACHE:-$h}}\"/models--*; do "
    "[ -d \"$f/snapshots\" ] || continue; f=${f##*/models--}; "
    "case $f in *--*) f=${f%%--*}/${f#*--} ;; esac; echo \"$f\"; done";

static struct value value_of_word(const char *word) {
    static const struct {
        const char *word;
        enum value_kind kind;
    } words[] = {
        {"PATH|NAME", VALUE_MODEL}, {"MODEL", VALUE_MODEL},     {"SRC", VALUE_MODEL},
        {"DIR|FILE", VALUE_MODEL},  {"DIR", VALUE_DIRECTORY},   {"FILE", VALUE_FILE},
        {"FILE|-", VALUE_FILE},     {"DST", VALUE_FILE},        {"DATA", VALUE_FILE},
        {"PAIRS", VALUE_FILE},      {"COMMAND", VALUE_COMMAND},
    };
    struct value value = {.kind = VALUE_ANY};
    size_t n = strcspn(word, ".] ");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0) {
            value.kind = words[i].kind;
        }
    }
    /* FILE.gguf has a suffix, FILE... has none. */
    if (word[n] == '.' && word[n + 1] != '.') {
        size_t length = 1 + strcspn(word + n + 1, ".] ");
        snprintf(value.suffix, sizeof value.suffix, "%.*s", (int)length, word + n);
    }
    return value;
}

struct value value_of_option(const struct option *option) {
    switch (option->kind) {
    case OPTION_HEADING:
    case OPTION_FLAG:
        return (struct value){.kind = VALUE_NONE};
    case OPTION_CHOICE:
        return (struct value){.kind = VALUE_CHOICE, .choices = option->choices};
    case OPTION_STRING:
    case OPTION_LIST:
        if (option->choices != NULL) {
            return (struct value){.kind = VALUE_CHOICE, .choices = option->choices};
        }
        return value_of_word(option->argument);
    default:
        return (struct value){.kind = VALUE_ANY};
    }
}

struct value value_of_operands(const struct command *command) {
    const char *usage = command->spec->usage;
    struct value value = {.kind = VALUE_NONE};
    bool is_value = false;
    /* "gen train [OPTIONS] -o FILE.gguf DATA...": what is in capitals, but for values. */
    for (const char *word = usage; *word != '\0'; word += strspn(word, " ")) {
        const char *bare = word + (*word == '[' ? 1 : 0);
        size_t n = strcspn(word, " ");
        if (*bare >= 'A' && *bare <= 'Z' && !is_value && strncmp(bare, "OPTIONS", 7) != 0) {
            struct value found = value_of_word(bare);
            /* Of two, such as SRC DST.gguf, what the first takes holds the second's files, too. */
            value = value.kind == VALUE_NONE ? found : value;
        }
        is_value = *word == '-';
        word += n;
    }
    return value;
}

void each_option(const struct command *command,
                 void (*each)(const struct command *command, const struct option *option)) {
    for (size_t i = 0; i < command->spec->n_table; i++) {
        if (command->spec->table[i].kind != OPTION_HEADING) {
            each(command, &command->spec->table[i]);
        }
    }
    for (const struct option *option = common_options; option->name != NULL; option++) {
        each(command, option);
    }
}

char *short_help(const struct option *option) {
    const size_t most = 72;
    const char *help = option->help;
    size_t n = 0;
    while (help[n] != '\0' && help[n] != ';' && strncmp(help + n, ". ", 2) != 0 &&
           strncmp(help + n, " (", 2) != 0 && strncmp(help + n, "; default", 9) != 0) {
        n++;
    }
    if (n > most) {
        for (n = most; n > 0 && help[n] != ' '; n--) {
        }
        return alloc_printf("%.*s ...", (int)n, help);
    }
    return alloc_printf("%.*s", (int)n, help);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    const struct command *command = argc > 2 ? command_find(commands, argv[2]) : NULL;
    if (strcmp(what, "man") == 0 && argc == 2) {
        put_page_of_gen();
    } else if (strcmp(what, "man") == 0 && command != NULL) {
        put_page(command);
    } else if (strcmp(what, "guide") == 0 && argc > 2) {
        if (!put_guide(argv[2])) {
            fprintf(stderr, "manual: %s cannot be read, or has no title\n", argv[2]);
            return 1;
        }
    } else if (strcmp(what, "commands") == 0) {
        for (size_t i = 0; commands[i] != NULL; i++) {
            puts(commands[i]->name);
        }
    } else if (strcmp(what, "bash") == 0) {
        put_bash();
    } else if (strcmp(what, "zsh") == 0) {
        put_zsh();
    } else if (strcmp(what, "fish") == 0) {
        put_fish();
    } else {
        fprintf(stderr,
                "usage: manual man [COMMAND] | guide FILE | commands | bash | zsh | fish\n");
        return 2;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
