#!/bin/sh
# Make Debian packages of what was built: gen, libgen0.1 and libgen-dev.
#
#   sh scripts/make_deb.sh BUILD VERSION SONAME        (by make deb; written to BUILD/deb)
#
# The maintainer is $DEBFULLNAME <$DEBEMAIL>, as Debian's own tools have it, else git's author.
set -eu

build=$1
version=$2
soname=$3
so_package=lib$(echo "$soname" | sed 's/^lib//; s/\.so\./-/; s/-\([0-9]\)/\1/')
revision=$version-1
architecture=$(dpkg --print-architecture)
libdir=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
name=${DEBFULLNAME:-$(git log -1 --format=%an 2>/dev/null || echo "gen's makers")}
address=${DEBEMAIL:-$(git log -1 --format=%ae 2>/dev/null || echo gen@example.org)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022

out=$build/deb
rm -rf "$out"
mkdir -p "$out"
stage=$out/stage
env -u MAKEFLAGS -u MAKELEVEL make -s --no-print-directory install "BUILD=$build" "DESTDIR=$stage" prefix=/usr "libdir=/$libdir" \
    zshcompletiondir=/usr/share/zsh/vendor-completions

# take PACKAGE PATH...: from the stage into a package
take() {
    package=$1
    shift
    for path in "$@"; do
        mkdir -p "$out/$package/$(dirname "$path")"
        mv "$stage/$path" "$out/$package/$path"
    done
}

documents() {
    doc=$out/$1/usr/share/doc/$1
    mkdir -p "$doc"
    {
        echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
        echo "Upstream-Name: gen"
        echo
        echo "Files: *"
        sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
        echo "License: Expat"
        sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
    } >"$doc/copyright"
    printf 'gen (%s) unstable; urgency=medium\n\n  * Packaged by make deb.\n\n -- %s <%s>  %s\n' \
        "$revision" "$name" "$address" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$doc/changelog.Debian.gz"
}

# control PACKAGE SECTION DEPENDS DESCRIPTION, whose first line is the short one
control() {
    mkdir -p "$out/$1/DEBIAN"
    {
        echo "Package: $1"
        echo "Source: gen"
        echo "Version: $revision"
        echo "Architecture: $architecture"
        echo "Maintainer: $name <$address>"
        echo "Installed-Size: $(du -sk "$out/$1" | cut -f 1)"
        echo "Depends: $3"
        echo "Section: $2"
        echo "Priority: optional"
        [ "$1" = gen ] || echo "Multi-Arch: same"
        echo "Description: $4"
    } >"$out/$1/DEBIAN/control"
    (cd "$out/$1" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$out/$1" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch -hd "@$SOURCE_DATE_EPOCH"
    dpkg-deb --root-owner-group -Zxz --build "$out/$1" "$out/${1}_${revision}_$architecture.deb"
}

# What a file needs of other packages: dpkg-shlibdeps looks for a debian/control.
needs() {
    mkdir -p "$out/needs/debian"
    printf 'Source: gen\n\nPackage: gen\nArchitecture: any\n' >"$out/needs/debian/control"
    file=$(realpath "$1")
    (cd "$out/needs" && dpkg-shlibdeps -O "$file") | sed -n 's/^shlibs:Depends=//p'
}

gzip -9n "$stage"/usr/share/man/man1/*.1 "$stage"/usr/share/man/man7/*.7
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$stage/usr/bin/gen" \
    "$stage/$libdir"/libgen.so.*.*.*
strip --strip-debug --enable-deterministic-archives "$stage/$libdir/libgen.a"
chmod 644 "$stage/$libdir"/libgen.so.*.*.*
# copyright says it in Debian's form.
rm "$stage/usr/share/doc/gen/LICENSE"

take "$so_package" "$libdir/$soname" "$libdir/libgen.so.$version"
take libgen-dev usr/include "$libdir/libgen.so" "$libdir/libgen.a" "$libdir/pkgconfig"
rmdir "$stage/$libdir" "$stage/usr/lib" 2>/dev/null || true
take gen usr
documents gen
documents "$so_package"
documents libgen-dev

long=' gen reads models of the GPT-2 family in GGUF files and Hugging Face
 directories, continues prompts with them, trains and converts them. It
 needs neither Python nor a network.'

mkdir -p "$out/$so_package/DEBIAN"
echo "libgen ${soname#libgen.so.} $so_package (>= $version)" >"$out/$so_package/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$out/$so_package/DEBIAN/triggers"
control gen utils "$(needs "$out/gen/usr/bin/gen")" "generate text with GPT-2-style models on a CPU
$long"
control "$so_package" libs "$(needs "$out/$so_package/$libdir/libgen.so.$version")" \
    "generate text with GPT-2-style models on a CPU: shared library
$long
 .
 This package holds the library that other programs are linked with."
control libgen-dev libdevel "$so_package (= $revision), libcjson-dev, libutf8proc-dev" \
    "generate text with GPT-2-style models on a CPU: development files
$long
 .
 This package holds the headers, which are the manual, and the static
 library."
rm -rf "$stage" "$out/needs"
