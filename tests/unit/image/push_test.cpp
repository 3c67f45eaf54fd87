// A registry on loopback that takes what is pushed, sometimes only in part.
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/pull.hpp"
#include "runtime/image/push.hpp"
#include "runtime/registry/logins.hpp"
#include "tests/unit/image/fake_registry.hpp"
#include "tests/unit/image/support.hpp"

#include <map>
#include <mutex>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

namespace {

// Blobs and manifests by repository; uploads as the specification has them: POST, PATCH with ranges, PUT.
class Shelf {
  public:
    Answer answer(const Request& request) {
        const std::lock_guard lock(mutex_);
        const auto query = request.path.find('?');
        const std::string path = request.path.substr(0, query);
        const std::string arguments = query == std::string::npos ? "" : request.path.substr(query + 1);
        const auto part = [&](const char* marker) {
            const auto at = path.find(marker);
            return at == std::string::npos ? std::string() : path.substr(at + std::string(marker).size());
        };
        repository_ = path.substr(
            4, path.find(path.find("/blobs/") != std::string::npos ? "/blobs/" : "/manifests/") - 4);
        if (const auto upload = part("/blobs/uploads/"); path.find("/blobs/uploads/") != std::string::npos)
            return upload_request(request, upload, arguments);
        if (const auto digest = part("/blobs/"); !digest.empty()) {
            const auto found = blobs[repository_].find(digest);
            return found == blobs[repository_].end() ? Answer{404, "", ""} : Answer{200, found->second, ""};
        }
        const auto tag = part("/manifests/");
        if (request.method == "PUT") {
            blobs[repository_ + "/m"][tag] = blobs[repository_ + "/m"][digest_of(request.body)] =
                request.body;
            return {201, "", ""};
        }
        const auto found = blobs[repository_ + "/m"].find(tag);
        return found == blobs[repository_ + "/m"].end()
                   ? Answer{404, "", ""}
                   : Answer{200, found->second,
                            "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"};
    }
    std::map<std::string, std::map<std::string, std::string>> blobs;
    int patches = 0, mounts = 0, begun = 0;
    int lose_answer_of_patch = 0, take_half_of_patch = 0; // the n-th
    std::string location_front;                           // before "7?s=..."; empty: the whole path
    int patch_status = 202;

  private:
    static std::string decoded(std::string text) {
        for (auto at = text.find("%3A"); at != std::string::npos; at = text.find("%3A"))
            text.replace(at, 3, ":");
        for (auto at = text.find("%2F"); at != std::string::npos; at = text.find("%2F"))
            text.replace(at, 3, "/");
        return text;
    }
    static std::string argument(const std::string& arguments, const std::string& name) {
        const auto at = arguments.find(name + "=");
        return at == std::string::npos
                   ? ""
                   : decoded(arguments.substr(at + name.size() + 1,
                                              arguments.find('&', at) - at - name.size() - 1));
    }
    Answer state() const {
        return {
            202, "",
            concat("Location: ",
                   location_front.empty() ? concat("/v2/", repository_, "/blobs/uploads/") : location_front,
                   "7?s=", upload_.size(), "\r\nRange: 0-", upload_.empty() ? 0 : upload_.size() - 1,
                   "\r\n")};
    }
    Answer upload_request(const Request& request, const std::string& upload, const std::string& arguments) {
        if (request.method == "POST") {
            const auto digest = argument(arguments, "mount"), from = argument(arguments, "from");
            if (!digest.empty() && blobs[from].contains(digest)) {
                ++mounts;
                blobs[repository_][digest] = blobs[from][digest];
                return {201, "", ""};
            }
            ++begun;
            upload_.clear();
            return state();
        }
        CHECK(upload == "7");
        if (request.method == "DELETE") return {204, "", ""};
        if (request.method == "GET") {
            auto now = state();
            now.status = 204;
            return now;
        }
        if (request.method == "PATCH") {
            ++patches;
            if (!request.has(
                    concat("Content-Range: ", upload_.size(), "-", upload_.size() + request.body.size() - 1)))
                return {416, "", ""};
            upload_ += patches == take_half_of_patch ? request.body.substr(0, request.body.size() / 2)
                                                     : request.body;
            Answer now = state();
            if (patch_status != 202) now = {patch_status, "", ""};
            now.hang_up = patches == lose_answer_of_patch || patches == take_half_of_patch;
            return now;
        }
        upload_ += request.body;
        const auto digest = argument(arguments, "digest");
        if (digest_of(upload_) != digest)
            return {400, R"({"errors":[{"code":"DIGEST_INVALID","message":"not that"}]})", ""};
        blobs[repository_][digest] = std::move(upload_);
        upload_.clear();
        return {201, "", ""};
    }
    std::mutex mutex_;
    std::string repository_, upload_;
};

// Bytes that no gzip makes smaller: 20 MB are three chunks.
std::string noise(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 12345;
    for (auto& c : out) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return out;
}

Image make_image(const Sandbox& sandbox, const std::string& content, const std::string& name) {
    auto ingest = LayerIngest::start(sandbox.context, LayerInput::file);
    require(ingest);
    REQUIRE((*ingest)->write(TarBuilder().file("data", content).done()));
    REQUIRE((*ingest)->finish());
    require((*ingest)->keep(""));
    const auto image = add_image_bytes(
        sandbox.context,
        concat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")",
               (*ingest)->diff_id(), "\"]}}"),
        name);
    require(image);
    return *image;
}

} // namespace

