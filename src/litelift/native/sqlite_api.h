/* SQLite's C interface, as far as it is used here.
 *
 * Declared from "C-language Interface Specification for SQLite"; the functions are those of the library that the
 * interpreter's own sqlite3 module uses, whose addresses Python hands over. So neither its headers nor a second copy of
 * the library is needed: two copies in one process would break each other's locks ("How To Corrupt An SQLite Database
 * File", section 2.2.1).
 */
#ifndef LITELIFT_SQLITE_API_H
#define LITELIFT_SQLITE_API_H

#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_value sqlite3_value;
typedef struct sqlite3_context sqlite3_context;

enum {
    SQLITE_OK = 0,
    SQLITE_ERROR = 1,
    SQLITE_NOMEM = 7,
    SQLITE_INTERRUPT = 9,
    SQLITE_ROW = 100,
    SQLITE_DONE = 101
};

enum { SQLITE_INTEGER = 1, SQLITE_FLOAT = 2, SQLITE_TEXT = 3, SQLITE_BLOB = 4, SQLITE_NULL = 5 };

/* How a function is registered ("Function Flags"): only a statement of ours may call it, nothing in the schema. */
enum { SQLITE_UTF8 = 1, SQLITE_DIRECTONLY = 0x80000 };

enum { SQLITE_OPEN_READONLY = 0x1, SQLITE_OPEN_URI = 0x40, SQLITE_OPEN_NOMUTEX = 0x8000 };

/* Configuration options of a connection ("Database Connection Configuration Options"). */
enum { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION = 1005, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE = 1006, SQLITE_DBCONFIG_DEFENSIVE = 1010 };

/* Return type, name, parameters. */
#define SQLITE_FUNCTIONS(X)                                                                    \
    X(int, open_v2, (const char *, sqlite3 **, int, const char *))                             \
    X(int, close_v2, (sqlite3 *))                                                              \
    X(int, busy_timeout, (sqlite3 *, int))                                                     \
    X(int, db_config, (sqlite3 *, int, ...))                                                   \
    X(int, limit, (sqlite3 *, int, int))                                                       \
    X(void, progress_handler, (sqlite3 *, int, int (*)(void *), void *))                       \
    X(int, prepare_v2, (sqlite3 *, const char *, int, sqlite3_stmt **, const char **))         \
    X(int, bind_int64, (sqlite3_stmt *, int, int64_t))                                         \
    X(int, step, (sqlite3_stmt *))                                                             \
    X(int, finalize, (sqlite3_stmt *))                                                         \
    X(int, column_count, (sqlite3_stmt *))                                                     \
    X(int, column_type, (sqlite3_stmt *, int))                                                 \
    X(int64_t, column_int64, (sqlite3_stmt *, int))                                            \
    X(sqlite3_value *, column_value, (sqlite3_stmt *, int))                                    \
    X(int, value_type, (sqlite3_value *))                                                      \
    X(int64_t, value_int64, (sqlite3_value *))                                                 \
    X(double, value_double, (sqlite3_value *))                                                 \
    X(const unsigned char *, value_text, (sqlite3_value *))                                    \
    X(const void *, value_blob, (sqlite3_value *))                                             \
    X(int, value_bytes, (sqlite3_value *))                                                     \
    X(int, create_function_v2,                                                                 \
      (sqlite3 *, const char *, int, int, void *, void (*)(sqlite3_context *, int, sqlite3_value **), \
       void (*)(sqlite3_context *, int, sqlite3_value **), void (*)(sqlite3_context *), void (*)(void *))) \
    X(void *, user_data, (sqlite3_context *))                                                  \
    X(void, result_int, (sqlite3_context *, int))                                              \
    X(void, result_error, (sqlite3_context *, const char *, int))                              \
    X(int, errcode, (sqlite3 *))                                                               \
    X(int, extended_errcode, (sqlite3 *))                                                      \
    X(const char *, errmsg, (sqlite3 *))                                                       \
    X(const char *, errstr, (int))

typedef struct {
#define X(result, name, parameters) result(*name) parameters;
    SQLITE_FUNCTIONS(X)
#undef X
} SqliteApi;

extern SqliteApi sqlite;

#endif
