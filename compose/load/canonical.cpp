#include "compose/load/canonical.hpp"

#include "compose/load/short_syntax.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

template <class Function> void with(SourceNode& node, std::string_view key, Function&& function) {
    if (auto* child = node.find(key); child != nullptr && !child->is_null()) function(*child);
}

SourceNode single(std::string_view key, SourceNode value) {
    SourceNode out = SourceNode::make_mapping(value.at);
    out.trace = value.trace;
    out.set(key, std::move(value));
    return out;
}

// Replaces each string (or number) of a list by what `expand` makes of it; refused ones are reported.
template <class Expand>
void expand_items(LoadContext& context, SourceNode& list, const Path& path, Expand&& expand) {
    if (!list.is_sequence()) return;
    SourceNode as_written;
    if (!context.options.interpolate) as_written = list;
    std::vector<SourceNode> out;
    out.reserve(list.items.size());
    for (std::size_t i = 0; i < list.items.size(); ++i) {
        SourceNode& item = list.items[i];
        const bool expandable = (item.is_string() || item.kind == Kind::integer) && !item.refused;
        if (!expandable) {
            out.push_back(std::move(item));
            continue;
        }
        auto expanded = expand(item);
        if (!expanded && !context.options.interpolate) {
            list = std::move(as_written); // "${PORT}:80" cannot be read yet
            return;
        }
        if (!expanded) {
            context.error(std::move(expanded).error(), path[i]);
            context.poison(path);
            item.refused = true;
            out.push_back(std::move(item));
            continue;
        }
        for (auto& node : *expanded) {
            node.trace = item.trace;
            node.interpolated = item.interpolated;
            if (node.is_mapping()) node.text = item.text;
            out.push_back(std::move(node));
        }
    }
    list.items = std::move(out);
}

Result<std::vector<SourceNode>> one(Result<SourceNode> node) {
    if (!node) return fail(std::move(node).error());
    std::vector<SourceNode> out;
    out.push_back(std::move(*node));
    return out;
}

void file_references(LoadContext& context, SourceNode& list, const Path& path) {
    expand_items(context, list, path,
                 [](SourceNode& item) { return one(single("source", SourceNode(item))); });
}

void extra_hosts(LoadContext& context, SourceNode& node, const Path& path) {
    if (node.is_mapping()) {
        SourceNode list = SourceNode::make_sequence(node.at);
        for (auto& entry : node.entries) {
            const auto add = [&](const SourceNode& address) {
                SourceNode item = address;
                item.kind = Kind::string;
                item.text = concat(entry.key, "=", address.text);
                list.items.push_back(std::move(item));
            };
            if (entry.value.is_sequence())
                for (const auto& address : entry.value.items)
                    add(address);
            else
                add(entry.value);
        }
        node = std::move(list);
    }
    // "name=1.1.1.1,2.2.2.2" names two addresses.
    expand_items(context, node, path, [](SourceNode& item) -> Result<std::vector<SourceNode>> {
        BERTH_ASSIGN_OR_RETURN(const std::string host, expand_extra_host(item.text, item.at));
        const auto equals = host.find('=');
        std::vector<SourceNode> out;
        for (const auto& address : split(std::string_view(host).substr(equals + 1), ',')) {
            out.push_back(item);
            out.back().text = concat(host.substr(0, equals), "=", trim(address));
        }
        return out;
    });
    const auto name_of = [](const SourceNode& item) {
        return std::string_view(item.text).substr(0, item.text.find('='));
    };
    std::stable_sort(node.items.begin(), node.items.end(),
                     [&](const auto& a, const auto& b) { return name_of(a) < name_of(b); });
}

void ports(LoadContext& context, SourceNode& list, const Path& path, Forms forms) {
    expand_items(context, list, path, [&](SourceNode& item) -> Result<std::vector<SourceNode>> {
        BERTH_ASSIGN_OR_RETURN(auto expanded, expand_port(item.text, item.at));
        context.expanded_ports += expanded.size() > 1 ? expanded.size() : 0;
        if (context.expanded_ports > k_most_ports)
            return fail(
                invalid(concat("the port ranges of all services are more than ", k_most_ports, " ports"),
                        item.pos()));
        return expanded;
    });
    if (!list.is_sequence()) return;
    for (auto& port : list.items) {
        if (!port.is_mapping()) continue;
        // Quoted and unquoted ports are the same port.
        if (auto* published = port.find("published");
            forms == Forms::all && published != nullptr && published->kind == Kind::integer)
            published->kind = Kind::string;
        if (port.find("protocol") == nullptr) port.set("protocol", SourceNode::make_string("tcp", port.at));
        if (port.find("mode") == nullptr) port.set("mode", SourceNode::make_string("ingress", port.at));
    }
}

