#!/usr/bin/env bash
# Writes manual pages and shell completions of programs to FOLDER/man/man1, FOLDER/bash-completion/completions,
# FOLDER/zsh/site-functions and FOLDER/fish/vendor_completions.d. With FOLDER ~/.local/share, man and bash find them.
# Usage: tools/manuals.sh [FOLDER [PROGRAM...]]
# FOLDER is .build/share by default, PROGRAMs are nuclei-mask, nuclei-train and kernel-bench.
set -euo pipefail
case "${1:-}" in
    -*) sed -n '2,5s/^# //p' "$0"; exit 64 ;;
esac
share=${1:+$(realpath -m "$1")}
cd "$(dirname "$0")/.."

share=${share:-.build/share}
bin=$(swift build -c release --show-bin-path)
programs=("${@:2}")
[ ${#programs[@]} -gt 0 ] || programs=(nuclei-mask nuclei-train kernel-bench)
for program in "${programs[@]}"; do
    [ -x "$bin/$program" ] || swift build -c release --product "$program"
done

mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
for program in "${programs[@]}"; do
    "$bin/$program" --experimental-dump-help | tools/manual_pages.py "$share/man/man1"
    "$bin/$program" --generate-completion-script bash >"$share/bash-completion/completions/$program"
    "$bin/$program" --generate-completion-script zsh >"$share/zsh/site-functions/_$program"
    "$bin/$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/$program.fish"
done
echo "manuals: written to $share"
