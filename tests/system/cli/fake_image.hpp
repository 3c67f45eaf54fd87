// fake_image.hpp - an image as a fake registry has it: one plain layer, under "app:1" and by its digest.
#pragma once

#include "tests/support/world.hpp"
#include "tests/unit/image/fake_registry.hpp"

namespace berth::test {

using image::test::Answer;
using image::test::digest_of;
using image::test::FakeRegistry;
using image::test::Request;

// An image of one plain layer, as a registry has it.
struct Fixture {
    explicit Fixture(World& world, std::size_t size = 200'000) {
        world.write("layer/hello", std::string(size, 'h'));
        layer = host("tar", {"-C", world.project() + "/layer", "-cf", "-", "hello"}).out;
        config = concat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")",
                        digest_of(layer), "\"]}}");
        manifest = concat(
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
            digest_of(config), R"(","size":)", config.size(),
            R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")",
            digest_of(layer), R"(","size":)", layer.size(), "}]}");
    }
    [[nodiscard]] Answer answer(const Request& request) const {
        const auto tail = request.path.substr(request.path.rfind('/') + 1);
        if (request.path == "/v2/") return {200, "{}", ""};
        if (request.path.find("/app/manifests/1") != std::string::npos || tail == digest_of(manifest))
            return {200, manifest, "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"};
        if (tail == digest_of(config)) return {200, config, ""};
        if (tail == digest_of(layer)) return {200, layer, ""};
        return {404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})", ""};
    }
    std::string layer, config, manifest;
};

} // namespace berth::test
