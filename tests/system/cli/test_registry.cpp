// Against Debian's docker-registry on this namespace's loopback: plain, and with a password; skopeo on the
// other side.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// The registry, as a child that ends with the test; ready when it answers.
class Registry {
  public:
    Registry(const std::string& folder, const std::string& address, const std::string& more = "",
             const std::string& tls = "")
        : host_(address) {
        std::filesystem::create_directories(folder);
        const auto file = folder + "/config.yml";
        std::ofstream(file) << "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "
                            << folder << "/blobs}}\nhttp: {addr: '" << host_ << "'" << tls << "}\n"
                            << more;
        pid_ = ::fork();
        if (pid_ == 0) {
            const int log = ::open((folder + "/log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            ::dup2(log, STDOUT_FILENO);
            ::dup2(log, STDERR_FILENO);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            ::execlp("docker-registry", "docker-registry", "serve", file.c_str(), nullptr);
            ::_exit(127);
        }
        REQUIRE(host("curl", {"-s", "-o", "/dev/null", "--retry", "50", "--retry-connrefused",
                              "--retry-delay", "0", "--retry-max-time", "20", "-k",
                              (tls.empty() ? "http://" : "https://") + host_ + "/v2/"})
                    .exit_code == 0);
    }
    ~Registry() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;
    [[nodiscard]] const std::string& name() const { return host_; }

  private:
    std::string host_;
    pid_t pid_ = -1;
};

// An /etc of this test's own mount namespace: what is written there stays on isolate's tmpfs.
void private_etc() {
    if (std::filesystem::exists("/run/own-etc")) return;
    std::filesystem::create_directories("/run/own-etc/upper");
    std::filesystem::create_directories("/run/own-etc/work");
    REQUIRE(::mount("overlay", "/etc", "overlay", 0,
                    "lowerdir=/etc,upperdir=/run/own-etc/upper,workdir=/run/own-etc/work") == 0);
    std::filesystem::create_directories("/etc/berth");
}

void configure(const std::string& text) {
    std::ofstream("/etc/berth/config.json") << text;
}

} // namespace

TEST_CASE("push, and pull by berth and by skopeo") {
    World world;
    world.tiny_image();
    const Registry registry(world.project() + "/registry", "127.0.0.1:5000");
    const auto name = registry.name() + "/team/tiny:1";
    world.ok({"tag", "tiny", name});
    const auto first = world.ok({"push", name});
    CHECK_THAT(first,
               ContainsSubstring("The push refers to repository [" + registry.name() + "/team/tiny]") &&
                   ContainsSubstring("1: digest: sha256:"));
    const Run again = world.berth({"push", name});
    CHECK_THAT(again.err, ContainsSubstring("Layer already exists"));
    CHECK(again.out == first + "\n");
    world.ok({"tag", "tiny", registry.name() + "/other:1"});
    CHECK_THAT(world.berth({"push", registry.name() + "/other:1"}).err,
               ContainsSubstring("Mounted from team/tiny"));
    world.ok({"tag", "tiny", registry.name() + "/team/tiny:2"});
    CHECK_THAT(world.ok({"push", "-a", registry.name() + "/team/tiny"}),
               ContainsSubstring("1: digest") && ContainsSubstring("2: digest"));
    CHECK(world.ok({"push", "-q", name}) == name);
    CHECK_THAT(world.ok({"manifest", "inspect", name}),
               ContainsSubstring("\n\t\t\t\"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\""));
    CHECK_THAT(world.ok({"manifest", "inspect", "-v", name}),
               ContainsSubstring("\t\"Ref\": \"" + name + "\"") &&
                   ContainsSubstring("\"architecture\": \"") && ContainsSubstring("\t\"OCIManifest\": {"));

    const auto digests =
        world.ok({"images", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}"});
    CHECK_THAT(digests, ContainsSubstring("tiny:latest <none>") && ContainsSubstring(name + " sha256:"));

    const auto id = world.ok({"inspect", "--format", "{{.Id}}", "tiny"});
    world.ok({"rmi", "-f", id});
    world.ok({"pull", "-q", name});
    CHECK(world.ok({"inspect", "--format", "{{.Id}}", name}) == id);
    CHECK(world.ok({"run", "--rm", "--network", "none", name, "echo", "back"}) == "back");
    CHECK_THAT(world.ok({"pull", name}),
               ContainsSubstring("1: Pulling from team/tiny\nDigest: sha256:") &&
                   ContainsSubstring("\nStatus: Image is up to date for " + name + "\n"));
    world.ok({"rmi", "-f", id});
    CHECK_THAT(world.ok({"pull", name}), ContainsSubstring("Status: Downloaded newer image for " + name));
    world.ok({"rmi", "-f", id});
    const Run tagged = world.berth({"pull", "-a", name});
    CHECK(tagged.exit_code == 1);
    CHECK_THAT(tagged.err, ContainsSubstring("tag can't be used with --all-tags/-a"));
    CHECK_THAT(world.ok({"pull", "-a", registry.name() + "/team/tiny"}),
               ContainsSubstring("1: Pulling from team/tiny") &&
                   ContainsSubstring("2: Pulling from team/tiny") &&
                   Catch::Matchers::EndsWith("\n" + registry.name() + "/team/tiny"));
    CHECK(world.ok({"images", "--format", "{{.Tag}}", registry.name() + "/team/tiny"}).size() == 3);
    // The other way round, too.
    const auto layout = "oci:" + world.project() + "/layout:x";
    const Run out = host("skopeo", {"copy", "--src-tls-verify=false", "docker://" + name, layout});
    INFO(out.err);
    CHECK(out.exit_code == 0);
    CHECK(host("skopeo", {"copy", "--dest-tls-verify=false", "--format", "v2s2", layout,
                          "docker://" + registry.name() + "/by/skopeo:1"})
              .exit_code == 0);
    world.ok({"pull", "-q", registry.name() + "/by/skopeo:1"});
    CHECK(world.ok({"run", "--rm", "--network", "none", registry.name() + "/by/skopeo:1", "echo",
                    "theirs"}) == "theirs");
}

TEST_CASE("compose push: what is built here, with its further tags") {
    World world;
    world.tiny_image();
    const Registry registry(world.project() + "/registry", "127.0.0.1:5004");
    world.write("Dockerfile", "FROM tiny\nRUN echo built > /made\n");
    world.write("compose.yaml", "services:\n  app:\n    image: " + registry.name() +
                                    "/app:1\n    build: {context: ., tags: [\"" + registry.name() +
                                    "/app:two\"]}\n  other: {image: tiny}\n");
    const Run early = world.compose({"push", "app"});
    CHECK(early.exit_code == 1);
    CHECK_THAT(early.err, ContainsSubstring("does not exist locally"));
    CHECK(world.compose({"push", "--ignore-push-failures"}).exit_code == 0);
    world.compose_ok({"build"});
    const Run pushed = world.compose({"push"});
    INFO(pushed.err);
    CHECK(pushed.exit_code == 0);
    CHECK_THAT(pushed.err, ContainsSubstring("other  Skipped"));
    for (const char* tag : {":1", ":two"}) {
        world.ok({"rmi", registry.name() + "/app" + tag});
        CHECK(world.ok({"run", "--rm", "--network", "none", "-q", registry.name() + "/app" + tag, "cat",
                        "/made"}) == "built");
    }
}

TEST_CASE("login, logout, and what a registry refuses") {
    World world;
    world.tiny_image();
    std::filesystem::create_directories(world.project() + "/docker");
    world.set_env("DOCKER_CONFIG", world.project() + "/docker");
    world.write("htpasswd", "me:$2y$05$uLZCLDv39mOvPbfmUl9wqeOrfRfckO0pBsSEZrCw6xAu7gcwnG1jG\n");
    const Registry registry(world.project() + "/registry", "127.0.0.1:5001",
                            "auth: {htpasswd: {realm: x, path: " + world.project() + "/htpasswd}}\n");
    const auto name = registry.name() + "/tiny:1";
    world.ok({"tag", "tiny", name});
    const Run refused = world.berth({"push", name});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, ContainsSubstring("does not let us push to tiny") &&
                                ContainsSubstring("berth login " + registry.name()));
    const Run wrong = world.berth({"login", "-u", "me", "--password-stdin", registry.name()}, "wrong\n");
    CHECK(wrong.exit_code == 1);
    CHECK_THAT(wrong.err, ContainsSubstring("refuses the login"));
    CHECK(world.berth({"login", registry.name()}).exit_code == 1);
    CHECK_THAT(world.berth({"login", "--password-stdin", registry.name()}, "x").err,
               ContainsSubstring("Must provide --username"));
    CHECK_FALSE(std::filesystem::exists(world.project() + "/docker/config.json"));

    CHECK(world.ok({"login", "-u", "me", "--password-stdin", registry.name()}, "secret\n") ==
          "Login Succeeded");
    CHECK((std::filesystem::status(world.project() + "/docker/config.json").permissions() &
           std::filesystem::perms(077)) == std::filesystem::perms::none);
    CHECK_THAT(world.ok({"login", registry.name()}), ContainsSubstring("existing credentials"));
    world.ok({"push", name});
    world.ok({"rmi", name});
    world.ok({"pull", "-q", name});
    CHECK(world.ok({"logout", registry.name()}) == "Removing login credentials for " + registry.name());
    CHECK(world.ok({"logout", registry.name()}) == "Not logged in to " + registry.name());
    CHECK(world.berth({"pull", registry.name() + "/tiny:2"}).exit_code == 1);
}

TEST_CASE("certificates: an unknown authority is refused, certs.d and the configuration are believed") {
    World world;
    world.tiny_image();
    private_etc();
    configure("{}");
    const auto key = world.project() + "/key.pem", certificate = world.project() + "/cert.pem";
    REQUIRE(
        host("openssl", {"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                         "-days", "2", "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"})
            .exit_code == 0);
    const Registry registry(world.project() + "/registry", "127.0.0.1:5002", "",
                            ", tls: {certificate: " + certificate + ", key: " + key + "}");
    const auto name = registry.name() + "/tiny:1";
    world.ok({"tag", "tiny", name});
    const Run refused = world.berth({"push", name});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err,
               ContainsSubstring("no trusted TLS connection") && ContainsSubstring("certs.d/127.0.0.1:5002"));
    const std::string folder = "/etc/berth/certs.d/127.0.0.1:5002";
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(certificate, folder + "/ca.crt");
    world.ok({"push", name});
    std::filesystem::rename(folder + "/ca.crt", folder + "/client.cert");
    CHECK_THAT(world.berth({"push", name}).err, ContainsSubstring("has no '" + folder + "/client.key'"));
    std::filesystem::remove_all("/etc/berth/certs.d");
    configure(R"({"insecure-registries": ["127.0.0.0/30"]})");
    world.ok({"push", name});
    configure(R"({"insecure-registries": "127.0.0.1"})");
    CHECK_THAT(world.berth({"push", name}).err, ContainsSubstring("insecure-registries is no list"));
    configure("{}");
}

TEST_CASE("plain http beyond loopback, and mirrors of Docker Hub, are the configuration's matter") {
    World world;
    world.tiny_image();
    private_etc();
    configure("{}");
    REQUIRE(host("ip", {"address", "add", "192.0.2.1/32", "dev", "lo"}).exit_code == 0);
    const Registry registry(world.project() + "/registry", "192.0.2.1:5003");
    const auto name = registry.name() + "/library/mini:1";
    world.ok({"tag", "tiny", name});
    CHECK_THAT(world.berth({"push", name}).err, ContainsSubstring("no TLS connection to 192.0.2.1:5003"));
    configure(
        R"({"insecure-registries": ["192.0.2.1:5003"], "registry-mirrors": ["http://192.0.2.1:5003/"]})");
    world.ok({"push", name});
    world.ok({"rmi", name});
    CHECK(world.ok({"pull", "-q", "mini:1"}) == "docker.io/library/mini:1");
    CHECK(world.ok({"run", "--rm", "--network", "none", "mini:1", "echo", "mirrored"}) == "mirrored");
    configure("{}");
    CHECK(host("ip", {"address", "del", "192.0.2.1/32", "dev", "lo"}).exit_code == 0);
}

TEST_CASE("registry: a build is pushed, and its cache comes back to another store") {
    World world;
    Registry registry(world.project() + "/registry", "127.0.0.1:5977");
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN cat /proc/sys/kernel/random/uuid > /made\nCMD cat /made\n");
    const auto name = registry.name() + "/team/app";
    world.ok({"build", "-t", name + ":1", "--push", "--cache-to", "type=registry,ref=" + name + ":cache",
              "--cache-to", "type=inline", "--metadata-file", "about.json", "."});
    CHECK_THAT(host("cat", {world.project() + "/about.json"}).out,
               ContainsSubstring("containerimage.descriptor"));
    const auto made = world.ok({"run", "--rm", name + ":1"});
    world.ok({"save", "-o", "tiny.tar", "tiny"});
    int number = 0;
    for (const std::string& from : {"type=registry,ref=" + name + ":cache", name + ":1"}) {
        const auto elsewhere = [&](std::vector<std::string> words) {
            words.insert(words.begin(), {"--data-root", world.project() + "/store" + std::to_string(number)});
            return world.berth(words);
        };
        ++number;
        CHECK(elsewhere({"load", "-i", "tiny.tar"}).exit_code == 0);
        const Run built = elsewhere({"build", "-t", "again", "--cache-from", from, "."});
        CAPTURE(from, built.err);
        CHECK(built.exit_code == 0);
        CHECK_THAT(built.err, ContainsSubstring("2 cached"));
        CHECK(elsewhere({"run", "--rm", "again"}).out == made + "\n");
    }
    const Run unknown = world.berth({"build", "--no-cache", "--cache-to", name + ":c@sha256:abc", "."});
    CHECK(unknown.exit_code != 0);
}
