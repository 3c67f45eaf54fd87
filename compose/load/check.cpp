#include "compose/load/check.hpp"

#include "compose/source/command_line.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

namespace berth::compose::load {

namespace {

// A whole number may be written with a point ("replicas: 2.0"), as in JSON Schema.
std::uint8_t kind_mask(const SourceNode& node) {
    switch (node.kind) {
    case Kind::null:
        return k_null;
    case Kind::boolean:
        return k_bool;
    case Kind::integer:
        return k_int;
    case Kind::real: {
        const auto value = read_real(node);
        return value && *value == std::trunc(*value) ? k_real | k_int : k_real;
    }
    case Kind::string:
        return k_str;
    default:
        return 0;
    }
}

// "a string or a mapping"
std::string expected_kinds(const Shape& shape) {
    std::vector<std::string> kinds;
    if ((shape.scalars & k_bool) != 0) kinds.emplace_back("true or false");
    if ((shape.scalars & k_real) != 0)
        kinds.emplace_back("a number");
    else if ((shape.scalars & k_int) != 0)
        kinds.emplace_back("an integer");
    if ((shape.scalars & k_str) != 0) kinds.emplace_back("a string");
    if (shape.items != nullptr) kinds.emplace_back("a list");
    if (shape.values != nullptr || !shape.fields.empty()) kinds.emplace_back("a mapping");
    std::string out;
    for (std::size_t i = 0; i < kinds.size(); ++i)
        out += concat(i == 0 ? "" : i + 1 == kinds.size() ? " or " : ", ", kinds[i]);
    return out;
}

Status check_scalar(const SourceNode& node, const Shape& shape) {
    const auto status = [](auto result) -> Status {
        if (!result) return fail(std::move(result).error());
        return {};
    };
    switch (shape.reads) {
    case Reads::boolean:
    case Reads::kept_boolean:
        return status(read_bool(node));
    case Reads::integer:
    case Reads::kept_integer:
    case Reads::limit:
        // `cpu_shares: 1.5` is accepted and cut, as Docker Compose does.
        return node.kind == Kind::real ? status(read_real(node)) : status(read_integer(node));
    case Reads::real:
        return status(read_real(node));
    case Reads::bytes:
    case Reads::kept_bytes: {
        const auto value = read_bytes(node);
        if (value && *value < shape.least)
            return fail(invalid(concat("must be at least ", shape.least, ", not ", node.text), node.pos()));
        return status(value);
    }
    case Reads::duration:
        return status(read_duration(node));
    case Reads::mode:
    case Reads::octal_number:
        return status(read_file_mode(node));
    case Reads::command:
        if (node.is_string()) return status(split_command_line(node.text));
        return {};
    case Reads::count:
        if (node.is_string() && node.text == "all") return {};
        return status(read_integer(node));
    default:
        return {};
    }
}

class Checker {
  public:
    explicit Checker(LoadContext& context) : context_(context) {}

    // False: the value is wrong as a whole and goes.
    bool check(SourceNode& node, const Shape& shape, const Path& path) {
        if (node.is_mapping()) return mapping(node, shape, path);
        if (node.is_sequence()) return sequence(node, shape, path);
        return scalar(node, shape, path);
    }

    void report_without_effect() {
        for (auto& [file, places] : without_effect_) {
            Error warning(ErrorCode::unsupported, concat("without effect here, kept in the model only: ",
                                                         join(names_of(places), ", ")));
            warning.at(places.front().at.pos());
            for (std::size_t i = 1; i < places.size() && i < 8; ++i)
                warning.note(places[i].path, places[i].at.pos());
            context_.warn(std::move(warning));
        }
    }

  private:
    struct Ignored {
        std::string path;
        Place at;
    };

    static std::vector<std::string> names_of(const std::vector<Ignored>& places) {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < places.size(); ++i) {
            if (i == 20) {
                out.push_back(concat("and ", places.size() - i, " more"));
                break;
            }
            out.push_back(places[i].path);
        }
        return out;
    }

