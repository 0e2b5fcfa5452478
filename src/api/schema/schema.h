#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "api/codec/json_reader.h"

/// Functions that make JSON Schema (2020-12, the version of OpenAPI 3.1) of bodies. Their names are
/// those of the codecs.
namespace weir::api::schema {

Json integer(int64_t least, int64_t most);
Json count();  // from 0
Json number(double least, double most);
Json any_number();
Json flag();
Json text(size_t least = 0);               // characters
Json text(size_t least, size_t most);      // the codec counts bytes, not characters
Json choice(std::vector<std::string> of);  // one of some texts
Json only(Json value);
Json null();
Json list(Json item);
Json list(Json item, size_t least);
Json list(Json item, size_t least, size_t most);
Json any_of(std::vector<Json> schemas);
Json any_object();
/// An object that may have only null members.
Json empty_object();
/// `schema`, or null.
Json or_null(Json schema);
/// A reference to the component of this name.
Json reference(const std::string& component);
Json described(Json schema, const char* description);

/// A field of an object.
struct Field {
  const char* name;
  Json schema;
  const char* description = "";
  bool required = false;
  Json by_default = nullptr;  // the value of an absent field, if it has one
};
using FieldList = std::vector<Field>;
FieldList joined(std::vector<FieldList> lists);

/// An object of a request. A field that is not required may be null. Other fields are ignored.
Json request(const FieldList& fields);
/// An object of an answer. It has no other fields.
Json answer(const FieldList& fields);

}  // namespace weir::api::schema
