/*
 * As much JSON as the conformance vectors need: parse, build, match, print. Values live in one arena until
 * json_free_all.
 */
#ifndef HEADWATER_TESTS_JSON_H
#define HEADWATER_TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

/* One value. Items of a list and fields of an object are chained. */
typedef struct json {
    json_kind kind;
    double number; /* Of a number; 0 or 1 of a bool. */
    const char *text;
    size_t text_len;
    size_t len; /* How many items or fields. */
    struct json *first;
    struct json *last;
    struct json *next;
    const char *name; /* Of a field of an object. */
} json;

/* The value that the text is, or NULL, and then `*fault` says what is wrong. */
json *json_parse(const char *text, size_t len, const char **fault);

/* The field of this name; NULL when it is not there, or the value is no object. */
const json *json_get(const json *object, const char *name);

json *json_null(void);
json *json_bool(bool value);
json *json_number(double value);
json *json_text(const char *text, size_t len);
json *json_list(void);
json *json_object(void);
void json_add(json *list, json *item);
/* `name` is kept, not copied. */
void json_set(json *object, const char *name, json *value);

/* Sets `name` to text where the bytes are UTF-8, else `name_base64`, which is kept too. */
void json_set_bytes(json *object, const char *name, const char *name_base64, const void *bytes, size_t len);

/* Bytes as base64 text. */
json *json_base64_of(const void *data, size_t len);

/* The bytes of base64 text, in the arena; NULL when it is malformed. */
const void *json_base64(const json *text, size_t *len);

/* Whether `got` is what the vector wants: fields that it does not name are free, numbers may differ by a fraction. */
bool json_matches(const json *wanted, const json *got, double within);

void json_print(FILE *to, const json *value);

/* Memory that lives as long as the values. */
void *json_alloc(size_t bytes);
void json_free_all(void);

#endif