TEST_CASE("what is pushed can be pulled, and is pushed only once") {
    Shelf shelf;
    FakeRegistry registry([&](const Request& request) { return shelf.answer(request); });
    const Sandbox here, there;
    const auto image = make_image(here, std::string(20000, 'h'), registry.host() + "/app:1");
    const auto reference = parse_reference(registry.host() + "/app:1").value();
    const auto pushed = push_image(here.context, reference);
    require(pushed);
    const auto pulled =
        pull_image(there.context, registry.host() + "/app@" + pushed->digest, {"linux/amd64"});
    require(pulled);
    CHECK(pulled->id == image.id);
    CHECK(find_image(here.context, registry.host() + "/app@" + pushed->digest).value()->id == image.id);
    const int begun = shelf.begun;
    const auto again = push_image(here.context, reference);
    require(again);
    CHECK(again->digest == pushed->digest);
    CHECK(shelf.begun == begun);
    // To another repository of the same registry it is mounted; what was pulled is remembered too.
    require(tag_image(there.context, pulled->id, registry.host() + "/team/other:2"));
    require(push_image(there.context, parse_reference(registry.host() + "/team/other:2").value()));
    CHECK(shelf.mounts == 1);
}

TEST_CASE("an image that only gets a new name keeps the manifest that it was pulled with") {
    Shelf shelf;
    FakeRegistry registry([&](const Request& request) { return shelf.answer(request); });
    const Sandbox here, there;
    const auto image = make_image(here, "hello", registry.host() + "/app:1");
    const auto pushed = push_image(here.context, parse_reference(registry.host() + "/app:1").value());
    require(pushed);
    // As another tool has it: the same blobs, and something that we would not write.
    auto& manifests = shelf.blobs["app/m"];
    auto text = manifests["1"];
    text.insert(1, R"("annotations":{"made-by":"another"},)");
    manifests["1"] = manifests[digest_of(text)] = text;
    require(pull_image(there.context, registry.host() + "/app:1", {"linux/amd64"}));
    require(tag_image(there.context, image.id, registry.host() + "/app:2"));
    require(tag_image(there.context, image.id, registry.host() + "/moved:1"));
    for (const char* name : {"/app:2", "/moved:1"})
        CHECK(push_image(there.context, parse_reference(registry.host() + name).value())->digest ==
              digest_of(text));
    CHECK(shelf.blobs["moved/m"]["1"] == text);
    // Where the layer is not to be had as it was, it is packed anew, and the manifest with it.
    Shelf bare;
    FakeRegistry other([&](const Request& request) { return bare.answer(request); });
    require(tag_image(there.context, image.id, other.host() + "/app:1"));
    PushOptions plain;
    plain.packing.compression = Compression::none;
    const auto anew = push_image(there.context, parse_reference(other.host() + "/app:1").value(), plain);
    require(anew);
    CHECK(anew->digest != digest_of(text));
    const Sandbox third;
    CHECK(pull_image(third.context, other.host() + "/app:1", {"linux/amd64"})->id == image.id);
}

TEST_CASE("a layer of several chunks arrives whole, also when a chunk's answer or half of it is lost") {
    Shelf shelf;
    SECTION("nothing lost") {}
    SECTION("an answer") {
        shelf.lose_answer_of_patch = 2;
    }
    SECTION("half a chunk and its answer") {
        shelf.take_half_of_patch = 2;
    }
    FakeRegistry registry([&](const Request& request) { return shelf.answer(request); });
    const Sandbox here, there;
    const auto image = make_image(here, noise(20'000'000), registry.host() + "/app:1");
    require(push_image(here.context, parse_reference(registry.host() + "/app:1").value()));
    CHECK(shelf.patches >= 3);
    const auto pulled = pull_image(there.context, registry.host() + "/app:1", {"linux/amd64"});
    require(pulled);
    CHECK(pulled->id == image.id);
}

