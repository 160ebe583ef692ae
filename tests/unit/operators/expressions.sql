-- Expressions on which lyftnb and DuckDB must agree, over the rows of expression_rows.py.
-- Each heading names an operator or a function; expressions are parted by semicolons.

-- operator +
i + j; dec + i; dec + dec * dec; dec * 3; i + 1; i + -1; x + y; n + 1; d + 1; 1 + d; dec + dec;
+ i; i + x

-- operator -
i - j; i - 1; 1 - i; NULL - i; -5 - i; x - y; -i; -x; -n; -dec; d - 1; d - e

-- operator *
i * j; i * 2; i * -1; i * -3; 3 * i; x * y; n * 3; i * x

-- operator /
i / j; x / y; n / 2; i / 0

-- operator //
i // j; i // 2; i // -2; n // 3; i // -1

-- operator %
i % 3; n % 2; x % 2; i % -3; i % (j + 3)

-- operator **
x ** 2; n ** 2; 2 ^ n; -2 ** 2

-- operator &
i & 6; i & j

-- operator |
i | 1; i | j

-- operator ~
~ i; ~ n

-- operator <<
(n & 255) << 3; 8 << 2

-- operator >>
i >> 2; n >> 1

-- operator =
i = j; x = x; s = 'a'; d = '2024-02-29'; b = c; i = x; st = st; l = l; NULL = 1; n = 12; ts = d;
i = 1.0

-- operator <>
i <> j; x != y; s <> t; d <> e

-- operator <
i < j; x < y; s < t; d < e; d < ts; n < 3000000000; ts < '2024-01-01'

-- operator <=
i <= j; x <= y; clock <= '12:30'

-- operator >
i > j; x > 1; s > 'a'; dec > 1; dec > 1.25

-- operator >=
i >= j; x >= y; d >= DATE '2000-01-01'

-- operator AND
b AND c; b AND NULL; b AND i > 0

-- operator OR
b OR c; b OR NULL

-- operator NOT
NOT b; NOT i > 0

-- operator IS
i IS NULL; s IS NOT NULL; b IS TRUE; b IS FALSE; b IS NOT TRUE; x IS NULL

-- operator IS DISTINCT FROM
i IS DISTINCT FROM j; i IS NOT DISTINCT FROM j; x IS NOT DISTINCT FROM x; b IS DISTINCT FROM NULL; st IS NOT DISTINCT FROM NULL; st = NULL

-- operator IN
i IN (1, 7); i IN (1, NULL); i NOT IN (1, 7); i NOT IN (1, NULL); s IN ('a', 'xXx'); i IN (j, 7);
x IN (1.5, 2); d IN ('2024-02-29'); n IN (1, 99999999999); i IN (1.5, 7)

-- operator BETWEEN
i BETWEEN 0 AND 10; x BETWEEN -2 AND y; d BETWEEN '2000-01-01' AND '2024-12-31';
i NOT BETWEEN j AND 5

-- operator LIKE
s LIKE 'a%'; s LIKE '%b%'; s LIKE '%c'; s LIKE 'a'; s LIKE '_'; s LIKE 'a_c%'; s NOT LIKE '%l%';
s ILIKE 'h%'; s ILIKE '%É%'; s LIKE 'a!%' ESCAPE '!'; s LIKE ''; s LIKE '%'; s LIKE '%%';
s LIKE NULL; s LIKE 'a%3'

-- operator GLOB
s GLOB 'a*'; s GLOB '?'; s GLOB '[a-c]*'; s GLOB '[!a]*'; s GLOB '*'

-- operator SIMILAR TO
s SIMILAR TO '[a-z]+'; s SIMILAR TO 'a.*'; s NOT SIMILAR TO '.*'

-- operator ~ (regex)
s ~ '^a'; s !~ 'a'

-- operator ||
s || t; s || i; '<' || s || '>'; s || d; l || l; s || NULL; s || b

