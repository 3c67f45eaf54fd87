// network ls, create, rm, connect, disconnect, prune (inspect: cmd_container_view.cpp)
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/network_membership.hpp"
#include "compose/ui/formatter.hpp"
#include "network/address.hpp"
#include "network/attach.hpp"
#include "network/networks.hpp"
#include "runtime/base/id.hpp"

#include <algorithm>
#include <array>

namespace berth::cli {

namespace {

const std::vector<std::string>& network_filters() {
    static const std::vector<std::string> names{"dangling", "driver", "id", "label", "name", "scope", "type"};
    return names;
}

std::string label_text(const std::map<std::string, std::string>& labels) {
    std::vector<std::string> words;
    for (const auto& [key, value] : labels)
        words.push_back(concat(key, "=", value));
    return join(words, ",");
}

Result<bool> network_matches(const Context& context, const network::Network& network,
                             const Filters& filters) {
    const auto any = [](const std::vector<std::string>& values, const auto& test) {
        return std::any_of(values.begin(), values.end(), test);
    };
    for (const auto& [key, values] : filters) {
        bool matches = true;
        if (key == "name")
            matches =
                any(values, [&](const auto& v) { return network.config.name.find(v) != std::string::npos; });
        else if (key == "id")
            matches = any(values, [&](const auto& v) { return network.id.rfind(v, 0) == 0; });
        else if (key == "driver")
            matches = any(values, [&](const auto& v) { return network.config.driver == v; });
        else if (key == "scope")
            matches = any(values, [](const auto& v) { return v == "local"; });
        else if (key == "type")
            matches = any(values, [&](const auto& v) {
                return v == (network::is_predefined(network.config.name) ? "builtin" : "custom");
            });
        else if (key == "label")
            matches = labels_match(network.config.labels, values);
        else { // dangling
            BERTH_ASSIGN_OR_RETURN(const bool wanted, parse_bool(values.back()));
            BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints(context, network.id));
            matches = (endpoints.empty() && !network::is_predefined(network.config.name)) == wanted;
        }
        if (!matches) return false;
    }
    return true;
}

struct LsFlags {
    std::vector<std::string> filters;
    std::string format;
    bool no_trunc = false, quiet = false;
};

Run setup_ls(Flags& flags) {
    auto options = std::make_shared<LsFlags>();
    flags.list("-f,--filter", options->filters, "Provide filter values (e.g. driver=bridge)", "filter");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("--no-trunc", options->no_trunc, "Do not truncate the output");
    flags.toggle("-q,--quiet", options->quiet, "Only display network IDs");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters, parse_filters(options->filters, network_filters()));
        BERTH_ASSIGN_OR_RETURN(auto networks, network::list(session.context()));
        BERTH_ASSIGN_OR_RETURN(auto always, network::predefined(session.context()));
        std::move(always.begin(), always.end(), std::back_inserter(networks));
        std::sort(networks.begin(), networks.end(),
                  [](const auto& a, const auto& b) { return a.config.name < b.config.name; });
        std::vector<ui::Row> rows;
        for (const auto& network : networks) {
            BERTH_ASSIGN_OR_RETURN(const bool wanted, network_matches(session.context(), network, filters));
            if (!wanted) continue;
            const auto id = options->no_trunc ? network.id : short_id(network.id);
            if (options->quiet) {
                session.print(id + "\n");
                continue;
            }
            ui::Row row;
            row.fields = Json::object();
            row.fields.set("CreatedAt", created_text(network.created_at));
            row.fields.set("Driver", network.config.driver);
            row.fields.set("ID", id);
            row.fields.set("IPv4", network.config.enable_ipv4 ? "true" : "false");
            row.fields.set("IPv6", network.config.enable_ipv6 ? "true" : "false");
            row.fields.set("Internal", network.config.internal ? "true" : "false");
            row.fields.set("Labels", label_text(network.config.labels));
            row.fields.set("Name", network.config.name);
            row.fields.set("Scope", "local");
            row.methods = Json::object();
            row.methods.set("Label", to_json(network.config.labels));
            rows.push_back(std::move(row));
        }
        if (options->quiet) return 0;
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

struct CreateFlags {
    network::NetworkConfig config;
    std::vector<std::string> names, labels, options, subnets, gateways, ranges, reserved;
    std::string ipam_driver = "default", scope = "local";
};

// "router=172.20.0.3", for the subnet that it lies in.
Status reserve(network::NetworkConfig& config, const std::string& text) {
    BERTH_ASSIGN_OR_RETURN(const auto pair, pairs_of({text}, "--aux-address"));
    const auto& [name, address] = *pair.begin();
    BERTH_ASSIGN_OR_RETURN(const auto parsed, network::parse_address(address));
    for (auto& subnet : config.subnets) {
        BERTH_ASSIGN_OR_RETURN(const auto prefix, network::parse_prefix(subnet.subnet));
        if (!prefix.contains(parsed)) continue;
        subnet.aux_addresses[name] = address;
        return {};
    }
    return fail(Error(ErrorCode::usage, concat("--aux-address ", text, " lies in none of the subnets"))
                    .hint("give the --subnet that it belongs to"));
}

Result<network::NetworkConfig> config_of(const CreateFlags& flags) {
    auto config = flags.config;
    config.name = flags.names[0];
    BERTH_TRY(check_name(config.name, "network"));
    if (network::is_predefined(config.name))
        return fail(ErrorCode::already_exists,
                    concat("'", config.name, "' is the name of a network that is always there"));
    config.labels = labels_of(flags.labels);
    BERTH_ASSIGN_OR_RETURN(config.options, pairs_of(flags.options, "--opt"));
    if (flags.gateways.size() > flags.subnets.size() || flags.ranges.size() > flags.subnets.size())
        return fail(Error(ErrorCode::usage, "every --gateway and --ip-range belongs to a --subnet")
                        .hint("give a --subnet for each, in the same order"));
    for (std::size_t i = 0; i < flags.subnets.size(); ++i) {
        network::Subnet subnet;
        subnet.subnet = flags.subnets[i];
        if (i < flags.gateways.size()) subnet.gateway = flags.gateways[i];
        if (i < flags.ranges.size()) subnet.ip_range = flags.ranges[i];
        if (subnet.subnet.find(':') != std::string::npos) config.enable_ipv6 = true;
        config.subnets.push_back(std::move(subnet));
    }
    if (flags.ipam_driver != "default")
        return fail(ErrorCode::unsupported,
                    concat("address driver '", flags.ipam_driver, "': only default is known"));
    for (const auto& text : flags.reserved)
        BERTH_TRY(reserve(config, text));
    return config;
}

Run setup_create(Flags& flags) {
    auto options = std::make_shared<CreateFlags>();
    flags.list("--aux-address", options->reserved, "Auxiliary IPv4 or IPv6 addresses used by Network driver",
               "map");
    flags.toggle("--attachable", options->config.attachable, "Enable manual container attachment");
    flags.text("-d,--driver", options->config.driver, "Driver to manage the Network");
    flags.list("--gateway", options->gateways, "IPv4 or IPv6 Gateway for the master subnet");
    flags.toggle("--internal", options->config.internal, "Restrict external access to the network");
    flags.list("--ip-range", options->ranges, "Allocate container ip from a sub-range");
    flags.text("--ipam-driver", options->ipam_driver, "IP Address Management Driver");
    flags.toggle("--ipv4", options->config.enable_ipv4, "Enable or disable IPv4 address assignment");
    flags.toggle("--ipv6", options->config.enable_ipv6, "Enable or disable IPv6 address assignment");
    flags.list("--label", options->labels, "Set metadata on a network");
    flags.list("-o,--opt", options->options, "Set driver specific options", "map");
    flags
        .choice("--scope", options->scope, {"local"},
                "Control the network's scope: of one host there is no other")
        .hide();
    flags.list("--subnet", options->subnets, "Subnet in CIDR format that represents a network segment");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(auto config, config_of(*options));
        BERTH_ASSIGN_OR_RETURN(const auto network, network::create(session.context(), std::move(config)));
        session.print(network.id + "\n");
        return 0;
    };
}

