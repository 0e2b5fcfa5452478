#include "app/kinds.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "weir/api/route.h"
#include "weir/arch/table.h"
#include "weir/nn/backend.h"
#include "weir/nn/builder.h"
#include "weir/nn/weights.h"
#include "weir/serve/tasks.h"

namespace weir::app {
namespace {

/// The sizes that every architecture can be built with, under all their names. What else
/// config.json may say has a default.
nlohmann::json small_config(const std::string& architecture) {
  nlohmann::json config{{"architectures", {architecture}}};
  for (const char* width :
       {"hidden_size", "n_embd", "d_model", "dim", "intermediate_size", "d_ff", "hidden_dim"})
    config[width] = 64;
  for (const char* heads : {"num_attention_heads", "n_head", "n_heads", "num_heads"})
    config[heads] = 2;
  for (const char* layers : {"num_hidden_layers", "n_layer", "n_layers", "num_layers"})
    config[layers] = 1;
  for (const char* length : {"max_position_embeddings", "n_positions"}) config[length] = 32;
  config["vocab_size"] = 64;
  config["d_kv"] = config["head_dim"] = 32;
  return config;
}

nn::Model build_small(const nn::Architecture& architecture, const std::string& name) {
  const std::string folder = "/dev/null";  // no file is below it
  const nn::ConfigFile config("config.json", small_config(name));
  const auto backend = nn::make_shape_backend();
  const auto weights = nn::make_dummy_weights(0, at::kCPU, at::kFloat);
  return architecture.build(nn::Builder({folder, config, *weights, *backend, at::kFloat, 0}));
}

struct Kind {
  std::string_view word;
  serve::Tasks tasks;
  bool converses = false;
  friend bool operator==(const Kind&, const Kind&) = default;
};

Kind kind_of(const nn::Model& model) {
  const nn::Shape& shape = model.shape;
  Kind kind{.word = shape.remembers.source     ? "encoder-decoder"
                    : shape.remembers.slot > 0 ? "recurrent decoder"
                    : shape.generates          ? "decoder"
                                               : "encoder"};
  for (const nn::NamedHead& head : model.heads) kind.tasks.add(head.card.task);
  kind.converses = shape.generates && !shape.remembers.source;
  return kind;
}

/// Checkpoints of one architecture that are served alike.
struct Row {
  std::vector<std::string> names;
  Kind kind;
};

std::vector<Row> rows_of(const nn::Architecture& architecture) {
  std::vector<std::string> names{architecture.name};
  names.insert(names.end(), architecture.other_names.begin(), architecture.other_names.end());
  std::vector<Row> rows;
  for (const std::string& name : names) {
    const Kind kind = kind_of(build_small(architecture, name));
    auto row = std::ranges::find(rows, kind, &Row::kind);
    if (row == rows.end()) row = rows.insert(row, {.names = {}, .kind = kind});
    row->names.push_back(name);
  }
  return rows;
}

bool can_be_asked(const Kind& kind, const api::Asks& asks) {
  if (asks.conversation && !kind.converses) return false;
  const auto names = asks.tasks.names();
  const auto own = kind.tasks.names();
  return std::ranges::any_of(
      names, [&](std::string_view name) { return std::ranges::count(own, name) > 0; });
}

template <class Texts>
std::string joined(const Texts& texts, const std::string& quote) {
  std::string all;
  for (const auto& text : texts)
    all += (all.empty() ? "" : ", ") + quote + std::string(text) + quote;
  return all;
}

std::string line_of(const Row& row) {
  std::vector<std::string_view> paths;
  for (const api::Route& route : api::routes())
    if (can_be_asked(row.kind, route.asks)) paths.push_back(route.path);
  return "| " + joined(row.names, "`") + " | " + std::string(row.kind.word) + " | " +
         joined(row.kind.tasks.names(), "") + " | " + joined(paths, "`") + " |\n";
}

}  // namespace

Result<std::string> kinds_table() {
  std::string table =
      "| `architectures` of config.json | kind | tasks | routes |\n|---|---|---|---|\n";
  try {
    for (const nn::Architecture& architecture : arch::table())
      for (const Row& row : rows_of(architecture)) table += line_of(row);
  } catch (const nn::LoadError& failure) {
    return Error{.code = Code::internal, .message = failure.what()};
  }
  return table;
}

}  // namespace weir::app
