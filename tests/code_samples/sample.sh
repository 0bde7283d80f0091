#!/usr/bin/env bash
source ./ledger.sh
. "${HERE}/lib/cache.sh"

LIMIT=100

# Enter an order.
place() {
  local order=$1
  ledger_write "$order" "$LIMIT"
  check "$order"
}

function check {
  echo "checked $1"
}

place "$@"
