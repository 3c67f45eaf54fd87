#include "network/firewall.hpp"

#include "network/conntrack.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/process.hpp"

#include <algorithm>
#include <net/if.h>
#include <set>
#include <sys/stat.h>

namespace berth::network {

namespace {

struct FirewallState {
    std::string boot_id;
    std::int64_t network_namespace = 0; // a ruleset's number counts within one
    std::int64_t generation = 0;
};
template <class V> void describe(V& v, FirewallState& s) {
    v.field("bootId", s.boot_id);
    v.field("networkNamespace", s.network_namespace);
    v.field("generation", s.generation);
}

std::int64_t own_namespace() {
    struct stat info {};
    return ::stat("/proc/thread-self/ns/net", &info) == 0 ? static_cast<std::int64_t>(info.st_ino) : 0;
}

std::string state_path(const Store& store) {
    return store.context().paths.exec_root() + "/firewall.json";
}

Result<std::vector<ElementOperation>> operations_for(const std::vector<Publication>& publications,
                                                     ElementChange change) {
    std::vector<ElementOperation> out;
    for (const auto& publication : publications) {
        BERTH_ASSIGN_OR_RETURN(auto elements, port_elements(publication.record));
        for (auto& element : elements)
            out.push_back({change, std::move(element)});
    }
    // Neighbours of one map share a message.
    std::stable_sort(out.begin(), out.end(), [](const ElementOperation& a, const ElementOperation& b) {
        return a.element.map() < b.element.map();
    });
    return out;
}

// What a record's elements are told apart by: two records with one in common cannot both be published.
std::vector<std::string> claims_of(const PublishedRecord& record) {
    std::vector<std::string> claims;
    if (const auto elements = port_elements(record))
        for (const auto& element : *elements)
            claims.push_back(element.map() + element.key());
    return claims;
}

// A command that was killed while it took over a dead monitor's port leaves two records of it, and the kernel
// refuses the whole table with both. The one whose container is connected has it.
void drop_double_claims(std::vector<PublishedRecord>& records) {
    std::stable_partition(records.begin(), records.end(), [](const PublishedRecord& record) {
        return ::if_nametoindex(record.host_interface.c_str()) != 0;
    });
    std::set<std::string> taken;
    std::erase_if(records, [&](const PublishedRecord& record) {
        const auto claims = claims_of(record);
        const bool late = std::any_of(claims.begin(), claims.end(),
                                      [&](const std::string& claim) { return taken.count(claim) != 0; });
        if (!late) taken.insert(claims.begin(), claims.end());
        return late;
    });
}

// The kernel keeps sending a UDP flow where it went before: to nobody, or to the container that had the port
// last (moby#8795). A client that goes on sending from the same port would never arrive.
void forget_udp_flows(const std::vector<Publication>& publications) {
    std::vector<std::uint16_t> ports;
    for (const auto& publication : publications)
        for (const auto& port : publication.record.ports)
            if (port.protocol == "udp") ports.push_back(static_cast<std::uint16_t>(port.host_port));
    if (ports.empty()) return;
    if (const auto done = delete_udp_flows(ports); !done) log::debug("{}", done.error().to_string());
}

} // namespace

Lookup<std::uint32_t> Firewall::untouched() const {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(state_path(store_), 4096));
    if (!text) return std::optional<std::uint32_t>();
    const auto state = parse_record<FirewallState>(*text, state_path(store_));
    if (!state || state->boot_id != boot_id() || state->network_namespace != own_namespace())
        return std::optional<std::uint32_t>();
    BERTH_ASSIGN_OR_RETURN(const std::uint32_t now, ruleset_generation());
    if (now != static_cast<std::uint64_t>(state->generation)) return std::optional<std::uint32_t>();
    return std::optional<std::uint32_t>(now);
}

Status Firewall::begin_change() const {
    remove_temporaries(store_.context().paths.exec_root()); // a state that a killed command was writing
    return remove_file(state_path(store_));
}

template <class Change> Status Firewall::commit(Change change) const {
    BERTH_ASSIGN_OR_RETURN(const std::uint32_t before, ruleset_generation());
    BERTH_TRY(change());
    BERTH_ASSIGN_OR_RETURN(const std::uint32_t after, ruleset_generation());
    // Somebody else's commit fell in between: what it did is looked at next time.
    if (after != before + 1) return remove_file(state_path(store_));
    const FirewallState state{boot_id(), own_namespace(), after};
    return write_atomic(state_path(store_), to_json(state).to_text());
}

