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
      "{% for a in range(10000) %}{% for b in range(10000) %}{{ a * b }}{% endfor %}{% endfor %}");
  ASSERT_TRUE(parsed);
  const auto rendered = (*parsed)->render("{}");
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, Code::invalid_argument);
  EXPECT_NE(rendered.error().message.find("fuel"), std::string::npos) << rendered.error().message;
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