void env_files(LoadContext& context, SourceNode& node, const Path& path) {
    string_to_list(node);
    expand_items(context, node, path, [](SourceNode& item) { return one(single("path", SourceNode(item))); });
    for (auto& file : node.items)
        if (file.is_mapping() && file.find("required") == nullptr)
            file.set("required", SourceNode::make_bool(true, file.at));
}

void gpus(SourceNode& node) {
    if (!node.is_string()) return;
    if (node.text != "all") return; // the check of words names it
    SourceNode request = SourceNode::make_mapping(node.at);
    request.set("count", SourceNode::make_string("all", node.at));
    node = SourceNode::make_sequence(request.at);
    node.items.push_back(std::move(request));
}

void device_requests(SourceNode& list, Forms forms) {
    for (auto& request : list.items) {
        if (!request.is_mapping()) continue;
        if (forms == Forms::all) with(request, "options", key_values_to_mapping);
        if (request.find("count") == nullptr && request.find("device_ids") == nullptr)
            request.set("count", SourceNode::make_string("all", request.at));
    }
}

// One limit of 0 is two of 0 in the canonical form, every other number stays one.
void ulimits(SourceNode& node) {
    for (auto& entry : node.entries) {
        SourceNode& limit = entry.value;
        if (!limit.is_scalar() || limit.is_null() || limit.text != "0") continue;
        SourceNode both = SourceNode::make_mapping(limit.at);
        both.set("soft", limit);
        both.set("hard", std::move(limit));
        limit = std::move(both);
    }
}

void build(LoadContext& context, SourceNode& node, const Path& path, Forms forms) {
    build_to_mapping(node);
    if (!node.is_mapping()) return;
    for (const auto* key : {"additional_contexts", "ssh"})
        with(node, key, key_values_to_mapping);
    with(node, "secrets", [&](SourceNode& list) { file_references(context, list, path / "secrets"); });
    for (const auto* key : {"provenance", "sbom"})
        with(node, key, [](SourceNode& value) {
            if (value.kind == Kind::boolean) value.kind = Kind::string;
        });
    if (forms == Forms::references) return;
    for (const auto* key : {"args", "labels"})
        with(node, key, key_values_to_mapping);
    with(node, "ulimits", ulimits);
    with(node, "extra_hosts", [&](SourceNode& hosts) { extra_hosts(context, hosts, path / "extra_hosts"); });
    with(node, "no_cache_filter", string_to_list);
}

void hooks(SourceNode& list) {
    for (auto& hook : list.items)
        if (hook.is_mapping()) with(hook, "environment", key_values_to_mapping);
}

void health(SourceNode& node) {
    if (!node.is_mapping()) return;
    with(node, "test", [](SourceNode& test) {
        if (!test.is_string()) return;
        SourceNode list = SourceNode::make_sequence(test.at);
        list.items.push_back(SourceNode::make_string("CMD-SHELL", test.at));
        list.items.push_back(std::move(test));
        test = std::move(list);
    });
}

void deploy(SourceNode& node, Forms forms) {
    if (!node.is_mapping()) return;
    if (forms == Forms::all) with(node, "labels", key_values_to_mapping);
    with(node, "resources", [&](SourceNode& resources) {
        with(resources, "reservations", [&](SourceNode& reservations) {
            with(reservations, "devices", [&](SourceNode& list) { device_requests(list, forms); });
        });
    });
}

void dependencies(SourceNode& node) {
    depends_on_to_mapping(node);
    for (auto& entry : node.entries)
        if (entry.value.is_mapping() && entry.value.find("required") == nullptr)
            entry.value.set("required", SourceNode::make_bool(true, entry.value.at));
}

