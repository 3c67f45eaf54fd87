// Rules between the fields of one service.
#include "compose/load/short_syntax.hpp"
#include "compose/load/validate.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace berth::compose::load {

namespace {

class ServiceRules {
  public:
    ServiceRules(LoadContext& context, const std::string& name, const SourceNode& service, const Path& path)
        : context_(context), name_(name), service_(service), path_(path) {}

    void run() {
        source_of_image();
        exclusive();
        ports();
        mounts();
        health();
        words();
        replicas();
        limits();
        numbers();
        devices();
        watched();
        restart();
    }

  private:
    void refuse(std::string message, const SourceNode& node, std::string_view key, std::string hint = {}) {
        context_.error(invalid(std::move(message), node.pos()).hint(std::move(hint)), path_ / key);
    }

    void source_of_image() {
        const auto* image = service_.find("image");
        const bool empty_image = image != nullptr && image->is_string() && image->text.empty();
        if (image != nullptr && !empty_image) return;
        for (const auto* key : {"build", "provider"})
            if (service_.find(key) != nullptr) return;
        if (context_.is_poisoned(path_.to_string())) return;
        context_.error(
            invalid(concat("service ", in_quotes(name_), " has neither an image nor a build"), service_.pos())
                .hint("write 'image: NAME' or 'build: FOLDER'"),
            path_);
    }

    void exclusive() {
        const auto* mode = service_.find("network_mode");
        const auto* networks = service_.find("networks");
        if (mode != nullptr && !mode->text.empty() && networks != nullptr && !networks->entries.empty())
            refuse("'network_mode' and 'networks' exclude each other", *mode, "network_mode",
                   "remove one of the two");
        const auto* build = service_.find("build");
        if (build == nullptr) return;
        const auto* inline_text = build->find("dockerfile_inline");
        const auto* dockerfile = build->find("dockerfile");
        if (inline_text != nullptr && dockerfile != nullptr && !dockerfile->implied)
            refuse("'dockerfile' and 'dockerfile_inline' exclude each other", *inline_text, "build");
        const auto* platforms = build->find("platforms");
        const auto platform = service_.text_of("platform");
        if (platforms == nullptr || platforms->items.empty() || platform.empty()) return;
        for (const auto& item : platforms->items)
            if (item.text == platform) return;
        refuse(concat("build.platforms does not contain the platform of the service, ", in_quotes(platform)),
               *platforms, "build.platforms");
    }

    void ports() {
        const auto* list = service_.find("ports");
        if (list == nullptr) return;
        for (std::size_t i = 0; i < list->items.size(); ++i) {
            const auto& port = list->items[i];
            const Path base = path_ / "ports";
            const Path path = base[i];
            const auto* target = port.find("target");
            if (target == nullptr) {
                if (!context_.is_poisoned(path.to_string()))
                    context_.error(invalid("the key 'target' is missing", port.pos()), path);
                continue;
            }
            range(*target, path / "target");
            if (const auto* address = port.find("host_ip");
                address != nullptr && !address->text.empty() && !is_ip_address(address->text))
                context_.error(invalid(concat(in_quotes(address->text), " is no IP address"), address->pos()),
                               path / "host_ip");
            if (const auto* published = port.find("published");
                published != nullptr && !published->text.empty())
                range(*published, path / "published");
        }
    }

    void range(const SourceNode& node, const Path& path) {
        const auto parsed = parse_port_range(node.text);
        if (!parsed)
            context_.engine_error(
                invalid(parsed.error().message(), node.pos()).hint("ports are numbers from 1 to 65535"),
                path);
    }

