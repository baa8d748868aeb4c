#!/usr/bin/env bash
# Builds a Debian package with nuclei-mask and nuclei-train, manual pages and completions, on Debian 12. The programs contain
# Swift's libraries; others come from Debian. The package also installs on Debian 13. Work files go to .build/deb.
# NUCLEI_MAINTAINER, "NAME <ADDRESS>", is by default the author of the last commit.
# Usage: tools/package-deb.sh [FOLDER]    writes the package to FOLDER, dist by default
set -euo pipefail
trap 'echo "package-deb: line $LINENO failed: $BASH_COMMAND" >&2' ERR
case "${1:-}" in
    -*) sed -n '2,6s/^# //p' "$0"; exit 64 ;;
esac
output=$(realpath -m "${1:-dist}")
cd "$(dirname "$0")/.."

fail() {
    echo "package-deb: $1" >&2
    exit 1
}
for tool in dpkg-deb dpkg-shlibdeps strip gzip python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install dpkg-dev binutils gzip python3"
done
version=$(tools/version.sh)
work=$PWD/.build/deb
root=$work/root
programs=(nuclei-mask nuclei-train)
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
maintainer=${NUCLEI_MAINTAINER:-$(git log -1 --format='%an <%ae>')}

echo "package-deb: building nuclei $version"
for program in "${programs[@]}"; do swift build -c release --static-swift-stdlib --product "$program"; done
bin=$(swift build -c release --static-swift-stdlib --show-bin-path)
tools/manuals.sh "$work/share" "${programs[@]}" >/dev/null

rm -rf "$root" "$work/debian"
doc=$root/usr/share/doc/nuclei
mkdir -p "$root/usr/bin" "$root/DEBIAN" "$doc" "$root"/usr/share/{man/man1,bash-completion/completions} \
    "$root"/usr/share/{zsh/vendor-completions,fish/vendor_completions.d}
for program in "${programs[@]}"; do
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$bin/$program" -o "$root/usr/bin/$program"
    for page in "$work/share/man/man1/$program"*.1; do
        gzip -9n <"$page" >"$root/usr/share/man/man1/$(basename "$page").gz"
    done
    # Sourced, not executed.
    sed '1{/^#!/d}' "$work/share/bash-completion/completions/$program" >"$root/usr/share/bash-completion/completions/$program"
    cp "$work/share/zsh/site-functions/_$program" "$root/usr/share/zsh/vendor-completions/"
    cp "$work/share/fish/vendor_completions.d/$program.fish" "$root/usr/share/fish/vendor_completions.d/"
done

# Licenses: our own, and those of what is linked into the programs. Debian has the text of Apache-2.0.
{
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    echo "Upstream-Name: nuclei"
    echo
    echo "Files: *"
    echo "Copyright: $(date -u -d "@$time" +%Y) The nuclei developers; Apple Inc. and the Swift project authors; the swift-mustache authors"
    echo "License: Apache-2.0"
    echo "Comment: The programs contain the Swift runtime, Foundation, swift-argument-parser, swift-system and"
    echo " swift-mustache (Apache-2.0, those of Apple with the Swift runtime library exception), and ICU."
    echo
    echo "Files: icu"
    echo "Copyright: Unicode, Inc., and others"
    echo "License: Unicode"
    echo " See icu.copyright in this folder."
    echo
    echo "License: Apache-2.0"
    echo " See /usr/share/common-licenses/Apache-2.0."
} >"$doc/copyright"
cp /usr/share/doc/libicu[0-9]*/copyright "$doc/icu.copyright"
{
    echo "nuclei ($version-1) unstable; urgency=medium"
    echo
    echo "  * See the changes of version $version in CHANGELOG.md."
    echo
    echo " -- $maintainer  $(date -R -u -d "@$time")"
} | gzip -9n >"$doc/changelog.Debian.gz"
gzip -9n <CHANGELOG.md >"$doc/changelog.gz"

# The package is not uploaded to Debian.
mkdir -p "$root/usr/share/lintian/overrides"
echo "nuclei: initial-upload-closes-no-bugs" >"$root/usr/share/lintian/overrides/nuclei"

# Dependencies by the symbols that are used. Debian 13 has another version of the OpenMP runtime, with the same interface.
mkdir "$work/debian"
printf 'Source: nuclei\n\nPackage: nuclei\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/* 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || fail "dpkg-shlibdeps finds no dependencies"
depends=$(sed -E 's/libomp5-14( \([^)]*\))?/libomp5-14 | libomp5-19 | libomp5/' <<<"$depends")
cat >"$root/DEBIAN/control" <<CONTROL
Package: nuclei
Version: $version-1
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $depends
Recommends: libopenslide0
Suggests: gnuplot-nox
Section: science
Priority: optional
Description: cell nuclei in H&E-stained whole-slide images
 nuclei-mask outlines cell nuclei in whole slides and crops of tissue that is
 stained with hematoxylin and eosin, and writes masks, outlines for QuPath,
 measurements and pages to look at. nuclei-train trains the networks. Both
 run on ordinary CPUs.
 .
 Whole slides are read by OpenSlide, which is loaded when it is needed. Not a
 medical device.
CONTROL
find "$root" -type d -exec chmod 755 {} +
find "$root/usr/share" -type f -exec chmod 644 {} +
mkdir -p "$output"
package=$output/nuclei_$version-1_$(dpkg --print-architecture).deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
ls -l "$package"
