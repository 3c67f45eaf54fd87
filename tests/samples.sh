#!/usr/bin/env bash
# The samples as a person would start them: shop from its Dockerfiles to an order that the worker has packed, then the
# lecture's scripts; with roots of their own, so that a shop that runs on this machine is not touched. In the host's
# network, because the image builds need Debian's mirror.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../samples/setup.sh"
need_root "$@"
build_berth berth berth-monitor
root=$(mktemp -d /var/tmp/berth-samples.XXXXXX)
export BERTH_DATA_ROOT=$root/data BERTH_EXEC_ROOT=$root/run
export SHOP_PORT=${TEST_SHOP_PORT:-18080} LECTURE_PORT=${TEST_LECTURE_PORT:-18123}
shop=(compose -f "$here/samples/shop/compose.yaml")
finish() {
    "$berth" "${shop[@]}" down -v >/dev/null 2>&1 || true
    local left
    left=$("$berth" ps -aq 2>/dev/null) && [ -n "$left" ] && "$berth" rm -f -v $left >/dev/null 2>&1
    "$berth" network rm bridge >/dev/null 2>&1 || true
    rm -rf "$root"
}
trap finish EXIT

ensure_base_image
step "shop: build and start"
"$berth" "${shop[@]}" build -q
started=$(date +%s%N)
"$berth" "${shop[@]}" up -d --wait
echo "shop: from images to healthy in $((($(date +%s%N) - started) / 1000000)) ms"
address=http://127.0.0.1:$SHOP_PORT
curl -fsS -d product=lantern "$address/orders" | grep -q '"id"' || die "the order was not taken"
# The worker packs it by itself; ask until it has, at most 10 s.
for _ in $(seq 50); do curl -fsS "$address/orders" | grep -q packed && break; sleep 0.2; done
curl -fsS "$address/orders" | grep -q packed || die "the worker did not pack the order"
curl -fsS "$address/" | grep -q 'The berth shop' || die "no page"
"$berth" "${shop[@]}" exec -T proxy sh -c 'curl -sS -m 2 http://db:5432' >/dev/null 2>&1 && die "the proxy reaches the database"
"$berth" "${shop[@]}" ps
step "shop: again without images to build"
"$berth" "${shop[@]}" down -v
started=$(date +%s%N)
"$berth" "${shop[@]}" up -d --wait
echo "shop: from nothing to healthy, images there: $((($(date +%s%N) - started) / 1000000)) ms"
"$berth" "${shop[@]}" down -v
[ -z "$("$berth" ps -aq)" ] || die "down left containers"

for script in "$here"/samples/lecture/0*.sh; do
    step "lecture: $(basename "$script")"
    BERTH=$berth "$script" >"$root/out" 2>&1 || { cat "$root/out"; die "$(basename "$script") did not succeed"; }
done
[ -z "$("$berth" ps -aq)" ] || die "the lecture left containers"
echo "samples: all right"
