#!/bin/sh
# Write a source archive of the files that git tracks, as they are in the working tree.
#
#   sh scripts/make_dist.sh VERSION build/gen-VERSION.tar.gz        (by make dist)
#
# The same files give the same bytes: names in order, no user, the time of the last commit.
set -eu

version=$1
archive=$2
name=gen-$version

if ! git rev-parse --show-toplevel >/dev/null 2>&1; then
    echo "dist: git tells which files belong to the archive, and this is no checkout" >&2
    exit 1
fi
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
mkdir -p "$(dirname "$archive")"
git ls-files -z | LC_ALL=C sort -z |
    "${TAR:-tar}" --null --no-recursion --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s \
        --mtime="@$time" --transform "s|^|$name/|" -T - -cf - | gzip -9n >"$archive.part"
mv "$archive.part" "$archive"
echo "$archive"
