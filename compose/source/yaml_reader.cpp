#include "compose/source/yaml_reader.hpp"

#include "compose/source/merge_key.hpp"
#include "compose/source/resolve_scalar.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>

namespace berth::compose {

namespace {

// The parser can only be stopped by an exception; this one never leaves the file.
struct Stop {};

// A stream over the text without the copy that std::istringstream makes.
class TextBuffer : public std::streambuf {
  public:
    explicit TextBuffer(const std::string& text) {
        char* start = const_cast<char*>(text.data());
        setg(start, start, start + text.size());
    }
};

struct Anchored {
    SourceNode node;
    std::size_t nodes = 0;
    std::size_t depth = 0;
};

struct Frame {
    SourceNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool merge_key = false;
    std::string key;
    Place key_at;
    std::vector<SourceNode> merges;
    Place merge_at;                       // of the key "<<"
    std::unordered_set<std::string> seen; // filled for large mappings only
    std::size_t nodes = 1;
    std::size_t depth = 1; // of the tree below, this one included
};

class Builder : public YAML::EventHandler {
  public:
    Builder(const SourceHandle& source, std::vector<Error>& errors, std::deque<Trace>* traces,
            const YamlLimits& limits)
        : source_(source), errors_(errors), traces_(traces), limits_(limits) {}

    std::vector<SourceNode> documents;

    void OnDocumentStart(const YAML::Mark& mark) override {
        // The parser does not get past a token that no value can begin with, and reports one empty document
        // after the other there, for ever.
        if (mark.pos == document_at_)
            stop(place(mark, 1), "invalid YAML: no value can begin like this", "put the value in quotes");
        document_at_ = mark.pos;
        anchors_.clear(); // a document cannot use the anchors of another
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        SourceNode node;
        // The parser's mark of a value that is not there is where the next thing stands.
        const bool after_key = !stack_.empty() && stack_.back().has_key;
        node.at = after_key ? stack_.back().key_at : place(mark, 0);
        add_leaf(std::move(node), anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        SourceNode node;
        node.plain = tag == "?";
        if (!node.plain) last_quoted_ = mark.pos;
        if (tag == "tag:yaml.org,2002:merge") node.plain = true; // "!!merge <<", as some programs write it
        node.at = place(mark, value.size() + (node.plain ? 0 : 2));
        read_scalar(node, tag, value);
        add_leaf(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            stop(place(mark, 1), "this alias stands inside the value that it names: a cycle",
                 "an alias may only repeat a value that is complete before it");
        alias_nodes_ += found->second.nodes;
        if (alias_nodes_ > limits_.alias_nodes)
            stop(place(mark, 1), concat("aliases expand to more than ", limits_.alias_nodes, " values"),
                 "aliases of aliases multiply; write the values out or split the file");
        count(place(mark, 1), found->second.nodes);
        check_depth(place(mark, 1), stack_.size() + found->second.depth);
        SourceNode copy = found->second.node;
        add(std::move(copy), found->second.nodes, found->second.depth);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Kind::sequence, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Kind::mapping, mark, tag, anchor);
    }
    void OnMapEnd() override {
        auto& frame = stack_.back();
        for (auto& merge : frame.merges)
            if (auto status = apply_merge_key(frame.node, std::move(merge), frame.merge_at, traces_); !status)
                errors_.push_back(std::move(status).error());
        close();
    }

    [[nodiscard]] Place place(const YAML::Mark& mark, std::size_t length) const {
        return {&source_, static_cast<std::uint32_t>(std::max(mark.line, 0) + 1),
                static_cast<std::uint32_t>(std::max(mark.column, 0) + 1),
                static_cast<std::uint32_t>(std::max<std::size_t>(length, 1))};
    }

    // yaml-cpp takes the end of the file for a closing quote; then the last quoted value is an accident.
    void check_last_quote() {
        const std::string_view text = source_.file->text;
        if (last_quoted_ < 0) return;
        const std::size_t bom = text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;
        const std::size_t start = static_cast<std::size_t>(last_quoted_) + bom;
        if (start >= text.size() || (text[start] != '"' && text[start] != '\'')) return;
        const char quote = text[start];
        for (std::size_t i = start + 1; i < text.size(); ++i) {
            if (quote == '"' && text[i] == '\\')
                ++i;
            else if (text[i] == quote && quote == '\'' && i + 1 < text.size() && text[i + 1] == quote)
                ++i;
            else if (text[i] == quote)
                return;
        }
        const std::size_t before = text.substr(0, start).rfind('\n');
        const std::size_t line_start = before == std::string_view::npos ? 0 : before + 1;
        const auto line =
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(start), '\n') + 1;
        errors_.push_back(Error(ErrorCode::invalid_input, "this quote is never closed")
                              .at({source_.file, static_cast<std::uint32_t>(line),
                                   static_cast<std::uint32_t>(start - line_start + 1), 1}));
    }

