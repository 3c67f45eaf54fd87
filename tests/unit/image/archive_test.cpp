// save and load: what comes back, what is refused, and that a failure leaves nothing.
#include "runtime/base/no_sigpipe.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"
#include "tests/unit/image/store_support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

namespace {

Result<std::vector<Image>> load_pipe(const Sandbox& sandbox, const std::string& bytes) {
    auto pipe = make_pipe();
    require(pipe);
    std::thread writer([&] {
        (void)write_all(pipe->write.get(), bytes, "pipe");
        pipe->write.reset();
    });
    auto images = load_archive(sandbox.context, pipe->read.get());
    pipe->read.reset();
    writer.join();
    return images;
}

// Everything that a tar can hold and that must come back bit by bit.
std::string rich_tar() {
    TarEntry odd;
    odd.name = "dir/odd";
    odd.mode = 0640;
    odd.size = 3;
    odd.mtime = 1234567890;
    odd.xattrs = {{"user.note", "x"}};
    return TarBuilder()
               .folder("dir", 0750)
               .add(odd, "abc")
               .file("./dir//plain", std::string(3000, 'p'))
               .hard_link("hard", "dir/odd")
               .symlink("sym", "dir")
               .file("sym/through", "t")
               .file("empty", "")
               .done() +
           std::string(5000, '\0') + "trailer";
}

} // namespace

TEST_CASE("a failed load leaves nothing of its archive, not even what came before the mistake") {
    const Sandbox sandbox;
    const std::string good = TarBuilder().file("a", "1").done();
    const std::string bad = TarBuilder().file("../evil", "x").done();
    const auto config = [](const std::vector<std::string>& layers) {
        std::string ids;
        for (const auto& layer : layers)
            ids += concat(ids.empty() ? "" : ",", "\"sha256:", sha256_hex(layer), "\"");
        return concat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)", ids,
                      "]}}");
    };
    std::string archive;
    SECTION("a layer that cannot be unpacked") {
        archive = TarBuilder()
                      .file("c", config({good, bad}))
                      .file("good", good)
                      .file("bad", bad)
                      .file("manifest.json", R"([{"Config":"c","RepoTags":["x:1"],"Layers":["good","bad"]}])")
                      .done();
    }
    SECTION("a second image whose name is none") {
        archive = TarBuilder()
                      .file("c", config({good}))
                      .file("good", good)
                      .file("manifest.json", R"([{"Config":"c","RepoTags":["x:1"],"Layers":["good"]},
                                                 {"Config":"c","RepoTags":["../x"],"Layers":["good"]}])")
                      .done();
    }
    CHECK_FALSE(load_text(sandbox, archive));
    CHECK(list_images(sandbox.context)->empty());
    CHECK(layers_of(sandbox).empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/tmp")->empty());
}

TEST_CASE("a failed load takes no layer that an image has") {
    const Sandbox sandbox;
    const std::string good = TarBuilder().file("a", "1").done();
    const std::string bad = TarBuilder().file("../evil", "x").done();
    import_text(sandbox, good, "app:1");
    const auto before = layers_of(sandbox);
    CHECK_FALSE(load_text(
        sandbox,
        TarBuilder()
            .file(
                "c",
                concat(
                    R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:)",
                    sha256_hex(good), R"(","sha256:)", sha256_hex(bad), R"("]}})"))
            .file("good", good)
            .file("bad", bad)
            .file("manifest.json", R"([{"Config":"c","RepoTags":["x:1"],"Layers":["good","bad"]}])")
            .done()));
    CHECK(layers_of(sandbox) == before);
    CHECK(find_image(sandbox.context, "app:1").value().has_value());
}

