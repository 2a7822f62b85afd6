#!/bin/sh
# Installs what the build (default), the tests (tests) or the fuzz targets (fuzz) need and is missing. Debian 12 names.
set -u
lack=""
need_command() { command -v "$1" >/dev/null 2>&1 || lack="$lack $2"; }
need_header() { # found by the compiler wherever the distribution puts it
    printf '#include <%s>\n' "$1" | ${CC:-cc} -I/usr/include/flint -E -x c - >/dev/null 2>&1 || lack="$lack $2"
}
need_command "${CC:-cc}" gcc
need_command make make
need_command protoc-c protobuf-c-compiler
if command -v "${CC:-cc}" >/dev/null 2>&1; then
    need_header stdio.h libc6-dev
    need_header gmp.h libgmp-dev
    need_header mpfr.h libmpfr-dev
    need_header flint.h libflint-dev
    need_header arb.h libflint-arb-dev
    need_header cjson/cJSON.h libcjson-dev
    need_header zip.h libzip-dev
    need_header zlib.h zlib1g-dev
    need_header nettle/sha2.h nettle-dev
    need_header protobuf-c/protobuf-c.h libprotobuf-c-dev
    [ "${1:-}" = tests ] && need_header check.h check
else
    lack="$lack libc6-dev libgmp-dev libmpfr-dev libflint-dev libflint-arb-dev libcjson-dev libzip-dev zlib1g-dev nettle-dev libprotobuf-c-dev"
    [ "${1:-}" = tests ] && lack="$lack check"
fi
if [ "${1:-}" = tests ]; then
    need_command python3 python3
    python3 -c 'import venv, ensurepip' 2>/dev/null || lack="$lack python3-venv"
fi
if [ "${1:-}" = fuzz ]; then
    need_command clang clang
    ls "$(clang -print-resource-dir 2>/dev/null)"/lib/*/libclang_rt.fuzzer* >/dev/null 2>&1 || lack="$lack libclang-rt-14-dev"
fi
lack=$(echo $lack)
[ -z "$lack" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "missing Debian packages; install them with:" >&2
    echo "    sudo apt-get install -y $lack" >&2
    exit 1
fi
command -v apt-get >/dev/null 2>&1 || { echo "no apt-get here; please install the equivalents of: $lack" >&2; exit 1; }
echo "installing Debian packages: $lack"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends $lack >/dev/null || { echo "apt-get could not install: $lack" >&2; exit 1; }
