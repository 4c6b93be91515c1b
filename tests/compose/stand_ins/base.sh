#!/usr/bin/env bash
# Writes a tar to standard output: the root of a small Debian 13 with its Python (3.13), which stands in for
# python:3.13-slim. Needs root and debootstrap. The certificates and the settings of pip are this machine's,
# so that packages are installed where this machine gets them.
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
  trixie "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >&2
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
# As slim as what it stands in for.
tar -C "$root" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
  --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude=__pycache__ --create .