    void mounts() {
        std::map<std::string, SourcePos> targets;
        const auto take = [&](const std::string& target, const SourcePos& at, const Path& path) {
            const auto [found, is_new] = targets.emplace(target, at);
            if (!is_new)
                context_.error(invalid(concat("two mounts have the same target, ", in_quotes(target)), at)
                                   .note("the other one", found->second),
                               path);
        };
        const Path volumes_path = path_ / "volumes";
        if (const auto* volumes = service_.find("volumes"))
            for (std::size_t i = 0; i < volumes->items.size(); ++i) {
                const auto& mount = volumes->items[i];
                const Path path = volumes_path[i];
                const auto target = mount.text_of("target");
                if (target.empty()) {
                    if (!context_.is_poisoned(path.to_string()))
                        context_.error(invalid("the key 'target' is missing", mount.pos()), path);
                    continue;
                }
                if (mount.text_of("type") == "bind" && mount.text_of("source").empty())
                    context_.error(
                        invalid("a bind mount needs a source", mount.pos()).hint("write 'source: FOLDER'"),
                        path);
                take(std::string(target), mount.pos(), path);
            }
        const Path tmpfs_path = path_ / "tmpfs";
        if (const auto* tmpfs = service_.find("tmpfs"))
            for (std::size_t i = 0; i < tmpfs->items.size(); ++i) {
                const auto& text = tmpfs->items[i].text;
                take(text.substr(0, text.find(':')), tmpfs->items[i].pos(), tmpfs_path[i]);
            }
    }

    void in_range(const SourceNode* node, std::string_view key, std::int64_t least, std::int64_t most) {
        const auto value = integer(node);
        if (value && (*value < least || *value > most))
            refuse(concat(*value, " is not between ", least, " and ", most), *node, key);
    }

    void numbers() {
        in_range(service_.find("oom_score_adj"), "oom_score_adj", -1000, 1000);
        if (const auto* health = service_.find("healthcheck"))
            in_range(health->find("retries"), "healthcheck.retries", 0, INT64_MAX);
    }

    void health() {
        const auto* health = service_.find("healthcheck");
        const auto* test = health != nullptr ? health->find("test") : nullptr;
        if (test == nullptr || test->items.empty()) return;
        const auto& first = test->items[0];
        if (first.text == "NONE" || first.text == "CMD" || first.text == "CMD-SHELL") return;
        context_.error(
            invalid(concat(in_quotes(first.text), " must be NONE, CMD or CMD-SHELL"), first.pos())
                .hint(
                    "the first word of a list says how the rest is run; a plain string is run by the shell"),
            path_ / "healthcheck.test");
    }

    void words() {
        const auto* name = service_.find("container_name");
        constexpr std::string_view k_letters =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        if (name != nullptr && !name->is_null()) {
            const std::string& text = name->text;
            // The specification's pattern asks only that something like a name stands in it: "-web", where a
            // variable was not set, is read. `up` wants a whole one.
            bool good = false;
            for (std::size_t i = 0; i + 1 < text.size(); ++i)
                good = good || (k_letters.find(text[i]) != std::string_view::npos &&
                                concat(k_letters, "_.-").find(text[i + 1]) != std::string::npos);
            if (!good)
                refuse(concat(in_quotes(text), " is not a container name"), *name, "container_name",
                       "two or more letters, digits, '_', '.' and '-', beginning with a letter or digit");
        }
        const auto* policy = service_.find("pull_policy");
        if (policy == nullptr || policy->text.empty()) return;
        const std::vector<std::string> known = {"always", "never",   "missing", "if_not_present",
                                                "build",  "refresh", "daily",   "weekly"};
        if (std::find(known.begin(), known.end(), policy->text) != known.end()) return;
        if (policy->text.rfind("every_", 0) == 0 && parse_duration(std::string_view(policy->text).substr(6)))
            return;
        context_.error(unknown_word(*policy, "pull policy", known), path_ / "pull_policy");
    }

    static std::optional<std::int64_t> integer(const SourceNode* node) {
        if (node == nullptr || node->is_null()) return std::nullopt;
        const auto value = read_integer(*node);
        return value ? std::optional(*value) : std::nullopt;
    }

    const SourceNode* deploy_limit(std::string_view part, std::string_view key) const {
        const SourceNode* node = service_.find("deploy");
        for (const std::string_view step : {std::string_view("resources"), part, key})
            if (node != nullptr) node = node->find(step);
        return node;
    }

