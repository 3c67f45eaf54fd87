#include "tests/bench/build_work.hpp"

#include "runtime/base/concat.hpp"
#include "runtime/base/file.hpp"
#include "tests/bench/tools.hpp"

#include <array>

namespace berth::bench {

namespace {

constexpr int k_files = 653;
constexpr std::size_t k_bytes = 20'000; // each

// Many small files and sums; a compiler's way with a tree: a process and a new file for each; a change of all owners.
constexpr std::array<const char*, 3> k_run = {
    "for i in $(seq 300); do echo $i >/app/dep$i; done && sha256sum /app/dep* >/app/sums",
    "for f in $(find /app/src -type f); do gzip -c $f >$f.gz; done",
    "echo app:x:1000:1000::/:/bin/sh >>/etc/passwd && chown -R 1000:1000 /app/src"};

std::string source_text(int number) {
    std::string out;
    for (int line = 0; out.size() < k_bytes; ++line)
        out += concat("value_", number * line % 977, " = call(", line, ", ", number, ")\n");
    out.resize(k_bytes);
    return out;
}

} // namespace

void make_build_context(const std::string& folder) {
    for (int i = 0; i < k_files; ++i) {
        const std::string path = concat(folder, "/src/d", i % 25, "/f", i, ".py");
        (void)make_dirs(std::string(dir_name(path)), 0755);
        (void)write_atomic(path, source_text(i), 0644);
    }
    (void)write_atomic(folder + "/requirements.txt", "flask==1\n", 0644);
    (void)write_atomic(folder + "/Dockerfile",
                       concat("FROM berth-bench:1\nENV APP=/app\nWORKDIR /app\nCOPY requirements.txt .\nRUN ",
                              k_run[0], "\nCOPY src/ /app/src/\nRUN ", k_run[1], "\nRUN ", k_run[2], "\n"),
                       0644);
}

void run_bare_commands(const std::string& base, const std::string& context, const std::string& scratch) {
    (void)remove_tree(scratch);
    for (const char* folder : {"/upper", "/work", "/root"})
        (void)make_dirs(scratch + folder, 0755);
    // A mount namespace of its own: nothing stays mounted, however it ends.
    const std::string script =
        "set -e; mount -t overlay -o lowerdir=$1,upperdir=$3/upper,workdir=$3/work bench $3/root; "
        "mkdir $3/root/app; cp $2/requirements.txt $3/root/app/; chroot $3/root sh -c \"$4\"; "
        "cp -r $2/src $3/root/app/; chroot $3/root sh -c \"$5\"; chroot $3/root sh -c \"$6\"";
    run_words(
        {"unshare", "-m", "sh", "-c", script, "sh", base, context, scratch, k_run[0], k_run[1], k_run[2]});
}

} // namespace berth::bench
