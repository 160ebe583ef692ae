/* Numbers as JSON writes them: whole ones of 64 bits, and the nearest double of the others. */
#ifndef LYFTNB_NUMBERS_H
#define LYFTNB_NUMBERS_H

#include "texts.h"

enum { DIGITS = 19 }; /* so many fit into 64 bits, whatever they are */

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_TENS = 22 };

typedef struct {
    uint64_t digits; /* all of them, as one number */
    int64_t scale;   /* times ten to this power */
    int negative, whole;
} Number;

/* Digits from here on, of which up to DIGITS that count are kept; NULL if there are more. */
static inline Place take_digits(Place at, Number *number, int *counted) {
    for (; is_digit(*at); at++) {
        *counted += *counted > 0 || *at != '0';
        if (*counted > DIGITS) {
            return NULL;
        }
        number->digits = number->digits * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

static inline Place take_number(Place at, Number *number) {
    int counted = 0;
    *number = (Number){.negative = *at == '-', .whole = 1};
    at += number->negative;
    Place first = at;
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1]))) {
        return NULL;
    }
    at = take_digits(at, number, &counted);
    if (at == NULL) {
        return NULL;
    }
    if (*at == '.') {
        Place point = at;
        at = take_digits(at + 1, number, &counted);
        if (at == NULL || at == point + 1) {
            return NULL;
        }
        number->whole = 0;
        number->scale = point + 1 - at;
    }
    if (*at == 'e' || *at == 'E') {
        int down = at[1] == '-';
        int64_t power = 0;
        at += 1 + (down || at[1] == '+');
        if (!is_digit(*at)) {
            return NULL;
        }
        for (; is_digit(*at); at++) {
            power = power * 10 + (*at - '0');
            if (power > 400) {
                return NULL;
            }
        }
        number->whole = 0;
        number->scale += down ? -power : power;
    }
    /* A zero without its sign is no zero of floats. */
    return number->negative && number->whole && *first == '0' ? NULL : at;
}

static inline int to_integer(const Number *number, int64_t *value) {
    uint64_t most = (uint64_t)INT64_MAX + (uint64_t)number->negative;
    if (!number->whole || number->digits > most) {
        return 0;
    }
    *value = (int64_t)(number->negative ? 0 - number->digits : number->digits);
    return 1;
}

/* The nearest double of what no one operation on exact doubles gives; 0 if it is not found here. */
static inline int to_double_by_division(const Number *number, double *value) {
#ifdef __SIZEOF_INT128__
    uint64_t ten = 1;
    if (number->scale > 0 || number->scale < -DIGITS) {
        return 0;
    }
    for (int64_t i = number->scale; i < 0; i++) {
        ten *= 10;
    }
    /* A quotient of 63 or 64 bits, the last of which also says whether anything is left: more than
     * a double holds, so that it is rounded once. */
    int up = __builtin_clzll(number->digits), down = __builtin_clzll(ten);
    unsigned __int128 above = (unsigned __int128)(number->digits << up) << 63;
    uint64_t below = ten << down;
    uint64_t quotient = (uint64_t)(above / below) | (above % below != 0);
    double nearest = (double)quotient * 0x1p-63;
    *value = down < up ? nearest / (double)(1ULL << (up - down)) : nearest * (double)(1ULL << (down - up));
    return 1;
#else
    (void)number, (void)value;
    return 0;
#endif
}

/* The nearest double; 0 if it is not found here. */
static inline int to_double(const Number *number, double *value) {
    double digits = (double)number->digits;
    if (number->scale == 0 || number->digits == 0) {
        *value = digits;
    } else if (number->digits >> 53 || number->scale > EXACT_TENS || number->scale < -EXACT_TENS) {
        if (!to_double_by_division(number, value)) {
            return 0;
        }
    } else {
        *value = number->scale < 0 ? digits / TENS[-number->scale] : digits * TENS[number->scale];
    }
    if (number->negative) {
        *value = -*value;
    }
    return 1;
}

/* The whole number that begins here; its end, or NULL. */
static inline Place take_integer(Place at, int64_t *value) {
    Number number;
    at = take_number(at, &number);
    return at != NULL && to_integer(&number, value) ? at : NULL;
}

/* The number that begins here, as a double; its end, or NULL. */
static inline Place take_float(Place at, double *value) {
    Number number;
    at = take_number(at, &number);
    return at != NULL && to_double(&number, value) ? at : NULL;
}

#endif
