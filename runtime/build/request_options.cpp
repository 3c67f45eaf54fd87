#include "runtime/build/request_options.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <cstdlib>
#include <sys/stat.h>

namespace berth::build {

namespace {

Failure usage(std::string message, std::string hint = {}) {
    Error error(ErrorCode::usage, std::move(message));
    if (!hint.empty()) error.hint(std::move(hint));
    return fail(std::move(error));
}

bool is_socket(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 && S_ISSOCK(s.st_mode);
}

} // namespace

Result<std::vector<std::pair<std::string, std::string>>> split_option(std::string_view text) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
            fields.back() += text[++i];
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    if (quoted) return usage(concat("'", text, "': a quote is not closed"));
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& field : fields) {
        const auto equals = field.find('=');
        if (equals == std::string::npos)
            out.emplace_back("", std::string(trim(field)));
        else
            out.emplace_back(to_lower(trim(field.substr(0, equals))), field.substr(equals + 1));
    }
    return out;
}

Result<std::pair<std::string, SecretSource>> parse_secret(const std::string& text,
                                                          const std::string& folder) {
    std::string id, file, variable, type;
    BERTH_ASSIGN_OR_RETURN(const auto fields, split_option(text));
    for (const auto& [key, value] : fields) {
        if (key == "id")
            id = value;
        else if (key == "src" || key == "source")
            file = value;
        else if (key == "env")
            variable = value;
        else if (key == "type" && (value == "file" || value == "env"))
            type = value;
        else if (key == "type")
            return usage(concat("unsupported secret type \"", value, "\""), "one of file, env");
        else if (key.empty())
            return usage(concat("invalid field '", value, "' must be a key=value pair"));
        else
            return usage(concat("unexpected key '", key, "' in '", text, "'"), "one of id, src, env, type");
    }
    if (id.empty()) return usage(concat("--secret '", text, "': id= is missing"));
    if (type == "env" && variable.empty()) {
        variable = file.empty() ? id : file;
        file.clear();
    }
    SecretSource out;
    if (file.empty() && variable.empty() && type.empty() && std::getenv(id.c_str()) != nullptr) variable = id;
    if (file.empty() && !variable.empty()) {
        const char* value = std::getenv(variable.c_str());
        if (value == nullptr)
            return usage(concat("--secret '", text, "': the variable ", variable, " is not set"));
        out.text = value;
        return std::pair(id, out);
    }
    out.file = absolute_path(file.empty() ? id : file, folder);
    if (!path_exists(out.file))
        return fail(Error(ErrorCode::not_found, concat("--secret '", text, "': ", out.file, " is not there"))
                        .hint("give its file with src=, or its variable with env="));
    return std::pair(id, out);
}

Result<std::pair<std::string, std::string>> parse_ssh(const std::string& text, const std::string& folder) {
    const auto equals = text.find('=');
    auto id = text.substr(0, equals);
    if (id.empty()) id = "default";
    if (equals == std::string::npos || equals + 1 == text.size()) {
        const char* socket = std::getenv("SSH_AUTH_SOCK");
        if (socket == nullptr || *socket == '\0')
            return usage("invalid empty ssh agent socket: SSH_AUTH_SOCK is not set",
                         "start an agent: eval $(ssh-agent); ssh-add");
        return std::pair(id, std::string(socket));
    }
    std::vector<std::string> paths;
    for (const auto& path : split(text.substr(equals + 1), ',')) {
        if (path == "raw=true" || path == "raw=false") continue; // passed on as it is in either case
        paths.push_back(absolute_path(path, folder));
    }
    if (paths.size() == 1 && is_socket(paths[0])) return std::pair(id, paths[0]);
    for (const auto& path : paths)
        if (!path_exists(path))
            return fail(ErrorCode::not_found, concat("--ssh '", text, "': ", path, " is not there"));
    return fail(Error(ErrorCode::unsupported, concat("--ssh '", text, "': key files are not read"))
                    .hint("give them to an agent and pass its socket: eval $(ssh-agent); ssh-add FILE"));
}