    bool refuse(Error error, const Path& path) {
        context_.error(std::move(error), path);
        context_.poison(path);
        return false;
    }

    bool wrong_kind(const SourceNode& node, const Shape& shape, const Path& path) {
        Error error =
            invalid(concat("must be ", expected_kinds(shape), ", not ", kind_name(node.kind)), node.pos());
        if (shape.reads == Reads::duration && (node.kind == Kind::integer || node.kind == Kind::real))
            error.hint(concat("a duration has a unit: ", node.text, "s"));
        else if (node.is_null())
            error.hint("give it a value, or remove the key");
        else if (node.is_scalar() && shape.scalars != 0 && (shape.scalars & k_str) != 0)
            error.hint("put the value in quotes");
        return refuse(std::move(error), path);
    }

    bool scalar(SourceNode& node, const Shape& shape, const Path& path) {
        const bool variable = !context_.options.interpolate && node.text.find('$') != std::string::npos;
        const bool cast =
            node.is_string() && (node.interpolated || variable) && (shape.scalars & (k_bool | k_number)) != 0;
        if ((shape.scalars & kind_mask(node)) == 0 && !cast) return wrong_kind(node, shape, path);
        if (node.is_null()) return true;
        // With --no-interpolate nobody knows yet what a variable will be.
        if (!context_.options.interpolate && node.text.find('$') != std::string::npos) return true;
        if (!shape.words.empty() && !has_word(node, shape)) {
            const std::vector<std::string> words(shape.words.begin(), shape.words.end());
            return refuse(unknown_word(node, "known value", words), path);
        }
        if (auto status = check_scalar(node, shape); !status) {
            Error error = std::move(status).error();
            if (!error.at().known()) error.at(node.pos());
            add_origin(error, node);
            return refuse(std::move(error), path);
        }
        if (shape.reads == Reads::command) warn_ignored_words(node, path);
        return true;
    }

    // `command: a && b` runs `a` alone, here as in Docker Compose: say so.
    void warn_ignored_words(const SourceNode& node, const Path& path) {
        const auto line = split_command_line(node.text);
        if (!line || line->ignored.empty()) return;
        context_.warn(
            invalid(concat("no shell runs this command: ", in_quotes(line->ignored), " is left out"),
                    node.pos())
                .path(path.to_string())
                .hint("write [\"sh\", \"-c\", \"...\"] to have a shell"));
    }

    static void add_origin(Error& error, const SourceNode& node) {
        for (const auto* trace = node.trace; trace != nullptr; trace = trace->before)
            for (const auto& use : trace->variables)
                error.note(concat("the value of ", use.name, " comes from ",
                                  use.origin == "shell" ? "the shell" : use.origin));
    }

    static bool has_word(const SourceNode& node, const Shape& shape) {
        return std::any_of(shape.words.begin(), shape.words.end(),
                           [&](const char* word) { return node.text == word; });
    }

    bool sequence(SourceNode& node, const Shape& shape, const Path& path) {
        if (shape.items == nullptr) return wrong_kind(node, shape, path);
        std::size_t kept = 0;
        KeptItems known;
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            if (node.items[i].refused || !check(node.items[i], *shape.items, path[i])) continue;
            if (shape.unique && repeats(node, known, node.items[i], path[i])) continue;
            if (kept != i) node.items[kept] = std::move(node.items[i]);
            if (shape.unique) known.emplace(hash_value(node.items[kept]), kept);
            ++kept;
        }
        node.items.erase(node.items.begin() + static_cast<std::ptrdiff_t>(kept), node.items.end());
        return true;
    }

    // By hash: one range of ports is up to 65,536 items.
    using KeptItems = std::unordered_multimap<std::size_t, std::size_t>;

