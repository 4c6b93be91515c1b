#!/bin/sh
# Takes out of the root file system what no container needs; runs in the image that becomes ours.
# A shell and the small tools stay, for who has to look inside.
set -eu
# What installs software, Perl, which only that needs, and what runs as root whoever starts it.
rm -rf /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip /usr/share/python-wheels \
  /usr/local/lib/python3*/site-packages/* /usr/local/bin/pip* /usr/local/bin/idle* \
  /usr/bin/apt* /usr/lib/apt /usr/lib/*-linux-gnu/libapt* /usr/bin/dpkg* /usr/bin/sqv \
  /usr/bin/perl* /usr/lib/*-linux-gnu/perl-base /usr/share/perl5
find / -xdev -type f -perm /6000 -delete
# Character sets that no bank writes XML in (Python has its own, libxml2 asks the system), documents, and
# parts of Python that nothing here imports.
find /usr/lib/*-linux-gnu/gconv -name '*.so' -not -name 'ISO8859*' -not -name 'CP125*' -not -name 'UTF*' \
  -not -name 'UNICODE*' -delete
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* \
  /var/cache/* /var/lib/apt/lists/* /var/log/*
for name in idlelib lib2to3 pydoc_data test tkinter turtledemo; do
  rm -rf /usr/lib/python3*/"$name" /usr/local/lib/python3*/"$name"
done
