#include "api/openai/schemas.h"

#include <array>

#include "api/openai/answer_schemas.h"
#include "api/openai/request_schemas.h"

namespace weir::api::openai {
namespace {

constexpr std::array kNoModel{Code::not_found};

}  // namespace

constinit const RouteSchema kChatCompletions{
    .summary = "Answers a conversation.",
    .request = chat_request,
    .example =
        R"({"messages":[{"role":"user","content":"Name the three primary colors."}],"max_tokens":32})",
    .answer = chat_answer,
    .event = chat_chunk,
    .errors = kModelErrors};

constinit const RouteSchema kCompletions{
    .summary = "Continues texts or tokens.",
    .request = completion_request,
    .example = R"({"prompt":"The rivers of Europe are","max_tokens":32})",
    .answer = completion_answer,
    .event = completion_chunk,
    .errors = kModelErrors};

constinit const RouteSchema kEmbeddings{.summary = "Turns texts into vectors.",
                                        .request = embedding_request,
                                        .example = R"({"input":["a river","a mill"]})",
                                        .answer = embedding_answer,
                                        .errors = kModelErrors};

constinit const RouteSchema kModels{
    .summary = "The models that the key may use.",
    .description = "The failed ones for keys with the scope admin only.",
    .answer = models_answer};

constinit const RouteSchema kModel{
    .summary = "One of the models.", .answer = model_answer, .errors = kNoModel};

}  // namespace weir::api::openai
