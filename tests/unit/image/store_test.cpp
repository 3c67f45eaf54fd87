#include "runtime/base/sha256.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"
#include "tests/unit/image/store_support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

TEST_CASE("an imported image is found by name, by id and by the beginning of its id") {
    const Sandbox sandbox;
    const auto image = import_text(sandbox, TarBuilder().file("a", "1").done(), "app:1");
    CHECK(image.config.config.cmd == std::vector<std::string>{"/x"});
    CHECK(image.size == 1);
    for (const std::string& name :
         {std::string("app:1"), std::string("docker.io/library/app:1"), image.id, image.id.substr(7),
          image.id.substr(7, 12), image.id.substr(7, 4), image.id.substr(0, 20)}) {
        INFO(name);
        const auto found = find_image(sandbox.context, name);
        require(found);
        REQUIRE(*found);
        CHECK((*found)->id == image.id);
        CHECK((*found)->references == std::vector<std::string>{"docker.io/library/app:1"});
    }
    for (const std::string name : {"app", "app:2", "zzzz", "sha256:0000", "abc"}) {
        const auto found = find_image(sandbox.context, name);
        require(found);
        CHECK_FALSE(*found);
    }
    CHECK(get_image(sandbox.context, "ap:1").error().hint() == "did you mean 'app:1'?");
    CHECK_FALSE(find_image(sandbox.context, "NOT A NAME"));
}

TEST_CASE("looking into a store that is not there finds nothing and makes nothing") {
    const Sandbox sandbox;
    CHECK_FALSE(find_image(sandbox.context, "x").value());
    CHECK(list_images(sandbox.context)->empty());
    CHECK_FALSE(path_exists(sandbox.context.paths.images()));
}

TEST_CASE("a failed import leaves nothing") {
    const Sandbox sandbox;
    const auto file = make_memfd("tar", TarBuilder().file("ok", "1").file("../evil", "x").done());
    CHECK_FALSE(import_archive(sandbox.context, file->get(), {"x", {}, {}, {}}));
    CHECK(list_images(sandbox.context)->empty());
    CHECK(layers_of(sandbox).empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/tmp")->empty());
    CHECK_FALSE(import_archive(sandbox.context, file->get(), {"BAD NAME", {}, {}, {}}));
    const auto empty = make_memfd("tar", "");
    CHECK_FALSE(import_archive(sandbox.context, empty->get(), {"x", {}, {}, {}}));
}

TEST_CASE("removing shares: names first, layers with their last image") {
    const Sandbox sandbox;
    const std::string tar = TarBuilder().file("a", "1").done();
    const auto first = import_text(sandbox, tar, "app:1");
    require(tag_image(sandbox.context, "app:1", "app:2"));
    auto config = first.config;
    config.config.cmd = {"/y"};
    require(add_image(sandbox.context, config, "sibling:1")); // another image on the same layer
    const auto used = [&](const std::string& id) {
        return id == first.id ? std::string("web") : std::string();
    };

    auto removed =
        remove_image(sandbox.context, "app:2", false, used); // not the last name: nobody is disturbed
    require(removed);
    CHECK(removed->untagged == std::vector<std::string>{"docker.io/library/app:2"});
    CHECK(removed->deleted.empty());

    removed = remove_image(sandbox.context, "app:1", false, used);
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code() == ErrorCode::in_use);
    CHECK(removed.error().message().find("web") != std::string::npos);

    removed = remove_image(sandbox.context, "app:1", true, used);
    require(removed);
    CHECK(removed->untagged == std::vector<std::string>{"docker.io/library/app:1"});
    CHECK(removed->deleted.empty()); // the container stands on it
    CHECK(remove_image(sandbox.context, first.id, true, used).error().code() == ErrorCode::in_use);

    removed = remove_image(sandbox.context, first.id, false, nobody);
    require(removed);
    CHECK(removed->deleted == std::vector<std::string>{first.id});
    CHECK(layers_of(sandbox).size() == 1); // the sibling's

    removed = remove_image(sandbox.context, "sibling:1", false, nobody);
    require(removed);
    CHECK(removed->deleted.size() == 2);
    CHECK(layers_of(sandbox).empty());
    CHECK(list_dir(sandbox.context.paths.images() + "/references")->empty());
    CHECK(remove_image(sandbox.context, "app:1", false, nobody).error().code() == ErrorCode::not_found);
}

