#include "compose/cli/flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace berth::cli {

struct Flags::Option {
    std::vector<std::string> names; // "-d", "--detach"
    std::string help, value;        // value word; empty: a toggle
    bool hidden = false, given = false;
    Status status; // of reading its value
};
struct Flags::Impl {
    CLI::App app;
    std::vector<std::unique_ptr<Option>> options;
    std::vector<std::string>* arguments = nullptr;
    std::size_t least = 0, most = 0;
    bool options_first = false;
    std::vector<std::string> rest;
};

namespace {

Failure usage(std::string message) {
    return fail(ErrorCode::usage, std::move(message));
}

} // namespace

Flags::Flags() : impl_(std::make_unique<Impl>()) {
    impl_->app.set_help_flag();
}
Flags::~Flags() = default;

Flags::Option& Flags::add(const std::string& names, std::string help, std::string value) {
    auto option = std::make_unique<Option>();
    option->names = split(names, ',');
    option->help = std::move(help);
    option->value = std::move(value);
    impl_->options.push_back(std::move(option));
    return *impl_->options.back();
}

Flags& Flags::value(const std::string& names, std::string help, std::string word,
                    std::function<Status(const std::string&)> read) {
    Option& option = add(names, std::move(help), std::move(word));
    // Raw results: CLI11's own conversions read "[a,b]" and "{}" as lists.
    impl_->app
        .add_option(names,
                    [&option, read = std::move(read)](const CLI::results_t& results) {
                        option.given = true;
                        for (const auto& text : results)
                            if (option.status) option.status = read(text);
                        return true;
                    })
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return *this;
}

Flags& Flags::toggle(const std::string& names, std::optional<bool>& target, std::string help) {
    Option& option = add(names, std::move(help), {});
    impl_->app.add_flag(names)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->each([&option, &target](const std::string& text) {
            option.given = true;
            auto value = parse_bool(text);
            if (value)
                target = *value;
            else
                option.status = usage(concat("invalid boolean value '", text, "' for ", option.names.back()));
        });
    return *this;
}

Flags& Flags::toggle(const std::string& names, bool& target, std::string help) {
    Option& option = add(names, std::move(help), {});
    impl_->app.add_flag(names)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->each([&option, &target](const std::string& text) {
            option.given = true;
            auto value = parse_bool(text);
            if (value)
                target = *value;
            else
                option.status = usage(concat("invalid boolean value '", text, "' for ", option.names.back()));
        });
    return *this;
}

Flags& Flags::text(const std::string& names, std::string& target, std::string help, std::string word) {
    return value(names, std::move(help), std::move(word), [&target](const std::string& text) -> Status {
        target = text;
        return {};
    });
}

Flags& Flags::text(const std::string& names, std::optional<std::string>& target, std::string help,
                   std::string word) {
    return value(names, std::move(help), std::move(word), [&target](const std::string& text) -> Status {
        target = text;
        return {};
    });
}

Flags& Flags::choice(const std::string& names, std::string& target, std::vector<std::string> words,
                     std::string help) {
    return value(names, std::move(help), "string",
                 [&target, words = std::move(words)](const std::string& text) -> Status {
                     if (std::find(words.begin(), words.end(), text) == words.end())
                         return fail(Error(ErrorCode::usage,
                                           concat("'", text, "' is not one of ", join(words, ", "))));
                     target = text;
                     return {};
                 });
}

Flags& Flags::list(const std::string& names, std::vector<std::string>& target, std::string help,
                   std::string word) {
    return value(names, std::move(help), std::move(word), [&target](const std::string& text) -> Status {
        target.push_back(text);
        return {};
    });
}

Flags& Flags::number(const std::string& names, std::optional<std::int64_t>& target, std::string help,
                     std::int64_t least, std::int64_t most) {
    return value(names, std::move(help), "int", [&target, least, most](const std::string& text) -> Status {
        BERTH_ASSIGN_OR_RETURN(target, parse_integer(text, least, most));
        return {};
    });
}

Flags& Flags::bytes(const std::string& names, std::int64_t& target, std::string help) {
    return value(names, std::move(help), "bytes", [&target](const std::string& text) -> Status {
        BERTH_ASSIGN_OR_RETURN(target, parse_bytes(text));
        return {};
    });
}

Flags& Flags::duration(const std::string& names, std::optional<Duration>& target, std::string help) {
    return value(names, std::move(help), "duration", [&target](const std::string& text) -> Status {
        BERTH_ASSIGN_OR_RETURN(target, parse_duration(text));
        return {};
    });
}

Flags& Flags::hide() {
    impl_->options.back()->hidden = true;
    return *this;
}

Flags& Flags::arguments(std::vector<std::string>& target, std::size_t least, std::size_t most) {
    impl_->arguments = &target;
    impl_->least = least;
    impl_->most = most;
    return *this;
}

Flags& Flags::options_first() {
    impl_->options_first = true;
    return *this;
}

Flags::Option* Flags::find(const std::string& name) {
    for (const auto& option : impl_->options)
        if (std::find(option->names.begin(), option->names.end(), name) != option->names.end())
            return option.get();
    return nullptr;
}

bool Flags::given(const std::string& name) const {
    for (const auto& option : impl_->options)
        if (std::find(option->names.begin(), option->names.end(), name) != option->names.end())
            return option->given;
    return false;
}

