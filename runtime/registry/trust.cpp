#include "runtime/registry/trust.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <cstring>

namespace berth::registry {

namespace {

constexpr std::size_t k_max_file = 1u << 20;

std::vector<std::string> files() {
    if (const char* own = std::getenv("BERTH_CONFIG"); own != nullptr && *own != '\0') return {own};
    return {"/etc/berth/config.json", "/etc/docker/daemon.json"};
}

std::vector<std::string> folders(std::string_view host) {
    // A host is part of a path here.
    if (host.empty() || host.starts_with('.') || host.find('/') != std::string_view::npos) return {};
    return {concat("/etc/berth/certs.d/", host), concat("/etc/docker/certs.d/", host)};
}

Result<std::vector<std::string>> texts(const Json& json, const char* key, const std::string& file) {
    std::vector<std::string> out;
    const Json* list = json.find(key);
    if (list == nullptr || list->is_null()) return out;
    const auto wrong = [&] {
        return fail(ErrorCode::invalid_input, concat("'", file, "': ", key, " is no list of texts"));
    };
    if (list->as_array() == nullptr) return wrong();
    for (const auto& item : *list->as_array()) {
        if (item.as_string() == nullptr) return wrong();
        out.push_back(*item.as_string());
    }
    return out;
}

Result<Settings> read_settings() {
    Settings out;
    for (const auto& file : files()) {
        BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(file, k_max_file));
        if (!text || trim(*text).empty()) continue;
        auto json = parse_json(*text);
        if (!json) return fail(std::move(json).error().context(concat("read '", file, "'")));
        BERTH_ASSIGN_OR_RETURN(out.insecure, texts(*json, "insecure-registries", file));
        BERTH_ASSIGN_OR_RETURN(out.mirrors, texts(*json, "registry-mirrors", file));
        for (auto& mirror : out.mirrors) {
            if (!mirror.starts_with("https://") && !mirror.starts_with("http://"))
                return fail(ErrorCode::invalid_input,
                            concat("'", file, "': mirror '", mirror, "' is no http(s) address"));
            while (mirror.ends_with('/'))
                mirror.pop_back();
        }
        break;
    }
    return out;
}

std::string without_port(std::string_view host) {
    if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
    return std::string(host.substr(0, host.find(':')));
}

bool in_subnet(const std::string& address, const std::string& subnet) {
    const auto slash = subnet.find('/');
    const auto bits = parse_integer(subnet.substr(slash + 1), 0, 128);
    for (const int family : {AF_INET, AF_INET6}) {
        std::array<unsigned char, 16> a{}, b{};
        if (::inet_pton(family, address.c_str(), a.data()) != 1 ||
            ::inet_pton(family, subnet.substr(0, slash).c_str(), b.data()) != 1)
            continue;
        if (!bits || *bits > (family == AF_INET ? 32 : 128)) return false;
        const auto whole = static_cast<std::size_t>(*bits / 8);
        const auto mask = static_cast<unsigned char>(0xff00 >> (*bits % 8));
        return std::memcmp(a.data(), b.data(), whole) == 0 &&
               (whole == 16 || ((a[whole] ^ b[whole]) & mask) == 0);
    }
    return false;
}

} // namespace

const Result<Settings>& settings() {
    static const Result<Settings> read = read_settings();
    return read;
}

bool is_insecure(const Settings& settings, std::string_view host) {
    const auto name = without_port(host);
    return std::any_of(settings.insecure.begin(), settings.insecure.end(), [&](const std::string& entry) {
        return entry.find('/') != std::string::npos ? in_subnet(name, entry) : entry == host || entry == name;
    });
}

Result<Certificates> certificates_for(std::string_view host) {
    Certificates out;
    for (const auto& folder : folders(host)) {
        if (!is_directory(folder)) continue;
        BERTH_ASSIGN_OR_RETURN(auto names, list_dir(folder));
        std::sort(names.begin(), names.end());
        const auto beside = [&](const std::string& name, std::size_t ending,
                                const char* other) -> Result<std::string> {
            const auto path = concat(folder, "/", name.substr(0, name.size() - ending), other);
            if (path_exists(path)) return path;
            return fail(
                Error(ErrorCode::invalid_input,
                      concat("'", folder, "/", name, "' has no '", path, "' beside it"))
                    .hint("a client certificate is NAME.cert with NAME.key; authorities end in .crt"));
        };
        for (const auto& name : names) {
            if (name.ends_with(".crt")) {
                BERTH_ASSIGN_OR_RETURN(const auto pem, read_file(concat(folder, "/", name), k_max_file));
                out.authorities += pem + "\n";
            } else if (name.ends_with(".cert")) {
                BERTH_ASSIGN_OR_RETURN(out.client_key, beside(name, 5, ".key"));
                out.client_certificate = concat(folder, "/", name);
            } else if (name.ends_with(".key")) {
                BERTH_TRY(beside(name, 4, ".cert"));
            }
        }
        break;
    }
    return out;
}

} // namespace berth::registry
