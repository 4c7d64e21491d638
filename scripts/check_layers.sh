#!/bin/sh
# Prove the rules of the architecture from the sources and from the compiled library. One line
# for each breach; exit status 1 if there is one.
#
#   sh scripts/check_layers.sh build/libgen.a        (normally through `make check-layers`)
#
# tests/cli/check_layers.bats sees every rule fail once.
set -eu
export LC_ALL=C

if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    echo "usage: sh scripts/check_layers.sh LIBRARY, from the top of the repository" >&2
    exit 2
fi
library=$1

# A room includes itself, rooms of a lower level, the public headers. The program's rooms see of the
# library those, base and text: cli includes cli, cmd and main.c include cli and cmd. A public header
# includes public headers of a lower level, and nothing else of ours.
check_includes() {
    find src include -type f | grep -E '^include/|\.[ch]$' | sort | while read -r file; do
        awk -v file="$file" '
        BEGIN {
            # text is above base, and with it all that the program sees of the library.
            split("base 0 text 0.5 tensor 1 tokenizer 1 constrain 2 format 2 data 2 sample 3 " \
                  "arch 3 model 4 generate 5 train 6 eval 6", word, " ")
            for (i = 1; i in word; i += 2) level[word[i]] = word[i + 1]
            program["cli"] = 1; program["cmd"] = 2; program["main.c"] = 2
            # Within train: gradients know nothing of optimizers, both nothing of runs.
            floor["gradient"] = 0; floor["optimizer"] = 1
            split("gen_base.h 0 gen_session.h 1 gen_tokenizer.h 1 gen_chat.h 1.5 gen_constraint.h 1.5 " \
                  "gen_generate.h 1.5 gen.h 2 gen_bench.h 3 gen_eval.h 3 gen_explain.h 3 gen_prompt_cache.h 3 " \
                  "gen_train.h 3", word, " ")
            for (i = 1; i in word; i += 2) public[word[i]] = word[i + 1]
            split(file, part, "/"); room = part[2]
            of = (room == "train" && part[3] in floor) ? floor[part[3]] : 2
            if (part[1] == "include" && !(room in public)) {
                print file ": a public header that has no level"
                exit
            }
            if (part[1] == "src" && !(room in level) && !(room in program)) {
                print file ": is in a room that has no level"
                exit
            }
        }
        function may_include(target,    other) {
            if (room in public) return target in public && public[target] < public[room]
            if (target in public) return 1
            other = target; sub(/\/.*/, "", other)
            if (room in program && (other == "base" || other == "text")) return 1
            if (room in program) return other in program && program[other] <= program[room]
            if (room == "train" && other == "train") {
                split(target, step, "/")
                return ((step[2] in floor) ? floor[step[2]] : 2) <= of
            }
            return other in level && (other == room || level[other] < level[room])
        }
        /^[ \t]*#[ \t]*include/ {
            target = $0; sub(/^[ \t]*#[ \t]*include[ \t]*/, "", target)
            quote = substr(target, 1, 1)
            sub(/^["<]/, "", target); sub(/[">].*$/, "", target)
            at = file ":" FNR ": "
            first = target; sub(/\/.*/, "", first)
            if (quote == "\"" && !(target in public) && target !~ /^[a-z_]+\/[a-z0-9_\/]+\.h$/)
                print at "\"" target "\" is not written from src/"
            else if (quote == "\"" && !may_include(target))
                print at room " must not include \"" target "\""
            else if (quote == "<" && (first in level || first in program || target in public))
                print at "<" target "> is not a system header; write it in quotes"
            else if (quote != "\"" && quote != "<")
                print at "an #include through a macro cannot be checked"
        }' "$file"
    done
}

# No circle of files: of headers that include each other, and of the library's files that call each
# other. `A B` in a line says that A needs B. What nothing needs, or what needs nothing, is in no
# circle and is left out until nothing more can be; of the rest, whatever needs itself by way of
# others is in one. (Public headers have levels, so there are none among them.)
circles() {
    awk -v what="$1" '
        $1 != $2 && !(($1, $2) in seen) { seen[$1, $2]; from[++n] = $1; to[n] = $2; left[$1]; left[$2] }
        END {
            do {
                split("", needs); split("", needed)
                for (i = 1; i <= n; i++)
                    if (from[i] in left && to[i] in left) { needs[from[i]]; needed[to[i]] }
                gone = 0
                for (file in left)
                    if (!(file in needs) || !(file in needed)) { delete left[file]; gone++ }
            } while (gone > 0)
            for (i = 1; i <= n; i++) if (from[i] in left && to[i] in left) reach[from[i], to[i]]
            for (by in left) for (file in left) if ((file, by) in reach)
                for (other in left) if ((by, other) in reach) reach[file, other]
            for (file in left)
                if ((file, file) in reach) print file ": is in a circle of files that " what
        }' | sort
}

