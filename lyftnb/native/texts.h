/* Texts of JSON: where they end, whether they are UTF-8, what their escapes stand for. */
#ifndef LYFTNB_TEXTS_H
#define LYFTNB_TEXTS_H

#include "columns.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline int is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

static inline Place past_blanks(Place at) {
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* The first byte that is no plain ASCII of a text: its end, an escape, a control, UTF-8. */
static inline Place past_plain(Place at, Place end) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        /* As signed numbers, bytes beyond ASCII are below the space too. */
        __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, escape)),
                                     _mm_cmplt_epi8(bytes, space));
        int bits = _mm_movemask_epi8(found);
        if (bits) {
            return at + __builtin_ctz((unsigned)bits);
        }
        at += 16;
    }
#else
    const uint64_t each = 0x0101010101010101u;
    for (uint64_t bytes; end - at >= 8; at += 8) {
        memcpy(&bytes, at, 8);
        /* The high bit of a byte that is one of them, and of no other before the first. */
        uint64_t found = bytes | (bytes - each * ' ') | ((bytes ^ each * '"') - each) | ((bytes ^ each * '\\') - each);
        if (found & each * 0x80) {
            break;
        }
    }
#endif
    while (*at != '"' && *at != '\\' && *at >= ' ' && *at < 0x80) {
        at++;
    }
    return at;
}

static inline int is_tail(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* The bytes of the character of UTF-8 that begins here, 0 if none does (Unicode 16, table 3-7). */
static inline int utf8_size(Place at, Place end) {
    int64_t left = end - at;
    if (*at >= 0xC2 && *at <= 0xDF) {
        return left > 1 && is_tail(at[1]) ? 2 : 0;
    }
    if (*at >= 0xE0 && *at <= 0xEF) {
        uint8_t low = *at == 0xE0 ? 0xA0 : 0x80, high = *at == 0xED ? 0x9F : 0xBF;
        return left > 2 && at[1] >= low && at[1] <= high && is_tail(at[2]) ? 3 : 0;
    }
    if (*at >= 0xF0 && *at <= 0xF4) {
        uint8_t low = *at == 0xF0 ? 0x90 : 0x80, high = *at == 0xF4 ? 0x8F : 0xBF;
        return left > 3 && at[1] >= low && at[1] <= high && is_tail(at[2]) && is_tail(at[3]) ? 4 : 0;
    }
    return 0;
}

/* The end of what can be taken as it is, or NULL at what no text may hold. */
static inline Place past_text(Place at, Place end) {
    for (;;) {
        at = past_plain(at, end);
        while (*at >= 0x80) {
            int size = utf8_size(at, end);
            if (size == 0) {
                return NULL;
            }
            at += size;
        }
        if (*at < ' ') {
            return NULL;
        }
        if (*at == '"' || *at == '\\') {
            return at;
        }
    }
}

/* The four hexadecimal digits here, or -1. */
static inline int32_t hex4(Place at, Place end) {
    int32_t value = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t byte = at[i], letter = byte | 0x20;
        if (is_digit(byte)) {
            value = value << 4 | (byte - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            value = value << 4 | (letter - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

static inline uint8_t *put_utf8(uint8_t *out, int32_t point) {
    if (point < 0x80) {
        *out++ = (uint8_t)point;
    } else if (point < 0x800) {
        *out++ = (uint8_t)(0xC0 | point >> 6);
        *out++ = (uint8_t)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *out++ = (uint8_t)(0xE0 | point >> 12);
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (point & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | point >> 18);
        *out++ = (uint8_t)(0x80 | (point >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (point & 0x3F));
    }
    return out;
}

/* Write what the escape at the backslash stands for; its end, or NULL if it is none. */
static inline Place take_escape(Place at, Place end, uint8_t **out) {
    static const char NAMES[] = "\"\\/bfnrt", BYTES[] = "\"\\/\b\f\n\r\t";
    uint8_t name = at[1];
    if (name != 'u') {
        const char *found = name == 0 ? NULL : strchr(NAMES, name);
        if (found == NULL) {
            return NULL;
        }
        *(*out)++ = (uint8_t)BYTES[found - NAMES];
        return at + 2;
    }
    int32_t point = hex4(at + 2, end);
    if (point < 0 || (point >= 0xDC00 && point < 0xE000)) {
        return NULL;
    }
    at += 6;
    if (point >= 0xD800 && point < 0xDC00) {
        int32_t low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
        if (low < 0xDC00 || low >= 0xE000) {
            return NULL;
        }
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    *out = put_utf8(*out, point);
    return at;
}

#endif
