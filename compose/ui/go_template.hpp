// go_template.hpp - the part of Go's text/template that `--format` and `inspect -f` are written in, over JSON
// values: fields and chains, pipelines, variables, if/else, with, range, the comparison and logic functions,
// and docker's own (json, join, split, lower, upper, title, pad, truncate, println, table). Pure.
//
// A field that the data does not have is an error at the top level and "<no value>" (false in conditions)
// below, where a JSON object may stand for a Go map or for a struct with an empty pointer. Known members of docker's
// structs print what they print there when they are not set (go_zero_values.hpp).
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth::ui {

namespace tmpl {
struct Node;
}

class GoTemplate {
  public:
    // invalid_input with docker's words ("template parsing error: ...").
    [[nodiscard]] static Result<GoTemplate> parse(std::string_view text);
    GoTemplate(GoTemplate&&) noexcept;
    GoTemplate& operator=(GoTemplate&&) noexcept;
    ~GoTemplate();
    // methods: further top-level names that {{json .}} does not show; a name whose value is an object can be
    // called with a key: {{.Label "com.example.x"}}.
    [[nodiscard]] Result<std::string> execute(const Json& data, const Json& methods = {}) const;
    // Top-level fields that the template uses, in order: the header of `table TEMPLATE`. key: of {{.Label
    // "key"}}.
    struct Use {
        std::string field, key;
    };
    [[nodiscard]] std::vector<Use> uses() const;

  private:
    GoTemplate();
    std::vector<std::unique_ptr<tmpl::Node>> nodes_;
};

} // namespace berth::ui
