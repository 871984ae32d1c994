/* Bytes that grow. No function here needs the interpreter. */
#ifndef LITELIFT_BUFFER_H
#define LITELIFT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *data;
    size_t size;
    size_t room;
} Buffer;

/* Make room for `more` bytes. False where there is no memory. */
static inline bool buffer_reserve(Buffer *buffer, size_t more) {
    if (more <= buffer->room - buffer->size) return true;
    if (more > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4) return false;
    size_t room = buffer->room + buffer->room / 2;
    if (room < buffer->size + more) room = buffer->size + more;
    if (room < 4096) room = 4096;
    char *data = realloc(buffer->data, room);
    if (data == NULL) return false;
    buffer->data = data;
    buffer->room = room;
    return true;
}

static inline void buffer_free(Buffer *buffer) {
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->room = 0;
}

/* Forget what it holds, and give back what one huge value took. */
static inline void buffer_clear(Buffer *buffer) {
    if (buffer->room > (size_t)16 << 20) buffer_free(buffer);
    buffer->size = 0;
}

/* These need the room to be there. */
static inline void put_byte(Buffer *buffer, char byte) { buffer->data[buffer->size++] = byte; }

static inline void put_bytes(Buffer *buffer, const char *bytes, size_t size) {
    if (size != 0) memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

/* Numbers, the most significant byte first. */
static inline void put_u16(Buffer *buffer, uint16_t value) {
    char bytes[2] = {(char)(value >> 8), (char)value};
    put_bytes(buffer, bytes, sizeof bytes);
}

static inline void set_u32(char *at, uint32_t value) {
    char bytes[4] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value};
    memcpy(at, bytes, sizeof bytes);
}

static inline void put_u32(Buffer *buffer, uint32_t value) {
    set_u32(buffer->data + buffer->size, value);
    buffer->size += 4;
}

static inline void put_u64(Buffer *buffer, uint64_t value) {
    put_u32(buffer, (uint32_t)(value >> 32));
    put_u32(buffer, (uint32_t)value);
}

#endif
