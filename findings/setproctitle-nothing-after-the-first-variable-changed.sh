#!/usr/bin/env bash
# setproctitle 1.3.8 (PyPI, https://github.com/dvarrazzo/py-setproctitle), Linux.
#
# The place of the process's name is looked for at the first use, backwards from the first variable of
# the environment. Once that variable was changed or removed, setproctitle() does nothing and raises
# nothing. A first use before the change, as of getproctitle(), helps.
#
# Seen:
#   name set first                       crm: clients
#   environment replaced, then name set  …/bin/python
#   getproctitle() before both           crm: clients
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check setproctitle==1.3.8
shown() {
  "$folder/venv/bin/python" -c "
import os
from setproctitle import getproctitle, setproctitle
$1
setproctitle('crm: clients')
print(open('/proc/self/cmdline').read().split('\0')[0])"
}
replaced='known = dict(os.environ); os.environ.clear(); os.environ.update(known)'
at_once=$(shown '')
too_late=$(shown "$replaced")
in_time=$(shown "getproctitle(); $replaced")
printf 'name set first                       %s\n' "$at_once"
printf 'environment replaced, then name set  %s\n' "$too_late"
printf 'getproctitle() before both           %s\n' "$in_time"
[ "$at_once" = "crm: clients" ] && [ "$too_late" != "crm: clients" ] && [ "$in_time" = "crm: clients" ]
