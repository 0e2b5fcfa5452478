"""Values that a JSON Schema allows and others beside them, by a seed; as far as /openapi.json uses JSON Schema."""

import random
import re

TEXTS = ["", "a", "river water", "é日本", "\x00\n\"\\", "x" * 1025]
ANYTHING = [None, True, False, 0, 1, -1, -2, 0.5, 3, 2**31, 1e30, "", "a", "17", [], [None], [1], ["a"], [[1]], [{}], {}, {"a": 1}, {"17": 1}]


def violation(schema, value, document):
    """Why `schema` does not allow `value`; None: it does."""
    if "$ref" in schema:
        named = document
        for name in schema["$ref"].split("/")[1:]:
            named = named[name]
        return violation(named, value, document)
    if "anyOf" in schema:
        whys = [violation(one, value, document) for one in schema["anyOf"]]
        return None if None in whys else "; ".join(whys)
    wrong = f"{str(value)[:100]} is not {str(schema)[:200]}"
    if "const" in schema and not same(schema["const"], value):
        return wrong
    if "enum" in schema and not any(same(one, value) for one in schema["enum"]):
        return wrong
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_a(one, value) for one in types):
        return wrong
    if is_a("number", value):
        return None if schema.get("minimum", value) <= value <= schema.get("maximum", value) else wrong
    if isinstance(value, str):
        return None if schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)) else wrong
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return wrong
        return first(violation(schema.get("items", {}), item, document) for item in value)
    if not isinstance(value, dict):
        return None
    missing = [name for name in schema.get("required", []) if name not in value]
    return f"{missing[0]} is missing" if missing else first(of_member(schema, name, member, document) for name, member in value.items())


def of_member(schema, name, member, document):
    if name in schema.get("properties", {}):
        return violation(schema["properties"][name], member, document)
    for pattern, inner in schema.get("patternProperties", {}).items():
        if re.search(pattern, name):
            return violation(inner, member, document)
    others = schema.get("additionalProperties", True)
    if isinstance(others, dict):
        return violation(others, member, document)
    return None if others else f"{name} is not told of"


def first(whys):
    return next((why for why in whys if why), None)


def same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def is_a(kind, value):
    if kind in ("number", "integer"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (kind == "number" or value == int(value))
    return isinstance(value, {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}[kind])


def allowed(rng: random.Random, schema):
    """A value that `schema` allows."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "anyOf" in schema:
        return allowed(rng, rng.choice(schema["anyOf"]))
    types = schema.get("type", "string")
    kind = types if isinstance(types, str) else rng.choice(types)
    least, most = schema.get("minimum", -5), schema.get("maximum", 300)
    if kind == "integer":
        return rng.choice([least, most, rng.randint(least, min(most, least + 50))])
    if kind == "number":
        return rng.choice([least, most, rng.uniform(least, most)])
    if kind == "string":
        texts = [t for t in TEXTS if schema.get("minLength", 0) <= len(t) <= schema.get("maxLength", len(t))]
        return rng.choice(texts)
    if kind == "array":
        fewest = schema.get("minItems", 0)
        count = rng.randint(fewest, min(schema.get("maxItems", fewest + 3), fewest + 3))
        return [allowed(rng, schema.get("items", {})) for _ in range(count)]
    return {"null": None, "boolean": rng.random() < 0.5}.get(kind, an_object(rng, schema) if kind == "object" else None)


def an_object(rng, schema):
    properties, required = schema.get("properties", {}), schema.get("required", [])
    chosen = set(required) | set(rng.sample(list(properties), min(len(properties), rng.randint(0, 4))))
    return {name: allowed(rng, inner) for name, inner in properties.items() if name in chosen}


def spoiled(rng: random.Random, schema, value):
    """`value` with one member that the schema does not allow, or None where none was found."""
    for _ in range(50):
        other = dict(value)
        name = rng.choice(list(schema.get("properties", {}) or ["x"]))
        other[name] = rng.choice(ANYTHING)
        if violation(schema, other, {}):
            return other
    return None
