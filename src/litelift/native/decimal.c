#include "decimal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
enum { TRIED = 6 };

static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Write an unsigned number's digits so that they end before `end`; returns where they begin. */
static char *digits_before(uint64_t value, char *end) {
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * value, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

static uint64_t magnitude(int64_t value) { return value < 0 ? 0 - (uint64_t)value : (uint64_t)value; }

size_t integer_text(int64_t value, char *text) {
    char room[INTEGER_BYTES];
    char *end = room + sizeof room;
    char *start = digits_before(magnitude(value), end);
    size_t size = (size_t)(end - start);
    if (value < 0) *text++ = '-';
    memcpy(text, start, size);
    return size + (value < 0);
}

static void take_digits(Decimal *decimal, uint64_t value) {
    char room[DIGITS];
    char *end = room + sizeof room;
    char *start = digits_before(value, end);
    decimal->count = (int)(end - start);
    memcpy(decimal->digits, start, (size_t)decimal->count);
}

static void strip_zeros(Decimal *decimal) {
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') decimal->count--;
}

void decimal_integer(int64_t value, Decimal *decimal) {
    decimal->negative = value < 0;
    take_digits(decimal, magnitude(value));
    decimal->point = decimal->count;
    decimal->decimals = 0;
    strip_zeros(decimal);
}

static int after_point(const Decimal *decimal) {
    return decimal->count > decimal->point ? decimal->count - decimal->point : 0;
}

/* repr() writes at least one decimal, unless it writes an exponent. */
static bool with_exponent(const Decimal *decimal) { return decimal->point <= -4 || decimal->point > 16; }

static void set_decimals(Decimal *decimal) {
    decimal->decimals = after_point(decimal);
    if (decimal->decimals == 0 && !with_exponent(decimal)) decimal->decimals = 1;
}

/* printf's digits. The locale may have another sign for the point, so all that is no digit is passed over. */
static void scan_digits(const char *text, Decimal *decimal) {
    decimal->count = 0;
    for (; *text != 'e' && *text != '\0'; text++)
        if (*text >= '0' && *text <= '9' && decimal->count < DIGITS) decimal->digits[decimal->count++] = *text;
    decimal->point = (*text == 'e' ? (int)strtol(text + 1, NULL, 10) : 0) + 1;
    strip_zeros(decimal);
    if (decimal->count == 1 && decimal->digits[0] == '0') decimal->point = 1;
}

bool decimal_fifteen(double value, Decimal *decimal) {
    char text[64];
    if (snprintf(text, sizeof text, "%.14e", fabs(value)) <= 0) return false;
    decimal->negative = signbit(value) != 0;
    scan_digits(text, decimal);
    decimal->decimals = after_point(decimal);
    return true;
}

bool decimal_shortest(double value, Decimal *decimal) {
    decimal->negative = signbit(value) != 0;
    value = fabs(value);
#if FLT_EVAL_METHOD == 0
    /* Fifteen digits at most name one double alone. Both operands of the division are exact, so its result is the
     * double next to the decimal. */
    for (int power = 0; power <= TRIED; power++) {
        double whole = value * powers[power];
        if (!(whole < 1e15)) break;
        int64_t number = (int64_t)(whole + 0.5);
        if ((double)number / powers[power] != value) continue;
        take_digits(decimal, (uint64_t)number);
        decimal->point = decimal->count - power;
        strip_zeros(decimal);
        if (number == 0) decimal->point = 1;
        set_decimals(decimal);
        return true;
    }
#endif
    /* A subnormal number has fewer digits than the fifteen that every other one keeps. */
    for (int precision = value < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        char text[64];
        if (snprintf(text, sizeof text, "%.*e", precision - 1, value) <= 0) return false;
        if (strtod(text, NULL) != value) continue;
        int exponent;
        /* Next to a power of two the doubles are unevenly spaced: the nearest decimal may be none that reads back,
         * and another of as many digits is. */
        if (precision > 15 && frexp(value, &exponent) == 0.5) return false;
        scan_digits(text, decimal);
        set_decimals(decimal);
        return true;
    }
    return false;
}

static void put_zeros(Buffer *out, int count) {
    for (; count > 0; count--) put_byte(out, '0');
}

void decimal_put_text(const Decimal *decimal, Buffer *out) {
    int count = decimal->count, point = decimal->point;
    if (decimal->negative) put_byte(out, '-');
    int whole = point < count ? point : count;
    if (point <= 0) {
        put_byte(out, '0');
        whole = 0;
    } else {
        put_bytes(out, decimal->digits, (size_t)whole);
        put_zeros(out, point - whole);
    }
    if (decimal->decimals == 0) return;
    put_byte(out, '.');
    int zeros = point < 0 ? -point : 0;
    put_zeros(out, zeros);
    put_bytes(out, decimal->digits + whole, (size_t)(count - whole));
    put_zeros(out, decimal->decimals - zeros - (count - whole));
}

size_t decimal_repr(const Decimal *decimal, char *text) {
    Buffer out = {text, 0, POINT_BYTES};
    if (!with_exponent(decimal)) {
        decimal_put_text(decimal, &out);
        return out.size;
    }
    if (decimal->negative) put_byte(&out, '-');
    put_byte(&out, decimal->digits[0]);
    if (decimal->count > 1) {
        put_byte(&out, '.');
        put_bytes(&out, decimal->digits + 1, (size_t)(decimal->count - 1));
    }
    int exponent = decimal->point - 1;
    put_byte(&out, 'e');
    put_byte(&out, exponent < 0 ? '-' : '+');
    if (exponent < 0) exponent = -exponent;
    if (exponent < 10) put_byte(&out, '0');
    char room[INTEGER_BYTES];
    put_bytes(&out, room, integer_text(exponent, room));
    return out.size;
}

void decimal_put_binary(const Decimal *decimal, Buffer *out) {
    bool zero = decimal->count == 1 && decimal->digits[0] == '0';
    /* The digit of 10^(4 * weight) belongs to the first group of four. */
    int weight = decimal->point > 0 ? (decimal->point - 1) / 4 : -((-decimal->point) / 4) - 1;
    int before = 4 * (weight + 1) - decimal->point; /* zeros before the first digit, in its group */
    int groups = zero ? 0 : (before + decimal->count + 3) / 4;
    put_u16(out, (uint16_t)groups);
    put_u16(out, zero ? 0 : (uint16_t)weight);
    put_u16(out, decimal->negative && !zero ? 0x4000 : 0);
    put_u16(out, (uint16_t)decimal->decimals);
    for (int group = 0; group < groups; group++) {
        unsigned value = 0;
        for (int digit = 4 * group - before; digit < 4 * group - before + 4; digit++)
            value = value * 10 + (digit >= 0 && digit < decimal->count ? (unsigned)(decimal->digits[digit] - '0') : 0);
        put_u16(out, (uint16_t)value);
    }
}
