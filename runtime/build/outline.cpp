// What a target can be given: arguments, secrets and ssh sockets of all stages that it needs; and the
// targets.
#include "runtime/build/checks.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::build {

namespace {

class OutlineMaker {
  public:
    OutlineMaker(const Dockerfile& file, const StageGraph& graph,
                 const std::map<std::string, std::string>& args)
        : file_(file), graph_(graph), args_(args) {}

    Outline make(const std::string& target) {
        const auto& stage = graph_.stages[graph_.target];
        out_.name = target.empty() ? stage.name : target;
        out_.description = description_of(stage.from->comments, stage.name);
        for (const auto index : graph_.needed)
            look_at(graph_.stages[index]);
        add_globals();
        const auto by_line = [](const auto& a, const auto& b) { return a.line < b.line; };
        std::stable_sort(out_.arguments.begin(), out_.arguments.end(), by_line);
        std::stable_sort(out_.secrets.begin(), out_.secrets.end(), by_line);
        std::stable_sort(out_.ssh.begin(), out_.ssh.end(), by_line);
        return std::move(out_);
    }

  private:
    void mention(const std::string& text) {
        for (auto at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
            auto begin = at + 1;
            if (begin < text.size() && text[begin] == '{') ++begin;
            auto end = begin;
            const auto is_name = [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
            };
            while (end < text.size() && is_name(text[end]))
                ++end;
            if (end > begin) mentioned_.insert(text.substr(begin, end - begin));
        }
    }

    void look_at(const Stage& stage) {
        const auto& from = std::get<From>(stage.from->body);
        mention(from.image.value);
        mention(from.platform.value);
        for (const auto* step : stage.steps) {
            if (const auto* arg = std::get_if<Arg>(&step->body)) {
                for (const auto& item : arg->items)
                    add(item, *step);
            } else if (const auto* run = std::get_if<Run>(&step->body)) {
                for (const auto& mount : run->mounts)
                    look_at_mount(mount);
            }
        }
    }

    void add(const Arg::Item& item, const Instruction& at) {
        if (!seen_.insert(item.name).second) return;
        Outline::Argument out;
        out.name = item.name;
        out.description = description_of(at.comments, item.name);
        out.line = at.at.line;
        if (const auto given = args_.find(item.name); given != args_.end())
            out.value = given->second;
        else if (item.value)
            out.value = plain(item.value->value);
        else if (const auto global = graph_.global_args.find(item.name); global != graph_.global_args.end())
            out.value = global->second;
        out_.arguments.push_back(std::move(out));
    }

    [[nodiscard]] std::string plain(const std::string& text) const {
        Expander expander;
        expander.escape = file_.escape;
        expander.lookup = [this](std::string_view name) -> std::optional<std::string> {
            const auto found = graph_.global_args.find(std::string(name));
            if (found == graph_.global_args.end()) return std::nullopt;
            return found->second;
        };
        const auto value = expand_word(text, expander);
        return value ? *value : text;
    }

    // From behind, because the value of a later one may mention an earlier one.
    void add_globals() {
        std::vector<const Instruction*> before;
        for (const auto& instruction : file_.instructions) {
            if (std::holds_alternative<From>(instruction.body)) break;
            before.push_back(&instruction);
        }
        for (auto at = before.rbegin(); at != before.rend(); ++at) {
            const auto* arg = std::get_if<Arg>(&(*at)->body);
            if (arg == nullptr) continue;
            for (const auto& item : arg->items) {
                if (!mentioned_.contains(item.name)) continue;
                if (item.value) mention(item.value->value);
                add(item, **at);
            }
        }
    }

    void look_at_mount(const Text& mount) {
        std::string type, id, target;
        bool required = false;
        for (const auto& field : split(mount.value, ',')) {
            const auto equals = field.find('=');
            const auto key = to_lower(trim(field.substr(0, equals)));
            const auto value = equals == std::string::npos ? std::string("true") : field.substr(equals + 1);
            if (key == "type") type = to_lower(value);
            if (key == "id") id = value;
            if (key == "target" || key == "dst" || key == "destination") target = value;
            if (key == "required") required = parse_bool(value).value_or(false);
        }
        if (type != "secret" && type != "ssh") return;
        if (id.empty()) id = type == "ssh" ? std::string("default") : std::string(base_name(target));
        auto& list = type == "ssh" ? out_.ssh : out_.secrets;
        const auto known =
            std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.name == id; });
        if (known == list.end())
            list.push_back({id, required, mount.at.line});
        else
            known->required = known->required || required;
    }

    const Dockerfile& file_;
    const StageGraph& graph_;
    const std::map<std::string, std::string>& args_;
    Outline out_;
    std::set<std::string> seen_, mentioned_;
};

} // namespace

std::string description_of(const std::vector<std::string>& comments, const std::string& name) {
    if (name.empty()) return {};
    for (const auto& comment : comments)
        if (comment.starts_with(name + " ")) return comment.substr(name.size() + 1);
    return {};
}

Outline outline_of(const Dockerfile& file, const StageGraph& graph, const std::string& target,
                   const std::map<std::string, std::string>& args) {
    return OutlineMaker(file, graph, args).make(target);
}

std::vector<TargetInfo> targets_of(const StageGraph& graph) {
    std::vector<TargetInfo> out;
    for (const auto& stage : graph.stages) {
        const auto& from = std::get<From>(stage.from->body);
        out.push_back({stage.name, description_of(stage.from->comments, stage.name), from.image.value,
                       from.platform.value, stage.index + 1 == graph.stages.size(), stage.from->at.line});
    }
    return out;
}

} // namespace berth::build
