#include "runtime/container/bundle.hpp"

#include "runtime/base/parse.hpp"

namespace berth::runtime {

namespace {

// "key=value" or the older "key:value"; a key alone has no value.
std::pair<std::string, std::optional<std::string>> split_option(const std::string& option) {
    auto at = option.find('=');
    if (at == std::string::npos) at = option.find(':');
    if (at == std::string::npos) return {option, std::nullopt};
    return {option.substr(0, at), option.substr(at + 1)};
}

Result<bool> flag_value(const std::string& option, const std::optional<std::string>& value) {
    if (!value) return true;
    auto flag = parse_bool(*value);
    if (!flag)
        return fail(ErrorCode::invalid_input,
                    concat("security option \"", option, "\" is neither true nor false"));
    return *flag;
}

} // namespace

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options) {
    SecurityOptions out;
    for (const auto& option : options) {
        const auto [key, value] = split_option(option);
        // Named anew: clang 14 captures no structured binding.
        const auto needs_value = [&option, &value = value]() -> Result<std::string> {
            if (!value || value->empty())
                return fail(ErrorCode::invalid_input,
                            concat("security option \"", option, "\" has no value"));
            return *value;
        };
        if (key == "no-new-privileges") {
            BERTH_ASSIGN_OR_RETURN(out.no_new_privileges, flag_value(option, value));
        } else if (key == "writable-cgroups") {
            BERTH_ASSIGN_OR_RETURN(out.writable_cgroups, flag_value(option, value));
        } else if (key == "seccomp") {
            BERTH_ASSIGN_OR_RETURN(out.seccomp, needs_value());
            if (out.seccomp == "builtin") out.seccomp.clear();
        } else if (key == "apparmor") {
            BERTH_ASSIGN_OR_RETURN(out.apparmor, needs_value());
        } else if (key == "systempaths") {
            BERTH_ASSIGN_OR_RETURN(const auto word, needs_value());
            if (word != "unconfined")
                return fail(ErrorCode::invalid_input,
                            concat("security option \"", option, "\": only systempaths=unconfined is known"));
            out.unconfined_paths = true;
        } else if (key == "label") {
            // Without SELinux there is nothing to switch off; a label of one's own could not be kept.
            if (value != "disable")
                return fail(ErrorCode::unsupported,
                            concat("security option \"", option, "\": berth sets no SELinux labels"));
        } else {
            auto error =
                Error(ErrorCode::invalid_input, concat("security option \"", option, "\" is not known"));
            const auto near = nearest_word(key, {"no-new-privileges", "writable-cgroups", "seccomp",
                                                 "apparmor", "systempaths", "label"});
            if (!near.empty()) error.hint(concat("did you mean \"", near, "\"?"));
            return fail(std::move(error));
        }
    }
    return out;
}

} // namespace berth::runtime
