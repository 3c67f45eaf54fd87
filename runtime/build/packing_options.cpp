#include "runtime/build/packing_options.hpp"

#include "runtime/base/parse.hpp"

namespace berth::build {

namespace {

constexpr std::int64_t k_most_gzip = 9, k_most_zstd = 22;

Result<int> level_of(const std::string& text, image::Compression compression) {
    const auto most = compression == image::Compression::zstd ? k_most_zstd : k_most_gzip;
    const auto level = parse_integer(text, 0, most);
    if (!level)
        return fail(Error(ErrorCode::usage, concat("compression-level=", text, " is no level of ",
                                                   image::compression_name(compression)))
                        .hint(concat("a number from 0 to ", most)));
    return static_cast<int>(*level);
}

} // namespace

Result<bool> flag_of(const BuildOption& option, const std::string& name, bool otherwise) {
    const auto text = option.get(name);
    // A key alone is a yes.
    if (text.empty()) return option.attributes.contains(name) || otherwise;
    const auto value = parse_bool(text);
    if (!value)
        return fail(Error(ErrorCode::usage, concat("non-bool value ", text, " specified for ", name))
                        .hint("write true or false"));
    return *value;
}

Result<image::Packing> packing_of(const BuildOption& option) {
    image::Packing out;
    const auto name = option.get("compression", "gzip");
    if (name == "uncompressed") {
        out.compression = image::Compression::none;
    } else if (name == "zstd") {
        out.compression = image::Compression::zstd;
    } else if (name == "estargz") {
        return fail(Error(ErrorCode::unsupported, "compression=estargz is not supported")
                        .hint("every registry and runtime takes gzip; zstd is smaller and faster"));
    } else if (name != "gzip") {
        return fail(Error(ErrorCode::usage, concat("unsupported compression type '", name, "'"))
                        .hint("one of uncompressed, gzip, zstd"));
    }
    if (const auto level = option.get("compression-level"); !level.empty()) {
        if (out.compression == image::Compression::none)
            return fail(ErrorCode::usage, "compression-level= says nothing with compression=uncompressed");
        BERTH_ASSIGN_OR_RETURN(out.level, level_of(level, out.compression));
    }
    BERTH_ASSIGN_OR_RETURN(out.force, flag_of(option, "force-compression", false));
    return out;
}

} // namespace berth::build