    void replicas() {
        const auto* deploy = service_.find("deploy");
        const auto* replicas = deploy != nullptr ? deploy->find("replicas") : nullptr;
        const auto wanted = integer(replicas);
        const auto scale = integer(service_.find("scale"));
        if (wanted && *wanted < 0) refuse("replicas cannot be negative", *replicas, "deploy.replicas");
        if (scale && *scale < 0) refuse("scale cannot be negative", *service_.find("scale"), "scale");
        if (wanted && scale && *wanted != *scale)
            refuse(concat("scale is ", *scale, " and deploy.replicas is ", *wanted), *replicas,
                   "deploy.replicas", "write only one of the two");
        const auto count = scale ? scale : wanted;
        const auto* name = service_.find("container_name");
        if (name != nullptr && !name->text.empty() && count && *count > 1)
            refuse(concat("a container name allows one container, and ", *count, " are wanted"), *name,
                   "container_name", "remove container_name");
    }

    void limits() {
        same_size("mem_limit", deploy_limit("limits", "memory"), "deploy.resources.limits.memory");
        same_size("mem_reservation", deploy_limit("reservations", "memory"),
                  "deploy.resources.reservations.memory");
        const auto* cpus = service_.find("cpus");
        const auto* cpu_limit = deploy_limit("limits", "cpus");
        if (cpus != nullptr && cpu_limit != nullptr) {
            const auto a = read_real(*cpus);
            const auto b = read_real(*cpu_limit);
            if (a && b && std::fabs(*a - *b) > 1e-6)
                differ("cpus", *cpus, *cpu_limit, "deploy.resources.limits.cpus");
        }
        const auto* pids = service_.find("pids_limit");
        const auto* pid_limit = deploy_limit("limits", "pids");
        const auto a = integer(pids);
        const auto b = integer(pid_limit);
        if (a && b && *a != *b) differ("pids_limit", *pids, *pid_limit, "deploy.resources.limits.pids");
    }

    void same_size(std::string_view key, const SourceNode* limit, std::string_view other) {
        const auto* own = service_.find(key);
        if (own == nullptr || limit == nullptr) return;
        const auto a = read_bytes(*own);
        const auto b = read_bytes(*limit);
        if (a && b && *a != *b) differ(key, *own, *limit, other);
    }

    void differ(std::string_view key, const SourceNode& own, const SourceNode& limit,
                std::string_view other) {
        context_.error(invalid(concat("'", key, "' and '", other, "' differ"), own.pos())
                           .note(concat("'", other, "' stands here"), limit.pos())
                           .hint("write only one of the two"),
                       path_ / key);
    }

    void devices() {
        for (const auto* list : {deploy_limit("reservations", "devices"), service_.find("gpus")}) {
            if (list == nullptr) continue;
            for (const auto& request : list->items)
                if (request.find("count") != nullptr && request.find("device_ids") != nullptr)
                    refuse("'count' and 'device_ids' exclude each other", request,
                           "deploy.resources.reservations.devices");
        }
        if (const auto* list = service_.find("devices"))
            for (const auto& device : list->items)
                if (device.text_of("target").empty() && device.is_mapping() &&
                    device.find("source") != nullptr)
                    refuse("the key 'target' is missing", device, "devices");
    }

    void watched() {
        if (const auto* develop = service_.find("develop"))
            if (const auto* watch = develop->find("watch"))
                for (const auto& item : watch->items)
                    if (item.text_of("action").rfind("sync", 0) == 0 && item.text_of("target").empty())
                        refuse("a watch rule that syncs needs a target", item, "develop.watch");
    }

    void restart() {
        const auto* restart = service_.find("restart");
        if (restart == nullptr || restart->text.empty()) return;
        const std::string_view text = restart->text;
        const auto colon = text.find(':');
        const auto policy = text.substr(0, colon);
        bool good =
            policy == "no" || policy == "always" || policy == "unless-stopped" || policy == "on-failure";
        if (colon != std::string_view::npos)
            good = policy == "on-failure" && parse_integer(text.substr(colon + 1), 0).has_value();
        if (!good)
            context_.engine_error(
                unknown_word(*restart, "restart policy",
                             {"no", "always", "on-failure", "on-failure:TIMES", "unless-stopped"}),
                path_ / "restart");
    }

    LoadContext& context_;
    const std::string& name_;
    const SourceNode& service_;
    const Path& path_;
};

} // namespace

void validate_service(LoadContext& context, const std::string& name, const SourceNode& service,
                      const Path& path) {
    ServiceRules(context, name, service, path).run();
}

} // namespace berth::compose::load
