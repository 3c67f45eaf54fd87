#include "compose/cli/container_rows.hpp"

#include "compose/cli/port_syntax.hpp"
#include "compose/ui/render_error.hpp"
#include "compose/ui/terminal.hpp"
#include "network/attach.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/tree_size.hpp"
#include "runtime/container/inspect.hpp"
#include "runtime/image/reference.hpp"
#include "runtime/image/store.hpp"

#include <algorithm>
#include <set>

namespace berth::cli {

namespace {

constexpr std::size_t k_command_cells = 20; // as docker cuts COMMAND

bool is_live(const runtime::ContainerState& state) {
    return state.status == runtime::Status::running || state.status == runtime::Status::paused ||
           state.status == runtime::Status::restarting;
}

// The name that it was created by, while that still means this image; else the id.
std::string shown_image(const Context& context, const runtime::ContainerSpec& spec, bool no_trunc) {
    const auto by_id = [&](const std::string& id) {
        return no_trunc ? id : short_id(std::string_view(id).substr(std::min<std::size_t>(7, id.size())));
    };
    if (image::is_digest(spec.image)) return by_id(spec.image);
    const auto now = spec.image.empty() ? Lookup<std::string>() : image::find_image_id(context, spec.image);
    const bool meant = !now || (*now && **now == spec.image_id) || spec.image_id.empty();
    return meant && !spec.image.empty() ? spec.image : by_id(spec.image_id);
}

std::string command_text(const runtime::ContainerSpec& spec, bool no_trunc) {
    auto words = spec.entrypoint;
    words.insert(words.end(), spec.command.begin(), spec.command.end());
    // Docker's way: the program bare, arguments with a blank in quotes.
    for (std::size_t i = 1; i < words.size(); ++i)
        if (words[i].find(' ') != std::string::npos) words[i] = concat("'", words[i], "'");
    const auto text = ui::printable(join(words, " "));
    return concat("\"", no_trunc ? text : ui::ellipsize(text, k_command_cells), "\"");
}

std::string mounts_text(const runtime::ContainerSpec& spec, bool no_trunc) {
    std::vector<std::string> out;
    for (const auto& mount : spec.mounts) {
        const auto& name = mount.name.empty() ? mount.source : mount.name;
        if (!name.empty()) out.push_back(no_trunc ? name : ui::ellipsize(name, 15));
    }
    return join(out, ",");
}

} // namespace

std::int64_t now_seconds() {
    return wall_now().seconds;
}

std::string age_words(std::string_view rfc3339) {
    const auto time = parse_rfc3339(rfc3339);
    if (!time) return "N/A";
    return format_age(std::chrono::seconds(std::max<std::int64_t>(now_seconds() - time->seconds, 0))) +
           " ago";
}

std::string created_text(std::string_view rfc3339) {
    const auto time = parse_rfc3339(rfc3339);
    if (!time) return std::string(rfc3339);
    const auto utc = to_rfc3339(*time);
    return concat(utc.substr(0, 10), " ", utc.substr(11, 8), " +0000 UTC");
}

std::string created_second(std::string_view rfc3339) {
    const auto time = parse_rfc3339(rfc3339);
    return time ? to_rfc3339(*time).substr(0, 19) + "Z" : std::string(rfc3339);
}

Result<Filters> parse_filters(const std::vector<std::string>& words, const std::vector<std::string>& known) {
    Filters out;
    for (const auto& word : words) {
        const auto equals = word.find('=');
        auto key = to_lower(trim(std::string_view(word).substr(0, equals)));
        if (equals == std::string::npos || key.empty())
            return fail(Error(ErrorCode::usage, concat("filter '", word, "' is not name=value")));
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            Error error(ErrorCode::usage, concat("unknown filter '", key, "'"));
            const auto near = nearest_word(key, known);
            error.hint(near.empty() ? concat("known are ", join(known, ", "))
                                    : concat("did you mean ", near, "?"));
            return fail(std::move(error));
        }
        out[key].push_back(std::string(trim(std::string_view(word).substr(equals + 1))));
    }
    return out;
}

bool labels_match(const std::map<std::string, std::string>& labels, const std::vector<std::string>& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& word) {
        const auto equals = word.find('=');
        const auto found = labels.find(word.substr(0, equals));
        return found != labels.end() &&
               (equals == std::string::npos || found->second == word.substr(equals + 1));
    });
}

const std::vector<std::string>& container_filters() {
    static const std::vector<std::string> names{"ancestor", "before", "exited", "expose", "health",
                                                "id",       "label",  "label!", "name",   "network",
                                                "publish",  "since",  "status", "volume"};
    return names;
}

std::vector<std::string> network_names_of(const runtime::Container& container) {
    std::vector<std::string> out;
    const auto& view = container.spec.network;
    if (view.mode != "bridge") return {view.mode};
    if (const auto* requests = view.endpoint_requests.as_array())
        for (const auto& request : *requests)
            if (const auto* name = request.find("network"); name != nullptr && name->as_string() != nullptr)
                out.push_back(*name->as_string());
    return out;
}

