#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints a Python of the wanted version that can make virtual environments, or one sentence and exit status 1.
#   sh scripts/find_python.sh 3.11 [first candidate to try]
wanted=$1
first=${2:-}
incomplete=

try() { # a command or path; prints what it really is and ends when it fits
  [ -n "$1" ] || return 0
  found=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 0
  [ "$found" = "$wanted" ] || return 0
  if path=$("$1" -c 'import ensurepip, venv, sys; print(sys.executable)' 2>/dev/null); then
    printf '%s\n' "$path"
    exit 0
  fi
  incomplete=$1
}

try "$first"
try "python$wanted"
try python3
try python
for path in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$wanted".*/bin/python; do try "$path"; done
for path in /usr/bin /usr/local/bin /opt/homebrew/bin; do try "$path/python$wanted"; done

if [ -n "$incomplete" ]; then
  echo "Python $wanted is here ($incomplete), but without its venv module." \
    "Install it (on Debian and Ubuntu: apt install python$wanted-venv)." >&2
elif [ -n "$first" ] && ! "$first" -c '' 2>/dev/null; then
  echo "PYTHON=$first does not start, and no other Python $wanted was found. Give the path of a Python $wanted." >&2
else
  echo "No Python $wanted was found. Install it, or say where it is: make PYTHON=/path/to/python$wanted ..." >&2
fi
exit 1