TEST_CASE("by id, an image with several names wants force") {
    const Sandbox sandbox;
    const auto image = import_text(sandbox, TarBuilder().file("a", "1").done(), "app:1");
    require(tag_image(sandbox.context, "app:1", GENERATE("other:1", "app:2")));
    CHECK(remove_image(sandbox.context, image.id, false, nobody).error().code() == ErrorCode::in_use);
    const auto removed = remove_image(sandbox.context, image.id, true, nobody);
    require(removed);
    CHECK(removed->untagged.size() == 2);
}

TEST_CASE("a tag moves to the newer image and the older one stays without a name") {
    const Sandbox sandbox;
    const auto first = import_text(sandbox, TarBuilder().file("a", "1").done(), "app");
    const auto second = import_text(sandbox, TarBuilder().file("a", "2").done(), "app");
    CHECK(get_image(sandbox.context, "app")->id == second.id);
    CHECK(get_image(sandbox.context, first.id)->references.empty());
    CHECK(list_images(sandbox.context)->size() == 2);
    CHECK_FALSE(tag_image(sandbox.context, "absent", "x"));
    CHECK_FALSE(tag_image(sandbox.context, "app", "x@" + first.id));
}

TEST_CASE("one broken image is told of and does not block the others") {
    struct Warnings : Progress {
        void update(const std::string&, const std::string&, std::int64_t, std::int64_t) override {}
        void finish(const std::string&, const std::string&, bool) override {}
        void output(const std::string&, std::string_view) override {}
        void warn(const std::string& text) override { texts.push_back(text); }
        std::vector<std::string> texts;
    } warnings;
    Sandbox sandbox;
    sandbox.context.progress = &warnings;
    const auto broken = import_text(sandbox, TarBuilder().file("a", "1").done(), "broken");
    (void)import_text(sandbox, TarBuilder().file("a", "2").done(), "good");
    const std::string path = sandbox.context.paths.images() + "/configs/" + broken.id.substr(7);
    require(write_atomic(path + "/config.json", "{"));
    const auto images = list_images(sandbox.context);
    require(images);
    CHECK(images->size() == 1);
    REQUIRE(warnings.texts.size() == 1);
    CHECK(warnings.texts[0].find(path) != std::string::npos);
    require(remove_image(sandbox.context, "broken", false, nobody)); // and can be removed
    CHECK(list_images(sandbox.context)->size() == 1);
}

TEST_CASE("an image on layers that are not there is refused") {
    const Sandbox sandbox;
    ImageConfig config;
    config.os = "linux";
    config.rootfs.diff_ids = {"sha256:" + std::string(64, 'a')};
    CHECK_FALSE(add_image(sandbox.context, config, "x"));
    CHECK(list_images(sandbox.context)->empty());
}

TEST_CASE("commit: the digest is the canonical tar's, whiteouts are converted, the folder is moved") {
    const Sandbox sandbox;
    const auto base =
        import_text(sandbox, TarBuilder().file("etc/passwd", "root").file("gone", "1").done(), "base");
    const auto work = staging_dir(sandbox.context);
    require(work);
    const std::string upper = *work + "/upper";
    require(make_dirs(upper + "/b/c", 0755));
    require(write_atomic(upper + "/b/file", "new", 0644));
    REQUIRE(::link((upper + "/b/file").c_str(), (upper + "/a-link").c_str()) == 0);
    REQUIRE(::mknod((upper + "/gone").c_str(), S_IFCHR, 0) == 0);
    const auto layer = commit_layer(sandbox.context, upper, chain_id(base.config.rootfs.diff_ids));
    require(layer);
    CHECK_FALSE(path_exists(upper));
    CHECK(content_of(layer->directory + "/b/file") == "new");
    StringSink tar(1u << 20);
    require(write_layer_tar(sandbox.context, layer->chain_id, tar));
    const std::string bytes = tar.take();
    CHECK("sha256:" + sha256_hex(bytes) == layer->diff_id);
    const auto entries = entries_of(bytes);
    CHECK(entries.contains(".wh.gone"));
    CHECK(entries.contains("b/c/"));
    CHECK(entries.at("b/file").link == "a-link");
    auto config = base.config;
    config.rootfs.diff_ids.push_back(layer->diff_id);
    const auto image = add_image(sandbox.context, config, "built");
    require(image);
    CHECK(lower_dirs(sandbox.context, *image)->front() == layer->directory);
    if (::geteuid() == 0) {
        const auto merged = open_root(*lower_dirs(sandbox.context, *image));
        if (!merged) WARN("skipped the merged root: " << merged.error().to_string());
        if (merged) {
            CHECK(open_in_root(merged->get(), "etc/passwd", O_RDONLY));
            CHECK_FALSE(open_in_root(merged->get(), "gone", O_PATH | O_NOFOLLOW));
            CHECK_FALSE(open_at(merged->get(), "new", O_WRONLY | O_CREAT, 0600));
        }
    }
    // Through an archive, and the same tree again.
    const Sandbox other;
    const auto loaded = load_text(other, saved(sandbox, {"built"}));
    require(loaded);
    CHECK(loaded->front().id == image->id);
}

