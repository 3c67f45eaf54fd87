#include "runtime/image/changes.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::image;

namespace {
RunConfig changed(const std::vector<std::string>& changes) {
    RunConfig config;
    const auto status = apply_changes(config, changes);
    if (!status) FAIL(status.error().to_string());
    return config;
}
using Words = std::vector<std::string>;
} // namespace

TEST_CASE("commands keep their form: a list is run as it is, text by the shell") {
    CHECK(changed({R"(CMD ["nginx", "-g", "daemon off;"])"}).cmd == Words{"nginx", "-g", "daemon off;"});
    CHECK(changed({"cmd echo hi"}).cmd == Words{"/bin/sh", "-c", "echo hi"});
    CHECK(changed({R"(SHELL ["/bin/bash","-c"])", "ENTRYPOINT run"}).entrypoint ==
          Words{"/bin/bash", "-c", "run"});
}

TEST_CASE("all other changes reach the configuration") {
    const auto config =
        changed({"ENV A=1 B='x y'", "ENV C the rest", "ENV A=2", "LABEL k=v", "EXPOSE 80 53/udp 8000-8002",
                 "USER 1000:1000", "WORKDIR /srv", "WORKDIR app", R"(VOLUME ["/data"])", "VOLUME /x /y",
                 "STOPSIGNAL SIGQUIT", "ONBUILD RUN true",
                 "HEALTHCHECK --interval=5s --retries=3 CMD curl -f localhost"});
    CHECK(config.env == Words{"A=2", "B=x y", "C=the rest"});
    CHECK(config.labels.at("k") == "v");
    CHECK(config.exposed_ports.size() == 5);
    CHECK(config.exposed_ports.contains("53/udp"));
    CHECK(config.exposed_ports.contains("8001/tcp"));
    CHECK(config.user == "1000:1000");
    CHECK(config.working_dir == "/srv/app");
    CHECK(config.volumes.size() == 3);
    CHECK(config.stop_signal == "SIGQUIT");
    CHECK(config.on_build == Words{"RUN true"});
    REQUIRE(config.healthcheck);
    CHECK(config.healthcheck->test == Words{"CMD-SHELL", "curl -f localhost"});
    CHECK(config.healthcheck->interval_ns == 5000000000);
    CHECK(config.healthcheck->retries == 3);
    CHECK(changed({"HEALTHCHECK NONE"}).healthcheck->test == Words{"NONE"});
}

TEST_CASE("what is not a change is refused") {
    RunConfig config;
    for (const char* text :
         {"", "CMD", "RUN true", "FROM x", "COPY a b", "EXPOSE 70000", "EXPOSE 80/icmp", "STOPSIGNAL NOPE",
          "HEALTHCHECK true", "HEALTHCHECK --foo=1 CMD x", "ENV x", "SHELL sh", "LABEL =v", "ENV A='open"})
        CHECK_FALSE(apply_change(config, text));
}

TEST_CASE("a configuration leaves out what says nothing, and comes back the same") {
    ImageConfig config;
    config.architecture = "amd64";
    config.os = "linux";
    config.config.labels["empty"] = "";
    config.config.volumes["/data"] = Json::object();
    config.rootfs.diff_ids = {"sha256:" + std::string(64, 'a')};
    const std::string text = write_image_config(config);
    CHECK(text.find("StopSignal") == std::string::npos);
    CHECK(text.find("ArgsEscaped") == std::string::npos);
    CHECK(text.find(R"("/data":{})") != std::string::npos);
    CHECK(text.find(R"("empty":"")") != std::string::npos);
    const auto back = parse_image_config(text);
    REQUIRE(back);
    CHECK(write_image_config(*back) == text);
}

TEST_CASE("configurations that cannot be run here, or lie, are refused") {
    CHECK_FALSE(parse_image_config("[]"));
    CHECK_FALSE(parse_image_config("{}"));
    CHECK_FALSE(parse_image_config(R"({"os":"windows","rootfs":{"type":"layers","diff_ids":[]}})"));
    CHECK_FALSE(
        parse_image_config(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:../x"]}})"));
    CHECK_FALSE(parse_image_config(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":[7]}})"));
    CHECK(parse_image_config(R"({"os":"linux","config":null,"rootfs":{"type":"layers","diff_ids":null}})"));
}
