#include "compose/plan/commit_container.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/changes.hpp"
#include "runtime/container/lifecycle.hpp"
#include "runtime/image/changes.hpp"

namespace berth::compose {

namespace {

// What the container runs with; what only its image knows (SHELL) comes from there.
image::RunConfig run_config(const runtime::ContainerSpec& spec, const image::RunConfig& below) {
    image::RunConfig out;
    out.user = spec.user;
    out.env = spec.env;
    out.entrypoint = spec.entrypoint;
    out.cmd = spec.command;
    out.working_dir = spec.working_dir;
    out.labels = spec.labels;
    out.stop_signal = spec.stop_signal;
    out.shell = below.shell;
    for (const auto& port : spec.network.exposed_ports)
        out.exposed_ports[port] = Json::object();
    for (const auto& port : spec.network.asked_ports)
        out.exposed_ports[concat(port.container_port, "/", port.protocol)] = Json::object();
    out.volumes = below.volumes;
    for (const auto& mount : spec.mounts)
        if (mount.anonymous) out.volumes[mount.target] = Json::object();
    if (spec.healthcheck) {
        image::HealthConfig health;
        health.test = spec.healthcheck->test;
        health.interval_ns = spec.healthcheck->interval_ns;
        health.timeout_ns = spec.healthcheck->timeout_ns;
        health.start_period_ns = spec.healthcheck->start_period_ns;
        health.start_interval_ns = spec.healthcheck->start_interval_ns;
        health.retries = spec.healthcheck->retries;
        out.healthcheck = std::move(health);
    }
    return out;
}

// Its processes stand still meanwhile, so that files belong together; if we are killed, its monitor wakes
// them.
class Pause {
  public:
    Pause(const Context& context, const runtime::Container& container, bool wanted)
        : context_(context), id_(container.spec.id),
          paused_(wanted && container.state.status == runtime::Status::running) {}
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    berth::Status begin() {
        if (!paused_) return {};
        auto held = runtime::pause_while_open(context_, id_);
        if (held)
            held_ = std::move(*held);
        else
            paused_ = false;
        return held ? berth::Status() : fail(std::move(held).error());
    }
    ~Pause() {
        if (!paused_) return;
        if (const auto woken = runtime::unpause(context_, id_); !woken)
            context_.progress->warn(woken.error().to_string());
    }

  private:
    const Context& context_;
    std::string id_;
    bool paused_;
    Fd held_;
};

} // namespace

Result<image::Image> commit_container(const Context& context, const std::string& id_or_name,
                                      const CommitOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(context, id_or_name));
    const auto& spec = container.spec;
    if (!options.reference.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(options.reference));
        if (!reference.digest.empty())
            return fail(ErrorCode::invalid_input,
                        concat("'", options.reference, "' has a digest; an image is named with a tag"));
    }
    BERTH_ASSIGN_OR_RETURN(const auto upper, runtime::upper_folder(context, container));
    BERTH_ASSIGN_OR_RETURN(const auto below, image::get_image(context, spec.image_id));
    image::ImageConfig config = below.config;
    config.created = to_rfc3339(wall_now());
    config.author = options.author;
    config.config = run_config(spec, below.config.config);
    BERTH_TRY(image::apply_changes(config.config, options.changes));
    image::HistoryEntry history;
    history.created = config.created;
    history.created_by = join(spec.command, " ");
    history.author = options.author;
    history.comment = options.message;
    {
        Pause pause(context, container, options.pause);
        BERTH_TRY(pause.begin());
        BERTH_ASSIGN_OR_RETURN(const auto changes, runtime::find_changes(context, container));
        std::optional<image::NewLayer> layer;
        if (!changes.telling.empty()) {
            BERTH_ASSIGN_OR_RETURN(
                layer,
                image::copy_layer(context, upper, image::chain_id(below.config.rootfs.diff_ids),
                                  [&](const std::string& path) { return !changes.telling.contains(path); }));
        }
        if (layer) config.rootfs.diff_ids.push_back(layer->diff_id);
        history.empty_layer = !layer;
    }
    config.history.push_back(std::move(history));
    return image::add_image(context, config, options.reference);
}

} // namespace berth::compose
