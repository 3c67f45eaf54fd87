#include "network/store.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/spread.hpp"

#include <algorithm>

namespace berth::network {

namespace {

// Names that write_atomic has not yet put in place are no records.
bool is_record_name(const std::string& name) {
    return is_hex(name) && name.size() == 64;
}

template <class T> Lookup<T> read_record(const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(path, 1u << 20));
    if (!text) return std::optional<T>();
    BERTH_ASSIGN_OR_RETURN(T value, parse_record<T>(*text, path));
    return std::optional<T>(std::move(value));
}

// Makes the folder only when the write found it missing: the usual case costs no extra system call.
Status write_in(const std::string& folder, const std::string& name, std::string_view bytes,
                Durability durability) {
    const std::string path = join_path(folder, name);
    auto written = write_atomic(path, bytes, 0600, durability);
    if (written || written.error().sys_errno() != ENOENT) return written;
    BERTH_TRY(make_dirs(folder));
    return write_atomic(path, bytes, 0600, durability);
}

} // namespace

Result<FileLock> Store::lock_all() const {
    BERTH_TRY(make_spread_dirs(context_.paths.networks()));
    return FileLock::acquire(context_.paths.networks() + "/lock");
}

Result<FileLock> Store::lock_network(const std::string& id) const {
    return FileLock::acquire(folder(id) + "/lock");
}

Result<FileLock> Store::lock_firewall() const {
    BERTH_TRY(make_dirs(context_.paths.exec_root()));
    return FileLock::acquire(context_.paths.exec_root() + "/firewall.lock");
}

Result<FileLock> Store::lock_connecting() const {
    BERTH_TRY(make_dirs(context_.paths.exec_root()));
    return FileLock::acquire(context_.paths.exec_root() + "/connect.lock", true);
}

Lookup<FileLock> Store::try_lock_idle() const {
    BERTH_TRY(make_dirs(context_.paths.exec_root()));
    return FileLock::try_acquire(context_.paths.exec_root() + "/connect.lock");
}

Status Store::write(const Network& network) const {
    BERTH_TRY(make_dirs(folder(network.id) + "/leases"));
    BERTH_TRY(make_dir(folder(network.id) + "/addresses"));
    return write_atomic(folder(network.id) + "/network.json", to_json(network).to_text(2), 0600,
                        Durability::durable);
}

Status Store::retire(const std::string& id) const {
    const std::string record = folder(id) + "/network.json";
    if (::rename(record.c_str(), (folder(id) + "/retired.json").c_str()) != 0 && errno != ENOENT)
        return fail_errno(concat("remove '", record, "'"));
    return {};
}

Result<std::vector<std::string>> Store::ids() const {
    BERTH_ASSIGN_OR_RETURN(auto ids, list_dir(context_.paths.networks()));
    std::erase_if(ids, [](const std::string& name) { return !is_record_name(name); });
    return ids;
}

Result<std::vector<Network>> Store::leftovers() const {
    BERTH_ASSIGN_OR_RETURN(const auto ids, this->ids());
    std::vector<Network> found;
    for (const auto& id : ids) {
        if (!is_directory(folder(id))) continue;
        const auto record = read_record<Network>(folder(id) + "/network.json");
        if (record && *record) continue;
        if (!record) {
            // Damaged: nobody can use it any more, but those who are on it keep it.
            const auto holders = lease_holders(id);
            if (record.error().code() != ErrorCode::invalid_input || !holders || !holders->empty()) continue;
        }
        const auto retired = read_record<Network>(folder(id) + "/retired.json");
        Network network = retired && *retired ? **retired : Network{};
        network.id = id;
        if (network.bridge.empty()) network.bridge = concat("br-", short_id(id));
        found.push_back(std::move(network));
    }
    return found;
}

Status Store::erase(const std::string& id) const {
    BERTH_TRY(retire(id));
    ErrorList failed;
    failed.push(remove_tree(folder(id)));
    failed.push(remove_tree(exec_folder(id)));
    return std::move(failed).take();
}

