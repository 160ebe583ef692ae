/* Plain records of CSV into Arrow's columns, at the speed of memory.
 *
 * A block is plain if each record has a field for each column, whose text is one of the nulls' or
 * says a value of the column's type in its plainest form. If one record is not, the block is left
 * to others: nothing here decides that a record is bad.
 *
 * Texts are not copied: views say where in the block they stand (columns.h). Those with doubled
 * quotes are written out behind one another into a second buffer.
 *
 * Bounds: the block ends with a newline, and no unquoted field takes a newline; the search for a
 * closing quote asks at each byte.
 */
#include "numbers.h"
#include "texts.h"
#include "times.h"

typedef struct {
    Place raw;
    int64_t size;
    Column *columns;
    int64_t width;
    const Place *nulls; /* texts that stand for null */
    const int64_t *null_sizes;
    int64_t null_count;
    int64_t nulls_like_numbers; /* whether one begins as a number does */
    uint8_t *written; /* has room for as many bytes as the block */
    int64_t written_size;
    uint8_t delimiter, quote; /* no quote: 0 */
} Records;

typedef struct {
    Place begin, end; /* of the text */
    Place behind;     /* the delimiter or the line's end */
    int32_t buffer;   /* that the text stands in */
} Field;

static int is_line_end(Place at) { return *at == '\n' || (*at == '\r' && at[1] == '\n'); }

static int is_edge(const Records *records, Place at) { return *at == records->delimiter || is_line_end(at); }

/* The first byte of an unquoted text that may not be one of its own, or is beyond ASCII. */
static Place past_own(const Records *records, Place at, Place end) {
#ifdef __SSE2__
    const __m128i delimiter = _mm_set1_epi8((char)records->delimiter), quote = _mm_set1_epi8((char)records->quote);
    const __m128i newline = _mm_set1_epi8('\n'), back = _mm_set1_epi8('\r');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        __m128i edges = _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiter), _mm_cmpeq_epi8(bytes, newline));
        __m128i others = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, back));
        /* The sign of a byte beyond ASCII is set as well. */
        int bits = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(edges, others), bytes));
        if (bits) {
            return at + __builtin_ctz((unsigned)bits);
        }
        at += 16;
    }
#endif
    while (*at != records->delimiter && *at != '\n' && *at != '\r' && *at != records->quote && *at < 0x80) {
        at++;
    }
    return at;
}

static int take_unquoted(const Records *records, Place at, Place end, Field *field) {
    field->begin = at;
    field->buffer = BLOCK;
    for (at = past_own(records, at, end); *at >= 0x80; at = past_own(records, at, end)) {
        int size = utf8_size(at, end);
        if (size == 0) {
            return 0;
        }
        at += size;
    }
    field->end = field->behind = at;
    return is_edge(records, at);
}

/* The text within quotes; where quotes are doubled, written out. */
static int take_quoted(Records *records, Place at, Place end, Field *field) {
    uint8_t *out = NULL;
    Place from = ++at;
    field->begin = at;
    field->buffer = BLOCK;
    for (;; at++) {
        if (at == end) {
            return 0;
        }
        if (*at >= 0x80) {
            int size = utf8_size(at, end);
            if (size == 0) {
                return 0;
            }
            at += size - 1;
        } else if (*at == records->quote) {
            int doubled = at + 1 < end && at[1] == records->quote;
            if (doubled || out != NULL) {
                if (out == NULL) {
                    field->begin = out = records->written + records->written_size;
                    field->buffer = WRITTEN;
                }
                memcpy(out, from, (size_t)(at + doubled - from));
                out += at + doubled - from;
            }
            if (!doubled) {
                break;
            }
            from = ++at + 1;
        }
    }
    field->end = out == NULL ? at : out;
    field->behind = at + 1;
    return field->behind < end && is_edge(records, field->behind);
}

