#include "compose/plan/plan.hpp"

#include "compose/plan/overload.hpp"
#include "runtime/base/concat.hpp"

namespace berth::compose {

namespace {

std::string wait_text(const WaitFor& wait) {
    switch (wait.condition) {
    case DependencyCondition::healthy:
        return "to be healthy";
    case DependencyCondition::completed_successfully:
        return "to complete";
    case DependencyCondition::started:
        break;
    }
    return "to run";
}

std::string image_text(const EnsureImage& image) {
    if (image.build && image.pull) return concat("pull or build image of ", image.service);
    if (image.build) return concat("build image of ", image.service);
    if (image.pull) return concat("pull image of ", image.service);
    return concat("look for image of ", image.service);
}

std::string create_text(const CreateContainer& create) {
    std::string text = concat("create container ", create.name);
    if (!create.replaces.empty())
        text += concat(" in place of ", std::string_view(create.replaces).substr(0, 12));
    if (!create.preferred_ipv4.empty()) text += concat(" with ", create.preferred_ipv4);
    return text;
}

std::string id_text(const std::string& id) {
    return id.empty() ? std::string() : concat(" ", std::string_view(id).substr(0, 12));
}

std::string text_of(const Operation& operation) {
    return std::visit(
        Overload{
            [](const CreateNetwork& o) { return concat("create network ", o.name); },
            [](const RemoveNetwork& o) { return concat("remove network ", o.name); },
            [](const CreateVolume& o) { return concat("create volume ", o.name); },
            [](const RemoveVolume& o) { return concat("remove volume ", o.name); },
            [](const EnsureImage& o) { return image_text(o); },
            [](const RemoveImage& o) { return concat("remove image ", o.name); },
            [](const CreateContainer& o) { return create_text(o); },
            [](const StartContainer& o) { return concat("start container ", o.name, id_text(o.id)); },
            [](const StopContainer& o) { return concat("stop container ", o.name, id_text(o.id)); },
            [](const KillContainer& o) {
                return concat("kill container ", o.name, " with signal ", o.signal);
            },
            [](const PauseContainer& o) { return concat("pause container ", o.name); },
            [](const UnpauseContainer& o) { return concat("unpause container ", o.name); },
            [](const RemoveContainer& o) {
                return concat("remove container ", o.name, id_text(o.id),
                              o.volumes ? " and its volumes" : "");
            },
            [](const WaitFor& o) {
                return concat("wait for ", o.name, " ", wait_text(o), o.required ? "" : " if it can");
            },
        },
        operation);
}

} // namespace

std::string Plan::to_string() const {
    std::string out;
    for (const auto& node : nodes) {
        out += '[';
        for (std::size_t i = 0; i < node.after.size(); ++i)
            out += concat(i == 0 ? "" : ",", node.after[i]);
        out += concat("] -> ", node.id, " ", text_of(node.operation));
        if (!node.cause.empty()) out += concat(" (", node.cause, ")");
        out += '\n';
    }
    return out;
}

OperationWords words_of(const Operation& operation) {
    return std::visit(
        Overload{
            [](const CreateNetwork& o) {
                return OperationWords{concat("Network ", o.name), "Creating", "Created"};
            },
            [](const RemoveNetwork& o) {
                return OperationWords{concat("Network ", o.name), "Removing", "Removed"};
            },
            [](const CreateVolume& o) {
                return OperationWords{concat("Volume ", o.name), "Creating", "Created"};
            },
            [](const RemoveVolume& o) {
                return OperationWords{concat("Volume ", o.name), "Removing", "Removed"};
            },
            [](const EnsureImage& o) {
                if (o.build) return OperationWords{o.service, "Building", "Built"};
                return OperationWords{o.service, o.pull ? "Pulling" : "Looking", o.pull ? "Pulled" : "Found"};
            },
            [](const RemoveImage& o) {
                return OperationWords{concat("Image ", o.name), "Removing", "Removed"};
            },
            [](const CreateContainer& o) {
                if (!o.replaces.empty())
                    return OperationWords{concat("Container ", o.name), "Recreate", "Recreated"};
                return OperationWords{concat("Container ", o.name), "Creating", "Created"};
            },
            [](const StartContainer& o) {
                if (o.restarts) return OperationWords{concat("Container ", o.name), "Restarting", "Started"};
                return OperationWords{concat("Container ", o.name), "Starting", "Started"};
            },
            [](const StopContainer& o) {
                if (o.replaced) return OperationWords{concat("Container ", o.name), "", ""};
                if (o.restarts) return OperationWords{concat("Container ", o.name), "Restarting", ""};
                return OperationWords{concat("Container ", o.name), "Stopping", "Stopped"};
            },
            [](const KillContainer& o) {
                return OperationWords{concat("Container ", o.name), "Killing", "Killed"};
            },
            [](const PauseContainer& o) {
                return OperationWords{concat("Container ", o.name), "", "Paused"};
            },
            [](const UnpauseContainer& o) {
                return OperationWords{concat("Container ", o.name), "", "Unpaused"};
            },
            [](const RemoveContainer& o) {
                if (o.replaced) return OperationWords{concat("Container ", o.name), "", ""};
                return OperationWords{concat("Container ", o.name), "Removing", "Removed"};
            },
            [](const WaitFor& o) {
                const bool completes = o.condition == DependencyCondition::completed_successfully;
                return OperationWords{concat("Container ", o.name), "Waiting",
                                      completes ? "Exited" : "Healthy"};
            },
        },
        operation);
}

} // namespace berth::compose
