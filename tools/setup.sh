#!/usr/bin/env bash
# Installs missing Debian packages for building and testing, and checks the Swift version.
# Usage: tools/setup.sh
set -euo pipefail

packages=(libopenslide-dev libpng-dev libjpeg-dev libtiff-dev libopenblas-dev libomp-dev libssl-dev pkg-config clang-format gnuplot-nox)

missing=()
for package in "${packages[@]}"; do
    # One line for each installed architecture.
    states=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null || true)
    grep -qx installed <<<"$states" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "setup: installing packages requires root or sudo" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
else
    echo "setup: all packages are installed"
fi

if ! command -v swift >/dev/null; then
    echo "setup: Swift 6 is not on the PATH; install it from https://www.swift.org/install" >&2
    exit 1
fi
swift_version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
if [ "$(printf '%s\n' 6.1 "${swift_version:-0}" | sort -V | head -n 1)" != 6.1 ]; then
    echo "setup: expected Swift 6.1 or later, found Swift ${swift_version:-unknown}" >&2
    exit 1
fi
