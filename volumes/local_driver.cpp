#include "volumes/local_driver.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::volumes {

namespace {

Status check_keys(const Volume& volume) {
    static const std::vector<std::string> known = {"type", "o", "device"};
    for (const auto& [name, value] : volume.options) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        Error error(ErrorCode::invalid_input, concat("the volume '", volume.name, "' has the option '", name,
                                                     "', which the driver local does not know"));
        const auto near = nearest_word(name, known);
        error.hint(near.empty() ? std::string("its options are type, o and device")
                                : concat("did you mean ", near, "?"));
        return fail(std::move(error));
    }
    return {};
}

std::string option(const Volume& volume, const char* name) {
    const auto found = volume.options.find(name);
    return found != volume.options.end() ? found->second : std::string();
}

// Takes the words bind and rbind out; true if one was there.
bool take_bind(std::vector<std::string>& options) {
    return std::erase_if(options, [](const std::string& word) { return word == "bind" || word == "rbind"; }) >
           0;
}

} // namespace

Result<LocalVolume> parse_local(const Volume& volume) {
    if (volume.driver != "local" && !volume.driver.empty())
        return fail(
            Error(ErrorCode::unsupported,
                  concat("the volume '", volume.name, "' asks for the driver '", volume.driver, "'"))
                .hint("local is the one there is; its options type, o and device mount nfs and others"));
    BERTH_TRY(check_keys(volume));
    LocalVolume out;
    out.type = option(volume, "type");
    out.device = option(volume, "device");
    for (const auto& word : split(option(volume, "o"), ','))
        if (!trim(word).empty()) out.options.emplace_back(trim(word));
    const bool bind = take_bind(out.options) || out.type == "bind";
    if (out.type.empty() && out.device.empty() && out.options.empty() && !bind) return out;
    if (bind) {
        out.kind = LocalKind::bind;
        if (out.device.empty() || out.device.front() != '/')
            return fail(
                Error(ErrorCode::invalid_input, concat("the volume '", volume.name, "' is a bind of '",
                                                       out.device, "', which is no absolute path"))
                    .hint("set driver_opts.device to a folder of this host"));
        std::erase(out.options, "rw");
        if (!out.options.empty())
            return fail(Error(ErrorCode::unsupported,
                              concat("the volume '", volume.name, "' is a bind with the option '",
                                     out.options.front(), "'"))
                            .hint("put ro and propagation on the service's mount instead"));
        return out;
    }
    if (out.type.empty() || out.type == "none")
        return fail(Error(ErrorCode::invalid_input,
                          concat("the volume '", volume.name, "' has a device or options but no type"))
                        .hint("type: none with o: bind for a folder of this host; otherwise the file system, "
                              "for example nfs or tmpfs"));
    if (out.device.empty()) {
        if (out.type != "tmpfs")
            return fail(ErrorCode::invalid_input,
                        concat("the volume '", volume.name, "' of the type ", out.type, " has no device"));
        out.device = "tmpfs";
    }
    out.kind = LocalKind::filesystem;
    return out;
}

} // namespace berth::volumes