check_circles() {
    find src -type f -name '*.h' | while read -r file; do
        sed -n "s|^[ \t]*#[ \t]*include[ \t]*\"\([^\"]*\)\".*|${file#*/} \1|p" "$file"
    done | circles "include each other"
    # Two objects may have one name: they are told apart by their numbers.
    nm "$library" | awk '
        /:$/ { object = $0; gsub(/^.*\(|\)?:$/, "", object); object = object "#" ++number }
        NF == 2 && $1 == "U" { user[++n] = object; used[n] = $2 }
        NF == 3 && $2 ~ /^[A-TV-Z]$/ { home[$3] = object }
        END { for (i = 1; i <= n; i++) if (used[i] in home) print user[i], home[used[i]] }' |
        circles "call each other" | sed 's/#[0-9]*//'
}

# The library leaves its caller in charge of the process, allocates in one place and starts
# threads in one place. -u lists, below the name of each object, what it takes from elsewhere;
# names are compared without the underscores and the _chk that platforms add.
check_calls() {
    nm -u "$library" | awk '
        BEGIN {
            split("exit _exit _Exit quick_exit abort assert_fail assert_rtn atexit raise kill " \
                  "signal sigaction fork system popen execve execvp " \
                  "printf vprintf fprintf vfprintf dprintf vdprintf puts putchar putc fputs " \
                  "fputc perror stdin stdout stderr stdinp stdoutp stderrp " \
                  "getenv secure_getenv setenv putenv environ getopt getopt_long " \
                  "setlocale uselocale strtok rand srand random srandom drand48", word, " ")
            for (i in word) banned[plain(word[i])] = 1
            split("malloc calloc realloc reallocarray free aligned_alloc posix_memalign " \
                  "memalign strdup strndup asprintf vasprintf getline", word, " ")
            for (i in word) allocating[plain(word[i])] = 1
        }
        function plain(name) { sub(/^_+/, "", name); sub(/_chk$/, "", name); return name }
        /:$/ { object = $0; gsub(/^.*\(|\)?:$/, "", object) }
        NF > 0 && !/:$/ {
            name = plain($NF)
            if (name in banned) print object ": the library must not use " name
            if (name in allocating && object != "memory.o")
                print object ": calls " name "; base/memory.c is the one place that allocates"
            if (name ~ /^(pthread_create|thrd_create|omp_.*|GOMP_.*|kmpc_.*)$/ && object != "threads.o")
                print object ": calls " name "; base/threads.c is the one place that starts threads"
        }
        END { if (object == "") print "nm showed no object of the library" }'
}

# Constant tables with pointers in them lie in .data.rel.ro (on macOS __DATA,__const) and are
# read-only once the program is loaded: so it is the section that tells, not the letter of nm.
check_data() {
    objdump -t "$library" | awk '
        /file format/ { object = $1; gsub(/^.*\(|\)?:$/, "", object) }
        match($0, /[ \t](\.(data|bss|tdata|tbss)[^ \t]*|__DATA,__(data|bss|common|thread)[^ \t]*|\*COM\*)[ \t]/) {
            section = substr($0, RSTART + 1, RLENGTH - 2)
            if (section !~ /^\.data\.rel\.ro/ && $NF != section)
                print object ": " $NF " is writable (" section "); the library keeps no state"
        }
        END { if (object == "") print "objdump showed no object of the library" }'
}

# A file has one duty.
check_lengths() {
    find Makefile src include tests scripts .ci -type f \( -name '*.[ch]' -o -name '*.sh' \
        -o -name '*.bats' -o -name '*.py' -o -name Makefile -o -name run \) |
        while read -r file; do
            lines=$(($(wc -l <"$file")))
            if [ "$lines" -gt 600 ]; then
                echo "$file: has $lines lines; 600 is the limit, split it"
            fi
        done
}

check_tree() {
    for entry in *; do
        case $entry in
        Makefile | src | include | tests | models | scripts | README.md | scripts/manual/guide.md | LICENSE | build) ;;
        *) echo "$entry: does not belong at the top level" ;;
        esac
    done
    find . \( -path ./build -o -path ./.git \) -prune -o -type f \( -name '*.o' -o -name '*.a' \
        -o -name '*.d' -o -name '*.so' -o -name '*.gc??' -o -name a.out \) -print |
        sed 's|^./\(.*\)|\1: a build product outside build/|'
    find . \( -path ./build -o -path ./.git \) -prune -o -type f -perm -100 -print |
        while read -r file; do
            # The shell cannot hold the bytes of an executable's head, so they are spelled out.
            case $(head -c 4 "$file" | od -An -tx1 | tr -d ' ') in
            7f454c46 | cffaedfe) echo "${file#./}: a compiled program outside build/" ;;
            esac
        done
}

breaches=$(check_includes && check_circles && check_calls && check_data && check_lengths && check_tree)
if [ -n "$breaches" ]; then
    echo "$breaches"
    echo "check-layers: $(echo "$breaches" | wc -l | tr -d ' ') breaches"
    exit 1
fi
echo "check-layers: all rules hold"
