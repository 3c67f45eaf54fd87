#!/usr/bin/env bash
# From a fresh Debian machine to a running shop: installs what is missing, builds berth, brings samples/shop up, fetches
# a page through the published port and shows the containers. Run it again at any time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
need_root "$@"
set_up_packages
build_berth berth berth-monitor
ensure_base_image

shop=$here/samples/shop
address=http://127.0.0.1:${SHOP_PORT:-8080}
step "bringing the shop up: $berth compose -f samples/shop/compose.yaml up -d --wait"
"$berth" compose -f "$shop/compose.yaml" up -d --wait

step "ordering through $address"
curl -fsS -d product=anchor "$address/orders"
# The worker packs the order; Redis hands the list out. --retry waits for the answer, not for a fixed time.
curl -fsS --retry 5 --retry-connrefused "$address/" && echo
step "the containers"
"$berth" compose -f "$shop/compose.yaml" ps
cat >&2 <<TXT

The shop is at $address. Next:
    $berth compose -f samples/shop/compose.yaml logs -f
    $berth compose -f samples/shop/compose.yaml down -v
TXT
