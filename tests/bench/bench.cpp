// berth_bench - the promises of the design as one table: our program and whichever of docker, podman and crun are
// here, in one run, in turn, as medians and ratios. Asserts nothing: figures are for people.
//
//   berth_bench BERTH PAYLOAD [RUNS] [WORD]    WORD: only rows whose name holds it
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "tests/bench/build_work.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/pull_image.hpp"
#include "tests/bench/stacks.hpp"
#include "tests/bench/tools.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>

using namespace berth;
using namespace berth::bench;

namespace {

class Bench {
  public:
    Bench(std::vector<Tool> tools, std::string scratch, std::string payload, int runs, std::string only)
        : tools_(std::move(tools)), scratch_(std::move(scratch)), payload_(std::move(payload)), runs_(runs),
          only_(std::move(only)) {}

    void prepare() {
        const std::string tar = read_file(image_tar(payload_, scratch_), 1u << 30).value();
        for (const auto& tool : tools_) {
            tool.run({"import", "-", "berth-bench:1"}, tar);
            tool.run({"run", "--rm", "berth-bench:1", "/payload", "true"}); // warm: default network, caches
        }
    }

    void run_all() {
        run_one();
        run_without_network();
        up_down(10, "0.12 s / -");
        up_down(50, "0.5 s / 0.3 s");
        chain();
        memory();
        http();
        config(1, "10 ms");
        config(1000, "0.25 s");
        build();
        logs();
        dns();
        pull();
    }

  private:
    // The tools in turn, `runs_` rounds after one that is not counted.
    Row rounds(const std::string& work, const std::string& unit, const std::string& promise,
               const std::function<double(const Tool&)>& measure) {
        Row row{work, unit, promise, false, {}, {}};
        for (const auto& tool : tools_)
            row.series.push_back({tool.name, {}});
        for (int round = -1; round < runs_; ++round)
            for (std::size_t i = 0; i < tools_.size(); ++i) {
                const double value = measure(tools_[i]);
                if (round >= 0 && value >= 0) row.series[i].values.push_back(value);
            }
        return row;
    }
    bool wanted(const std::string& work) const {
        return only_.empty() || work.find(only_) != std::string::npos;
    }
    void skip(const std::string& work, const std::string& why) const {
        if (wanted(work)) print_row({work, "", "", false, {}, "SKIPPED: " + why});
    }
    // Writes a project's folder where the tool sees it; the path as the tool knows it.
    static std::string project(const Tool& tool, const std::string& name, const std::string& compose) {
        const std::string folder = "/var/tmp/berth-bench-" + name;
        (void)make_dirs(tool.file_root + folder, 0755);
        (void)write_atomic(tool.file_root + folder + "/compose.yaml", compose, 0644);
        return folder;
    }

    void run_one() {
        if (!wanted("run --rm of true, with network")) return;
        print_row(rounds("run --rm of true, with network", "ms", "<= 25 ms", [](const Tool& tool) {
            return seconds([&] { tool.run({"run", "--rm", "berth-bench:1", "/payload", "true"}); }) * 1000;
        }));
    }

    // Here an OCI runtime can be measured too: it makes no network, reads no image, keeps no log.
    void run_without_network() {
        const std::string work = "run --rm of true, no network";
        if (!wanted(work)) return;
        auto crun = find_crun();
        const std::string bundle = "/var/tmp/berth-bench-bundle";
        std::vector<std::string> run_bundle;
        if (crun) {
            make_bundle(crun->file_root + bundle, payload_);
            run_bundle = crun->engine;
            run_bundle.insert(run_bundle.end(), {"run", "--bundle", bundle, "berth-bench"});
            // It refuses some cgroup set-ups that the others live with.
            if (const auto tried = run_words(run_bundle, {}, {}, {}, false); tried.exit_code != 0) {
                std::printf("crun: %s", tried.errors.c_str());
                crun.reset();
            }
        }
        Row row{work, "ms", "", false, {}, {}};
        for (const auto& tool : tools_)
            row.series.push_back({tool.name, {}});
        row.series.push_back({"crun", {}});
        for (int round = -1; round < runs_; ++round) {
            const auto keep = [&](std::size_t i, const std::function<void()>& run) {
                const double took = seconds(run) * 1000;
                if (round >= 0) row.series[i].values.push_back(took);
            };
            for (std::size_t i = 0; i < tools_.size(); ++i)
                keep(i, [&] {
                    tools_[i].run({"run", "--rm", "--network", "none", "berth-bench:1", "/payload", "true"});
                });
            if (crun) keep(tools_.size(), [&] { run_words(run_bundle); });
        }
        print_row(row);
    }