  private:
    [[noreturn]] void stop(const Place& at, std::string message, std::string hint) {
        errors_.push_back(
            Error(ErrorCode::invalid_input, std::move(message)).at(at.pos()).hint(std::move(hint)));
        throw Stop();
    }

    void count(const Place& at, std::size_t nodes) {
        nodes_ += nodes;
        if (nodes_ > limits_.nodes)
            stop(at, concat("the file has more than ", limits_.nodes, " values"), "split it");
    }

    void check_depth(const Place& at, std::size_t depth) {
        if (depth > limits_.depth)
            stop(at, concat("values are nested more than ", limits_.depth, " levels deep"), "");
    }

    void read_tag(SourceNode& node, const std::string& tag) {
        if (tag == "!reset")
            node.tag = Tag::reset;
        else if (tag == "!override")
            node.tag = Tag::override_;
    }

    void read_scalar(SourceNode& node, const std::string& tag, const std::string& value) {
        read_tag(node, tag);
        const bool typed = node.plain || tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" ||
                           tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:null" ||
                           node.tag != Tag::none;
        if (!typed) {
            node.kind = Kind::string;
            node.text = value;
            return;
        }
        auto resolved = resolve_plain_scalar(value);
        node.kind = resolved.kind;
        node.text = std::move(resolved.text);
    }

    void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        const Place at = place(mark, 1);
        count(at, 1);
        check_depth(at, stack_.size() + 1);
        Frame& frame = stack_.emplace_back();
        frame.node.kind = kind;
        frame.node.at = at;
        frame.anchor = anchor;
        read_tag(frame.node, tag);
    }

    void close() {
        Frame frame = std::move(stack_.back());
        stack_.pop_back();
        if (frame.anchor != 0) anchors_[frame.anchor] = {frame.node, frame.nodes, frame.depth};
        add(std::move(frame.node), frame.nodes, frame.depth);
    }

    void add_leaf(SourceNode node, YAML::anchor_t anchor) {
        count(node.at, 1);
        if (anchor != 0) anchors_[anchor] = {node, 1, 1};
        add(std::move(node), 1, 1);
    }

    void add(SourceNode node, std::size_t nodes, std::size_t depth) {
        if (stack_.empty()) {
            documents.push_back(std::move(node));
            return;
        }
        Frame& frame = stack_.back();
        frame.nodes += nodes;
        frame.depth = std::max(frame.depth, depth + 1);
        if (frame.node.kind == Kind::sequence)
            frame.node.items.push_back(std::move(node));
        else if (!frame.has_key)
            take_key(frame, std::move(node));
        else
            take_value(frame, std::move(node));
    }

    void take_key(Frame& frame, SourceNode key) {
        frame.has_key = true;
        frame.key_at = key.at;
        frame.merge_key = key.plain && key.text == "<<";
        frame.key = std::move(key.text);
        if (key.kind != Kind::string)
            errors_.push_back(Error(ErrorCode::invalid_input,
                                    concat("a key must be a string, not ", kind_name(key.kind),
                                           key.is_scalar() ? concat(": ", frame.key) : std::string()))
                                  .at(key.pos())
                                  .hint("put the key in quotes"));
    }

    void take_value(Frame& frame, SourceNode value) {
        frame.has_key = false;
        if (errors_.size() > limits_.errors)
            stop(frame.key_at, concat("more than ", limits_.errors, " errors"), "correct the others first");
        if (const auto* earlier = find_duplicate(frame)) {
            errors_.push_back(Error(ErrorCode::invalid_input,
                                    concat("key '", frame.key, "' is written twice in one mapping"))
                                  .at(frame.key_at.pos())
                                  .note("first written here", earlier->pos())
                                  .hint("keep one of the two, or merge their content"));
            return;
        }
        if (frame.merge_key) {
            frame.merges.push_back(std::move(value));
            frame.merge_at = frame.key_at;
            return;
        }
        frame.node.entries.push_back({std::move(frame.key), frame.key_at, std::move(value)});
    }