Result<std::vector<Network>> Store::list() const {
    BERTH_ASSIGN_OR_RETURN(const auto ids, this->ids());
    std::vector<Network> networks;
    for (const auto& id : ids) {
        auto network = read_record<Network>(folder(id) + "/network.json");
        if (!network) {
            context_.progress->warn(network.error().to_string());
            continue;
        }
        if (*network) networks.push_back(std::move(**network));
    }
    std::sort(networks.begin(), networks.end(),
              [](const Network& a, const Network& b) { return a.config.name < b.config.name; });
    return networks;
}

Lookup<Network> Store::find(const std::string& name_or_id) const {
    if (is_record_name(name_or_id)) {
        auto exact = read_record<Network>(folder(name_or_id) + "/network.json");
        if (!exact || *exact) return exact;
    }
    BERTH_ASSIGN_OR_RETURN(auto networks, list());
    for (auto& network : networks)
        if (network.config.name == name_or_id) return std::optional<Network>(std::move(network));
    // A name wins over a prefix of an id, as everywhere.
    std::optional<Network> found;
    if (!is_hex(name_or_id)) return found;
    for (auto& network : networks) {
        if (!network.id.starts_with(name_or_id)) continue;
        if (found)
            return fail(Error(ErrorCode::invalid_input,
                              concat("'", name_or_id, "' is the beginning of more than one network's id"))
                            .hint("give more digits, or the name"));
        found = std::move(network);
    }
    return found;
}

void Store::remove_temporaries_of(const std::string& id) const {
    for (const auto& place :
         {folder(id) + "/leases", exec_folder(id) + "/published", context_.paths.network_names(id)})
        remove_temporaries(place);
}

Status Store::write_lease(const Endpoint& endpoint) const {
    return write_in(folder(endpoint.network_id) + "/leases", endpoint.container_id,
                    to_json(endpoint).to_text(), Durability::volatile_);
}

Lookup<Endpoint> Store::lease(const std::string& network_id, const std::string& container_id) const {
    BERTH_ASSIGN_OR_RETURN(auto endpoint,
                           read_record<Endpoint>(concat(folder(network_id), "/leases/", container_id)));
    if (!endpoint) return endpoint;
    BERTH_ASSIGN_OR_RETURN(auto record, published(network_id, container_id));
    if (record) endpoint->ports = std::move(record->ports);
    return endpoint;
}

Status Store::erase_lease(const std::string& network_id, const std::string& container_id) const {
    return remove_file(concat(folder(network_id), "/leases/", container_id));
}

Result<std::vector<std::string>> Store::lease_holders(const std::string& network_id) const {
    BERTH_ASSIGN_OR_RETURN(auto names, list_dir(folder(network_id) + "/leases"));
    std::erase_if(names,
                  [](const std::string& name) { return !is_valid_name(name) || name.ends_with(".tmp"); });
    return names;
}

Result<std::vector<Endpoint>> Store::leases(const std::string& network_id) const {
    BERTH_ASSIGN_OR_RETURN(const auto holders, lease_holders(network_id));
    std::vector<Endpoint> out;
    for (const auto& holder : holders) {
        auto endpoint = lease(network_id, holder);
        if (!endpoint)
            context_.progress->warn(endpoint.error().to_string());
        else if (*endpoint)
            out.push_back(std::move(**endpoint));
    }
    return out;
}

Status Store::write_published(const std::string& network_id, const PublishedRecord& record) const {
    return write_in(exec_folder(network_id) + "/published", record.container_id, to_json(record).to_text(),
                    Durability::volatile_);
}

Lookup<PublishedRecord> Store::published(const std::string& network_id,
                                         const std::string& container_id) const {
    return read_record<PublishedRecord>(concat(exec_folder(network_id), "/published/", container_id));
}

Status Store::erase_published(const std::string& network_id, const std::string& container_id) const {
    return remove_file(concat(exec_folder(network_id), "/published/", container_id));
}

Result<std::vector<PublishedRecord>> Store::all_published(const std::string& network_id) const {
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(exec_folder(network_id) + "/published"));
    std::vector<PublishedRecord> out;
    for (const auto& name : names) {
        if (name.ends_with(".tmp")) continue;
        auto record = published(network_id, name);
        if (!record)
            context_.progress->warn(record.error().to_string());
        else if (*record)
            out.push_back(std::move(**record));
    }
    return out;
}

} // namespace berth::network
