#include "runtime/image/stream.hpp"

#include <algorithm>
#include <cstring>
#include <unistd.h>

namespace berth::image {

Status ByteSource::skip(std::int64_t bytes) {
    std::string buffer(static_cast<std::size_t>(std::min<std::int64_t>(bytes, k_chunk)), '\0');
    while (bytes > 0) {
        const auto want =
            static_cast<std::size_t>(std::min<std::int64_t>(bytes, static_cast<std::int64_t>(buffer.size())));
        BERTH_ASSIGN_OR_RETURN(const std::size_t got, read(buffer.data(), want));
        if (got == 0) return fail(ErrorCode::invalid_input, "archive ends in the middle of an entry");
        bytes -= static_cast<std::int64_t>(got);
    }
    return {};
}

Status pump(ByteSource& source, ByteSink& sink) {
    std::string buffer(k_chunk, '\0');
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const std::size_t got, source.read(buffer.data(), buffer.size()));
        if (got == 0) return {};
        BERTH_TRY(sink.write(std::string_view(buffer).substr(0, got)));
    }
}

Result<std::size_t> FdSource::read(char* buffer, std::size_t size) {
    for (;;) {
        const ssize_t got = ::read(fd_, buffer, size);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) return fail_errno("read the archive");
    }
}

Result<std::size_t> RangeSource::read(char* buffer, std::size_t size) {
    const auto want = std::min<std::int64_t>(static_cast<std::int64_t>(size), end_ - offset_);
    if (want <= 0) return std::size_t{0};
    for (;;) {
        const ssize_t got = ::pread(fd_, buffer, static_cast<std::size_t>(want), offset_);
        if (got > 0) {
            offset_ += got;
            return static_cast<std::size_t>(got);
        }
        if (got == 0) return fail(ErrorCode::invalid_input, "archive is shorter than its entries say");
        if (errno != EINTR) return fail_errno("read the archive");
    }
}

Status RangeSource::skip(std::int64_t bytes) {
    if (bytes > end_ - offset_)
        return fail(ErrorCode::invalid_input, "archive ends in the middle of an entry");
    offset_ += bytes;
    return {};
}

Result<std::size_t> MemorySource::read(char* buffer, std::size_t size) {
    const auto got = std::min(size, rest_.size());
    if (got > 0) std::memcpy(buffer, rest_.data(), got);
    rest_.remove_prefix(got);
    return got;
}

Status StringSink::write(std::string_view bytes) {
    if (bytes.size() > limit_ - text_.size())
        return fail(ErrorCode::invalid_input, concat("document is larger than ", limit_, " bytes"));
    text_ += bytes;
    return {};
}

Status DigestSink::write(std::string_view bytes) {
    hash_.update(bytes);
    size_ += static_cast<std::int64_t>(bytes.size());
    return next_ != nullptr ? next_->write(bytes) : Status{};
}

Status DigestSink::finish() {
    return next_ != nullptr ? next_->finish() : Status{};
}

std::string DigestSink::digest() {
    return concat("sha256:", hash_.finish_hex());
}

Status Conduit::write(std::string_view bytes) {
    while (!bytes.empty()) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return used_ < ring_.size() || reader_error_; });
        if (reader_error_) return fail(*reader_error_);
        const std::size_t at = (start_ + used_) % ring_.size();
        const std::size_t room = std::min(ring_.size() - used_, ring_.size() - at);
        const std::size_t part = std::min({room, bytes.size(), k_chunk});
        // Only the writer touches the free part, so the copy needs no lock.
        lock.unlock();
        std::memcpy(ring_.data() + at, bytes.data(), part);
        lock.lock();
        const bool was_empty = used_ == 0;
        used_ += part;
        lock.unlock();
        if (was_empty) changed_.notify_all();
        bytes.remove_prefix(part);
    }
    return {};
}

Status Conduit::finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_all();
    return {};
}

Result<std::size_t> Conduit::read(char* buffer, std::size_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return used_ > 0 || finished_ || writer_error_; });
    if (writer_error_) return fail(*writer_error_);
    const std::size_t part = std::min({size, used_, ring_.size() - start_});
    if (part == 0) return std::size_t{0};
    const std::size_t at = start_;
    lock.unlock();
    std::memcpy(buffer, ring_.data() + at, part);
    lock.lock();
    const bool was_full = used_ == ring_.size();
    start_ = (start_ + part) % ring_.size();
    used_ -= part;
    lock.unlock();
    if (was_full) changed_.notify_all();
    return part;
}

void Conduit::abort_writer(Error error) {
    const std::lock_guard lock(mutex_);
    if (!reader_error_) reader_error_ = std::move(error);
    changed_.notify_all();
}

bool Conduit::writer_aborted() {
    const std::lock_guard lock(mutex_);
    return reader_error_.has_value();
}

void Conduit::abort_reader(Error error) {
    const std::lock_guard lock(mutex_);
    if (!writer_error_) writer_error_ = std::move(error);
    changed_.notify_all();
}

} // namespace berth::image