namespace {

bool is_one_of(const std::vector<std::string>& values, const std::function<bool(const std::string&)>& test) {
    return std::any_of(values.begin(), values.end(), test);
}

bool image_matches(const runtime::ContainerSpec& spec, const std::string& wanted) {
    if (spec.image == wanted || spec.image_id == wanted ||
        (is_hex(wanted) && spec.image_id.rfind("sha256:" + wanted, 0) == 0))
        return true;
    auto a = image::parse_reference(spec.image);
    auto b = image::parse_reference(wanted);
    return a && b && *a == *b;
}

bool mount_matches(const runtime::ContainerSpec& spec, const std::string& wanted) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const auto& mount) {
        return mount.name == wanted || mount.source == wanted || mount.target == wanted;
    });
}

// "8080" of 8080-8090, by the host's port and by the container's.
bool publishes(const runtime::PublishedPort& port, const std::string& wanted) {
    const auto texts = parse_exposed(wanted);
    if (!texts) return false;
    return is_one_of(*texts, [&](const std::string& text) {
        const auto slash = text.find('/');
        const auto number = parse_integer(text.substr(0, slash));
        if (!number || text.substr(slash + 1) != port.protocol) return false;
        const auto last = std::max(port.host_port, port.host_port_end);
        return *number == port.container_port || (*number >= port.host_port && *number <= last);
    });
}

bool one_filter(const Context& context, const runtime::Container& container, const std::string& key,
                const std::vector<std::string>& values) {
    const auto& spec = container.spec;
    const auto& state = container.state;
    if (key == "id") return is_one_of(values, [&](const auto& v) { return spec.id.rfind(v, 0) == 0; });
    if (key == "name")
        return is_one_of(values, [&](const auto& v) {
            const auto text = !v.empty() && v[0] == '/' ? v.substr(1) : v;
            if (!text.empty() && text[0] == '^') {
                const bool exact = text.back() == '$';
                const auto inner = text.substr(1, text.size() - (exact ? 2 : 1));
                return exact ? spec.name == inner : spec.name.rfind(inner, 0) == 0;
            }
            return spec.name.find(text) != std::string::npos;
        });
    if (key == "label") return labels_match(spec.labels, values);
    if (key == "label!")
        return !is_one_of(values, [&](const auto& v) { return labels_match(spec.labels, {v}); });
    if (key == "status")
        return is_one_of(values, [&](const auto& v) { return v == enum_to_name(state.status); });
    if (key == "health")
        return is_one_of(values, [&](const auto& v) { return v == enum_to_name(state.health); });
    if (key == "exited")
        return state.status == runtime::Status::exited &&
               is_one_of(values, [&](const auto& v) { return v == concat(state.exit_code); });
    if (key == "ancestor") return is_one_of(values, [&](const auto& v) { return image_matches(spec, v); });
    if (key == "volume") return is_one_of(values, [&](const auto& v) { return mount_matches(spec, v); });
    if (key == "network") {
        const auto names = network_names_of(container);
        return is_one_of(
            values, [&](const auto& v) { return std::find(names.begin(), names.end(), v) != names.end(); });
    }
    if (key == "publish") {
        // Of one that runs, what it has got; of another one, what it would ask for.
        const auto ports =
            is_live(state) ? settled_ports(context, container) : container.spec.network.asked_ports;
        return is_one_of(values, [&](const auto& v) {
            return std::any_of(ports.begin(), ports.end(), [&](const auto& p) { return publishes(p, v); });
        });
    }
    if (key == "expose")
        return is_one_of(values, [&](const auto& v) {
            return std::any_of(
                spec.network.exposed_ports.begin(), spec.network.exposed_ports.end(), [&](const auto& p) {
                    auto exposed = parse_exposed(v);
                    return exposed && std::find(exposed->begin(), exposed->end(), p) != exposed->end();
                });
        });
    return true;
}

} // namespace

Result<std::vector<runtime::Container>> filter_containers(const Context& context,
                                                          std::vector<runtime::Container> containers,
                                                          const Filters& filters) {
    for (const auto& [key, values] : filters) {
        if (key == "before" || key == "since") {
            BERTH_ASSIGN_OR_RETURN(const auto limit, runtime::get_container(context, values.back()));
            const bool before = key == "before";
            std::erase_if(containers, [&](const auto& c) {
                return before ? c.spec.created_at >= limit.spec.created_at
                              : c.spec.created_at <= limit.spec.created_at;
            });
            continue;
        }
        std::erase_if(containers, [&, &key = key, &values = values](const auto& c) {
            return !one_filter(context, c, key, values);
        });
    }
    return containers;
}

std::vector<runtime::PublishedPort> settled_ports(const Context& context,
                                                  const runtime::Container& container) {
    std::vector<runtime::PublishedPort> out;
    if (!is_live(container.state) || container.spec.network.asked_ports.empty()) return out;
    auto endpoints = network::endpoints_of(context, container.spec.id);
    if (!endpoints) return out;
    for (const auto& endpoint : *endpoints)
        for (const auto& port : endpoint.ports) {
            runtime::PublishedPort shown;
            shown.host_ip = port.host_ip;
            shown.host_port = port.host_port;
            shown.container_port = port.container_port;
            shown.protocol = port.protocol;
            out.push_back(std::move(shown));
        }
    return out;
}