-- operator CASE
CASE WHEN i > 0 THEN 'p' WHEN i < 0 THEN 'm' END; CASE i WHEN 0 THEN 10 WHEN 1 THEN 20 ELSE i END;
CASE WHEN b THEN 1 ELSE x END; CASE WHEN i <> 0 THEN 10 // i ELSE 0 END;
CASE WHEN num = '12' THEN num::BIGINT ELSE -1 END; CASE WHEN b THEN d ELSE ts END

-- operator []
l[1]; l[-1]; l[0]; l[9]; l[i]; s[1]; s[2:3]; s[-2]; st['a']; l[1:2]; l[2:]; l[:2]; l[-2:]; l[:-2];
l[2:1]; l[n:3]; [1, 2, NULL]; [i, j]; [[1, 2], [3]]; [l, [1], NULL]

-- operator .
st.a; st."B"; st.b; {'a': i, 'b': s}; {'a': {'b': i}}.a.b

-- operator INTERVAL
d + INTERVAL 1 MONTH; d - INTERVAL 1 YEAR; ts + INTERVAL '1 day 2 hours'; ts - INTERVAL 90 MINUTE;
d + INTERVAL 2 DAY; ts + INTERVAL 1 MONTH; ts - INTERVAL 5 QUARTER; ts + INTERVAL (n % 100) DAY;
ts + (u - ts); ts + 2 * INTERVAL 1 DAY; INTERVAL 1 DAY + ts; ts - u > INTERVAL 1 HOUR;
ts + INTERVAL '-3' WEEK; ts - INTERVAL '1:30:00'; ts + (INTERVAL 1 MONTH + INTERVAL 1 DAY)

-- operator literals
1; 1.5::DOUBLE; 'it''s'; TRUE; NULL::BIGINT; 1e3; DATE '2024-02-29';
TIMESTAMP '2024-02-29 10:20:30'; 9223372036854775807; 1_000; -9223372036854775808; TIME '10:20:30';
99999999999999999999

-- operator ->>
js ->> 'a'; js ->> '$.b.c'; js ->> '$.b.c[0].d'

