#include "compose/cli/config_digests.hpp"

#include "compose/plan/worker_pool.hpp"
#include "runtime/image/pull.hpp"

namespace berth::cli {

namespace {

constexpr std::size_t k_at_once = 8;

struct Question {
    std::string image;
    SourcePos at; // of the first service that names it
    Result<std::string> answer = std::string();
};

Result<std::string> pin(const Context& context, const std::string& image) {
    BERTH_ASSIGN_OR_RETURN(auto reference, image::parse_reference(image));
    if (!reference.digest.empty()) reference.tag.clear(); // the digest alone decides
    auto digest = image::resolve_digest(context, reference);
    if (!digest)
        return fail(
            std::move(digest).error().context(concat("resolve the digest of ", reference.to_string())));
    reference.digest.clear();
    return concat(reference.tag.empty() ? concat(reference.host, "/", reference.repository)
                                        : reference.to_string(),
                  "@", *digest);
}

} // namespace

Result<std::map<std::string, std::string>> pinned_images(const Context& context,
                                                         const compose::Project& project,
                                                         const std::vector<std::string>& services) {
    std::map<std::string, Question> questions;
    for (const auto& name : services)
        if (const auto& service = project.services.at(name); !service.image.empty())
            questions.try_emplace(service.image, Question{service.image, service.image_at, {}});
    {
        compose::WorkerPool workers(k_at_once);
        for (auto& entry : questions) // clang 14 captures no structured bindings
            workers.post(
                [&context, &question = entry.second] { question.answer = pin(context, question.image); });
    }
    for (auto& [image, question] : questions)
        if (!question.answer) return fail(std::move(question.answer).error().at(question.at));
    std::map<std::string, std::string> out;
    for (const auto& name : services)
        if (const auto found = questions.find(project.services.at(name).image); found != questions.end())
            out[name] = *found->second.answer;
    return out;
}

void pin_images(Json& model, const std::map<std::string, std::string>& pinned) {
    auto* services = model.find("services");
    if (services == nullptr) return;
    for (const auto& [name, image] : pinned)
        if (auto* service = services->find(name)) service->set("image", image);
}

Json lock_file(const Json& model, const std::map<std::string, std::string>& pinned, bool json) {
    Json services = Json::object();
    if (const auto* all = model.find("services"); all != nullptr && all->as_object() != nullptr)
        for (const auto& member : *all->as_object()) {
            Json service = Json::object();
            if (json) { // what its dialect never leaves out
                service.set("command", Json());
                service.set("entrypoint", Json());
            }
            if (const auto found = pinned.find(member.key); found != pinned.end())
                service.set("image", found->second);
            services.set(member.key, std::move(service));
        }
    Json out = Json::object();
    if (json) out.set("name", "");
    out.set("services", std::move(services));
    return out;
}

} // namespace berth::cli