std::int64_t layer_size(const Context& context, const runtime::Container& container) {
    return tree_size(context.paths.container(container.spec.id) + "/upper");
}

std::int64_t image_size(const Context& context, const runtime::Container& container) {
    const auto image = image::find_image(context, container.spec.image_id);
    return image && *image ? (*image)->size : 0;
}

namespace {

// What the container has written, and that with its image.
std::string size_text(const Context& context, const runtime::Container& container) {
    const auto own = layer_size(context, container);
    const auto all = own + image_size(context, container);
    return concat(format_bytes_decimal(static_cast<double>(own), 3), " (virtual ",
                  format_bytes_decimal(static_cast<double>(all), 3), ")");
}

Json publishers(const std::vector<runtime::PublishedPort>& published,
                const std::vector<std::string>& exposed) {
    Json out = Json::array();
    const auto add = [&](const std::string& url, std::int64_t target, std::int64_t host,
                         const std::string& protocol) {
        Json entry = Json::object();
        entry.set("URL", url);
        entry.set("TargetPort", target);
        entry.set("PublishedPort", host);
        entry.set("Protocol", protocol);
        out.push(std::move(entry));
    };
    std::set<std::string> shown;
    for (const auto& port : published) {
        shown.insert(concat(port.container_port, "/", port.protocol));
        if (!port.host_ip.empty()) {
            add(port.host_ip, port.container_port, port.host_port, port.protocol);
            continue;
        }
        add("0.0.0.0", port.container_port, port.host_port, port.protocol);
        add("::", port.container_port, port.host_port, port.protocol);
    }
    for (const auto& port : exposed) {
        const auto slash = port.find('/');
        auto number = parse_integer(std::string_view(port).substr(0, slash));
        if (number && shown.count(port) == 0)
            add("", *number, 0, slash == std::string::npos ? "tcp" : port.substr(slash + 1));
    }
    return out;
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
    std::vector<std::string> words;
    for (const auto& [key, value] : labels)
        words.push_back(concat(key, "=", value));
    return join(words, ",");
}

std::string label_or(const std::map<std::string, std::string>& labels, const char* key) {
    const auto found = labels.find(key);
    return found != labels.end() ? found->second : "";
}

} // namespace

ui::Row container_row(const Context& context, const runtime::Container& container,
                      const RowOptions& options) {
    const auto& spec = container.spec;
    const auto& state = container.state;
    const auto published = settled_ports(context, container);
    const auto exposed = is_live(state) ? spec.network.exposed_ports : std::vector<std::string>{};
    const std::int64_t volumes = std::count_if(spec.mounts.begin(), spec.mounts.end(), [](const auto& m) {
        return m.kind == runtime::MountKind::volume;
    });
    const auto health = state.health == runtime::Health::none ? "" : std::string(enum_to_name(state.health));
    ui::Row row;
    Json& f = row.fields;
    f = Json::object();
    f.set("Command", command_text(spec, options.no_trunc));
    f.set("CreatedAt", created_text(spec.created_at));
    if (options.compose) {
        f.set("ExitCode", state.status == runtime::Status::exited ? state.exit_code : 0);
        f.set("Health", health);
    }
    f.set("ID", options.no_trunc ? spec.id : short_id(spec.id));
    f.set("Image", shown_image(context, spec, options.no_trunc));
    f.set("Labels", labels_text(spec.labels));
    f.set("LocalVolumes", concat(volumes));
    f.set("Mounts", mounts_text(spec, options.no_trunc));
    if (options.compose) f.set("Name", spec.name);
    f.set("Names", spec.name);
    f.set("Networks", join(network_names_of(container), ","));
    f.set("Ports", show_ports(published, exposed));
    if (options.compose) {
        f.set("Project", label_or(spec.labels, "com.docker.compose.project"));
        f.set("Publishers", publishers(published, exposed));
    }
    f.set("RunningFor", age_words(spec.created_at));
    if (options.compose) f.set("Service", label_or(spec.labels, "com.docker.compose.service"));
    f.set("Size", options.size ? size_text(context, container) : std::string("0B"));
    f.set("State", std::string(enum_to_name(state.status)));
    f.set("Status", runtime::status_words(state, now_seconds()));
    row.methods = Json::object();
    row.methods.set("Label", to_json(spec.labels));
    row.methods.set("Health", health);
    row.methods.set("HealthStatus", health);
    row.methods.set("ExitCode", state.exit_code);
    row.methods.set("Name", spec.name);
    row.methods.set("Project", label_or(spec.labels, "com.docker.compose.project"));
    row.methods.set("Service", label_or(spec.labels, "com.docker.compose.service"));
    row.methods.set("Publishers", publishers(published, exposed));
    row.methods.set("Platform", "");
    return row;
}

} // namespace berth::cli
