# Sourced by the other scripts: sets PYTHON to a Python 3.11 or newer, the one in $PYTHON or else one from PATH.

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    # Run it rather than look for it: a shim on PATH may stand for a version that is not installed.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      PYTHON=$candidate
      return
    fi
  done
  echo "error: agentctx needs Python 3.11 or newer; ${PYTHON:-none on PATH} is not that." >&2
  echo "       Install one, or name it: PYTHON=/path/to/python3.12 $0" >&2
  exit 1
}

find_python
