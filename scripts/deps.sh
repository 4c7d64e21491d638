#!/bin/sh
# Install what building, testing and checking gen need, and only what is missing.
#
#   sh scripts/deps.sh [build] [test] [lint] [fuzz] [neon] [mpi] [shells] [page] [package] [examples] [hf] | all
#                                                                            (default: build test)
#
# Knows Debian and Ubuntu (apt-get), Fedora (dnf), Arch (pacman) and macOS (brew). It needs no
# make, so it is the first thing to run on a bare machine. `fuzz`, for make fuzz, `neon`, for make
# test-neon, `mpi`, for make MPI=1 and test-mpi, `shells`, in which completions and man pages are
# tried, `page`, a browser for make test-page, `package`, for make test-package, and `examples`, the
# programs that scripts/examples are for, are in none of the others; neon, package and examples are
# known for Debian and Ubuntu only. `hf`, with which a test downloads as the README does, comes from
# PyPI into build/hf.
set -eu

manager=
for candidate in apt-get dnf pacman brew; do
    if command -v "$candidate" >/dev/null 2>&1; then
        manager=$candidate
        break
    fi
done

missing=    # what is missing, in words
packages=   # the packages that bring it

# need WHAT "CHECK" APT DNF PACMAN BREW: note the packages of WHAT unless CHECK succeeds;
# "-" where the system brings it by itself
need() {
    if sh -c "$2" >/dev/null 2>&1; then
        return
    fi
    case $manager in
    apt-get) package=$3 ;;
    dnf) package=$4 ;;
    pacman) package=$5 ;;
    brew) package=$6 ;;
    *) package= ;;
    esac
    missing="${missing:+$missing, }$1"
    [ "$package" = - ] || packages="$packages $package"
}

need_for_building() {
    need 'a C compiler' 'command -v cc && echo "#include <stdio.h>" | cc -E -' \
        'gcc libc6-dev' 'gcc' 'gcc' '-'
    need 'make' 'command -v make' 'make' 'make' 'make' '-'
    need 'pkg-config' 'command -v pkg-config' 'pkg-config' 'pkgconf-pkg-config' 'pkgconf' 'pkgconf'
    need 'cJSON' 'pkg-config --exists libcjson' 'libcjson-dev' 'cjson-devel' 'cjson' 'cjson'
    need 'utf8proc' 'pkg-config --exists libutf8proc' \
        'libutf8proc-dev' 'utf8proc-devel' 'libutf8proc' 'utf8proc'
    # Linux only; gen builds without it, too, and then has half of its sandbox.
    if [ "$(uname -s)" = Linux ]; then
        need 'libseccomp' "pkg-config --exists 'libseccomp >= 2.5'" \
            'libseccomp-dev' 'libseccomp-devel' 'libseccomp' '-'
    fi
    # Optional, too: the editor of lines of gen chat.
    need 'libedit' 'pkg-config --exists libedit' 'libedit-dev' 'libedit-devel' 'libedit' 'libedit'
}

need_for_testing() {
    need 'cmocka' 'pkg-config --exists cmocka' 'libcmocka-dev' 'libcmocka-devel' 'cmocka' 'cmocka'
    need 'bats' 'command -v bats' 'bats' 'bats' 'bats' 'bats-core'
    need 'jq' 'command -v jq' 'jq' 'jq' 'jq' 'jq'
    need 'tmux' 'command -v tmux' 'tmux' 'tmux' 'tmux' 'tmux'
    need 'GNU time' 'gtime -f %M true || /usr/bin/time -f %M true' 'time' 'time' 'time' 'gnu-time'
    need 'strace' 'uname | grep -v Linux || command -v strace' 'strace' 'strace' 'strace' '-'
}

need_for_lint() {
    need 'gcc' 'command -v gcc' 'gcc' 'gcc' 'gcc' 'gcc'
    need 'clang' 'command -v clang' 'clang' 'clang' 'clang' '-'
    need 'clang-format' 'command -v clang-format' \
        'clang-format' 'clang-tools-extra' 'clang' 'clang-format'
    need 'clang-tidy' 'command -v clang-tidy' 'clang-tidy' 'clang-tools-extra' 'clang' 'llvm'
    need 'cppcheck' 'command -v cppcheck' 'cppcheck' 'cppcheck' 'cppcheck' 'cppcheck'
    need 'shellcheck' 'command -v shellcheck' 'shellcheck' 'ShellCheck' 'shellcheck' 'shellcheck'
}

need_for_fuzz() {
    need 'clang' 'command -v clang' 'clang' 'clang' 'clang' 'llvm'
    need 'libFuzzer' 'echo "int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }" |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null' \
        "$(fuzz_runtime)" 'compiler-rt' 'compiler-rt' 'llvm'
}

# The package of clang's runtime libraries has clang's version in its name.
fuzz_runtime() {
    version=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
    echo "libclang-rt-${version:+$version-}dev"
}