struct RemoveFlags {
    std::vector<std::string> names;
    bool force = false;
};

Run setup_rm(Flags& flags) {
    auto options = std::make_shared<RemoveFlags>();
    flags.toggle("-f,--force", options->force, "Do not error if the network does not exist");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto found, network::find(session.context(), name));
            if (!found && network::is_predefined(name))
                return fail(ErrorCode::unsupported,
                            concat("'", name, "' is a network that is always there: it cannot be removed"));
            if (!found && options->force) return std::string();
            if (!found) return fail(network::get(session.context(), name).error());
            BERTH_TRY(network::remove(session.context(), found->id));
            return name;
        });
    };
}

struct ConnectFlags {
    network::EndpointRequest request;
    std::vector<std::string> names, options;
    std::optional<std::int64_t> priority;
    bool force = false;
};

Run setup_connect(Flags& flags) {
    auto options = std::make_shared<ConnectFlags>();
    flags.list("--alias", options->request.aliases, "Add network-scoped alias for the container");
    flags.list("--driver-opt", options->options, "driver options for the network");
    flags.number("--gw-priority", options->priority, "Highest gw-priority provides the default gateway",
                 -1'000'000, 1'000'000);
    flags.text("--ip", options->request.ipv4, "IPv4 address (e.g., 172.30.100.104)");
    flags.text("--ip6", options->request.ipv6, "IPv6 address (e.g., 2001:db8::33)");
    flags.list("--link-local-ip", options->request.link_local_ips,
               "Add a link-local address for the container");
    flags.arguments(options->names, 2, 2);
    return [options](Session& session) -> Result<int> {
        auto request = options->request;
        BERTH_ASSIGN_OR_RETURN(request.driver_options, pairs_of(options->options, "--driver-opt"));
        request.gateway_priority = options->priority.value_or(0);
        BERTH_ASSIGN_OR_RETURN(const auto network, network::get(session.context(), options->names[0]));
        request.network = network.config.name;
        BERTH_TRY(connect_container(session.context(), options->names[1], network, request));
        return 0;
    };
}