static int is_null(const Records *records, const Field *field) {
    int64_t size = field->end - field->begin;
    for (int64_t i = 0; i < records->null_count; i++) {
        if (records->null_sizes[i] == size && memcmp(records->nulls[i], field->begin, (size_t)size) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_word(Place at, Place end, const char *word, int64_t size) {
    if (end - at != size) {
        return 0;
    }
    for (int64_t i = 0; i < size; i++) {
        if ((at[i] | 0x20) != word[i]) {
            return 0;
        }
    }
    return 1;
}

static void take_text(Records *records, Column *column, int64_t row, const Field *field) {
    Place base = field->buffer == BLOCK ? records->raw : records->written;
    int64_t size = field->end - field->begin;
    set_text(column, row, field->begin, size, field->buffer, field->begin - base);
    if (field->buffer == WRITTEN && size > SHORT) {
        records->written_size += size;
    }
}

/* A value that begins with a digit or a sign; its end, or NULL. */
static Place take_number_or_time(Column *column, int64_t row, Place at, Place end) {
    int64_t days;
    switch (column->kind) {
    case INTEGER:
        return take_integer(at, (int64_t *)column->values + row);
    case FLOAT:
        return take_float(at, (double *)column->values + row);
    case DATE:
        at = take_date(at, end, &days);
        if (at != NULL) {
            ((int32_t *)column->values)[row] = (int32_t)days;
        }
        return at;
    case MOMENT:
    case INSTANT:
        return take_moment(at, end, column->kind == INSTANT, (int64_t *)column->values + row);
    default:
        return NULL;
    }
}

static int take_boolean(Column *column, int64_t row, Place at, Place end) {
    int is_true = is_word(at, end, "true", 4);
    set_bit(column->values, row, is_true);
    return is_true || is_word(at, end, "false", 5);
}

/* The value that a field says; what was written out is taken as text alone, for nothing ends it. */
static int take_value(Records *records, Column *column, int64_t row, const Field *field) {
    if (column->kind == TEXT) {
        take_text(records, column, row, field);
        return 1;
    }
    if (field->buffer == WRITTEN) {
        return 0;
    }
    if (column->kind == BOOLEAN) {
        return take_boolean(column, row, field->begin, field->end);
    }
    return take_number_or_time(column, row, field->begin, field->end) == field->end;
}

/* One field as the column's value in this row; what is behind it, or NULL. */
static Place take_field(Records *records, Column *column, int64_t row, Place at, Place end) {
    Field field;
    if (!records->nulls_like_numbers && (is_digit(*at) || *at == '-')) {
        Place behind = take_number_or_time(column, row, at, end);
        if (behind != NULL && is_edge(records, behind)) {
            return behind;
        }
    }
    int quoted = records->quote != 0 && *at == records->quote;
    int taken = quoted ? take_quoted(records, at, end, &field) : take_unquoted(records, at, end, &field);
    if (!taken) {
        return NULL;
    }
    if (is_null(records, &field)) {
        set_null(column, row);
    } else if (!take_value(records, column, row, &field)) {
        return NULL;
    }
    return field.behind;
}

/* The record that begins here as this row; the next one's begin, or NULL. */
static Place take_record(Records *records, int64_t row, Place at, Place end) {
    for (int64_t i = 0; i < records->width; i++) {
        if (i > 0) {
            if (*at != records->delimiter) {
                return NULL;
            }
            at++;
        }
        at = take_field(records, records->columns + i, row, at, end);
        if (at == NULL) {
            return NULL;
        }
    }
    return is_line_end(at) ? at + 1 + (*at == '\r') : NULL;
}

static int is_white(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/* Behind the blank line that begins here, or NULL if it is none. */
static Place past_blank_line(const Records *records, Place at) {
    while (is_white(*at) && !is_line_end(at) && *at != records->delimiter && *at != '\r') {
        at++;
    }
    return is_line_end(at) ? at + 1 + (*at == '\r') : NULL;
}

/* Decode a block of whole records; the rows, or -1 if one is not plain. */
int64_t lyftnb_decode_records(Records *records) {
    Place at = records->raw, end = records->raw + records->size;
    int64_t row = 0;
    while (at < end) {
        Place blank = past_blank_line(records, at);
        if (blank != NULL) {
            if (records->width == 1) {
                return -1; /* an empty field, or a null of white space */
            }
            at = blank;
            continue;
        }
        at = take_record(records, row, at, end);
        if (at == NULL) {
            return -1;
        }
        row++;
    }
    return row;
}
