#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "api/codec/json_reader.h"

/// JSON Schema (2020-12, as OpenAPI 3.1 has it) of bodies, in the words of the codecs.
namespace weir::api::schema {

Json integer(int64_t least, int64_t most);
Json count();  // from 0
Json number(double least, double most);
Json any_number();
Json flag();
Json text(size_t least = 0);               // characters
Json text(size_t least, size_t most);      // the codec counts bytes, which are at least as many
Json choice(std::vector<std::string> of);  // one of some texts
Json only(Json value);
Json null();
Json list(Json item);
Json list(Json item, size_t least);
Json list(Json item, size_t least, size_t most);
Json any_of(std::vector<Json> schemas);
Json any_object();
/// An object of which only null members are taken.
Json empty_object();
/// `schema`, or null.
Json or_null(Json schema);
/// The component of this name.
Json reference(const std::string& component);
Json described(Json schema, const char* description);

/// A field of an object.
struct Field {
  const char* name;
  Json schema;
  const char* description = "";
  bool required = false;
  Json by_default = nullptr;  // the value that absence stands for, where there is one
};
using FieldList = std::vector<Field>;
FieldList joined(std::vector<FieldList> lists);

/// An object of a request: fields that are not required may be null, and others are ignored.
Json request(const FieldList& fields);
/// An object of an answer, which has no other fields.
Json answer(const FieldList& fields);

}  // namespace weir::api::schema
