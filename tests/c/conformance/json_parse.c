/* Reading JSON: see json.h. */
#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, NUMBER_BYTES_MAX = 64 };

typedef struct {
    const char *at;
    const char *end;
    const char *fault;
} reader;

static json *read_value(reader *r, int depth);

static void skip_space(reader *r) {
    while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL) {
        r->at++;
    }
}

/* Takes this character if it comes next. */
static bool take(reader *r, char wanted) {
    skip_space(r);
    if (r->at < r->end && *r->at == wanted) {
        r->at++;
        return true;
    }
    return false;
}

static json *fail(reader *r, const char *fault) {
    if (r->fault == NULL) {
        r->fault = fault;
    }
    return NULL;
}

static bool read_hex(reader *r, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = r->at < r->end && *r->at != '\0' ? strchr(digits, *r->at) : NULL;
        if (digit == NULL) {
            return false;
        }
        *code = *code << 4 | (uint32_t)((digit - digits) % 16);
    }
    return true;
}

static char *put_utf8(char *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* What follows a backslash; NULL when nothing may. */
static char *read_escape(reader *r, char *out) {
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char escape = r->at < r->end ? *r->at++ : '\0';
    const char *known = escape != '\0' ? strchr(escapes, escape) : NULL;
    if (known != NULL) {
        *out++ = meanings[known - escapes];
        return out;
    }
    uint32_t code = 0;
    uint32_t low = 0;
    if (escape != 'u' || !read_hex(r, &code)) {
        return NULL;
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') {
            return NULL;
        }
        r->at += 2;
        if (!read_hex(r, &low)) {
            return NULL;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_utf8(out, code);
}

/* The opening quote has been taken. What comes out is never longer than what went in. */
static json *read_text(reader *r) {
    size_t len = 0;
    while (len < (size_t)(r->end - r->at) && r->at[len] != '"') {
        len += r->at[len] == '\\' ? 2 : 1;
    }
    char *text = (char *)json_alloc(len + 1);
    char *out = text;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at != '\\') {
            *out++ = *r->at++;
            continue;
        }
        r->at++;
        out = read_escape(r, out);
        if (out == NULL) {
            return fail(r, "a backslash begins no escape");
        }
    }
    if (!take(r, '"')) {
        return fail(r, "a text has no end");
    }
    return json_text(text, (size_t)(out - text));
}

static json *read_number(reader *r) {
    char digits[NUMBER_BYTES_MAX] = "";
    size_t len = 0;
    while (r->at < r->end && len + 1 < sizeof digits && *r->at != '\0' && strchr("+-.0123456789eE", *r->at) != NULL) {
        digits[len++] = *r->at++;
    }
    char *end = NULL;
    double number = strtod(digits, &end);
    return len > 0 && *end == '\0' ? json_number(number) : fail(r, "a value is malformed");
}

static json *read_list(reader *r, int depth) {
    json *list = json_list();
    if (take(r, ']')) {
        return list;
    }
    do {
        json *item = read_value(r, depth);
        if (item == NULL) {
            return NULL;
        }
        json_add(list, item);
    } while (take(r, ','));
    return take(r, ']') ? list : fail(r, "a list has no end");
}

static json *read_object(reader *r, int depth) {
    json *object = json_object();
    if (take(r, '}')) {
        return object;
    }
    do {
        const json *name = take(r, '"') ? read_text(r) : NULL;
        if (name == NULL || !take(r, ':')) {
            return fail(r, "a field has no name");
        }
        if (json_get(object, name->text) != NULL) {
            return fail(r, "a field is there twice");
        }
        json *value = read_value(r, depth);
        if (value == NULL) {
            return NULL;
        }
        json_set(object, name->text, value);
    } while (take(r, ','));
    return take(r, '}') ? object : fail(r, "an object has no end");
}

static bool take_word(reader *r, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) {
        return false;
    }
    r->at += len;
    return true;
}

static json *read_value(reader *r, int depth) {
    if (depth == 0) {
        return fail(r, "values lie too deep");
    }
    if (take(r, '{')) {
        return read_object(r, depth - 1);
    }
    if (take(r, '[')) {
        return read_list(r, depth - 1);
    }
    if (take(r, '"')) {
        return read_text(r);
    }
    if (take_word(r, "true")) {
        return json_bool(true);
    }
    if (take_word(r, "false")) {
        return json_bool(false);
    }
    return take_word(r, "null") ? json_null() : read_number(r);
}

json *json_parse(const char *text, size_t len, const char **fault) {
    reader r = {text, text + len, NULL};
    json *value = read_value(&r, DEPTH_MAX);
    skip_space(&r);
    if (value != NULL && r.at != r.end) {
        value = fail(&r, "something follows the value");
    }
    *fault = r.fault;
    return value;
}
