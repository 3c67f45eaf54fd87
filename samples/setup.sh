# setup.sh - read by samples/start.sh and tests/run.sh: what a fresh Debian machine lacks, the build, the base image.
# Everything here is idempotent and says only what it does.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BERTH_BUILD:-$here/build}
export LC_ALL=C.UTF-8

step() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null || die "this needs root (installing packages, namespaces, bridges): run it as root"
    exec sudo --preserve-env=BERTH_BUILD,SHOP_PORT "$0" "$@"
}

# By what it prints: for a name that only other packages mention, Debian 13's apt-cache says nothing and ends with 0.
has_package() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

# Debian 12 has Boost 1.74 as its default, where Boost.Process is version 1 only; 1.81 stands beside it.
# Debian 13's default is new enough.
packages() {
    local boost=libboost-dev
    has_package libboost1.81-dev && boost=libboost1.81-dev
    echo g++ cmake ninja-build pkg-config ccache mold \
        $boost libyaml-cpp-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libexpected-dev \
        libnl-3-dev libnl-route-3-dev libnl-nf-3-dev libnftables-dev libseccomp-dev libssl-dev zlib1g-dev \
        libzstd-dev libarchive-dev libcurl4-openssl-dev catch2 \
        libnftables1 libarchive13 libcurl4 ca-certificates debootstrap busybox-static curl
}

# Installs what is missing of the given packages; says nothing when nothing is.
install_packages() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] && continue
        # A name that another package provides by now (Debian 13's libcurl4t64 provides libcurl4).
        has_package "$package" || continue
        missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    step "installing ${#missing[@]} Debian packages"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 \
        || { tail -20 "$log" >&2; die "apt-get install did not succeed"; }
}

# The programs of a package whose installation would start a service on this machine: unpacked beside the build, and
# found in PATH from then on.
unpack_programs() {
    local package=$1 program=$2 folder=$build.programs
    command -v "$program" >/dev/null && return
    if [ ! -x "$folder/usr/bin/$program" ]; then
        step "fetching $program (unpacked, not installed)"
        mkdir -p "$folder"
        (cd "$folder" && apt-get download -qq "$package" 2>/dev/null && dpkg-deb -x "$package"_*.deb . && rm -f "$package"_*.deb) \
            || die "Debian's package $package could not be fetched"
    fi
    PATH=$PATH:$folder/usr/bin
}

set_up_packages() {
    command -v apt-get >/dev/null || die "this script installs Debian packages; elsewhere install what CMakeLists.txt looks for and build by hand"
    log=$(mktemp); trap 'rm -f "$log"' EXIT
    # A fresh machine has no package lists yet: without them not even the names can be looked up.
    if ! has_package libyaml-cpp-dev; then
        step "reading the package lists"
        apt-get update -qq >"$log" 2>&1 || { tail -5 "$log" >&2; die "apt-get update did not succeed"; }
    fi
    install_packages $(packages) "$@"
}

build_berth() { # arguments: targets; none: all
    # Paths relative to the checkout, so that a second clone finds what the first one compiled.
    export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$here
    if [ ! -f "$build/build.ninja" ]; then
        step "configuring"
        cmake -S "$here" -B "$build" -G Ninja >"$build.log" 2>&1 || { tail -30 "$build.log" >&2; die "cmake did not succeed"; }
        rm -f "$build.log"
    fi
    if ! ninja -C "$build" -n "$@" | grep -q 'no work to do'; then
        step "building (some minutes the first time)"
        if [ -t 2 ]; then ninja -C "$build" "$@" >&2; else ninja -C "$build" --quiet "$@" >&2; fi || die "the build did not succeed"
    fi
    berth=$build/bin/berth
}

# The mirror that this machine is configured with; read each time, stored nowhere in the repository.
debian_mirror() {
    local file
    for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        awk '/^URIs:/ {print $2; found=1; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\/\//) {print $i; found=1; exit}} END {exit !found}' "$file" && return
    done
    die "no Debian mirror is configured"
}

# debian:bookworm-slim: from a registry where one answers, otherwise made from Debian's packages and kept as a tar for
# the next time. The same Dockerfiles build on either.
ensure_base_image() {
    "$berth" image inspect debian:bookworm-slim >/dev/null 2>&1 && return
    local cache=${BERTH_SAMPLE_CACHE:-/var/cache/berth-samples} root tar
    tar=$cache/debian-bookworm-slim.tar
    if [ ! -s "$tar" ]; then
        if timeout 20 "$berth" pull debian:bookworm-slim >/dev/null 2>&1; then return; fi
        step "making the base image from Debian's packages (debootstrap minbase, about a minute)"
        mkdir -p "$cache"
        root=$(mktemp -d "$cache/root.XXXXXX")
        debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$(debian_mirror)" >"$cache/debootstrap.log" 2>&1 \
            || { tail -5 "$cache/debootstrap.log" >&2; rm -rf "$root"; die "debootstrap did not succeed"; }
        # What makes an image slim: no documentation, no package lists, no cached packages, nothing of this host.
        rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/{doc,man,info,locale,lintian}/* "$root"/var/log/*
        printf 'path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n' >"$root/etc/dpkg/dpkg.cfg.d/slim"
        printf 'force-unsafe-io\n' >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
        printf 'Acquire::Languages "none";\nAPT::Install-Recommends "0";\n' >"$root/etc/apt/apt.conf.d/90slim"
        printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"
        rm -f "$root/etc/hostname" "$root/etc/resolv.conf"; : >"$root/etc/machine-id"
        tar -C "$root" --numeric-owner --one-file-system -cf "$tar.part" . && mv "$tar.part" "$tar"
        rm -rf "$root"
    fi
    "$berth" import --change 'CMD ["bash"]' "$tar" debian:bookworm-slim >/dev/null
}
