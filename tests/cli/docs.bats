#!/usr/bin/env bats
# shellcheck disable=SC2016 # backquotes are those of the documents
# Documents against the code and its history: scripts/speed_log.csv can be read by machines, constants
# chosen by measuring are still those of scripts/SPEED.md, files that a document names are there.

setup() {
    load helper
    LOG=$ROOT/scripts/speed_log.csv
    SPEED=$ROOT/scripts/SPEED.md
}

# The fields of a CSV file (RFC 4180, no line breaks in fields), tabs between them; a line that is none
# is shown as it is and fails.
fields() {
    awk '
        function bad() { print FILENAME ": line " FNR " is no CSV: " $0; broken = 1 }
        /\t|\r/ { bad(); next }
        {
            rest = $0; out = ""
            while (1) {
                if (rest ~ /^"/) {
                    if (!match(rest, /^"([^"]|"")*"/)) { bad(); next }
                    field = substr(rest, 2, RLENGTH - 2); gsub(/""/, "\"", field)
                } else {
                    match(rest, /^[^,"]*/)
                    field = substr(rest, 1, RLENGTH)
                }
                rest = substr(rest, RLENGTH + 1)
                out = out field
                if (rest == "") break
                if (rest !~ /^,/) { bad(); next }
                rest = substr(rest, 2); out = out "\t"
            }
            print out
        }
        END { exit broken }' "$1"
}

@test "the log of speed is CSV: 7 fields a row, dates in order, kept is yes, no or empty" {
    fields "$LOG" >rows
    [ "$(head -n 1 rows)" = "$(printf 'date\tcommit\tmachine\twhat\tbefore\tafter\tkept')" ]
    [ "$(wc -l <rows)" -gt 200 ]
    run awk -F '\t' '
        NR > 1 && (NF != 7 || $1 !~ /^20[0-9][0-9]-[01][0-9]-[0-3][0-9]$/ || $1 < last ||
                   $2 !~ /^[0-9a-f]+$/ || length($2) != 7 || $3 !~ /^Zen [0-9]$/ || $4 == "" ||
                   $6 == "" || $7 !~ /^(yes|no|)$/) { print "line " NR ": " $0 }
        { last = NR > 1 ? $1 : "" }' rows
    echo "$output"
    [ -z "$output" ]
    cut -f 1 rows | tail -n +2 >dates
    date -d 2000-01-01 +%F >/dev/null 2>&1 || skip "no date that reads dates"
    sort -u dates | date -f - +%F | cmp - <(sort -u dates)
}

@test "the commits that the documents on speed name are commits of those days" {
    top=$(git -C "$ROOT" rev-parse --show-toplevel 2>/dev/null) || skip "no git checkout"
    [ "$top" -ef "$ROOT" ] || skip "no git checkout of its own"
    [ "$(git -C "$ROOT" rev-parse --is-shallow-repository)" = false ] || skip "history was left out"
    fields "$LOG" | awk -F '\t' 'NR > 1 { print $2, $1 }' | sort -u >named
    grep -oE '20[0-9]{2}-[0-9]{2}-[0-9]{2}, [0-9a-f]{7}' "$SPEED" | sed 's/\(.*\), \(.*\)/\2 \1/' >>named
    sort -u named >wanted
    # shellcheck disable=SC2046 # several commits
    git -C "$ROOT" log --no-walk=unsorted --format='%H %as' $(cut -d ' ' -f 1 wanted) -- >found
    sed 's/^\(.\{7\}\)[0-9a-f]*/\1/' found | sort -u | diff wanted -
}

# Rows "| `NAME` | FILE | VALUE | why |" of SPEED.md: NAME, FILE and VALUE with tabs between them.
rows() {
    awk -F ' *[|] *' '$2 ~ /^`.*`$/ { gsub(/`/, "", $2); print $2 "\t" $3 "\t" (NF > 5 ? $4 : "") }' "$SPEED"
}

# The one file of that name, of src or on top.
file_named() {
    found=$(find "$ROOT/src" "$ROOT/Makefile" -name "$1")
    echo "$1 is ${found:-missing}"
    [ -f "$found" ]
}

@test "each constant of the table has in its file the value that was measured" {
    rows >table
    [ "$(awk -F '\t' '$3 != ""' table | wc -l)" -gt 30 ]
    while IFS=$'\t' read -r name file value; do
        file_named "$file"
        if [ -z "$value" ]; then
            grep -qwF -- "$name" "$found"
            continue
        fi
        # #define NAME VALUE, or NAME = VALUE of an enum; VALUE without casts and
        # parentheses, and of sets/set.h one for each kernel set.
        in_code=$(sed -nE "s/^ *# *define +$name +([^\/]*[^ \/]).*/\1/p; s/.*[ {]$name = ([^,}]*[^,} ]).*/\1/p" "$found" |
            sed -E 's/\(size_t\)//; s/^(OF_SET|OF_QUANT_SET)?\((.*)\)$/\2/; s/, +/, /g; s/^ +//')
        echo "$name: the table says $value, $file $in_code"
        [ "$in_code" = "$value" ]
    done <table
}

@test "whoever refers to SPEED.md finds a row there" {
    rows | cut -f 2 | sed 's/[.][ch]$//' | sort -u >told
    grep -rl --include='*.[ch]' 'SPEED[.]md' "$ROOT/src" "$ROOT/include" >citing
    while read -r file; do
        name=$(basename "$file")
        echo "$file"
        grep -qxF "${name%.*}" told
    done <citing
}

@test "every file that the documents name is there" {
    # In backquotes or as a link; not a user's files, nor those that an example makes.
    for document in README.md scripts/manual/guide.md src/README.md tests/README.md models/README.md scripts/SPEED.md scripts/examples/README.md; do
        grep -oE '[`(][A-Za-z_0-9./-]+[.](c|h|sh|mk|sbatch|py|bats|gguf|csv|md)[`)]' "$ROOT/$document" | tr -d '`()' |
            grep -vE 'NAME|_X[.]c' | sed "s|^|$document |"
    done | sort -u >named
    [ "$(wc -l <named)" -gt 50 ]
    # A name may leave out folders before it, but those that it has must be right.
    (cd "$ROOT" && find src include tests scripts models README.md) >there
    run awk '
        NR == FNR {
            for (end = $0; ; sub("^[^/]*/", "", end)) {
                ends[end] = 1
                if (end !~ "/") break
            }
            next
        }
        { end = $2; sub("^([.]+/)*", "", end) }
        !(end in ends) { print $1 " names " $2 }' there named
    echo "$output"
    [ -z "$output" ]
}

@test "the samples of the built-in model's card are what its commands print" {
    unset GEN_MODEL
    options=$(sed -n '/^The first ten/,/seeds[.]$/p' "$ROOT/models/README.md" | tr '\n' ' ' | sed 's/.*`gen \([^`]*\)`.*/\1/')
    # The commands of the card, then its texts and theirs with a line break wherever there is white space.
    sed -n 's/^`\(--prompt .* --seed [0-9]*\)`$/\1/p' "$ROOT/models/README.md" >commands
    [ "$(wc -l <commands)" -eq 10 ]
    while IFS= read -r command; do
        eval "\"$GEN\" $options $command" | tr -s '[:space:]' '\n'
    done <commands >printed
    sed -n '/^## Samples/,/^## Checked/s/^>//p' "$ROOT/models/README.md" | tr -s '[:space:]' '\n' | sed '/^$/d' |
        diff - <(sed '/^$/d' printed)
}