need_for_neon() {
    if [ "$manager" != apt-get ]; then
        echo "deps: test-neon needs Debian or Ubuntu, or by hand: a C compiler for AArch64 Linux," \
            "its C library and qemu-aarch64" >&2
        exit 1
    fi
    need 'a C compiler for AArch64' 'command -v aarch64-linux-gnu-gcc' gcc-aarch64-linux-gnu - - -
    need 'its C library' 'echo "#include <stdio.h>" | aarch64-linux-gnu-gcc -E -' \
        libc6-dev-arm64-cross - - -
    need 'an emulator of AArch64' 'command -v qemu-aarch64' qemu-user - - -
}

need_for_mpi() {
    need 'mpicc' 'command -v mpicc' 'libopenmpi-dev' 'openmpi-devel' 'openmpi' 'open-mpi'
    need 'mpirun' 'command -v mpirun' 'openmpi-bin' 'openmpi' 'openmpi' 'open-mpi'
}

need_for_shells() {
    need 'zsh' 'command -v zsh' 'zsh' 'zsh' 'zsh' '-'
    need 'fish' 'command -v fish' 'fish' 'fish' 'fish' 'fish'
    need 'expect' 'command -v expect' 'expect' 'expect' 'expect' 'expect'
    need 'man' 'command -v man' 'man-db groff' 'man-db' 'man-db' '-'
    need 'mandoc' 'command -v mandoc' 'mandoc' 'mandoc' 'mandoc' 'mandoc'
}

need_for_page() {
    need 'chromium' 'command -v chromium || command -v chromium-browser || command -v google-chrome' \
        'chromium' 'chromium' 'chromium' '-'
}

need_for_package() {
    if [ "$manager" != apt-get ]; then
        echo "deps: make deb and its test need Debian or Ubuntu" >&2
        exit 1
    fi
    need 'dpkg-shlibdeps' 'command -v dpkg-shlibdeps' dpkg-dev - - -
    need 'lintian' 'command -v lintian' lintian - - -
    need 'debootstrap' 'command -v debootstrap' debootstrap - - -
}

# Slurm and cron are daemons; Debian starts what it installs, where it has an init to do so.
need_for_examples() {
    if [ "$manager" != apt-get ]; then
        echo "deps: test-examples needs Debian or Ubuntu, or by hand: GNU parallel, Slurm, munge, cron" >&2
        exit 1
    fi
    need 'GNU parallel' 'parallel --version | grep "^GNU parallel"' parallel - - -
    need 'Slurm' 'command -v sbatch && ls /usr/sbin/slurmctld /usr/sbin/slurmd' slurm-wlm - - -
    need 'munge' 'ls /usr/sbin/munged' munge - - -
    need 'cron' 'ls /usr/sbin/cron' cron - - -
}

# Hugging Face's own program, in a Python environment of its own: no system has a package of it.
bring_hf() {
    if command -v hf >/dev/null 2>&1 || [ -x build/hf/bin/hf ]; then
        return
    fi
    echo "deps: running: python3 -m venv build/hf, and pip install huggingface_hub there"
    if ! python3 -m venv build/hf || ! build/hf/bin/pip install --quiet huggingface_hub; then
        rm -rf build/hf
        echo "deps: hf cannot be had here; it needs python3 with venv and pip, and a network" >&2
        exit 1
    fi
}

# Say a command, then run it, as root where that is needed.
run() {
    if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "deps: no sudo here; as root, run: $*" >&2
            exit 1
        fi
        set -- sudo "$@"
    fi
    echo "deps: running: $*"
    "$@"
}

[ $# -gt 0 ] || set -- build test
[ "$*" != all ] || set -- build test lint
for purpose in "$@"; do
    case $purpose in
    build) need_for_building ;;
    test) need_for_testing ;;
    lint) need_for_lint ;;
    fuzz) need_for_fuzz ;;
    neon) need_for_neon ;;
    mpi) need_for_mpi ;;
    shells) need_for_shells ;;
    page) need_for_page ;;
    package) need_for_package ;;
    examples) need_for_examples ;;
    hf) bring_hf ;;
    *)
        echo "usage: sh scripts/deps.sh [build] [test] [lint] [fuzz] [neon] [mpi] [shells] [page] [package] [examples] [hf] | all" >&2
        exit 2
        ;;
    esac
done

if [ -z "$missing" ]; then
    echo "deps: everything for $* is here"
    exit 0
fi
echo "deps: missing for $*: $missing"
if [ -z "$manager" ]; then
    echo "deps: none of apt-get, dnf, pacman, brew is here; please install the above by hand" >&2
    exit 1
fi
if [ "$manager" = brew ] && ! cc --version >/dev/null 2>&1; then
    echo "deps: the C compiler and make come with: xcode-select --install" >&2
    exit 1
fi

# The list of packages is split into words on purpose.
# shellcheck disable=SC2086
case $manager in
apt-get)
    run apt-get update || echo "deps: the package lists could not be renewed; trying with the old"
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
    ;;
dnf) run dnf install -y $packages ;;
pacman)
    # A bare system has no package database yet; one that has is not half upgraded.
    if [ -z "$(ls /var/lib/pacman/sync 2>/dev/null)" ]; then
        run pacman -Sy
    fi
    run pacman -S --needed --noconfirm $packages
    ;;
brew) run brew install $packages ;;
esac
echo "deps: done"
