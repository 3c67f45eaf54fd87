#include "network/attach.hpp"

#include "network/attach_steps.hpp"
#include "network/ipam.hpp"
#include "network/names.hpp"
#include "network/networks.hpp"

#include <algorithm>
#include <linux/netlink.h>
#include <mutex>
#include <set>
#include <tuple>

namespace berth::network {

namespace {

// The first connection of a command looks at the host as a whole; the others of the same command need not.
// Without the firewall nothing is connected; another network's broken bridge is only told.
Status ensure_host_state_once(const Context& context, const Store& store) {
    static std::mutex mutex;
    static std::set<std::string> done;
    const std::lock_guard<std::mutex> guard(mutex);
    if (done.count(context.paths.exec_root()) != 0) return {};
    BERTH_TRY(Firewall(store).ensure());
    if (const auto repaired = ensure_host_state(context); !repaired)
        context.progress->warn(repaired.error().to_string());
    done.insert(context.paths.exec_root());
    return {};
}

using Pendings = std::vector<PendingConnection>;

void make_all_namespaces(Pendings& pendings) {
    std::vector<PendingConnection*> waiting;
    std::vector<bool> with_ipv6;
    for (auto& pending : pendings) {
        if (!pending.status) continue;
        waiting.push_back(&pending);
        with_ipv6.push_back(has_ipv6(pending));
    }
    if (waiting.empty()) return;
    auto made = make_namespaces(with_ipv6);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        if (!made[i]) {
            waiting[i]->status = fail(std::move(made[i]).error());
            continue;
        }
        waiting[i]->connection.netns = std::move(made[i]->netns);
        waiting[i]->inside = std::move(made[i]->socket);
    }
}

void publish_all(const Store& store, Pendings& pendings) {
    std::vector<Publication> publications;
    for (const auto& pending : pendings)
        if (pending.status)
            for (auto& publication : publications_of(pending))
                publications.push_back(std::move(publication));
    if (publications.empty()) return;
    const Firewall firewall(store);
    const auto published = firewall.publish(publications).has_value();
    for (auto& pending : pendings)
        pending.published = published && pending.status && !pending.connection.ports.empty();
    if (published) return;
    // One of them is wrong: one by one, so that each gets its own answer.
    for (auto& pending : pendings)
        if (pending.status) {
            pending.status = firewall.publish(publications_of(pending));
            pending.published = pending.status.has_value();
        }
}

void connect_pendings(const Context& context, const Store& store, Pendings& pendings) {
    NetworkCache cache(context);
    for (auto& pending : pendings) {
        pending.status = check_request(*pending.request);
        if (pending.status) pending.status = take_leases(store, cache, pending);
        if (!pending.status) continue;
        choose_gateways(pending);
        pending.status = reserve_ports(store, pending, pendings);
    }
    make_all_namespaces(pendings);
    auto host = open_netlink(NETLINK_ROUTE);
    for (auto& pending : pendings) {
        if (!pending.status) continue;
        pending.status = host ? wire_up(host->get(), pending) : fail(host.error());
    }
    publish_all(store, pendings);
    for (auto& pending : pendings)
        if (pending.status) pending.status = register_names(store, pending);
}

struct Attachment {
    std::string network_id;
    std::string container_id;
};

// Where the containers have leases, in one pass over the networks.
Result<std::vector<Attachment>> attachments(const Store& store,
                                            const std::vector<std::string>& container_ids) {
    // By the folders, not the records: what a container has on a network whose record is damaged goes as
    // well.
    BERTH_ASSIGN_OR_RETURN(const auto networks, store.ids());
    std::vector<Attachment> out;
    for (const auto& network : networks)
        for (const auto& id : container_ids)
            if (path_exists(concat(store.folder(network), "/leases/", id)) ||
                path_exists(concat(store.exec_folder(network), "/published/", id)))
                out.push_back({network, id});
    return out;
}

Status take_down(const Store& store, const std::vector<Attachment>& attached) {
    ErrorList failed;
    std::vector<Publication> publications;
    std::vector<Publication> damaged; // what they published, only the other records can say
    for (const auto& attachment : attached) {
        auto record = store.published(attachment.network_id, attachment.container_id);
        if (!record)
            damaged.push_back(
                {attachment.network_id, {attachment.container_id, {}, {}, {}, {}, {}, false, false}});
        else if (*record)
            publications.push_back({attachment.network_id, std::move(**record)});
        failed.push(erase_names(store.context(), attachment.network_id, attachment.container_id));
    }
    failed.push(Firewall(store).withdraw(publications));
    failed.push(Firewall(store).forget(damaged));
    return std::move(failed).take();
}

Status give_back(const Store& store, const Attachment& attachment) {
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_network(attachment.network_id));
    auto lease = store.lease(attachment.network_id, attachment.container_id);
    BERTH_TRY(store.erase_lease(attachment.network_id, attachment.container_id));
    // A broken record: whatever it held is found by the missing lease.
    if (!lease || !*lease) return drop_orphan_addresses(store, attachment.network_id);
    return give_back_addresses(store, **lease);
}

} // namespace

std::vector<Result<Connection>> connect_all(const Context& context,
                                            const std::vector<ConnectRequest>& requests) {
    std::vector<Result<Connection>> out;
    out.reserve(requests.size());
    const Store store(context);
    Status ready = ensure_host_state_once(context, store);
    Pendings pendings(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i)
        pendings[i].request = &requests[i];
    if (ready) {
        const auto connecting = store.lock_connecting();
        if (connecting)
            connect_pendings(context, store, pendings);
        else
            ready = fail(connecting.error());
    }
    for (auto& pending : pendings) {
        if (!ready) pending.status = fail(ready.error());
        if (pending.status) {
            out.emplace_back(std::move(pending.connection));
            continue;
        }
        undo_connection(store, pending);
        Error error = std::move(pending.status).error();
        const auto& name = pending.request->container_name;
        out.emplace_back(fail(std::move(error).context(concat(
            "connect the container ", name.empty() ? pending.request->container_id.substr(0, 12) : name))));
    }
    return out;
}

Result<Connection> connect(const Context& context, const ConnectRequest& request) {
    return std::move(connect_all(context, {request}).front());
}

Status disconnect(const Context& context, const std::string& container_id) {
    return disconnect_all(context, {container_id});
}

Status disconnect_all(const Context& context, const std::vector<std::string>& container_ids) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const auto attached, attachments(store, container_ids));
    return take_down(store, attached);
}

Status release(const Context& context, const std::string& container_id) {
    return release_all(context, {container_id});
}

Status release_all(const Context& context, const std::vector<std::string>& container_ids) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const auto attached, attachments(store, container_ids));
    ErrorList failed;
    failed.push(take_down(store, attached));
    for (const auto& attachment : attached)
        failed.push(give_back(store, attachment));
    return std::move(failed).take();
}

Result<std::vector<Endpoint>> endpoints_of(const Context& context, const std::string& container_id) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const auto attached, attachments(store, {container_id}));
    std::vector<Endpoint> out;
    for (const auto& attachment : attached) {
        BERTH_ASSIGN_OR_RETURN(auto lease, store.lease(attachment.network_id, container_id));
        if (lease) out.push_back(std::move(*lease));
    }
    std::sort(out.begin(), out.end(), [](const Endpoint& a, const Endpoint& b) {
        // Leases of earlier versions have no index: "eth10" stands behind "eth2".
        return std::tuple(a.index, a.interface.size(), a.interface) <
               std::tuple(b.index, b.interface.size(), b.interface);
    });
    return out;
}

} // namespace berth::network
