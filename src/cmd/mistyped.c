/**
 * mistyped.c - `gen tokenise` shall not write a fairy tale about the word. Without a command gen
 * takes words for a prompt, so this has to tell a slip of the fingers from a word that somebody
 * wants continued: short names are allowed one error, long ones two, the first letter is right, and
 * English words that happen to be that near are listed.
 */
#include "cmd/mistyped.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/message.h"
#include "cli/suggest.h"

/* Commands of other programs, and where to find the same here. */
static const struct foreign {
    const char *name, *say;
} foreign[] = {
    {"version", "gen --version says which one this is"},
    {"run", "gen 'PROMPT' runs the model"},
    {"serve", "gen is no server; gen --jsonl answers prompts as they come on stdin"},
    {"server", "gen is no server; gen --jsonl answers prompts as they come on stdin"},
    {"list", "gen keeps no list of models; gen help generate says where names are looked up"},
    {"pull", "gen uses no network: hf download NAME fetches a model"},
    {"download", "gen uses no network: hf download NAME fetches a model"},
    {"quantize", "that is gen convert --type TYPE"},
    {"export", "that is gen convert"},
    {"info", "that is gen inspect"},
    {"benchmark", "that is gen bench"},
    {"encode", "that is gen tokenize"},
    {"decode", "that is gen tokenize --decode"},
    {"detokenize", "that is gen tokenize --decode"},
    {"perplexity", "that is gen eval --text FILE, or gen score for each of several texts"},
};

/* Words that are one or two letters from a command, and begin like it. */
static const char *const english[] = {
    "beach",     "belch",     "cat",       "chair",     "char",      "chart",     "chap",
    "chats",     "chant",     "chew",      "cheat",     "coat",      "chad",      "chai",
    "clat",      "chit",      "benches",   "bunch",     "concert",   "convent",   "converge",
    "converse",  "converts",  "converted", "convex",    "convey",    "covert",    "convener",
    "general",   "generals",  "generated", "generates", "generator", "generic",   "generous",
    "heap",      "held",      "hell",      "helm",      "helps",     "hemp",      "inspects",
    "inspected", "inspector", "insect",    "insects",   "tokenized", "tokenizer", "trail",
    "trains",    "trait",     "twain",     "vocal",     "vocals",    "finetuned", "finetunes",
    "heal",      "hello",
};

static const char *foreign_hint(const char *word) {
    for (size_t i = 0; i < N_OF(foreign); i++) {
        if (strcmp(foreign[i].name, word) == 0) {
            return foreign[i].say;
        }
    }
    return NULL;
}

static bool is_english(const char *word) {
    for (size_t i = 0; i < N_OF(english); i++) {
        if (strcmp(english[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* The command that `word` is a slip of, or NULL. */
static const char *near_command(const struct command *const *all, const char *word) {
    /* Commands are written small, and nobody mistypes one with a comma. */
    if (word[strspn(word, "abcdefghijklmnopqrstuvwxyz-_")] != '\0' || is_english(word)) {
        return NULL;
    }
    for (size_t i = 0; all[i] != NULL; i++) {
        const char *name = all[i]->name;
        size_t most = strlen(name) > 5 ? 2 : 1;
        if (word[0] == name[0] && suggest_distance(word, name) <= most) {
            return name;
        }
    }
    return NULL;
}

static bool names_a_file(const struct options_parsed *parsed) {
    for (size_t i = 1; i < parsed->n_operands; i++) {
        if (access(parsed->operands[i], F_OK) == 0) {
            return true;
        }
    }
    return false;
}

bool mistyped_command(const struct command *const *all, const char *first,
                      const struct options_parsed *parsed) {
    if (first == NULL || parsed->n_operands == 0 || parsed->operands[0] != first) {
        return false;
    }
    if (parsed->n_operands > 2 && !names_a_file(parsed)) {
        return false;
    }
    const char *say = foreign_hint(first);
    const char *near = near_command(all, first);
    if (say != NULL) {
        message("\"%s\" is no command: %s (as a prompt: gen -p %s)", first, say, first);
    } else if (near != NULL) {
        message("\"%.40s\" is no command; did you mean gen %s? (as a prompt: gen -p %.40s)", first,
                near, first);
    }
    return say != NULL || near != NULL;
}
