#!/usr/bin/env bash
# Writes manual pages and shell completions of nuclei-mask, nuclei-train and kernel-bench to FOLDER/man/man1,
# FOLDER/bash-completion/completions, FOLDER/zsh/site-functions and FOLDER/fish/vendor_completions.d. With FOLDER
# ~/.local/share, man and bash find them.
# Usage: tools/manuals.sh [FOLDER]    FOLDER is .build/share by default
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    -*) sed -n '2,5s/^# //p' "$0"; exit 64 ;;
esac
share=${1:-.build/share}
bin=$(swift build -c release --show-bin-path)
programs=(nuclei-mask nuclei-train kernel-bench)
for program in "${programs[@]}"; do
    [ -x "$bin/$program" ] || swift build -c release --product "$program"
done

# The generator of ArgumentParser, built alone: its plug-in would build the programs again, for debugging.
parser=.build/checkouts/swift-argument-parser
tool=(swift build -c release --package-path "$parser" --scratch-path .build/manual-tool --product generate-manual)
echo "manuals: building the generator"
"${tool[@]}" >/dev/null
generate=$("${tool[@]}" --show-bin-path)/generate-manual

mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
for program in "${programs[@]}"; do
    "$generate" "$bin/$program" --multi-page --output-directory "$share/man/man1" >/dev/null
    "$bin/$program" --generate-completion-script bash >"$share/bash-completion/completions/$program"
    "$bin/$program" --generate-completion-script zsh >"$share/zsh/site-functions/_$program"
    "$bin/$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/$program.fish"
done
echo "manuals: written to $share"
