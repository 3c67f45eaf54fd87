#include "runtime/build/tree.hpp"

#include "runtime/base/parse.hpp"

namespace berth::build {

namespace {

Failure bad_mode(const std::string& text) {
    return fail(Error(ErrorCode::invalid_input, concat("'", text, "' is not a file mode"))
                    .hint("write it in octal (0755) or as chmod does (u=rwX,go=rX)"));
}

} // namespace

Result<ModeChange> ModeChange::parse(const std::string& text) {
    ModeChange out;
    if (!text.empty() && text.find_first_not_of("01234567") == std::string::npos) {
        if (text.size() > 5) return bad_mode(text);
        mode_t mode = 0;
        for (const char c : text)
            mode = mode * 8 + static_cast<mode_t>(c - '0');
        if (mode > 07777) return bad_mode(text);
        out.octal_ = mode;
        return out;
    }
    for (const auto& part : split(text, ',')) {
        std::size_t at = 0;
        unsigned who = 0;
        for (; at < part.size(); ++at) {
            if (part[at] == 'u')
                who |= 4;
            else if (part[at] == 'g')
                who |= 2;
            else if (part[at] == 'o')
                who |= 1;
            else if (part[at] == 'a')
                who |= 7;
            else
                break;
        }
        if (at == part.size()) return bad_mode(text);
        while (at < part.size()) {
            Clause clause;
            clause.who = who == 0 ? 7 : who;
            clause.operation = part[at++];
            if (clause.operation != '+' && clause.operation != '-' && clause.operation != '=')
                return bad_mode(text);
            for (; at < part.size() && std::string_view("+-=").find(part[at]) == std::string_view::npos;
                 ++at) {
                switch (part[at]) {
                case 'r':
                    clause.read = true;
                    break;
                case 'w':
                    clause.write = true;
                    break;
                case 'x':
                    clause.execute = true;
                    break;
                case 'X':
                    clause.execute_if = true;
                    break;
                case 's':
                    clause.special = true;
                    break;
                case 't':
                    clause.sticky = true;
                    break;
                case 'u':
                case 'g':
                case 'o':
                    clause.copy = part[at];
                    break;
                default:
                    return bad_mode(text);
                }
            }
            out.clauses_.push_back(clause);
        }
    }
    if (out.clauses_.empty()) return bad_mode(text);
    return out;
}

mode_t ModeChange::apply(mode_t mode) const {
    if (octal_) return (mode & S_IFMT) | *octal_;
    for (const auto& clause : clauses_) {
        const bool execute = clause.execute || (clause.execute_if && (S_ISDIR(mode) || (mode & 0111) != 0));
        mode_t bits = (clause.read ? 4u : 0u) | (clause.write ? 2u : 0u) | (execute ? 1u : 0u);
        if (clause.copy == 'u') bits |= (mode >> 6) & 7;
        if (clause.copy == 'g') bits |= (mode >> 3) & 7;
        if (clause.copy == 'o') bits |= mode & 7;
        mode_t change = 0, reach = 0;
        for (const unsigned who : {4u, 2u, 1u}) {
            if ((clause.who & who) == 0) continue;
            const unsigned shift = who == 4 ? 6 : who == 2 ? 3 : 0;
            change |= bits << shift;
            reach |= 7u << shift;
            if (clause.special && who == 4) change |= S_ISUID;
            if (clause.special && who == 2) change |= S_ISGID;
        }
        if (clause.sticky) change |= S_ISVTX;
        if (clause.operation == '+') mode |= change;
        if (clause.operation == '-') mode &= ~change;
        if (clause.operation == '=') mode = (mode & ~reach) | change;
    }
    return mode;
}

} // namespace berth::build
