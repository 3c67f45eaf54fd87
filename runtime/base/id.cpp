#include "runtime/base/id.hpp"

#include <array>
#include <cstdlib>
#include <sys/random.h>

namespace berth {

namespace {

void fill_random(void* to, std::size_t size) {
    // Never fails for up to 256 bytes once the pool is ready, which it is long before anybody starts containers.
    if (::getrandom(to, size, 0) != static_cast<ssize_t>(size)) std::abort();
}

constexpr std::array<const char*, 32> k_adjectives{
    "able",  "amber",  "bold",  "brave", "brisk", "calm",  "clear",  "deft",   "eager", "early", "fair",
    "fleet", "fond",   "frank", "glad",  "grand", "keen",  "kind",   "lively", "loyal", "merry", "neat",
    "noble", "plucky", "proud", "quick", "ready", "sharp", "steady", "sunny",  "swift", "tidy"};
// Ships and people of the sea.
constexpr std::array<const char*, 32> k_nouns{
    "amundsen", "barents",  "beagle",   "bering",     "bonny",    "brunel", "cabot",    "cook",
    "cousteau", "drake",    "earhart",  "endeavour",  "fram",     "gama",   "halley",   "heyerdahl",
    "hudson",   "kon_tiki", "magellan", "maury",      "mercator", "nansen", "nautilus", "nemo",
    "polaris",  "plimsoll", "ross",     "shackleton", "tasman",   "tharp",  "triton",   "zheng_he"};

} // namespace

std::string make_id() {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, 32> raw{};
    fill_random(raw.data(), raw.size());
    std::string id;
    id.reserve(64);
    for (const auto byte : raw) {
        id += digits[byte >> 4];
        id += digits[byte & 15u];
    }
    // A short id of digits only could be read as a number (hostnames, YAML); docker draws again, too.
    if (id.substr(0, 12).find_first_of("abcdef") == std::string::npos) return make_id();
    return id;
}

std::string short_id(std::string_view id) {
    if (const auto colon = id.find(':'); colon != std::string_view::npos) id.remove_prefix(colon + 1);
    return std::string(id.substr(0, 12));
}

bool is_valid_name(std::string_view name) {
    const auto word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (name.empty() || name.size() > 255 || !word(name.front())) return false;
    for (const char c : name)
        if (!word(c) && c != '_' && c != '.' && c != '-') return false;
    return true;
}

Status check_name(std::string_view name, std::string_view what) {
    if (is_valid_name(name)) return {};
    return fail(
        Error(ErrorCode::invalid_input, concat("'", name, "' is not a ", what, " name"))
            .hint("names begin with a letter or digit and go on with letters, digits, '_', '.' or '-'"));
}

std::string random_name() {
    std::array<unsigned char, 4> raw{};
    fill_random(raw.data(), raw.size());
    return concat(k_adjectives[raw[0] % k_adjectives.size()], "_", k_nouns[raw[1] % k_nouns.size()],
                  raw[2] % 100);
}

bool is_hex(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace berth
