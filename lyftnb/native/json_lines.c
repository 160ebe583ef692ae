/* Plain NDJSON into Arrow's columns, at the speed of memory.
 *
 * A line is plain if it is an object of known fields, each at most once, whose values are of their
 * columns' types (null fits each; an unknown field may only be null). Such a line becomes a row.
 * Whatever is not plain beyond doubt is odd: it is named by where it stands, and others judge it.
 * So nothing here decides that a line is bad, and nothing is turned or dropped.
 *
 * Texts are not copied: a view (16 bytes) says where in the block a text stands, or holds a short
 * one. Texts with escapes are written out behind one another into a second buffer.
 *
 * Bounds: the block ends with a newline, no token takes a newline, and each look ahead of more
 * than a byte asks first; so all that is read is within the block.
 */
#include "numbers.h"
#include "texts.h"

enum { FEW_ODD = 256 };
/* Columns asked in vain, in all, a byte and a value: beyond, others are faster. */
enum { FEW_ASKED = 1 << 20, MOST_ASKED = 6, MOST_ASKED_A_VALUE = 8 };

typedef struct {
    int64_t begin, end; /* of the line, without its newline */
    int64_t row;        /* so many plain ones stand before it */
} Odd;

typedef struct {
    Place raw;
    int64_t size;
    Column *columns;
    int64_t width;
    int64_t first;  /* the column with which the last line began */
    int64_t filled; /* columns that have a value in this line */
    int64_t asked;  /* columns that were not the named one, so far */
    Odd *odd;
    int64_t odd_count;
    uint8_t *written; /* has room for as many bytes as the block */
    int64_t written_size;
} Block;

/* A text whose first escape stands at `at`: written out, which never takes more bytes than it has. */
static Place take_escaped(Block *block, Column *column, int64_t row, Place text, Place at, Place end) {
    uint8_t *begin = block->written + block->written_size, *out = begin;
    for (;;) {
        memcpy(out, text, (size_t)(at - text));
        out += at - text;
        if (*at == '"') {
            break;
        }
        text = take_escape(at, end, &out);
        at = text == NULL ? NULL : past_text(text, end);
        if (at == NULL) {
            return NULL;
        }
    }
    set_text(column, row, begin, out - begin, WRITTEN, block->written_size);
    if (out - begin > SHORT) {
        block->written_size += out - begin;
    }
    return at + 1;
}

static Place take_text(Block *block, Column *column, int64_t row, Place at, Place end) {
    if (*at != '"') {
        return NULL;
    }
    Place text = at + 1;
    at = past_text(text, end);
    if (at == NULL) {
        return NULL;
    }
    if (*at == '\\') {
        return take_escaped(block, column, row, text, at, end);
    }
    set_text(column, row, text, at - text, BLOCK, text - block->raw);
    return at + 1;
}

static int is_word(Place at, Place end, const char *word, int64_t size) {
    return end - at > size && memcmp(at, word, (size_t)size) == 0;
}

static Place take_value(Block *block, Column *column, int64_t row, Place at, Place end) {
    switch (column->kind) {
    case TEXT:
        return take_text(block, column, row, at, end);
    case INTEGER:
        return take_integer(at, (int64_t *)column->values + row);
    case FLOAT:
        return take_float(at, (double *)column->values + row);
    case BOOLEAN:
        if (is_word(at, end, "true", 4)) {
            set_bit(column->values, row, 1);
            return at + 4;
        }
        if (is_word(at, end, "false", 5)) {
            set_bit(column->values, row, 0);
            return at + 5;
        }
        return NULL;
    default:
        return NULL;
    }
}

static int is_named(const Column *column, Place at, Place end) {
    int64_t size = column->name_size;
    return end - at > size && at[size] == '"' && memcmp(at, column->name, (size_t)size) == 0;
}

/* The column of the name here, asked first of the likely one. */
static Column *find_column(Block *block, int64_t likely, Place at, Place end) {
    Column *column = block->columns;
    if (likely < block->width && is_named(column + likely, at, end)) {
        return column + likely;
    }
    for (; column < block->columns + block->width; column++) {
        if (is_named(column, at, end)) {
            block->asked += column - block->columns;
            return column;
        }
    }
    block->asked += block->width;
    return NULL;
}

/* The end of an unknown field that is null, whose name begins here, or NULL. */
static Place past_unknown(Place at, Place end) {
    at = past_text(at, end);
    if (at == NULL || *at != '"') {
        return NULL;
    }
    at = past_blanks(at + 1);
    if (*at != ':') {
        return NULL;
    }
    at = past_blanks(at + 1);
    return is_word(at, end, "null", 4) ? at + 4 : NULL;
}

