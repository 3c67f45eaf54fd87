// context.hpp - what the phases of one load share: options, diagnostics, the files read, and where values
// came from. Owned by load_project; nodes point into `sources` and `traces`, which therefore never move their
// elements.
#pragma once

#include "compose/load/loader.hpp"
#include "compose/source/decode.hpp"
#include "compose/source/node.hpp"

#include <deque>
#include <set>

namespace berth::compose::load {

struct Variable {
    std::string value;
    std::string origin; // "shell", ".env:3"
};
using Environment = std::map<std::string, Variable, std::less<>>;

struct RemovedValue {
    std::string path;
    Place at; // of the tag
    Trace was;
};

// What hostile files may make of themselves; a real project is far below each.
inline constexpr std::size_t k_most_errors = 200;
inline constexpr std::size_t k_most_warnings = 1000;
inline constexpr std::size_t k_most_included = 1000;   // files
inline constexpr std::size_t k_deepest_include = 100;  // files in files
inline constexpr std::size_t k_longest_extends = 1000; // services in a chain
inline constexpr std::size_t k_most_ports = 300'000;   // that ranges of all services expand to
inline constexpr std::size_t k_most_text = 64U << 20U; // bytes that variables write into all values

struct LoadContext {
    explicit LoadContext(const LoadOptions& load_options) : options(load_options) {}
    LoadContext(const LoadContext&) = delete;

    const LoadOptions& options;
    Diagnostics diagnostics;
    std::deque<SourceHandle> sources;
    std::deque<Trace> traces;
    std::vector<RemovedValue> removed; // by !reset
    std::string directory;             // the project directory, absolute
    std::string name_origin;           // what decided the project's name, if it was no `name:`
    std::string project_name;       // known before the first file is interpolated, unless `name:` decides it
    std::vector<std::string> files; // absolute paths of the compose files, for labels and messages
    Environment environment;
    std::size_t included = 0, expanded_ports = 0, substituted = 0; // counted against the limits above

    const SourceHandle& add_source(std::string path, std::string text) {
        sources.push_back({std::make_shared<SourceFile>(SourceFile{std::move(path), std::move(text)})});
        return sources.back();
    }
    void error(Error error) { diagnostics.errors.push_back(std::move(error)); }
    void error(Error error, const Path& path) { this->error(std::move(error.path(path.to_string()))); }
    // What the reference leaves to the engine, or never notices: wrong for all who run it, while `config`
    // prints it and warns.
    void engine_error(Error error, const Path& path) {
        if (options.engine_rules) return this->error(std::move(error), path);
        warn(std::move(error.path(path.to_string())));
    }
    void warn(Error warning) { diagnostics.warnings.push_back(std::move(warning)); }
    // A part of the model is known to be broken: later phases say nothing more about it.
    void poison(const Path& path) { poisoned.insert(path.to_string()); }
    // What happened to a value, for `config --explain` and for messages.
    void remember(SourceNode& node, Trace trace) {
        traces.push_back(std::move(trace));
        node.trace = &traces.back();
    }
    void remember_variables(SourceNode& node, std::vector<VariableUse> uses) {
        Trace trace;
        trace.variables = std::move(uses);
        trace.before = node.trace;
        remember(node, std::move(trace));
    }
    void remember_removal(const Path& path, const SourceNode& reset, const SourceNode& what) {
        removed.push_back({path.to_string(), reset.at, replacement(reset, what)});
    }
    [[nodiscard]] bool is_poisoned(std::string_view path) const; // it, or something above or below it
    std::set<std::string> poisoned;
    std::set<std::string> unset_reported; // variables already warned about
};

[[nodiscard]] inline Error invalid(std::string message, const SourcePos& at) {
    Error error(ErrorCode::invalid_input, std::move(message));
    error.at(at);
    return error;
}

} // namespace berth::compose::load
