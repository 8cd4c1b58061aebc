#!/bin/sh
# Install the Debian packages that the checks use where this may be done (root, apt-get), and those of npm by the lock in
# tests/oidc; say what is missing elsewhere. Nothing is started: each test starts its own server on loopback, and stops it.
set -eu

need() { # command, packages, what does not run without them
  command -v "$1" >/dev/null 2>&1 && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $2 ..."
    [ -n "${updated:-}" ] || apt-get update -qq >/dev/null
    updated=yes
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $2 >/dev/null && return
  fi
  echo "Not run: $3 (apt-get install $2)"
}

need chromium chromium "the report in a browser"
need samba-tool "samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools" \
  "Active Directory against a real domain controller"
need java default-jre-headless "the same findings on Spark"
need npm "nodejs npm" "tokens of an independent service"

cd "$(dirname "$0")/oidc"
if command -v npm >/dev/null 2>&1; then
  if [ ! -d node_modules ] || [ -n "$(find package-lock.json -newer node_modules)" ]; then
    npm ci --silent && touch node_modules || echo "Not run: tokens of an independent service (npm ci --prefix tests/oidc)"
  fi
fi