    void up_down(int services, const std::string& promise) {
        const std::string work = concat("compose up -d, ", services, " services");
        if (!wanted(work)) return;
        std::map<std::string, std::vector<double>> again, down;
        Row up = rounds(work, "s", promise, [&](const Tool& tool) {
            if (tool.compose.empty()) return -1.0;
            const auto folder = project(tool, concat("plain", services), plain_stack(services, 0));
            const double first = seconds([&] { tool.run_compose(folder, {"up", "-d"}); });
            again[tool.name].push_back(seconds([&] { tool.run_compose(folder, {"up", "-d"}); }));
            down[tool.name].push_back(seconds([&] { tool.run_compose(folder, {"down"}); }));
            return first;
        });
        print_row(up);
        for (const auto& [name, values] :
             {std::pair{concat("  up again, nothing changed, ", services), again},
              std::pair{concat("  compose down, ", services), down}}) {
            Row row{name, "s", "", false, {}, {}};
            for (const auto& tool : tools_)
                if (const auto found = values.find(tool.name); found != values.end())
                    row.series.push_back({tool.name, {found->second.begin() + 1, found->second.end()}});
            print_row(row);
        }
    }

    void chain() {
        const std::string work = "chain of 10, each waits for healthy (1 s)";
        if (!wanted(work)) return;
        print_row(rounds(work, "s", "<= 0.6 s", [](const Tool& tool) {
            // podman's health checks need systemd's timers: without them podman-compose waits for ever.
            if (tool.compose.empty() || (tool.name == "podman" && !is_directory("/run/systemd/system")))
                return -1.0;
            const auto folder = project(tool, "chain", chain_stack(10));
            const double took = seconds([&] { tool.run_compose(folder, {"up", "-d"}); });
            tool.run_compose(folder, {"down"});
            return took;
        }));
    }

    void memory() {
        const std::string work = "memory beside the payload, 50 containers";
        if (!wanted(work)) return;
        Row row{work + ", private", "MB", "<= 25 MB", false, {}, {}},
            each{"  each helper process, private", "KB", "<= 500 KB", false, {}, {}};
        for (const auto& tool : tools_) {
            if (tool.compose.empty()) continue;
            const auto folder = project(tool, "memory", plain_stack(50, 0));
            tool.run_compose(folder, {"up", "-d"});
            const Memory held = memory_of(tool.helpers);
            tool.run_compose(folder, {"down"});
            row.series.push_back({tool.name, {held.private_mb}});
            if (held.processes > 0)
                each.series.push_back({tool.name, {held.private_mb * 1024 / held.processes}});
        }
        print_row(row);
        print_row(each);
    }

    double requests(int port) const {
        return parse_double(trim(run_words({payload_, "load", concat(port), "32", "2000"}).output))
            .value_or(0);
    }

    void http() {
        const std::string work = "requests/s through a port on 127.0.0.1";
        if (!wanted(work)) return;
        SpawnOptions direct;
        direct.program = payload_;
        direct.argv = {payload_, "serve", "18990"};
        const auto server = spawn(direct);
        if (!server) return skip(work, server.error().to_string());
        int port = 18991;
        std::map<std::string, int> ports;
        for (const auto& tool : tools_) {
            ports[tool.name] = port;
            tool.run({"run", "-d", "--name", "berth-bench-http", "-p", concat(port++, ":80"), "berth-bench:1",
                      "/payload", "serve", "80"});
        }
        run_words({"sleep", "1"}); // all servers listen by then
        Row row{work, "/s", ">= 0.9 of none", true, {{"none", {}}}, {}};
        for (const auto& tool : tools_)
            row.series.push_back({tool.name, {}});
        for (int round = 0; round < runs_; ++round) {
            row.series[0].values.push_back(requests(18990));
            for (std::size_t i = 0; i < tools_.size(); ++i)
                row.series[i + 1].values.push_back(requests(ports[tools_[i].name]));
        }
        for (const auto& tool : tools_)
            tool.run({"rm", "-f", "berth-bench-http"});
        ::kill(static_cast<pid_t>(server->pid), SIGKILL);
        ::waitpid(static_cast<pid_t>(server->pid), nullptr, 0);
        row.note = "(ratios here are to no container at all)";
        print_row(row);
    }

