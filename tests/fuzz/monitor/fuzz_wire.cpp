// Any bytes as the messages that a monitor reads: an error, never a crash or a huge allocation.
#include "runtime/base/name_record.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/log_writer.hpp"
#include "runtime/monitor/protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)berth::from_wire<berth::monitor::MonitorPlan>(bytes);
    (void)berth::from_wire<berth::monitor::ExecPlan>(bytes);
    (void)berth::from_wire<berth::monitor::Request>(bytes);
    (void)berth::from_wire<berth::NameRecord>(bytes);
    std::string out;
    berth::monitor::append_log_text(out, bytes);
    return 0;
}