    const Place* find_duplicate(Frame& frame) {
        if (frame.merge_key) return frame.merges.empty() ? nullptr : &frame.merge_at;
        constexpr std::size_t k_linear = 24; // below, comparing is cheaper than hashing
        auto& entries = frame.node.entries;
        if (entries.size() >= k_linear) {
            if (frame.seen.empty())
                for (const auto& entry : entries)
                    frame.seen.insert(entry.key);
            if (frame.seen.insert(frame.key).second) return nullptr;
        }
        const auto* entry = frame.node.find_entry(frame.key);
        return entry != nullptr ? &entry->key_at : nullptr;
    }

    const SourceHandle& source_;
    std::vector<Error>& errors_;
    std::deque<Trace>* traces_;
    const YamlLimits& limits_;
    std::vector<Frame> stack_;
    std::unordered_map<YAML::anchor_t, Anchored> anchors_;
    std::size_t nodes_ = 0;
    std::size_t alias_nodes_ = 0;
    int document_at_ = -1; // offset of the last document
    int last_quoted_ = -1; // offset of the last quoted scalar
};

// What people usually did when the parser says this.
std::string hint_for(std::string_view message) {
    const auto says = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
    if (says("tab")) return "indent with spaces";
    if (says("illegal map value")) return "a value that contains ': ' needs quotes";
    if (says("unknown token")) return "a value that begins with @, ` or % needs quotes";
    if (says("flow not found")) return "close the bracket or brace";
    if (says("end of map not found") || says("end of sequence not found"))
        return "check the indentation of this line, and what stands behind a closing quote";
    return {};
}

// NUL, other control characters and invalid UTF-8 are found before the parser, which reads some of them as
// content.
bool refuse_bytes(const SourceHandle& source, std::vector<Error>& errors, const YamlLimits& limits) {
    const std::string& text = source.file->text;
    const auto refuse = [&](std::string message, std::string hint, std::size_t offset) {
        std::uint32_t line = 1;
        std::size_t start = 0;
        for (std::size_t i = 0; i < offset; ++i)
            if (text[i] == '\n') {
                ++line;
                start = i + 1;
            }
        errors.push_back(Error(ErrorCode::invalid_input, std::move(message))
                             .at({source.file, line, static_cast<std::uint32_t>(offset - start + 1), 1})
                             .hint(std::move(hint)));
        return true;
    };
    if (text.size() > limits.bytes)
        return refuse(concat("the file has ", text.size(), " bytes; ", limits.bytes, " are the limit"),
                      "a compose file is text that people read; was another file meant?", 0);
    if (const auto nul = text.find('\0'); nul != std::string::npos)
        return refuse("the file has a NUL byte", "save it as UTF-8 text", nul);
    if (!is_valid_utf8(text)) {
        std::size_t low = 0; // the longest valid beginning, found line by line
        for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', low)) {
            if (!is_valid_utf8(std::string_view(text).substr(low, end - low))) break;
            low = end + 1;
        }
        while (low < text.size() && static_cast<unsigned char>(text[low]) < 0x80)
            ++low;
        return refuse("the file is not valid UTF-8", "save it as UTF-8 text", low);
    }
    return false;
}

} // namespace

std::vector<SourceNode> read_yaml(const SourceHandle& source, std::vector<Error>& errors,
                                  std::deque<Trace>* traces, const YamlLimits& limits) {
    if (refuse_bytes(source, errors, limits)) return {};
    Builder builder(source, errors, traces, limits);
    try {
        TextBuffer buffer(source.file->text);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        builder.check_last_quote();
    } catch (const Stop&) {
        return {};
    } catch (const YAML::Exception& error) {
        auto at = builder.place(error.mark, 1);
        errors.push_back(Error(ErrorCode::invalid_input, concat("invalid YAML: ", error.msg))
                             .at(at.pos())
                             .hint(hint_for(error.msg)));
        return {};
    } catch (const std::exception& error) {
        errors.push_back(
            Error(ErrorCode::invalid_input, concat("invalid YAML: ", std::string_view(error.what())))
                .at({source.file, 0, 0, 1}));
        return {};
    }
    return std::move(builder.documents);
}

} // namespace berth::compose