    void config(int services, const std::string& promise) {
        const std::string work = concat("config, ", services, services == 1 ? " service" : " services");
        if (!wanted(work)) return;
        print_row(rounds(work, "ms", "<= " + promise, [&](const Tool& tool) {
            // podman-compose is exponential in the depth of a depends_on chain: it would not end.
            if (tool.compose.empty() || (tool.name == "podman" && services > 20)) return -1.0;
            const auto folder = project(tool, concat("config", services), large_stack(services));
            return seconds([&] { tool.run_compose(folder, {"config", "-q"}); }) * 1000;
        }));
    }

    void pull() {
        const std::string work = "pull from loopback";
        if (!wanted(work)) return;
        const auto image = make_pull_image(scratch_);
        SpawnOptions serving;
        serving.program = payload_;
        serving.argv = {payload_, "registry", "18980", image.folder};
        const auto server = spawn(serving);
        if (!server) return skip(work, server.error().to_string());
        const std::string reference = "127.0.0.1:18980/berth-bench-pull:1", floor = scratch_ + "/floor";
        Row row{work,
                "s",
                "<= 1.1 of floor",
                false,
                {},
                concat("(", static_cast<int>(image.megabytes), " MB in ", image.layers.size(),
                       " layers; floor: gzip into tar, one thread)")};
        for (const auto& tool : tools_)
            row.series.push_back({tool.name, {}});
        row.series.push_back({"floor", {}});
        for (int round = -1; round < runs_; ++round) {
            for (std::size_t i = 0; i < tools_.size(); ++i) {
                std::vector<std::string> words{"pull", "-q"};
                if (tools_[i].name == "podman") words.push_back("--tls-verify=false");
                words.push_back(reference);
                run_words({"sync"});
                const double took = seconds([&] { tools_[i].run(words); });
                if (round >= 0) row.series[i].values.push_back(took);
                tools_[i].run({"rmi", reference});
            }
            run_words({"sync"});
            const double took = seconds([&] {
                for (const auto& layer : image.layers)
                    run_words({"sh", "-c", "mkdir -p \"$2\" && gzip -dc \"$1\" | tar -x -C \"$2\"", "sh",
                               layer, floor + "/" + std::string(base_name(layer))});
            });
            if (round >= 0) row.series.back().values.push_back(took);
            (void)remove_tree(floor);
        }
        ::kill(static_cast<pid_t>(server->pid), SIGKILL);
        ::waitpid(static_cast<pid_t>(server->pid), nullptr, 0);
        print_row(row);
    }

    void build() {
        if (!wanted("build of 8 steps")) return;
        const std::string context = "/var/tmp/berth-bench-build", base = scratch_ + "/base";
        for (const auto& tool : tools_)
            make_build_context(tool.file_root + context);
        const std::string own = tools_.front().file_root + context;
        (void)make_dirs(base, 0755);
        run_words({"tar", "-C", base, "-xf", image_tar(payload_, scratch_)});
        Row cold{"build of 8 steps, cold",
                 "s",
                 "<= 1.15 of bare",
                 false,
                 {},
                 "(bare: the same commands by cp and chroot in one overlay)"};
        for (const auto& tool : tools_)
            cold.series.push_back({tool.name, {}});
        cold.series.push_back({"bare", {}});
        for (int round = -1; round < runs_; ++round) {
            for (std::size_t i = 0; i < tools_.size(); ++i) {
                const double took = seconds([&] {
                    tools_[i].run({"build", "--no-cache", "-q", "-t", "berth-bench-built", context});
                });
                if (round >= 0) cold.series[i].values.push_back(took);
            }
            const double took = seconds([&] { run_bare_commands(base, own, scratch_ + "/bare"); });
            if (round >= 0) cold.series.back().values.push_back(took);
        }
        print_row(cold);
        for (const auto& tool : tools_)
            tool.run({"build", "-q", "-t", "berth-bench-built", context});
        print_row(rounds("build of 8 steps, cached", "s", "<= 0.04 s", [&](const Tool& tool) {
            return seconds([&] { tool.run({"build", "-q", "-t", "berth-bench-built", context}); });
        }));
    }