Failure Flags::unknown(const std::string& flag) const {
    const bool is_long = flag.rfind("--", 0) == 0;
    Error error(ErrorCode::usage,
                is_long ? concat("unknown flag: ", flag) : concat("unknown shorthand flag: ", flag));
    std::vector<std::string> words;
    for (const auto& option : impl_->options)
        for (const auto& name : option->names)
            if (name.size() > 2 && !option->hidden) words.push_back(name.substr(2));
    if (const auto near = is_long ? nearest_word(flag.substr(2), words) : std::string(); !near.empty())
        error.hint(concat("did you mean --", near, "?"));
    return fail(std::move(error));
}

Status Flags::take_long(const std::vector<std::string>& in, std::size_t& i, std::vector<std::string>& out) {
    const auto equals = in[i].find('=');
    const auto name = in[i].substr(0, equals);
    const Option* option = find(name);
    if (option == nullptr) {
        if (name != "--help") return unknown(name);
        help_ = true;
        return {};
    }
    if (option->value.empty()) {
        out.push_back(in[i]);
        return {};
    }
    // In two words, since CLI11 reads "--name=" as "--name <next word>".
    out.push_back(name);
    if (equals != std::string::npos)
        out.push_back(in[i].substr(equals + 1));
    else if (i + 1 >= in.size())
        return usage(concat("flag needs an argument: ", name));
    else
        out.push_back(in[++i]);
    return {};
}

Status Flags::take_short(const std::vector<std::string>& in, std::size_t& i, std::vector<std::string>& out) {
    const std::string word = in[i];
    for (std::size_t at = 1; at < word.size(); ++at) {
        const std::string name{'-', word[at]};
        const Option* option = find(name);
        if (option == nullptr) {
            if (name != "-h" || word.size() != 2) return unknown(concat("'", word[at], "' in ", word));
            help_ = true;
            return {};
        }
        const bool equals = at + 1 < word.size() && word[at + 1] == '=';
        if (option->value.empty()) {
            // "-d=false": CLI11 knows values of flags in their long form only.
            const auto& longest = option->names.back();
            if (!equals) {
                out.push_back(name);
                continue;
            }
            out.push_back(concat(longest, "=", word.substr(at + 2)));
            return {};
        }
        out.push_back(name);
        if (at + 1 < word.size())
            out.push_back(word.substr(at + (equals ? 2 : 1)));
        else if (i + 1 >= in.size())
            return usage(concat("flag needs an argument: '", word[at], "' in ", word));
        else
            out.push_back(in[++i]);
        return {};
    }
    return {};
}

// Flags in a spelling that CLI11 reads as Docker's users mean it; what is no flag goes to impl_->rest.
Result<std::vector<std::string>> Flags::normalize(const std::vector<std::string>& arguments) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& word = arguments[i];
        if (word == "--") {
            impl_->rest.insert(impl_->rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                               arguments.end());
            return out;
        }
        if (word.size() > 2 && word.rfind("--", 0) == 0) {
            BERTH_TRY(take_long(arguments, i, out));
        } else if (word.size() > 1 && word[0] == '-') {
            BERTH_TRY(take_short(arguments, i, out));
        } else if (impl_->options_first) {
            impl_->rest.insert(impl_->rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i),
                               arguments.end());
            return out;
        } else {
            impl_->rest.push_back(word);
        }
        if (help_) return out;
    }
    return out;
}

Status Flags::check_arguments(std::vector<std::string> given) {
    const auto count = given.size();
    wrong_count_ = count < impl_->least || count > impl_->most;
    const auto plural = [](std::size_t n) { return n == 1 ? " argument" : " arguments"; };
    if (impl_->least == impl_->most && count != impl_->least) {
        if (impl_->least == 0) return usage(concat("accepts no arguments, got '", given[0], "'"));
        return usage(concat("requires ", impl_->least, plural(impl_->least), ", got ", count));
    }
    if (count < impl_->least) return usage(concat("requires at least ", impl_->least, plural(impl_->least)));
    if (count > impl_->most)
        return usage(concat("requires at most ", impl_->most, plural(impl_->most), ", got ", count));
    if (impl_->arguments != nullptr) *impl_->arguments = std::move(given);
    return {};
}

Status Flags::parse(const std::vector<std::string>& arguments) {
    impl_->rest.clear();
    BERTH_ASSIGN_OR_RETURN(auto words, normalize(arguments));
    if (help_) return {};
    std::reverse(words.begin(), words.end()); // CLI11 takes them from the end
    try {
        impl_->app.parse(std::move(words));
    } catch (const CLI::Error& error) {
        return usage(error.what());
    }
    for (const auto& option : impl_->options) {
        if (option->status) continue;
        const Error& error = option->status.error();
        return fail(
            Error(ErrorCode::usage, concat("invalid value for ", option->names.back(), ": ", error.message()))
                .hint(error.hint()));
    }
    return check_arguments(impl_->rest);
}

std::string Flags::help() const {
    std::vector<std::pair<std::string, std::string>> lines;
    std::size_t width = 0;
    for (const auto& option : impl_->options) {
        if (option->hidden) continue;
        std::string left = option->names.size() == 1 && option->names[0].size() > 2 ? "      " : "  ";
        left += join(option->names, ", ");
        if (!option->value.empty()) left += concat(" ", option->value);
        width = std::max(width, left.size());
        lines.emplace_back(std::move(left), option->help);
    }
    // By the long name, as docker has it.
    std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
        const auto key = [](const std::string& text) {
            return text.substr(std::min(text.find("--"), text.size()));
        };
        return key(a.first) < key(b.first);
    });
    std::string out;
    for (const auto& [left, text] : lines)
        out += concat(left, std::string(width - left.size() + 3, ' '), text, "\n");
    return out;
}

} // namespace berth::cli