-- operator AT TIME ZONE
(ts AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York'; ts AT TIME ZONE 'UTC';
u AT TIME ZONE 'Asia/Tokyo'

-- operator CAST
x::BIGINT; i::INTEGER; i::TINYINT; i::DOUBLE; n::UTINYINT; TRY_CAST(x AS INTEGER); b::BIGINT;
i::BOOLEAN; num::DOUBLE; TRY_CAST(num AS DOUBLE); yes::BOOLEAN; i::VARCHAR; b::VARCHAR; d::VARCHAR;
ts::VARCHAR; clock::VARCHAR; dec::VARCHAR; dec::BIGINT; dec::DOUBLE; y::DECIMAL(10,2);
x::DECIMAL(18,3); i::DECIMAL(18,2); n::DECIMAL(5,1); d::TIMESTAMP; ts::DATE; ts::TIME;
"when"::TIMESTAMP; "when"::DATE; TRY_CAST("when" AS DATE); l::VARCHAR[]; l::INTEGER[];
'2024-01-02'::DATE; i::HUGEINT; x::FLOAT; ts::TIMESTAMP WITH TIME ZONE; '12'::INTEGER; num::FLOAT;
y::VARCHAR; TRY_CAST(i AS SMALLINT); i::UBIGINT; 1.005::DECIMAL(10,2)

-- function coalesce
coalesce(i, j, 0); coalesce(s, 'none'); coalesce(NULL, x); coalesce(d, ts)

-- function ifnull
ifnull(i, 5); ifnull(s, t)

-- function if
if(i > 0, 'a', 'b'); if(b, i, j)

-- function nullif
nullif(i, 7); nullif(s, ''); nullif(x, y)

-- function greatest
greatest(i, j); greatest(x, y, 1.0); greatest(s, t); greatest(d, e); greatest(i, NULL)

-- function least
least(i, j, 3); least(x, y); least(s, t)

-- function abs
abs(i); abs(x); abs(n); abs(dec)

-- function round
round(x); round(y, 1); round(i); round(n, -1); round(dec, 1); round(i, -2); round(x, 2)

-- function ceil
ceil(x); ceil(dec); ceil(n); ceil(y)

-- function floor
floor(x); floor(n); floor(y)

-- function trunc
trunc(x); trunc(dec, 1); trunc(y, 1); trunc(n)

-- function mod
mod(i, 3); mod(n, 2); mod(x, 2)

-- function pow
pow(x, 2); pow(n, 0.5); pow(0, y)

-- function xor
xor(i, 5); xor(i, j)

-- function bit_count
bit_count(i); bit_count(j)

-- function sign
sign(i); sign(x)

-- function sqrt
sqrt(x); sqrt(j)

-- function cbrt
cbrt(y)

-- function exp
exp(x); exp(n)

-- function ln
ln(x); ln(j)

-- function log2
log2(x); log2(n)

-- function log
log(x); log10(n)

-- function isnan
isnan(x); isnan(y)

-- function isinf
isinf(x)

-- function isfinite
isfinite(x)

-- function pi
pi()

-- function sin
sin(y)

-- function cos
cos(y)

-- function atan2
atan2(x, y)

-- function radians
radians(y)

-- function lower
lower(s)

-- function upper
upper(s)

-- function length
length(s); len(l); length('')

-- function strlen
strlen(s)

-- function trim
trim(s); trim('  ' || s || '　	'); trim(' ' || s || '  '); trim(s, 'ax'); trim(both 'x' from s); trim(s, '')

-- function ltrim
ltrim(s); ltrim(s, 'xH'); trim(leading 'x' from s)

-- function rtrim
rtrim(s); rtrim(s, 'o3')

-- function substring
substring(s, 2, 3); substr(s, 2); substring(s, -2); substring(s, 0, 3); substring(s, 3, -2);
substring(s, -3, 2); substring(s FROM 2 FOR 1); substring(s, 9); substring(s, n);
substring(s, -20, 18)

-- function left
left(s, 2); left(s, -1); left(s, 0); left(s, n)

-- function right
right(s, 2); right(s, -1); right(s, 0)

-- function replace
replace(s, 'a', 'ZZ'); replace(s, '', 'Z'); replace(s, 'x', '')

-- function split_part
split_part(s, ',', 1); split_part(s, ',', 2); split_part(s, ',', -1); split_part(s, ',', 9);
split_part(s, ',', 0)

-- function string_split
string_split(s, ','); string_split(s, '')

-- function concat
concat(s, t); concat(s, '-', i); concat(i, b)

-- function concat_ws
concat_ws('-', s, t); concat_ws(', ', i, s, d); concat_ws(NULL, s, t)

-- function contains
contains(s, 'b'); contains(s, t); contains(s, ''); contains(l, 1)

-- function starts_with
starts_with(s, 'a'); starts_with(s, t)

-- function ends_with
ends_with(s, '3'); ends_with(s, t)

-- function strpos
strpos(s, 'l'); strpos(s, 'ü'); strpos(s, ''); instr(s, 'x'); position('b' IN s)

-- function lpad
lpad(s, 4, '*'); lpad(s, 2, '*'); lpad(s, 7, 'xy'); lpad(s, 0, '*')

-- function rpad
rpad(s, 4, '*'); rpad(s, 2, '*'); rpad(s, 7, 'xy')

-- function repeat
repeat(s, 2); repeat(s, 0); repeat(s, -1); repeat(t, j % 3)

-- function reverse
reverse(s)

-- function ascii
ascii(s)

-- function regexp_matches
regexp_matches(s, '[a-c]'); regexp_matches(s, 'HELLO', 'i'); regexp_matches(s, '^$');
regexp_matches(s, NULL)

-- function regexp_full_match
regexp_full_match(s, '[a-z]+'); regexp_full_match(s, 'a|abc123')

-- function regexp_extract
regexp_extract(s, '\d+'); regexp_extract(s, '([a-z]+)(\d+)', 2); regexp_extract(s, '(q)?a', 1)

-- function regexp_replace
regexp_replace(s, 'a', 'Q'); regexp_replace(s, '[a-z]', '<\0>', 'g');
regexp_replace(s, '(l+)', '[\1]'); regexp_replace(s, 'X', '$1', 'gi')

-- function md5
md5(s)

-- function sha256
sha256(s)

-- function json_extract_string
json_extract_string(js, '$.a'); json_extract_string(js, '$.b.c');
json_extract_string(js, '$."a b"'); json_extract_string(js, 'a');
json_extract_string(js, '$.a[1]')

-- function date_part
date_part('year', d); date_part('hour', ts); date_part('dow', d); extract(doy FROM ts);
date_part('epoch', ts); date_part('week', d); date_part('isoyear', d); date_part('quarter', ts);
date_part('hour', d); date_part('minute', clock); date_part('milliseconds', ts)

-- function year
year(d); year(ts)

-- function quarter
quarter(d)

-- function month
month(d)

-- function week
week(d); weekofyear(ts)

-- function day
day(d); dayofmonth(ts)

-- function dayofweek
dayofweek(d)

-- function isodow
isodow(d)

-- function isoyear
isoyear(d)

-- function dayofyear
dayofyear(ts)

-- function hour
hour(ts); hour(clock)

-- function minute
minute(ts)

-- function second
second(ts)

-- function millisecond
millisecond(ts)

-- function microsecond
microsecond(ts)

-- function epoch
epoch(ts); epoch(d)

-- function epoch_ms
epoch_ms(ts); epoch_ms(n); epoch_ms(d)

-- function epoch_us
epoch_us(ts)

-- function date_trunc
date_trunc('hour', ts); date_trunc('hour', d); date_trunc('day', ts); date_trunc('day', d);
date_trunc('week', ts); date_trunc('week', d); date_trunc('month', ts); date_trunc('month', d);
date_trunc('quarter', ts); date_trunc('quarter', d); date_trunc('year', ts); date_trunc('year', d);
date_trunc('minute', ts); date_trunc('minute', d); date_trunc('second', ts);
date_trunc('second', d); date_trunc('decade', ts); date_trunc('decade', d)

-- function date_diff
date_diff('day', d, e); date_diff('day', ts, u); date_diff('week', d, e); date_diff('week', ts, u);
date_diff('month', d, e); date_diff('month', ts, u); date_diff('quarter', d, e);
date_diff('quarter', ts, u); date_diff('year', d, e); date_diff('year', ts, u);
date_diff('hour', d, e); date_diff('hour', ts, u); date_diff('minute', d, e);
date_diff('minute', ts, u); date_diff('second', d, e); date_diff('second', ts, u);
date_diff('day', d, ts)

-- function date_sub
date_sub('hour', ts, u); date_sub('day', ts, u); date_sub('minute', ts, u)

-- function date_add
date_add(d, INTERVAL 1 DAY); date_add(ts, INTERVAL 1 MONTH)

-- function last_day
last_day(d); last_day(ts)

-- function dayname
dayname(d)

-- function monthname
monthname(ts)

-- function strftime
strftime(ts, '%Y-%m-%d %H:%M:%S.%f'); strftime(d, '%d.%m.%y');
strftime(ts, '%j %a %b %p %I %-d %-m %% %g'); strftime(ts, '%A %B %u %w')

-- function strptime
strptime("when", '%Y-%m-%d'); strptime("when", '%Y-%m-%d %H:%M:%S');
strptime('5 Jan 2020', '%d %b %Y'); strptime('2020', '%Y');
strptime('31/12/99 23:59:58.25', '%d/%m/%y %H:%M:%S.%f');
strptime('2020-01-01 10:00 +0200', '%Y-%m-%d %H:%M %z')

-- function try_strptime
try_strptime("when", '%Y-%m-%d'); try_strptime("when", '%Y-%m-%dT%H:%M:%S.%f')

-- function to_timestamp
to_timestamp(n); to_timestamp(y)

-- function make_date
make_date(2024, 2, 29); make_date(2023, n, 30)

-- function timezone
timezone('Europe/Berlin', ts AT TIME ZONE 'UTC'); timezone('Asia/Tokyo', ts)

-- function list_value
list_value(1, 2); list_value(i, j)

-- function array_length
array_length(l)

-- function list_contains
list_contains(l, 2); list_contains(m, 'a'); list_contains(l, n); list_contains(l, NULL);
list_contains(k, 1)

-- function list_position
list_position(l, 2); list_position(m, 'c')

-- function list_sum
list_sum(l); list_sum(k)

-- function list_avg
list_avg(l); list_avg(k)

-- function list_min
list_min(l); list_min(k); list_min(m)

-- function list_max
list_max(l); list_max(k); list_max(m)

-- function list_distinct
list_sort(list_distinct(l)); list_sort(list_distinct(m))

-- function list_sort
list_sort(l); list_sort(l, 'DESC'); list_sort(k); list_sort(m)

-- function list_reverse
list_reverse(l)

-- function list_concat
list_concat(l, [1]); list_concat(l, NULL::BIGINT[])

-- function list_slice
list_slice(l, 1, 2); list_slice(l, -2, -1)

-- function array_to_string
array_to_string(l, '-'); array_to_string(m, ''); array_to_string(k, ',')

-- function struct_extract
struct_extract(st, 'a'); struct_extract(st, 'B')

-- aggregate count
count(*); count(i); count(DISTINCT n % 2); count(*) FILTER (WHERE b);
count(x) FILTER (WHERE i > 0); count(1)

-- aggregate count_if
count_if(i > 0)

-- aggregate sum
sum(j); sum(n); sum(y); sum(dec); sum(DISTINCT n); sum(n) FILTER (WHERE b); sum(j * 2); sum(x)

-- aggregate avg
avg(n); avg(y); mean(j); avg(n) FILTER (WHERE FALSE)

-- aggregate median
median(n); median(j)

-- aggregate stddev_samp
stddev_samp(n); stddev(j)

-- aggregate stddev_pop
stddev_pop(n)

-- aggregate var_samp
var_samp(j); variance(n)

-- aggregate var_pop
var_pop(n)

-- aggregate quantile_cont
quantile_cont(n, 0.5); quantile_cont(j, 0.25); quantile_cont(y, 0)

-- aggregate quantile_disc
quantile_disc(n, 0.5); quantile(j, 0.9); quantile_disc(s, 0.5); quantile_disc(n, 0);
quantile_disc(n, 1)

-- aggregate min
min(i); min(x); min(s); min(d); min(b)

-- aggregate max
max(i); max(x); max(s); max(ts); max(b)

-- aggregate first
first(i); first(s ORDER BY s DESC); first(n ORDER BY i)

-- aggregate last
last(i); last(s ORDER BY s)

-- aggregate any_value
any_value(j); any_value(l)

-- aggregate mode
mode(g); mode(i IS NULL)

-- aggregate bool_and
bool_and(b); bool_and(i > 0)

-- aggregate bool_or
bool_or(c); bool_or(i > 0)

-- aggregate string_agg
string_agg(s, '|'); string_agg(s, ',' ORDER BY s); string_agg(t)

-- aggregate list
list(i); list(s ORDER BY s); array_agg(n ORDER BY n DESC); list(i) FILTER (WHERE i > 100)

-- aggregate arg_min
arg_min(s, n); arg_min(i, x); arg_min(s, x + 'NaN'::DOUBLE)

-- aggregate arg_max
arg_max(s, n); max_by(i, j); arg_max(s, x); arg_max(i, y)

-- aggregate (arithmetic)
max(n) - min(n); sum(n) / count(*); round(avg(n), 1); count(*) * 100 // 7;
CASE WHEN count(*) > 1 THEN max(s) END; coalesce(sum(j), 0) + 1
