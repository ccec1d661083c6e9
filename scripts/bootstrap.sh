#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make a virtual environment with irkit in it:  bootstrap.sh VENV [more arguments for pip install]
#
# Takes $PYTHON, else the newest Python >= 3.11 on PATH that can make virtual environments. Where Debian or Ubuntu
# keep that ability in a package of its own, root gets it installed and everybody else is told the line to type.
# An environment that is there and works is kept.
set -eu

venv=$1
shift
candidates=${PYTHON:-"python3.14 python3.13 python3.12 python3.11 python3"}

say() { echo "irkit: $*" >&2; }

works() { # PYTHON STATEMENT: whether it is new enough and runs the statement
  command -v "$1" >/dev/null 2>&1 &&
    "$1" -I -c "import sys; sys.exit(sys.version_info < (3, 11)); " 2>/dev/null && "$1" -I -c "$2" 2>/dev/null
}

first_that_can() { # STATEMENT: the first candidate that runs it
  for python in $candidates; do
    if works "$python" "$1"; then
      echo "$python"
      return
    fi
  done
}

add_venv_module() { # PYTHON: let it make virtual environments, or say how
  package=$("$1" -I -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  line="apt-get install -y $package"
  if ! command -v apt-get >/dev/null 2>&1; then
    say "$1 has no venv or ensurepip module; install them with your package manager, then repeat"
    exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    say "$1 cannot make virtual environments yet. Type this, then repeat:"
    say "  sudo $line"
    exit 1
  fi
  say "installing $package ($line)"
  # shellcheck disable=SC2086 # the line is ours and meant as words
  DEBIAN_FRONTEND=noninteractive $line >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive $line >&2; } ||
    { say "that failed; see above"; exit 1; }
}

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(first_that_can "import ensurepip, venv")
  if [ -z "$python" ]; then
    python=$(first_that_can "pass")
    if [ -z "$python" ]; then
      say "Python 3.11 or newer is needed and none of these is: $candidates"
      say "  Debian, Ubuntu: apt-get install python3 python3-venv    macOS: brew install python"
      exit 1
    fi
    add_venv_module "$python"
  fi
  say "making $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
fi

pip="$venv/bin/python -m pip install -qq --disable-pip-version-check"
say "installing irkit${*:+ ($*)} into $venv"
case " $* " in
*" --group "*) # dependency groups came with pip 25.1
  "$venv/bin/python" -m pip install --help | grep -q -e '--group' || $pip --upgrade 'pip>=25.1'
  ;;
esac
$pip --editable . "$@" || {
  say "pip could not get what is needed. Offline? Point it at an index or a folder of wheels:"
  say "  PIP_INDEX_URL=https://…/simple or PIP_FIND_LINKS=/path/to/wheels, then repeat"
  exit 1
}
