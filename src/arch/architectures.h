#pragma once

#include "weir/nn/model.h"

namespace weir::arch {

nn::Architecture llama();
nn::Architecture qwen2();
nn::Architecture qwen3();
nn::Architecture bert();
nn::Architecture roberta();
nn::Architecture xlm_roberta();
nn::Architecture distilbert();
nn::Architecture mpnet();
nn::Architecture gpt2();
nn::Architecture mistral();
nn::Architecture phi3();
nn::Architecture t5();
nn::Architecture gru();

}  // namespace weir::arch
