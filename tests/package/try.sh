#!/bin/bash
# Try what is given away: the source archive of `make dist`, which must build and run where nothing
# else of ours is, and the packages of `make deb`, in which lintian must find no error and which
# must install and run in a clean Debian.
#
#   bash tests/package/try.sh BUILD VERSION        (by make test-package)
#
# What this machine lacks the tools for is said and left out.
set -euo pipefail

build=$1
version=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
said=$("$build/gen" --greedy -n 20 "Once upon a time")

failed() {
    echo "test-package: $*" >&2
    exit 1
}

try_archive() {
    mkdir "$scratch/clean"
    tar -xzf "$build/gen-$version.tar.gz" -C "$scratch/clean"
    cd "$scratch/clean/gen-$version"
    [ -s LICENSE ] || failed "no LICENSE in the archive"
    # Without git, and with nothing of this build's settings.
    local clean
    clean=(env -i PATH="$PATH" HOME="$HOME" GIT_DIR=/nonexistent make -j "$(nproc)")
    "${clean[@]}" "CC=$CC" CFLAGS=-O1 >make.log 2>&1 ||
        { tail make.log >&2; failed "the archive does not build"; }
    [ "$(build/gen --greedy -n 20 "Once upon a time")" = "$said" ] || failed "the archive's gen says something else"
    "${clean[@]}" -s install DESTDIR="$scratch/there" prefix=/usr >install.log
    [ -s "$scratch/there/usr/share/man/man1/gen-train.1" ] || failed "the archive's gen has no man pages"
    cd - >/dev/null
    echo "test-package: the archive builds, runs and installs"
}

try_lintian() {
    lintian --allow-root --fail-on error "$build"/deb/*.deb || failed "lintian finds errors"
    echo "test-package: lintian finds no error"
}

# A clean system costs a minute and a network: it is kept, packed, for the next time.
make_system() {
    local packed=$build/debian-clean.tar
    mkdir "$scratch/system"
    if [ ! -s "$packed" ]; then
        debootstrap --variant=minbase --include=libcjson1,libutf8proc2 "$1" "$scratch/system" >"$scratch/log" 2>&1 || return 1
        tar -cf "$packed.part" -C "$scratch/system" --exclude=./proc/* --exclude=./dev/* --exclude=./var/cache/* . && mv "$packed.part" "$packed"
    else
        tar -xf "$packed" -C "$scratch/system"
    fi
}

try_clean_system() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    if ! make_system "$codename"; then
        echo "test-package: no clean system here: debootstrap failed: $(tail -n 1 "$scratch/log")"
        return
    fi
    cp "$build"/deb/*.deb "$scratch/system/tmp"
    chroot "$scratch/system" sh -c 'dpkg -i /tmp/gen_*.deb /tmp/libgen0*.deb' >"$scratch/log" 2>&1 ||
        { cat "$scratch/log" >&2; failed "the packages do not install in a clean Debian"; }
    [ "$(chroot "$scratch/system" gen --greedy -n 20 "Once upon a time")" = "$said" ] ||
        failed "the installed gen says something else"
    chroot "$scratch/system" sh -c 'ldconfig -p | grep -q libgen.so.' || failed "the loader does not find the library"
    chroot "$scratch/system" dpkg -r gen >/dev/null
    [ ! -e "$scratch/system/usr/bin/gen" ] || failed "gen cannot be removed"
    echo "test-package: installs, runs and goes again in a clean Debian $codename"
}

try_archive
if ! compgen -G "$build/deb/*.deb" >/dev/null; then
    echo "test-package: no packages here: dpkg-shlibdeps is missing (sh scripts/deps.sh package)"
    exit 0
fi
if command -v lintian >/dev/null; then
    try_lintian
else
    echo "test-package: packages not looked at: lintian is missing (sh scripts/deps.sh package)"
fi
if [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null; then
    try_clean_system
else
    echo "test-package: not tried in a clean system: debootstrap is missing, or this is not root"
fi
