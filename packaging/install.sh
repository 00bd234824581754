#!/bin/sh
# Installs what `make build` has made, or removes it again.
#
#   install.sh install|uninstall
#
# Environment: PREFIX, DESTDIR as usual; SYSCONFDIR (/etc); BIN, where the programs are (.build/release);
# UNITDIR, SYSUSERSDIR, ZSHDIR for those who keep units and completions elsewhere; CC.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
sysconfdir=${SYSCONFDIR:-/etc}
bin=${BIN:-$root/.build/release}
unitdir=${UNITDIR:-$prefix/lib/systemd/system}
sysusersdir=${SYSUSERSDIR:-$prefix/lib/sysusers.d}
zshdir=${ZSHDIR:-$prefix/share/zsh/site-functions}
bashdir=$prefix/share/bash-completion/completions
fishdir=$prefix/share/fish/vendor_completions.d
mandir=$prefix/share/man
config=$sysconfdir/millrace/millrace.yaml

put() {  # MODE SOURCE TARGET
    install -D -m "$1" "$2" "$destdir$3"
}

put_folder() {  # SOURCE TARGET: plain files below it
    (cd "$1" && find . -type f ! -name '*.pyc' ! -path '*/.*/*' | LC_ALL=C sort) | while read -r file; do
        mode=644
        if [ -x "$1/$file" ]; then mode=755; fi
        put "$mode" "$1/$file" "$2/${file#./}"
    done
}

install_all() {
    if [ ! -x "$bin/millrace" ]; then
        echo "install: $bin/millrace is missing: run \`make build\` first" >&2
        exit 1
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT

    strip --strip-unneeded -o "$work/millrace" "$bin/millrace"
    # Built here and not by the package manager, which would have this C program load the Swift runtime.
    ${CC:-$(command -v cc || command -v clang)} -std=gnu11 -O2 -g0 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
        -pie -Wl,-z,relro,-z,now -o "$work/millrace-shim" "$root"/Sources/millrace-shim/*.c
    strip --strip-unneeded "$work/millrace-shim"
    put 755 "$work/millrace" "$prefix/bin/millrace"
    put 755 "$work/millrace-shim" "$prefix/libexec/millrace/millrace-shim"

    # Not into a pipe, which would hide that a page could not be written.
    python3 "$here/manual.py" "$bin/millrace" man > "$work/millrace.1"
    python3 -B "$here/configuration.py" > "$work/millrace.yaml.5"
    gzip -9n "$work/millrace.1" "$work/millrace.yaml.5"
    put 644 "$work/millrace.1.gz" "$mandir/man1/millrace.1.gz"
    put 644 "$work/millrace.yaml.5.gz" "$mandir/man5/millrace.yaml.5.gz"
    for shell in bash zsh fish; do
        "$bin/millrace" --generate-completion-script $shell > "$work/$shell"
    done
    sed -i '1{/^#!/d}' "$work/bash"  # It is read, not run.
    put 644 "$work/bash" "$bashdir/millrace"
    put 644 "$work/zsh" "$zshdir/_millrace"
    put 644 "$work/fish" "$fishdir/millrace.fish"

    sed "s|@bindir@|$prefix/bin|" "$here/millrace.service" > "$work/millrace.service"
    put 644 "$work/millrace.service" "$unitdir/millrace.service"
    put 644 "$here/millrace.sysusers" "$sysusersdir/millrace.conf"
    # What an administrator has changed stays.
    if [ ! -e "$destdir$config" ]; then put 644 "$here/millrace.yaml" "$config"; fi

    for folder in statemachines glue-catalog examples; do
        put_folder "$root/$folder" "$prefix/share/millrace/$folder"
    done
    put 644 "$root/README.md" "$prefix/share/doc/millrace/README.md"
    put_folder "$root/docs" "$prefix/share/doc/millrace/docs"

    if [ -z "$destdir" ]; then
        echo "Installed in $prefix. As a service of systemd:"
        echo "    systemd-sysusers && systemctl daemon-reload && systemctl enable --now millrace"
    fi
}

uninstall_all() {
    for file in "$prefix/bin/millrace" "$mandir/man1/millrace.1.gz" "$mandir/man5/millrace.yaml.5.gz" "$bashdir/millrace" "$zshdir/_millrace" \
        "$fishdir/millrace.fish" "$unitdir/millrace.service" "$sysusersdir/millrace.conf"; do
        rm -f "$destdir$file"
    done
    rm -rf "$destdir$prefix/libexec/millrace" "$destdir$prefix/share/millrace" "$destdir$prefix/share/doc/millrace"
    if cmp -s "$here/millrace.yaml" "$destdir$config"; then
        rm -f "$destdir$config"
        rmdir "$destdir$sysconfdir/millrace" 2>/dev/null || true
    elif [ -e "$destdir$config" ]; then
        echo "kept, as it was changed: $destdir$config"
    fi
    if [ -z "$destdir" ] && [ -d /var/lib/millrace ]; then echo "kept, with its data: /var/lib/millrace"; fi
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) sed -n '2,8p' "$0" >&2; exit 64 ;;
esac
