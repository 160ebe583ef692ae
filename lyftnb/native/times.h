/* Dates and times as ISO 8601 writes them in full: 2013-01-31, 2013-01-31T05:00:00.5+02:00. */
#ifndef LYFTNB_TIMES_H
#define LYFTNB_TIMES_H

#include "texts.h"

enum { FRACTION = 6 }; /* digits of a second that microseconds hold */

/* So many digits as one number; -1 if not all of them are. */
static inline int64_t digits_of(Place at, Place end, int count) {
    int64_t value = 0;
    if (end - at < count) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (!is_digit(at[i])) {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

/* Days since 1970-01-01, counted in years that begin in March, so that a leap day is a year's last. */
static inline int64_t days_since_epoch(int64_t year, int64_t month, int64_t day) {
    int64_t since = month > 2 ? month - 3 : month + 9;
    year -= month <= 2;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * since + 2) / 5 + day - 1 - 719468;
}

/* The ten bytes of a date; its end, or NULL. */
static inline Place take_date(Place at, Place end, int64_t *days) {
    static const int8_t LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = digits_of(at, end, 4), month, day;
    if (year < 1 || end - at < 10 || at[4] != '-' || at[7] != '-') {
        return NULL;
    }
    month = digits_of(at + 5, end, 2);
    day = digits_of(at + 8, end, 2);
    if (month < 1 || month > 12 || day < 1) {
        return NULL;
    }
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > LENGTHS[month - 1] + (month == 2 && leap)) {
        return NULL;
    }
    *days = days_since_epoch(year, month, day);
    return at + 10;
}

/* A time of the day behind `T` or a blank, in microseconds; its end, or NULL. */
static inline Place take_time(Place at, Place end, int64_t *micros) {
    if (end - at < 9 || (*at != 'T' && *at != ' ') || at[3] != ':' || at[6] != ':') {
        return NULL;
    }
    int64_t hour = digits_of(at + 1, end, 2), minute = digits_of(at + 4, end, 2), second = digits_of(at + 7, end, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
        return NULL;
    }
    *micros = ((hour * 60 + minute) * 60 + second) * 1000000;
    at += 9;
    if (at < end && *at == '.') {
        int64_t part = 100000;
        Place first = ++at;
        for (; at < end && is_digit(*at); at++, part /= 10) {
            *micros += (*at - '0') * part;
        }
        if (at == first || at - first > FRACTION) {
            return NULL;
        }
    }
    return at;
}

/* How far a zone is before UTC, in microseconds: `Z` or `+02:00`; its end, or NULL. */
static inline Place take_offset(Place at, Place end, int64_t *micros) {
    *micros = 0;
    if (at < end && *at == 'Z') {
        return at + 1;
    }
    if (end - at < 6 || (*at != '+' && *at != '-') || at[3] != ':') {
        return NULL;
    }
    int64_t hours = digits_of(at + 1, end, 2), minutes = digits_of(at + 4, end, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return NULL;
    }
    *micros = (hours * 60 + minutes) * 60000000;
    if (*at == '-') {
        *micros = -*micros;
    }
    return at + 6;
}

/* Microseconds since 1970, with a zone or without; the end, or NULL, as where an offset leads out of the
 * years 1 to 9999. */
static inline Place take_moment(Place at, Place end, int zoned, int64_t *moment) {
    static const int64_t DAY = 86400000000;
    int64_t days, micros, offset = 0;
    at = take_date(at, end, &days);
    at = at == NULL ? NULL : take_time(at, end, &micros);
    if (at == NULL) {
        return NULL;
    }
    if (zoned) {
        at = take_offset(at, end, &offset);
    }
    *moment = days * DAY + micros - offset;
    return *moment < -719162 * DAY || *moment >= 2932897 * DAY ? NULL : at;
}

#endif