TEST_CASE("save and load bring the same image back, and the same tars") {
    const Sandbox from;
    const auto image = import_text(from, rich_tar(), "app:1");
    require(tag_image(from.context, "app:1", "other/name:2"));
    const std::string archive = saved(from, {"app:1", "other/name:2"});
    const Sandbox to;
    std::vector<Image> images;
    SECTION("plain file") {
        images = load_text(to, archive).value();
    }
    SECTION("pipe") {
        images = load_pipe(to, archive).value();
    }
    SECTION("compressed pipe") {
        images = load_pipe(to, gzip(archive)).value();
    }
    SECTION("compressed file") {
        images = load_text(to, gzip(archive)).value();
    }
    REQUIRE(images.size() == 1);
    CHECK(images[0].id == image.id);
    CHECK(images[0].references ==
          std::vector<std::string>{"docker.io/library/app:1", "docker.io/other/name:2"});
    StringSink tar(1u << 20);
    require(write_layer_tar(to.context, image.config.rootfs.diff_ids[0], tar));
    CHECK(tar.take() == rich_tar());
    CHECK(saved(to, {"app:1", "other/name:2"}) == archive);
}

TEST_CASE("a tar that lists names twice is saved as it was") {
    const Sandbox sandbox;
    const std::string tar = TarBuilder()
                                .file("x", "first")
                                .file("x", "second")
                                .folder("d")
                                .file("d/y", "inside")
                                .file("d/y", "inside again")
                                .file("d", "a file now")
                                .file("x", "third")
                                .hard_link("z", "x")
                                .done();
    const auto image = import_text(sandbox, tar, "twice");
    StringSink out(1u << 20);
    require(write_layer_tar(sandbox.context, image.config.rootfs.diff_ids[0], out));
    CHECK(out.take() == tar);
    CHECK(content_of(lower_dirs(sandbox.context, image)->front() + "/x") == "third");
}

TEST_CASE("a tar whose names go through links that lead elsewhere later is saved as it was") {
    const std::string tars[] = {
        TarBuilder().folder("d").symlink("l", "d").file("d/f", "123").file("l/f", "4567").done(),
        TarBuilder().folder("d").symlink("l", "d").file("l/f", "12").folder("l").file("l/f", "345").done(),
        TarBuilder()
            .symlink("l", "far/away")
            .file("l/f", "1")
            .file("far/away/f", "22")
            .symlink("l", ".")
            .file("l/f", "333")
            .done(),
    };
    for (const auto& tar : tars) {
        const Sandbox sandbox;
        const auto image = import_text(sandbox, tar, "linked");
        StringSink out(1u << 20);
        require(write_layer_tar(sandbox.context, image.config.rootfs.diff_ids[0], out));
        CHECK(out.take() == tar);
    }
}

TEST_CASE("a layer that lists one name 20,000 times is saved as it was") {
    TarBuilder builder;
    for (int i = 0; i < 20'000; ++i)
        builder.file("x", "content");
    const Sandbox sandbox;
    const auto tar = builder.done();
    const auto image = import_text(sandbox, tar, "often");
    StringSink out(64u << 20);
    require(write_layer_tar(sandbox.context, image.config.rootfs.diff_ids[0], out));
    CHECK(out.take() == tar);
}

TEST_CASE("no archive can say that a registry has an image under a digest") {
    const Sandbox from;
    (void)import_text(from, TarBuilder().file("a", "1").done(), "app:1");
    const auto digest = "sha256:" + std::string(64, 'a');
    std::string archive = saved(from, {"app:1"});
    const auto forge = [&](const std::string& member, const std::string& name, const std::string& forged) {
        const Sandbox work;
        const auto file = make_memfd("tar", archive);
        const auto root = open_file(work.root, O_RDONLY | O_DIRECTORY);
        require(extract_archive(file->get(), root->get(), ""));
        auto text = content_of(work.root + "/" + member);
        text.replace(text.find(name), name.size(), forged);
        require(write_atomic(work.root + "/" + member, text));
        if (member == "index.json") require(remove_file(work.root + "/manifest.json"));
        const Sandbox to;
        const auto images = load_layout(to.context, work.root);
        const auto known = list_images(to.context);
        for (const auto& image : *known)
            CHECK(image.repo_digests.empty());
        return images.has_value();
    };
    CHECK_FALSE(forge("manifest.json", "app:1", "evil@" + digest));
    CHECK_FALSE(forge("manifest.json", "app:1", "app:1@" + digest));
    CHECK(forge("index.json", "docker.io/library/app:1",
                "docker.io/library/debian@" + digest)); // without a name
}

TEST_CASE("an image of no layers has something to stand on") {
    const Sandbox sandbox;
    const auto image = add_image_bytes(
        sandbox.context, R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})",
        "bare");
    require(image);
    const auto folders = lower_dirs(sandbox.context, *image);
    require(folders);
    REQUIRE(folders->size() == 1);
    CHECK(list_dir(folders->front())->empty());
    CHECK(load_text(Sandbox(), saved(sandbox, {"bare"})).has_value());
}

