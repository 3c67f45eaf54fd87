#include "runtime/image/platform.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/utsname.h>

namespace berth::image {

namespace {

// Go's names of those that Linux runs on.
constexpr std::array<std::string_view, 14> k_architectures{
    "386",      "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
    "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};

// uname's and other people's names -> the image-spec's (Go's GOARCH) with the variant that the name implies.
Platform normalise(std::string os, std::string architecture, std::string variant) {
    os = to_lower(os);
    architecture = to_lower(architecture);
    variant = to_lower(variant);
    if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
    if (architecture == "i386" || architecture == "i686" || architecture == "x86") architecture = "386";
    if (architecture == "aarch64") architecture = "arm64";
    if (architecture == "armhf" || architecture == "armv7l") {
        architecture = "arm";
        if (variant.empty()) variant = "v7";
    }
    if (architecture == "armel" || architecture == "armv6l") {
        architecture = "arm";
        if (variant.empty()) variant = "v6";
    }
    // The plain architecture means its usual variant.
    if (architecture == "arm64" && (variant == "v8" || variant == "8")) variant.clear();
    if (architecture == "amd64" && variant == "v1") variant.clear();
    if (architecture == "arm" && variant.empty()) variant = "v7";
    return {std::move(os), std::move(architecture), std::move(variant)};
}

// Of the x86-64 psABI, by the features that tell one level from the next.
int x86_level() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt") ||
        !__builtin_cpu_supports("ssse3"))
        return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
        return 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl"))
        return 3;
    return 4;
#else
    return 0;
#endif
}

} // namespace

std::string Platform::to_string() const {
    return variant.empty() ? concat(os, "/", architecture) : concat(os, "/", architecture, "/", variant);
}

Platform host_platform() {
    struct utsname name {};
    ::uname(&name);
    return normalise("linux", name.machine, "");
}

Result<Platform> parse_platform(std::string_view text) {
    if (text.empty()) return host_platform();
    const auto parts = split(text, '/');
    const auto bad = [&] {
        return fail(
            ErrorCode::invalid_input,
            concat("'", text, "' is not a platform (os/architecture[/variant], for example linux/amd64)"));
    };
    if (parts.size() > 3) return bad();
    for (const auto& part : parts)
        if (part.empty() ||
            part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
                std::string::npos)
            return bad();
    if (parts.size() == 1) {
        if (to_lower(parts[0]) == "linux") return host_platform();
        auto alone = normalise("linux", parts[0], "");
        if (std::find(k_architectures.begin(), k_architectures.end(), alone.architecture) ==
            k_architectures.end())
            return fail(ErrorCode::invalid_input,
                        concat("'", text, "' is no architecture that images are made for"));
        return alone;
    }
    return normalise(parts[0], parts[1], parts.size() == 3 ? parts[2] : "");
}

Result<WantedPlatform> parse_wanted_platform(std::string_view text) {
    if (text.empty()) return WantedPlatform();
    BERTH_ASSIGN_OR_RETURN(auto platform, parse_platform(text));
    return WantedPlatform(std::move(platform));
}

bool suits(const Platform& image, const WantedPlatform& wanted) {
    return !wanted || platform_fit(image, *wanted) > 0;
}

int platform_fit(const Platform& image, const Platform& host) {
    const Platform have = normalise(image.os, image.architecture, image.variant);
    const Platform want = normalise(host.os, host.architecture, host.variant);
    if (have.os != want.os || have.architecture != want.architecture) return 0;
    if (have.variant == want.variant) return 100;
    // An image that needs a younger processor is taken where there is no plain one and this machine's will do.
    if (want.architecture == "amd64" && want.variant.empty()) {
        const auto level =
            parse_integer(std::string_view(have.variant).substr(have.variant.starts_with('v') ? 1 : 0), 2, 4);
        return level && *level <= x86_level() ? 40 - static_cast<int>(*level) : 0;
    }
    // 32-bit ARM runs what is older: v6 on v7. Nothing of the kind elsewhere, but for the plain variant.
    if (want.architecture == "arm" && have.variant < want.variant && have.variant.starts_with('v'))
        return 10 + (have.variant[1] - '0');
    return have.variant.empty() ? 50 : 0;
}

} // namespace berth::image