    bool repeats(const SourceNode& list, const KeptItems& known, const SourceNode& item, const Path& path) {
        const auto [first, last] = known.equal_range(hash_value(item));
        for (auto at = first; at != last; ++at) {
            const SourceNode& other = list.items[at->second];
            if (!same_value(other, item)) continue;
            refuse(invalid("the same value stands in this list before", item.pos())
                       .note("first written here", other.pos()),
                   path);
            return true;
        }
        return false;
    }

    bool mapping(SourceNode& node, const Shape& shape, const Path& path) {
        if (shape.values == nullptr && shape.fields.empty()) {
            if (shape.reads == Reads::any && shape.scalars != 0 && shape.fields.empty()) return true;
            return wrong_kind(node, shape, path);
        }
        if (shape.fields.empty()) return named_values(node, shape, path);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < node.entries.size(); ++i) {
            if (!entry(node.entries[i], shape, path)) continue;
            if (kept != i) node.entries[kept] = std::move(node.entries[i]);
            ++kept;
        }
        node.entries.erase(node.entries.begin() + static_cast<std::ptrdiff_t>(kept), node.entries.end());
        return required_fields(node, shape, path);
    }

    bool entry(SourceEntry& entry, const Shape& shape, const Path& path) {
        const Path here = path / entry.key;
        const Field* field = find_field(shape, entry.key);
        if (field == nullptr) {
            if (shape.extensions && entry.key.rfind("x-", 0) == 0) return true;
            return refuse(unknown_key(entry, field_names(shape)), here);
        }
        if (!check(entry.value, *field->shape, here)) return false;
        if (field->support == Support::warned && !entry.value.implied)
            without_effect_[entry.key_at.source].push_back({here.to_string(), entry.key_at});
        return true;
    }

    bool required_fields(const SourceNode& node, const Shape& shape, const Path& path) {
        for (const auto& field : shape.fields) {
            if (!field.required || node.find(field.key) != nullptr ||
                context_.is_poisoned((path / field.key).to_string()))
                continue;
            return refuse(invalid(concat("the key '", field.key, "' is missing"), node.pos()), path);
        }
        return true;
    }

    bool named_values(SourceNode& node, const Shape& shape, const Path& path) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < node.entries.size(); ++i) {
            SourceEntry& entry = node.entries[i];
            if (!name_is_valid(entry, path) || !name_is_known(entry, shape, path)) continue;
            if (!check(entry.value, *shape.values, path / entry.key)) continue;
            if (kept != i) node.entries[kept] = std::move(node.entries[i]);
            ++kept;
        }
        node.entries.erase(node.entries.begin() + static_cast<std::ptrdiff_t>(kept), node.entries.end());
        return true;
    }

    bool name_is_known(const SourceEntry& entry, const Shape& shape, const Path& path) {
        if (shape.names.empty()) return true;
        const std::vector<std::string> names(shape.names.begin(), shape.names.end());
        if (std::find(names.begin(), names.end(), entry.key) != names.end()) return true;
        context_.engine_error(unknown_key(entry, names), path / entry.key);
        if (context_.options.engine_rules) context_.poison(path / entry.key);
        return !context_.options.engine_rules;
    }

    // Names below services, networks, volumes, secrets, configs.
    bool name_is_valid(const SourceEntry& entry, const Path& path) {
        const bool top = path.parent != nullptr && path.parent->parent == nullptr;
        if (!top) return true;
        constexpr std::string_view k_allowed =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        if (!entry.key.empty() && entry.key.find_first_not_of(k_allowed) == std::string::npos) return true;
        return refuse(invalid(concat(in_quotes(entry.key), " is not a valid name"), entry.key_at.pos())
                          .hint("names have letters, digits, '.', '_' and '-'"),
                      path / entry.key);
    }

    LoadContext& context_;
    std::map<const SourceHandle*, std::vector<Ignored>> without_effect_;
};

} // namespace

void check_model(LoadContext& context, SourceNode& root) {
    Checker checker(context);
    const Path top;
    checker.check(root, project_shape(), top);
    checker.report_without_effect();
}

} // namespace berth::compose::load