TEST_CASE("an archive is an OCI layout too") {
    const Sandbox from;
    const auto image = import_text(from, rich_tar(), "app:1");
    const std::string archive = saved(from, {"app:1"});
    const Sandbox to;
    const auto file = make_memfd("tar", archive);
    const auto root = open_file(to.root, O_RDONLY | O_DIRECTORY);
    require(extract_archive(file->get(), root->get(), ""));
    require(remove_file(to.root + "/manifest.json"));
    const auto images = load_layout(to.context, to.root);
    require(images);
    REQUIRE(images->size() == 1);
    CHECK(images->front().id == image.id);
    CHECK(images->front().references == image.references);
}

TEST_CASE("a damaged blob is refused and nothing of it stays") {
    const Sandbox from;
    (void)import_text(from, rich_tar(), "app:1");
    std::string archive = saved(from, {"app:1"});
    archive.replace(archive.find(std::string(100, 'p')), 1, "q");
    const Sandbox to;
    CHECK_FALSE(load_text(to, archive));
    CHECK(list_images(to.context)->empty());
    CHECK(layers_of(to).empty());
    CHECK(list_dir(to.context.paths.images() + "/tmp")->empty());
}

TEST_CASE("what is no image archive is refused with a hint") {
    const Sandbox sandbox;
    CHECK(load_text(sandbox, TarBuilder().file("a", "1").done()).error().hint().find("import") !=
          std::string::npos);
    CHECK_FALSE(load_text(sandbox, "not a tar"));
    CHECK_FALSE(load_text(sandbox, ""));
    CHECK_FALSE(load_text(sandbox, TarBuilder().file("manifest.json", "[]").done()));
    CHECK_FALSE(load_text(
        sandbox,
        TarBuilder().file("manifest.json", R"([{"Config":"../../etc/passwd","Layers":[]}])").done()));
    CHECK_FALSE(load_text(sandbox, TarBuilder().symlink("manifest.json", "manifest.json").done()));
    CHECK_FALSE(
        load_text(sandbox, TarBuilder().file("index.json", R"({"schemaVersion":2,"manifests":[]})").done()));
    CHECK(load_text(sandbox, TarBuilder().file("repositories", "{}").done()).error().code() ==
          ErrorCode::unsupported);
}

TEST_CASE("a load from a pipe ends with the archive, whatever follows it") {
    const Sandbox sandbox;
    import_text(sandbox, rich_tar(), "app:1");
    const auto archive = saved(sandbox, {"app:1"});
    REQUIRE(remove_image(sandbox.context, "app:1", false, nobody));
    for (const std::string& filler : {std::string("junk "), std::string(5, '\0')}) {
        auto pipe = make_pipe();
        require(pipe);
        std::thread writer([&] {
            const NoSigpipe quiet;
            bool open = write_all(pipe->write.get(), archive, "pipe").has_value();
            while (open) // until nobody reads any more
                open = write_all(pipe->write.get(), filler, "pipe").has_value();
        });
        const auto images = load_archive(sandbox.context, pipe->read.get());
        pipe->read.reset();
        writer.join();
        require(images);
        CHECK(images->size() == 1);
    }
    CHECK(load_pipe(sandbox, archive.substr(0, archive.size() / 2)).error().code() ==
          ErrorCode::invalid_input);
    CHECK(load_pipe(sandbox, gzip(archive)));
}
