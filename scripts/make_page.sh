#!/bin/sh
# Make one page of the parts of a page: what comes before its data, and what comes after it.
#
#   sh scripts/make_page.sh src/cmd/explain/page build/generated/explain     (make does so)
#
# Writes head.html and tail.html into the second directory. The page forbids everything but its own
# style and script, which it names by their SHA-256, so that no text in its data can become either.
set -eu

[ $# -eq 2 ] || { echo "usage: sh scripts/make_page.sh SOURCES OUT" >&2 && exit 2; }
sources=$1
out=$2
mkdir -p "$out"

# In the order in which the script has them.
cat "$sources"/data.js "$sources"/tokens.js "$sources"/maps.js "$sources"/lines.js \
    "$sources"/lens.js "$sources"/contributions.js "$sources"/page.js >"$out/page.js"

# SHA-256 of a file as base64.
digest() {
    if command -v sha256sum >/dev/null; then
        hex=$(sha256sum <"$1")
    else
        hex=$(shasum -a 256 <"$1")
    fi
    for byte in $(printf '%.64s' "$hex" | sed 's/../& /g'); do
        # shellcheck disable=SC2059 # it makes the escape of a byte
        printf "\\$(printf '%03o' "0x$byte")"
    done | base64
}

{
    cat <<END
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-$(digest "$out/page.js")'; style-src 'sha256-$(digest "$sources/page.css")'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>gen explain</title>
END
    printf '<style>'
    cat "$sources/page.css"
    printf '</style>\n</head>\n'
    cat "$sources/page.html"
    printf '<script type="application/json" id="data">'
} >"$out/head.html"
{
    printf '</script>\n<script>'
    cat "$out/page.js"
    printf '</script>\n</body>\n</html>\n'
} >"$out/tail.html"
