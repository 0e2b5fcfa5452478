#include "weir/text/chat_template.h"

#include <atomic>
#include <ctime>
#include <thread>

#include "text/golden.h"

namespace weir::text {
namespace {

class TemplateGolden : public testing::TestWithParam<std::string> {};

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  const Json goldens = golden("templates.json");
  for (const auto& [name, unused] : goldens["rendered"].items()) names.push_back(name);
  return names;
}

TEST_P(TemplateGolden, RendersAsTheReference) {
  const auto goldens = golden("templates.json");
  const auto parsed =
      ChatTemplate::parse(file_text(kGoldens + "templates/" + GetParam() + ".jinja"));
  ASSERT_TRUE(parsed) << parsed.error().message;
  for (const auto& [name, expected] : goldens["rendered"][GetParam()].items()) {
    SCOPED_TRACE(name);
    const auto rendered = (*parsed)->render(goldens["contexts"][name].dump());
    if (expected.contains("text")) {
      ASSERT_TRUE(rendered) << rendered.error().message;
      EXPECT_EQ(*rendered, expected["text"].get<std::string>());
      continue;
    }
    ASSERT_FALSE(rendered) << *rendered;
    EXPECT_EQ(rendered.error().code, Code::invalid_argument);
    if (expected["refused"].is_string()) {
      EXPECT_EQ(rendered.error().message, expected["refused"].get<std::string>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TemplateGolden, testing::ValuesIn(template_names()),
                         [](const auto& each) { return each.param; });

std::string render(std::string_view source, std::string_view context = "{}") {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) return "error: " + parsed.error().message;
  const auto rendered = (*parsed)->render(context);
  return rendered ? *rendered : "error: " + rendered.error().message;
}

TEST(ChatTemplate, SaysWhereItIsWrong) {
  const auto parsed = ChatTemplate::parse("line\n{% if %}");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::invalid_argument);
  EXPECT_EQ(parsed.error().message.rfind("chat template, line 2: syntax error", 0), 0U)
      << parsed.error().message;
  EXPECT_EQ(render("a\nb\n{{ missing.attribute }}").rfind("error: chat template, line 3: ", 0), 0U);
}

TEST(ChatTemplate, RefusesAContextThatIsNoObject) {
  for (const char* context : {"", "[]", "{", "{\"a\": \"\xff\"}", "{\"a\": \"\\ud800\"}", "null"}) {
    EXPECT_EQ(render("x", context).rfind("error: the template's context is no JSON object", 0), 0U)
        << context;
  }
}

TEST(ChatTemplate, EndlessWorkRunsOutOfFuel) {
  const auto parsed = ChatTemplate::parse(
      "{% for a in range(10000) %}{% for b in range(10000) %}{% set c = a * b %}{% endfor %}"
      "{% endfor %}");
  ASSERT_TRUE(parsed);
  const auto rendered = (*parsed)->render("{}");
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, Code::invalid_argument);
  EXPECT_NE(rendered.error().message.find("fuel"), std::string::npos) << rendered.error().message;
}

TEST(ChatTemplate, ATextHasABound) {
  for (const char* source :
       {"{{ 'x' * 50000000 }}",
        "{% set s = 'x' * 1000 %}{% for i in range(5000) %}{{ s }}{% endfor %}"})
    EXPECT_EQ(render(source), "error: chat template: the text is longer than 1048592 bytes");
  EXPECT_NE(render("{{ 'x' * 100000000000 }}").find("error: chat template"), std::string::npos);
  const std::string long_message(300'000, 'x');
  EXPECT_EQ(render("{{ m }}{{ m }}{{ m }}{{ m }}{{ m }}", Json{{"m", long_message}}.dump()).size(),
            5 * long_message.size())
      << "a longer context has room for more";
}

TEST(ChatTemplate, DepthHasABound) {
  const auto repeated = [](const std::string& unit, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += unit;
    return text;
  };
  const int many = 100'000;
  const std::vector<std::string> deep = {
      "{{ " + repeated("-", many) + "1 }}",
      "{{ " + repeated("not ", many) + "1 }}",
      "{{ x" + repeated("|trim", many) + " }}",
      "{{ x" + repeated(".y", many) + " }}",
      "{{ x" + repeated("[0]", many) + " }}",
      "{{ x" + repeated("()", many) + " }}",
      "{{ 1" + repeated(" + 1", many) + " }}",
      "{{ 'a'" + repeated(" ~ 'a'", many) + " }}",
      "{{ 1" + repeated(" if 1 else 1", many) + " }}",
      "{{ " + repeated("(", many) + "1" + repeated(")", many) + " }}",
      "{{ " + repeated("[1, ", many) + "1" + repeated("]", many) + " }}",
      "{{ " + repeated("{'a': ", many) + "1" + repeated("}", many) + " }}",
      "{% set x = " + repeated("-", many) + "1 %}",
      "{% if x %}" + repeated("{% elif x %}", many) + "{% endif %}",
      repeated("{% if x %}", many) + repeated("{% endif %}", many),
      repeated("{% for a in b %}", many),
  };
  for (const auto& source : deep) {
    const auto parsed = ChatTemplate::parse(source);
    ASSERT_FALSE(parsed) << source.substr(0, 40);
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
    EXPECT_EQ(parsed.error().message.rfind("chat template, line 1: ", 0), 0U)
        << parsed.error().message;
  }
  EXPECT_EQ(render("{{ 1" + repeated(" + 1", 900) + " }}"), "901");
  EXPECT_EQ(render("{{ [" + repeated("1, ", 5000) + "1] | length }}"), "5001");
  EXPECT_EQ(render("{{ '" + repeated("- ", 5000) + "' | length }}"), "10000");
}

TEST(ChatTemplate, ManyMessagesHaveFuelEnough) {
  Json context = {{"messages", Json::array()}, {"add_generation_prompt", true}};
  for (int i = 0; i < 2000; ++i) {
    context["messages"].push_back(
        {{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", std::string(1000, 'x')}});
  }
  const auto text = render(file_text(kGoldens + "templates/qwen3.jinja"), context.dump());
  EXPECT_GT(text.size(), 2'000'000U) << text.substr(0, 200);
}

TEST(ChatTemplate, EndlessRecursionIsAnError) {
  EXPECT_EQ(render("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}").rfind("error: ", 0), 0U);
  EXPECT_EQ(render("{% set ns = namespace(x=[]) %}{% for i in range(500) %}{% set ns.x = [ns.x] "
                   "%}{% endfor %}"
                   "{{ ns.x | tojson }}")
                .rfind("error: ", 0),
            0U);
}

TEST(ChatTemplate, ValuesThatNestDeepEndNoThread) {
  EXPECT_NE(
      render("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% for j in range(1000) "
             "%}{% set ns.x = [ns.x] %}{% endfor %}{% endfor %}done"),
      "");
}

TEST(ChatTemplate, KnowsTheTime) {
  const auto now = [](const char* format) {
    const std::time_t seconds = std::time(nullptr);
    std::tm parts = {};
    localtime_r(&seconds, &parts);
    char text[128];
    return std::string(text, std::strftime(text, sizeof text, format, &parts));
  };
  const char* format = "%d %b %Y %-d %j %%";
  const auto before = now(format);
  const auto text = render("{{ strftime_now('" + std::string(format) + "') }}");
  EXPECT_TRUE(text == before || text == now(format)) << text;
}

TEST(ChatTemplate, ThreadsShareIt) {
  const auto goldens = golden("templates.json");
  const auto parsed = *ChatTemplate::parse(file_text(kGoldens + "templates/qwen3.jinja"));
  const auto context = goldens["contexts"]["tools"].dump();
  const auto expected = goldens["rendered"]["qwen3"]["tools"]["text"].get<std::string>();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto rendered = parsed->render(context);
        if (!rendered || *rendered != expected) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

std::string loaded(const std::map<std::string, std::string>& files,
                   std::string_view context = "{}") {
  const Folder folder(files);
  const auto found = ChatTemplate::load(folder.path());
  if (!found) return "error: " + found.error().message;
  if (!*found) return "none";
  const auto rendered = (**found)->render(context);
  return rendered ? *rendered : "error: " + rendered.error().message;
}

TEST(ChatTemplateFolder, WithoutATemplate) {
  EXPECT_EQ(loaded({}), "none");
  EXPECT_EQ(loaded({{"tokenizer_config.json", R"({"bos_token": "<s>"})"}}), "none");
  EXPECT_EQ(loaded({{"tokenizer_config.json", R"({"chat_template": null})"}}), "none");
}

TEST(ChatTemplateFolder, TakesTheFileBeforeTheConfig) {
  const std::string config = R"({"chat_template": "from the config"})";
  EXPECT_EQ(loaded({{"tokenizer_config.json", config}}), "from the config");
  EXPECT_EQ(loaded({{"tokenizer_config.json", config}, {"chat_template.jinja", "from the file"}}),
            "from the file");
}

TEST(ChatTemplateFolder, TakesTheDefaultOfAList) {
  EXPECT_EQ(loaded({{"tokenizer_config.json",
                     R"({"chat_template": [{"name": "rag", "template": "R"},
                                           {"name": "default", "template": "D"}]})"}}),
            "D");
  EXPECT_EQ(
      loaded(
          {{"tokenizer_config.json",
            R"({"chat_template": [{"name": "rag", "template": "R"}, {"name": "tool_use", "template": "T"}]})"}}),
      "error: tokenizer_config.json: chat_template has no template named default, only: rag, "
      "tool_use");
}

TEST(ChatTemplateFolder, RefusesBrokenFiles) {
  EXPECT_EQ(loaded({{"tokenizer_config.json", "{"}}),
            "error: tokenizer_config.json is no JSON object");
  EXPECT_EQ(loaded({{"tokenizer_config.json", R"({"chat_template": 3})"}}),
            "error: tokenizer_config.json: chat_template is neither a string nor a list");
  EXPECT_EQ(loaded({{"special_tokens_map.json", "[]"}, {"chat_template.jinja", "x"}}),
            "error: special_tokens_map.json is no JSON object");
}

TEST(ChatTemplateFolder, AddsTheSpecialTokens) {
  const std::string source =
      "{{ bos_token }},{{ eos_token }},{{ pad_token }},{{ unk_token }},{{ sep_token }}";
  const std::map<std::string, std::string> files = {
      {"chat_template.jinja", source},
      {"tokenizer_config.json",
       R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null,
           "add_bos_token": true})"},
      {"special_tokens_map.json",
       R"({"bos_token": "<other>", "unk_token": {"content": "<unk>"}})"}};
  EXPECT_EQ(loaded(files), "<s>,</s>,,<unk>,");
  EXPECT_EQ(loaded(files, R"({"eos_token": "mine"})"), "<s>,mine,,<unk>,")
      << "the context is stronger";
}

TEST(ChatTemplateFolder, RendersTheModelsOwn) {
  const std::string folder = kModels + "smollm2-135m-instruct";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << ": scripts/get_models brings it";
  const auto found = ChatTemplate::load(folder);
  ASSERT_TRUE(found && *found);
  const auto goldens = golden("templates.json");
  EXPECT_EQ(*(**found)->render(goldens["contexts"]["system"].dump()),
            goldens["rendered"]["smollm2"]["system"]["text"].get<std::string>());
}

}  // namespace
}  // namespace weir::text
