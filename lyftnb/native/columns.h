/* Arrow's columns while they are filled, and the bytes they are filled from. */
#ifndef LYFTNB_COLUMNS_H
#define LYFTNB_COLUMNS_H

#include <stdint.h>
#include <string.h>

/* To be raised, as in library.py, with whatever the two sides agree on: a struct, a kind, an argument. */
enum { AGREEMENT = 2 };

typedef const uint8_t *Place;

/* Moments are microseconds since 1970 without a zone, instants with one; dates are days. */
enum { NOTHING, BOOLEAN, INTEGER, FLOAT, TEXT, DATE, MOMENT, INSTANT };
enum { BLOCK, WRITTEN }; /* the buffers that views point into */
enum { SHORT = 12 };

typedef struct {
    int32_t size;
    uint8_t text[SHORT]; /* all of a short text; else 4 bytes of it, its buffer, where it begins */
} View;

typedef struct {
    const char *name;
    int64_t name_size;
    int64_t kind;
    void *values;   /* bits of booleans, int64_t, double, View, int32_t of dates */
    uint8_t *valid; /* a bit for each row, all set at first */
    int64_t nulls;
    int64_t next; /* the column that came behind this one in the last line, most likely here too */
    int64_t row;  /* the last one that named it, + 1; below zero if with null */
    int64_t buffers; /* a bit for each that a view points into */
} Column;

static inline void set_bit(uint8_t *bits, int64_t at, int on) {
    uint8_t bit = (uint8_t)(1 << (at & 7));
    bits[at >> 3] = (uint8_t)(on ? bits[at >> 3] | bit : bits[at >> 3] & ~bit);
}

/* What stands where the value is null is never looked at, but a view must point nowhere. */
static inline void set_null(Column *column, int64_t row) {
    set_bit(column->valid, row, 0);
    column->nulls++;
    if (column->kind == TEXT) {
        memset((View *)column->values + row, 0, sizeof(View));
    }
}

/* `begin`: where the text stands in its buffer. */
static inline void set_text(Column *column, int64_t row, Place text, int64_t size, int32_t buffer, int64_t begin) {
    View *view = (View *)column->values + row;
    int32_t at = (int32_t)begin;
    view->size = (int32_t)size;
    memset(view->text, 0, SHORT);
    if (size <= SHORT) {
        memcpy(view->text, text, (size_t)size);
    } else {
        memcpy(view->text, text, 4);
        memcpy(view->text + 4, &buffer, 4);
        memcpy(view->text + 8, &at, 4);
        column->buffers |= 1 << buffer;
    }
}

#endif