Status Firewall::rebuild() const {
    RulesetInput input;
    input.table = store_.context().paths.scope();
    BERTH_ASSIGN_OR_RETURN(auto networks, store_.list());
    // A record that somebody has damaged is told and passed over: the others' isolation must not hang on it.
    const auto usable = [&](const auto& checked) {
        if (!checked) store_.context().progress->warn(checked.error().to_string());
        return checked.has_value();
    };
    for (auto& network : networks) {
        if (!usable(add_network_text(input.table, network))) continue;
        BERTH_ASSIGN_OR_RETURN(auto records, store_.all_published(network.id));
        for (auto& record : records)
            if (usable(port_elements(record))) input.published.push_back(std::move(record));
        input.networks.push_back(std::move(network));
    }
    if (input.networks.empty()) return {};
    drop_double_claims(input.published);
    BERTH_ASSIGN_OR_RETURN(const bool exists, table_exists(input.table));
    input.fresh = !exists;
    log::info("writing the firewall table {} for {} networks", input.table, input.networks.size());
    BERTH_ASSIGN_OR_RETURN(const std::string text, full_ruleset(input));
    return commit([&]() -> Status {
        auto written = run_nft_text(text);
        if (written) return {};
        // A table of another version of ours, with sets of other types, cannot be changed into this one.
        log::warn("writing the firewall table {} anew: {}", input.table, written.error().to_string());
        return run_nft_text(delete_table_text(input.table) + text);
    });
}

Status Firewall::ensure() const {
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    BERTH_ASSIGN_OR_RETURN(const auto known, untouched());
    if (known) return {};
    return rebuild();
}

Status Firewall::add_network(const Network& network) const {
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    BERTH_ASSIGN_OR_RETURN(const auto known, untouched());
    BERTH_TRY(begin_change());
    BERTH_TRY(store_.write(network));
    if (!known) return rebuild();
    BERTH_ASSIGN_OR_RETURN(const std::string text, add_network_text(store_.context().paths.scope(), network));
    if (commit([&] { return run_nft_text(text); })) return {};
    return rebuild();
}

Status Firewall::remove_network(const Network& network) const {
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    const std::string& table = store_.context().paths.scope();
    BERTH_ASSIGN_OR_RETURN(const auto left, store_.list());
    if (left.empty()) {
        const auto keep = has_user_rules(table);
        if (!keep || !*keep) {
            BERTH_TRY(run_nft_text(delete_table_text(table)));
            return begin_change(); // nothing is left to have a state
        }
    }
    BERTH_ASSIGN_OR_RETURN(const auto known, untouched());
    // Of a damaged record, not all elements are known.
    if (known && !network.config.subnets.empty()) {
        const auto text = delete_network_text(table, network);
        if (text && commit([&] { return run_nft_text(*text); })) return {};
    }
    return rebuild();
}

void Firewall::erase_superseded(const std::vector<Publication>& publications) const {
    std::set<std::string> ours;
    std::set<std::string> taken;
    for (const auto& publication : publications) {
        ours.insert(publication.record.container_id);
        for (auto& claim : claims_of(publication.record))
            taken.insert(std::move(claim));
    }
    const auto networks = store_.list();
    if (!networks) return;
    for (const auto& network : *networks) {
        const auto records = store_.all_published(network.id);
        if (!records) continue;
        for (const auto& record : *records) {
            if (ours.count(record.container_id) != 0) continue;
            const auto claims = claims_of(record);
            const bool lost = std::any_of(claims.begin(), claims.end(),
                                          [&](const std::string& claim) { return taken.count(claim) != 0; });
            if (!lost && ::if_nametoindex(record.host_interface.c_str()) != 0) continue;
            (void)store_.erase_published(network.id, record.container_id);
        }
    }
}

Status Firewall::publish_locked(const std::vector<Publication>& publications) const {
    BERTH_ASSIGN_OR_RETURN(const auto operations, operations_for(publications, ElementChange::add));
    BERTH_ASSIGN_OR_RETURN(const auto known, untouched());
    BERTH_TRY(begin_change());
    bool again = false; // published before by a monitor that was killed: its elements are still there
    for (const auto& publication : publications) {
        const auto before = store_.published(publication.network_id, publication.record.container_id);
        again = again || !before || *before;
        BERTH_TRY(store_.write_published(publication.network_id, publication.record));
    }
    if (known && !again) {
        auto changed = commit([&] { return change_elements(store_.context().paths.scope(), operations); });
        if (changed || changed.error().sys_errno() != EEXIST) return changed;
    }
    erase_superseded(publications);
    return rebuild();
}

Status Firewall::publish(const std::vector<Publication>& publications) const {
    if (publications.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    auto published = publish_locked(publications);
    if (published) {
        forget_udp_flows(publications);
        return published;
    }
    for (const auto& publication : publications)
        (void)store_.erase_published(publication.network_id, publication.record.container_id);
    return published;
}

Status Firewall::forget(const std::vector<Publication>& publications) const {
    if (publications.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    ErrorList failed;
    failed.push(begin_change());
    for (const auto& publication : publications)
        failed.push(store_.erase_published(publication.network_id, publication.record.container_id));
    failed.push(rebuild());
    return std::move(failed).take();
}

Status Firewall::withdraw(const std::vector<Publication>& publications) const {
    if (publications.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const auto operations, operations_for(publications, ElementChange::remove));
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store_.lock_firewall());
    BERTH_ASSIGN_OR_RETURN(const auto known, untouched());
    ErrorList failed;
    failed.push(begin_change());
    for (const auto& publication : publications)
        failed.push(store_.erase_published(publication.network_id, publication.record.container_id));
    // Elements that are not there any more make the whole transaction fail: then the records decide.
    if (!known || !commit([&] { return change_elements(store_.context().paths.scope(), operations); }))
        failed.push(rebuild());
    return std::move(failed).take();
}

} // namespace berth::network
