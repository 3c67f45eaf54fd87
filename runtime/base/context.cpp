#include "runtime/base/context.hpp"

namespace berth {

namespace {

struct Silent final : Progress {
    void update(const std::string&, const std::string&, std::int64_t, std::int64_t) override {}
    void finish(const std::string&, const std::string&, bool) override {}
    void output(const std::string&, std::string_view) override {}
    void warn(const std::string&) override {}
};

} // namespace

Progress& no_progress() {
    static Silent silent;
    return silent;
}

} // namespace berth