Result<BuildOption> parse_output(const std::string& text, const std::string& folder) {
    BERTH_ASSIGN_OR_RETURN(const auto fields, split_option(text));
    BuildOption out;
    if (fields.size() == 1 && fields[0].first.empty()) {
        out.type = text == "-" ? "tar" : "local";
        out.attributes["dest"] = text;
    } else {
        for (const auto& [key, value] : fields) {
            if (key.empty()) return usage(concat("invalid value ", value, " of --output"), "write key=value");
            if (key == "type")
                out.type = value;
            else
                out.attributes[key] = value;
        }
    }
    if (out.type.empty()) return usage("type is required for output", "for example type=local,dest=out");
    const auto dest = out.get("dest");
    if (dest.empty() && (out.type == "tar" || out.type == "oci")) out.attributes["dest"] = "-";
    if (!dest.empty() && dest != "-") out.attributes["dest"] = absolute_path(dest, folder);
    return out;
}

Result<std::vector<BuildOption>> parse_caches(const std::string& text, const std::string& folder) {
    std::vector<BuildOption> out;
    BERTH_ASSIGN_OR_RETURN(const auto fields, split_option(text));
    if (text.find('=') == std::string::npos) {
        for (const auto& [key, value] : fields)
            if (!value.empty()) out.push_back({"registry", {{"ref", value}}});
        return out;
    }
    BuildOption one;
    for (const auto& [key, value] : fields) {
        if (key.empty()) return usage(concat("invalid value ", value, " of a cache"), "write key=value");
        if (key == "type")
            one.type = value;
        else
            one.attributes[key] = value;
    }
    if (one.type.empty())
        return usage(concat("type required for \"", text, "\""), "for example type=registry,ref=NAME");
    for (const char* key : {"src", "dest"})
        if (const auto path = one.get(key); !path.empty()) one.attributes[key] = absolute_path(path, folder);
    out.push_back(std::move(one));
    return out;
}

Status add_annotation(BuildRequest& request, const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return usage(concat("invalid annotation \"", text, "\", expected key=value"));
    auto key = text.substr(0, equals);
    if (const auto colon = key.find(':'); colon != std::string::npos) {
        const auto kind = key.substr(0, colon);
        if (kind != "manifest")
            return fail(Error(ErrorCode::unsupported, concat("annotation of '", kind, "'"))
                            .hint("one platform is built: only manifest:KEY=VALUE has a place"));
        key.erase(0, colon + 1);
    }
    request.annotations[key] = text.substr(equals + 1);
    return {};
}

Status allow_entitlement(BuildRequest& request, const std::string& word) {
    if (word == "network.host") return {}; // RUN --network=host needs no permission here
    if (word == "security.insecure") {
        request.allow_insecure = true;
        return {};
    }
    if (word == "device" || word.starts_with("device="))
        return fail(ErrorCode::unsupported, concat("--allow ", word, ": RUN --device is not supported"));
    // What the builder here may do anyway: it runs as the caller, who could read and write all of it.
    const auto kind = word.substr(0, word.find('='));
    for (const char* known : {"fs", "fs.read", "fs.write", "ssh", "buildx.local.delete"})
        if (kind == known) return {};
    return usage(concat("unknown entitlement '", word, "'"), "one of network.host, security.insecure");
}

Status add_resource(BuildRequest& request, const std::string& text) {
    BERTH_ASSIGN_OR_RETURN(const auto fields, split_option(text));
    for (const auto& [key, value] : fields) {
        auto& limits = request.limits;
        if (key == "memory") {
            BERTH_ASSIGN_OR_RETURN(limits.memory, parse_bytes(value));
        } else if (key == "memory-swap") {
            if (value == "-1") {
                limits.memory_swap = -1;
            } else {
                BERTH_ASSIGN_OR_RETURN(limits.memory_swap, parse_bytes(value));
            }
        } else if (key == "cpu-shares") {
            BERTH_ASSIGN_OR_RETURN(limits.cpu_shares, parse_integer(value, 0));
        } else if (key == "cpu-period") {
            BERTH_ASSIGN_OR_RETURN(limits.cpu_period, parse_integer(value, 0));
        } else if (key == "cpu-quota") {
            BERTH_ASSIGN_OR_RETURN(limits.cpu_quota, parse_integer(value, -1));
        } else if (key == "cpuset-cpus") {
            limits.cpuset_cpus = value;
        } else if (key == "cpuset-mems") {
            limits.cpuset_mems = value;
        } else {
            return usage(concat("unknown resource '", key.empty() ? value : key, "'"),
                         "one of memory, memory-swap, cpu-shares, cpu-period, cpu-quota, cpuset-cpus, "
                         "cpuset-mems");
        }
    }
    return {};
}

} // namespace berth::build
