#include "compose/ui/go_template.hpp"

#include "tests/support/catch.hpp"

using namespace berth;

namespace {

std::string run(const std::string& text, const Json& data, const Json& methods = {}) {
    auto parsed = ui::GoTemplate::parse(text);
    if (!parsed) return "parse: " + parsed.error().message();
    auto out = parsed->execute(data, methods);
    return out ? *out : "error: " + out.error().message();
}

Json sample() {
    return *parse_json(R"({"Name":"web","State":{"Status":"running","ExitCode":0},"Tags":["a","b"],
                           "Labels":{"com.example.x":"1","y":"2"},"Count":3,"On":true,"Empty":""})");
}

bool fails(const std::string& text) {
    return !ui::GoTemplate::parse(text).has_value();
}

} // namespace

TEST_CASE("broken templates are errors, never crashes") {
    CHECK(fails("{{"));
    CHECK(fails("{{.Name"));
    CHECK(fails("{{if .Name}}"));
    CHECK(fails("{{end}}"));
    CHECK(fails("{{else}}"));
    CHECK(fails("{{nosuch .Name}}"));
    CHECK(fails("{{\"open}}"));
    CHECK(fails("{{(.Name}}"));
    CHECK(fails("{{/* open"));
    CHECK(fails("{{| json}}"));
    CHECK(fails("{{break}}"));
    CHECK(fails("{{define \"x\"}}{{end}}"));
    CHECK(fails("{{" + std::string(1000, '(') + "}}"));
    std::string deep;
    for (int i = 0; i < 1000; ++i)
        deep += "{{if true}}";
    CHECK(fails(deep));
}

TEST_CASE("unknown fields are errors at the top and nothing below") {
    CHECK(run("{{.Nmae}}", sample()) ==
          "error: template: executing \"\" at <.Nmae>: map has no entry for key \"Nmae\"");
    CHECK(run("{{.State.Health}}", sample()) == "<nil>");
    CHECK(run("{{.State.Nothing}}", sample()) == "<no value>");
    CHECK(run("{{.State.Env}}{{.State.Volumes}}{{.State.StopSignal}}", sample()) == "[]map[]");
    CHECK(run("{{.DockerVersion}}{{with .Variant}}/{{.}}{{end}}", sample()).empty());
    CHECK(run("{{if .State.Health}}yes{{else}}no{{end}}", sample()) == "no");
    CHECK(run("{{.State.Health.Status}}", sample()) == "<no value>");
}

TEST_CASE("wrong arguments are errors") {
    CHECK(run("{{index .Tags 7}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{index .Tags \"x\"}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{join .Name \",\"}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{.Name \"x\"}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{printf \"%s\"}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{printf \"%999999d\" 1}}", sample()).size() < 5000);
    CHECK(run("{{$x}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{lt .Name 1}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{slice .Name 9}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{range .Name}}{{end}}", sample()).rfind("error:", 0) == 0);
    CHECK(run("{{eq 1}}", sample()).rfind("error:", 0) == 0);
}

TEST_CASE("fields, chains and text") {
    CHECK(run("{{.Name}}: {{.State.Status}}!", sample()) == "web: running!");
    CHECK(run("{{ .Count }}{{.On}}", sample()) == "3true");
    CHECK(run("{{.Tags}} {{.Labels}}", sample()) == "[a b] map[com.example.x:1 y:2]");
    CHECK(run("a{{/* a comment */}}b", sample()) == "ab");
    CHECK(run("a \n {{- .Name -}} \n b", sample()) == "awebb");
}

TEST_CASE("functions") {
    CHECK(run("{{json .Tags}}", sample()) == "[\"a\",\"b\"]");
    CHECK(run("{{join .Tags \"-\"}} {{upper .Name}} {{title .Name}} {{len .Tags}}", sample()) ==
          "a-b WEB Web 2");
    CHECK(run("{{index .Labels \"com.example.x\"}}{{index .Tags 1}}", sample()) == "1b");
    CHECK(run("{{index .Labels \"none\"}}", sample()).empty());
    CHECK(run("{{printf \"%-5s|%5d|%q|%.2f|%x%%\" .Name 7 \"a\" 1.5 255}}", sample()) ==
          "web  |    7|\"a\"|1.50|ff%");
    CHECK(run("{{.Name | upper | printf \"%s!\"}}", sample()) == "WEB!");
    CHECK(run("{{pad .Name 1 2}}|{{truncate .Name 2}}|{{split \"a,b\" \",\"}}", sample()) ==
          " web  |we|[a b]");
    CHECK(run("{{(index .Tags 0)}}{{println 1 2}}", sample()) == "a1 2\n");
}

TEST_CASE("conditions") {
    CHECK(run("{{if eq .Name \"web\" \"x\"}}1{{else}}2{{end}}", sample()) == "1");
    CHECK(run("{{if and .On (not .Empty)}}1{{end}}{{if or .Empty .Name}}2{{end}}", sample()) == "12");
    CHECK(run("{{if gt .Count 5}}a{{else if gt .Count 2}}b{{else}}c{{end}}", sample()) == "b");
    CHECK(run("{{with .State}}{{.Status}}{{end}}{{with .Empty}}x{{else}}y{{end}}", sample()) == "runningy");
    CHECK(run("{{if ne .State.ExitCode 0}}x{{end}}{{if .State.ExitCode}}y{{end}}", sample()).empty());
}

TEST_CASE("ranges and variables") {
    CHECK(run("{{range .Tags}}<{{.}}>{{end}}", sample()) == "<a><b>");
    CHECK(run("{{range $i, $t := .Tags}}{{$i}}={{$t}} {{end}}", sample()) == "0=a 1=b ");
    CHECK(run("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", sample()) == "com.example.x=1;y=2;");
    CHECK(run("{{range .Empty2}}x{{else}}none{{end}}", Json(Json::Object{{"Empty2", Json::array()}})) ==
          "none");
    CHECK(run("{{$n := .Name}}{{range .Tags}}{{$n}}{{$.Count}}{{end}}", sample()) == "web3web3");
    CHECK(run("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", sample()) == "2");
    CHECK(run("{{range .Tags}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", sample()) == "a");
    CHECK(run("{{range .Tags}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}", sample()) == "b");
}

TEST_CASE("methods are asked with a key and are not part of the data") {
    Json methods = Json::object();
    methods.set("Label", *parse_json(R"({"k":"v"})"));
    CHECK(run("{{.Label \"k\"}}[{{.Label \"none\"}}]", sample(), methods) == "v[]");
    CHECK(run("{{json .}}", *parse_json("{\"A\":1}"), methods) == "{\"A\":1}");
}
