// The only file with the JSON library: it is the slowest header of the project to compile.
#include "runtime/base/json.hpp"

#include <nlohmann/json.hpp>
#include <set>

namespace berth {

namespace {

constexpr std::size_t k_max_depth = 128;

class Builder : public nlohmann::json_sax<nlohmann::json> {
  public:
    bool null() override { return put(Json()); }
    bool boolean(bool value) override { return put(Json(value)); }
    bool number_integer(number_integer_t value) override { return put(Json(value)); }
    bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }
    bool number_float(number_float_t value, const string_t&) override { return put(Json(value)); }
    bool string(string_t& value) override { return put(Json(std::move(value))); }
    bool binary(binary_t&) override { return refuse("binary values are not JSON"); }
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& value) override {
        if (!keys_.back().insert(value).second) return refuse(concat("member '", value, "' is there twice"));
        pending_ = std::move(value);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return refuse(concat("not JSON at byte ", position));
    }

    Json root;
    std::string problem;

  private:
    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    bool put(Json value) {
        place(std::move(value));
        return true;
    }
    Json& place(Json value) {
        if (open_.empty()) return root = std::move(value);
        Json& parent = *open_.back();
        if (auto* members = parent.as_object()) {
            members->push_back({std::move(pending_), std::move(value)});
            return members->back().value;
        }
        return parent.push(std::move(value));
    }
    bool open(Json value) {
        if (open_.size() >= k_max_depth) return refuse(concat("nested deeper than ", k_max_depth));
        // A parent's vector does not grow while a child is open, so the pointer stays good.
        open_.push_back(&place(std::move(value)));
        keys_.emplace_back();
        return true;
    }
    bool close() {
        open_.pop_back();
        keys_.pop_back();
        return true;
    }
    std::vector<Json*> open_;
    std::vector<std::set<std::string>> keys_;
    std::string pending_;
};

} // namespace

Result<Json> parse_json(std::string_view text) {
    Builder builder;
    try {
        if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root);
    } catch (const std::exception& error) {
        builder.problem = error.what();
    }
    return fail(ErrorCode::invalid_input, builder.problem.empty() ? "not JSON" : builder.problem);
}

} // namespace berth
