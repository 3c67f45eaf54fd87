#include "runtime/build/cache_usage.hpp"
#include "runtime/build/packing_options.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

namespace {
bool takes(const std::vector<std::string>& words, const CacheEntry& entry) {
    const auto filter = CacheFilter::parse(words);
    REQUIRE(filter.has_value());
    return filter->takes(entry, 10000);
}
std::string filter_error(const std::vector<std::string>& words) {
    const auto filter = CacheFilter::parse(words);
    return filter ? "no error" : filter.error().to_string();
}
std::string packing_error(std::map<std::string, std::string> attributes) {
    const auto packing = packing_of({"oci", std::move(attributes)});
    return packing ? "no error" : packing.error().to_string();
}
} // namespace

TEST_CASE("filters of the build cache: bad ones", "[build]") {
    CHECK_THAT(filter_error({"colour=blue"}), ContainsSubstring("unknown filter 'colour'"));
    CHECK_THAT(filter_error({"until=soon"}), ContainsSubstring("expects a duration"));
    CHECK_THAT(filter_error({"until!=1h"}), ContainsSubstring("expects a duration"));
    CHECK_THAT(filter_error({"until=1h", "unused-for=1h"}), ContainsSubstring("only one"));
    CHECK_THAT(filter_error({"id!x"}), ContainsSubstring("is not name=value"));
    CHECK_THAT(filter_error({""}), ContainsSubstring("unknown filter"));
}

TEST_CASE("filters of the build cache: all of them must hold", "[build]") {
    CacheEntry entry;
    entry.id = "abcdef";
    entry.used = 10000 - 3600;
    entry.description = "RUN npm ci";
    CHECK(takes({}, entry));
    CHECK(takes({"until=1h"}, entry));
    CHECK_FALSE(takes({"until=61m"}, entry));
    CHECK(takes({"id=abc", "type=regular", "description~=npm", "private", "inuse=false"}, entry));
    CHECK_FALSE(takes({"id=abc", "shared"}, entry));
    CHECK_FALSE(takes({"id!=abcdef"}, entry));
    CHECK(takes({"type!=exec.cachemount"}, entry));
    entry.mount = true;
    CHECK(takes({"mutable", "type=exec.cachemount"}, entry));
}

TEST_CASE("compression of outputs", "[build]") {
    CHECK_THAT(packing_error({{"compression", "rar"}}), ContainsSubstring("unsupported compression type"));
    CHECK_THAT(packing_error({{"compression", "estargz"}}), ContainsSubstring("not supported"));
    CHECK_THAT(packing_error({{"compression-level", "-1"}}), ContainsSubstring("no level of gzip"));
    CHECK_THAT(packing_error({{"compression", "zstd"}, {"compression-level", "x"}}),
               ContainsSubstring("no level of zstd"));
    CHECK_THAT(packing_error({{"force-compression", "x"}}), ContainsSubstring("non-bool"));
    const auto zstd = packing_of(
        {"oci", {{"compression", "zstd"}, {"compression-level", "22"}, {"force-compression", "1"}}});
    REQUIRE(zstd.has_value());
    CHECK(zstd->compression == image::Compression::zstd);
    CHECK(zstd->level == 22);
    CHECK_FALSE(image::suits(*zstd, "application/vnd.oci.image.layer.v1.tar+gzip"));
    CHECK(image::suits(image::Packing{}, "application/vnd.oci.image.layer.v1.tar+zstd"));
    CHECK(image::docker_media_type(image::layer_media_type(image::Compression::gzip)) ==
          "application/vnd.docker.image.rootfs.diff.tar.gzip");
}
