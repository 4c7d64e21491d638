/**
 * completion_bash.c - the completion for bash (4 or newer), which needs nothing but bash: a case of
 * each command with its options and, by the option before the cursor, what its value is.
 */
#include "cli/embedded.h"
#include "manual.h"

/* What surrounds the tables; the first %s is the built-in model's name, the second the search. */
static const char head[] =
    "# bash completion for gen. Made by scripts/manual from gen's tables of options.\n"
    "# shellcheck shell=bash disable=SC2016 # sh expands the search\n"
    "\n"
    "# Names of models that begin with $1, one a line.\n"
    "_gen_models() {\n"
    "    local name\n"
    "    { echo '%s'; sh -c '%s'; } 2>/dev/null | while IFS= read -r name; do\n"
    "        [[ -n $name && $name == \"$1\"* ]] && printf '%%s\\n' \"$name\"\n"
    "    done\n"
    "}\n"
    "\n"
    "# Set kind, the words or the suffix: of the value of option $2 of command $1, of its operands "
    "if\n"
    "# that is no option with a value; and options, all that it has.\n"
    "_gen_table() {\n"
    "    case $1 in\n";

static const char tail[] =
    "_gen() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=generate\n"
    "    local kind='' words='' suffix='' options='' ended='' word\n"
    "    # --name=value comes as three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    [[ $prev == --* ]] && prev=${prev//_/-}\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "        [[ $word == -- ]] && ended=1 prev=\n"
    "    done\n"
    "    if ((COMP_CWORD > 1)) && [[ \" $_gen_commands \" == *\" ${COMP_WORDS[1]} \"* ]]; then\n"
    "        command=${COMP_WORDS[1]}\n"
    "    elif ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$_gen_commands\" -- \"$cur\")\n"
    "        return\n"
    "    fi\n"
    "    _gen_table \"$command\" \"$prev\"\n"
    "    if [[ $kind == operand:* ]]; then\n"
    "        kind=${kind#operand:}\n"
    "        [[ $cur == -* && -z $ended ]] && kind=words words=$options\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    case $kind in\n"
    "    words) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
    "    command) mapfile -t COMPREPLY < <(compgen -W \"$_gen_commands\" -- \"$cur\") ;;\n"
    "    directory)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "        ;;\n"
    "    file)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <({\n"
    "            compgen -d -- \"$cur\"\n"
    "            compgen -f -X \"!*$suffix\" -- \"$cur\"\n"
    "        } | sort -u)\n"
    "        ;;\n"
    "    model)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <({\n"
    "            compgen -d -- \"$cur\"\n"
    "            compgen -f -X '!*.gguf' -- \"$cur\"\n"
    "            _gen_models \"$cur\"\n"
    "        } | sort -u)\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _gen gen\n";

static void put_names(const struct option *option, const char *between) {
    printf("--%s", option->name);
    if (option->letter != '\0') {
        printf("%s-%c", between, option->letter);
    }
}

static void put_name(const struct command *command, const struct option *option) {
    (void)command;
    putchar(' ');
    put_names(option, " ");
}

static void put_kind(const struct value *value) {
    static const char *const names[] = {
        [VALUE_NONE] = "none",           [VALUE_ANY] = "any",     [VALUE_CHOICE] = "words",
        [VALUE_FILE] = "file",           [VALUE_MODEL] = "model", [VALUE_COMMAND] = "command",
        [VALUE_DIRECTORY] = "directory",
    };
    fputs(names[value->kind], stdout);
    putchar('\'');
    if (value->suffix[0] != '\0') {
        printf(" suffix=%s", value->suffix);
    }
}

static void put_value(const struct command *command, const struct option *option) {
    (void)command;
    struct value value = value_of_option(option);
    if (value.kind == VALUE_NONE) {
        return;
    }
    printf("        ");
    put_names(option, " | ");
    printf(") kind='");
    put_kind(&value);
    if (value.kind == VALUE_CHOICE) {
        printf(" words='");
        for (size_t i = 0; value.choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", value.choices[i]);
        }
        putchar('\'');
    }
    puts(" ;;");
}

void put_bash(void) {
    printf(head, embedded_model_name(), list_of_models);
    for (size_t i = 0; commands[i] != NULL; i++) {
        struct value operands = value_of_operands(commands[i]);
        printf("    %s)\n        options='", commands[i]->name);
        each_option(commands[i], put_name);
        printf("'\n        case $2 in\n");
        each_option(commands[i], put_value);
        printf("        *) kind='operand:");
        put_kind(&operands);
        puts(" ;;\n        esac\n        ;;");
    }
    printf("    esac\n}\n\n_gen_commands='");
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf("%s%s", i > 0 ? " " : "", commands[i]->name);
    }
    printf("'\n\n%s", tail);
}
