// What can go wrong on the way to and from a registry: one clear message, docker's exit code, nothing
// half-made.
#include "runtime/base/file.hpp"
#include "tests/support/world.hpp"
#include "tests/system/cli/fake_image.hpp"

#include <functional>
#include <sys/mount.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;
using image::test::Answer;
using image::test::digest_of;
using image::test::FakeRegistry;
using image::test::Request;

namespace {

// One error, and no other line that would say the same again.
void check_refused(World& world, const std::vector<std::string>& words, const std::string& says) {
    const Run run = world.berth(words);
    CAPTURE(run.err);
    CHECK(run.exit_code == 1);
    CHECK_THAT(run.err, ContainsSubstring(says));
    std::size_t errors = 0;
    for (auto at = run.err.find("error:"); at != std::string::npos; at = run.err.find("error:", at + 1))
        ++errors;
    CHECK(errors == 1);
    CHECK(world.ok({"images", "-aq"}).empty());
    const auto images = world.paths().images();
    for (const char* folder : {"/layers", "/tmp", "/configs"})
        CHECK(list_dir(images + folder).value().empty());
}

} // namespace

TEST_CASE("pull: what is not there, what is not allowed, and what is not what it says") {
    World world;
    const Fixture good(world);
    std::function<void(const Request&, Answer&)> lie = [](const Request&, Answer&) {};
    const FakeRegistry registry([&](const Request& request) {
        Answer answer = good.answer(request);
        lie(request, answer);
        return answer;
    });
    const auto name = registry.host() + "/app:1";
    const auto is_layer = [&](const Request& request) {
        return request.path.find(digest_of(good.layer)) != std::string::npos;
    };
    check_refused(world, {"pull", registry.host() + "/nothing:1"}, "nothing:1");
    check_refused(world, {"pull", registry.host() + "/app:2"}, "app:2");
    check_refused(world, {"pull", "Not/A/Name"}, "Not/A/Name");
    check_refused(world, {"pull", "127.0.0.1:1/app:1"}, "127.0.0.1:1");

    lie = [&](const Request& request, Answer& answer) {
        if (is_layer(request)) answer.body[answer.body.size() / 2] ^= 1;
    };
    check_refused(world, {"pull", name}, digest_of(good.layer));
    lie = [&](const Request& request, Answer& answer) {
        if (is_layer(request)) answer.body.resize(answer.body.size() / 2);
    };
    check_refused(world, {"pull", name}, "blob");
    lie = [&](const Request& request, Answer& answer) {
        if (request.path.find("/manifests/") != std::string::npos) answer.body = "{\"schemaVersion\":";
    };
    check_refused(world, {"pull", name}, "manifest");

    // A wrong password, and a token that is not taken any more although it was just given.
    lie = [&](const Request& request, Answer& answer) {
        if (request.path != "/v2/")
            answer = {401, R"({"errors":[{"message":"authentication required"}]})",
                      "WWW-Authenticate: Basic realm=\"x\"\r\n"};
    };
    check_refused(world, {"pull", name}, "authentication required");
    lie = [&](const Request& request, Answer& answer) {
        if (request.path.starts_with("/token"))
            answer = {200, R"({"token":"old","expires_in":60})", ""};
        else
            answer = {401, R"({"errors":[{"message":"token has expired"}]})",
                      "WWW-Authenticate: Bearer realm=\"http://" + registry.host() +
                          "/token\",service=\"x\"\r\n"};
    };
    check_refused(world, {"pull", name}, "token has expired");

    // And nothing of all that is in the way of a good one.
    lie = [](const Request&, Answer&) {};
    world.ok({"pull", "-q", name});
}

TEST_CASE("a token that expires between two requests is fetched again") {
    World world;
    const Fixture good(world);
    int tokens = 0;
    std::string address;
    const FakeRegistry registry([&](const Request& request) -> Answer {
        if (request.path.starts_with("/token"))
            return {200, concat(R"({"token":"t)", ++tokens, R"(","expires_in":60})"), ""};
        // Each token is good for the manifest, or for what comes after it.
        const bool blob = request.path.find("/blobs/") != std::string::npos;
        if (request.has(blob ? "Bearer t2" : "Bearer t1")) return good.answer(request);
        return {401, "{}",
                "WWW-Authenticate: Bearer realm=\"http://" + address + "/token\",service=\"x\"\r\n"};
    });
    address = registry.host();
    world.ok({"pull", "-q", address + "/app:1"});
    CHECK(tokens == 2);
}

TEST_CASE("pull and import onto a full disk: told as that, and nothing stays") {
    World world;
    const auto data = world.paths().data_root();
    REQUIRE(make_dirs(data));
    REQUIRE(::mount("small", data.c_str(), "tmpfs", 0, "size=24m") == 0);
    {
        const Fixture big(world, 30u << 20);
        const FakeRegistry registry([&](const Request& request) { return big.answer(request); });
        check_refused(world, {"pull", registry.host() + "/app:1"}, "No space left on device");
        world.write("layer.tar", big.layer);
        check_refused(world, {"import", world.project() + "/layer.tar", "app"}, "No space left on device");
    }
    {
        const Fixture small(world, 10'000);
        const FakeRegistry registry([&](const Request& request) { return small.answer(request); });
        world.ok({"pull", "-q", registry.host() + "/app:1"});
    }
    world.ok({"rmi", world.ok({"images", "-q"})});
    REQUIRE(::umount2(data.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("push: an image that is not there, a registry that refuses or loses what it is sent") {
    World world;
    world.tiny_image();
    std::function<Answer(const Request&)> reply;
    const FakeRegistry registry([&](const Request& request) { return reply(request); });
    const auto name = registry.host() + "/tiny:1";
    const auto err = [&](const std::string& what) {
        const Run run = world.berth({"push", what});
        CHECK(run.exit_code == 1);
        return run.err;
    };
    reply = [](const Request&) { return Answer{200, "{}", ""}; };
    CHECK_THAT(err(registry.host() + "/none:1"), ContainsSubstring("none"));
    world.ok({"tag", "tiny", name});
    reply = [](const Request& request) {
        if (request.path == "/v2/") return Answer{200, "{}", ""};
        return Answer{403, R"({"errors":[{"message":"not yours"}]})", ""};
    };
    CHECK_THAT(err(name), ContainsSubstring("does not let us push"));
    reply = [](const Request& request) {
        if (request.path == "/v2/") return Answer{200, "{}", ""};
        if (request.method == "HEAD") return Answer{404, "", ""};
        if (request.method == "POST") return Answer{202, "", "Location: /v2/tiny/blobs/uploads/1\r\n"};
        if (request.method == "PATCH")
            return Answer{202, "", "Location: /v2/tiny/blobs/uploads/1\r\nRange: 0-9\r\n"};
        return Answer{
            400, R"({"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]})", ""};
    };
    CHECK_THAT(err(name), ContainsSubstring("error:"));
    CHECK(world.ok({"images", "-q", name}).size() == 12);
}