TEST_CASE("an upload goes on where the registry says, in whatever form it says it") {
    Shelf shelf;
    FakeRegistry registry([&](const Request& request) { return shelf.answer(request); });
    SECTION("beside the address that was asked") {
        shelf.location_front = "./";
    }
    SECTION("with a host and no scheme") {
        shelf.location_front = concat("//", registry.host(), "/v2/app/blobs/uploads/");
    }
    SECTION("whole") {
        shelf.location_front = concat("http://", registry.host(), "/v2/app/blobs/uploads/");
    }
    SECTION("not at all after a chunk") {
        shelf.patch_status = 204;
    }
    const Sandbox here, there;
    const auto image = make_image(here, noise(10'000'000), registry.host() + "/app:1");
    require(push_image(here.context, parse_reference(registry.host() + "/app:1").value()));
    const auto pulled = pull_image(there.context, registry.host() + "/app:1", {"linux/amd64"});
    require(pulled);
    CHECK(pulled->id == image.id);
}

TEST_CASE("a push that is refused is one clear message") {
    const Sandbox sandbox;
    FakeRegistry registry([&](const Request& request) -> Answer {
        if (request.method == "GET" || request.method == "HEAD") return {404, "", ""};
        return {403, R"({"errors":[{"code":"DENIED","message":"over quota"}]})", ""};
    });
    make_image(sandbox, "x", registry.host() + "/app:1");
    const auto pushed = push_image(sandbox.context, parse_reference(registry.host() + "/app:1").value());
    REQUIRE_FALSE(pushed);
    CHECK(pushed.error().to_string().find("does not let us push to app: over quota") != std::string::npos);
    CHECK(pushed.error().to_string().find("read '") == std::string::npos);
    const auto unknown = push_image(sandbox.context, parse_reference(registry.host() + "/none:1").value());
    CHECK(unknown.error().code() == ErrorCode::not_found);
    const auto digest = push_image(
        sandbox.context, parse_reference(registry.host() + "/app@sha256:" + std::string(64, 'a')).value());
    CHECK(digest.error().code() == ErrorCode::usage);
}

TEST_CASE("logins are written where docker looks for them, and forgotten") {
    const Sandbox sandbox;
    REQUIRE(::setenv("DOCKER_CONFIG", sandbox.path("docker").c_str(), 1) == 0);
    const auto file = sandbox.path("docker") + "/config.json";
    REQUIRE(make_dirs(sandbox.path("docker")));
    REQUIRE(write_atomic(file, R"({"psFormat":"x","auths":{"other":{"auth":"bTpu"}}})"));
    const auto stored = registry::store_login("localhost:5000", {"me", "se:cret", ""});
    require(stored);
    CHECK(*stored == file);
    CHECK(registry::find_credentials("localhost:5000", "a/b").value().password == "se:cret");
    CHECK(content_of(file).find("psFormat") != std::string::npos);
    require(registry::store_login("docker.io", {"hub", "word", ""}));
    CHECK(content_of(file).find("https://index.docker.io/v1/") != std::string::npos);
    CHECK(registry::find_credentials("docker.io", "library/x").value().user == "hub");
    CHECK(registry::erase_login("localhost:5000").value());
    CHECK_FALSE(registry::erase_login("localhost:5000").value());
    CHECK(registry::find_credentials("localhost:5000", "a").value().empty());
    CHECK(registry::find_credentials("other", "a").value().user == "m");
    // A helper keeps it instead, and the file only says so.
    const auto programs = sandbox.path("bin");
    REQUIRE(make_dirs(programs, 0755));
    REQUIRE(write_atomic(programs + "/docker-credential-box",
                         concat("#!/bin/sh\nd=", sandbox.path("kept"),
                                "\ncase $1 in store) cat >$d;; get) cat >/dev/null; cat $d;; erase) cat "
                                ">/dev/null; rm $d;; esac\n"),
                         0755));
    const std::string path = std::getenv("PATH");
    REQUIRE(::setenv("PATH", (programs + ":" + path).c_str(), 1) == 0);
    REQUIRE(write_atomic(file, R"({"credsStore":"box"})"));
    CHECK(registry::store_login("localhost:5000", {"me", "secret", ""}).value().empty());
    CHECK(content_of(file).find("secret") == std::string::npos);
    CHECK(registry::find_credentials("localhost:5000", "a").value().password == "secret");
    CHECK(registry::erase_login("localhost:5000").value());
    CHECK_FALSE(path_exists(sandbox.path("kept")));
    REQUIRE(::setenv("PATH", path.c_str(), 1) == 0);
    REQUIRE(::unsetenv("DOCKER_CONFIG") == 0);
}
