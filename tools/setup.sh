#!/usr/bin/env bash
# Checks what building, testing and running need, and installs missing Debian packages with apt-get, as root or through
# sudo. Names everything that is missing and cannot be installed, with the line for an administrator; then the status is 1.
# Usage: tools/setup.sh [--check]    --check installs nothing
set -euo pipefail
trap 'echo "setup: line $LINENO failed: $BASH_COMMAND" >&2' ERR

install=yes
case "${1:-}" in
    "") ;;
    --check) install= ;;
    --help | -h) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    *) echo "setup: expected --check or nothing, found $1" >&2; exit 64 ;;
esac

# gnuplot draws the charts of reports, clang-format checks the layout of C.
packages=(libopenslide-dev libpng-dev libjpeg-dev libopenjp2-7-dev libtiff-dev libopenblas-dev libomp-dev libssl-dev
    pkg-config clang-format gnuplot-nox)
# Without these, Swift does not start, fetch packages, compile or link.
swift_packages=(binutils ca-certificates git libc6-dev libcurl4 libgcc-12-dev libncurses6 libsqlite3-0 libstdc++-12-dev
    libxml2 zlib1g-dev)

problems=()
problem() {
    problems+=("$1")
    echo "setup: $1" >&2
}

# What keeps Swift from working; nothing if it works.
swift_problem() {
    if ! command -v swift >/dev/null || ! command -v swiftc >/dev/null; then
        echo "swift is not on the PATH: install Swift 6.1 or later from https://www.swift.org/install"
        return
    fi
    local output version
    for command in "swift --version" "swift build --version"; do
        if ! output=$($command 2>&1); then
            echo "$command fails: $(tail -n 1 <<<"$output")"
            return
        fi
    done
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    if [ "$(printf '%s\n' 6.1 "${version:-0}" | sort -V | head -n 1)" != 6.1 ]; then
        echo "expected Swift 6.1 or later, found ${version:-an unknown version}: $(command -v swift)"
        return
    fi
    # A compiler without a linker or the headers of C starts, but builds nothing.
    local folder
    folder=$(mktemp -d)
    printf 'import Foundation\nprint(Date().timeIntervalSince1970 > 0, sqrt(2.0))\n' >"$folder/main.swift"
    if ! output=$(swiftc "$folder/main.swift" -o "$folder/main" 2>&1 && "$folder/main" 2>&1); then
        echo "swiftc cannot build a program: $(grep -m 1 -E 'error|cannot|not found' <<<"$output" || tail -n 1 <<<"$output")"
    fi
    rm -rf "$folder"
    command -v git >/dev/null || echo "git is missing, which Swift needs to fetch packages"
}

# Prints the packages of a list that are not installed.
missing() {
    local package states
    for package in "$@"; do
        # One line for each installed architecture.
        states=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null || true)
        grep -qx installed <<<"$states" || echo "$package"
    done
}

install_packages() {
    local line="apt-get install -y --no-install-recommends $*"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        # Without a terminal, sudo cannot ask for a password.
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            as_root=(sudo)
        else
            install=
        fi
    fi
    if [ -z "$install" ]; then
        problem "packages are missing; a line for an administrator: $line"
        return
    fi
    echo "setup: installing $*"
    ${as_root[@]+"${as_root[@]}"} apt-get update -qq || echo "setup: apt-get update failed; continuing without" >&2
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "$@" >/dev/null || problem "apt-get could not install all packages; a line for an administrator: $line"
}

swift=$(swift_problem)
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    [ -z "$swift" ] || packages+=("${swift_packages[@]}")
    mapfile -t wanted < <(missing "${packages[@]}")
    if [ ${#wanted[@]} -gt 0 ]; then
        install_packages "${wanted[@]}"
        swift=$(swift_problem)
    else
        echo "setup: all packages are installed"
    fi
else
    problem "this system has no apt-get; install what these Debian packages contain: ${packages[*]}"
fi
while IFS= read -r line; do [ -z "$line" ] || problem "$line"; done <<<"$swift"

if [ ${#problems[@]} -gt 0 ]; then
    echo "setup: not complete, see the lines above" >&2
    exit 1
fi
echo "setup: complete"
