#!/bin/sh
# Makes a Debian package of what `make build` has made.
#
#   deb.sh [DIRECTORY]        the package goes there; .build otherwise
#
# Environment: BIN as for install.sh; DEBFULLNAME and DEBEMAIL name the maintainer; DEB_LEVEL, 0 to 9, trades time
# for size. The same programs and the same SOURCE_DATE_EPOCH (the last commit's time, if it is not set) give the same
# bytes.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=${1:-$root/.build}
mkdir -p "$out"
out=$(cd "$out" && pwd)
bin=${BIN:-$root/.build/release}
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$bin/millrace")
fi
export SOURCE_DATE_EPOCH LC_ALL=C

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tree=$stage/tree
doc=$tree/usr/share/doc/millrace
mkdir -p "$tree/DEBIAN" "$stage/debian"

BIN=$bin DESTDIR=$tree PREFIX=/usr SYSCONFDIR=/etc UNITDIR=/lib/systemd/system \
    ZSHDIR=/usr/share/zsh/vendor-completions "$here/install.sh" install
# The maintainer scripts make the user.
rm -r "$tree/usr/lib/sysusers.d"
rmdir --ignore-fail-on-non-empty "$tree/usr/lib"

version=$("$bin/millrace" --version)
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-Millrace developers} <${DEBEMAIL:-developers@millrace.invalid}>"
install -m 644 "$here/debian/copyright" "$doc/copyright"
gzip -9n > "$doc/changelog.gz" <<EOF
millrace ($version) unstable; urgency=medium

  * Release $version.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
install -D -m 644 "$here/debian/lintian-overrides" "$tree/usr/share/lintian/overrides/millrace"

# What the programs load decides what the package depends on.
printf 'Source: millrace\n\nPackage: millrace\nArchitecture: any\n' > "$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O -e"$tree/usr/bin/millrace" -e"$tree/usr/libexec/millrace/millrace-shim" \
    2>/dev/null | sed -n 's/^shlibs:Depends=//p')
if [ -z "$depends" ]; then
    echo "deb: dpkg-shlibdeps did not tell what the programs depend on" >&2
    exit 1
fi
# libcurl is loaded by name, at the first request, which shlibdeps does not see. Option names of 7.85 are used.
curl=$(dpkg-query -S '*/libcurl.so.4' 2>/dev/null | head -n 1 | cut -d: -f1)
depends="$depends, ${curl:-libcurl4} (>= 7.85)"
# dpkg-shlibdeps knows symbols only: packed relocations need the loader of glibc 2.36.
if readelf -d "$tree/usr/bin/millrace" | grep -q '(RELR)'; then
    depends=$(echo "$depends" | sed -E 's/libc6 \(>= 2\.([12][0-9]|3[0-5])\)/libc6 (>= 2.36)/')
fi
sed -e "s|@version@|$version|" -e "s|@architecture@|$architecture|" -e "s|@maintainer@|$maintainer|" \
    -e "s|@depends@|$depends|" -e "s|@size@|$(du -sk --exclude=DEBIAN "$tree" | cut -f1)|" \
    "$here/debian/control.in" > "$tree/DEBIAN/control"
install -m 644 "$here/debian/conffiles" "$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "$here/debian/$script" "$tree/DEBIAN/$script"; done
(cd "$tree" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | sort -z | xargs -0 md5sum) \
    > "$tree/DEBIAN/md5sums"
chmod 644 "$tree/DEBIAN/md5sums" "$tree/DEBIAN/control"

file=$out/millrace_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z"${DEB_LEVEL:-6}" --build "$tree" "$file" >/dev/null
echo "$file"