    void logs() {
        if (!wanted("1,000,000 log lines")) return;
        std::map<std::string, std::vector<double>> reads;
        Row write =
            rounds("1,000,000 log lines of 100 bytes, written", "s", "<= 0.4 s", [&](const Tool& tool) {
                const double took = seconds([&] {
                    tool.run({"run", "-d", "--name", "berth-bench-log", "--log-opt", "max-size=500m",
                              "berth-bench:1", "/payload", "spew", "1000000"});
                    tool.run({"wait", "berth-bench-log"});
                });
                std::vector<std::string> words = tool.engine;
                words.insert(words.end(), {"logs", "berth-bench-log"});
                reads[tool.name].push_back(seconds([&] {
                    run_words({"sh", "-c", join(words, " ") + " | wc -l"}, tool.env);
                }));
                tool.run({"rm", "-f", "berth-bench-log"});
                return took;
            });
        print_row(write);
        Row read{"1,000,000 log lines, read back", "s", "<= 0.5 s", false, {}, {}};
        for (const auto& tool : tools_)
            read.series.push_back({tool.name, {reads[tool.name].begin() + 1, reads[tool.name].end()}});
        print_row(read);
    }

    void dns() {
        if (!wanted("DNS lookups/s")) return;
        for (const auto& tool : tools_) {
            tool.run({"network", "create", "berth-bench-net"});
            tool.run({"run", "-d", "--name", "berth-bench-name", "--network", "berth-bench-net",
                      "berth-bench:1", "/payload", "pause"});
        }
        Row row = rounds("DNS lookups/s, 32 outstanding", "/s", ">= 60 k", [](const Tool& tool) {
            // podman's server is at the gateway, not at 127.0.0.11.
            if (tool.name == "podman") return -1.0;
            return parse_double(trim(tool.run({"run", "--rm", "--network", "berth-bench-net", "berth-bench:1",
                                               "/payload", "lookup", "berth-bench-name", "32", "2000"})
                                         .output))
                .value_or(0);
        });
        for (const auto& tool : tools_) {
            tool.run({"rm", "-f", "berth-bench-name"});
            tool.run({"network", "rm", "berth-bench-net"});
        }
        print_row(row);
    }

    std::vector<Tool> tools_;
    std::string scratch_, payload_;
    int runs_;
    std::string only_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: berth_bench BERTH PAYLOAD [RUNS] [WORD]\n");
        return 2;
    }
    // As the default roots lie: data on a disk, what a reboot may lose in memory.
    auto scratch = TempDir::make("/var/tmp", "berth-bench-roots-");
    auto exec_root = TempDir::make("/run", "berth-bench-");
    for (const auto* folder : {&scratch, &exec_root})
        if (!*folder) {
            std::fprintf(stderr, "%s\n", folder->error().to_string().c_str());
            return 1;
        }
    const auto runs = argc > 3 ? parse_integer(argv[3], 1, 100).value_or(5) : 5;
    const auto tools = find_tools(argv[1], scratch->path() + "/data", exec_root->path());
    Bench bench(tools, scratch->path(), argv[2], static_cast<int>(runs), argc > 4 ? argv[4] : "");
    std::printf("%s; %d runs, in turn\n", machine().c_str(), static_cast<int>(runs));
    print_head();
    bench.prepare();
    bench.run_all();
    std::printf("%s\n", machine().c_str());
    (void)run_words({tools.front().engine.front(), "network", "rm", "bridge"}, tools.front().env, {}, {},
                    false);
    return 0;
}
