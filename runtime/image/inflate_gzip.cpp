// gzip, member after member (RFC 1952 2.2): isa-l's inflate is twice as fast as zlib's and is opened with
// dlopen where it is installed. Zero bytes behind the last member are padding (tape blocks); anything else
// there is damage.
#include "runtime/base/dl.hpp"
#include "runtime/image/inflate.hpp"

#include <algorithm>
#include <zlib.h>

#if __has_include(<isa-l/igzip_lib.h>)
#define BERTH_HAVE_ISAL 1
// The header's names clash with zlib's only as macros for levels; keep it last.
#include <isa-l/igzip_lib.h>
#else
#define BERTH_HAVE_ISAL 0
#endif

namespace berth::image {

namespace {

Failure damaged(std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("gzip stream ", why));
}

// What both decoders share: where one member ends and whether another begins.
struct Members {
    bool inside = true; // within a member, or at the very start
    bool padding = false;
    // Bytes between members: true when a new member begins at the front of `rest`.
    Result<bool> between(std::string_view& rest) {
        if (padding || (!rest.empty() && rest.front() == '\0')) {
            padding = true;
            if (rest.find_first_not_of('\0') != std::string_view::npos)
                return damaged("has garbage behind its end");
            rest = {};
        }
        return !rest.empty();
    }
};

class ZlibCodec : public Codec {
  public:
    ZlibCodec() : out_(k_chunk, '\0') { ok_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK; }
    ZlibCodec(const ZlibCodec&) = delete;
    ZlibCodec& operator=(const ZlibCodec&) = delete;
    ~ZlibCodec() override { ::inflateEnd(&stream_); }

    Status feed(std::string_view bytes, ByteSink& out) override {
        if (!ok_) return fail(ErrorCode::failed, "cannot start zlib");
        while (!bytes.empty()) {
            if (!members_.inside) {
                BERTH_ASSIGN_OR_RETURN(const bool another, members_.between(bytes));
                if (!another) return {};
                ::inflateReset(&stream_);
                members_.inside = true;
            }
            BERTH_TRY(one_member(bytes, out));
        }
        return {};
    }
    Status end(ByteSink&) override { return members_.inside ? damaged("ends in the middle") : Status{}; }

  private:
    Status one_member(std::string_view& bytes, ByteSink& out) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        int state = Z_OK;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
            stream_.avail_out = static_cast<uInt>(out_.size());
            state = ::inflate(&stream_, Z_NO_FLUSH);
            if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) return damaged("is damaged");
            const std::size_t got = out_.size() - stream_.avail_out;
            if (got > 0) BERTH_TRY(out.write({out_.data(), got}));
        } while (state != Z_STREAM_END && (stream_.avail_in > 0 || stream_.avail_out == 0));
        bytes.remove_prefix(bytes.size() - stream_.avail_in);
        members_.inside = state != Z_STREAM_END;
        return {};
    }
    z_stream stream_{};
    bool ok_ = false;
    std::string out_;
    Members members_;
};

#if BERTH_HAVE_ISAL

struct Isal {
    decltype(&::isal_inflate_init) init = nullptr;
    decltype(&::isal_inflate_reset) reset = nullptr;
    decltype(&::isal_inflate) inflate = nullptr;
    bool ok = false;
};

const Isal& isal() {
    static const Isal table = [] {
        Isal out;
        const auto library = Library::open({"libisal.so.2"}, "libisal2");
        out.ok = library && library->load(out.init, "isal_inflate_init") &&
                 library->load(out.reset, "isal_inflate_reset") && library->load(out.inflate, "isal_inflate");
        return out;
    }();
    return table;
}

class IsalCodec : public Codec {
  public:
    IsalCodec() : state_(std::make_unique<inflate_state>()), out_(k_chunk, '\0') { start(); }

    Status feed(std::string_view bytes, ByteSink& out) override {
        while (!bytes.empty()) {
            if (!members_.inside) {
                BERTH_ASSIGN_OR_RETURN(const bool another, members_.between(bytes));
                if (!another) return {};
                start();
                members_.inside = true;
            }
            BERTH_TRY(one_member(bytes, out));
        }
        return {};
    }
    Status end(ByteSink&) override { return members_.inside ? damaged("ends in the middle") : Status{}; }

  private:
    void start() {
        isal().init(state_.get());
        state_->crc_flag = ISAL_GZIP; // parses the header and checks CRC and length at the end
    }
    Status one_member(std::string_view& bytes, ByteSink& out) {
        state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
        state_->avail_in = static_cast<std::uint32_t>(bytes.size());
        do {
            state_->next_out = reinterpret_cast<std::uint8_t*>(out_.data());
            state_->avail_out = static_cast<std::uint32_t>(out_.size());
            const int code = isal().inflate(state_.get());
            if (code < 0) return damaged("is damaged");
            const std::size_t got = out_.size() - state_->avail_out;
            if (got > 0) BERTH_TRY(out.write({out_.data(), got}));
        } while (state_->block_state != ISAL_BLOCK_FINISH &&
                 (state_->avail_in > 0 || state_->avail_out == 0));
        members_.inside = state_->block_state != ISAL_BLOCK_FINISH;
        // At the end of a member isa-l hands back whole bytes that it has read ahead.
        bytes.remove_prefix(bytes.size() - state_->avail_in);
        return {};
    }
    std::unique_ptr<inflate_state> state_;
    std::string out_;
    Members members_;
};

#endif

} // namespace

std::unique_ptr<Codec> make_zlib_codec() {
    return std::make_unique<ZlibCodec>();
}

std::unique_ptr<Codec> make_isal_codec() {
#if BERTH_HAVE_ISAL
    if (isal().ok) return std::make_unique<IsalCodec>();
#endif
    return nullptr;
}

} // namespace berth::image
