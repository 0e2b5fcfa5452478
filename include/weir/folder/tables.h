#pragma once

#include "weir/folder/known_fields.h"

/// What is known of each file's fields beside those that its reader asks for: one file of
/// src/folder/tables for each.
namespace weir::folder {

FieldTable config_fields();             // config.json, of every architecture
FieldTable bert_config_fields();        // config.json, of BERT's kind beside those
FieldTable distilbert_config_fields();  // config.json, of DistilBERT beside those
FieldTable llama_config_fields();       // config.json, of Llama's kind beside those
FieldTable generation_config_fields();
FieldTable tokenizer_config_fields();
FieldTable modules_fields();    // an entry of modules.json
FieldTable pooling_fields();    // config.json of a module Pooling
FieldTable normalize_fields();  // config.json of a module Normalize
FieldTable sentence_transformers_fields();
FieldTable sentence_bert_fields();
FieldTable head_fields();        // head.json of a head's folder
FieldTable head_layer_fields();  // an entry of its layers

}  // namespace weir::folder
