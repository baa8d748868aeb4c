#!/usr/bin/env bash
# Prints the version, which Sources/Console/SharedOptions.swift states.
set -euo pipefail
file=$(dirname "$0")/../Sources/Console/SharedOptions.swift
version=$(sed -n 's/^package let version = "\(.*\)"$/\1/p' "$file")
[ -n "$version" ] || { echo "no version in $file" >&2; exit 1; }
echo "$version"
