// Raw nf_tables messages over libnl: what one container's ports need must not cost a parser.
#include "network/netlink.hpp"
#include "network/nft.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdlib>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <mutex>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

namespace berth::network {

namespace {

constexpr std::uint8_t k_family_inet = 1; // NFPROTO_INET
// A nested attribute's length is 16 bits; an element with its comment takes at most 240 bytes.
constexpr std::size_t k_elements_a_message = 200;
constexpr std::size_t k_message_size = 64u << 10;

struct FreeMessage {
    void operator()(nl_msg* message) const { ::nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;
struct FreeBytes {
    void operator()(unsigned char* bytes) const { std::free(bytes); }
};

// Sockets that are open but not in use. Never freed: see nft.hpp for what closing costs.
struct SocketPool {
    std::mutex mutex;
    std::vector<NlSocket> idle;
};
SocketPool& socket_pool() {
    static auto* pool = new SocketPool;
    return *pool;
}

class BorrowedSocket {
  public:
    static Result<BorrowedSocket> borrow() {
        auto& pool = socket_pool();
        const std::lock_guard<std::mutex> guard(pool.mutex);
        if (!pool.idle.empty()) {
            BorrowedSocket out(std::move(pool.idle.back()));
            pool.idle.pop_back();
            return out;
        }
        BERTH_ASSIGN_OR_RETURN(NlSocket socket, open_netlink(NETLINK_NETFILTER));
        return BorrowedSocket(std::move(socket));
    }
    [[nodiscard]] nl_sock* get() const { return socket_.get(); }
    // After a whole conversation. One that broke off is not used again.
    void give_back() {
        auto& pool = socket_pool();
        const std::lock_guard<std::mutex> guard(pool.mutex);
        pool.idle.push_back(std::move(socket_));
    }
    // A transaction is one packet: thousands of ports need more than the default.
    void make_room(std::size_t bytes) const {
        const int size = static_cast<int>(std::max<std::size_t>(bytes * 2, 256u << 10));
        const int fd = ::nl_socket_get_fd(socket_.get());
        if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
            (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }

  private:
    explicit BorrowedSocket(NlSocket socket) : socket_(std::move(socket)) {}
    NlSocket socket_;
};

// The first of `count` numbers that no other message of this program has.
std::uint32_t next_sequences(std::uint32_t count) {
    static std::atomic<std::uint32_t> next{1};
    return next.fetch_add(count);
}

Failure no_memory() {
    return fail_errno("build a firewall message", ENOMEM);
}

Result<Message> new_message(std::uint32_t sequence, std::uint8_t subsystem, std::uint8_t type, int flags,
                            std::uint8_t family, std::uint16_t resource) {
    Message message(::nlmsg_alloc_size(k_message_size));
    if (!message || ::nfnlmsg_put(message.get(), NL_AUTO_PORT, sequence, subsystem, type,
                                  NLM_F_REQUEST | flags, family, resource) < 0)
        return no_memory();
    return message;
}

void append(std::string& bytes, const Message& message) {
    const auto* header = ::nlmsg_hdr(message.get());
    bytes.append(reinterpret_cast<const char*>(header), NLMSG_ALIGN(header->nlmsg_len));
}

bool put_value(nl_msg* message, int attribute, const std::string& value) {
    auto* nest = ::nla_nest_start(message, attribute);
    if (nest == nullptr ||
        ::nla_put(message, NFTA_DATA_VALUE, static_cast<int>(value.size()), value.data()) < 0)
        return false;
    return ::nla_nest_end(message, nest) == 0;
}

// libnftnl's form of a comment: type 0, length, text with its NUL.
bool put_comment(nl_msg* message, const std::string& comment) {
    std::string bytes;
    bytes += '\0';
    bytes += static_cast<char>(std::min<std::size_t>(comment.size(), 127) + 1);
    bytes += comment.substr(0, 127);
    bytes += '\0';
    return ::nla_put(message, NFTA_SET_ELEM_USERDATA, static_cast<int>(bytes.size()), bytes.data()) >= 0;
}

bool put_element(nl_msg* message, const ElementOperation& operation) {
    auto* nest = ::nla_nest_start(message, NFTA_LIST_ELEM);
    if (nest == nullptr || !put_value(message, NFTA_SET_ELEM_KEY, operation.element.key())) return false;
    if (operation.change == ElementChange::add) {
        const std::string data = operation.element.data();
        if (!data.empty() && !put_value(message, NFTA_SET_ELEM_DATA, data)) return false;
        if (!put_comment(message, operation.element.comment)) return false;
    }
    return ::nla_nest_end(message, nest) == 0;
}

using Operations = std::vector<ElementOperation>;

Result<Message> element_message(const std::string& table, Operations::const_iterator from,
                                Operations::const_iterator to, std::uint32_t sequence, bool last) {
    const bool adds = from->change == ElementChange::add;
    const int flags = (adds ? NLM_F_CREATE | NLM_F_EXCL : 0) | (last ? NLM_F_ACK : 0);
    BERTH_ASSIGN_OR_RETURN(Message message, new_message(sequence, NFNL_SUBSYS_NFTABLES,
                                                        adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, flags,
                                                        k_family_inet, 0));
    auto* raw = message.get();
    if (::nla_put_string(raw, NFTA_SET_ELEM_LIST_TABLE, table.c_str()) < 0 ||
        ::nla_put_string(raw, NFTA_SET_ELEM_LIST_SET, from->element.map().c_str()) < 0)
        return no_memory();
    auto* list = ::nla_nest_start(raw, NFTA_SET_ELEM_LIST_ELEMENTS);
    if (list == nullptr) return no_memory();
    for (auto it = from; it != to; ++it)
        if (!put_element(raw, *it)) return no_memory();
    if (::nla_nest_end(raw, list) < 0) return no_memory();
    return message;
}

Status send_bytes(nl_sock* socket, std::string& bytes) {
    if (const int code = ::nl_sendto(socket, bytes.data(), bytes.size()); code < 0)
        return fail_netlink(code, "send a firewall change");
    return {};
}

// Calls `handle` for each message that arrives until it returns false.
template <class Handle> Status receive(nl_sock* socket, Handle handle) {
    for (;;) {
        sockaddr_nl from{};
        unsigned char* raw = nullptr;
        const int size = ::nl_recv(socket, &from, &raw, nullptr);
        const std::unique_ptr<unsigned char, FreeBytes> owned(raw);
        if (size < 0) return fail_netlink(size, "read the kernel's answer about the firewall");
        int rest = size;
        for (auto* header = reinterpret_cast<nlmsghdr*>(raw); ::nlmsg_ok(header, rest) != 0;
             header = ::nlmsg_next(header, &rest))
            if (!handle(*header)) return {};
    }
}

int error_of(const nlmsghdr& header) {
    return static_cast<const nlmsgerr*>(::nlmsg_data(&header))->error;
}

// The kernel answers for each message that went wrong and for the last one, which asks for it; a transaction
// that cannot be committed is answered for its beginning.
Status await_batch(nl_sock* socket, std::uint32_t begin, std::uint32_t last) {
    int error = 0;
    BERTH_TRY(receive(socket, [&](const nlmsghdr& header) {
        if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_seq < begin || header.nlmsg_seq > last + 1)
            return true;
        if (error == 0) error = -error_of(header);
        return header.nlmsg_seq != last && header.nlmsg_seq != begin;
    }));
    if (error != 0) return fail_errno("change the published ports in the firewall", error);
    return {};
}

struct TextAttribute {
    int type;
    std::string value;
};

// One dump or one get in our family; `handle` sees each object.
template <class Handle>
Status query(std::uint8_t type, int flags, const std::vector<TextAttribute>& attributes, Handle handle) {
    BERTH_ASSIGN_OR_RETURN(BorrowedSocket socket, BorrowedSocket::borrow());
    const std::uint32_t sequence = next_sequences(1);
    BERTH_ASSIGN_OR_RETURN(const Message message,
                           new_message(sequence, NFNL_SUBSYS_NFTABLES, type, flags, k_family_inet, 0));
    for (const auto& attribute : attributes)
        if (::nla_put_string(message.get(), attribute.type, attribute.value.c_str()) < 0) return no_memory();
    std::string bytes;
    append(bytes, message);
    BERTH_TRY(send_bytes(socket.get(), bytes));
    int error = 0;
    const bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
    BERTH_TRY(receive(socket.get(), [&](const nlmsghdr& header) {
        if (header.nlmsg_seq != sequence) return true; // left over from a call before
        if (header.nlmsg_type == NLMSG_ERROR) {
            error = -error_of(header);
            return false;
        }
        if (header.nlmsg_type == NLMSG_DONE) return false;
        handle(header);
        return dump;
    }));
    socket.give_back();
    if (error != 0) return fail_errno("read the firewall", error);
    return {};
}

} // namespace

Result<std::uint32_t> ruleset_generation() {
    std::uint32_t generation = 0;
    BERTH_TRY(query(NFT_MSG_GETGEN, 0, {}, [&](const nlmsghdr& header) {
        auto* copy = const_cast<nlmsghdr*>(&header);
        if (auto* attribute = ::nlmsg_find_attr(copy, sizeof(nfgenmsg), NFTA_GEN_ID))
            generation = ntohl(::nla_get_u32(attribute));
    }));
    return generation;
}

Status change_elements(const std::string& table, const std::vector<ElementOperation>& operations) {
    if (operations.empty()) return {};
    const auto begin_sequence = next_sequences(static_cast<std::uint32_t>(operations.size()) + 2);
    std::uint32_t sequence = begin_sequence;
    std::string bytes;
    BERTH_ASSIGN_OR_RETURN(const Message begin, new_message(sequence, 0, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
                                                            NFNL_SUBSYS_NFTABLES));
    append(bytes, begin);
    for (auto from = operations.begin(); from != operations.end();) {
        auto to = from;
        std::size_t count = 0;
        while (to != operations.end() && count < k_elements_a_message && to->change == from->change &&
               to->element.map() == from->element.map()) {
            ++to;
            ++count;
        }
        BERTH_ASSIGN_OR_RETURN(const Message message,
                               element_message(table, from, to, ++sequence, to == operations.end()));
        append(bytes, message);
        from = to;
    }
    const std::uint32_t last = sequence;
    BERTH_ASSIGN_OR_RETURN(const Message end, new_message(++sequence, 0, NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
                                                          NFNL_SUBSYS_NFTABLES));
    append(bytes, end);
    BERTH_ASSIGN_OR_RETURN(BorrowedSocket socket, BorrowedSocket::borrow());
    socket.make_room(bytes.size());
    BERTH_TRY(send_bytes(socket.get(), bytes));
    auto answered = await_batch(socket.get(), begin_sequence, last);
    socket.give_back();
    return answered;
}

Result<bool> table_exists(const std::string& table) {
    bool found = false;
    auto asked =
        query(NFT_MSG_GETTABLE, 0, {{NFTA_TABLE_NAME, table}}, [&](const nlmsghdr&) { found = true; });
    if (!asked && asked.error().sys_errno() != ENOENT) return fail(std::move(asked).error());
    return found;
}

Result<bool> has_user_rules(const std::string& table) {
    bool any = false;
    const std::string chain = "berth-user";
    BERTH_TRY(query(NFT_MSG_GETRULE, NLM_F_DUMP, {{NFTA_RULE_TABLE, table}, {NFTA_RULE_CHAIN, chain}},
                    [&](const nlmsghdr& header) {
                        auto* copy = const_cast<nlmsghdr*>(&header);
                        auto* table_name = ::nlmsg_find_attr(copy, sizeof(nfgenmsg), NFTA_RULE_TABLE);
                        auto* chain_name = ::nlmsg_find_attr(copy, sizeof(nfgenmsg), NFTA_RULE_CHAIN);
                        any = any || (table_name != nullptr && chain_name != nullptr &&
                                      table == ::nla_get_string(table_name) &&
                                      chain == ::nla_get_string(chain_name));
                    }));
    return any;
}

} // namespace berth::network
