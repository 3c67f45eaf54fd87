#include "compose/ui/solve_status.hpp"

#include "runtime/base/base64.hpp"
#include "runtime/base/concat.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"

namespace berth::ui {

namespace {

std::string line_of(const char* kind, Json one) {
    Json list = Json::array();
    list.push(std::move(one));
    Json out = Json::object();
    out.set(kind, std::move(list));
    return out.to_text() + "\n";
}

void set_text(Json& out, const char* name, const std::string& value) {
    if (!value.empty()) out.set(name, value);
}

constexpr int k_stdout = 1;
constexpr int k_warning_level = 1;

} // namespace

std::string vertex_digest(std::string_view name) {
    return concat("sha256:", sha256_hex(name));
}

std::string solve_error(std::string_view state) {
    constexpr std::string_view mark = "ERROR: ";
    if (state == "CANCELED") return "context canceled";
    return std::string(state.starts_with(mark) ? state.substr(mark.size()) : state);
}

std::string vertex_line(const SolveVertex& vertex) {
    Json out = Json::object();
    out.set("digest", vertex_digest(vertex.name));
    out.set("name", vertex.name);
    set_text(out, "started", vertex.started);
    set_text(out, "completed", vertex.completed);
    if (vertex.cached) out.set("cached", true);
    set_text(out, "error", vertex.error);
    return line_of("vertexes", std::move(out));
}

std::string status_line(std::string_view vertex, const SolveAmount& amount, const std::string& now) {
    Json out = Json::object();
    out.set("id", amount.name);
    out.set("vertex", vertex_digest(vertex));
    out.set("name", amount.name);
    if (amount.total > 0) out.set("total", amount.total);
    out.set("current", amount.current);
    out.set("timestamp", now);
    set_text(out, "started", amount.started);
    set_text(out, "completed", amount.completed);
    return line_of("statuses", std::move(out));
}

std::string log_line(std::string_view vertex, std::string_view bytes, const std::string& now) {
    Json out = Json::object();
    out.set("vertex", vertex_digest(vertex));
    out.set("stream", k_stdout);
    // Base64, because a program's output need not be text.
    out.set("data", base64_encode(bytes));
    out.set("timestamp", now);
    return line_of("logs", std::move(out));
}

std::string warning_line(std::string_view text) {
    Json out = Json::object();
    out.set("level", k_warning_level);
    out.set("short", base64_encode(text));
    return line_of("warnings", std::move(out));
}

} // namespace berth::ui
