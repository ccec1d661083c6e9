#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What tests of the contained tier and of job control use: bubblewrap, zsh, fish, tmux. Root on Debian and Ubuntu gets
# what is missing; everywhere else, and when it fails, the tests that need it skip and say why. Never an error.
missing=
for pair in bwrap:bubblewrap zsh:zsh fish:fish tmux:tmux; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "tests: not installed:$missing; tests that need them skip" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
install() { timeout 120 apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1; }
install || { timeout 60 apt-get update -qq >/dev/null 2>&1 && install; } ||
  echo "tests: could not install$missing; tests that need them skip" >&2
exit 0