void mounts(LoadContext& context, SourceNode& list, const Path& path) {
    expand_items(context, list, path,
                 [](SourceNode& item) { return one(expand_volume(item.text, item.at)); });
    if (!list.is_sequence()) return;
    for (auto& mount : list.items)
        if (mount.is_mapping())
            with(mount, "volume", [](SourceNode& volume) { with(volume, "labels", key_values_to_mapping); });
}

// The reference writes all members of these, given or not.
void block_io(SourceNode& node) {
    for (const auto& [list, member] :
         {std::pair{"weight_device", "weight"}, std::pair{"device_read_bps", "rate"},
          std::pair{"device_read_iops", "rate"}, std::pair{"device_write_bps", "rate"},
          std::pair{"device_write_iops", "rate"}})
        with(node, list, [&, member = member](SourceNode& devices) {
            for (auto& device : devices.items) {
                if (!device.is_mapping()) continue;
                if (device.find("path") == nullptr)
                    device.set("path", SourceNode::make_string("", device.at));
                if (device.find(member) == nullptr)
                    device.set(member, SourceNode::make_scalar(Kind::integer, "0", device.at));
            }
        });
}

// Options become flags of a program; each may stand several times.
void provider(SourceNode& node) {
    with(node, "options", [](SourceNode& options) {
        for (auto& entry : options.entries) {
            if (!entry.value.is_scalar() || entry.value.is_null()) continue;
            SourceNode list = SourceNode::make_sequence(entry.value.at);
            list.items.push_back(std::move(entry.value));
            entry.value = std::move(list);
        }
    });
}

void develop(SourceNode& node, Forms forms) {
    with(node, "watch", [&](SourceNode& list) {
        for (auto& watch : list.items) {
            if (!watch.is_mapping()) continue;
            with(watch, "ignore", string_to_list);
            with(watch, "include", string_to_list);
            if (forms == Forms::references) continue;
            with(watch, "exec", [](SourceNode& hook) { with(hook, "environment", key_values_to_mapping); });
        }
    });
}

void references(LoadContext& context, SourceNode& node, const Path& path, Forms forms) {
    with(node, "dns", string_to_list);
    with(node, "label_file", string_to_list);
    with(node, "networks", names_to_mapping);
    with(node, "models", names_to_mapping);
    with(node, "depends_on", dependencies);
    with(node, "build", [&](SourceNode& part) { build(context, part, path / "build", forms); });
    with(node, "ports", [&](SourceNode& list) { ports(context, list, path / "ports", forms); });
    with(node, "volumes", [&](SourceNode& list) { mounts(context, list, path / "volumes"); });
    with(node, "env_file", [&](SourceNode& list) { env_files(context, list, path / "env_file"); });
    for (const auto* key : {"configs", "secrets"})
        with(node, key, [&](SourceNode& list) { file_references(context, list, path / key); });
    with(node, "devices", [&](SourceNode& list) {
        expand_items(context, list, path / "devices",
                     [](SourceNode& item) { return one(expand_device(item.text, item.at)); });
    });
    with(node, "deploy", [&](SourceNode& part) { deploy(part, forms); });
    with(node, "develop", [&](SourceNode& part) { develop(part, forms); });
    with(node, "gpus", [&](SourceNode& part) {
        gpus(part);
        device_requests(part, forms);
    });
    with(node, "extends", [](SourceNode& extends) {
        if (extends.is_string()) extends = single("service", SourceNode(extends));
    });
}

void values(LoadContext& context, SourceNode& node, const Path& path) {
    for (const auto* key : {"annotations", "environment", "labels", "sysctls"})
        with(node, key, key_values_to_mapping);
    for (const auto* key : {"dns_search", "tmpfs"})
        with(node, key, string_to_list);
    // `dns: ${DNS}` with an empty variable says nothing.
    with(node, "dns", [](SourceNode& list) {
        std::erase_if(list.items, [](const auto& item) { return item.is_string() && item.text.empty(); });
    });
    with(node, "blkio_config", block_io);
    with(node, "healthcheck", health);
    with(node, "ulimits", ulimits);
    for (const auto* key : {"pre_start", "post_start", "pre_stop"})
        with(node, key, hooks);
    with(node, "extra_hosts", [&](SourceNode& list) { extra_hosts(context, list, path / "extra_hosts"); });
    with(node, "provider", provider);
}

} // namespace

