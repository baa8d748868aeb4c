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

# The generator of ArgumentParser, built alone: its plug-in would build the programs again, for debugging.
parser=.build/checkouts/swift-argument-parser
tool=(swift build -c release --package-path "$parser" --scratch-path .build/manual-tool --product generate-manual)
echo "manuals: building the generator"
"${tool[@]}" >/dev/null
generate=$("${tool[@]}" --show-bin-path)/generate-manual

mkdir -p "$share"/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
for program in "${programs[@]}"; do
    pages=$(mktemp -d)
    "$generate" "$bin/$program" --multi-page --output-directory "$pages" >/dev/null
    for page in "$pages"/*.1; do
        # Names as those of Git's pages: man finds nuclei-mask-plan, and "man nuclei-mask plan" shows it too. Texts are
        # without quotes, and paragraphs without empty lines, which man warns about.
        name=$(basename "$page" .1)
        [ "${name##*.}" != help ] || continue
        sed -e '0,/^\.Nm/s/^\.Nm.*/.Nm '"${name//./-}"'/' -e 's/^\.Nm$/.Nm "'"${name//./ }"'"/' \
            -e '/^\.Dt/s/\./-/2' -e 's/^\.Nd "\(.*\)"$/.Nd \1/' -e 's/^$/.Pp/' "$page" >"$share/man/man1/${name//./-}.1"
    done
    rm -r "$pages"
    "$bin/$program" --generate-completion-script bash >"$share/bash-completion/completions/$program"
    "$bin/$program" --generate-completion-script zsh >"$share/zsh/site-functions/_$program"
    "$bin/$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/$program.fish"
done
echo "manuals: written to $share"
