#include "runtime/build/refusals.hpp"

#include "runtime/build/git_source.hpp"
#include "runtime/build/mount_options.hpp"
#include "runtime/build/tree.hpp"

namespace berth::build {

namespace {

class Mistakes {
  public:
    explicit Mistakes(char escape) {
        // Every variable has a value here: what stays wrong is the text itself.
        expander_.escape = escape;
        expander_.lookup = [](std::string_view) { return std::optional<std::string>("x"); };
    }

    Status look_at(const Instruction& instruction) const {
        if (const auto* copy = std::get_if<Copy>(&instruction.body)) return look_at_copy(*copy);
        if (const auto* run = std::get_if<Run>(&instruction.body)) return look_at_mounts(*run);
        if (const auto* pairs = std::get_if<KeyValues>(&instruction.body)) {
            for (const auto& [name, value] : pairs->pairs) {
                BERTH_TRY(closes(name));
                BERTH_TRY(closes(value));
            }
        }
        if (const auto* arg = std::get_if<Arg>(&instruction.body))
            for (const auto& item : arg->items)
                if (item.value) BERTH_TRY(closes(*item.value));
        if (const auto* words = std::get_if<Words>(&instruction.body))
            for (const auto& word : words->words)
                BERTH_TRY(closes(word));
        if (const auto* value = std::get_if<Value>(&instruction.body);
            value != nullptr && value->kind != Value::Kind::maintainer)
            return closes(value->text);
        return {};
    }

  private:
    static bool is_literal(const Text& text) { return text.value.find('$') == std::string::npos; }

    // Quotes and braces.
    Status closes(const Text& text) const {
        std::size_t offset = 0;
        auto value = expand_word(text.value, expander_, &offset);
        return value ? Status() : fail(std::move(value).error().at(text.from(offset)));
    }

    Status look_at_copy(const Copy& copy) const {
        bool all_fetched = copy.heredoc_sources.empty();
        for (const auto& source : copy.sources) {
            BERTH_TRY(closes(source));
            if (!is_literal(source)) continue;
            if (!copy.add && is_url(source.value))
                return fail(Error(ErrorCode::invalid_input, "COPY takes no address")
                                .at(source.at)
                                .hint("ADD fetches files"));
            if (!is_remote_address(source.value)) all_fetched = false;
        }
        for (const auto* text : {&copy.destination, &copy.from, &copy.chown, &copy.chmod, &copy.checksum})
            BERTH_TRY(closes(*text));
        for (const auto& text : copy.exclude)
            BERTH_TRY(closes(text));
        if (!copy.checksum.value.empty() && !all_fetched)
            return fail(Error(ErrorCode::invalid_input,
                              "--checksum is for what is fetched: an http address or a git repository")
                            .at(copy.checksum.at));
        if (!copy.chmod.value.empty() && is_literal(copy.chmod)) {
            auto mode = ModeChange::parse(copy.chmod.value);
            if (!mode) return fail(std::move(mode).error().at(copy.chmod.at));
        }
        return {};
    }

    Status look_at_mounts(const Run& run) const {
        for (const auto& mount : run.mounts) {
            BERTH_TRY(closes(mount));
            if (!is_literal(mount)) continue;
            // Quotes and escapes are gone in what expanding makes of it.
            BERTH_ASSIGN_OR_RETURN(auto text, expand_word(mount.value, expander_));
            if (auto parsed = parse_run_mount(std::move(text), mount.at, ""); !parsed)
                return fail(std::move(parsed).error());
        }
        return {};
    }

    Expander expander_;
};

} // namespace

Status refuse_mistakes(const Dockerfile& file, const StageGraph& graph, bool all_stages) {
    const Mistakes mistakes(file.escape);
    for (const auto& stage : graph.stages) {
        if (!all_stages && !graph.needed.contains(stage.index)) continue;
        for (const auto* step : stage.steps)
            BERTH_TRY(mistakes.look_at(*step));
    }
    return {};
}

} // namespace berth::build