Run setup_disconnect(Flags& flags) {
    auto options = std::make_shared<ConnectFlags>();
    flags.toggle("-f,--force", options->force, "Do not error when the container is gone");
    flags.arguments(options->names, 2, 2);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto network, network::get(session.context(), options->names[0]));
        auto done = disconnect_container(session.context(), options->names[1], network);
        if (!done && !(options->force && done.error().code() == ErrorCode::not_found))
            return fail(std::move(done).error());
        return 0;
    };
}

struct PruneFlags {
    std::vector<std::string> filters;
    bool force = false;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.list("--filter", options->filters, "Provide filter values (label=<key>[=<value>])", "filter");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters, PruneFilter::parse(options->filters));
        if (!options->force &&
            !confirm(session, "WARNING! This will remove all custom networks not used by at least one "
                              "container.\nAre you sure you want to continue?"))
            return 0;
        BERTH_ASSIGN_OR_RETURN(const auto removed, prune_networks(session.context(), filters));
        if (!removed.empty()) session.print(concat("Deleted Networks:\n", join(removed, "\n"), "\n\n"));
        return 0;
    };
}

constexpr std::array<Command, 6> k_commands{
    {{"network ls", "[OPTIONS]", "List networks", setup_ls, false, false},
     {"network create", "[OPTIONS] NETWORK", "Create a network", setup_create, false, false},
     {"network rm", "[OPTIONS] NETWORK [NETWORK...]", "Remove one or more networks", setup_rm, false, false},
     {"network connect", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", setup_connect,
      false, false},
     {"network disconnect", "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network",
      setup_disconnect, false, false},
     {"network prune", "[OPTIONS]", "Remove all unused networks", setup_prune, false, false}}};

} // namespace

std::span<const Command> network_commands() {
    return k_commands;
}

} // namespace berth::cli
