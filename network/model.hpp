// model.hpp - networks, endpoints and published ports as plain values with one field list each.
#pragma once

#include "runtime/base/json.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace berth::network {

struct Subnet {
    std::string subnet;   // "172.20.0.0/16", "fd00:1::/64"
    std::string gateway;  // empty: the first address
    std::string ip_range; // addresses are taken from here; empty: the whole subnet
    std::map<std::string, std::string> aux_addresses = {}; // name -> address that no container gets
};
template <class V> void describe(V& v, Subnet& s) {
    v.field("subnet", s.subnet);
    v.field("gateway", s.gateway);
    v.field("ipRange", s.ip_range);
    v.field("auxAddresses", s.aux_addresses);
}
struct NetworkConfig {
    std::string name;
    std::string driver = "bridge"; // "bridge"; "host" and "none" are container modes, not networks
    bool internal = false;
    bool enable_ipv4 = true;
    bool enable_ipv6 = false;
    bool attachable = false;
    std::vector<Subnet> subnets; // empty: from the pools (172.17.0.0/12 in /16s, then 192.168.0.0/16 in /20s)
    std::map<std::string, std::string> options; // as network_options.hpp knows them
    std::map<std::string, std::string> labels;
};
template <class V> void describe(V& v, NetworkConfig& c) {
    v.field("name", c.name);
    v.field("driver", c.driver);
    v.field("internal", c.internal);
    v.field("enableIpv4", c.enable_ipv4);
    v.field("enableIpv6", c.enable_ipv6);
    v.field("attachable", c.attachable);
    v.field("subnets", c.subnets);
    v.field("options", c.options);
    v.field("labels", c.labels);
}
struct Network {
    std::int64_t version = 1;
    std::string id;
    NetworkConfig config; // with subnets and gateways settled
    std::string bridge;   // interface name, "br-" + 12 digits of the id
    std::int64_t mtu = 0; // settled: the option, or that of the host's default route; 0: the kernel's
    std::string created_at;
};
template <class V> void describe(V& v, Network& n) {
    v.field("version", n.version);
    v.field("id", n.id);
    v.field("config", n.config);
    v.field("bridge", n.bridge);
    v.field("mtu", n.mtu);
    v.field("createdAt", n.created_at);
}

// One published port. Ranges of container ports are expanded by the caller.
struct PortMapping {
    std::string host_ip;        // empty: all addresses, IPv4 and IPv6
    std::int64_t host_port = 0; // 0: any free one
    std::int64_t container_port = 0;
    std::string protocol = "tcp";   // "tcp", "udp"
    std::int64_t host_port_end = 0; // > host_port: the first free one from host_port to here; settled: 0
};
template <class V> void describe(V& v, PortMapping& p) {
    v.field("hostIp", p.host_ip);
    v.field("hostPort", p.host_port);
    v.field("containerPort", p.container_port);
    v.field("protocol", p.protocol);
    v.field("hostPortEnd", p.host_port_end);
}

// How a container joins one network. Kept in ContainerSpec::network.endpoint_requests, so that each start
// asks the same.
struct EndpointRequest {
    std::string network;              // name or id
    std::vector<std::string> aliases; // beside the container's name and short id
    std::string ipv4, ipv6;           // asked for by the user: refused when taken
    std::string preferred_ipv4;       // of the container that this one replaces: taken when free
    std::string mac;
    std::int64_t gateway_priority = 0;            // the highest gets the default route
    std::vector<std::string> link_local_ips = {}; // further addresses of the interface, not of the network
    // com.docker.network.endpoint.ifname: the interface's name inside, instead of eth0, eth1, ...;
    // .sysctls: "net.ipv4.conf.IFNAME.log_martians=1,..."
    std::map<std::string, std::string> driver_options = {};
};
template <class V> void describe(V& v, EndpointRequest& r) {
    v.field("network", r.network);
    v.field("aliases", r.aliases);
    v.field("ipv4", r.ipv4);
    v.field("ipv6", r.ipv6);
    v.field("preferredIpv4", r.preferred_ipv4);
    v.field("mac", r.mac);
    v.field("gatewayPriority", r.gateway_priority);
    v.field("linkLocalIps", r.link_local_ips);
    v.field("driverOptions", r.driver_options);
}

// How a container is on one network. Stored by network/ (<data root>/networks/<id>/leases/<container id>).
struct Endpoint {
    std::string network_id, network_name;
    std::string container_id, container_name;
    std::vector<std::string> aliases;
    std::string ipv4, ipv6; // addresses; prefixes are the subnets'
    std::int64_t ipv4_prefix = 0, ipv6_prefix = 0;
    std::string gateway, gateway6;
    std::string mac;
    std::vector<std::string> link_local_ips;
    std::map<std::string, std::string> driver_options;
    std::int64_t index = 0;            // which of the container's interfaces: 0 is the first
    std::string interface;             // inside: "eth0"
    std::string host_interface;        // "veth" + 11 digits
    std::int64_t gateway_priority = 0; // as asked for: the highest has the default route
    // As published (host ports settled), on the endpoint that carries them. Not in the lease: the store reads
    // them from what is published, which a reboot loses.
    std::vector<PortMapping> ports;
    std::vector<PortMapping> chosen_ports; // of ranges, at the last start: the next one takes them when free
};
template <class V> void describe(V& v, Endpoint& e) {
    v.field("networkId", e.network_id);
    v.field("networkName", e.network_name);
    v.field("containerId", e.container_id);
    v.field("containerName", e.container_name);
    v.field("aliases", e.aliases);
    v.field("ipv4", e.ipv4);
    v.field("ipv6", e.ipv6);
    v.field("ipv4Prefix", e.ipv4_prefix);
    v.field("ipv6Prefix", e.ipv6_prefix);
    v.field("gateway", e.gateway);
    v.field("gateway6", e.gateway6);
    v.field("mac", e.mac);
    v.field("linkLocalIps", e.link_local_ips);
    v.field("driverOptions", e.driver_options);
    v.field("index", e.index);
    v.field("interface", e.interface);
    v.field("hostInterface", e.host_interface);
    v.field("gatewayPriority", e.gateway_priority);
    v.field("chosenPorts", e.chosen_ports);
}

} // namespace berth::network
