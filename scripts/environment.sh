# Sourced by the other scripts: the Python environment in .venv, made at first use.
# ensure_environment installs what runs the mesh; ensure_environment dev also what checks and tests it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CRM_HOME="${CRM_HOME:-$root/.crm}"
venv=$root/.venv
# Where a machine forbids compiled files, every start and every test run would compile all modules again.
unset PYTHONDONTWRITEBYTECODE

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11 or later is needed and was not found: install it and try again."
}

run_pip() {
  local log=$venv/install.log
  if ! "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@" >"$log" 2>&1; then
    fail "The installation failed: $(grep -E '^ERROR' "$log" | head -n 1 || true) (all of it in $log)"
  fi
}

# Which packages, services and commands there are decides what is installed of this project.
stamp_of_project() {
  (cd "$root" && cat pyproject.toml scripts/tree.py scripts/build.py &&
    ls packages/*/*/__init__.py packages/*/*/commands.py services/*/*/{__init__,service,edge,commands}.py) 2>/dev/null |
    cksum
}

ensure_lock() {
  local lock=$root/$1 stamp=$venv/.installed-${1//\//-}
  if [ "$(cat "$stamp" 2>/dev/null)" != "$(cksum <"$lock")" ]; then
    echo "Installing $(grep -c '==' "$lock") packages of $1 (a minute or less, once)" >&2
    run_pip --require-hashes -r "$lock"
    cksum <"$lock" >"$stamp"
  fi
}

ensure_project() {
  if [ "$(cat "$venv/.installed-project" 2>/dev/null)" != "$(stamp_of_project)" ]; then
    echo "Installing this project" >&2
    run_pip --no-build-isolation --no-deps -e "$root"
    "$venv/bin/python" -m compileall -q "$root/packages" "$root/services"
    stamp_of_project >"$venv/.installed-project"
  fi
}

ensure_environment() {
  if [ ! -x "$venv/bin/python" ]; then
    local python
    python=$(find_python) || exit 1
    echo "Creating the environment .venv with $("$python" --version)" >&2
    "$python" -m venv "$venv" >/dev/null 2>&1 ||
      fail "The environment could not be made: install the venv module of $python (on Debian: apt install python3-venv)."
  fi
  ensure_lock requirements.lock
  if [ "${1:-run}" = dev ]; then
    ensure_lock .ci/requirements.lock
  fi
  ensure_project
}
