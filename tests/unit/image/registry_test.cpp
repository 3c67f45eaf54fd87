// A registry on loopback that lies in every way that registries can.
#include "runtime/image/image_store.hpp"
#include "runtime/image/pull.hpp"
#include "runtime/registry/auth.hpp"
#include "runtime/registry/retry.hpp"
#include "tests/unit/image/fake_registry.hpp"
#include "tests/unit/image/support.hpp"

#include <atomic>
#include <functional>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;
using namespace berth::registry;

namespace {

// An image of one layer, as blobs.
struct Fixture {
    std::string layer = gzip(TarBuilder().file("hello", std::string(20000, 'h')).done());
    std::string config =
        concat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")",
               digest_of(TarBuilder().file("hello", std::string(20000, 'h')).done()), "\"]}}");
    std::string manifest = concat(
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")",
        digest_of(config), R"(","size":)", config.size(),
        R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")", digest_of(layer),
        R"(","size":)", layer.size(), "}]}");
    [[nodiscard]] Answer answer(const Request& request) const {
        const auto tail = request.path.substr(request.path.rfind('/') + 1);
        if (request.path.find("/manifests/") != std::string::npos &&
            (tail == "1" || tail == digest_of(manifest)))
            return {200, manifest, "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"};
        if (tail == digest_of(config)) return {200, config, ""};
        if (tail == digest_of(layer)) return {200, layer, ""};
        return {404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]})", ""};
    }
};

void check_pull_refused(const Fixture& fixture, const std::function<void(const Request&, Answer&)>& lie,
                        const std::string& reference = "app:1") {
    FakeRegistry registry([&](const Request& request) {
        Answer answer = fixture.answer(request);
        lie(request, answer);
        return answer;
    });
    const Sandbox sandbox;
    const auto image = pull_image(sandbox.context, registry.host() + "/" + reference, {"linux/amd64"});
    CHECK_FALSE(image);
    CHECK(list_images(sandbox.context)->empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/layers")->empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/tmp")->empty());
}

} // namespace

TEST_CASE(
    "a pull stores the image under its name and its digest, and the next one asks for the manifest only") {
    const Fixture fixture;
    FakeRegistry registry([&](const Request& request) { return fixture.answer(request); });
    const Sandbox sandbox;
    const auto image = pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"});
    require(image);
    CHECK(image->id == digest_of(fixture.config));
    CHECK(image->references == std::vector<std::string>{registry.host() + "/app:1"});
    CHECK(image->repo_digests ==
          std::vector<std::string>{registry.host() + "/app@" + digest_of(fixture.manifest)});
    CHECK(content_of(lower_dirs(sandbox.context, *image)->front() + "/hello") == std::string(20000, 'h'));
    const int before = registry.requests;
    require(pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"}));
    CHECK(registry.requests == before + 1);
    require(pull_image(sandbox.context, registry.host() + "/app@" + digest_of(fixture.manifest),
                       {"linux/amd64"}));
    CHECK(pull_image(sandbox.context, registry.host() + "/app:2", {}).error().code() == ErrorCode::not_found);
    // What a tag stands for: the store knows without asking, a registry sends no layer for it.
    const auto digest = [&](const Context& context, const std::string& name) {
        return resolve_digest(context, parse_reference(registry.host() + name).value());
    };
    const int asked = registry.requests;
    CHECK(digest(sandbox.context, "/app:1").value() == digest_of(fixture.manifest));
    CHECK(registry.requests == asked);
    const Sandbox elsewhere;
    CHECK(digest(elsewhere.context, "/app:1").value() == digest_of(fixture.manifest));
    CHECK(registry.requests == asked + 1);
    CHECK(digest(elsewhere.context, "/app:2").error().code() == ErrorCode::not_found);
}

TEST_CASE("lies about blobs and manifests are found, and leave nothing") {
    const Fixture good;
    const auto is_blob = [](const Request& request, const std::string& bytes) {
        return request.path.find(digest_of(bytes)) != std::string::npos;
    };
    SECTION("another blob") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (is_blob(r, good.layer))
                a.body = gzip(TarBuilder().file("evil", std::string(20000, 'h')).done());
        });
    }
    SECTION("a changed blob of the right size") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (is_blob(r, good.layer)) a.body[a.body.size() / 2] ^= 1;
        });
    }
    SECTION("a longer blob") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (is_blob(r, good.layer)) a.body += "more";
        });
    }
    SECTION("a longer blob of no stated length") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (is_blob(r, good.layer)) {
                a.body += std::string(1 << 20, 'x');
                a.length = false;
            }
        });
    }
    SECTION("another configuration") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (is_blob(r, good.config)) a.body[20] ^= 1;
        });
    }
    SECTION("another manifest for a digest") {
        check_pull_refused(
            good,
            [&](const Request& r, Answer& a) {
                if (is_blob(r, good.manifest)) a.body += " ";
            },
            "app@" + digest_of(good.manifest));
    }
    SECTION("a manifest of 8 MiB") {
        check_pull_refused(good, [&](const Request& r, Answer& a) {
            if (r.path.find("manifests") != std::string::npos) a.body += std::string(8u << 20, ' ');
        });
    }
    SECTION("a wrong size in the manifest") {
        Fixture wrong = good;
        wrong.manifest.replace(wrong.manifest.rfind("\"size\":") + 7, 1, "9");
        check_pull_refused(wrong, [](const Request&, Answer&) {});
    }
    SECTION("a layer that is not the configuration's") {
        Fixture wrong = good;
        wrong.config[wrong.config.find("[\"sha256:") + 10] ^= 1;
        Fixture other;
        wrong.manifest.replace(wrong.manifest.find(digest_of(other.config)), 71, digest_of(wrong.config));
        check_pull_refused(wrong, [](const Request&, Answer&) {});
    }
}

