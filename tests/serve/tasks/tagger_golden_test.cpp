// The tagger's own reference: paths, scores and entities of 20 texts, from its emissions.
#include <gtest/gtest.h>

#include <filesystem>

#include "serve/tasks/golden.h"
#include "serve/tasks/spans_of_text.h"
#include "serve/tasks/windows.h"
#include "weir/text/tokenizer.h"

namespace weir::serve {
namespace {

const std::string kTagger = "models/minilm-ner-crf/";
const std::string kTrunk = "models/downloaded/all-minilm-l6-v2";

/// The labels and the CRF of the tagger.
folder::HeadCard read_tagger() {
  std::ifstream file(kTagger + "head.safetensors", std::ios::binary);
  uint64_t size = 0;
  file.read(reinterpret_cast<char*>(&size), sizeof size);
  std::string header(size, ' ');
  file.read(header.data(), static_cast<std::streamsize>(size));
  const Json tensors = Json::parse(header);
  const auto tensor = [&](const char* name) {
    const auto [begin, end] = tensors[name]["data_offsets"].get<std::pair<size_t, size_t>>();
    std::vector<float> numbers((end - begin) / sizeof(float));
    file.seekg(static_cast<std::streamoff>(sizeof size + header.size() + begin));
    file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(end - begin));
    return numbers;
  };
  return {.labels = json_of(kTagger + "head.json")["labels"].get<std::vector<std::string>>(),
          .crf = folder::Crf{.start = tensor("crf.start"),
                             .transitions = tensor("crf.transitions"),
                             .end = tensor("crf.end")}};
}

class TaggerGolden : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& needed : {kTrunk + "/tokenizer.json", kTagger + "head.safetensors"}) {
      if (!std::filesystem::exists(needed)) GTEST_SKIP() << needed << " is not there";
    }
    tagger = read_tagger();
    cases = json_of(kTagger + "golden.json")["cases"];
    ASSERT_EQ(cases.size(), 20U);
    // Its own emissions are there for three of the cases only.
    const Json all = json_of("tests/golden/tagger.json")["emissions"];
    ASSERT_EQ(all.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) cases[i]["emissions"] = all[i];
  }

  folder::HeadCard tagger;
  Json cases;
};

TEST_F(TaggerGolden, PathsAndTheirScoresAreTheReferences) {
  for (const Json& one : cases) {
    SCOPED_TRACE(one["text"]);
    const CrfPath path = crf_path(*tagger.crf, flat(one["emissions"]));
    std::vector<std::string> tags;
    for (const uint32_t label : path.labels) tags.push_back(tagger.labels[label]);
    EXPECT_EQ(tags, one["tags"].get<std::vector<std::string>>());
    if (tags.empty()) continue;
    EXPECT_NEAR(path.score, one["score_float64"].get<double>(), 1e-4);
    EXPECT_NEAR(path.log_z, one["log_z_float64"].get<double>(), 1e-4);
    EXPECT_NEAR(path.score - path.log_z, one["path_log_probability_float64"].get<double>(), 1e-4);
    // The reference's float32 is only so near to its own float64.
    EXPECT_NEAR(path.score, one["score"].get<double>(), 1e-3);
    EXPECT_NEAR(path.log_z, one["log_z"].get<double>(), 1e-3);
  }
}

TEST_F(TaggerGolden, SpansAreExactlyTheEntities) {
  const auto tokenizer = *text::Tokenizer::load(kTrunk);
  for (const Json& one : cases) {
    SCOPED_TRACE(one["text"]);
    const auto text = one["text"].get<std::string>();
    const auto encoding = *tokenizer->encode_places(text, std::nullopt, true);
    const auto all = units_of(encoding, true);
    const auto window = *cut_window(encoding, all, 256);
    const Json ids = window.ids;
    EXPECT_EQ(ids, one.value("token_ids", ids));
    EXPECT_EQ(window.ids.size(), one["n_tokens"].get<size_t>());
    EXPECT_EQ(Json(window.reads), one["first_piece"]);
    const auto units = std::span(all).first(window.reads.size());
    const auto spans =
        spans_of_text(text, {units, flat(one["emissions"])}, tagger, Aggregation::simple);
    ASSERT_EQ(spans.size(), one["entities"].size());
    for (size_t i = 0; i < spans.size(); ++i) {
      const Json& entity = one["entities"][i];
      EXPECT_EQ(spans[i].label, entity["type"]);
      EXPECT_EQ(spans[i].begin, entity["start"]);
      EXPECT_EQ(spans[i].end, entity["end"]);
      EXPECT_EQ(spans[i].text, entity["text"]);
    }
  }
}

TEST_F(TaggerGolden, ASpansScoreIsTheMeanMarginalOfItsWords) {
  for (const Json& one : cases) {
    const std::vector<float> emissions = flat(one["emissions"]);
    std::vector<LabelUnit> units;
    for (const auto& [begin, end] : one["words"].get<std::vector<std::pair<int, int>>>()) {
      units.push_back({.begin = static_cast<uint32_t>(begin), .end = static_cast<uint32_t>(end)});
    }
    const CrfPath path = crf_path(*tagger.crf, emissions);
    for (const Span& span : spans_of_text(one["text"].get<std::string>(), {units, emissions},
                                          tagger, Aggregation::simple)) {
      double sum = 0, words = 0;
      for (size_t i = 0; i < units.size(); ++i) {
        if (units[i].begin < span.begin || units[i].end > span.end) continue;
        sum += path.marginals[i];
        ++words;
      }
      EXPECT_NEAR(span.score, sum / words, 1e-12);
    }
  }
}

}  // namespace
}  // namespace weir::serve
