#include "compose/ui/diagnostics_json.hpp"

#include "runtime/base/concat.hpp"

namespace berth::ui {

namespace {

void set_place(Json& out, const SourcePos& at) {
    if (!at.known()) return;
    out.set("file", at.file->path);
    if (at.line == 0) return; // the file as a whole
    out.set("line", at.line);
    if (at.column == 0) return;
    out.set("column", at.column);
    out.set("length", at.length);
}

Json one(const Error& error) {
    Json out = Json::object();
    std::string message = error.message();
    if (error.sys_errno() != 0) message += concat(": ", errno_text(error.sys_errno()));
    out.set("message", std::move(message));
    if (!error.path().empty()) out.set("path", error.path());
    set_place(out, error.at());
    if (!error.hint().empty()) out.set("hint", error.hint());
    if (error.notes().empty()) return out;
    Json notes = Json::array();
    for (const auto& note : error.notes()) {
        Json entry = Json::object();
        entry.set("message", note.text);
        set_place(entry, note.at);
        notes.push(std::move(entry));
    }
    out.set("notes", std::move(notes));
    return out;
}

Json all(const std::vector<Error>& errors) {
    Json out = Json::array();
    for (const auto& error : errors)
        out.push(one(error));
    return out;
}

} // namespace

Json diagnostics_json(const Diagnostics& diagnostics) {
    Json out = Json::object();
    out.set("errors", all(diagnostics.errors));
    out.set("warnings", all(diagnostics.warnings));
    return out;
}

} // namespace berth::ui
