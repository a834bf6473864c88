#!/bin/sh
# Makes dist/thorax_VERSION_ARCH.deb from `meson install`: program, library, header, manual page,
# demo model and Python folder in one package, usable without a network. Its dependencies are
# what the built files link, by dpkg-shlibdeps.
set -eu
cd "$(dirname "$0")/.."
build=build-deb
root=$PWD/$build/root
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
arch=$(dpkg --print-architecture)

test -f $build/build.ninja || meson setup $build --prefix=/usr -Dtests=false -Dbench=false ${MESON_FLAGS:-} >/dev/null
ninja -C $build -j "${JOBS:-2}"
rm -rf "$root"
DESTDIR=$root meson install -C $build --no-rebuild --strip >/dev/null
find "$root" -path '*/man1/*.1' -exec gzip -9n {} +
find "$root" -type d -exec chmod 755 {} +
mv "$root/usr/share/doc/thorax/LICENSE" "$root/usr/share/doc/thorax/copyright"

# dpkg-shlibdeps reads debian/control beside it and wants to see every ELF file.
mkdir -p $build/debian "$root/DEBIAN"
printf 'Source: thorax\nPackage: thorax\n' >$build/debian/control
depends=$(cd $build && find root -type f \( -name 'lib*.so.*' -o -path '*/bin/*' \) -print0 |
    xargs -0 dpkg-shlibdeps -O -lroot/usr/lib/"$(gcc -print-multiarch)" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb.sh: no dependencies found" >&2; exit 1; }

cat >"$root/DEBIAN/control" <<END
Package: thorax
Version: $version
Architecture: $arch
Maintainer: The Thorax developers <thorax@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Suggests: python3, python3-numpy, python3-pil
Section: science
Priority: optional
Description: chest X-ray vision-language models in C
 Opens published model folders as they are, reads PNG and JPEG films and
 answers: a report, findings, boxes, a conversation. Holds the program
 thorax, the library libthorax with its header, a demo model trained on
 drawn phantom films, and the drop-in Python module for existing scripts.
 .
 Research use only; nothing it prints is a diagnosis.
END
printf 'activate-noawait ldconfig\n' >"$root/DEBIAN/triggers"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
mkdir -p dist
dpkg-deb --root-owner-group --build "$root" "dist/thorax_${version}_$arch.deb"
