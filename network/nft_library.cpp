// The only file with libnftables: opened when a table has to be made, changed or repaired as text.
#include "network/nft.hpp"
#include "runtime/base/dl.hpp"
#include "runtime/base/parse.hpp"

#include <mutex>
#include <nftables/libnftables.h>

namespace berth::network {

namespace {

struct Nftables {
    decltype(::nft_ctx_new)* make = nullptr;
    decltype(::nft_ctx_buffer_output)* buffer_output = nullptr;
    decltype(::nft_ctx_buffer_error)* buffer_error = nullptr;
    decltype(::nft_ctx_get_error_buffer)* error_text = nullptr;
    decltype(::nft_run_cmd_from_buffer)* run = nullptr;
};

Result<Nftables> load() {
    BERTH_ASSIGN_OR_RETURN(const Library library, Library::open({"libnftables.so.1"}, "libnftables1"));
    Nftables nft;
    BERTH_TRY(library.load(nft.make, "nft_ctx_new"));
    BERTH_TRY(library.load(nft.buffer_output, "nft_ctx_buffer_output"));
    BERTH_TRY(library.load(nft.buffer_error, "nft_ctx_buffer_error"));
    BERTH_TRY(library.load(nft.error_text, "nft_ctx_get_error_buffer"));
    BERTH_TRY(library.load(nft.run, "nft_run_cmd_from_buffer"));
    return nft;
}

} // namespace

Status run_nft_text(const std::string& text) {
    static const Result<Nftables> loaded = load();
    if (!loaded) return fail(loaded.error());
    const Nftables& nft = *loaded;
    // One for the whole command, never freed (closing costs a grace period); it reads the ruleset again by
    // itself when that has changed.
    static std::mutex mutex;
    const std::lock_guard<std::mutex> guard(mutex);
    static nft_ctx* context = nullptr;
    if (context == nullptr) {
        nft_ctx* made = nft.make(NFT_CTX_DEFAULT);
        if (made == nullptr || nft.buffer_output(made) != 0 || nft.buffer_error(made) != 0)
            return fail_errno("start libnftables", ENOMEM);
        context = made;
    }
    if (nft.run(context, text.c_str()) == 0) return {};
    const char* complaint = nft.error_text(context);
    Error error(ErrorCode::failed, "change the firewall table");
    if (complaint != nullptr) {
        std::size_t lines = 0;
        for (const auto& line : split(complaint, '\n'))
            if (!line.empty() && lines++ < 4) error.note(line);
    }
    return fail(std::move(error));
}

} // namespace berth::network