TEST_CASE("a blob that breaks off is resumed where it stopped") {
    const Fixture fixture;
    std::atomic<int> ranges = 0;
    bool broke = false;
    FakeRegistry registry([&](const Request& request) {
        Answer answer = fixture.answer(request);
        if (request.path.find(digest_of(fixture.layer)) == std::string::npos) return answer;
        if (!broke) {
            broke = true;
            answer.claim = static_cast<std::int64_t>(answer.body.size());
            answer.body.resize(answer.body.size() / 2);
        } else if (request.has("Range: bytes=")) {
            ++ranges;
            answer.status = 206;
            answer.body = answer.body.substr(answer.body.size() / 2);
        }
        return answer;
    });
    const Sandbox sandbox;
    require(pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"}));
    CHECK(ranges == 1);
}

TEST_CASE("a blob that is resumed elsewhere than asked: too early is skipped, too late is an error") {
    const Fixture fixture;
    std::int64_t shift = 0;
    bool broke = false;
    FakeRegistry registry([&](const Request& request) {
        Answer answer = fixture.answer(request);
        if (request.path.find(digest_of(fixture.layer)) == std::string::npos) return answer;
        const auto half = static_cast<std::int64_t>(answer.body.size() / 2);
        if (!broke) {
            broke = true;
            answer.claim = static_cast<std::int64_t>(answer.body.size());
            answer.body.resize(static_cast<std::size_t>(half));
        } else if (request.has("Range: bytes=")) {
            answer.status = 206;
            answer.headers = concat("Content-Range: bytes ", half + shift, "-", answer.body.size() - 1, "/",
                                    answer.body.size(), "\r\n");
            answer.body = answer.body.substr(static_cast<std::size_t>(half + shift));
        }
        return answer;
    });
    SECTION("too early") {
        shift = -10;
        const Sandbox sandbox;
        require(pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"}));
    }
    SECTION("too late") {
        shift = 10;
        const Sandbox sandbox;
        const auto image = pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"});
        REQUIRE_FALSE(image);
        CHECK(image.error().to_string().find("was asked for byte") != std::string::npos);
    }
}

TEST_CASE(
    "a registry that asks for a token gets one, and credentials do not follow a redirect to another host") {
    const Fixture fixture;
    std::atomic<bool> leaked = false;
    FakeRegistry storage([&](const Request& request) {
        if (request.has("Authorization:")) leaked = true;
        Request inner = request;
        return fixture.answer(inner);
    });
    std::string own;
    FakeRegistry registry([&](const Request& request) -> Answer {
        if (request.path.starts_with("/token")) {
            CHECK(request.path.find("scope=repository%3Aapp%3Apull") != std::string::npos);
            return {200, R"({"token":"secret"})", ""};
        }
        if (!request.has("Authorization: Bearer secret"))
            return {401, "",
                    "WWW-Authenticate: Bearer realm=\"http://" + own +
                        "/token\",service=\"s\",scope=\"repository:app:pull\"\r\n"};
        if (request.path.find("/blobs/") != std::string::npos)
            return {307, "", "Location: http://" + storage.host() + request.path + "\r\n"};
        return fixture.answer(request);
    });
    own = registry.host();
    const Sandbox sandbox;
    require(pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"}));
    CHECK_FALSE(leaked);
}

TEST_CASE("redirects do not lead to plain http elsewhere, nor round in circles") {
    const Fixture fixture;
    std::string target;
    FakeRegistry registry([&](const Request&) -> Answer {
        return {307, "", "Location: " + target + "\r\n"};
    });
    const Sandbox sandbox;
    for (const std::string where : {"http://192.0.2.1/x", "file:///etc/passwd",
                                    "http://127.0.0.1.evil.example/", "http://127.0.0.1@192.0.2.1/"}) {
        target = where;
        CHECK(pull_image(sandbox.context, registry.host() + "/app:1", {}).error().code() ==
              ErrorCode::unsupported);
    }
    target = "http://" + registry.host() + "/again";
    CHECK_FALSE(pull_image(sandbox.context, registry.host() + "/app:1", {}));
}

TEST_CASE("a registry that is not there is one clear message") {
    std::string host;
    {
        const FakeRegistry gone([](const Request&) { return Answer{}; });
        host = gone.host();
    }
    const Sandbox sandbox;
    const auto image = pull_image(sandbox.context, host + "/app", {});
    REQUIRE_FALSE(image);
    CHECK(image.error().message().find("cannot connect to registry " + host) != std::string::npos);
}

TEST_CASE("loopback is what cannot be anybody else") {
    for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000"})
        CHECK(is_loopback_host(host));
    for (const char* host : {"localhost.example", "127.0.0.1.example", "127.0.0", "128.0.0.1", "[::2]", "::1",
                             "example:127", "127."})
        CHECK_FALSE(is_loopback_host(host));
    CHECK(host_of_url("https://a:5/b") == "a:5");
    CHECK(host_of_url("http://user@host/").empty());
    CHECK(host_of_url("ftp://host/").empty());
}

TEST_CASE("how long a registry wants to be left alone, in the forms that they tell it") {
    const auto wait = [](const std::string& name, const std::string& value) {
        HttpResponse response;
        response.headers[name] = value;
        return seconds_to_wait(response, 1'700'000'000);
    };
    CHECK(wait("retry-after", "120") == 120);
    CHECK(wait("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT") == 60);
    CHECK(wait("retry-after", "Tue, 14 Nov 2023 22:00:00 GMT") == 0);
    CHECK(wait("x-retry-after", "1700000090") == 90);
    CHECK(wait("ratelimit-reset", " 30 ") == 30);
    CHECK(wait("x-ratelimit-reset", "1699999999") == 0);
    for (const char* nonsense : {"", "soon", "-1", "99999999999999999999", "4000000000", "Tue, 14 Nov"})
        CHECK_FALSE(wait("retry-after", nonsense));
    CHECK_FALSE(seconds_to_wait({}, 0));
}

TEST_CASE("a registry's limit is told with the time at which it ends, and not waited for") {
    FakeRegistry registry([](const Request& request) -> Answer {
        if (request.path == "/v2/") return {200, "{}", ""};
        return {429, R"({"errors":[{"message":"slow down"}]})", "Retry-After: 7200\r\n"};
    });
    const Sandbox sandbox;
    const auto image = pull_image(sandbox.context, registry.host() + "/app:1", {});
    REQUIRE_FALSE(image);
    CHECK(image.error().to_string().find("slow down") != std::string::npos);
    CHECK(image.error().hint().find("again in 2h0m0s, at 20") != std::string::npos);
    CHECK(registry.requests == 1);
}

TEST_CASE("pulls of one image at the same time do the work once") {
    // Three layers on top of each other, so that the pulls meet at each of them.
    std::vector<std::string> layers;
    std::string ids, descriptors;
    for (const char* name : {"a", "b", "c"}) {
        layers.push_back(TarBuilder().file(name, std::string(300'000, *name)).done());
        ids += concat(ids.empty() ? "" : ",", '"', digest_of(layers.back()), '"');
        descriptors += concat(descriptors.empty() ? "" : ",",
                              R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")",
                              digest_of(layers.back()), R"(","size":)", layers.back().size(), "}");
    }
    const auto config =
        concat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)", ids, "]}}");
    const auto manifest = concat(R"({"schemaVersion":2,"config":{"digest":")", digest_of(config),
                                 R"(","size":)", config.size(), R"(},"layers":[)", descriptors, "]}");
    std::atomic<int> blobs = 0;
    FakeRegistry registry([&](const Request& request) -> Answer {
        const auto tail = request.path.substr(request.path.rfind('/') + 1);
        if (request.path.find("/manifests/") != std::string::npos)
            return {200, manifest, "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"};
        if (tail == digest_of(config)) return {200, config, ""};
        for (const auto& layer : layers)
            if (tail == digest_of(layer)) {
                ++blobs;
                return {200, layer, ""};
            }
        return {404, "", ""};
    });
    const Sandbox sandbox;
    std::vector<std::thread> pulls;
    std::atomic<int> good = 0;
    for (int i = 0; i < 6; ++i)
        pulls.emplace_back([&] {
            if (pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"})) ++good;
        });
    for (auto& pull : pulls)
        pull.join();
    CHECK(good == 6);
    CHECK(blobs == 3);
    CHECK(list_dir(sandbox.context.paths.exec_root() + "/layer-locks")->empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/tmp")->empty());
}

TEST_CASE("a token server that is busy is asked again") {
    const Fixture fixture;
    std::string own;
    std::atomic<int> asked = 0;
    FakeRegistry registry([&](const Request& request) -> Answer {
        if (request.path.starts_with("/token")) {
            if (++asked == 1) return {503, "", "Retry-After: 0\r\n"};
            return {200, R"({"access_token":"good"})", ""};
        }
        if (request.has("Authorization: Bearer good")) return fixture.answer(request);
        return {401, "", "WWW-Authenticate: Bearer realm=\"http://" + own + "/token\"\r\n"};
    });
    own = registry.host();
    const Sandbox sandbox;
    require(pull_image(sandbox.context, registry.host() + "/app:1", {"linux/amd64"}));
    CHECK(asked == 2);
}

TEST_CASE("an address in a Location, whole again") {
    const std::string asked = "https://host:5/v2/app/blobs/uploads/1?x=y";
    CHECK(resolve_location("http://other/a", asked) == "http://other/a");
    CHECK(resolve_location("//other/a", asked) == "https://other/a");
    CHECK(resolve_location("/a?b", asked) == "https://host:5/a?b");
    CHECK(resolve_location("2?s", asked) == "https://host:5/v2/app/blobs/uploads/2?s");
    CHECK(resolve_location("?s", asked) == "https://host:5/v2/app/blobs/uploads/1?s");
}

TEST_CASE("all tags of a repository, page by page") {
    std::string address;
    FakeRegistry registry([&](const Request& request) -> Answer {
        if (request.path == "/v2/app/tags/list?n=1000")
            return {200, R"({"name":"app","tags":["1","2"]})",
                    "Link: </v2/app/tags/list?last=2&n=2>; rel=\"next\"\r\n"};
        if (request.path == "/v2/app/tags/list?last=2&n=2")
            return {200, R"({"tags":["3"]})",
                    "Link: <http://" + address + "/v2/app/tags/list?last=3>; rel=\"next\"\r\n"};
        if (request.path == "/v2/app/tags/list?last=3") return {200, R"({"tags":null})", ""};
        if (request.path.starts_with("/v2/evil/")) return {200, R"({"tags":["../../x"]})", ""};
        if (request.path.starts_with("/v2/odd/")) return {200, "[]", ""};
        return {404, "", ""};
    });
    address = registry.host();
    const Sandbox sandbox;
    const auto tags = [&](const char* name) {
        return registry_tags(sandbox.context, parse_reference(address + name).value());
    };
    const auto all = tags("/app");
    require(all);
    REQUIRE(all->size() == 3);
    CHECK(all->back().to_string() == address + "/app:3");
    for (const char* name : {"/evil", "/odd", "/none"})
        CHECK_FALSE(tags(name));
}

TEST_CASE("challenges in the forms that registries send them") {
    const auto one = parse_challenges(
        R"(Bearer realm="https://auth.example/token?x=1,2",service="registry \"x\"",scope="repository:a:pull")");
    REQUIRE(one.size() == 1);
    CHECK(one[0].scheme == "bearer");
    CHECK(one[0].parameters.at("realm") == "https://auth.example/token?x=1,2");
    CHECK(one[0].parameters.at("service") == "registry \"x\"");
    const auto two = parse_challenges(R"(Basic realm=x, Bearer realm="y")");
    REQUIRE(two.size() == 2);
    CHECK(two[1].parameters.at("realm") == "y");
    for (const char* text : {"", "=", "\"", "Bearer realm=\"open", ",,,", "a=b", "\\", "Bearer =x"})
        (void)parse_challenges(text);
}

TEST_CASE("logins come from Docker's configuration") {
    const Sandbox sandbox;
    ::setenv("DOCKER_CONFIG", sandbox.root.c_str(), 1);
    ::unsetenv("REGISTRY_AUTH_FILE");
    require(write_atomic(
        sandbox.root + "/config.json",
        R"({"auths":{"https://index.docker.io/v1/":{"auth":"aHVi OnB3"},"reg.example":{"auth":"dXNlcjpwYXNzOndvcmQ="},"reg.example/team":{"auth":"dGVhbTp4"},"tok.example":{"identitytoken":"t"}}})"));
    CHECK_FALSE(find_credentials("docker.io", "library/x")); // damaged base64
    const auto user = find_credentials("reg.example", "app");
    require(user);
    CHECK(user->user == "user");
    CHECK(user->password == "pass:word");
    CHECK(find_credentials("reg.example", "team/app")->user == "team");
    CHECK(find_credentials("tok.example", "app")->identity_token == "t");
    CHECK(find_credentials("other.example", "app")->empty());
    require(write_atomic(sandbox.root + "/config.json", R"({"credHelpers":{"reg.example":"../evil"}})"));
    CHECK_FALSE(find_credentials("reg.example", "app"));
    ::unsetenv("DOCKER_CONFIG");
}