TEST_CASE("equal content has equal digests with a fixed epoch") {
    const Sandbox sandbox;
    std::vector<std::string> digests;
    for (int i = 0; i < 2; ++i) {
        const std::string upper = *staging_dir(sandbox.context) + "/upper";
        require(make_dir(upper, 0755));
        require(write_atomic(upper + "/f", "same", 0644));
        const timespec times[2] = {{0, UTIME_OMIT}, {1700000000 + i * 1000, 0}};
        REQUIRE(::utimensat(AT_FDCWD, (upper + "/f").c_str(), times, 0) == 0);
        const auto layer = commit_layer(sandbox.context, upper, "", 1600000000);
        require(layer);
        digests.push_back(layer->diff_id);
    }
    CHECK(digests[0] == digests[1]);
}

TEST_CASE("folders that a layer only implies keep what lower layers say of them") {
    const Sandbox sandbox;
    const auto base =
        import_text(sandbox, TarBuilder().folder("tmp", 01777).folder("srv", 0711).done(), "base");
    const std::string second = TarBuilder().file("tmp/x", "1").file("new/y", "2").done();
    const auto ingest = LayerIngest::start(sandbox.context, LayerInput::file);
    require(ingest);
    require((*ingest)->write(second));
    require((*ingest)->finish());
    const auto record = (*ingest)->keep(chain_id(base.config.rootfs.diff_ids));
    require(record);
    struct stat st {};
    const std::string diff =
        sandbox.context.paths.images() + "/layers/" + record->chain_id.substr(7) + "/diff";
    REQUIRE(::stat((diff + "/tmp").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777U) == 01777);
    REQUIRE(::stat((diff + "/new").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777U) == 0755);
}

TEST_CASE("what a killed process left in tmp is cleaned, what a living one holds is not") {
    const Sandbox sandbox;
    const auto held = staging_dir(sandbox.context);
    require(held);
    const std::string left = sandbox.context.paths.images() + "/tmp/left";
    require(make_dirs(left + "/layer/diff/x", 0700));
    (void)import_text(sandbox, TarBuilder().file("a", "1").done(), "x");
    CHECK_FALSE(path_exists(left));
    CHECK(path_exists(*held));
}

TEST_CASE("layers without an image go, but not those that are kept or on their way") {
    const Sandbox sandbox;
    const auto commit = [&](const std::string& text, const std::string& parent) {
        const std::string upper = *staging_dir(sandbox.context) + "/upper";
        require(make_dir(upper, 0755));
        require(write_atomic(upper + "/f", text, 0644));
        auto layer = commit_layer(sandbox.context, upper, parent);
        require(layer);
        return layer->chain_id;
    };
    const auto a = commit("a", "");
    const auto b = commit("b", a);
    const auto c = commit("c", "");
    CHECK(remove_unused_layers(sandbox.context, {})->deleted.empty()); // leased by this process
    release_layers(sandbox.context, {a, b, c});
    const auto removed = remove_unused_layers(sandbox.context, {b});
    require(removed);
    CHECK(removed->deleted == std::vector<std::string>{c});
    CHECK(has_layer(sandbox.context, a));
    CHECK(has_layer(sandbox.context, b));
}

TEST_CASE("a folder is imported as it is") {
    const Sandbox sandbox;
    require(make_dirs(sandbox.root + "/bin", 0755));
    require(write_atomic(sandbox.root + "/bin/x", "1", 0755));
    REQUIRE(::symlink("x", (sandbox.root + "/bin/y").c_str()) == 0);
    const auto image = import_directory(sandbox.context, sandbox.root, {"dir", {"ENV A=1"}, {}, {}});
    require(image);
    const auto lowers = lower_dirs(sandbox.context, *image);
    CHECK(content_of(lowers->front() + "/bin/x") == "1");
    StringSink tar(1u << 20);
    require(write_layer_tar(sandbox.context, image->config.rootfs.diff_ids[0], tar));
    CHECK(entries_of(tar.take()).at("bin/y").link == "x");
}