void canonicalise_service(LoadContext& context, SourceNode& node, const Path& path, Forms forms) {
    if (!node.is_mapping()) return;
    references(context, node, path, forms);
    if (forms == Forms::all) values(context, node, path);
}

void mapping_to_key_values(SourceNode& node) {
    if (!node.is_mapping()) return;
    for (const auto& entry : node.entries)
        if (!entry.value.is_scalar()) return; // the check of shapes names it
    SourceNode list = SourceNode::make_sequence(node.at);
    list.tag = node.tag;
    list.trace = node.trace;
    for (auto& entry : node.entries) {
        SourceNode& item = list.items.emplace_back(std::move(entry.value));
        item.text = item.is_null() ? entry.key : concat(entry.key, "=", item.text);
        item.kind = Kind::string;
    }
    node = std::move(list);
}

void key_values_to_mapping(SourceNode& node) {
    if (!node.is_sequence()) return;
    SourceNode mapping = SourceNode::make_mapping(node.at);
    mapping.tag = node.tag;
    mapping.trace = node.trace;
    for (auto& item : node.items) {
        if (!item.is_scalar() || item.is_null()) return; // the check of shapes names it
    }
    KeyIndex known(mapping);
    for (auto& item : node.items) {
        const auto equals = item.text.find('=');
        std::string key = item.text.substr(0, equals);
        const Place at = item.at;
        if (equals == std::string::npos)
            item.kind = Kind::null;
        else
            item.kind = Kind::string;
        item.text = equals == std::string::npos ? std::string() : item.text.substr(equals + 1);
        if (auto* entry = known.find(key))
            entry->value = std::move(item);
        else
            known.add({std::move(key), at, std::move(item)});
    }
    node = std::move(mapping);
}

void names_to_mapping(SourceNode& node) {
    if (!node.is_sequence()) return;
    for (const auto& item : node.items)
        if (!item.is_string()) return;
    SourceNode mapping = SourceNode::make_mapping(node.at);
    mapping.tag = node.tag;
    KeyIndex known(mapping);
    for (auto& item : node.items)
        if (known.find(item.text) == nullptr)
            known.add({item.text, item.at, SourceNode::make_scalar(Kind::null, {}, item.at)}).value.trace =
                item.trace;
    node = std::move(mapping);
}

void depends_on_to_mapping(SourceNode& node) {
    if (!node.is_sequence()) return;
    names_to_mapping(node);
    for (auto& entry : node.entries) {
        entry.value = SourceNode::make_mapping(entry.key_at);
        entry.value.set("condition", SourceNode::make_string("service_started", entry.key_at));
        entry.value.set("required", SourceNode::make_bool(true, entry.key_at));
    }
}

void string_to_list(SourceNode& node) {
    if (!node.is_string()) return;
    SourceNode list = SourceNode::make_sequence(node.at);
    list.tag = node.tag;
    node.tag = Tag::none;
    list.items.push_back(std::move(node));
    node = std::move(list);
}

void build_to_mapping(SourceNode& node) {
    if (!node.is_string()) return;
    const Tag tag = node.tag;
    node.tag = Tag::none;
    node = single("context", SourceNode(node));
    node.tag = tag;
}

void canonicalise(LoadContext& context, SourceNode& root, Forms forms) {
    const Path top;
    const auto each = [&](std::string_view section, auto&& function) {
        auto* node = root.find(section);
        if (node == nullptr || !node->is_mapping()) return;
        const Path path = top / section;
        for (auto& entry : node->entries)
            function(entry.value, path / entry.key);
    };
    each("services",
         [&](SourceNode& node, const Path& path) { canonicalise_service(context, node, path, forms); });
    for (const auto* section : {"networks", "volumes", "secrets", "configs"})
        each(section, [&](SourceNode& node, const Path& path) {
            if (!node.is_mapping()) return;
            if (forms == Forms::all) with(node, "labels", key_values_to_mapping);
            auto* external = node.find("external");
            if (external == nullptr || !external->is_mapping()) return;
            if (const auto* name = external->find("name")) {
                if (const auto* own = node.find("name"); own != nullptr && own->text != name->text)
                    context.error(invalid("name and external.name differ; only use name", name->pos()), path);
                SourceNode moved = *name;
                node.set("name", std::move(moved));
            }
            *node.find("external") = SourceNode::make_bool(true, node.find("external")->at);
        });
}

} // namespace berth::compose::load
