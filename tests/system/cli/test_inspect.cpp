// The keys of inspect that scripts read, with the values that docker gives for the same container.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("inspect: every key that docker has is there") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    const auto value = [&](const std::string& path) {
        const Run run = world.berth({"inspect", "-f", "{{json " + path + "}}", "box"});
        CAPTURE(path, run.err);
        CHECK(run.exit_code == 0);
        return run.out.empty() ? std::string() : run.out.substr(0, run.out.size() - 1);
    };
    const auto keys = [&](const std::string& object) {
        return world.ok({"inspect", "-f", "{{range $k, $v := " + object + "}} {{$k}} {{end}}", "box"});
    };
    for (const auto* key : {"Id",           "Created",         "Path",           "Args",       "State",
                            "Image",        "ResolvConfPath",  "HostnamePath",   "HostsPath",  "LogPath",
                            "Name",         "RestartCount",    "Driver",         "Platform",   "MountLabel",
                            "ProcessLabel", "AppArmorProfile", "ExecIDs",        "HostConfig", "GraphDriver",
                            "Mounts",       "Config",          "NetworkSettings"})
        CHECK_THAT(keys("."), ContainsSubstring(std::string(" ") + key + " "));
    for (const auto* key : {"Binds",
                            "ContainerIDFile",
                            "LogConfig",
                            "NetworkMode",
                            "PortBindings",
                            "RestartPolicy",
                            "AutoRemove",
                            "VolumeDriver",
                            "VolumesFrom",
                            "ConsoleSize",
                            "CapAdd",
                            "CapDrop",
                            "CgroupnsMode",
                            "Dns",
                            "DnsOptions",
                            "DnsSearch",
                            "ExtraHosts",
                            "GroupAdd",
                            "IpcMode",
                            "Cgroup",
                            "Links",
                            "OomScoreAdj",
                            "PidMode",
                            "Privileged",
                            "PublishAllPorts",
                            "ReadonlyRootfs",
                            "SecurityOpt",
                            "UTSMode",
                            "UsernsMode",
                            "ShmSize",
                            "Runtime",
                            "Isolation",
                            "CpuShares",
                            "Memory",
                            "NanoCpus",
                            "CgroupParent",
                            "BlkioWeight",
                            "CpuPeriod",
                            "CpuQuota",
                            "CpusetCpus",
                            "CpusetMems",
                            "Devices",
                            "DeviceCgroupRules",
                            "DeviceRequests",
                            "MemoryReservation",
                            "MemorySwap",
                            "MemorySwappiness",
                            "OomKillDisable",
                            "PidsLimit",
                            "Ulimits",
                            "CpuCount",
                            "MaskedPaths",
                            "ReadonlyPaths"})
        CHECK_THAT(keys(".HostConfig"), ContainsSubstring(std::string(" ") + key + " "));
    for (const auto* key :
         {"Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
          "StdinOnce", "Env", "Cmd", "Image", "Volumes", "WorkingDir", "Entrypoint", "OnBuild", "Labels"})
        CHECK_THAT(keys(".Config"), ContainsSubstring(std::string(" ") + key + " "));
    for (const auto* key :
         {"Bridge", "SandboxID", "SandboxKey", "Ports", "HairpinMode", "EndpointID", "Gateway", "IPAddress",
          "IPPrefixLen", "MacAddress", "Networks", "SecondaryIPAddresses"})
        CHECK_THAT(keys(".NetworkSettings"), ContainsSubstring(std::string(" ") + key + " "));
    // What docker leaves out when it was not asked for.
    for (const auto* key : {"Tmpfs", "Mounts", "Sysctls", "Init"})
        CHECK_THAT(keys(".HostConfig"), !ContainsSubstring(std::string(" ") + key + " "));
    CHECK_THAT(keys(".Config"), !ContainsSubstring("StopTimeout"));
    CHECK(value(".HostConfig.RestartPolicy") == R"({"Name":"no","MaximumRetryCount":0})");
    CHECK(value(".HostConfig.NetworkMode") == "\"bridge\"");
    CHECK(value(".Config.AttachStdout") == "false");
    const auto key = world.ok({"inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "box"});
    CHECK(host("nsenter", {"--net=" + key, "ip", "-o", "-4", "addr"}).out.find("eth0") != std::string::npos);
}

TEST_CASE("inspect: how mounts, networks, capabilities and streams were asked for") {
    World world;
    world.tiny_image();
    world.ok({"network", "create", "lan"});
    world.ok({"create",
              "--name",
              "box",
              "-i",
              "-v",
              "data:/v:ro",
              "-v",
              "/tmp:/t",
              "--tmpfs",
              "/tf:size=1m",
              "--mount",
              "type=bind,src=/tmp,dst=/m,readonly",
              "--mount",
              "type=tmpfs,dst=/tm,tmpfs-size=1000000",
              "--network",
              "lan",
              "--cap-add",
              "net_admin",
              "--cap-drop",
              "CAP_CHOWN",
              "--stop-timeout",
              "7",
              "-P",
              "--sysctl",
              "net.ipv4.ip_forward=1",
              "--init",
              "--restart",
              "on-failure:3",
              "tiny",
              "true"});
    const auto is = [&](const std::string& path, const std::string& wanted) {
        CAPTURE(path);
        CHECK(world.ok({"inspect", "-f", "{{json " + path + "}}", "box"}) == wanted);
    };
    is(".HostConfig.Binds", R"(["data:/v:ro","/tmp:/t"])");
    is(".HostConfig.Tmpfs", R"({"/tf":"size=1m"})");
    is(".HostConfig.Mounts", R"([{"Type":"bind","Source":"/tmp","Target":"/m","ReadOnly":true},)"
                             R"({"Type":"tmpfs","Target":"/tm","TmpfsOptions":{"SizeBytes":1000000}}])");
    is(".HostConfig.NetworkMode", R"("lan")");
    is(".HostConfig.CapAdd", R"(["CAP_NET_ADMIN"])");
    is(".HostConfig.CapDrop", R"(["CAP_CHOWN"])");
    is(".HostConfig.PublishAllPorts", "true");
    is(".HostConfig.Init", "true");
    is(".HostConfig.RestartPolicy", R"({"Name":"on-failure","MaximumRetryCount":3})");
    is(".Config.StopTimeout", "7");
    is(".Config.OpenStdin", "true");
    is(".Config.StdinOnce", "true");
    is(".Config.AttachStdin", "true");
    is(".Config.AttachStdout", "true");
    is(".Config.AttachStderr", "true");
    CHECK(world.ok({"inspect", "-f", "{{range .Mounts}}{{.Destination}}={{.Mode}}/{{.RW}} {{end}}", "box"})
              .find("/v=ro/false") != std::string::npos);
    world.ok({"create", "--name", "free", "--privileged", "tiny", "true"});
    CHECK(world.ok({"inspect", "-f", "{{json .HostConfig.MaskedPaths}}", "free"}) == "null");
}

TEST_CASE("inspect of a service: binds in compose's form, its own network as the mode") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 2s\n"
                "    volumes: [\".:/a\", \"vol:/v\", {type: bind, source: ., target: /l, read_only: true}]\n"
                "volumes: {vol: {}}\n");
    world.compose_ok({"create"});
    CHECK(world.ok({"inspect", "-f", "{{json .HostConfig.Binds}}", "proj-web-1"}) ==
          "[\"" + world.project() + ":/a:rw\",\"proj_vol:/v:rw\",\"" + world.project() + ":/l:ro\"]");
    CHECK(world.ok({"inspect", "-f",
                    "{{.HostConfig.NetworkMode}} {{.Config.AttachStdout}} {{.Config.StopTimeout}}",
                    "proj-web-1"}) == "proj_default true 2");
}
