/* See json.h. Building and matching; reading is in json_parse.c. */
#include "json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Each allocation begins with a link to the one before. */
typedef union block {
    union block *before;
    long double widest;
    long long longest;
} block;

static block *newest = NULL;

void *json_alloc(size_t bytes) {
    block *made = (block *)calloc(1, sizeof(block) + bytes);
    if (made == NULL) {
        abort();
    }
    made->before = newest;
    newest = made;
    return made + 1;
}

void json_free_all(void) {
    while (newest != NULL) {
        block *before = newest->before;
        free(newest);
        newest = before;
    }
}

static json *make(json_kind kind) {
    json *value = (json *)json_alloc(sizeof(json));
    value->kind = kind;
    return value;
}

json *json_null(void) {
    return make(JSON_NULL);
}

json *json_bool(bool value) {
    json *made = make(JSON_BOOL);
    made->number = value ? 1 : 0;
    return made;
}

json *json_number(double value) {
    json *made = make(JSON_NUMBER);
    made->number = value;
    return made;
}

json *json_text(const char *text, size_t len) {
    json *made = make(JSON_TEXT);
    char *copy = (char *)json_alloc(len + 1);
    if (len > 0) {
        memcpy(copy, text, len);
    }
    made->text = copy;
    made->text_len = len;
    return made;
}

json *json_list(void) {
    return make(JSON_LIST);
}

json *json_object(void) {
    return make(JSON_OBJECT);
}

void json_add(json *list, json *item) {
    if (list->last == NULL) {
        list->first = item;
    } else {
        list->last->next = item;
    }
    list->last = item;
    list->len++;
}

void json_set(json *object, const char *name, json *value) {
    value->name = name;
    json_add(object, value);
}

const json *json_get(const json *object, const char *name) {
    if (object == NULL || object->kind != JSON_OBJECT) {
        return NULL;
    }
    for (const json *field = object->first; field != NULL; field = field->next) {
        if (strcmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

static bool is_utf8(const unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len;) {
        unsigned char lead = bytes[i++];
        size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 9;
        if (more > len - i) {
            return false;
        }
        uint32_t code = more == 0 ? lead : (uint32_t)(lead & (0x3f >> more));
        for (size_t n = 0; n < more; n++, i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return false;
            }
            code = code << 6 | (bytes[i] & 0x3f);
        }
        static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
            return false;
        }
    }
    return true;
}

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json *json_base64_of(const void *data, size_t len) {
    const unsigned char *bytes = (const unsigned char *)data;
    char *out = (char *)json_alloc(len / 3 * 4 + 5);
    size_t at = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < len ? bytes[i + 2] : 0;
        out[at++] = ALPHABET[group >> 18];
        out[at++] = ALPHABET[group >> 12 & 63];
        out[at++] = i + 1 < len ? ALPHABET[group >> 6 & 63] : '=';
        out[at++] = i + 2 < len ? ALPHABET[group & 63] : '=';
    }
    return json_text(out, at);
}

const void *json_base64(const json *text, size_t *len) {
    unsigned char *out = (unsigned char *)json_alloc(text->text_len + 1);
    uint32_t group = 0;
    unsigned bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < text->text_len && text->text[i] != '='; i++) {
        const char *digit = strchr(ALPHABET, text->text[i]);
        if (digit == NULL || *digit == '\0') {
            return NULL;
        }
        group = group << 6 | (uint32_t)(digit - ALPHABET);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[at++] = (unsigned char)(group >> bits & 0xff);
        }
    }
    *len = at;
    return text->text_len % 4 == 0 ? out : NULL;
}

void json_set_bytes(json *object, const char *name, const char *name_base64, const void *bytes, size_t len) {
    if (is_utf8((const unsigned char *)bytes, len)) {
        json_set(object, name, json_text((const char *)bytes, len));
    } else {
        json_set(object, name_base64, json_base64_of(bytes, len));
    }
}

static bool items_match(const json *wanted, const json *got, double within) {
    const json *other = got->first;
    for (const json *item = wanted->first; item != NULL; item = item->next, other = other->next) {
        if (other == NULL || !json_matches(item, other, within)) {
            return false;
        }
    }
    return other == NULL;
}

static bool fields_match(const json *wanted, const json *got, double within) {
    for (const json *field = wanted->first; field != NULL; field = field->next) {
        const json *other = json_get(got, field->name);
        if (other == NULL ? field->kind != JSON_NULL : !json_matches(field, other, within)) {
            return false;
        }
    }
    return true;
}

bool json_matches(const json *wanted, const json *got, double within) {
    if (wanted->kind != got->kind) {
        return false;
    }
    switch (wanted->kind) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return wanted->number == got->number;
    case JSON_NUMBER:
        return fabs(wanted->number - got->number) <= fabs(wanted->number) * within;
    case JSON_TEXT:
        return wanted->text_len == got->text_len && memcmp(wanted->text, got->text, wanted->text_len) == 0;
    case JSON_LIST:
        return items_match(wanted, got, within);
    case JSON_OBJECT:
        return fields_match(wanted, got, within);
    }
    return false;
}

void json_print(FILE *to, const json *value) {
    const char *between = "";
    switch (value->kind) {
    case JSON_NULL:
        fputs("null", to);
        break;
    case JSON_BOOL:
        fputs(value->number != 0 ? "true" : "false", to);
        break;
    case JSON_NUMBER:
        fprintf(to, "%.17g", value->number);
        break;
    case JSON_TEXT:
        fprintf(to, "\"%.*s\"", (int)value->text_len, value->text);
        break;
    case JSON_LIST:
    case JSON_OBJECT:
        fputc(value->kind == JSON_LIST ? '[' : '{', to);
        for (const json *item = value->first; item != NULL; item = item->next) {
            fputs(between, to);
            if (value->kind == JSON_OBJECT) {
                fprintf(to, "\"%s\": ", item->name);
            }
            json_print(to, item);
            between = ", ";
        }
        fputc(value->kind == JSON_LIST ? ']' : '}', to);
        break;
    }
}
