#!/bin/sh
# Have build/manual write all man pages and completions below a directory.
#
#   sh scripts/manual/make.sh build/manual build/share        (by make, where guide.md is)
#
# Where the program cannot run, as it is built for another machine, there are none.
set -eu

manual=$1
share=$2

rm -rf "$share"
mkdir -p "$share/man1" "$share/man7" "$share/bash" "$share/zsh" "$share/fish"
if ! "$manual" man >"$share/man1/gen.1"; then
    rm "$share/man1/gen.1"
    echo "note: $manual failed, so gen has no man pages and no completions"
    exit 0
fi
for command in $("$manual" commands); do
    "$manual" man "$command" >"$share/man1/gen-$command.1"
done
"$manual" guide "$(dirname "$0")/guide.md" >"$share/man7/gen-guide.7"
"$manual" bash >"$share/bash/gen"
"$manual" zsh >"$share/zsh/_gen"
"$manual" fish >"$share/fish/gen.fish"
