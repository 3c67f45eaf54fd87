#include "runtime/image/manifest.hpp"
#include "runtime/image/platform.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::image;

namespace {
const std::string k_digest = "sha256:" + std::string(64, 'a');
std::string descriptor(const std::string& more = "") {
    return R"({"mediaType":"m","digest":")" + k_digest + R"(","size":7)" + more + "}";
}
std::string manifest(const std::string& layers, const std::string& more = "") {
    return R"({"schemaVersion":2,"config":)" + descriptor() + R"(,"layers":[)" + layers + "]" + more + "}";
}
std::string entry(const std::string& architecture, const std::string& variant = "",
                  const std::string& os = "linux") {
    return descriptor(R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture +
                      R"(","variant":")" + variant + R"("})");
}
Result<Descriptor> choose(const std::string& entries, const Platform& platform) {
    const auto parsed = parse_manifest(R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
    REQUIRE(parsed);
    return choose_manifest(*parsed->index, platform, "test");
}
} // namespace

TEST_CASE("OCI and Docker manifests and indexes are told apart by their members") {
    CHECK(parse_manifest(manifest(descriptor()))->manifest->layers.size() == 1);
    CHECK(
        parse_manifest(manifest("", R"(,"mediaType":"application/vnd.docker.distribution.manifest.v2+json")"))
            ->manifest);
    CHECK(parse_manifest(R"({"schemaVersion":2,"manifests":[]})")->index);
}

TEST_CASE("hostile and unusable manifests are refused") {
    for (const std::string& text :
         {std::string("{"), std::string("[]"), std::string("{}"),
          std::string(R"({"schemaVersion":1,"fsLayers":[]})"),
          R"({"schemaVersion":2,"manifests":[],"layers":[],"config":)" + descriptor() + "}",
          manifest(R"({"digest":"sha256:../../x","size":1})"),
          manifest(R"({"digest":")" + k_digest + R"(","size":-1})"),
          manifest(R"({"digest":")" + k_digest + R"("})"),
          manifest(R"({"digest":")" + k_digest + R"(","size":1e30})"), manifest("7"),
          R"({"schemaVersion":2,"config":)" + descriptor() + R"(,"layers":{}})",
          manifest("", R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"),
          manifest("", R"(,"layers":[])"), manifest("", ",\"x\":\"\xff\xfe\""), std::string(200000, '['),
          manifest("", ",\"x\":NaN")}) {
        INFO(text.substr(0, 200));
        CHECK_FALSE(parse_manifest(text));
    }
    std::string many = descriptor();
    for (int i = 0; i < 20000; ++i)
        many += "," + descriptor();
    CHECK_FALSE(parse_manifest(manifest(many)));
    CHECK_FALSE(parse_manifest(std::string(5u << 20, ' ')));
}

TEST_CASE("what is no container image is told from one by its types") {
    const auto check = [](const std::string& config, const std::string& layer) {
        Manifest manifest;
        manifest.config.media_type = config;
        manifest.layers.emplace_back().media_type = layer;
        return check_is_image(manifest);
    };
    const std::string layer = k_oci_layer, docker = k_docker_layer;
    for (const std::string& config : {std::string(k_oci_config), std::string(k_docker_config), std::string(),
                                      std::string("application/octet-stream")})
        for (const std::string& of :
             {layer, layer + "+gzip", layer + "+zstd", docker + ".gzip", std::string()})
            CHECK(check(config, of));
    CHECK_FALSE(check("application/vnd.cncf.helm.config.v1+json",
                      "application/vnd.cncf.helm.chart.content.v1.tar+gzip"));
    CHECK_FALSE(check("application/vnd.oci.empty.v1+json", layer));
    CHECK_FALSE(check(k_docker_config, "application/vnd.in-toto+json"));
    CHECK_FALSE(check(k_oci_config, layer + "+gzip+encrypted"));
    for (const char* foreign : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"})
        CHECK(check(k_docker_config, foreign).error().message().find("foreign") != std::string::npos);
}

TEST_CASE("the best platform of an index is chosen") {
    const Platform amd64{"linux", "amd64", ""};
    const Platform arm7{"linux", "arm", "v7"};
    CHECK(choose(entry("arm64") + "," + entry("amd64"), amd64)->platform->architecture == "amd64");
    CHECK(choose(entry("arm", "v5") + "," + entry("arm", "v7") + "," + entry("arm", "v6"), arm7)
              ->platform->variant == "v7");
    CHECK(choose(entry("arm", "v5") + "," + entry("arm", "v6"), arm7)->platform->variant == "v6");
    CHECK_FALSE(choose(entry("arm", "v7"), {"linux", "arm", "v6"}));
    CHECK_FALSE(choose(entry("amd64", "", "windows") + "," + entry("unknown", "", "unknown"), amd64));
    CHECK(choose(entry("arm64"), amd64).error().hint().find("linux/arm64") != std::string::npos);
    // For a younger processor only where there is no other, and never for one that nobody has.
    CHECK_FALSE(choose(entry("amd64", "v5"), amd64));
    CHECK(choose(entry("amd64", "v2") + "," + entry("amd64"), amd64)->platform->variant.empty());
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        CHECK(choose(entry("amd64", "v2"), amd64)->platform->variant == "v2");
#endif
}

TEST_CASE("platforms in all their spellings") {
    CHECK(parse_platform("linux/x86_64")->to_string() == "linux/amd64");
    CHECK(parse_platform("aarch64")->to_string() == "linux/arm64");
    CHECK(parse_platform("linux/arm64/v8")->to_string() == "linux/arm64");
    CHECK(parse_platform("")->os == "linux");
    for (const char* text : {"/", "linux/", "linux/amd64/v1/x", "linux/am d64", "bogus"})
        CHECK_FALSE(parse_platform(text));
}