/* The end of the field whose name begins here, or NULL; `likely` is where the next column's number is. */
static Place take_field(Block *block, int64_t row, Place at, Place end, int64_t **likely) {
    Column *column = find_column(block, **likely, at, end);
    if (column == NULL) {
        return past_unknown(at, end);
    }
    **likely = column - block->columns;
    *likely = &column->next;
    if (column->row == row + 1 || column->row == -(row + 1)) {
        return NULL; /* it is there twice */
    }
    at = past_blanks(at + column->name_size + 1);
    if (*at != ':') {
        return NULL;
    }
    at = past_blanks(at + 1);
    if (is_word(at, end, "null", 4)) {
        column->row = -(row + 1);
        return at + 4;
    }
    column->row = row + 1;
    block->filled++;
    return take_value(block, column, row, at, end);
}

/* The object that begins here as this row; where it ends, or NULL. */
static Place take_object(Block *block, int64_t row, Place at, Place end) {
    int64_t *likely = &block->first;
    block->filled = 0;
    if (*at != '{') {
        return NULL;
    }
    do {
        at = past_blanks(at + 1);
        at = *at == '"' ? take_field(block, row, at + 1, end, &likely) : NULL;
        if (at == NULL) {
            return NULL;
        }
        at = past_blanks(at);
    } while (*at == ',');
    return *at == '}' ? at + 1 : NULL;
}

/* The line that begins here as this row; the next one's begin, or NULL. */
static Place take_line(Block *block, int64_t row, Place at, Place end) {
    at = take_object(block, row, at, end);
    if (at == NULL) {
        return NULL;
    }
    at = past_blanks(at);
    at += *at == '\r';
    if (*at != '\n') {
        return NULL;
    }
    if (block->filled < block->width) {
        for (Column *column = block->columns; column < block->columns + block->width; column++) {
            if (column->row != row + 1) {
                set_null(column, row);
            }
        }
    }
    return at + 1;
}

/* What is not plain, to be judged elsewhere; the next line's begin. */
static Place leave_line(Block *block, int64_t row, Place begin, Place end) {
    Place line_end = memchr(begin, '\n', (size_t)(end - begin));
    block->odd[block->odd_count++] = (Odd){begin - block->raw, line_end - block->raw, row};
    for (Column *column = block->columns; column < block->columns + block->width; column++) {
        column->row = 0; /* the row's number is given again */
    }
    return line_end + 1;
}

/* What the other side must find, or it has another build's idea of us. */
int64_t lyftnb_agreement(void) { return AGREEMENT; }

/* How many lines there are: an upper bound of the rows. */
int64_t lyftnb_count_lines(Place raw, int64_t size) {
    int64_t lines = 0;
    Place at = raw, end = raw + size;
#ifdef __SSE2__
    const __m128i newline = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    while (end - at >= 16) {
        int64_t rounds = (end - at) / 16 < 255 ? (end - at) / 16 : 255;
        __m128i found = zero;
        for (int64_t i = 0; i < rounds; i++, at += 16) {
            found = _mm_sub_epi8(found, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), newline));
        }
        __m128i sums = _mm_sad_epu8(found, zero);
        lines += _mm_cvtsi128_si32(sums) + _mm_extract_epi16(sums, 4);
    }
#endif
    for (; at < end; at++) {
        lines += *at == '\n';
    }
    return lines;
}

/* Decode a block of whole lines; the rows, or -1 if it is no use: so many lines are odd, or so many
 * columns stand in an order that cannot be foreseen. */
int64_t lyftnb_decode_lines(Block *block) {
    Place at = block->raw, end = block->raw + block->size;
    int64_t row = 0;
    while (at < end) {
        Place first = past_blanks(at), next = first;
        int64_t written = block->written_size;
        while (*next == ' ' || *next == '\t' || *next == '\r') {
            next++;
        }
        if (*next == '\n') {
            at = next + 1;
            continue;
        }
        next = take_line(block, row, first, end);
        if (next != NULL) {
            row++;
        } else {
            block->written_size = written;
            next = leave_line(block, row, at, end);
            if (block->odd_count > FEW_ODD && block->odd_count > row) {
                return -1;
            }
        }
        at = next;
        if (block->asked > FEW_ASKED + MOST_ASKED * (at - block->raw) + MOST_ASKED_A_VALUE * row * block->width) {
            return -1;
        }
    }
    return row;
}
