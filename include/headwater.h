/*
 * Headwater: durable, subject-addressed streams in your own process.
 *
 * This file is the text of the C ABI; docs/abi.md is its contract. In short:
 *
 * - What can fail returns an hw_status, and takes an `hw_error **` as its last parameter. That may be NULL; if it is
 *   not, it gets an error on failure, which is yours to free with hw_error_free.
 * - Parameters come in the order self, inputs, outputs, error. Outputs are written only on success.
 * - Text and bytes are a pointer and a length, borrowed for the call; text must be UTF-8, and is checked. HW_LIT
 *   passes a string literal as both.
 * - Structs that begin with `struct_size` can grow: set it to sizeof the struct and zero the rest, as HW_INIT does, and
 *   every field that you do not set has its default.
 * - Handles are opaque. `const` handles may be used by many threads at once; others by one at a time, else
 *   HW_STATUS_MISUSE. Children keep their parents alive, so free in any order, each once; freeing NULL is nothing.
 * - After hw_engine_close, and in the child of a fork(), calls return HW_STATUS_CLOSED.
 * - Waits take `timeout_ms`: 0 does not wait, -1 waits for ever. Or arm a token with an hw_waker and wait for its
 *   file descriptor: any number of waits then costs no thread.
 * - Times are nanoseconds since the Unix epoch, UTC; names of durations end in their unit.
 *
 * This file is generated from ffi/src. Do not edit it.
 */

#ifndef HEADWATER_H
#define HEADWATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A string literal as the two parameters, or the two fields of an hw_str, that it stands for. */
#define HW_LIT(literal) (literal), (sizeof(literal) - 1)

/* Points an hw_str at a string literal. */
#define HW_SET(text, literal) ((text).data = (literal), (text).len = sizeof(literal) - 1)

/* Zeroes a struct that begins with `struct_size`, and sets that: every option at its default. */
#define HW_INIT(pointer) (memset((pointer), 0, sizeof *(pointer)), (pointer)->struct_size = sizeof *(pointer))

/* Define HW_API before including this file to give every declaration an attribute. */
#ifndef HW_API
#define HW_API
#endif

/** The version of this ABI; it grows only when a binary built against an older header would break. */
#define HW_ABI_VERSION 1

/** In a duration whose 0 means the default: none at all. */
#define HW_DURATION_NONE UINT64_MAX

/** In a count whose 0 means the default: without end. */
#define HW_COUNT_UNLIMITED UINT32_MAX

/** What a call came to. Numbers never change their meaning; expect new ones. */
enum hw_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Done; the outputs are written. */
    HW_STATUS_OK = 0,
    /** The call itself is wrong: fix the argument that the message names. Nothing was changed. */
    HW_STATUS_INVALID = 1,
    /** The named stream, consumer, bucket or directory is not there. */
    HW_STATUS_NOT_FOUND = 2,
    /** A condition did not hold, or a name is taken: reload, decide again, retry. Nothing was changed. */
    HW_STATUS_CONFLICT = 3,
    /** A configured limit refused it, or the disk is full: make room or raise the limit, then retry. */
    HW_STATUS_LIMIT = 4,
    /** The deadline passed or the wait was cancelled: the work may still complete; waiting again is safe. */
    HW_STATUS_TIMEOUT = 5,
    /** The handle, stream or engine is closed, or was carried over a fork(): open a new one. */
    HW_STATUS_CLOSED = 6,
    /** Another process owns the directory: close it there, or open read-only. */
    HW_STATUS_BUSY = 7,
    /**
     * The operating system refused: see the message. A stream whose sync failed stays poisoned until it is
     * reopened.
     */
    HW_STATUS_IO = 8,
    /** Bytes on disk are damaged: the message names file, offset and what is missing. Restore from a backup. */
    HW_STATUS_CORRUPT = 9,
    /** This engine, build or format version cannot do it; it never does something weaker instead. */
    HW_STATUS_UNSUPPORTED = 10,
    /** A handle for one caller at a time was used by two: give each thread its own. */
    HW_STATUS_MISUSE = 11,
    /** A bug in Headwater (a caught panic, a broken invariant): report it, and reopen the engine. */
    HW_STATUS_INTERNAL = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_status hw_status;
#else
typedef int32_t hw_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Whether a directory may be reached through the node that has it open, such as headwater serve. */
enum hw_node_use
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Where a node has it open; the files themselves where nobody has. */
    HW_NODE_USE_AUTO = 0,
    /** Never: a directory that is in use is HW_STATUS_BUSY. */
    HW_NODE_USE_NEVER = 1,
    /** Always: without a node it is HW_STATUS_NOT_FOUND. */
    HW_NODE_USE_ONLY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_node_use hw_node_use;
#else
typedef int32_t hw_node_use;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What an acknowledgement promises. */
enum hw_durability
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** On disk: it survives a power cut. Concurrent writers share one sync. */
    HW_DURABILITY_FSYNC = 0,
    /**
     * In memory, written and synced every `sync_interval_ns`: a crash of the process or the machine may lose
     * that much.
     */
    HW_DURABILITY_INTERVAL = 1,
    /** With the operating system: it survives a crash of the process, not of the machine. */
    HW_DURABILITY_OS = 2,
    /**
     * With as many servers of a hub as the stream has replicas; when they sync, a client cannot see. A local stream is
     * never this.
     */
    HW_DURABILITY_UNKNOWN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_durability hw_durability;
#else
typedef int32_t hw_durability;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What happens to an append when the stream is at a limit. */
enum hw_discard
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The oldest records make room. */
    HW_DISCARD_OLD = 0,
    /** The append is refused with HW_STATUS_LIMIT. */
    HW_DISCARD_NEW = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_discard hw_discard;
#else
typedef int32_t hw_discard;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** How sealed segments are stored. */
enum hw_compression
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** As written. */
    HW_COMPRESSION_NONE = 0,
    /** In blocks, each compressed with zstd. */
    HW_COMPRESSION_ZSTD = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_compression hw_compression;
#else
typedef int32_t hw_compression;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Which earlier records an append replaces. */
enum hw_rollup
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** None. */
    HW_ROLLUP_NONE = 0,
    /** All earlier records of its own subject. */
    HW_ROLLUP_SUBJECT = 1,
    /** All earlier records of the stream. */
    HW_ROLLUP_ALL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_rollup hw_rollup;
#else
typedef int32_t hw_rollup;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Where a subscription or a consumer begins. */
enum hw_deliver_policy
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** At the first record that is kept. */
    HW_DELIVER_POLICY_ALL = 0,
    /** At the last record that the filters take. */
    HW_DELIVER_POLICY_LAST = 1,
    /** At the first record appended from now on. */
    HW_DELIVER_POLICY_NEW = 2,
    /** At `start_seq`. */
    HW_DELIVER_POLICY_BY_START_SEQUENCE = 3,
    /** At the first record committed at or after `start_time`. */
    HW_DELIVER_POLICY_BY_START_TIME = 4,
    /** With the newest record of each subject, then on from there. */
    HW_DELIVER_POLICY_LAST_PER_SUBJECT = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_deliver_policy hw_deliver_policy;
#else
typedef int32_t hw_deliver_policy;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Which records need an acknowledgement. */
enum hw_ack_policy
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Each one by itself. */
    HW_ACK_POLICY_EXPLICIT = 0,
    /** An acknowledgement covers all that were delivered before it. */
    HW_ACK_POLICY_ALL = 1,
    /** None: delivered is done. */
    HW_ACK_POLICY_NONE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_ack_policy hw_ack_policy;
#else
typedef int32_t hw_ack_policy;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What happened to a key. */
enum hw_operation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** It got a value. */
    HW_OPERATION_PUT = 0,
    /** It was deleted; its history stays. */
    HW_OPERATION_DELETE = 1,
    /** It was deleted with its history. */
    HW_OPERATION_PURGE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_operation hw_operation;
#else
typedef int32_t hw_operation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a point's value is. */
enum hw_value_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** A 64-bit float, in `number`. */
    HW_VALUE_TYPE_FLOAT = 0,
    /** A 64-bit integer, in `integer`. */
    HW_VALUE_TYPE_INT = 1,
    /** Text, in `text`. */
    HW_VALUE_TYPE_TEXT = 2,
    /** A JSON document, in `text`. */
    HW_VALUE_TYPE_JSON = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_value_type hw_value_type;
#else
typedef int32_t hw_value_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** How a file of points is written. */
enum hw_format
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Comma-separated values with a header line. */
    HW_FORMAT_CSV = 0,
    /** One JSON object on each line. */
    HW_FORMAT_JSONL = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_format hw_format;
#else
typedef int32_t hw_format;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a connection to a hub is doing. */
enum hw_hub_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** On its way for the first time. */
    HW_HUB_PHASE_CONNECTING = 0,
    /** There. */
    HW_HUB_PHASE_CONNECTED = 1,
    /** Lost, and on its way again. */
    HW_HUB_PHASE_RECONNECTING = 2,
    /** Over. */
    HW_HUB_PHASE_CLOSED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_hub_phase hw_hub_phase;
#else
typedef int32_t hw_hub_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Which way records go. */
enum hw_link_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Both ways. */
    HW_LINK_DIRECTION_BOTH = 0,
    /** From the local stream to the other one. */
    HW_LINK_DIRECTION_PUSH = 1,
    /** From the other stream to the local one. */
    HW_LINK_DIRECTION_PULL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_link_direction hw_link_direction;
#else
typedef int32_t hw_link_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is carried first after a time apart. */
enum hw_link_catch_up
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Every record, in order. */
    HW_LINK_CATCH_UP_HISTORY = 0,
    /** The newest record of each subject alone, then what comes. What is passed over is counted as skipped. */
    HW_LINK_CATCH_UP_LATEST = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_link_catch_up hw_link_catch_up;
#else
typedef int32_t hw_link_catch_up;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is done when the other stream was made anew or lost its end. */
enum hw_link_on_reset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Push everything that is kept here and is not there; pull from its beginning. */
    HW_LINK_ON_RESET_RESEND = 0,
    /** Push only what is new from here on; pull from its beginning. */
    HW_LINK_ON_RESET_CONTINUE = 1,
    /** Carry nothing until somebody decides. */
    HW_LINK_ON_RESET_STOP = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_link_on_reset hw_link_on_reset;
#else
typedef int32_t hw_link_on_reset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a link is doing. */
enum hw_link_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** It has not met the other stream yet. */
    HW_LINK_STATE_STARTING = 0,
    /** It carries what there is. */
    HW_LINK_STATE_RUNNING = 1,
    /** It failed, and tries again after a pause. */
    HW_LINK_STATE_WAITING = 2,
    /** It was stopped. */
    HW_LINK_STATE_STOPPED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_link_state hw_link_state;
#else
typedef int32_t hw_link_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** How fast a mesh notices what happens, and what that costs. */
enum hw_mesh_preset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Nodes that are milliseconds apart: one that does not answer is down after about 5 s. */
    HW_MESH_PRESET_LAN = 0,
    /** Nodes that are far apart: down after about 30 s. */
    HW_MESH_PRESET_WAN = 1,
    /** Nodes that shall say little: gossip each 2 s, down by 10 s, compared each 60 s. */
    HW_MESH_PRESET_SEED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_mesh_preset hw_mesh_preset;
#else
typedef int32_t hw_mesh_preset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a key or a field of a map is. */
enum hw_crdt_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** A number that is added to and taken from. */
    HW_CRDT_KIND_COUNTER = 1,
    /** A number that only grows. */
    HW_CRDT_KIND_GROW_COUNTER = 2,
    /** A number that never falls below 0, whatever is concurrent. */
    HW_CRDT_KIND_BOUNDED_COUNTER = 3,
    /** One value: the last writer wins. */
    HW_CRDT_KIND_REGISTER = 4,
    /** One value, or all that were written concurrently. */
    HW_CRDT_KIND_MULTI_REGISTER = 5,
    /** Values: what is added and removed concurrently is there. */
    HW_CRDT_KIND_SET = 6,
    /** Values: what is added and removed concurrently is not there. */
    HW_CRDT_KIND_REMOVE_WINS_SET = 7,
    /** On or off: what is enabled and disabled concurrently is on. */
    HW_CRDT_KIND_FLAG = 8,
    /** On or off: what is enabled and disabled concurrently is off. */
    HW_CRDT_KIND_DISABLE_WINS_FLAG = 9,
    /** Fields, each of any kind but a bounded counter. */
    HW_CRDT_KIND_MAP = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_crdt_kind hw_crdt_kind;
#else
typedef int32_t hw_crdt_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is done. */
enum hw_crdt_op
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Counters: adds `amount`, or takes away where it is negative and the kind allows it. */
    HW_CRDT_OP_ADD = 1,
    /** A bounded counter: gives rights to `amount`, not negative, to the actor `give_to`. */
    HW_CRDT_OP_GIVE = 2,
    /** Registers: writes `value`, for `ttl_ms`. */
    HW_CRDT_OP_WRITE = 3,
    /** Sets: adds `value`, for `ttl_ms`. */
    HW_CRDT_OP_INSERT = 4,
    /** Sets: removes `value`. */
    HW_CRDT_OP_REMOVE = 5,
    /** Flags: turns it on, for `ttl_ms`. */
    HW_CRDT_OP_ENABLE = 6,
    /** Flags: turns it off. */
    HW_CRDT_OP_DISABLE = 7,
    /** Any kind but a bounded counter: removes all that is there. */
    HW_CRDT_OP_CLEAR = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_crdt_op hw_crdt_op;
#else
typedef int32_t hw_crdt_op;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a value is. */
enum hw_crdt_value_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Any bytes, in `bytes`. */
    HW_CRDT_VALUE_TYPE_BYTES = 1,
    /** A 64-bit integer, in `integer`. */
    HW_CRDT_VALUE_TYPE_INT = 2,
    /** A 64-bit float, kept bit for bit, in `number`. */
    HW_CRDT_VALUE_TYPE_FLOAT = 3,
    /** UTF-8 text, in `bytes`. */
    HW_CRDT_VALUE_TYPE_TEXT = 4,
    /** A JSON document, kept as it was written, in `bytes`. */
    HW_CRDT_VALUE_TYPE_JSON = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_crdt_value_type hw_crdt_value_type;
#else
typedef int32_t hw_crdt_value_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a save expects to find of the aggregate. */
enum hw_expected
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Whatever there is. */
    HW_EXPECTED_ANY = 0,
    /** No event. */
    HW_EXPECTED_NONE = 1,
    /** At least one event. */
    HW_EXPECTED_EXISTS = 2,
    /** `expected_version` events; 0 of them is as HW_EXPECTED_NONE. */
    HW_EXPECTED_VERSION = 3,
    /**
     * That it stands at `expected_version` and `expected_seq`, as a load or a save answered. It takes no look into
     * the stream.
     */
    HW_EXPECTED_AT = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_expected hw_expected;
#else
typedef int32_t hw_expected;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Up to where events are loaded. */
enum hw_as_of
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** All that there are. */
    HW_AS_OF_NOW = 0,
    /** The version `as_of_value`, which has to be there; 0 is before the first event. */
    HW_AS_OF_VERSION = 1,
    /** The last event at or before sequence `as_of_value` of the store. */
    HW_AS_OF_SEQ = 2,
    /** The last event that was saved at or before time `as_of_value`, in nanoseconds since the epoch. */
    HW_AS_OF_TIME = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_as_of hw_as_of;
#else
typedef int32_t hw_as_of;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What a value is, as SQLite stores it. */
enum hw_sql_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** No value. */
    HW_SQL_TYPE_NULL = 0,
    /** 64 bits with a sign, in `integer`. */
    HW_SQL_TYPE_INTEGER = 1,
    /** A 64-bit float, kept bit for bit, in `real`. */
    HW_SQL_TYPE_REAL = 2,
    /** Text, in `bytes`; UTF-8 unless somebody wrote other bytes as text. It is not checked, neither in nor out. */
    HW_SQL_TYPE_TEXT = 3,
    /** Bytes, in `bytes`. */
    HW_SQL_TYPE_BLOB = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_sql_type hw_sql_type;
#else
typedef int32_t hw_sql_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What an item of a turn is. */
enum hw_turn_what
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** A message, in `name` and `payload`. */
    HW_TURN_WHAT_MESSAGE = 0,
    /** The entity is wanted: make its handler. It is the first item of a turn. */
    HW_TURN_WHAT_START = 1,
    /** A time has come that was set, in `name`. */
    HW_TURN_WHAT_TIMER = 2,
    /** The handler is not wanted any more: let it go. It is the last item of a turn. */
    HW_TURN_WHAT_STOP = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum hw_turn_what hw_turn_what;
#else
typedef int32_t hw_turn_what;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Aggregates of a store. Immutable. */
typedef struct hw_aggregates hw_aggregates;

/** What a statement did and found. Immutable. */
typedef struct hw_answer hw_answer;

/** Records that came out of a stream together. Immutable. */
typedef struct hw_batch hw_batch;

/** Bytes that the library made. Immutable. */
typedef struct hw_blob hw_blob;

/** A bucket. `const`: safe from many threads at once. */
typedef struct hw_bucket hw_bucket;

/** Descriptions of buckets. Immutable. */
typedef struct hw_bucket_infos hw_bucket_infos;

/** Follows what is joined into a replicated file. `const`: safe from many threads at once; each change goes to one. */
typedef struct hw_change_watcher hw_change_watcher;

/** A connection to a replicated SQLite file. For one thread at a time. */
typedef struct hw_connection hw_connection;

/** A consumer. `const`: safe from many threads at once; each record goes to one. */
typedef struct hw_consumer hw_consumer;

/** Descriptions of consumers. Immutable. */
typedef struct hw_consumer_infos hw_consumer_infos;

/** A CRDT store. `const`: safe from many threads at once. Handles that are opened apart see each other's writes. */
typedef struct hw_crdt hw_crdt;

/** What is in the keys of a CRDT store. Immutable. */
typedef struct hw_crdt_entries hw_crdt_entries;

/** Follows the keys of a CRDT store. `const`: safe from many threads at once; each change goes to one. */
typedef struct hw_crdt_watcher hw_crdt_watcher;

/** A SQLite file that replicates (docs/replica.md). `const`: safe from many threads at once. */
typedef struct hw_database hw_database;

/** An open engine. `const`: safe from many threads at once. */
typedef struct hw_engine hw_engine;

/** Live entities on this node. `const`: safe from many threads; each turn goes to one. */
typedef struct hw_entities hw_entities;

/** One who asks the entities of a cluster through one of its nodes. `const`: safe from many threads at once. */
typedef struct hw_entities_client hw_entities_client;

/** Revisions of keys. Immutable. */
typedef struct hw_entries hw_entries;

/** What went wrong in one call. Immutable. */
typedef struct hw_error hw_error;

/** A place in a store that moves as events are taken. `const`: safe from many threads; each event goes to one. */
typedef struct hw_event_feed hw_event_feed;

/** An event store. `const`: safe from many threads at once. */
typedef struct hw_event_store hw_event_store;

/** Events that came out of a store together, and where they begin. Immutable. */
typedef struct hw_events hw_events;

/**
 * A session that lives as long as this handle, and dies with the process at the latest. `const`: safe from many
 * threads at once.
 */
typedef struct hw_held_session hw_held_session;

/** States of a connection. Immutable. */
typedef struct hw_hub_states hw_hub_states;

/** Follows the state of a connection. `const`: safe from many threads at once; each change goes to one. */
typedef struct hw_hub_watcher hw_hub_watcher;

/** Where links stand. Immutable. */
typedef struct hw_links hw_links;

/** Lines of the log. Immutable. */
typedef struct hw_logs hw_logs;

/** Values measured at one moment. Immutable. */
typedef struct hw_metrics hw_metrics;

/** What is known of objects. Immutable. */
typedef struct hw_object_infos hw_object_infos;

/** An object that is being read. For one thread at a time. */
typedef struct hw_object_reader hw_object_reader;

/** An object store. `const`: safe from many threads at once. */
typedef struct hw_object_store hw_object_store;

/** Descriptions of object stores. Immutable. */
typedef struct hw_object_store_infos hw_object_store_infos;

/** Follows the objects of a store. `const`: safe from many threads at once; each change goes to one. */
typedef struct hw_object_watcher hw_object_watcher;

/** An object that is being put in pieces. For one thread at a time. */
typedef struct hw_object_writer hw_object_writer;

/** A list of points. Immutable. */
typedef struct hw_point_list hw_point_list;

/** Follows points as they come. `const`: safe from many threads at once; each point goes to one. */
typedef struct hw_point_watcher hw_point_watcher;

/** A point store. `const`: safe from many threads at once. */
typedef struct hw_points hw_points;

/** A presence store (docs/presence.md). `const`: safe from many threads at once. */
typedef struct hw_presence hw_presence;

/** Follows users of a presence store. `const`: safe from many threads at once; each event goes to one. */
typedef struct hw_presence_watcher hw_presence_watcher;

/** How far a long call has come, and the way to stop it. It serves one call at a time. */
typedef struct hw_progress hw_progress;

/** A projection that is open. `const`: safe from many threads; each event goes to one. */
typedef struct hw_projection hw_projection;

/** What a key or a field reads as. Immutable. */
typedef struct hw_reading hw_reading;

/** A replica of state that merges. For one thread at a time. */
typedef struct hw_replica hw_replica;

/** An answer that is on its way. For one thread at a time. */
typedef struct hw_reply hw_reply;

/** The rows that answer a query, by series, then start. Immutable. */
typedef struct hw_rows hw_rows;

/** A stream. `const`: safe from many threads at once. */
typedef struct hw_stream hw_stream;

/** Descriptions of streams. Immutable. */
typedef struct hw_stream_infos hw_stream_infos;

/** A list of texts, each with a number where one goes with it. Immutable. */
typedef struct hw_strings hw_strings;

/**
 * A place in a stream that moves as records are taken. `const`: safe from many threads at once; each record goes
 * to one.
 */
typedef struct hw_subscription hw_subscription;

/** A write under way. For one thread at a time. */
typedef struct hw_ticket hw_ticket;

/** Turns that were taken together. Immutable. */
typedef struct hw_turns hw_turns;

/** One wake-up for any number of waits. `const`: safe from many threads at once. */
typedef struct hw_waker hw_waker;

/** Follows the changes of a bucket. `const`: safe from many threads at once; each entry goes to one. */
typedef struct hw_watcher hw_watcher;

/**
 * UTF-8 text, not NUL-terminated. Going in it is borrowed for the call and checked; NULL with length 0 is the
 * empty text.
 */
typedef struct hw_str {
    /** The first byte. */
    const char *data;
    /** How many bytes. */
    size_t len;
} hw_str;

/** Bytes. NULL with length 0 is none. */
typedef struct hw_bytes {
    /** The first byte. */
    const void *data;
    /** How many bytes. */
    size_t len;
} hw_bytes;

/** How an engine is opened. Zero is the default of every field. */
typedef struct hw_engine_options {
    /** sizeof(hw_engine_options) */
    size_t struct_size;
    /** Not 0: opens without a lock, follows the files of the process that writes, and refuses every change. */
    uint8_t read_only;
    /** Not 0: a directory that is not there is HW_STATUS_NOT_FOUND, instead of being made. */
    uint8_t must_exist;
    /** Not 0: no thread does timers, interval sync and cleaning; call hw_engine_step instead. */
    uint8_t no_worker;
    /**
     * The most bytes of segment files that are kept in memory to read single records from, over all streams; 0 is
     * 16 MiB, and 1 keeps none. It is taken as it fills.
     */
    uint64_t cache_bytes;
    /** An hw_node_use. A read-only open always looks at the files. */
    int32_t node;
} hw_engine_options;

/**
 * How to reach a hub. Zero is the default of every field but `urls`. Only one of `token`, `user`, `nkey_seed` and
 * `credentials_file` may be set.
 */
typedef struct hw_hub_options {
    /** sizeof(hw_hub_options) */
    size_t struct_size;
    /** Servers: `nats://host:port` or `tls://host:port`. One is enough where the others are announced. */
    const struct hw_str *urls;
    /** How many; at least 1. */
    size_t urls_len;
    /** What the connection is called in the server's monitoring; `headwater` when empty. */
    struct hw_str name;
    /** A token. */
    struct hw_str token;
    /** A user, with `password`. */
    struct hw_str user;
    /** The password of `user`. */
    struct hw_str password;
    /** The seed of an nkey, `SU...`. */
    struct hw_str nkey_seed;
    /** A file with a user's JWT and seed, as `nsc` writes it. */
    struct hw_str credentials_file;
    /** Certificates of the authorities that the server's is checked against, in PEM; those of the system when empty. */
    struct hw_str ca_file;
    /** Our certificate, in PEM, with `key_file`. */
    struct hw_str cert_file;
    /** The key of `cert_file`, in PEM. */
    struct hw_str key_file;
    /** The JetStream domain; not together with `api_prefix`. */
    struct hw_str domain;
    /** Where JetStream's API is; `$JS.API` when empty. */
    struct hw_str api_prefix;
    /** How long an answer may take, 10 to 600,000; 0 is 5,000. Later is HW_STATUS_TIMEOUT. */
    uint64_t request_timeout_ms;
    /** How long a connection may take to come about, 10 to 600,000; 0 is 5,000. */
    uint64_t connect_timeout_ms;
    /** The shortest wait between two attempts to reconnect; 0 is 50. */
    uint64_t reconnect_delay_min_ms;
    /** The longest; the waits double up to it. 0 is 2,000. */
    uint64_t reconnect_delay_max_ms;
    /** Appends that may be on their way at once, up to 32,768; 0 is 4,096. More wait for room. */
    uint32_t window;
    /**
     * On how many servers a stream is kept that is made over this connection and says nothing of a hub, such as those
     * of buckets, event stores and entities: up to 5; 0 is 1. One that is there stays as it is.
     */
    uint32_t replicas;
    /** Not 0: refuses a server that does not speak TLS. */
    uint8_t require_tls;
    /** Not 0: begins with TLS, before the server says anything; the server has to be set so. */
    uint8_t tls_first;
    /** Not 0: no server has to answer now. The engine is there at once, connecting, and tries until one does. */
    uint8_t retry_on_initial_connect;
} hw_hub_options;

/** Where the connection to a hub stands. */
typedef struct hw_hub_state {
    /** sizeof(hw_hub_state), set by the caller. */
    size_t struct_size;
    /** The name of the server that it was connected to last. */
    struct hw_str server_name;
    /** The version of that server. */
    struct hw_str server_version;
    /** Why it is not connected, or what the server complained of since it is; empty when nothing went wrong since. */
    struct hw_str last_error;
    /** How often it came back after it was lost. */
    uint64_t reconnects;
    /** The level of JetStream's API: 0 where the server says none, which is before 2.11. */
    uint32_t api_level;
    /** An hw_hub_phase. */
    int32_t phase;
    /**
     * Sequences of either side that the links of this process to it have still to look at, as of this answer; 0 when
     * there are none. It changes with every record, so a watcher is not woken for it.
     */
    uint64_t lag_records;
} hw_hub_state;

/** Subjects here under one prefix are subjects there under another. */
typedef struct hw_subject_map {
    /** Whole tokens, such as `orders`. */
    struct hw_str local;
    /** Whole tokens, such as `edge.7.orders`. */
    struct hw_str remote;
} hw_subject_map;

/**
 * What a stream takes, how long it keeps it, and what its acknowledgements mean. Zero is the default of every
 * field, and a limit of 0 is no limit.
 */
typedef struct hw_stream_config {
    /** sizeof(hw_stream_config) */
    size_t struct_size;
    /** Its name: no white space, `.`, `*`, `>`, `/` or `\`. At most 200 bytes. */
    struct hw_str name;
    /** The filters of the subjects that it takes; its own name when there is none. */
    const struct hw_str *subjects;
    /** How many. */
    size_t subjects_len;
    /** For people. */
    struct hw_str description;
    /**
     * What only a hub has of a stream, as a JSON object, in UTF-8; a local engine refuses it. Empty says nothing: a
     * stream that is made has the defaults, and one that is changed what it had. Each key may be left out:
     *
     * - `replicas`: on how many servers, 1 to 5; 1.
     * - `storage`: where they keep it, `"file"` or `"memory"`; `"file"`.
     * - `placement_cluster`: the cluster that it has to be in; any.
     * - `placement_tags`: an array of the tags that its servers have to have; none.
     * - `sources`: an array of the streams that it takes records from, beside its own subjects; none. Each is an
     *   object: `name`; `start_seq`, a sequence, or `start_time`, a commit time in nanoseconds since the epoch, from
     *   which on it takes them, 0 from the first; `filter`, the subjects that it takes, or `transforms`, an array of
     *   objects as `subject_transform` is; `domain`, the JetStream domain that it is in, this one when empty.
     * - `mirror`: the stream that it is a copy of, an object as in `sources`, or `null`; it takes no subjects of its
     *   own then.
     * - `subject_transform`: how subjects change as records come in, or `null`. An object: `source`, the filter of
     *   those that change, and `destination`, what they become, with `{{wildcard(1)}}` and the like.
     * - `allow_direct`: whether any replica answers single reads of other tools; `true`.
     */
    struct hw_str hub;
    /** With HW_DURABILITY_INTERVAL: at most this much time is lost. 1 ms to 1 hour; 0 is 100 ms. */
    uint64_t sync_interval_ns;
    /** Records older than this go. */
    uint64_t max_age_ns;
    /** The most records. */
    uint64_t max_msgs;
    /** The most bytes of subjects, headers and payloads. */
    uint64_t max_bytes;
    /** The most records of one subject; older ones of it go. */
    uint64_t max_msgs_per_subject;
    /** How long message ids are remembered; 0 is 2 minutes, HW_DURATION_NONE not at all. */
    uint64_t duplicate_window_ns;
    /** The size at which a segment is sealed, 64 KiB to 1 GiB; 0 is 64 MiB. */
    uint64_t segment_bytes;
    /** The largest payload, in bytes; 0 is 8 MiB. */
    uint32_t max_msg_size;
    /** An hw_durability. */
    int32_t durability;
    /** An hw_discard: what gives at `max_msgs` and `max_bytes`. */
    int32_t discard;
    /** An hw_compression. */
    int32_t compression;
    /**
     * Not 0, with HW_DISCARD_NEW: refuse at `max_msgs_per_subject` too, instead of dropping the subject's
     * oldest.
     */
    uint8_t discard_new_per_subject;
    /** Not 0: an append may carry a rollup. */
    uint8_t allow_rollup;
    /** Not 0: deleting single records is refused. */
    uint8_t deny_delete;
    /** Not 0: purging is refused. */
    uint8_t deny_purge;
} hw_stream_config;

/** A local stream joined to another one. Zero is the default of every field but the three names. */
typedef struct hw_link_config {
    /** sizeof(hw_link_config) */
    size_t struct_size;
    /** Its name, as for a stream; positions are kept under it. */
    struct hw_str name;
    /** The local stream. */
    struct hw_str stream;
    /** The stream on the other side. */
    struct hw_str remote;
    /** Only records whose local subject one of these takes; all when there is none. */
    const struct hw_str *filters;
    /** How many. */
    size_t filters_len;
    /** How subjects change on the way; subjects under no prefix stay as they are. */
    const struct hw_subject_map *maps;
    /** How many. */
    size_t maps_len;
    /**
     * What the stream on the other side is made as when it is not there; NULL makes none. Its name may be left empty,
     * and its subjects: those of the local stream then, as they are there, and what positions of many pushers need.
     */
    const struct hw_stream_config *create;
    /** An hw_link_direction. */
    int32_t direction;
    /** An hw_link_catch_up. */
    int32_t catch_up;
    /** An hw_link_on_reset. */
    int32_t on_reset;
    /**
     * Not 0: nobody else appends to the other stream, so records are pushed one by one. Else many may push to it, in
     * atomic batches, which takes a server from 2.12 on.
     */
    uint8_t exclusive;
} hw_link_config;

/** Where a link stands; counts are since the engine was opened. */
typedef struct hw_link_status {
    /** sizeof(hw_link_status), set by the caller. */
    size_t struct_size;
    /** Its name. */
    struct hw_str name;
    /** The local stream. */
    struct hw_str stream;
    /** The stream on the other side. */
    struct hw_str remote;
    /** Why it failed last; empty when it did not. */
    struct hw_str last_error;
    /** Records that the other stream took. */
    uint64_t pushed;
    /** Records that the local stream took. */
    uint64_t pulled;
    /** Records that came or went and were there already. */
    uint64_t known;
    /** Records that limits removed before they were carried: a gap. */
    uint64_t missed;
    /** Records passed over for newer ones of their subjects. */
    uint64_t skipped;
    /** Sequences of the local stream that are still to be looked at. */
    uint64_t lag_push;
    /** Sequences of the other stream that are still to be looked at. */
    uint64_t lag_pull;
    /** How often the other stream was another one than before. */
    uint64_t resets;
    /** How often it failed and began anew. */
    uint64_t failures;
    /** An hw_link_direction. */
    int32_t direction;
    /** An hw_link_state. */
    int32_t state;
} hw_link_status;

/** A node of a mesh. Zero is the default of every field but `bind`, `ca`, `cert` and `key`. */
typedef struct hw_mesh_config {
    /** sizeof(hw_mesh_config) */
    size_t struct_size;
    /** What people call this node; its address when empty. */
    struct hw_str name;
    /** Where it listens, host:port; port 0 is a free one. */
    struct hw_str bind;
    /** Where others reach it, host:port; `bind` when empty. */
    struct hw_str advertise;
    /** Nodes to join by, host:port with a name or an address. They are called until each is connected. */
    const struct hw_str *seeds;
    /** How many. */
    size_t seeds_len;
    /** The file with the certificate of the authority that signed those of all nodes, in PEM. */
    struct hw_str ca;
    /** The file with this node's certificate, in PEM. */
    struct hw_str cert;
    /** The file with its key, in PEM. */
    struct hw_str key;
    /** The name that the certificates of nodes have; the host that is called when empty. */
    struct hw_str server_name;
    /** The stores that this node keeps in step; all there are, here and elsewhere, when there is none. */
    const struct hw_str *stores;
    /** How many. */
    size_t stores_len;
    /** An hw_mesh_preset. */
    int32_t preset;
    /**
     * After so long without a word of a node, the others no longer wait for it with forgetting what was removed,
     * nanoseconds; 0 is 30 days.
     */
    uint64_t horizon_ns;
} hw_mesh_config;

/** What a stream is and holds. */
typedef struct hw_stream_state {
    /** sizeof(hw_stream_state), set by the caller. */
    size_t struct_size;
    /** Its configuration, complete. It may be passed on to hw_engine_update_stream. */
    const struct hw_stream_config *config;
    /** When it was made, in nanoseconds since the epoch. */
    uint64_t created;
    /** How many records are kept. */
    uint64_t records;
    /** Bytes of subjects, headers and payloads kept. */
    uint64_t bytes;
    /** Bytes on disk. */
    uint64_t disk_bytes;
    /** How many subjects have a record. */
    uint64_t subjects;
    /** The first sequence that is kept; one past the last when none is. */
    uint64_t first_seq;
    /** When the first record was committed; 0 when there is none. */
    uint64_t first_time;
    /** The last sequence given out; 0 when none was. */
    uint64_t last_seq;
    /** When the last record was committed; 0 when none was. */
    uint64_t last_time;
    /** How many records between the first and the last are gone. */
    uint64_t deleted;
    /** How many consumers it has. */
    uint64_t consumers;
    /** How many segments. */
    uint64_t segments;
} hw_stream_state;

/** One header of a record or of an object, or one item of an object's metadata. */
typedef struct hw_header {
    /** Its name; letter case counts. */
    struct hw_str name;
    /** Its value. */
    struct hw_str value;
} hw_header;

/**
 * What an append carries besides subject and payload, and the conditions under which it may be. Zero is the
 * default of every field.
 */
typedef struct hw_append_options {
    /** sizeof(hw_append_options) */
    size_t struct_size;
    /**
     * Names and values, in order; a name may repeat. Names that begin with `Nats-` are refused: use the fields
     * below.
     */
    const struct hw_header *headers;
    /** How many. */
    size_t headers_len;
    /**
     * Idempotence: a second append with this id within the stream's `duplicate_window_ns` is acknowledged as a
     * duplicate.
     */
    struct hw_str msg_id;
    /** The subject or wildcard filter that `expect_subject_last_seq` speaks of; the own subject when empty. */
    struct hw_str expect_filter;
    /** With `has_event_time`: when it happened, in nanoseconds since the epoch, negative before 1970. */
    int64_t event_time;
    /** How long it stays: whole seconds, in nanoseconds; 0 is for good. */
    uint64_t ttl_ns;
    /** With `has_expect_last_seq`: the stream's last sequence must be this one. */
    uint64_t expect_last_seq;
    /**
     * With `has_expect_subject_last_seq`: the last sequence of `expect_filter` must be this one; 0 means that
     * there is none.
     */
    uint64_t expect_subject_last_seq;
    /** An hw_rollup; the stream must `allow_rollup`. */
    int32_t rollup;
    /** Not 0: `event_time` is set. */
    uint8_t has_event_time;
    /** Not 0: `expect_last_seq` is set. */
    uint8_t has_expect_last_seq;
    /** Not 0: `expect_subject_last_seq` is set. */
    uint8_t has_expect_subject_last_seq;
} hw_append_options;

/** What a write came to. */
typedef struct hw_ack {
    /** sizeof(hw_ack), set by the caller. */
    size_t struct_size;
    /**
     * The sequence of the record, or the revision of the key; of the last one for a batch; of the first one
     * appended for a duplicate. 0 where none was given out.
     */
    uint64_t seq;
    /** How many records were appended, deleted, purged or acknowledged; 0 for a duplicate. */
    uint64_t count;
    /** An hw_durability: what the acknowledgement promises. */
    int32_t durability;
    /** Not 0: the message id was seen before, so nothing was appended. */
    uint8_t duplicate;
} hw_ack;

/** One record of a batch. In an array, all have the same `struct_size`. */
typedef struct hw_append {
    /** sizeof(hw_append) */
    size_t struct_size;
    /** The literal subject; the stream must take it. */
    struct hw_str subject;
    /** The bytes. */
    struct hw_bytes payload;
    /** The rest; may be NULL. */
    const struct hw_append_options *options;
} hw_append;

/** What to purge; zero is everything. */
typedef struct hw_purge_options {
    /** sizeof(hw_purge_options) */
    size_t struct_size;
    /** Only subjects that this takes; all when empty. */
    struct hw_str filter;
    /** Only records before this sequence; 0 is no bound. */
    uint64_t before_seq;
    /** Keep this many of the newest (of each subject when filtered). */
    uint64_t keep;
} hw_purge_options;

/** A whole number of 128 bits: `high` times 2^64, plus `low`. */
typedef struct hw_int128 {
    /** The upper half, with the sign: 0 or -1 where the number fits 64 bits. */
    int64_t high;
    /** The lower half. */
    uint64_t low;
} hw_int128;

/** Which records to read. Zero is the default of every field: the first 1,000. */
typedef struct hw_read_options {
    /** sizeof(hw_read_options) */
    size_t struct_size;
    /** Only records that one of these takes; all when there is none. */
    const struct hw_str *filters;
    /** How many. */
    size_t filters_len;
    /** Begin at this sequence; 0 is the first record (backward: the last one). */
    uint64_t from_seq;
    /**
     * Instead of `from_seq`: begin at the first record committed at or after this time (backward: the last one
     * at or before it), in nanoseconds since the epoch; 0 is not set.
     */
    uint64_t from_time;
    /** No record committed at or after this time (backward: before it); 0 is not set. */
    uint64_t until;
    /**
     * With `has_event_range`: only records whose event time (commit time where it has none) is at or after
     * this.
     */
    int64_t event_from;
    /** With `has_event_range`: and before this. */
    int64_t event_to;
    /** The most records; 0 is 1,000. */
    uint64_t max_records;
    /** The bytes of records at which it ends, with the record that reaches them; 0 is 8 MiB. */
    uint64_t max_bytes;
    /** Not 0: newest first. */
    uint8_t backward;
    /** Not 0: `event_from` and `event_to` are set. */
    uint8_t has_event_range;
} hw_read_options;

/** One record. */
typedef struct hw_record {
    /** sizeof(hw_record), set by the caller. */
    size_t struct_size;
    /** Its place in the stream, from 1. */
    uint64_t seq;
    /** When it was committed, in nanoseconds since the epoch; never decreasing along a stream. */
    uint64_t time;
    /** Its literal subject. */
    struct hw_str subject;
    /** The bytes. */
    struct hw_bytes payload;
    /** With `has_event_time`: when it happened, as its source says. */
    int64_t event_time;
    /** How many headers it has; hw_batch_header has each. */
    size_t headers_len;
    /** How often a consumer has delivered it, this time included; 0 when it was read without one. */
    uint32_t delivered;
    /** Not 0: it has an event time. */
    uint8_t has_event_time;
} hw_record;

/** What to subscribe to. Zero is the default of every field: everything. */
typedef struct hw_subscribe_options {
    /** sizeof(hw_subscribe_options) */
    size_t struct_size;
    /** Only records that one of these takes; all when there is none. */
    const struct hw_str *filters;
    /** How many. */
    size_t filters_len;
    /** For HW_DELIVER_POLICY_BY_START_SEQUENCE. */
    uint64_t start_seq;
    /** For HW_DELIVER_POLICY_BY_START_TIME, in nanoseconds since the epoch. */
    uint64_t start_time;
    /** An hw_deliver_policy. */
    int32_t deliver_policy;
} hw_subscribe_options;

/** A durable position in a stream, with JetStream's names and defaults. Zero is the default of every field. */
typedef struct hw_consumer_config {
    /** sizeof(hw_consumer_config) */
    size_t struct_size;
    /** Its name, as a stream's. */
    struct hw_str name;
    /** For people. */
    struct hw_str description;
    /** Only records that one of these takes; all when there is none. */
    const struct hw_str *filter_subjects;
    /** How many. */
    size_t filter_subjects_len;
    /** For HW_DELIVER_POLICY_BY_START_SEQUENCE. */
    uint64_t start_seq;
    /** For HW_DELIVER_POLICY_BY_START_TIME, in nanoseconds since the epoch. */
    uint64_t start_time;
    /** How long a delivered record may stay unacknowledged before it is delivered again; 0 is 30 s. */
    uint64_t ack_wait_ns;
    /** Instead of `ack_wait_ns`: the wait after the first, second, ... delivery; the last one repeats. */
    const uint64_t *backoff_ns;
    /** How many. */
    size_t backoff_len;
    /**
     * The stream that takes records past `max_deliver`; `<stream>_DLQ` when empty. It is made if it is not
     * there.
     */
    struct hw_str dead_letter;
    /** How often a record is delivered at the most; 0 is without end. */
    uint32_t max_deliver;
    /** The most records that may be delivered and unacknowledged; 0 is 1,000, HW_COUNT_UNLIMITED is without end. */
    uint32_t max_ack_pending;
    /** An hw_deliver_policy. */
    int32_t deliver_policy;
    /** An hw_ack_policy. */
    int32_t ack_policy;
} hw_consumer_config;

/** Where a consumer stands. */
typedef struct hw_consumer_state {
    /** sizeof(hw_consumer_state), set by the caller. */
    size_t struct_size;
    /** Its configuration, complete. */
    const struct hw_consumer_config *config;
    /** The last sequence that was delivered for the first time. */
    uint64_t delivered_seq;
    /** Everything up to this sequence is done. */
    uint64_t ack_floor;
    /** Delivered and not acknowledged. */
    uint64_t num_ack_pending;
    /** Of those, how many were delivered more than once. */
    uint64_t num_redelivered;
    /** Not delivered yet. */
    uint64_t num_pending;
    /** Moved to the dead-letter stream. */
    uint64_t num_dead;
} hw_consumer_state;

/** What a bucket keeps. Zero is the default of every field. */
typedef struct hw_bucket_config {
    /** sizeof(hw_bucket_config) */
    size_t struct_size;
    /** Its name: letters, digits, `-` and `_`. */
    struct hw_str bucket;
    /** For people. */
    struct hw_str description;
    /** Values older than this go; 0 is never. */
    uint64_t ttl_ns;
    /** The most bytes; 0 is no limit. */
    uint64_t max_bytes;
    /** How many values of a key are kept, 1 to 64; 0 is 1. */
    uint32_t history;
    /** The largest value, in bytes; 0 is 8 MiB. */
    uint32_t max_value_size;
    /** An hw_durability. */
    int32_t durability;
} hw_bucket_config;

/** What a bucket holds. */
typedef struct hw_bucket_state {
    /** sizeof(hw_bucket_state), set by the caller. */
    size_t struct_size;
    /** Its configuration, complete. */
    const struct hw_bucket_config *config;
    /** Revisions kept, delete markers included. */
    uint64_t values;
    /** Bytes kept. */
    uint64_t bytes;
} hw_bucket_state;

/** One revision of a key. */
typedef struct hw_entry {
    /** sizeof(hw_entry), set by the caller. */
    size_t struct_size;
    /** The key. */
    struct hw_str key;
    /** The value; empty when deleted. */
    struct hw_bytes value;
    /** The stream's sequence. */
    uint64_t revision;
    /** When, in nanoseconds since the epoch. */
    uint64_t time;
    /** An hw_operation. */
    int32_t operation;
} hw_entry;

/** What a watcher sees. Zero is the default of every field: the newest value of every key, then every change. */
typedef struct hw_watch_options {
    /** sizeof(hw_watch_options) */
    size_t struct_size;
    /** Key filters with `*` and `>`; all keys when there is none. */
    const struct hw_str *filters;
    /** How many. */
    size_t filters_len;
    /** Not 0: every kept revision first, not only the newest. */
    uint8_t include_history;
    /** Not 0: only what changes from now on. */
    uint8_t updates_only;
    /** Not 0: leave deletes out. */
    uint8_t ignore_deletes;
} hw_watch_options;

/** What an object store keeps. Zero is the default of every field. */
typedef struct hw_object_config {
    /** sizeof(hw_object_config) */
    size_t struct_size;
    /** Its name: letters, digits, `-` and `_`. */
    struct hw_str bucket;
    /** For people. */
    struct hw_str description;
    /** Objects put longer ago than this go; 0 is never. */
    uint64_t ttl_ns;
    /**
     * The most bytes of all chunks and of the records about them; 0 is no limit. A put that finds no room leaves
     * nothing.
     */
    uint64_t max_bytes;
    /** An hw_durability. */
    int32_t durability;
    /** An hw_compression. */
    int32_t compression;
} hw_object_config;

/** What an object store holds. */
typedef struct hw_object_store_state {
    /** sizeof(hw_object_store_state), set by the caller. */
    size_t struct_size;
    /** Its configuration, complete. */
    const struct hw_object_config *config;
    /** Bytes kept: all chunks and the records about objects. */
    uint64_t bytes;
} hw_object_store_state;

/** What is known of an object. */
typedef struct hw_object_info {
    /** sizeof(hw_object_info), set by the caller. */
    size_t struct_size;
    /** Its name: any text. */
    struct hw_str name;
    /** For people. */
    struct hw_str description;
    /** Names and values, by name; the values of one name in order. */
    const struct hw_header *headers;
    /** How many. */
    size_t headers_len;
    /** What its owner says of it: names, each once, and values. */
    const struct hw_header *metadata;
    /** How many. */
    size_t metadata_len;
    /** The object store that it is in. */
    struct hw_str bucket;
    /** The id that its chunks are stored under: another one after every put. */
    struct hw_str nuid;
    /** `SHA-256=` and the digest of its bytes in base64; empty for a link. */
    struct hw_str digest;
    /** With `is_link`: the object store that it leads to. */
    struct hw_str link_bucket;
    /** With `is_link`: the object that it leads to; empty for the store as a whole. */
    struct hw_str link_name;
    /** How many bytes; 0 for a link. */
    uint64_t size;
    /** How many chunks they are in. */
    uint64_t chunks;
    /** The most bytes of a chunk; 0 where that was not said. */
    uint64_t max_chunk_size;
    /** When it was put or changed last, in nanoseconds since the epoch. */
    uint64_t modified;
    /** Not 0: it was deleted; only a watcher sees such a one. */
    uint8_t deleted;
    /** Not 0: it is a link. */
    uint8_t is_link;
} hw_object_info;

/** What an update changes. Zero is the default of every field: it stays as it is. */
typedef struct hw_object_update {
    /** sizeof(hw_object_update) */
    size_t struct_size;
    /** Another name, which no object has; empty is the one that it has. */
    struct hw_str name;
    /** With `has_description`: for people. */
    struct hw_str description;
    /** With `has_headers`: names and values; a name may repeat. */
    const struct hw_header *headers;
    /** How many. */
    size_t headers_len;
    /** With `has_metadata`: what its owner says of it: names, each once, and values. */
    const struct hw_header *metadata;
    /** How many. */
    size_t metadata_len;
    /** Not 0: `description` is set. */
    uint8_t has_description;
    /** Not 0: `headers` is set. */
    uint8_t has_headers;
    /** Not 0: `metadata` is set. */
    uint8_t has_metadata;
} hw_object_update;

/** What a put says of its object, besides the name. Zero is the default of every field. */
typedef struct hw_object_options {
    /** sizeof(hw_object_options) */
    size_t struct_size;
    /** For people. */
    struct hw_str description;
    /** Names and values; a name may repeat. */
    const struct hw_header *headers;
    /** How many. */
    size_t headers_len;
    /** What its owner says of it: names, each once, and values. */
    const struct hw_header *metadata;
    /** How many. */
    size_t metadata_len;
    /** The most bytes of a chunk, up to the stream's largest payload; 0 is 128 KiB. */
    uint64_t max_chunk_size;
} hw_object_options;

/** What a watcher of objects sees. Zero is the default of every field: every object, then every change. */
typedef struct hw_object_watch_options {
    /** sizeof(hw_object_watch_options) */
    size_t struct_size;
    /** Not 0: only what changes from now on. */
    uint8_t updates_only;
    /** Not 0: leave deletes out. */
    uint8_t ignore_deletes;
} hw_object_watch_options;

/** What a point store keeps. Zero is the default of every field. */
typedef struct hw_points_config {
    /** sizeof(hw_points_config) */
    size_t struct_size;
    /** Its name. */
    struct hw_str name;
    /** Points committed longer ago than this go; 0 is never. */
    uint64_t max_age_ns;
    /** The most points kept of a series; 0 is no limit. */
    uint64_t max_points_per_series;
    /** An hw_durability. */
    int32_t durability;
} hw_points_config;

/** One typed value of one series at one time. In an array, all have the same `struct_size`. */
typedef struct hw_point {
    /** sizeof(hw_point) */
    size_t struct_size;
    /** Whose it is, such as a device. */
    struct hw_str node;
    /** What it is, such as `temperature`. */
    struct hw_str kind;
    /** Which one of its kind; empty when there is one. */
    struct hw_str key;
    /** When it was so: nanoseconds since the epoch. */
    int64_t time;
    /** The value of a float. */
    double number;
    /** The value of an int. */
    int64_t integer;
    /** The value of a text or json. */
    struct hw_str text;
    /** The instance that wrote it; the engine's id in hex when empty. */
    struct hw_str origin;
    /** Only ever counts up; odd is deleted. */
    uint32_t tombstone;
    /** An hw_value_type. */
    int32_t value_type;
} hw_point;

/** Which points to read. Zero is the default of every field: the first 1,000. */
typedef struct hw_range_options {
    /** sizeof(hw_range_options) */
    size_t struct_size;
    /** The series, such as `seattle.temperature` or `seattle.*`; all when empty. */
    struct hw_str filter;
    /** With `has_from`: from this event time on, in nanoseconds since the epoch. */
    int64_t from;
    /** With `has_to`: before this event time. */
    int64_t to;
    /** Go on after this sequence. */
    uint64_t after;
    /** The most points; 0 is 1,000. */
    size_t max;
    /** Not 0: `from` is set. */
    uint8_t has_from;
    /** Not 0: `to` is set. */
    uint8_t has_to;
} hw_range_options;

/** What to ask of the history. Zero is the default of every field, but at least one aggregate must be asked for. */
typedef struct hw_query {
    /** sizeof(hw_query) */
    size_t struct_size;
    /** Series filters, such as `seattle.temperature` or `seattle.*`; all when there is none. */
    const struct hw_str *filters;
    /** How many. */
    size_t filters_len;
    /**
     * What to compute: `count`, `min`, `max`, `mean`, `sum`, `first`, `last`, or a percentile such as `p50` or
     * `p99.9`: exact for up to 1,024 numbers in a bucket, beyond that within 0.4 % as long as they span no more than
     * 32 powers of two; the error doubles each time that this span does.
     */
    const struct hw_str *aggregates;
    /** How many. */
    size_t aggregates_len;
    /** With `has_from`: from this event time on, in nanoseconds since the epoch. */
    int64_t from;
    /** With `has_to`: before this event time. */
    int64_t to;
    /** The width of a bucket, aligned to the epoch in UTC; 0 is one bucket for everything. */
    uint64_t every_ns;
    /** Not 0: `from` is set. */
    uint8_t has_from;
    /** Not 0: `to` is set. */
    uint8_t has_to;
} hw_query;

/** One bucket of one series. */
typedef struct hw_row {
    /** sizeof(hw_row), set by the caller. */
    size_t struct_size;
    /** `node.kind` or `node.kind.key`. */
    struct hw_str series;
    /** Where the bucket starts, in nanoseconds since the epoch. */
    int64_t start;
    /** A value for each aggregate asked for, in order; NaN where no number is there. */
    const double *values;
    /** How many. */
    size_t values_len;
} hw_row;

/** How to read a file of points. */
typedef struct hw_import_options {
    /** sizeof(hw_import_options) */
    size_t struct_size;
    /**
     * The column or field that holds the time: RFC 3339 (UTC where no zone is given), or a number of seconds
     * since the epoch; `time` when empty.
     */
    struct hw_str time;
    /** The node of all points, or of the lines where `node_column` is empty. */
    struct hw_str node;
    /** The column or field that holds the node. */
    struct hw_str node_column;
    /** Only these columns or fields as kinds; all others when there is none. */
    const struct hw_str *columns;
    /** How many. */
    size_t columns_len;
    /** An hw_format. */
    int32_t format;
} hw_import_options;

/** What an import did. */
typedef struct hw_import_report {
    /** sizeof(hw_import_report), set by the caller. */
    size_t struct_size;
    /** Lines read, the header included. */
    uint64_t lines;
    /** Points written. */
    uint64_t points;
    /** Lines passed over because an earlier run of the same import wrote them. */
    uint64_t resumed;
    /** Lines refused. */
    uint64_t rejected_count;
} hw_import_report;

/** What to export. Zero is the default of every field: everything, as CSV. */
typedef struct hw_export_options {
    /** sizeof(hw_export_options) */
    size_t struct_size;
    /** The series, such as `seattle.temperature` or `seattle.*`; all when empty. */
    struct hw_str filter;
    /** With `has_from`: from this event time on, in nanoseconds since the epoch. */
    int64_t from;
    /** With `has_to`: before this event time. */
    int64_t to;
    /** An hw_format. */
    int32_t format;
    /** Not 0: `from` is set. */
    uint8_t has_from;
    /** Not 0: `to` is set. */
    uint8_t has_to;
} hw_export_options;

/** What a CRDT store is told. Zero is the default of every field. */
typedef struct hw_crdt_config {
    /** sizeof(hw_crdt_config) */
    size_t struct_size;
    /** Its name: letters, digits, `-` and `_`. */
    struct hw_str name;
    /**
     * A snapshot is written every so many records of the log, or as many as there are keys if that is more; 0 is
     * 100,000.
     */
    uint64_t snapshot_records;
    /** An hw_durability. */
    int32_t durability;
} hw_crdt_config;

/** Whose operations they are: an engine in one of its epochs. */
typedef struct hw_actor {
    /** The id of the engine. */
    uint64_t engine;
    /** Its epoch. */
    uint64_t epoch;
} hw_actor;

/** How a handle of a CRDT store stands. */
typedef struct hw_crdt_state {
    /** sizeof(hw_crdt_state), set by the caller. */
    size_t struct_size;
    /** The last sequence of the log that was taken in. */
    uint64_t seq;
    /** The last sequence that the newest snapshot known here covers; 0 is none. */
    uint64_t snapshot_seq;
    /** How many fragments are held, as their clocks are too far ahead. */
    uint64_t held;
    /** Actors of whose operations some are here. */
    uint64_t actors;
    /**
     * Operations that are known to have been made, as later ones of their actors are here, and that are not here: on
     * their way, held, or lost to a limit of a stream in the middle. hw_crdt_merge mends what stays.
     */
    uint64_t behind;
} hw_crdt_state;

/** What a merge did. */
typedef struct hw_crdt_merged {
    /** sizeof(hw_crdt_merged), set by the caller. */
    size_t struct_size;
    /** Keys that were compared; 0 where the other store had seen nothing that this one has not. */
    uint64_t keys;
    /** Of those, the keys that changed here or know more now. */
    uint64_t changed;
    /** Bytes that the log got for it. */
    uint64_t bytes;
} hw_crdt_merged;

/** What registers hold and sets consist of; at most 1 MiB. */
typedef struct hw_crdt_value {
    /** The value of bytes, text or json. */
    struct hw_bytes bytes;
    /** The value of an int. */
    int64_t integer;
    /** The value of a float. */
    double number;
    /** An hw_crdt_value_type. */
    int32_t value_type;
} hw_crdt_value;

/** One operation on one state. In an array, all have the same `struct_size`. */
typedef struct hw_crdt_change {
    /** sizeof(hw_crdt_change) */
    size_t struct_size;
    /** The key: 1 to 1,024 bytes. */
    struct hw_str key;
    /** The names of the fields that lead to it in maps, at most 32; none for the key itself. */
    const struct hw_str *fields;
    /** How many. */
    size_t fields_len;
    /** What is written, inserted or removed. */
    struct hw_crdt_value value;
    /** How much is added or given. */
    int64_t amount;
    /** How long what is written, inserted or enabled stays, in milliseconds; 0 is for good. */
    uint64_t ttl_ms;
    /** To whom rights are given. */
    struct hw_actor give_to;
    /** An hw_crdt_kind. */
    int32_t kind;
    /** An hw_crdt_op. */
    int32_t op;
} hw_crdt_change;

/** What a write to a CRDT store came to. */
typedef struct hw_crdt_written {
    /** sizeof(hw_crdt_written), set by the caller. */
    size_t struct_size;
    /** Its record in the log; 0 if there was nothing to do. */
    uint64_t seq;
    /** With `has_total`: what one operation on a counter made of it. */
    struct hw_int128 total;
    /** Not 0: `total` is set. */
    uint8_t has_total;
} hw_crdt_written;

/** What is in a key. */
typedef struct hw_crdt_entry {
    /** sizeof(hw_crdt_entry), set by the caller. */
    size_t struct_size;
    /** Its name. */
    struct hw_str key;
    /**
     * What it reads as, in JSON: counters are numbers, or text where they need more than 64 bits; flags are true or
     * false; a register is its value or null; sets and multi-value registers are lists; a map is a list of
     * `{"field", "kind", "value"}`. Of values, bytes are `{"base64"}`, and a float that JSON does not have is text.
     */
    struct hw_str json;
    /** An hw_crdt_kind. */
    int32_t kind;
} hw_crdt_entry;

/** A presence store. Zero is the default of every field. */
typedef struct hw_presence_config {
    /** sizeof(hw_presence_config) */
    size_t struct_size;
    /** Its name: letters, digits, `-` and `_`; `presence` when empty. Its stream is `PRESENCE_<name>`. */
    struct hw_str name;
    /**
     * Who this node is among those that share the store: letters, digits, `-` and `_`; the id of the engine when
     * empty. On a hub it must be set.
     */
    struct hw_str node;
    /** How long a leased session lives after a sign of life, unless it says otherwise: 1 s to 24 h; 75 s when 0. */
    uint64_t ttl_ns;
    /** How often clients are told to give a sign of life; 25 s when 0. */
    uint64_t heartbeat_ns;
    /**
     * How long a session whose deadline passed, or whose node is gone, may come back before it is over; 15 s when 0,
     * HW_DURATION_NONE not at all.
     */
    uint64_t grace_ns;
    /**
     * After how long without activity who is online is away, unless the session says otherwise; 5 min when 0,
     * HW_DURATION_NONE never.
     */
    uint64_t idle_ns;
    /** How long it is known when a user was last there; 90 days when 0, HW_DURATION_NONE for ever. */
    uint64_t keep_ns;
    /** How often this node says that it is at work while it answers for sessions; 10 s when 0. */
    uint64_t beat_ns;
    /** After how long without a word another node's sessions are unknown, longer than `beat_ns`; 30 s when 0. */
    uint64_t silence_ns;
    /** How many users who are not there are kept in memory, others are read from the log; 100,000 when 0. */
    size_t cold_users;
    /** How many changes are kept for watchers that come back; 8,192 when 0. */
    size_t history;
    /** Above how many users those who follow a whole space are told counts and not changes; never when 0. */
    uint64_t announce_max;
    /** How often they are told counts; 10 s when 0. */
    uint64_t counts_every_ns;
    /** With `has_durability`: an hw_durability, what an acknowledgement promises. */
    int32_t durability;
    /** Not 0: `durability` is set. It is HW_DURABILITY_INTERVAL when 0, as who is there says so again. */
    uint8_t has_durability;
} hw_presence_config;

/** Whose sessions are to be over: those that all fields that are set say. */
typedef struct hw_purge {
    /** sizeof(hw_purge) */
    size_t struct_size;
    /** In this space only; in all when empty. */
    struct hw_str space;
    /** Of this user only; of all when empty. */
    struct hw_str user;
    /** Of those that this node answers for only; of all when empty. */
    struct hw_str node;
} hw_purge;

/** What a session is to be. It is set as a whole: what is left out is not there. */
typedef struct hw_session_set {
    /** sizeof(hw_session_set) */
    size_t struct_size;
    /** Its name, up to 128 bytes; `default` when empty. The name of a held one does not change. */
    struct hw_str session;
    /** `online`, `away`, `busy`, or `offline`, which ends it; `online` when empty. */
    struct hw_str status;
    /** What it says besides, up to 1,024 bytes; nothing when empty. */
    struct hw_str message;
    /** The kind of device, up to 64 bytes; none when empty. */
    struct hw_str device;
    /** Metadata, a JSON value of up to 4,096 bytes; none when empty. */
    struct hw_str metadata;
    /** How long a leased one lives after a sign of life, 1 s to 24 h; the store's own when 0. */
    uint64_t ttl_ns;
    /** After how long without activity online is away; the store's own when 0, HW_DURATION_NONE never. */
    uint64_t idle_ns;
} hw_session_set;

/** How long a leased session lives unless it is heard of. */
typedef struct hw_presence_lease {
    /** sizeof(hw_presence_lease), set by the caller. */
    size_t struct_size;
    /** When it ends, milliseconds since the epoch. */
    uint64_t expires_ms;
    /** How long each sign of life lets it live, milliseconds. */
    uint64_t ttl_ms;
} hw_presence_lease;

/** How many are in a space, as others are told. */
typedef struct hw_space_counts {
    /** sizeof(hw_space_counts), set by the caller. */
    size_t struct_size;
    /** Users who are not offline. */
    uint64_t users;
    /** Their sessions. */
    uint64_t sessions;
    /** Users who are online. */
    uint64_t online;
    /** Users who are away. */
    uint64_t away;
    /** Users who are busy. */
    uint64_t busy;
    /** Users of whom nothing is heard, as their node is not. */
    uint64_t unknown;
} hw_space_counts;

/** Whom to follow. */
typedef struct hw_presence_watch_options {
    /** sizeof(hw_presence_watch_options) */
    size_t struct_size;
    /** The space. */
    struct hw_str space;
    /** The users, 1,000 at the most; all of the space when there is none. */
    const struct hw_str *users;
    /** How many. */
    size_t users_len;
    /**
     * With `has_after`: go on behind this position, which an event of the same opening of the store had. Where that is
     * too long ago, or of another opening, it begins with who is there.
     */
    uint64_t after;
    /** Not 0: `after` is set. */
    uint8_t has_after;
    /** Not 0: tell of those who are invisible as they are, for who may know. */
    uint8_t reveal;
} hw_presence_watch_options;

/** What an event store is made with. Zero is the default of every field. Events have no limit of age or number. */
typedef struct hw_events_config {
    /** sizeof(hw_events_config) */
    size_t struct_size;
    /** Its name: 1 to 64 letters, digits, `-` and `_`; `events` when empty. */
    struct hw_str name;
    /** The most bytes of events, after which saves are refused; 0 is no limit. */
    uint64_t max_bytes;
    /** An hw_durability. */
    int32_t durability;
} hw_events_config;

/** Some aggregates of a store: those of a kind, of a key, both, or all when both are empty. */
typedef struct hw_event_filter {
    /** Of this kind alone; of all when empty. */
    struct hw_str aggregate;
    /** Of this key alone; of all when empty. */
    struct hw_str key;
} hw_event_filter;

/** An aggregate, and where it stands. */
typedef struct hw_aggregate_info {
    /** sizeof(hw_aggregate_info), set by the caller. */
    size_t struct_size;
    /** The name of its kind. */
    struct hw_str aggregate;
    /** Which one it is. */
    struct hw_str key;
    /** The type of its last event. */
    struct hw_str event_type;
    /** How many events it has had. */
    uint64_t version;
    /** The sequence of the last one in the store. */
    uint64_t seq;
    /** When that was saved, in nanoseconds since the epoch. */
    uint64_t saved;
} hw_aggregate_info;

/** An event to be saved. In an array, all have the same `struct_size`. */
typedef struct hw_new_event {
    /** sizeof(hw_new_event) */
    size_t struct_size;
    /** Its type: 1 to 128 bytes, no control characters. */
    struct hw_str event_type;
    /** What happened, in your encoding, at most 8 MiB; JSON where it shall be read by tools. */
    struct hw_bytes data;
    /** Further names and values; those that begin with `Headwater-` or `Nats-` are refused. */
    const struct hw_header *metadata;
    /** How many. */
    size_t metadata_len;
    /**
     * The person or thing that `data` is about, 1 to 128 bytes: `data` is encrypted with a key of it, and reads as
     * erased once hw_event_store_forget was told so. None when empty.
     */
    struct hw_str data_subject;
    /** With `has_time`: when it happened, in nanoseconds since the epoch; when it was saved, otherwise. */
    int64_t time;
    /** The version of the shape of `data`; 0 is 1. */
    uint32_t schema;
    /** Not 0: `time` is set. */
    uint8_t has_time;
} hw_new_event;

/** What goes with a save. Zero is the default of every field. */
typedef struct hw_save_options {
    /** sizeof(hw_save_options) */
    size_t struct_size;
    /**
     * The id of the command that is carried out, by which a repeated save is recognised: at most 128 bytes; none when
     * empty.
     */
    struct hw_str command;
    /** What the events belong together with; none when empty. */
    struct hw_str correlation;
    /** What the events are a consequence of; none when empty. */
    struct hw_str causation;
    /** Further names and values of every event of the save, behind its own. */
    const struct hw_header *metadata;
    /** How many. */
    size_t metadata_len;
    /**
     * With `has_condition`: the aggregates in which nothing may have been saved meanwhile, the one that is saved among
     * them.
     */
    struct hw_event_filter condition_filter;
    /** With `has_condition`: the last sequence among their events when they were read; 0 when there was none. */
    uint64_t condition_last_seq;
    /** For HW_EXPECTED_VERSION and HW_EXPECTED_AT. */
    uint64_t expected_version;
    /** For HW_EXPECTED_AT. */
    uint64_t expected_seq;
    /** An hw_expected. */
    int32_t expected;
    /** Not 0: the condition is set. */
    uint8_t has_condition;
} hw_save_options;

/** What a save came to. */
typedef struct hw_saved {
    /** sizeof(hw_saved), set by the caller. */
    size_t struct_size;
    /** How many events the aggregate has had, by the last one that was saved. */
    uint64_t version;
    /** The sequence of that in the store. */
    uint64_t seq;
    /** An hw_durability: what the acknowledgement promises. */
    int32_t durability;
    /** Not 0: the same command saved them before, and nothing was saved now. */
    uint8_t is_repeat;
} hw_saved;

/** A snapshot to be kept. */
typedef struct hw_new_snapshot {
    /** sizeof(hw_new_snapshot) */
    size_t struct_size;
    /** The state, in your encoding, at most 8 MiB. */
    struct hw_bytes data;
    /**
     * The data subjects that the state has data of: those of the events that it was made of, but for erased ones. At
     * most 1,000.
     */
    const struct hw_str *data_subjects;
    /** How many. */
    size_t data_subjects_len;
    /** How many events the aggregate has had. */
    uint64_t version;
    /** The sequence of the last one. */
    uint64_t seq;
    /** How long it stays: whole seconds, in nanoseconds; 0 is for good. */
    uint64_t ttl_ns;
    /** The version of the shape of `data`; 0 is 1. A load takes only those of the one that it names. */
    uint32_t schema;
} hw_new_snapshot;

/** What a load is told. Zero is the default of every field. */
typedef struct hw_load_options {
    /** sizeof(hw_load_options) */
    size_t struct_size;
    /** What `as_of` speaks of. */
    uint64_t as_of_value;
    /** Begins behind this version and `behind_seq`, whose state you have; no snapshot is looked for then. */
    uint64_t behind_version;
    /** The sequence of `behind_version`. */
    uint64_t behind_seq;
    /** Begins with a snapshot of this schema, if there is one; with the first event, when 0. */
    uint32_t snapshot_schema;
    /** An hw_as_of. */
    int32_t as_of;
} hw_load_options;

/** What archiving came to. */
typedef struct hw_archived {
    /** sizeof(hw_archived), set by the caller. */
    size_t struct_size;
    /** How many events left the store now. */
    uint64_t events;
    /** The version of the last event that was moved, now or before; 0 when none was. */
    uint64_t up_to;
} hw_archived;

/** A snapshot that was read. */
typedef struct hw_snapshot {
    /** sizeof(hw_snapshot), set by the caller. */
    size_t struct_size;
    /** The state, in the encoding of whoever saved it. */
    struct hw_bytes data;
    /** How many events the aggregate had had. */
    uint64_t version;
    /** The sequence of the last one. */
    uint64_t seq;
    /** When the snapshot was saved, in nanoseconds since the epoch. */
    uint64_t saved;
    /** How many data subjects the state has data of; hw_events_snapshot_data_subject has each. */
    size_t data_subjects_len;
    /** The version of the shape of `data`. */
    uint32_t schema;
} hw_snapshot;

/** One event. */
typedef struct hw_event {
    /** sizeof(hw_event), set by the caller. */
    size_t struct_size;
    /** The name of the kind of its aggregate. */
    struct hw_str aggregate;
    /** Which aggregate it is. */
    struct hw_str key;
    /** Its type. */
    struct hw_str event_type;
    /** What happened, in the encoding of whoever saved it. */
    struct hw_bytes data;
    /** The command that it came of; empty when that has no id. */
    struct hw_str command;
    /** What belongs together with it; empty when nobody said. */
    struct hw_str correlation;
    /** What it is a consequence of; empty when nobody said. */
    struct hw_str causation;
    /** The person or thing that its data is about; empty when nobody said. */
    struct hw_str data_subject;
    /** Its place among the events of its aggregate, from 1. */
    uint64_t version;
    /** Its place in the store, from 1. */
    uint64_t seq;
    /** When it was saved, in nanoseconds since the epoch; never decreasing along a store. */
    uint64_t saved;
    /** When it happened, in nanoseconds since the epoch: what its saver said, or when it was saved. */
    int64_t time;
    /** How many further names and values it has; hw_events_metadata has each. */
    size_t metadata_len;
    /** The version of the shape of its data, from 1. */
    uint32_t schema;
    /** Not 0: its data is gone, as its data subject was forgotten, and `data` is empty. */
    uint8_t is_erased;
} hw_event;

/** What to follow. Zero is the default of every field: everything. */
typedef struct hw_follow_options {
    /** sizeof(hw_follow_options) */
    size_t struct_size;
    /** Only events of aggregates that one of these takes; all when there is none. */
    const struct hw_event_filter *filters;
    /** How many. */
    size_t filters_len;
    /** Only events behind this sequence of the store. */
    uint64_t after;
} hw_follow_options;

/** What a projection is opened with. Zero is the default of every field but the name. */
typedef struct hw_projection_config {
    /** sizeof(hw_projection_config) */
    size_t struct_size;
    /** Its name: 1 to 64 letters, digits, `-` and `_`. */
    struct hw_str name;
    /** Only events of aggregates that one of these takes; all when there is none. */
    const struct hw_event_filter *filters;
    /** How many. */
    size_t filters_len;
    /** The pause after the first failure of an event, in milliseconds, which doubles with each one; 0 is 100. */
    uint64_t pause_ms;
    /** The longest pause, in milliseconds; 0 is 30,000. */
    uint64_t pause_max_ms;
    /** How often an event is tried before it is a dead letter; 0 is 10, and UINT32_MAX is without end. */
    uint32_t tries;
    /** Not 0: it is built anew, beside the live one of this name. */
    uint8_t is_rebuild;
} hw_projection_config;

/** What comes of a failure. */
typedef struct hw_failure {
    /** sizeof(hw_failure), set by the caller. */
    size_t struct_size;
    /** How long nothing is given out, in milliseconds. */
    uint64_t pause_ms;
    /** How often the event was tried. */
    uint32_t tries;
    /** Not 0: the event is a dead letter; it is to be passed by, and that to be committed. */
    uint8_t is_dead;
} hw_failure;

/** How entities live. Zero is the default of every field. */
typedef struct hw_entities_config {
    /** sizeof(hw_entities_config) */
    size_t struct_size;
    /** The cluster that they are shared in: 1 to 64 letters, digits, `-` and `_`; none when empty. */
    struct hw_str cluster;
    /** The name of this node in it, alike, which no other has; not for a client. */
    struct hw_str node;
    /** After how long of silence the other nodes take its shards, in milliseconds, at least 1,000; 0 is 10,000. */
    uint64_t ttl_ms;
    /** How long a handler lives that nobody asks, in milliseconds; 0 is 120,000. */
    uint64_t idle_ms;
    /** How long a handler may take for one item, in milliseconds; 0 is 30,000. */
    uint64_t lease_ms;
    /** The most messages that wait for one entity; 0 is 1,024. */
    size_t mailbox;
    /** The most handlers that are alive; 0 is 100,000. */
    size_t active;
    /**
     * The most bytes that handlers say they hold, by hw_entities_holds; beyond, idle ones stop, the one first that was
     * asked longest ago; 0 is no limit.
     */
    uint64_t memory;
    /** The shards that keys are spread over, the same on all nodes for ever; 0 is 256. */
    uint32_t shards;
    /** How often a message is handed out that nobody waits for, until it is a dead letter; 0 is 3. */
    uint32_t attempts;
    /** The most background tasks of one handler that are under way at once; 0 is 16. */
    uint32_t tasks;
    /** How many shards this node gets beside the others, up to 100; 0 is 1. */
    uint32_t weight;
    /** Not 0: it asks the entities of the cluster, and is no node of it. */
    uint8_t is_client;
    /** Not 0: its nodes meet over the mesh that the engine has joined, and not on its hub or in its directory. */
    uint8_t mesh;
} hw_entities_config;

/** A message to an entity. */
typedef struct hw_entity_message {
    /** sizeof(hw_entity_message) */
    size_t struct_size;
    /** The kind of the entity, 1 to 128 bytes. */
    struct hw_str kind;
    /** Its key, 1 to 128 bytes. */
    struct hw_str key;
    /** What is asked or told. */
    struct hw_str name;
    /** In the encoding of whoever sends it. */
    struct hw_bytes payload;
    /**
     * How long the answer to a request is waited for, in milliseconds; 0 is 30,000. What is not begun by then is not
     * begun.
     */
    uint64_t timeout_ms;
    /**
     * The token of the turn for which a request is made, where `is_within` is not 0. One that would wait for that
     * entity is refused.
     */
    uint64_t token;
    /** The item of that turn. */
    uint32_t item;
    /** Not 0: it is made for an item of a turn. */
    uint8_t is_within;
} hw_entity_message;

/** A turn of one entity: nobody else has one of it until all items are completed, or the lease is over. */
typedef struct hw_turn {
    /** sizeof(hw_turn), set by the caller. */
    size_t struct_size;
    /** The kind of the entity. */
    struct hw_str kind;
    /** Its key. */
    struct hw_str key;
    /** What completions name; good for this turn alone. */
    uint64_t token;
    /** Which life of the handler this is: another number after each HW_TURN_WHAT_START. */
    uint64_t activation;
    /** How many items it has; hw_turns_item has each, to be handled in order. */
    size_t items_len;
} hw_turn;

/** An item of a turn. */
typedef struct hw_turn_item {
    /** sizeof(hw_turn_item), set by the caller. */
    size_t struct_size;
    /** What is asked or told, or the name of the timer. */
    struct hw_str name;
    /** In the encoding of whoever sent it. */
    struct hw_bytes payload;
    /** An hw_turn_what. */
    int32_t what;
    /** How often it was handed out, from 1 on. */
    uint32_t attempt;
    /** Not 0: somebody waits for the answer. */
    uint8_t wants_reply;
} hw_turn_item;

/** What an item of a turn came to. */
typedef struct hw_item_answer {
    /** sizeof(hw_item_answer) */
    size_t struct_size;
    /** The answer, for HW_STATUS_OK. */
    struct hw_bytes payload;
    /** What went wrong, for any other status. */
    struct hw_str message;
    /** The place of the item in the turn. */
    uint32_t item;
    /** An hw_status. */
    int32_t status;
} hw_item_answer;

/** Where an entity is. */
typedef struct hw_entity_place {
    /** sizeof(hw_entity_place), set by the caller. */
    size_t struct_size;
    /**
     * Where `is_here`: the epoch in which this node has its shard, higher than that of any node before it; 0 without a
     * cluster.
     */
    uint64_t epoch;
    /** Its shard. */
    uint32_t shard;
    /** Not 0: this node has it, and may be sure of that. */
    uint8_t is_here;
} hw_entity_place;

/** A node that has shards. */
typedef struct hw_shard_node {
    /** Its name. */
    struct hw_str name;
    /** How many shards it gets beside the others. */
    uint32_t weight;
} hw_shard_node;

/**
 * Which cluster is asked, and through which node. Zero is the default of every field but `url`, `ca`, `cert` and
 * `key`.
 */
typedef struct hw_entities_client_config {
    /** sizeof(hw_entities_client_config) */
    size_t struct_size;
    /** The node that is called: `grpcs://host:port`, where it listens for the mesh. */
    struct hw_str url;
    /** The name that its certificate has; the host that is called when empty. */
    struct hw_str server_name;
    /** The file with the certificate of the authority that signed those of all nodes, in PEM. */
    struct hw_str ca;
    /** The file with a certificate of that authority, in PEM. */
    struct hw_str cert;
    /** The file with its key, in PEM. */
    struct hw_str key;
    /** The cluster; the only one there when empty. */
    struct hw_str cluster;
} hw_entities_client_config;

/** A SQLite file that replicates. Zero is the default of every field but `path`. */
typedef struct hw_database_config {
    /** sizeof(hw_database_config) */
    size_t struct_size;
    /** The SQLite file, which is there, or in a snapshot of `snapshot_store`. */
    struct hw_str path;
    /**
     * What the nodes call it, the same at all of them: letters, digits, `-` and `_`. The file's name up to its first
     * dot when empty.
     */
    struct hw_str name;
    /** What people call this node; the id of its engine when empty. */
    struct hw_str node_id;
    /** Tables to replicate, without regard to case; all when there is none. */
    const struct hw_str *include;
    /** How many. */
    size_t include_len;
    /** Tables to leave out, without regard to case. */
    const struct hw_str *exclude;
    /** How many. */
    size_t exclude_len;
    /**
     * Tables whose rows are written whole: of two writes of one row that had not seen each other, one wins in all its
     * columns.
     */
    const struct hw_str *per_row;
    /** How many. */
    size_t per_row_len;
    /**
     * The most rows that one unit takes in of what was written; what was committed between two looks is not split
     * otherwise. 4,096 when 0.
     */
    size_t scan_max_changes;
    /** How often the file is looked at for what other programs committed, in nanoseconds; 5 ms when 0. */
    uint64_t polling_interval_ns;
    /** How often a sweep over the clocks of all rows begins, in nanoseconds; a minute when 0. */
    uint64_t cleanup_interval_ns;
    /**
     * The most records that the log keeps; all when 0. A node that was away for longer than the log reaches back needs
     * a snapshot.
     */
    uint64_t log_max_entries;
    /**
     * Where snapshots are kept: a directory that all nodes have, or `nats` for an object store of the hub; without a
     * hub, of the engine. None are made by themselves, nor fetched, when it is empty.
     */
    struct hw_str snapshot_store;
    /** How often a snapshot is made, by one node of all, in nanoseconds; none by time when 0. */
    uint64_t snapshot_interval_ns;
    /** A snapshot is made when the log grew by so many records since the last; none by growth when 0. */
    uint64_t snapshot_log_entries;
    /** How many snapshots are kept; 3 when 0. */
    size_t snapshot_keep;
    /** An hw_durability: what an acknowledgement of the log promises. */
    int32_t log_durability;
    /** Not 0: what is written here does not go to others. */
    uint8_t no_publish;
    /** Not 0: what others write does not come here. */
    uint8_t no_replicate;
    /** Not 0: units are not compressed. */
    uint8_t log_no_compress;
    /**
     * Columns to leave out, as `table.column` without regard to case, where `*` stands for any characters: what is in
     * them stays here and is never written by others, and a row made elsewhere has the column's default.
     */
    const struct hw_str *exclude_columns;
    /** How many. */
    size_t exclude_columns_len;
    /**
     * How many streams the log is, at most 64, the same at all nodes; 1 when 0. With more than one, what was written
     * together comes apart. The first is `REPLICA_<name>`, the others `REPLICA_<name>:2` and so on.
     */
    size_t log_shards;
} hw_database_config;

/** A value of SQLite's. All zero is NULL. */
typedef struct hw_sql_value {
    /** The value of a text or blob. */
    struct hw_bytes bytes;
    /** The value of an integer. */
    int64_t integer;
    /** The value of a real. */
    double real;
    /** An hw_sql_type. */
    int32_t sql_type;
} hw_sql_value;

/**
 * Says that the list of a waker is no longer empty. It may be called on any thread, also within the call that arms
 * a wait; it must return at once and call nothing of this library: set a flag, write to a pipe, post to an event
 * loop.
 */
typedef void (*hw_signal)(void *user_data);

/** One measured value. */
typedef struct hw_metric {
    /** sizeof(hw_metric), set by the caller. */
    size_t struct_size;
    /** Such as `headwater_stream_records`. */
    struct hw_str name;
    /** The value when the snapshot was taken. */
    double value;
    /** How many labels it has; hw_metrics_label has each. */
    size_t labels_len;
    /** Not 0: it only grows. */
    uint8_t counter;
} hw_metric;

/** One line of the log. */
typedef struct hw_log_line {
    /** sizeof(hw_log_line), set by the caller. */
    size_t struct_size;
    /** When, in nanoseconds since the epoch. */
    uint64_t time;
    /** `error`, `warn`, `info` or `debug`. */
    struct hw_str level;
    /** A sentence. */
    struct hw_str message;
} hw_log_line;

/** What hw_verify looked at. */
typedef struct hw_verify_report {
    /** sizeof(hw_verify_report), set by the caller. */
    size_t struct_size;
    /** Streams checked. */
    uint64_t streams;
    /** Segments checked. */
    uint64_t segments;
    /** Records checked. */
    uint64_t records;
    /** Bytes checked. */
    uint64_t bytes;
    /** Torn tails that an open would cut. */
    uint64_t torn_len;
    /** Damage found. */
    uint64_t damage_len;
} hw_verify_report;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ---- status ------------------------------------------------------------------------------------------------------ */

/**
 * The ABI version of the library that is loaded. Compare it with HW_ABI_VERSION before anything else, and refuse a
 * library that differs.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API uint32_t hw_abi_version(void);

/**
 * The release of the library that is loaded, such as "0.1.0": static, NUL-terminated.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API const char *hw_version(void);

/**
 * The lower-case name of a status, such as "not_found", the same in every language; "unknown" for a number that
 * this library does not know. Static, NUL-terminated.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API const char *hw_status_name(int32_t status);

/* ---- error ------------------------------------------------------------------------------------------------------- */

/**
 * The status that the call returned; HW_STATUS_OK for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_error_status(const struct hw_error *error);

/**
 * A sentence for a person, NUL-terminated UTF-8; its text is not part of the ABI, so do not match on it. Empty for
 * NULL. `len`, when not NULL, gets its length without the NUL.
 *
 * Ownership: borrowed until the error is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API const char *hw_error_message(const struct hw_error *error, size_t *len);

/**
 * For a conflict over sequences: writes the one expected and the one that is there, and returns true. Otherwise
 * writes nothing and returns false.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API bool hw_error_sequences(const struct hw_error *error, uint64_t *expected, uint64_t *actual);

/**
 * Frees an error; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_error_free(struct hw_error *error);

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/**
 * How many texts there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_strings_len(const struct hw_strings *strings);

/**
 * The text at `index`, and, when `number` is not NULL, what goes with it: the records of a subject, the line of a
 * rejection, otherwise 0.
 *
 * Errors:    HW_STATUS_INVALID (past the end).
 * Ownership: `*text` is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_strings_get(const struct hw_strings *strings,
                         size_t index,
                         struct hw_str *text,
                         uint64_t *number,
                         struct hw_error **error);

/**
 * Frees a list; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_strings_free(struct hw_strings *strings);

/**
 * The bytes.
 *
 * Ownership: what `*bytes` points to is borrowed until the blob is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_blob_bytes(const struct hw_blob *blob, struct hw_bytes *bytes, struct hw_error **error);

/**
 * Frees a blob; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_blob_free(struct hw_blob *blob);

/* ---- subject ----------------------------------------------------------------------------------------------------- */

/**
 * Whether the literal subject is taken by the filter.
 *
 * Errors:    HW_STATUS_INVALID (either is malformed; the message says where).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subject_matches(const char *filter,
                             size_t filter_len,
                             const char *subject,
                             size_t subject_len,
                             bool *matches,
                             struct hw_error **error);

/**
 * Turns any text into one subject token, reversibly; a list of one.
 *
 * Errors:    HW_STATUS_INVALID (not UTF-8).
 * Ownership: `*token` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subject_encode_token(const char *text,
                                  size_t text_len,
                                  struct hw_strings **token,
                                  struct hw_error **error);

/**
 * The text that hw_subject_encode_token turned into this token; a list of one.
 *
 * Errors:    HW_STATUS_INVALID (nothing encodes to it).
 * Ownership: `*text` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subject_decode_token(const char *token,
                                  size_t token_len,
                                  struct hw_strings **text,
                                  struct hw_error **error);

/* ---- progress ---------------------------------------------------------------------------------------------------- */

/**
 * Makes one, at 0 of 0. Pass it to a long call, and ask it from another thread.
 *
 * Ownership: `*progress` is yours, free with hw_progress_free after the call returned.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_progress_new(struct hw_progress **progress, struct hw_error **error);

/**
 * How many bytes are done, and of how many (keys of a merge); 0 in all means that it is not known yet.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any, while the call runs.
 * Since:     0.1
 */
HW_API
hw_status hw_progress_get(const struct hw_progress *progress,
                          uint64_t *done_bytes,
                          uint64_t *total_bytes,
                          struct hw_error **error);

/**
 * Stops the call that it was passed to, or will be: that returns HW_STATUS_TIMEOUT as soon as it tells how far it has
 * come, which is about every mebibyte or 500 keys, and has stopped then. What it leaves is said where the call is.
 * Cancelling again is nothing; for another call, make another progress.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any, while the call runs.
 * Since:     0.1
 */
HW_API hw_status hw_progress_cancel(const struct hw_progress *progress, struct hw_error **error);

/**
 * Frees it; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_progress_free(struct hw_progress *progress);

/* ---- engine ------------------------------------------------------------------------------------------------------ */

/**
 * Opens a directory. `options` may be NULL. Where a node has it open, it works through that one: see
 * hw_engine_is_through_node.
 *
 * Errors:    HW_STATUS_BUSY (another process writes to it, and is no node), HW_STATUS_NOT_FOUND, HW_STATUS_CORRUPT,
 *            HW_STATUS_UNSUPPORTED (of a newer format, or a node of another release), HW_STATUS_IO.
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_open(const char *dir,
                         size_t dir_len,
                         const struct hw_engine_options *options,
                         struct hw_engine **engine,
                         struct hw_error **error);

/**
 * Makes an engine in memory, gone when it is closed, or freed with all its children.
 *
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_memory(struct hw_engine **engine, struct hw_error **error);

/**
 * Makes an engine in memory whose time stands at `now` (nanoseconds since the epoch) and moves with hw_engine_advance
 * only, for tests; its random bits are the same in every run.
 *
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_memory_at(uint64_t now, struct hw_engine **engine, struct hw_error **error);

/**
 * Moves the time of an engine that hw_engine_memory_at made forward, and does what is due by then.
 *
 * Errors:    HW_STATUS_UNSUPPORTED (it goes by the machine's clock).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_advance(const struct hw_engine *engine, uint64_t by_ns, struct hw_error **error);

/**
 * Makes an engine in a temporary directory, removed when it is closed, or freed with all its children.
 *
 * Errors:    HW_STATUS_IO.
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_temporary(struct hw_engine **engine, struct hw_error **error);

/**
 * Its directory; empty in memory.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Ownership: `*dir` is borrowed until the engine is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_dir(const struct hw_engine *engine, struct hw_str *dir, struct hw_error **error);

/**
 * Its id: 64 random bits drawn when the directory was made.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_id(const struct hw_engine *engine, uint64_t *id, struct hw_error **error);

/**
 * Its epoch: 64 random bits drawn at this open for writing; 0 when it is read-only.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_epoch(const struct hw_engine *engine, uint64_t *epoch, struct hw_error **error);

/**
 * Whether it works through the node that has its directory open. Everything means the same then, but what needs
 * the files themselves is HW_STATUS_UNSUPPORTED; when the node goes away, every call is HW_STATUS_CLOSED.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_is_through_node(const struct hw_engine *engine,
                                    bool *is_through_node,
                                    struct hw_error **error);

/**
 * Does what is due now (timers, interval sync, cleaning). `next_time`, when not NULL, gets when the next thing is
 * due, in nanoseconds since the epoch; UINT64_MAX when nothing is. Only an engine opened with `no_worker` needs
 * it.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_step(const struct hw_engine *engine, uint64_t *next_time, struct hw_error **error);

/**
 * Syncs and closes everything. Later calls on it or its children return HW_STATUS_CLOSED; closing twice is
 * nothing. The handle must still be freed.
 *
 * Errors:    HW_STATUS_IO (the last sync failed; it is closed all the same).
 * Threads:   any; it ends the waits of all others.
 * Since:     0.1
 */
HW_API hw_status hw_engine_close(const struct hw_engine *engine, struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The engine itself goes with the last of its children, and is closed then if
 * it was not before; an error of that has no one to go to, so call hw_engine_close first.
 *
 * Since:     0.1
 */
HW_API void hw_engine_free(struct hw_engine *engine);

/* ---- engine config ----------------------------------------------------------------------------------------------- */

/**
 * Opens what a configuration file says (`headwater.toml`, docs/links.md): its directory for writing, its streams made
 * or changed, its links at work, its part in a mesh begun. `${VARIABLE}` in it is of the environment of this process.
 * The hub is not waited for: its state and the links' status say how far they are; nor are other nodes of the mesh.
 *
 * Errors:    HW_STATUS_INVALID (with file, line, column and key), HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (a stream
 *            that cannot become what is configured; a SQLite file that this process has open otherwise, which is
 *            seen on Linux), HW_STATUS_UNSUPPORTED (a library that was built without the
 *            hub), and those of hw_engine_open.
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_open_config(const char *path,
                                size_t path_len,
                                struct hw_engine **engine,
                                struct hw_error **error);

/* ---- hub --------------------------------------------------------------------------------------------------------- */

/**
 * Connects to a hub: an engine whose streams, buckets, objects and points are there. What a hub cannot do as a
 * directory does is refused with HW_STATUS_UNSUPPORTED. Waits at most `timeout_ms` milliseconds: -1 waits as long as
 * the options allow, and with `retry_on_initial_connect` nothing is waited for.
 *
 * Errors:    HW_STATUS_INVALID (options that cannot be), HW_STATUS_IO (no server answers, or it does not let us in),
 *            HW_STATUS_TIMEOUT (given up), HW_STATUS_UNSUPPORTED (no JetStream there, a server older than 2.10, or a
 *            library that was built without the hub).
 * Ownership: `*engine` is yours, free with hw_engine_free.
 * Threads:   any. The engine has a thread of its own for the connection.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_connect(const struct hw_hub_options *options,
                            int64_t timeout_ms,
                            struct hw_engine **engine,
                            struct hw_error **error);

/* ---- hub state --------------------------------------------------------------------------------------------------- */

/**
 * Where the connection of `engine` to its hub stands: a list of one.
 *
 * Errors:    HW_STATUS_UNSUPPORTED (the engine is not on a hub).
 * Ownership: `*states` is yours, free with hw_hub_states_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_hub_state(const struct hw_engine *engine,
                              struct hw_hub_states **states,
                              struct hw_error **error);

/**
 * Follows where the connection of `engine` to its hub stands: the state now, then whenever it changes. What is over
 * before it is taken is passed over. After HW_HUB_PHASE_CLOSED it ends.
 *
 * Errors:    HW_STATUS_UNSUPPORTED (the engine is not on a hub).
 * Ownership: `*watcher` is yours, free with hw_hub_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_watch_hub(const struct hw_engine *engine,
                              struct hw_hub_watcher **watcher,
                              struct hw_error **error);

/**
 * Takes the state when it is another than the one taken last, and waits at most `timeout_ms` milliseconds for that: 0
 * does not wait, -1 waits for ever. It is one, whatever `max` is.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing changed, or the wait was cancelled; try again), HW_STATUS_CLOSED.
 * Ownership: `*states` is yours, free with hw_hub_states_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_hub_watcher_next(const struct hw_hub_watcher *watcher,
                              size_t max,
                              int64_t timeout_ms,
                              struct hw_hub_states **states,
                              struct hw_error **error);

/**
 * Arms once: when the state changed, or the watcher is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_hub_watcher_wake(const struct hw_hub_watcher *watcher,
                              const struct hw_waker *waker,
                              uint64_t token,
                              struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_hub_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_hub_watcher_cancel(const struct hw_hub_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. The connection stays. Closing twice is nothing. The handle
 * must still be freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_hub_watcher_close(const struct hw_hub_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_hub_watcher_free(struct hw_hub_watcher *watcher);

/**
 * How many states there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_hub_states_len(const struct hw_hub_states *states);

/**
 * The state at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
 * Ownership: its texts are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_hub_states_get(const struct hw_hub_states *states,
                            size_t index,
                            struct hw_hub_state *state,
                            struct hw_error **error);

/**
 * Frees a list of states; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_hub_states_free(struct hw_hub_states *states);

/* ---- link -------------------------------------------------------------------------------------------------------- */

/**
 * Joins a stream of `engine` to one of `other`, which is usually on a hub, and works on it until the engine is closed
 * or the link removed. Both streams must be there, unless `create` makes the other one. What it carried so far is
 * remembered under its name.
 *
 * Errors:    HW_STATUS_INVALID (what a link cannot be told), HW_STATUS_NOT_FOUND (a stream is not there),
 *            HW_STATUS_CONFLICT (a link has the name), HW_STATUS_UNSUPPORTED (`engine` is on a hub itself).
 * Ownership: the link keeps the connection of `other` open; you may free its handle.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_add_link(const struct hw_engine *engine,
                             const struct hw_link_config *config,
                             const struct hw_engine *other,
                             struct hw_error **error);

/**
 * Ends a link; what was carried stays, and where it stood is kept for the next one of its name.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED (`engine` is on a hub).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_remove_link(const struct hw_engine *engine,
                                const char *name,
                                size_t name_len,
                                struct hw_error **error);

/* ---- link status ------------------------------------------------------------------------------------------------- */

/**
 * Where each link of `engine` stands, by name.
 *
 * Errors:    HW_STATUS_UNSUPPORTED (`engine` is on a hub, and has none).
 * Ownership: `*links` is yours, free with hw_links_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_links(const struct hw_engine *engine, struct hw_links **links, struct hw_error **error);

/**
 * How many links there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_links_len(const struct hw_links *links);

/**
 * The link at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `status->struct_size` is not set).
 * Ownership: its texts are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_links_get(const struct hw_links *links,
                       size_t index,
                       struct hw_link_status *status,
                       struct hw_error **error);

/**
 * Frees a list of links; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_links_free(struct hw_links *links);

/* ---- mesh -------------------------------------------------------------------------------------------------------- */

/**
 * Joins a mesh (docs/mesh.md), and is part of it until it leaves or is closed. It does not wait for any other node.
 * CRDT stores of this engine and of the other nodes are from then on the same at all of them; every write stays
 * local. An engine that is part of a mesh stays open until hw_engine_close.
 *
 * Errors:    HW_STATUS_INVALID (a configuration or certificates that cannot be), HW_STATUS_NOT_FOUND (a file is not
 *            there), HW_STATUS_IO (the address cannot be listened at), HW_STATUS_CONFLICT (it is part of one already),
 *            HW_STATUS_UNSUPPORTED (`engine` cannot be written to, is on a hub or through a node, or the library was
 *            built without the mesh).
 * Ownership: inputs are borrowed for the call.
 * Threads:   any. The engine has threads of its own for the connections.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_join_mesh(const struct hw_engine *engine,
                              const struct hw_mesh_config *config,
                              struct hw_error **error);

/**
 * Says good-bye to the other nodes of the mesh, which tell it from one that does not answer; 5 s at the most. Nothing
 * if it is part of none.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_leave_mesh(const struct hw_engine *engine, struct hw_error **error);

/**
 * Who is in the mesh that this engine is part of, through a node too, and how far its stores are. `*status` gets one
 * object in JSON, or no bytes if it is part of none: `own`, this node, and `members`, the others, each with `name`,
 * `engine` (its hw_engine_id in 16 hex digits), `address`, `state` ("alive", "suspect", "down" or "left"), `since`
 * (nanoseconds since the epoch), `connected` and `stores`, each with `store`, `behind`, `unacked` and `repairs`;
 * beside them `refused`, `faults`, `sent_bytes`, `received_bytes`, `last_error` and `local_health`, as docs/mesh.md
 * has them. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
 * Ownership: `*status` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_mesh(const struct hw_engine *engine,
                         int64_t timeout_ms,
                         struct hw_blob **status,
                         struct hw_error **error);

/* ---- stream ------------------------------------------------------------------------------------------------------ */

/**
 * Makes a stream. The same configuration again opens the one there.
 *
 * Errors:    HW_STATUS_CONFLICT (the name or a subject is taken), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_create_stream(const struct hw_engine *engine,
                                  const struct hw_stream_config *config,
                                  struct hw_stream **stream,
                                  struct hw_error **error);

/**
 * Changes a stream's limits and subjects after the fact: `config` is the whole new configuration, so begin with
 * the one that hw_stream_info gives. Handles that are open follow. `stream` may be NULL.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (a subject is taken), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_update_stream(const struct hw_engine *engine,
                                  const struct hw_stream_config *config,
                                  struct hw_stream **stream,
                                  struct hw_error **error);

/**
 * Opens the stream of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND.
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_stream(const struct hw_engine *engine,
                           const char *name,
                           size_t name_len,
                           struct hw_stream **stream,
                           struct hw_error **error);

/**
 * Removes a stream and everything in it. Handles to it return HW_STATUS_CLOSED from then on.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_delete_stream(const struct hw_engine *engine,
                                  const char *name,
                                  size_t name_len,
                                  struct hw_error **error);

/**
 * Its name.
 *
 * Errors:    HW_STATUS_CLOSED (after a fork).
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_stream_name(const struct hw_stream *stream, struct hw_str *name, struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The stream and its records stay, and so do its subscriptions and consumers.
 *
 * Since:     0.1
 */
HW_API void hw_stream_free(struct hw_stream *stream);

/* ---- stream info ------------------------------------------------------------------------------------------------- */

/**
 * Describes all streams, by name.
 *
 * Ownership: `*infos` is yours, free with hw_stream_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_streams(const struct hw_engine *engine,
                            struct hw_stream_infos **infos,
                            struct hw_error **error);

/**
 * Describes this stream: a list of one.
 *
 * Ownership: `*infos` is yours, free with hw_stream_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_info(const struct hw_stream *stream,
                         struct hw_stream_infos **infos,
                         struct hw_error **error);

/**
 * How many streams are described; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_stream_infos_len(const struct hw_stream_infos *infos);

/**
 * The description at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
 * Ownership: what `state` points to is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_infos_get(const struct hw_stream_infos *infos,
                              size_t index,
                              struct hw_stream_state *state,
                              struct hw_error **error);

/**
 * Frees a list of descriptions; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_stream_infos_free(struct hw_stream_infos *infos);

/* ---- append ------------------------------------------------------------------------------------------------------ */

/**
 * Appends one record, and returns when the stream's durability is reached. `options` and `ack` may be NULL.
 *
 * Errors:    HW_STATUS_CONFLICT (a condition did not hold; hw_error_sequences has both numbers), HW_STATUS_LIMIT,
 *            HW_STATUS_INVALID, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any; writers at once share one sync.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_append(const struct hw_stream *stream,
                           const char *subject,
                           size_t subject_len,
                           const void *payload,
                           size_t payload_len,
                           const struct hw_append_options *options,
                           struct hw_ack *ack,
                           struct hw_error **error);

/**
 * Appends 1 to 1,000 records, all or nothing, across a crash too, and returns when the stream's durability is
 * reached. Only the first may carry `expect_last_seq`, and none a condition on a subject that the batch itself
 * writes. `ack` may be NULL.
 *
 * Errors:    as hw_stream_append.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_append_batch(const struct hw_stream *stream,
                                 const struct hw_append *records,
                                 size_t records_len,
                                 struct hw_ack *ack,
                                 struct hw_error **error);

/**
 * As hw_stream_append for one record and hw_stream_append_batch for more, but returns at once: the ticket tells
 * what came of it. Records are appended in the order in which they were submitted.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_append_submit(const struct hw_stream *stream,
                                  const struct hw_append *records,
                                  size_t records_len,
                                  struct hw_ticket **ticket,
                                  struct hw_error **error);

/* ---- remove ------------------------------------------------------------------------------------------------------ */

/**
 * Removes one record. `removed`, when not NULL, says whether it was there.
 *
 * Errors:    HW_STATUS_INVALID (the stream denies it), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_stream_delete(const struct hw_stream *stream, uint64_t seq, bool *removed, struct hw_error **error);

/**
 * Removes records and gives back their space. `options` may be NULL. `removed`, when not NULL, gets how many.
 *
 * Errors:    HW_STATUS_INVALID (the stream denies it), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_purge(const struct hw_stream *stream,
                          const struct hw_purge_options *options,
                          uint64_t *removed,
                          struct hw_error **error);

/**
 * Returns when everything appended so far is on disk, whatever the stream's durability.
 *
 * Errors:    HW_STATUS_IO (the stream is poisoned until it is reopened), HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_stream_sync(const struct hw_stream *stream, struct hw_error **error);

/**
 * As hw_stream_sync, but returns at once: the ticket is done when everything appended so far is on disk.
 *
 * Errors:    HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_sync_submit(const struct hw_stream *stream,
                                struct hw_ticket **ticket,
                                struct hw_error **error);

/* ---- ticket ------------------------------------------------------------------------------------------------------ */

/**
 * Waits until the write is done, for at most `timeout_ms` milliseconds: 0 looks and does not wait, -1 waits for
 * ever. Once it is done, every call gives the same outcome. `ack` may be NULL.
 *
 * Errors:    HW_STATUS_TIMEOUT (not done yet; wait again), HW_STATUS_MISUSE (in use on another thread), and what
 *            the write itself came to.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_ticket_wait(struct hw_ticket *ticket,
                         int64_t timeout_ms,
                         struct hw_ack *ack,
                         struct hw_error **error);

/**
 * Arms once: when the write is done, `token` goes to the waker's list. Then hw_ticket_wait with a timeout of 0 has
 * the outcome.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread).
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_ticket_wake(struct hw_ticket *ticket,
                         const struct hw_waker *waker,
                         uint64_t token,
                         struct hw_error **error);

/**
 * What one operation on a counter made of it, once hw_ticket_wait had its outcome: `*has_total` is false for every
 * other write, and before.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_ticket_total(struct hw_ticket *ticket,
                          struct hw_int128 *total,
                          bool *has_total,
                          struct hw_error **error);

/**
 * Frees it; NULL is nothing. That gives up the wait, not the work.
 *
 * Since:     0.1
 */
HW_API void hw_ticket_free(struct hw_ticket *ticket);

/* ---- read -------------------------------------------------------------------------------------------------------- */

/**
 * Reads records; go on from the last one's sequence for more. `options` may be NULL. No record is an empty batch.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any; readers never wait for writers.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_read(const struct hw_stream *stream,
                         const struct hw_read_options *options,
                         struct hw_batch **batch,
                         struct hw_error **error);

/**
 * Reads the record with this sequence: a batch of one, or an empty one when it is not there.
 *
 * Errors:    HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_get(const struct hw_stream *stream,
                        uint64_t seq,
                        struct hw_batch **batch,
                        struct hw_error **error);

/**
 * Reads the newest record of a subject, or of all that a wildcard filter takes: a batch of one, or an empty one
 * when there is none.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_last(const struct hw_stream *stream,
                         const char *filter,
                         size_t filter_len,
                         struct hw_batch **batch,
                         struct hw_error **error);

/**
 * Reads the newest record of every subject that the filters take, by sequence: at most `max` (0 is 1,000) with a
 * sequence above `after`.
 *
 * Errors:    as hw_stream_last.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_last_many(const struct hw_stream *stream,
                              const struct hw_str *filters,
                              size_t filters_len,
                              uint64_t after,
                              size_t max,
                              struct hw_batch **batch,
                              struct hw_error **error);

/**
 * The last sequence among all subjects that the filter takes; 0 when there is none. This is what a conditional
 * append expects.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_last_seq(const struct hw_stream *stream,
                             const char *filter,
                             size_t filter_len,
                             uint64_t *seq,
                             struct hw_error **error);

/**
 * The subjects that have a record and that the filter takes, in order, with how many records each has: at most
 * `max` (0 is 1,000) after the subject `after`, which may be empty.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `*subjects` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_subjects(const struct hw_stream *stream,
                             const char *filter,
                             size_t filter_len,
                             const char *after,
                             size_t after_len,
                             size_t max,
                             struct hw_strings **subjects,
                             struct hw_error **error);

/* ---- batch ------------------------------------------------------------------------------------------------------- */

/**
 * How many records it holds; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_batch_len(const struct hw_batch *batch);

/**
 * How many records limits removed since the batch before, before this subscriber came to read them: it fell that far
 * behind. A subscription to all that has read nothing yet begins at what is kept, and has missed nothing. 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API uint64_t hw_batch_missed(const struct hw_batch *batch);

/**
 * The record at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `record->struct_size` is not set).
 * Ownership: subject and payload are borrowed until the batch is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_batch_record(const struct hw_batch *batch,
                          size_t index,
                          struct hw_record *record,
                          struct hw_error **error);

/**
 * The records from `first` on, as many as there are and `records_cap` has room for, in one call.
 * `records[0].struct_size` must be set and holds for all.
 *
 * Errors:    HW_STATUS_INVALID.
 * Ownership: subjects and payloads are borrowed until the batch is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_batch_records(const struct hw_batch *batch,
                           size_t first,
                           struct hw_record *records,
                           size_t records_cap,
                           size_t *records_len,
                           struct hw_error **error);

/**
 * Header `header` of the record at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end).
 * Ownership: `*name` and `*value` are borrowed until the batch is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_batch_header(const struct hw_batch *batch,
                          size_t index,
                          size_t header,
                          struct hw_str *name,
                          struct hw_str *value,
                          struct hw_error **error);

/**
 * Frees it; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_batch_free(struct hw_batch *batch);

/* ---- subscription ------------------------------------------------------------------------------------------------ */

/**
 * Subscribes: history, then live, with no gap and no duplicate at the seam. `options` may be NULL.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `*subscription` is yours, free with hw_subscription_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_subscribe(const struct hw_stream *stream,
                              const struct hw_subscribe_options *options,
                              struct hw_subscription **subscription,
                              struct hw_error **error);

/**
 * Takes up to `max` records (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
 * not wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (closed here
 *            or on another thread), HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subscription_next(const struct hw_subscription *subscription,
                               size_t max,
                               int64_t timeout_ms,
                               struct hw_batch **batch,
                               struct hw_error **error);

/**
 * Arms once: when there is a record to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subscription_wake(const struct hw_subscription *subscription,
                               const struct hw_waker *waker,
                               uint64_t token,
                               struct hw_error **error);

/**
 * The sequence that comes next at the earliest.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subscription_position(const struct hw_subscription *subscription,
                                   uint64_t *seq,
                                   struct hw_error **error);

/**
 * How many sequences the stream is ahead.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subscription_lag(const struct hw_subscription *subscription,
                              uint64_t *lag,
                              struct hw_error **error);

/**
 * How many records limits removed before this subscription came to read them, in all: it fell that far behind. A
 * subscription to all that has read nothing yet begins at what is kept, and has missed nothing.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_subscription_missed(const struct hw_subscription *subscription,
                                 uint64_t *missed,
                                 struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_subscription_next now: they return HW_STATUS_TIMEOUT. It stays
 * open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_subscription_cancel(const struct hw_subscription *subscription, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_subscription_close(const struct hw_subscription *subscription, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_subscription_free(struct hw_subscription *subscription);

/* ---- consumer ---------------------------------------------------------------------------------------------------- */

/**
 * Makes a durable consumer. The same configuration again opens the one there.
 *
 * Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*consumer` is yours, free with hw_consumer_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_create_consumer(const struct hw_stream *stream,
                                    const struct hw_consumer_config *config,
                                    struct hw_consumer **consumer,
                                    struct hw_error **error);

/**
 * Opens the consumer of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND.
 * Ownership: `*consumer` is yours, free with hw_consumer_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_consumer(const struct hw_stream *stream,
                             const char *name,
                             size_t name_len,
                             struct hw_consumer **consumer,
                             struct hw_error **error);

/**
 * Removes a consumer and its position.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_delete_consumer(const struct hw_stream *stream,
                                    const char *name,
                                    size_t name_len,
                                    struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_consumer_name(const struct hw_consumer *consumer, struct hw_str *name, struct hw_error **error);

/**
 * Takes up to `max` records (0 is 1,000) to work on, and waits at most `timeout_ms` milliseconds for the first
 * one: 0 does not wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (the
 *            consumer or the engine is gone), HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*batch` is yours, free with hw_batch_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_next(const struct hw_consumer *consumer,
                           size_t max,
                           int64_t timeout_ms,
                           struct hw_batch **batch,
                           struct hw_error **error);

/**
 * Arms once: when there is a record to deliver, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_wake(const struct hw_consumer *consumer,
                           const struct hw_waker *waker,
                           uint64_t token,
                           struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_consumer_next on this handle now: they return HW_STATUS_TIMEOUT.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_consumer_cancel(const struct hw_consumer *consumer, struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The consumer stays. No other thread may be using the handle.
 *
 * Since:     0.1
 */
HW_API void hw_consumer_free(struct hw_consumer *consumer);

/* ---- consumer info ----------------------------------------------------------------------------------------------- */

/**
 * Describes all consumers of the stream, by name.
 *
 * Ownership: `*infos` is yours, free with hw_consumer_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_stream_consumers(const struct hw_stream *stream,
                              struct hw_consumer_infos **infos,
                              struct hw_error **error);

/**
 * Describes this consumer: a list of one.
 *
 * Ownership: `*infos` is yours, free with hw_consumer_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_info(const struct hw_consumer *consumer,
                           struct hw_consumer_infos **infos,
                           struct hw_error **error);

/**
 * How many consumers are described; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_consumer_infos_len(const struct hw_consumer_infos *infos);

/**
 * The description at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
 * Ownership: what `state` points to is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_infos_get(const struct hw_consumer_infos *infos,
                                size_t index,
                                struct hw_consumer_state *state,
                                struct hw_error **error);

/**
 * Frees a list of descriptions; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_consumer_infos_free(struct hw_consumer_infos *infos);

/* ---- consumer ack ------------------------------------------------------------------------------------------------ */

/**
 * Done with these sequences. One that is not pending is passed over; `acked`, when not NULL, gets how many were
 * pending. After a crash of the machine an acknowledged record may come again; hw_consumer_ack_sync rules that
 * out.
 *
 * Errors:    HW_STATUS_NOT_FOUND (the consumer was deleted), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_ack(const struct hw_consumer *consumer,
                          const uint64_t *seqs,
                          size_t seqs_len,
                          size_t *acked,
                          struct hw_error **error);

/**
 * As hw_consumer_ack, and returns when the acknowledgement is on disk.
 *
 * Errors:    as hw_consumer_ack.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_ack_sync(const struct hw_consumer *consumer,
                               const uint64_t *seqs,
                               size_t seqs_len,
                               size_t *acked,
                               struct hw_error **error);

/**
 * As hw_consumer_ack_sync, but returns at once: the ticket's `count` is how many were pending.
 *
 * Errors:    HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_ack_submit(const struct hw_consumer *consumer,
                                 const uint64_t *seqs,
                                 size_t seqs_len,
                                 struct hw_ticket **ticket,
                                 struct hw_error **error);

/**
 * Not done: deliver it again after `delay_ns` nanoseconds.
 *
 * Errors:    HW_STATUS_NOT_FOUND (it is not pending), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_consumer_nak(const struct hw_consumer *consumer,
                          uint64_t seq,
                          uint64_t delay_ns,
                          struct hw_error **error);

/**
 * Still at it: starts the ack wait anew.
 *
 * Errors:    as hw_consumer_nak.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_consumer_in_progress(const struct hw_consumer *consumer, uint64_t seq, struct hw_error **error);

/**
 * Never delivers it again; it does not go to the dead-letter stream.
 *
 * Errors:    as hw_consumer_nak.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_consumer_term(const struct hw_consumer *consumer, uint64_t seq, struct hw_error **error);

/* ---- bucket ------------------------------------------------------------------------------------------------------ */

/**
 * Makes a bucket. The same configuration again opens the one there.
 *
 * Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*bucket` is yours, free with hw_bucket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_create_bucket(const struct hw_engine *engine,
                                  const struct hw_bucket_config *config,
                                  struct hw_bucket **bucket,
                                  struct hw_error **error);

/**
 * Opens the bucket of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND.
 * Ownership: `*bucket` is yours, free with hw_bucket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_bucket(const struct hw_engine *engine,
                           const char *name,
                           size_t name_len,
                           struct hw_bucket **bucket,
                           struct hw_error **error);

/**
 * The names of all buckets, in order.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_buckets(const struct hw_engine *engine, struct hw_strings **names, struct hw_error **error);

/**
 * Removes a bucket and everything in it.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_delete_bucket(const struct hw_engine *engine,
                                  const char *name,
                                  size_t name_len,
                                  struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_bucket_name(const struct hw_bucket *bucket, struct hw_str *name, struct hw_error **error);

/**
 * The stream that it is a view of.
 *
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_bucket_stream(const struct hw_bucket *bucket, struct hw_stream **stream, struct hw_error **error);

/**
 * Reads the newest revision of a key that has a value: a list of one, or an empty one when it has none.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*entries` is yours, free with hw_entries_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_get(const struct hw_bucket *bucket,
                        const char *key,
                        size_t key_len,
                        struct hw_entries **entries,
                        struct hw_error **error);

/**
 * Reads that revision of a key: a list of one, or an empty one when it is not there.
 *
 * Errors:    as hw_bucket_get.
 * Ownership: `*entries` is yours, free with hw_entries_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_get_revision(const struct hw_bucket *bucket,
                                 const char *key,
                                 size_t key_len,
                                 uint64_t revision,
                                 struct hw_entries **entries,
                                 struct hw_error **error);

/**
 * Reads the kept revisions of a key, oldest first, deletes included.
 *
 * Errors:    as hw_bucket_get.
 * Ownership: `*entries` is yours, free with hw_entries_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_history(const struct hw_bucket *bucket,
                            const char *key,
                            size_t key_len,
                            struct hw_entries **entries,
                            struct hw_error **error);

/**
 * The keys that have a value and that the filter takes, in order; an empty filter is `>`, all of them.
 *
 * Errors:    as hw_bucket_get.
 * Ownership: `*keys` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_keys(const struct hw_bucket *bucket,
                         const char *filter,
                         size_t filter_len,
                         struct hw_strings **keys,
                         struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The bucket stays.
 *
 * Since:     0.1
 */
HW_API void hw_bucket_free(struct hw_bucket *bucket);

/* ---- bucket info ------------------------------------------------------------------------------------------------- */

/**
 * Describes it: a list of one.
 *
 * Ownership: `*infos` is yours, free with hw_bucket_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_status(const struct hw_bucket *bucket,
                           struct hw_bucket_infos **infos,
                           struct hw_error **error);

/**
 * How many buckets are described; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_bucket_infos_len(const struct hw_bucket_infos *infos);

/**
 * The description at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
 * Ownership: what `state` points to is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_infos_get(const struct hw_bucket_infos *infos,
                              size_t index,
                              struct hw_bucket_state *state,
                              struct hw_error **error);

/**
 * Frees a list of descriptions; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_bucket_infos_free(struct hw_bucket_infos *infos);

/* ---- bucket write ------------------------------------------------------------------------------------------------ */

/**
 * Sets a key, and returns when the bucket's durability is reached. `revision`, when not NULL, gets the new
 * revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_put(const struct hw_bucket *bucket,
                        const char *key,
                        size_t key_len,
                        const void *value,
                        size_t value_len,
                        uint64_t *revision,
                        struct hw_error **error);

/**
 * As hw_bucket_put, but returns at once: the ticket's `seq` is the new revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_put_submit(const struct hw_bucket *bucket,
                               const char *key,
                               size_t key_len,
                               const void *value,
                               size_t value_len,
                               struct hw_ticket **ticket,
                               struct hw_error **error);

/**
 * Sets a key that has no value, for `ttl_ns` nanoseconds (whole seconds; 0 is for good), and returns when the
 * bucket's durability is reached. `revision`, when not NULL, gets the new revision.
 *
 * Errors:    HW_STATUS_CONFLICT (it has a value), and as hw_bucket_put.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_create(const struct hw_bucket *bucket,
                           const char *key,
                           size_t key_len,
                           const void *value,
                           size_t value_len,
                           uint64_t ttl_ns,
                           uint64_t *revision,
                           struct hw_error **error);

/**
 * As hw_bucket_create, but returns at once: the ticket's `seq` is the new revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_create_submit(const struct hw_bucket *bucket,
                                  const char *key,
                                  size_t key_len,
                                  const void *value,
                                  size_t value_len,
                                  uint64_t ttl_ns,
                                  struct hw_ticket **ticket,
                                  struct hw_error **error);

/**
 * Sets a key whose last revision is `last_revision`, and returns when the bucket's durability is reached.
 * `revision`, when not NULL, gets the new revision.
 *
 * Errors:    HW_STATUS_CONFLICT (it is another; hw_error_sequences has both), and as hw_bucket_put.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_update(const struct hw_bucket *bucket,
                           const char *key,
                           size_t key_len,
                           const void *value,
                           size_t value_len,
                           uint64_t last_revision,
                           uint64_t *revision,
                           struct hw_error **error);

/**
 * As hw_bucket_update, but returns at once: the ticket's `seq` is the new revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_update_submit(const struct hw_bucket *bucket,
                                  const char *key,
                                  size_t key_len,
                                  const void *value,
                                  size_t value_len,
                                  uint64_t last_revision,
                                  struct hw_ticket **ticket,
                                  struct hw_error **error);

/**
 * Deletes a key and keeps its history, if its last revision is `last_revision` (0: whatever it is), and returns
 * when the bucket's durability is reached. `revision`, when not NULL, gets the new revision.
 *
 * Errors:    as hw_bucket_update.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_delete(const struct hw_bucket *bucket,
                           const char *key,
                           size_t key_len,
                           uint64_t last_revision,
                           uint64_t *revision,
                           struct hw_error **error);

/**
 * As hw_bucket_delete, but returns at once: the ticket's `seq` is the new revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_delete_submit(const struct hw_bucket *bucket,
                                  const char *key,
                                  size_t key_len,
                                  uint64_t last_revision,
                                  struct hw_ticket **ticket,
                                  struct hw_error **error);

/**
 * Deletes a key with its history, if its last revision is `last_revision` (0: whatever it is), and returns when
 * the bucket's durability is reached. `revision`, when not NULL, gets the new revision.
 *
 * Errors:    as hw_bucket_update.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_purge(const struct hw_bucket *bucket,
                          const char *key,
                          size_t key_len,
                          uint64_t last_revision,
                          uint64_t *revision,
                          struct hw_error **error);

/**
 * As hw_bucket_purge, but returns at once: the ticket's `seq` is the new revision.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_purge_submit(const struct hw_bucket *bucket,
                                 const char *key,
                                 size_t key_len,
                                 uint64_t last_revision,
                                 struct hw_ticket **ticket,
                                 struct hw_error **error);

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/**
 * How many revisions there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_entries_len(const struct hw_entries *entries);

/**
 * The revision at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `entry->struct_size` is not set).
 * Ownership: key and value are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entries_get(const struct hw_entries *entries,
                         size_t index,
                         struct hw_entry *entry,
                         struct hw_error **error);

/**
 * Frees a list of revisions; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_entries_free(struct hw_entries *entries);

/* ---- watcher ----------------------------------------------------------------------------------------------------- */

/**
 * Watches a bucket: what is there, then what changes. `options` may be NULL.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `*watcher` is yours, free with hw_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_bucket_watch(const struct hw_bucket *bucket,
                          const struct hw_watch_options *options,
                          struct hw_watcher **watcher,
                          struct hw_error **error);

/**
 * Takes up to `max` entries (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
 * not wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
 *            HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*entries` is yours, free with hw_entries_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_watcher_next(const struct hw_watcher *watcher,
                          size_t max,
                          int64_t timeout_ms,
                          struct hw_entries **entries,
                          struct hw_error **error);

/**
 * Whether everything that was there when the watch began has been taken.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_watcher_caught_up(const struct hw_watcher *watcher, bool *caught_up, struct hw_error **error);

/**
 * How many revisions limits removed before this watcher came to read them: it fell that far behind. One with
 * `include_history` that has read nothing yet begins at what is kept, and has missed nothing.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_watcher_missed(const struct hw_watcher *watcher, uint64_t *missed, struct hw_error **error);

/**
 * Arms once: when there is an entry to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_watcher_wake(const struct hw_watcher *watcher,
                          const struct hw_waker *waker,
                          uint64_t token,
                          struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_watcher_cancel(const struct hw_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_watcher_close(const struct hw_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_watcher_free(struct hw_watcher *watcher);

/* ---- object store ------------------------------------------------------------------------------------------------ */

/**
 * Makes an object store. The same configuration again opens the one there.
 *
 * Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*store` is yours, free with hw_object_store_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_create_object_store(const struct hw_engine *engine,
                                        const struct hw_object_config *config,
                                        struct hw_object_store **store,
                                        struct hw_error **error);

/**
 * Opens the object store of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND.
 * Ownership: `*store` is yours, free with hw_object_store_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_object_store(const struct hw_engine *engine,
                                 const char *name,
                                 size_t name_len,
                                 struct hw_object_store **store,
                                 struct hw_error **error);

/**
 * The names of all object stores, in order.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_object_stores(const struct hw_engine *engine,
                                  struct hw_strings **names,
                                  struct hw_error **error);

/**
 * Removes an object store and everything in it.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_delete_object_store(const struct hw_engine *engine,
                                        const char *name,
                                        size_t name_len,
                                        struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_name(const struct hw_object_store *store,
                               struct hw_str *name,
                               struct hw_error **error);

/**
 * The stream that it is a view of.
 *
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_stream(const struct hw_object_store *store,
                                 struct hw_stream **stream,
                                 struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The object store stays.
 *
 * Since:     0.1
 */
HW_API void hw_object_store_free(struct hw_object_store *store);

/* ---- object store info ------------------------------------------------------------------------------------------- */

/**
 * Describes it: a list of one.
 *
 * Ownership: `*infos` is yours, free with hw_object_store_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_status(const struct hw_object_store *store,
                                 struct hw_object_store_infos **infos,
                                 struct hw_error **error);

/**
 * How many object stores are described; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_object_store_infos_len(const struct hw_object_store_infos *infos);

/**
 * The description at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
 * Ownership: what `state` points to is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_infos_get(const struct hw_object_store_infos *infos,
                                    size_t index,
                                    struct hw_object_store_state *state,
                                    struct hw_error **error);

/**
 * Frees a list of descriptions; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_object_store_infos_free(struct hw_object_store_infos *infos);

/* ---- object ------------------------------------------------------------------------------------------------------ */

/**
 * What is known of an object: a list of one, or an empty one when there is none of this name. A link is not followed.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_info(const struct hw_object_store *store,
                               const char *name,
                               size_t name_len,
                               struct hw_object_infos **infos,
                               struct hw_error **error);

/**
 * The objects that are there, links too, by name.
 *
 * Errors:    as hw_object_store_info.
 * Ownership: `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_list(const struct hw_object_store *store,
                               struct hw_object_infos **infos,
                               struct hw_error **error);

/**
 * How many objects there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_object_infos_len(const struct hw_object_infos *infos);

/**
 * The object at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `info->struct_size` is not set).
 * Ownership: what `info` points to is borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_infos_get(const struct hw_object_infos *infos,
                              size_t index,
                              struct hw_object_info *info,
                              struct hw_error **error);

/**
 * Frees a list of objects; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_object_infos_free(struct hw_object_infos *infos);

/* ---- object change ----------------------------------------------------------------------------------------------- */

/**
 * Changes what is said of an object, or its name; its bytes stay.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (another object has the new name), HW_STATUS_INVALID,
 *            HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_update(const struct hw_object_store *store,
                                 const char *name,
                                 size_t name_len,
                                 const struct hw_object_update *update,
                                 struct hw_error **error);

/**
 * Makes `name` a link to the object `target` of the store `bucket`, or with an empty `target` to the store as a
 * whole, in place of whatever link has that name. Reading it reads what it leads to.
 *
 * Errors:    HW_STATUS_NOT_FOUND (what it leads to is not there), HW_STATUS_INVALID (that is a link),
 *            HW_STATUS_CONFLICT (an object that is no link has the name), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_add_link(const struct hw_object_store *store,
                                   const char *name,
                                   size_t name_len,
                                   const char *bucket,
                                   size_t bucket_len,
                                   const char *target,
                                   size_t target_len,
                                   struct hw_error **error);

/**
 * Deletes an object, or a link and not what it leads to.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_INVALID, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_delete(const struct hw_object_store *store,
                                 const char *name,
                                 size_t name_len,
                                 struct hw_error **error);

/* ---- object writer ----------------------------------------------------------------------------------------------- */

/**
 * Puts an object whose bytes are in memory, in place of the object that had the name, and returns when the store's
 * durability is reached. `options` and `infos` may be NULL; `*infos` gets a list of one.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED. Nothing of it is left then, and
 *            the object before it is as it was.
 * Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_put(const struct hw_object_store *store,
                              const char *name,
                              size_t name_len,
                              const void *data,
                              size_t data_len,
                              const struct hw_object_options *options,
                              struct hw_object_infos **infos,
                              struct hw_error **error);

/**
 * Puts the file at `path` as an object. `options`, `progress` and `infos` may be NULL; `*infos` gets a list of one.
 *
 * Errors:    HW_STATUS_NOT_FOUND (no such file), HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), and as
 *            hw_object_store_put. Nothing of it is left then, and the object before it is as it was.
 * Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_put_file(const struct hw_object_store *store,
                                   const char *name,
                                   size_t name_len,
                                   const char *path,
                                   size_t path_len,
                                   const struct hw_object_options *options,
                                   const struct hw_progress *progress,
                                   struct hw_object_infos **infos,
                                   struct hw_error **error);

/**
 * Begins to put an object whose bytes come in pieces. It is there once hw_object_writer_finish has returned.
 * `options` may be NULL.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call; `*writer` is yours, free with hw_object_writer_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_writer(const struct hw_object_store *store,
                                 const char *name,
                                 size_t name_len,
                                 const struct hw_object_options *options,
                                 struct hw_object_writer **writer,
                                 struct hw_error **error);

/**
 * Takes the next bytes, all of them. A bounded number of bytes is kept in memory, so it may wait.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread), HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED. The put is
 *            over then, and nothing of it is left.
 * Ownership: inputs are borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_object_writer_write(struct hw_object_writer *writer,
                                 const void *data,
                                 size_t data_len,
                                 struct hw_error **error);

/**
 * Commits the object, in place of the one that had its name, and returns when the store's durability is reached.
 * `infos` may be NULL; `*infos` gets a list of one. The handle must still be freed.
 *
 * Errors:    as hw_object_writer_write.
 * Ownership: `*infos` is yours, free with hw_object_infos_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_object_writer_finish(struct hw_object_writer *writer,
                                  struct hw_object_infos **infos,
                                  struct hw_error **error);

/**
 * Frees it; NULL is nothing. A put that was not finished is given up, and nothing of it is left.
 *
 * Since:     0.1
 */
HW_API void hw_object_writer_free(struct hw_object_writer *writer);

/* ---- object reader ----------------------------------------------------------------------------------------------- */

/**
 * Opens an object to read it in pieces. A link is followed, to other stores too.
 *
 * Errors:    HW_STATUS_NOT_FOUND (it, or what it leads to, is not there), HW_STATUS_INVALID (it is a link to a store
 *            as a whole), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*reader` is yours, free with hw_object_reader_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_get(const struct hw_object_store *store,
                              const char *name,
                              size_t name_len,
                              struct hw_object_reader **reader,
                              struct hw_error **error);

/**
 * Writes an object to a file, which is made, or emptied first. `progress` and `infos` may be NULL; `*infos` gets a
 * list of one.
 *
 * Errors:    HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), and as hw_object_store_get and
 *            hw_object_reader_read. What was written up to then is left in the file.
 * Ownership: inputs are borrowed for the call; `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_get_file(const struct hw_object_store *store,
                                   const char *name,
                                   size_t name_len,
                                   const char *path,
                                   size_t path_len,
                                   const struct hw_progress *progress,
                                   struct hw_object_infos **infos,
                                   struct hw_error **error);

/**
 * What is known of the object that is read, the one that a link leads to: a list of one.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread).
 * Ownership: `*infos` is yours, free with hw_object_infos_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_object_reader_info(struct hw_object_reader *reader,
                                struct hw_object_infos **infos,
                                struct hw_error **error);

/**
 * Reads the next bytes into `buffer`, as many as there are and fit; `*read` gets how many, 0 at the end. The last
 * bytes come only when size, chunks and digest hold.
 *
 * Errors:    HW_STATUS_CORRUPT (what is stored is not what was put), HW_STATUS_CONFLICT (it was replaced or deleted
 *            meanwhile; get it again), HW_STATUS_MISUSE (in use on another thread), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `buffer` is borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_object_reader_read(struct hw_object_reader *reader,
                                void *buffer,
                                size_t buffer_len,
                                size_t *read,
                                struct hw_error **error);

/**
 * Frees it; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_object_reader_free(struct hw_object_reader *reader);

/* ---- object watcher ---------------------------------------------------------------------------------------------- */

/**
 * Watches an object store: what is there, by the time of its last change, then what changes. `options` may be NULL.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `*watcher` is yours, free with hw_object_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_store_watch(const struct hw_object_store *store,
                                const struct hw_object_watch_options *options,
                                struct hw_object_watcher **watcher,
                                struct hw_error **error);

/**
 * Takes up to `max` changes (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
 * not wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
 *            HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*infos` is yours, free with hw_object_infos_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_watcher_next(const struct hw_object_watcher *watcher,
                                 size_t max,
                                 int64_t timeout_ms,
                                 struct hw_object_infos **infos,
                                 struct hw_error **error);

/**
 * Whether everything that was there when the watch began has been taken.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_watcher_caught_up(const struct hw_object_watcher *watcher,
                                      bool *caught_up,
                                      struct hw_error **error);

/**
 * How many records limits removed before this watcher came to read them: it fell that far behind.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_watcher_missed(const struct hw_object_watcher *watcher,
                                   uint64_t *missed,
                                   struct hw_error **error);

/**
 * Arms once: when there is a change to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_object_watcher_wake(const struct hw_object_watcher *watcher,
                                 const struct hw_waker *waker,
                                 uint64_t token,
                                 struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_object_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
 * open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_object_watcher_cancel(const struct hw_object_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_object_watcher_close(const struct hw_object_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_object_watcher_free(struct hw_object_watcher *watcher);

/* ---- points ------------------------------------------------------------------------------------------------------ */

/**
 * Opens a point store, and makes its stream if it is not there.
 *
 * Errors:    HW_STATUS_CONFLICT (it is there with another configuration), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*points` is yours, free with hw_points_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_create(const struct hw_engine *engine,
                           const struct hw_points_config *config,
                           struct hw_points **points,
                           struct hw_error **error);

/**
 * Opens the point store of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND.
 * Ownership: `*points` is yours, free with hw_points_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_open(const struct hw_engine *engine,
                         const char *name,
                         size_t name_len,
                         struct hw_points **points,
                         struct hw_error **error);

/**
 * The stream below.
 *
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_points_stream(const struct hw_points *points, struct hw_stream **stream, struct hw_error **error);

/**
 * Writes 1 to 1,000 points, all or nothing, and returns when the store's durability is reached. `ack` may be NULL.
 *
 * Of two points with the same time, tombstone and origin the first stays the winning one: to correct a value, write it
 * with a greater tombstone or another origin.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_write(const struct hw_points *points,
                          const struct hw_point *array,
                          size_t array_len,
                          struct hw_ack *ack,
                          struct hw_error **error);

/**
 * As hw_points_write, but returns at once.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_write_submit(const struct hw_points *points,
                                 const struct hw_point *array,
                                 size_t array_len,
                                 struct hw_ticket **ticket,
                                 struct hw_error **error);

/**
 * Reads the winning point of each series that the filter takes (an empty filter: all): the newest time, then the
 * largest origin; the largest tombstone first. Deleted ones are left out unless `with_deleted` is not 0.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `*list` is yours, free with hw_point_list_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_latest(const struct hw_points *points,
                           const char *filter,
                           size_t filter_len,
                           int32_t with_deleted,
                           struct hw_point_list **list,
                           struct hw_error **error);

/**
 * Reads points by event time, in the order of their commit. `options` may be NULL. `next_after`, when not NULL,
 * gets the sequence to go on after.
 *
 * Errors:    as hw_points_latest.
 * Ownership: `*list` is yours, free with hw_point_list_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_range(const struct hw_points *points,
                          const struct hw_range_options *options,
                          struct hw_point_list **list,
                          uint64_t *next_after,
                          struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The point store stays.
 *
 * Since:     0.1
 */
HW_API void hw_points_free(struct hw_points *points);

/* ---- point ------------------------------------------------------------------------------------------------------- */

/**
 * How many points there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_point_list_len(const struct hw_point_list *list);

/**
 * The point at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `point->struct_size` is not set).
 * Ownership: its texts are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_point_list_get(const struct hw_point_list *list,
                            size_t index,
                            struct hw_point *point,
                            struct hw_error **error);

/**
 * Frees a list of points; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_point_list_free(struct hw_point_list *list);

/* ---- query ------------------------------------------------------------------------------------------------------- */

/**
 * Computes aggregates in buckets, without loading the range into memory.
 *
 * Errors:    HW_STATUS_INVALID (no or an unknown aggregate, a malformed filter), HW_STATUS_LIMIT (more than
 *            1,000,000 rows: ask for wider buckets), HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: `query` is borrowed for the call; `*rows` is yours, free with hw_rows_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_query(const struct hw_points *points,
                          const struct hw_query *query,
                          struct hw_rows **rows,
                          struct hw_error **error);

/**
 * How many rows there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_rows_len(const struct hw_rows *rows);

/**
 * The row at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `row->struct_size` is not set).
 * Ownership: series and values are borrowed until the rows are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_rows_get(const struct hw_rows *rows, size_t index, struct hw_row *row, struct hw_error **error);

/**
 * Frees the rows; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_rows_free(struct hw_rows *rows);

/* ---- transfer ---------------------------------------------------------------------------------------------------- */

/**
 * Imports a file of points. The same import again goes on where an earlier one stopped. `progress`, `report` and
 * `rejected` may be NULL; `*rejected` gets the reason and, as its number, the line of each line that was refused
 * (the first 1,000).
 *
 * Errors:    HW_STATUS_NOT_FOUND (no such file), HW_STATUS_INVALID (no such column), HW_STATUS_TIMEOUT (cancelled
 *            with hw_progress_cancel; what was imported stays), HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call; `*rejected` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_import(const struct hw_points *points,
                           const char *path,
                           size_t path_len,
                           const struct hw_import_options *options,
                           const struct hw_progress *progress,
                           struct hw_import_report *report,
                           struct hw_strings **rejected,
                           struct hw_error **error);

/**
 * Exports points to a file, which is made, or emptied first. `options`, `progress` and `exported` may be NULL;
 * `*exported` gets how many points.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel; the file holds what was written
 *            up to then, each line whole), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO, HW_STATUS_CORRUPT,
 *            HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_export(const struct hw_points *points,
                           const char *path,
                           size_t path_len,
                           const struct hw_export_options *options,
                           const struct hw_progress *progress,
                           uint64_t *exported,
                           struct hw_error **error);

/* ---- point watcher ----------------------------------------------------------------------------------------------- */

/**
 * Watches points: the winning point of each series that the filter takes first, then every new one. An empty
 * filter is all.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `*watcher` is yours, free with hw_point_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_points_watch(const struct hw_points *points,
                          const char *filter,
                          size_t filter_len,
                          struct hw_point_watcher **watcher,
                          struct hw_error **error);

/**
 * Takes up to `max` points (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
 * wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
 *            HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*list` is yours, free with hw_point_list_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_point_watcher_next(const struct hw_point_watcher *watcher,
                                size_t max,
                                int64_t timeout_ms,
                                struct hw_point_list **list,
                                struct hw_error **error);

/**
 * How many records limits removed before this watcher came to read them: it fell that far behind. It counts from
 * the moment when it was made.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_point_watcher_missed(const struct hw_point_watcher *watcher,
                                  uint64_t *missed,
                                  struct hw_error **error);

/**
 * Arms once: when there is a point to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_point_watcher_wake(const struct hw_point_watcher *watcher,
                                const struct hw_waker *waker,
                                uint64_t token,
                                struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_point_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
 * open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_point_watcher_cancel(const struct hw_point_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_point_watcher_close(const struct hw_point_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_point_watcher_free(struct hw_point_watcher *watcher);

/* ---- crdt -------------------------------------------------------------------------------------------------------- */

/**
 * Opens a CRDT store, and makes its stream if it is not there. It reads the newest snapshot and the log behind it, and
 * returns when it has.
 *
 * Errors:    HW_STATUS_CONFLICT (it is there with another durability), HW_STATUS_CORRUPT (the log has a record that is
 *            no fragment, or begins behind what snapshots have), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*crdt` is yours, free with hw_crdt_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_create_crdt(const struct hw_engine *engine,
                                const struct hw_crdt_config *config,
                                struct hw_crdt **crdt,
                                struct hw_error **error);

/**
 * Opens the CRDT store of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CORRUPT (as hw_engine_create_crdt), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `*crdt` is yours, free with hw_crdt_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_crdt(const struct hw_engine *engine,
                         const char *name,
                         size_t name_len,
                         struct hw_crdt **crdt,
                         struct hw_error **error);

/**
 * The names of all CRDT stores, in order.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_crdts(const struct hw_engine *engine, struct hw_strings **names, struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_name(const struct hw_crdt *crdt, struct hw_str *name, struct hw_error **error);

/**
 * The log: the stream that it is kept in.
 *
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_stream(const struct hw_crdt *crdt, struct hw_stream **stream, struct hw_error **error);

/**
 * Whose operations are made here, by this handle alone: what others give rights of bounded counters to.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_actor(const struct hw_crdt *crdt, struct hw_actor *actor, struct hw_error **error);

/**
 * How this handle stands.
 *
 * Errors:    as hw_crdt_read.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_status(const struct hw_crdt *crdt, struct hw_crdt_state *state, struct hw_error **error);

/**
 * Lets in what is held because its clock is too far ahead, in this handle. `count` gets how many fragments there were,
 * and may be NULL.
 *
 * Errors:    as hw_crdt_read.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_release_held(const struct hw_crdt *crdt, size_t *count, struct hw_error **error);

/**
 * Takes in all that another store has and this one has not: a backup's, a hub's, another node's. Both may be written
 * meanwhile. It blocks until that is on disk as the stream promises: about two seconds for a million keys that are
 * equal, and some more where they differ. A merge that failed or was cancelled did no harm, and another one goes on.
 * `progress`, which counts keys, and `merged` may be NULL.
 *
 * Errors:    HW_STATUS_CONFLICT (`other` has operations of this handle that it did not make, or some of what it has is
 *            held here: hw_crdt_release_held, then merge again), HW_STATUS_LIMIT (a key is larger than a record; all
 *            others are here then), HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), else as hw_crdt_read and
 *            hw_crdt_write.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_merge(const struct hw_crdt *crdt,
                        const struct hw_crdt *other,
                        const struct hw_progress *progress,
                        struct hw_crdt_merged *merged,
                        struct hw_error **error);

/**
 * Ends the handle: later calls return HW_STATUS_CLOSED, while its watchers go on. What was acknowledged is kept
 * without it too. If it wrote, and the log grew by a tenth of the records between two snapshots, it writes one first.
 * Closing twice is nothing. The handle must still be freed; freeing alone writes no snapshot.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_close(const struct hw_crdt *crdt, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_crdt_free(struct hw_crdt *crdt);

/* ---- crdt write -------------------------------------------------------------------------------------------------- */

/**
 * Does one operation, and returns when the store's durability is reached. It is read at once. When a snapshot is due,
 * it writes that first. `written` may be NULL.
 *
 * Errors:    HW_STATUS_CONFLICT (something is alive there as another kind, or rights are missing), HW_STATUS_LIMIT (a
 *            value, a name, a path or a total is too large), HW_STATUS_UNSUPPORTED (a bounded counter is not removed,
 *            and not in a map), HW_STATUS_INVALID: nothing was changed then. HW_STATUS_IO and others of the log: the
 *            handle answers that from then on, and one that is opened again has what the log has.
 *            HW_STATUS_CORRUPT, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_write(const struct hw_crdt *crdt,
                        const struct hw_crdt_change *change,
                        struct hw_crdt_written *written,
                        struct hw_error **error);

/**
 * Does all of several operations or, if one of them is refused, nothing, and returns when the store's durability is
 * reached. They are one record, which every replica takes in as a whole. `seq` gets it, 0 if there was nothing to do,
 * and may be NULL.
 *
 * Errors:    as hw_crdt_write, with the place of the operation; HW_STATUS_LIMIT too if they are more than a record
 *            holds.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_transaction(const struct hw_crdt *crdt,
                              const struct hw_crdt_change *changes,
                              size_t changes_len,
                              uint64_t *seq,
                              struct hw_error **error);

/**
 * As hw_crdt_write, without waiting: the ticket has the sequence, and hw_ticket_total the total.
 *
 * Errors:    HW_STATUS_INVALID; what the write itself came to is in the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_write_submit(const struct hw_crdt *crdt,
                               const struct hw_crdt_change *change,
                               struct hw_ticket **ticket,
                               struct hw_error **error);

/**
 * As hw_crdt_transaction, without waiting.
 *
 * Errors:    HW_STATUS_INVALID; what the write itself came to is in the ticket.
 * Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_transaction_submit(const struct hw_crdt *crdt,
                                     const struct hw_crdt_change *changes,
                                     size_t changes_len,
                                     struct hw_ticket **ticket,
                                     struct hw_error **error);

/* ---- crdt read --------------------------------------------------------------------------------------------------- */

/**
 * What is at a key, or in a field that `fields` lead to, as a `kind` (an hw_crdt_kind). What is not there reads as 0,
 * none, empty or off.
 *
 * Errors:    HW_STATUS_CORRUPT (the log has a record that is no fragment), HW_STATUS_CLOSED, HW_STATUS_INVALID, and
 *            what a write of this handle or the log failed with.
 * Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_reading_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_read(const struct hw_crdt *crdt,
                       const char *key,
                       size_t key_len,
                       const struct hw_str *fields,
                       size_t fields_len,
                       int32_t kind,
                       struct hw_reading **reading,
                       struct hw_error **error);

/**
 * Whether a value is in a set. `kind` is HW_CRDT_KIND_SET or HW_CRDT_KIND_REMOVE_WINS_SET; no other has any.
 *
 * Errors:    as hw_crdt_read.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_contains(const struct hw_crdt *crdt,
                           const char *key,
                           size_t key_len,
                           const struct hw_str *fields,
                           size_t fields_len,
                           int32_t kind,
                           const struct hw_crdt_value *value,
                           bool *contains,
                           struct hw_error **error);

/**
 * How much this handle's actor may take from a bounded counter, or give of it.
 *
 * Errors:    as hw_crdt_read.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_rights(const struct hw_crdt *crdt,
                         const char *key,
                         size_t key_len,
                         struct hw_int128 *rights,
                         struct hw_error **error);

/**
 * The keys in which something is alive whose names begin with `prefix`, in order. The number that goes with each is
 * its kind, an hw_crdt_kind; a name that replicas made as two kinds is there twice.
 *
 * Errors:    as hw_crdt_read.
 * Ownership: `*keys` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_keys(const struct hw_crdt *crdt,
                       const char *prefix,
                       size_t prefix_len,
                       struct hw_strings **keys,
                       struct hw_error **error);

/**
 * The same keys with what they read as in JSON, at one moment.
 *
 * Errors:    as hw_crdt_read.
 * Ownership: `*entries` is yours, free with hw_crdt_entries_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_dump(const struct hw_crdt *crdt,
                       const char *prefix,
                       size_t prefix_len,
                       struct hw_crdt_entries **entries,
                       struct hw_error **error);

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/**
 * What a counter reads as.
 *
 * Errors:    HW_STATUS_INVALID (it is of another kind).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_reading_number(const struct hw_reading *reading, struct hw_int128 *number, struct hw_error **error);

/**
 * Whether a flag is on.
 *
 * Errors:    HW_STATUS_INVALID (it is of another kind).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_reading_flag(const struct hw_reading *reading, bool *is_on, struct hw_error **error);

/**
 * How many values a register (0 or 1), a multi-value register or a set has, or fields a map; 0 for NULL and for other
 * kinds.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_reading_len(const struct hw_reading *reading);

/**
 * The value at `index`: of a multi-value register the last written first, of a set in their order.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or it is of another kind).
 * Ownership: what `*value` points to is borrowed until the reading is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_reading_value(const struct hw_reading *reading,
                           size_t index,
                           struct hw_crdt_value *value,
                           struct hw_error **error);

/**
 * The field of a map at `index`, by name and kind (an hw_crdt_kind).
 *
 * Errors:    HW_STATUS_INVALID (past the end, or it is of another kind).
 * Ownership: `*name` is borrowed until the reading is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_reading_field(const struct hw_reading *reading,
                           size_t index,
                           struct hw_str *name,
                           int32_t *kind,
                           struct hw_error **error);

/**
 * Frees a reading; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_reading_free(struct hw_reading *reading);

/**
 * How many keys there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_crdt_entries_len(const struct hw_crdt_entries *entries);

/**
 * The key at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `entry->struct_size` is not set).
 * Ownership: key and json are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_entries_get(const struct hw_crdt_entries *entries,
                              size_t index,
                              struct hw_crdt_entry *entry,
                              struct hw_error **error);

/**
 * Frees what hw_crdt_dump gave; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_crdt_entries_free(struct hw_crdt_entries *entries);

/* ---- crdt watcher ------------------------------------------------------------------------------------------------ */

/**
 * Follows the keys whose names begin with `prefix`: what is written from now on, here and by others. A watcher that is
 * slow hears of a key once for many changes.
 *
 * Errors:    as hw_crdt_read.
 * Ownership: `*watcher` is yours, free with hw_crdt_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_watch(const struct hw_crdt *crdt,
                        const char *prefix,
                        size_t prefix_len,
                        struct hw_crdt_watcher **watcher,
                        struct hw_error **error);

/**
 * Takes up to `max` keys that changed (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0
 * does not wait, -1 waits for ever. The number that goes with each is its kind, an hw_crdt_kind; what it reads as now
 * is in the store.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
 *            HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: `*keys` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_watcher_next(const struct hw_crdt_watcher *watcher,
                               size_t max,
                               int64_t timeout_ms,
                               struct hw_strings **keys,
                               struct hw_error **error);

/**
 * How many records were purged before this watcher came to read them: any key may have changed in those.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_watcher_missed(const struct hw_crdt_watcher *watcher,
                                 uint64_t *missed,
                                 struct hw_error **error);

/**
 * Arms once: when there is a change to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_crdt_watcher_wake(const struct hw_crdt_watcher *watcher,
                               const struct hw_waker *waker,
                               uint64_t token,
                               struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_crdt_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_watcher_cancel(const struct hw_crdt_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_crdt_watcher_close(const struct hw_crdt_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_crdt_watcher_free(struct hw_crdt_watcher *watcher);

/* ---- presence ---------------------------------------------------------------------------------------------------- */

/**
 * Opens a presence store, and makes its stream if it is not there; all handles of a process share one. It reads the
 * newest record of each user, and blocks until it has. The last handle to go, of the store, of its sessions and of its
 * watchers, ends it.
 *
 * Errors:    HW_STATUS_INVALID (a configuration that cannot be; on a hub without `node`), HW_STATUS_CONFLICT (it is
 *            open with another configuration), HW_STATUS_UNSUPPORTED (`engine` cannot be written to), HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call, and may be NULL; `*presence` is yours, free with hw_presence_free.
 * Threads:   any. The store has a thread of its own.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_presence(const struct hw_engine *engine,
                             const struct hw_presence_config *config,
                             struct hw_presence **presence,
                             struct hw_error **error);

/**
 * The names of all presence stores, in order.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_presences(const struct hw_engine *engine,
                              struct hw_strings **names,
                              struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_presence_name(const struct hw_presence *presence, struct hw_str *name, struct hw_error **error);

/**
 * Ends the sessions that are told of, whichever node answers for them: for those of a node that is gone for good, and
 * for people who look after others. `count`, when not NULL, gets how many.
 *
 * Errors:    HW_STATUS_NOT_FOUND (no such node was heard of), HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
 * Ownership: `purge` is borrowed for the call; NULL is all sessions.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_purge(const struct hw_presence *presence,
                            const struct hw_purge *purge,
                            int64_t timeout_ms,
                            uint64_t *count,
                            struct hw_error **error);

/**
 * How it stands. `*status` gets one object in JSON: `name`, `node`, `answered` (the sessions that this node answers
 * for), `stale`, `as_of`, `position`, `refused` (records of others that could not be read), `last_error` and `nodes`,
 * each with `name`, `state` ("up", "silent" or "closed") and `heard`; this one is the first.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
 * Ownership: `*status` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_status(const struct hw_presence *presence,
                             int64_t timeout_ms,
                             struct hw_blob **status,
                             struct hw_error **error);

/**
 * Ends it in good order, for all handles of this process: what it holds is over, and leased sessions have their
 * deadlines in the log. Later calls return HW_STATUS_CLOSED. Through a node it is nothing, as the store is the node's.
 * The handle must still be freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_presence_close(const struct hw_presence *presence, struct hw_error **error);

/**
 * Frees the handle; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_presence_free(struct hw_presence *presence);

/* ---- presence session -------------------------------------------------------------------------------------------- */

/**
 * Sets a leased session: it lives until its time to live has passed without a sign of life. Setting it is one, also to
 * what it is already. `view`, when not NULL, gets what the user is then, as hw_presence_get has it. Waits at most
 * `timeout_ms` milliseconds until the store's durability is reached; -1 waits for ever.
 *
 * Errors:    HW_STATUS_INVALID (what is beyond its bounds), HW_STATUS_LIMIT (it would be the 65th session of the user
 *            at this node), HW_STATUS_TIMEOUT (it is done all the same), HW_STATUS_CLOSED, HW_STATUS_IO.
 * Ownership: inputs are borrowed for the call, and `set` may be NULL; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_set(const struct hw_presence *presence,
                          const char *space,
                          size_t space_len,
                          const char *user,
                          size_t user_len,
                          const struct hw_session_set *set,
                          int64_t timeout_ms,
                          struct hw_blob **view,
                          struct hw_error **error);

/**
 * A sign of life of a leased session; `active` not 0 says that somebody did something there. `lease`, when not NULL,
 * gets until when it lives then.
 *
 * Errors:    HW_STATUS_NOT_FOUND (this node does not answer for it, or not any more: set it), else as hw_presence_set.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_heartbeat(const struct hw_presence *presence,
                                const char *space,
                                size_t space_len,
                                const char *user,
                                size_t user_len,
                                const char *session,
                                size_t session_len,
                                uint8_t active,
                                int64_t timeout_ms,
                                struct hw_presence_lease *lease,
                                struct hw_error **error);

/**
 * Ends a session, whichever node answers for it; one that is not there is nothing. `view` as of hw_presence_set.
 *
 * Errors:    as hw_presence_set.
 * Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_leave(const struct hw_presence *presence,
                            const char *space,
                            size_t space_len,
                            const char *user,
                            size_t user_len,
                            const char *session,
                            size_t session_len,
                            int64_t timeout_ms,
                            struct hw_blob **view,
                            struct hw_error **error);

/**
 * Chooses a status (`online`, `away` or `busy`) for a user who is there, whatever the sessions say, for
 * `how_long_ns` nanoseconds or, when that is 0, until it is changed; the empty text is what the sessions say. `view`
 * as of hw_presence_set.
 *
 * Errors:    as hw_presence_set.
 * Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_choose(const struct hw_presence *presence,
                             const char *space,
                             size_t space_len,
                             const char *user,
                             size_t user_len,
                             const char *status,
                             size_t status_len,
                             uint64_t how_long_ns,
                             int64_t timeout_ms,
                             struct hw_blob **view,
                             struct hw_error **error);

/**
 * Hides a user, who is offline for others then, or, with `hidden` 0, shows it again. `view` as of hw_presence_set.
 *
 * Errors:    as hw_presence_set.
 * Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_hide(const struct hw_presence *presence,
                           const char *space,
                           size_t space_len,
                           const char *user,
                           size_t user_len,
                           uint8_t hidden,
                           int64_t timeout_ms,
                           struct hw_blob **view,
                           struct hw_error **error);

/* ---- held session ------------------------------------------------------------------------------------------------ */

/**
 * Begins a session that the handle keeps alive until it is left or freed. `ttl_ns` of `set` is not looked at.
 *
 * Errors:    as hw_presence_set.
 * Ownership: inputs are borrowed for the call, and `set` may be NULL; `*held` is yours, free with
 *            hw_held_session_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_hold(const struct hw_presence *presence,
                           const char *space,
                           size_t space_len,
                           const char *user,
                           size_t user_len,
                           const struct hw_session_set *set,
                           struct hw_held_session **held,
                           struct hw_error **error);

/**
 * Changes it to what `set` says, but for its name. `view` as of hw_presence_set.
 *
 * Errors:    as hw_presence_set; it is as it was then.
 * Ownership: `set` is borrowed for the call; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_held_session_update(const struct hw_held_session *held,
                                 const struct hw_session_set *set,
                                 int64_t timeout_ms,
                                 struct hw_blob **view,
                                 struct hw_error **error);

/**
 * Somebody did something there: one who is away for want of that is online again.
 *
 * Errors:    HW_STATUS_NOT_FOUND (it was left or purged), HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_held_session_active(const struct hw_held_session *held, struct hw_error **error);

/**
 * Ends it, as freeing it does, and says what went wrong. Ending it twice is nothing. The handle must still be freed.
 *
 * Errors:    HW_STATUS_CLOSED, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_held_session_leave(const struct hw_held_session *held, struct hw_error **error);

/**
 * Frees the handle, which ends the session if it is not over; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_held_session_free(struct hw_held_session *held);

/* ---- presence read ----------------------------------------------------------------------------------------------- */

/**
 * A user as it is. `*view` gets one object in JSON: `user_id`, `space`, `status` ("online", "away", "busy", "unknown"
 * or "offline"), `message`, `last_seen` and `updated_at` (RFC 3339), `chosen` and `invisible` where they hold, and
 * `sessions`, each with `session`, `status`, `message`, `device`, `metadata`, `since`, and `ttl` in seconds or `held`.
 * What is not there is left out; a user of whom nothing is known is offline. Who may not know of one who is
 * `invisible` is to be told that it is offline. Waits at most `timeout_ms` milliseconds, where it is asked through a
 * node; -1 waits for ever.
 *
 * Errors:    HW_STATUS_INVALID (a name that cannot be), HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_get(const struct hw_presence *presence,
                          const char *space,
                          size_t space_len,
                          const char *user,
                          size_t user_len,
                          int64_t timeout_ms,
                          struct hw_blob **view,
                          struct hw_error **error);

/**
 * Users by name, 1,000 at the most. `*reading` gets one object in JSON: `users`, in the order of the question, each
 * as hw_presence_get has it, `stale`, and `as_of`: since when other nodes cannot be heard where it is stale, and now
 * where not.
 *
 * Errors:    as hw_presence_get.
 * Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_get_many(const struct hw_presence *presence,
                               const char *space,
                               size_t space_len,
                               const struct hw_str *users,
                               size_t users_len,
                               int64_t timeout_ms,
                               struct hw_blob **reading,
                               struct hw_error **error);

/**
 * All of a space who are not offline for others, by name: `*reading` is as of hw_presence_get_many.
 *
 * Errors:    as hw_presence_get.
 * Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_list(const struct hw_presence *presence,
                           const char *space,
                           size_t space_len,
                           int64_t timeout_ms,
                           struct hw_blob **reading,
                           struct hw_error **error);

/**
 * How many are in a space: kept, and not counted.
 *
 * Errors:    as hw_presence_get.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_counts(const struct hw_presence *presence,
                             const char *space,
                             size_t space_len,
                             int64_t timeout_ms,
                             struct hw_space_counts *counts,
                             struct hw_error **error);

/**
 * All spaces that were heard of. `*spaces` gets one object in JSON: by name, with `users`, `sessions`, `online`,
 * `away`, `busy` and `unknown` of each.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
 * Ownership: `*spaces` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_spaces(const struct hw_presence *presence,
                             int64_t timeout_ms,
                             struct hw_blob **spaces,
                             struct hw_error **error);

/* ---- presence watcher -------------------------------------------------------------------------------------------- */

/**
 * Follows users: who is there, then what changes. One who leaves more than 1,024 events unread is told anew who is
 * there, and slows nobody.
 *
 * Errors:    HW_STATUS_INVALID (a name that cannot be, too many users), HW_STATUS_CLOSED.
 * Ownership: `options` is borrowed for the call; `*watcher` is yours, free with hw_presence_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_watch(const struct hw_presence *presence,
                            const struct hw_presence_watch_options *options,
                            struct hw_presence_watcher **watcher,
                            struct hw_error **error);

/**
 * Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
 * wait, -1 waits for ever. `*events` gets a list in JSON, each an object with `type`:
 *
 * - "snapshot": `position` and `users`, each as hw_presence_get has it; by name also who is not there. It comes first,
 *   and again where nobody took what changed.
 * - "joined", "updated" or "left": `position`, `session` where it is about one, `was` (the status of the user before)
 *   and `user`.
 * - "counts": `counts`, as hw_presence_spaces has them, in the place of changes while the space is too large for
 *   those.
 * - "view": `stale` and `as_of`, when other nodes cannot be heard any more, or can again.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED.
 * Ownership: `*events` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_watcher_next(const struct hw_presence_watcher *watcher,
                                   size_t max,
                                   int64_t timeout_ms,
                                   struct hw_blob **events,
                                   struct hw_error **error);

/**
 * Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_presence_watcher_wake(const struct hw_presence_watcher *watcher,
                                   const struct hw_waker *waker,
                                   uint64_t token,
                                   struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_presence_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
 * open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_presence_watcher_cancel(const struct hw_presence_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_presence_watcher_close(const struct hw_presence_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_presence_watcher_free(struct hw_presence_watcher *watcher);

/* ---- event store ------------------------------------------------------------------------------------------------- */

/**
 * Opens an event store, and makes its stream and its bucket of snapshots if they are not there.
 *
 * Errors:    HW_STATUS_CONFLICT (it is there with another configuration), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call, and may be NULL; `*store` is yours, free with hw_event_store_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_create_event_store(const struct hw_engine *engine,
                                       const struct hw_events_config *config,
                                       struct hw_event_store **store,
                                       struct hw_error **error);

/**
 * Opens the event store of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_INVALID.
 * Ownership: `*store` is yours, free with hw_event_store_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_event_store(const struct hw_engine *engine,
                                const char *name,
                                size_t name_len,
                                struct hw_event_store **store,
                                struct hw_error **error);

/**
 * The names of all event stores, in order.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_event_stores(const struct hw_engine *engine,
                                 struct hw_strings **names,
                                 struct hw_error **error);

/**
 * Removes an event store with everything in it.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_delete_event_store(const struct hw_engine *engine,
                                       const char *name,
                                       size_t name_len,
                                       struct hw_error **error);

/**
 * Its name.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_event_store_name(const struct hw_event_store *store, struct hw_str *name, struct hw_error **error);

/**
 * The stream of its events.
 *
 * Ownership: `*stream` is yours, free with hw_stream_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_stream(const struct hw_event_store *store,
                                struct hw_stream **stream,
                                struct hw_error **error);

/**
 * The sequence of the last event of an aggregate; 0 when it has none.
 *
 * Errors:    HW_STATUS_INVALID (a kind or a key that cannot be), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_last_seq(const struct hw_event_store *store,
                                  const char *aggregate,
                                  size_t aggregate_len,
                                  const char *key,
                                  size_t key_len,
                                  uint64_t *seq,
                                  struct hw_error **error);

/**
 * Forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it read as
 * erased from then on, and snapshots that have some of its data are passed over. `*had_key`, when not NULL, gets
 * whether there was a key. Copies that were made before, such as backups, are not reached.
 *
 * Errors:    HW_STATUS_INVALID (a name that cannot be), HW_STATUS_UNSUPPORTED (a build without the feature
 *            `shredding`), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_forget(const struct hw_event_store *store,
                                const char *data_subject,
                                size_t data_subject_len,
                                bool *had_key,
                                struct hw_error **error);

/**
 * Lists aggregates whose last event lies behind sequence `after`, the one first that was saved longest ago, at most
 * `max` of them (0 is 1,000). `*next`, when not NULL, gets what to go on behind; 0 at the end. `filter` may be NULL,
 * which is all.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT (a record that is no event), HW_STATUS_IO.
 * Ownership: `*aggregates` is yours, free with hw_aggregates_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_list(const struct hw_event_store *store,
                              const struct hw_event_filter *filter,
                              uint64_t after,
                              size_t max,
                              struct hw_aggregates **aggregates,
                              uint64_t *next,
                              struct hw_error **error);

/**
 * Frees the handle; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_event_store_free(struct hw_event_store *store);

/* ---- aggregates -------------------------------------------------------------------------------------------------- */

/**
 * How many there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_aggregates_len(const struct hw_aggregates *aggregates);

/**
 * The aggregate at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `info->struct_size` is not set).
 * Ownership: texts are borrowed until the list is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_aggregates_get(const struct hw_aggregates *aggregates,
                            size_t index,
                            struct hw_aggregate_info *info,
                            struct hw_error **error);

/**
 * Frees a list of aggregates; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_aggregates_free(struct hw_aggregates *aggregates);

/* ---- event save -------------------------------------------------------------------------------------------------- */

/**
 * Saves 1 to 1,000 events of one aggregate, all or nothing, and returns when the store's durability is reached. With a
 * command in the options, a save that is repeated is recognised among the aggregate's last 1,000 events, saves nothing
 * and answers as then. `options` and `saved` may be NULL.
 *
 * Errors:    HW_STATUS_CONFLICT (the aggregate is not as expected, or the condition does not hold; hw_error_sequences
 *            has both numbers), HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any; savers at once share one sync.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_save(const struct hw_event_store *store,
                              const char *aggregate,
                              size_t aggregate_len,
                              const char *key,
                              size_t key_len,
                              const struct hw_new_event *events,
                              size_t events_len,
                              const struct hw_save_options *options,
                              struct hw_saved *saved,
                              struct hw_error **error);

/**
 * What a save of a command came to, if it is among the aggregate's last 1,000 events: for whoever is to carry a
 * command out that may be carried out already, and has loaded what it left. `*found` says whether it is; `saved` may
 * be NULL, and is written where it is.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_find_command(const struct hw_event_store *store,
                                      const char *aggregate,
                                      size_t aggregate_len,
                                      const char *key,
                                      size_t key_len,
                                      const char *command,
                                      size_t command_len,
                                      bool *found,
                                      struct hw_saved *saved,
                                      struct hw_error **error);

/**
 * Keeps a snapshot of an aggregate. `is_kept`, when not NULL, gets whether it was; not, if there is one of the same
 * version or a newer one, and if one of its data subjects was forgotten.
 *
 * Errors:    HW_STATUS_INVALID (a position without events, a state beyond 8 MiB), HW_STATUS_IO.
 * Ownership: inputs are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_save_snapshot(const struct hw_event_store *store,
                                       const char *aggregate,
                                       size_t aggregate_len,
                                       const char *key,
                                       size_t key_len,
                                       const struct hw_new_snapshot *snapshot,
                                       bool *is_kept,
                                       struct hw_error **error);

/* ---- event load -------------------------------------------------------------------------------------------------- */

/**
 * Loads an aggregate: a snapshot of the schema that was asked for, if there is one, and the events behind it. One that
 * has no event is loaded as version 0. `options` may be NULL.
 *
 * Errors:    HW_STATUS_NOT_FOUND (a version that it has not reached, or what it is to begin behind), HW_STATUS_CORRUPT
 *            (events that are missing, a record that is none), HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: inputs are borrowed for the call; `*events` is yours, free with hw_events_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_load(const struct hw_event_store *store,
                              const char *aggregate,
                              size_t aggregate_len,
                              const char *key,
                              size_t key_len,
                              const struct hw_load_options *options,
                              struct hw_events **events,
                              struct hw_error **error);

/**
 * The snapshot of an aggregate, if there is one that can be read: `*events` has it without an event, or is empty.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `*events` is yours, free with hw_events_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_snapshot(const struct hw_event_store *store,
                                  const char *aggregate,
                                  size_t aggregate_len,
                                  const char *key,
                                  size_t key_len,
                                  struct hw_events **events,
                                  struct hw_error **error);

/* ---- event archive ----------------------------------------------------------------------------------------------- */

/**
 * Moves the events of an aggregate that lie before its snapshot into the archive of the store: those up to version
 * `up_to`, or all of them when 0. The event that the snapshot ends with stays, and so do those that a projection has
 * not taken in yet. Loads, projections and feeds that begin before them read them from there. A call that was cut
 * short is made again. `archived` may be NULL. `*held_back_by`, when not NULL, gets the name of the projection that
 * kept events where they are, or an empty list.
 *
 * Errors:    HW_STATUS_NOT_FOUND (no snapshot), HW_STATUS_INVALID (a version that lies not before it),
 *            HW_STATUS_CONFLICT (the archive is that of another history), HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: inputs are borrowed for the call; `*held_back_by` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_archive(const struct hw_event_store *store,
                                 const char *aggregate,
                                 size_t aggregate_len,
                                 const char *key,
                                 size_t key_len,
                                 uint64_t up_to,
                                 struct hw_archived *archived,
                                 struct hw_strings **held_back_by,
                                 struct hw_error **error);

/* ---- events ------------------------------------------------------------------------------------------------------ */

/**
 * How many events it holds; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_events_len(const struct hw_events *events);

/**
 * Where the aggregate stands by the last event that was loaded; both 0 when it has none up to there, and for what a
 * feed gave. Either may be NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_events_position(const struct hw_events *events,
                             uint64_t *version,
                             uint64_t *seq,
                             struct hw_error **error);

/**
 * The snapshot that the events begin behind.
 *
 * Errors:    HW_STATUS_NOT_FOUND (they begin with the first one, or where you said), HW_STATUS_INVALID
 *            (`snapshot->struct_size` is not set).
 * Ownership: `data` is borrowed until the events are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_events_snapshot(const struct hw_events *events,
                             struct hw_snapshot *snapshot,
                             struct hw_error **error);

/**
 * The data subject `place` of the snapshot that the events begin behind.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or there is no snapshot).
 * Ownership: `*name` is borrowed until the events are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_events_snapshot_data_subject(const struct hw_events *events,
                                          size_t place,
                                          struct hw_str *name,
                                          struct hw_error **error);

/**
 * The event at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `event->struct_size` is not set), HW_STATUS_CORRUPT (the record there
 *            is no event; others are not harmed).
 * Ownership: texts and bytes are borrowed until the events are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_events_get(const struct hw_events *events,
                        size_t index,
                        struct hw_event *event,
                        struct hw_error **error);

/**
 * The name and value `place` of the metadata of the event at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end), HW_STATUS_CORRUPT.
 * Ownership: `*name` and `*value` are borrowed until the events are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_events_metadata(const struct hw_events *events,
                             size_t index,
                             size_t place,
                             struct hw_str *name,
                             struct hw_str *value,
                             struct hw_error **error);

/**
 * Frees them; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_events_free(struct hw_events *events);

/* ---- event feed -------------------------------------------------------------------------------------------------- */

/**
 * Follows the events of some aggregates: those that are there, then those that come, each once and in the order of the
 * store. `options` may be NULL.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Ownership: `options` is borrowed for the call; `*feed` is yours, free with hw_event_feed_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_follow(const struct hw_event_store *store,
                                const struct hw_follow_options *options,
                                struct hw_event_feed **feed,
                                struct hw_error **error);

/**
 * Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
 * wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (closed here or
 *            on another thread), HW_STATUS_IO.
 * Ownership: `*events` is yours, free with hw_events_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_feed_next(const struct hw_event_feed *feed,
                             size_t max,
                             int64_t timeout_ms,
                             struct hw_events **events,
                             struct hw_error **error);

/**
 * Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_feed_wake(const struct hw_event_feed *feed,
                             const struct hw_waker *waker,
                             uint64_t token,
                             struct hw_error **error);

/**
 * How many events, of any aggregate, the store has behind what was taken: 0 is live.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_event_feed_lag(const struct hw_event_feed *feed, uint64_t *lag, struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_event_feed_next now: they return HW_STATUS_TIMEOUT. It stays open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_event_feed_cancel(const struct hw_event_feed *feed, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_event_feed_close(const struct hw_event_feed *feed, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_event_feed_free(struct hw_event_feed *feed);

/* ---- projection -------------------------------------------------------------------------------------------------- */

/**
 * Opens a projection; from then on, whoever had it open is refused. It goes on behind what was committed.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*projection` is yours, free with hw_projection_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_projection(const struct hw_event_store *store,
                                    const struct hw_projection_config *config,
                                    struct hw_projection **projection,
                                    struct hw_error **error);

/**
 * The sequence of the last event in effect; 0 is none.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_position(const struct hw_projection *projection, uint64_t *seq, struct hw_error **error);

/**
 * The state that was committed last; empty when none was.
 *
 * Ownership: `*state` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_state(const struct hw_projection *projection,
                              struct hw_blob **state,
                              struct hw_error **error);

/**
 * Says where the read model stands, which keeps its position itself: what comes next lies behind it. Commits then only
 * tell the store, about once a second.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_seek(const struct hw_projection *projection, uint64_t seq, struct hw_error **error);

/**
 * Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one and for the end
 * of a pause: 0 does not wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CONFLICT (another one
 *            opened it), HW_STATUS_CLOSED (closed here or on another thread), HW_STATUS_IO.
 * Ownership: `*events` is yours, free with hw_events_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_next(const struct hw_projection *projection,
                             size_t max,
                             int64_t timeout_ms,
                             struct hw_events **events,
                             struct hw_error **error);

/**
 * Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_wake(const struct hw_projection *projection,
                             const struct hw_waker *waker,
                             uint64_t token,
                             struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_projection_next now: they return HW_STATUS_TIMEOUT. It stays open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_cancel(const struct hw_projection *projection, struct hw_error **error);

/**
 * Says that all events up to `seq` are in effect, in the memory of a program that commits later.
 *
 * Errors:    HW_STATUS_INVALID (`seq` was not given out).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_advance(const struct hw_projection *projection, uint64_t seq, struct hw_error **error);

/**
 * Says that all events up to `seq` are in effect. `state`, 8 MiB at the most, is kept with it where the store keeps
 * the position, and takes the place of the one before, also when it is empty.
 *
 * Errors:    HW_STATUS_INVALID (`seq` was not given out, or `state` is too long), HW_STATUS_CONFLICT (another one
 *            opened it), HW_STATUS_IO.
 * Ownership: `state` is borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_commit(const struct hw_projection *projection,
                               uint64_t seq,
                               const void *state,
                               size_t state_len,
                               struct hw_error **error);

/**
 * Tells the store now what it would be told within a second.
 *
 * Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_flush(const struct hw_projection *projection, struct hw_error **error);

/**
 * Says that the event at `seq`, and with it what was given out behind it, is not in effect, and why: it is given out
 * again after a pause, or is a dead letter from now on. `failure`, when not NULL, gets which.
 *
 * Errors:    HW_STATUS_INVALID (`seq` was not given out, or is in effect), HW_STATUS_CONFLICT (another one opened it),
 *            HW_STATUS_IO.
 * Ownership: `why` is borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_fail(const struct hw_projection *projection,
                             uint64_t seq,
                             const char *why,
                             size_t why_len,
                             struct hw_failure *failure,
                             struct hw_error **error);

/**
 * How many events, of any aggregate, the store has behind what is in effect: 0 is live.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_lag(const struct hw_projection *projection, uint64_t *lag, struct hw_error **error);

/**
 * The sequence of the last event for it that there is now; 0 when there is none.
 *
 * Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_head(const struct hw_projection *projection, uint64_t *seq, struct hw_error **error);

/**
 * Makes what was built anew the live projection of this name: whoever runs that one is refused from then on.
 * `*switched` is 0, and nothing is done, where it is behind that one.
 *
 * Errors:    HW_STATUS_MISUSE (it was not opened with `is_rebuild`), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_projection_switch(const struct hw_projection *projection,
                               uint8_t *switched,
                               struct hw_error **error);

/**
 * Ends it, and tells the store where it stands: waits and later calls return HW_STATUS_CLOSED. Closing twice is
 * nothing. The handle must still be freed.
 *
 * Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO; it is closed all the same.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_projection_close(const struct hw_projection *projection, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_projection_free(struct hw_projection *projection);

/* ---- projection status ------------------------------------------------------------------------------------------- */

/**
 * All projections that were opened, by name. `*projections` gets a list in JSON, each with `name`, `is_rebuild`,
 * `position`, `lag` (how many events, of any aggregate, the store has behind that; 0 if none of them is for it),
 * `is_running`, `failing` (null, or `seq`, `tries` and `error`), `dead` (how many of its events are dead letters),
 * `updated` (RFC 3339) and `filters` (each with `aggregate` and `key` where it has them).
 *
 * Errors:    HW_STATUS_IO.
 * Ownership: `*projections` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_projections(const struct hw_event_store *store,
                                     struct hw_blob **projections,
                                     struct hw_error **error);

/**
 * Forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_delete_projection(const struct hw_event_store *store,
                                           const char *name,
                                           size_t name_len,
                                           struct hw_error **error);

/**
 * Dead letters of a projection whose events lie behind sequence `after`, at most `max` of them (0 is 1,000).
 * `*letters` gets a list in JSON, each with `seq`, `tries`, `error` and `time` (RFC 3339).
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
 * Ownership: `*letters` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_dead_letters(const struct hw_event_store *store,
                                      const char *projection,
                                      size_t projection_len,
                                      uint64_t after,
                                      size_t max,
                                      struct hw_blob **letters,
                                      struct hw_error **error);

/**
 * Removes the dead letter of the event at `seq`, say as it was taken in after all. `*was_there`, when not NULL, says
 * whether there was one.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_delete_dead_letter(const struct hw_event_store *store,
                                            const char *projection,
                                            size_t projection_len,
                                            uint64_t seq,
                                            uint8_t *was_there,
                                            struct hw_error **error);

/**
 * The event at a sequence of the store, alone in a list, which is empty where there is none.
 *
 * Errors:    HW_STATUS_CORRUPT (a record that is no event), HW_STATUS_IO.
 * Ownership: `*events` is yours, free with hw_events_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_event_store_event_at(const struct hw_event_store *store,
                                  uint64_t seq,
                                  struct hw_events **events,
                                  struct hw_error **error);

/* ---- entities ---------------------------------------------------------------------------------------------------- */

/**
 * Begins to keep live entities, alone or as a node of a cluster, whose bucket is made if it is not there.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_UNSUPPORTED (a cluster on an engine without requests from node to node),
 *            HW_STATUS_MISUSE (a cluster over a mesh on an engine that has joined none), HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call, and may be NULL; `*entities` is yours, free with hw_entities_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_entities(const struct hw_engine *engine,
                             const struct hw_entities_config *config,
                             struct hw_entities **entities,
                             struct hw_error **error);

/**
 * How many handlers are alive on this node.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_active(const struct hw_entities *entities, size_t *active, struct hw_error **error);

/**
 * For tests: hands out nothing of an entity until hw_entities_step or hw_entities_resume.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_pause(const struct hw_entities *entities,
                            const char *kind,
                            size_t kind_len,
                            const char *key,
                            size_t key_len,
                            struct hw_error **error);

/**
 * For tests: hands out one item of an entity that is paused.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_step(const struct hw_entities *entities,
                           const char *kind,
                           size_t kind_len,
                           const char *key,
                           size_t key_len,
                           struct hw_error **error);

/**
 * For tests: ends a pause.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_resume(const struct hw_entities *entities,
                             const char *kind,
                             size_t kind_len,
                             const char *key,
                             size_t key_len,
                             struct hw_error **error);

/**
 * Leaves the cluster in good order: what waits is done, so other threads must go on to take turns, its handlers stop,
 * and its shards go to the others. Then it is closed. Without a cluster it only closes.
 *
 * Errors:    HW_STATUS_CLOSED, HW_STATUS_IO; it is not closed then.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_leave(const struct hw_entities *entities, struct hw_error **error);

/**
 * Ends it: whoever waits gets HW_STATUS_CLOSED, and turns that are out are void. Closing twice is nothing. The handle
 * must still be freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_close(const struct hw_entities *entities, struct hw_error **error);

/**
 * Closes and frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_entities_free(struct hw_entities *entities);

/* ---- entity request ---------------------------------------------------------------------------------------------- */

/**
 * Asks an entity; the answer comes to `*reply`.
 *
 * What it may come to: what its handler answers; HW_STATUS_TIMEOUT when it does not in time; HW_STATUS_LIMIT when too
 * many messages wait for it; HW_STATUS_INVALID for a request that would wait for itself, with the cycle;
 * HW_STATUS_BUSY when no node has it now; HW_STATUS_INTERNAL when its handler breaks.
 *
 * Errors:    HW_STATUS_INVALID (a text is not UTF-8, or too long).
 * Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_request(const struct hw_entities *entities,
                              const struct hw_entity_message *message,
                              struct hw_reply **reply,
                              struct hw_error **error);

/**
 * Tells an entity something, and does not wait for it. An empty answer comes to `*reply` when the message is in its
 * mailbox, here or on the node that has it; with `reply` NULL the call waits for that.
 *
 * Errors:    as hw_entities_request, as far as they are known then.
 * Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_notify(const struct hw_entities *entities,
                             const struct hw_entity_message *message,
                             struct hw_reply **reply,
                             struct hw_error **error);

/**
 * Waits for the answer, for at most `timeout_ms` milliseconds: 0 looks and does not wait, -1 waits until the request's
 * own deadline. Once it is there, every call gives the same one. `answer` may be NULL.
 *
 * Errors:    HW_STATUS_TIMEOUT (it is not there yet, and may be waited for again; or the request's deadline passed),
 *            HW_STATUS_MISUSE (in use on another thread), and what the request came to.
 * Ownership: `*answer` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_reply_wait(struct hw_reply *reply,
                        int64_t timeout_ms,
                        struct hw_blob **answer,
                        struct hw_error **error);

/**
 * Arms once: when the answer is there, `token` goes to the waker's list. Then hw_reply_wait with a timeout of 0 has
 * it.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread).
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_reply_wake(struct hw_reply *reply,
                        const struct hw_waker *waker,
                        uint64_t token,
                        struct hw_error **error);

/**
 * Whether the answer is there, or what the request came to instead: then hw_reply_wait with a timeout of 0 has it, and
 * HW_STATUS_TIMEOUT is what it came to.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread).
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_reply_is_done(struct hw_reply *reply, bool *is_done, struct hw_error **error);

/**
 * Frees it; NULL is nothing. That gives up the wait, not the message.
 *
 * Since:     0.1
 */
HW_API void hw_reply_free(struct hw_reply *reply);

/* ---- entity turn ------------------------------------------------------------------------------------------------- */

/**
 * Takes up to `max` turns (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
 * wait, -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED.
 * Ownership: `*turns` is yours, free with hw_turns_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_next(const struct hw_entities *entities,
                           size_t max,
                           int64_t timeout_ms,
                           struct hw_turns **turns,
                           struct hw_error **error);

/**
 * Arms once: when there is a turn to take, or they are closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_wake(const struct hw_entities *entities,
                           const struct hw_waker *waker,
                           uint64_t token,
                           struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_entities_next now: they return HW_STATUS_TIMEOUT.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_cancel(const struct hw_entities *entities, struct hw_error **error);

/**
 * How many turns it holds; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_turns_len(const struct hw_turns *turns);

/**
 * The turn at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `turn->struct_size` is not set).
 * Ownership: texts are borrowed until the turns are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_turns_get(const struct hw_turns *turns,
                       size_t index,
                       struct hw_turn *turn,
                       struct hw_error **error);

/**
 * The item `place` of the turn at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `item->struct_size` is not set).
 * Ownership: texts and bytes are borrowed until the turns are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_turns_item(const struct hw_turns *turns,
                        size_t index,
                        size_t place,
                        struct hw_turn_item *item,
                        struct hw_error **error);

/**
 * Frees them; NULL is nothing. Their tokens stay good.
 *
 * Since:     0.1
 */
HW_API void hw_turns_free(struct hw_turns *turns);

/**
 * Says what items of a turn came to, each an answer or an error that goes to whoever asked. When all are told, the
 * turn is over. A start that failed ends its turn: what is behind it is settled.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over, or an item was told: those before it are taken), HW_STATUS_INVALID.
 * Ownership: `answers` is borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_complete(const struct hw_entities *entities,
                               uint64_t token,
                               const struct hw_item_answer *answers,
                               size_t answers_len,
                               struct hw_error **error);

/**
 * Says that the handler broke at an item: whoever asked gets HW_STATUS_INTERNAL with `why`, what is behind it waits,
 * and the handler is begun anew after a pause.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over).
 * Ownership: `why` is borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_crash(const struct hw_entities *entities,
                            uint64_t token,
                            uint32_t item,
                            const char *why,
                            size_t why_len,
                            struct hw_error **error);

/**
 * Gives a turn back that nobody goes on with, as whoever handles it ends: what is not told waits for whoever takes it
 * next, and the handler is begun anew.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_give_back(const struct hw_entities *entities, uint64_t token, struct hw_error **error);

/**
 * Whether a turn is out still: not all of it is told, and its lease is not over.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_is_out(const struct hw_entities *entities,
                             uint64_t token,
                             bool *is_out,
                             struct hw_error **error);

/**
 * Sets a timer of the entity whose turn it is, in the place of one of the same name: it rings `after_ms` milliseconds
 * from now, and then every `every_ms`, or once when that is 0. It ends with its handler.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_set_timer(const struct hw_entities *entities,
                                uint64_t token,
                                const char *name,
                                size_t name_len,
                                uint64_t after_ms,
                                uint64_t every_ms,
                                struct hw_error **error);

/**
 * Takes a timer back. `*was_set`, when not NULL, says whether there was one of this name.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_cancel_timer(const struct hw_entities *entities,
                                   uint64_t token,
                                   const char *name,
                                   size_t name_len,
                                   uint8_t *was_set,
                                   struct hw_error **error);

/**
 * Says how many bytes the handler holds whose turn it is, from now on until it says otherwise or ends: what `memory`
 * of hw_entities_config limits.
 *
 * Errors:    HW_STATUS_MISUSE (the turn is over).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_holds(const struct hw_entities *entities,
                            uint64_t token,
                            uint64_t bytes,
                            struct hw_error **error);

/**
 * Counts a background task of the entity whose turn it is, and names it. It keeps its handler alive, and is void when
 * that ends.
 *
 * Errors:    HW_STATUS_LIMIT (as many are under way as may be), HW_STATUS_MISUSE (the turn is over).
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_begin_task(const struct hw_entities *entities,
                                 uint64_t token,
                                 uint64_t *task,
                                 struct hw_error **error);

/**
 * Says that a background task is done: what it leaves goes to its handler as a message that nobody waits for; none
 * where `name` is NULL.
 *
 * Errors:    HW_STATUS_MISUSE (it is over: it was ended, or its handler was).
 * Ownership: `name` and `payload` are borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_end_task(const struct hw_entities *entities,
                               uint64_t task,
                               const char *name,
                               size_t name_len,
                               const void *payload,
                               size_t payload_len,
                               struct hw_error **error);

/* ---- entity place ------------------------------------------------------------------------------------------------ */

/**
 * Which entities of a kind are there on all nodes, or of all kinds when it is empty. `*list` gets a list in JSON, by
 * kind and key, each with `kind`, `key`, `shard`, `node` (empty without a cluster), `state` (`idle`, `ready`,
 * `running`, `resting` or `paused`) and `waiting`, the number of messages; the first of each node as far as 512 KiB
 * reach. A node that does not answer has none to show.
 *
 * Errors:    HW_STATUS_CLOSED, HW_STATUS_IO.
 * Ownership: `*list` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_list(const struct hw_entities *entities,
                           const char *kind,
                           size_t kind_len,
                           struct hw_blob **list,
                           struct hw_error **error);

/**
 * The nodes of the cluster. `*nodes` gets a list in JSON, by name, each with `name`, `is_alive`, `weight` and
 * `shards`, the number that it has; an empty one without a cluster.
 *
 * Ownership: `*nodes` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_entities_nodes(const struct hw_entities *entities, struct hw_blob **nodes, struct hw_error **error);

/**
 * Where an entity is: `*node`, when not NULL, gets the name of its node, empty while it is on none and without a
 * cluster.
 *
 * Errors:    HW_STATUS_INVALID.
 * Ownership: `*node` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_where(const struct hw_entities *entities,
                            const char *kind,
                            size_t kind_len,
                            const char *key,
                            size_t key_len,
                            struct hw_entity_place *place,
                            struct hw_blob **node,
                            struct hw_error **error);

/**
 * The shard of an entity where keys are spread over so many of them; 0 is 256.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_shard_of(const char *kind,
                      size_t kind_len,
                      const char *key,
                      size_t key_len,
                      uint32_t shards,
                      uint32_t *shard,
                      struct hw_error **error);

/**
 * Which of these nodes a shard belongs on: `*owner` is its index.
 *
 * Errors:    HW_STATUS_NOT_FOUND (no node has a weight), HW_STATUS_INVALID.
 * Ownership: `nodes` is borrowed for the call.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_shard_owner(uint32_t shard,
                         const struct hw_shard_node *nodes,
                         size_t nodes_len,
                         size_t *owner,
                         struct hw_error **error);

/* ---- entities client --------------------------------------------------------------------------------------------- */

/**
 * Connects to a node, and finds out which clusters it is in where none is named.
 *
 * Errors:    HW_STATUS_INVALID (no such address, certificates that cannot be, or several clusters, with their names),
 *            HW_STATUS_NOT_FOUND (nobody is there, the node is in no cluster, or a file is not there), HW_STATUS_IO,
 *            HW_STATUS_UNSUPPORTED (the library was built without the mesh).
 * Ownership: `config` is borrowed for the call; `*client` is yours, free with hw_entities_client_free.
 * Threads:   any. The client has a thread of its own for the connection.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_connect(const struct hw_entities_client_config *config,
                                     struct hw_entities_client **client,
                                     struct hw_error **error);

/**
 * Asks an entity; the answer comes to `*reply`, as with hw_entities_request. A token of a turn in the message is not
 * looked at.
 *
 * Errors:    HW_STATUS_INVALID (a text is not UTF-8, or too long).
 * Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_request(const struct hw_entities_client *client,
                                     const struct hw_entity_message *message,
                                     struct hw_reply **reply,
                                     struct hw_error **error);

/**
 * Tells an entity something, and does not wait for it. An empty answer comes to `*reply` when the message is in its
 * mailbox; with `reply` NULL the call waits for that.
 *
 * Errors:    as hw_entities_client_request, as far as they are known then.
 * Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_notify(const struct hw_entities_client *client,
                                    const struct hw_entity_message *message,
                                    struct hw_reply **reply,
                                    struct hw_error **error);

/**
 * Which entities of a kind are there on all nodes, or of all kinds when it is empty: `*list` gets what
 * hw_entities_list gives, of all nodes as far as 4 MiB reach.
 *
 * Errors:    HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
 * Ownership: `*list` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_list(const struct hw_entities_client *client,
                                  const char *kind,
                                  size_t kind_len,
                                  struct hw_blob **list,
                                  struct hw_error **error);

/**
 * The nodes of the cluster, as the one that is called knows them: `*nodes` gets what hw_entities_nodes gives.
 *
 * Errors:    HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
 * Ownership: `*nodes` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_nodes(const struct hw_entities_client *client,
                                   struct hw_blob **nodes,
                                   struct hw_error **error);

/**
 * Where an entity is: `place` gets its shard, and is never here; `*node`, when not NULL, gets the name of its node,
 * empty while it is on none.
 *
 * Errors:    HW_STATUS_INVALID, HW_STATUS_NOT_FOUND (the node is not there), HW_STATUS_TIMEOUT, HW_STATUS_IO.
 * Ownership: `*node` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_entities_client_where(const struct hw_entities_client *client,
                                   const char *kind,
                                   size_t kind_len,
                                   const char *key,
                                   size_t key_len,
                                   struct hw_entity_place *place,
                                   struct hw_blob **node,
                                   struct hw_error **error);

/**
 * Ends the connection and frees the client; NULL is nothing. No other thread may be using it. Answers that are on
 * their way may still come.
 *
 * Since:     0.1
 */
HW_API void hw_entities_client_free(struct hw_entities_client *client);

/* ---- replica ----------------------------------------------------------------------------------------------------- */

/**
 * Makes an empty replica whose operations are those of the actor `engine` and `epoch`. No two replicas may ever have
 * been given the same one: 64 random bits are a good epoch.
 *
 * Ownership: `*replica` is yours, free with hw_replica_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_replica_new(uint64_t engine, uint64_t epoch, struct hw_replica **replica, struct hw_error **error);

/**
 * Whose operations are made here.
 *
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_actor(struct hw_replica *replica, struct hw_actor *actor, struct hw_error **error);

/**
 * Does one operation. `now_ms` is the time in milliseconds since the epoch. `is_done` says whether there was anything
 * to do, and may be NULL.
 *
 * Errors:    HW_STATUS_CONFLICT (something is alive there as another kind, or rights are missing), HW_STATUS_LIMIT (a
 *            value, a name, a path or a total is too large), HW_STATUS_UNSUPPORTED (a bounded counter is not removed,
 *            and not in a map), HW_STATUS_INVALID. Nothing was changed.
 * Ownership: inputs are borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_write(struct hw_replica *replica,
                           const struct hw_crdt_change *change,
                           uint64_t now_ms,
                           bool *is_done,
                           struct hw_error **error);

/**
 * Does all of several operations or, if one of them is refused, nothing.
 *
 * Errors:    as hw_replica_write, with the place of the operation.
 * Ownership: inputs are borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_transaction(struct hw_replica *replica,
                                 const struct hw_crdt_change *changes,
                                 size_t changes_len,
                                 uint64_t now_ms,
                                 struct hw_error **error);

/**
 * What is at a key, or in a field that `fields` lead to, as a `kind` (an hw_crdt_kind), at the time `now_ms`. What is
 * not there reads as 0, none, empty or off.
 *
 * Errors:    HW_STATUS_INVALID.
 * Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_reading_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_read(struct hw_replica *replica,
                          const char *key,
                          size_t key_len,
                          const struct hw_str *fields,
                          size_t fields_len,
                          int32_t kind,
                          uint64_t now_ms,
                          struct hw_reading **reading,
                          struct hw_error **error);

/**
 * Whether a value is in a set at the time `now_ms`. `kind` is as hw_crdt_contains has it.
 *
 * Errors:    HW_STATUS_INVALID.
 * Ownership: inputs are borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_contains(struct hw_replica *replica,
                              const char *key,
                              size_t key_len,
                              const struct hw_str *fields,
                              size_t fields_len,
                              int32_t kind,
                              const struct hw_crdt_value *value,
                              uint64_t now_ms,
                              bool *contains,
                              struct hw_error **error);

/**
 * How much this replica's actor may take from a bounded counter, or give of it.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_rights(struct hw_replica *replica,
                            const char *key,
                            size_t key_len,
                            struct hw_int128 *rights,
                            struct hw_error **error);

/**
 * All keys, in no order. A key may hold nothing that is alive. The number that goes with each is its kind, an
 * hw_crdt_kind.
 *
 * Ownership: `*keys` is yours, free with hw_strings_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_keys(struct hw_replica *replica, struct hw_strings **keys, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_replica_free(struct hw_replica *replica);

/* ---- replica exchange -------------------------------------------------------------------------------------------- */

/**
 * What was done here since the last call, as one fragment for all others; no bytes if nothing was.
 *
 * Ownership: `*fragment` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_take_delta(struct hw_replica *replica, struct hw_blob **fragment, struct hw_error **error);

/**
 * All there is, as a fragment. What it does not have was removed, for those who apply it.
 *
 * Ownership: `*fragment` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_whole(struct hw_replica *replica, struct hw_blob **fragment, struct hw_error **error);

/**
 * Some keys in full, also those that are not here, as a fragment: `names` and `kinds` (each an hw_crdt_kind) are
 * equally long.
 *
 * Errors:    HW_STATUS_INVALID.
 * Ownership: inputs are borrowed for the call; `*fragment` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_some(struct hw_replica *replica,
                          const struct hw_str *names,
                          const int32_t *kinds,
                          size_t len,
                          struct hw_blob **fragment,
                          struct hw_error **error);

/**
 * Every key in full in which something is alive that a replica with this context has not applied, as a fragment. What
 * was only removed is not in it.
 *
 * Errors:    HW_STATUS_CORRUPT (the bytes are no context), HW_STATUS_INVALID.
 * Ownership: `context` is borrowed for the call; `*fragment` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_since(struct hw_replica *replica,
                           const void *context,
                           size_t context_len,
                           struct hw_blob **fragment,
                           struct hw_error **error);

/**
 * The operations whose whole effect is here, as the bytes of a context.
 *
 * Ownership: `*context` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_context(struct hw_replica *replica, struct hw_blob **context, struct hw_error **error);

/**
 * Says that all keys that a replica had when its context was this one have been applied here, one by one.
 *
 * Errors:    HW_STATUS_CORRUPT (the bytes are no context), HW_STATUS_INVALID.
 * Ownership: `context` is borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_caught_up(struct hw_replica *replica,
                               const void *context,
                               size_t context_len,
                               struct hw_error **error);

/**
 * Joins a fragment of another replica. It may come late, twice and in any order. If its stamps are more than 5 s ahead
 * of `now_ms`, it is held instead until their time has come (hw_replica_release). `is_held` and `changed` may be NULL;
 * `*changed` gets the keys that changed, in no order, the number that goes with each being its kind.
 *
 * Errors:    HW_STATUS_CORRUPT (the bytes are no fragment; the message says at which byte), HW_STATUS_LIMIT (too many
 *            are held), HW_STATUS_CONFLICT (it has operations of this replica's own actor that were not made here).
 *            Nothing was changed.
 * Ownership: `fragment` is borrowed for the call; `*changed` is yours, free with hw_strings_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_apply(struct hw_replica *replica,
                           const void *fragment,
                           size_t fragment_len,
                           uint64_t now_ms,
                           bool *is_held,
                           struct hw_strings **changed,
                           struct hw_error **error);

/**
 * The part of a delta that is new here, as a fragment to be sent on; no bytes if all of it is known. Asked before the
 * delta is applied. A delta of which an operation left nothing alive, such as a removal, stays whole.
 *
 * Errors:    HW_STATUS_CORRUPT (the bytes are no fragment), HW_STATUS_INVALID (it is not a delta).
 * Ownership: `delta` is borrowed for the call; `*fragment` is yours, free with hw_blob_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_extract(struct hw_replica *replica,
                             const void *delta,
                             size_t delta_len,
                             struct hw_blob **fragment,
                             struct hw_error **error);

/**
 * Joins a fragment that a replica of the same actor wrote down, whatever its stamps, the actor's own operations
 * included, and goes on behind the last of them. That replica must not go on too.
 *
 * Errors:    HW_STATUS_CORRUPT (the bytes are no fragment). Nothing was changed.
 * Ownership: `fragment` is borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_restore(struct hw_replica *replica,
                             const void *fragment,
                             size_t fragment_len,
                             struct hw_error **error);

/**
 * How many fragments are held, as their stamps are too far ahead; 1,024 at the most.
 *
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API hw_status hw_replica_held(struct hw_replica *replica, size_t *count, struct hw_error **error);

/**
 * Joins the fragments that are held whose time has come at `now_ms`, or with `all` not 0 every one. `*changed` gets
 * the keys that changed, each with its kind as its number, and may be NULL.
 *
 * Ownership: `*changed` is yours, free with hw_strings_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_release(struct hw_replica *replica,
                             int32_t all,
                             uint64_t now_ms,
                             struct hw_strings **changed,
                             struct hw_error **error);

/**
 * A digest of what lives in a key as a `kind` (an hw_crdt_kind) at the time `now_ms`, equal where replicas are; 0 for
 * nothing.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_digest(struct hw_replica *replica,
                            const char *key,
                            size_t key_len,
                            int32_t kind,
                            uint64_t now_ms,
                            uint64_t *digest,
                            struct hw_error **error);

/* ---- replica stable ---------------------------------------------------------------------------------------------- */

/**
 * Drops what is dead and causally stable, given what each other replica there is had applied when it was last heard
 * of: `actors` and `contexts` (as hw_replica_context gives them) are equally long. With no others, all that is dead
 * goes. Nothing that is read changes, and nothing is dropped while one of them has applied what this replica has not.
 * `*dropped` gets how many dead rows of counters and expired dots went, `*operations` in how many keys stable removals
 * were done away with by an operation that goes to the others; both may be NULL.
 *
 * Errors:    HW_STATUS_CORRUPT (bytes that are no context), HW_STATUS_INVALID.
 * Ownership: inputs are borrowed for the call.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_replica_stable(struct hw_replica *replica,
                            const struct hw_actor *actors,
                            const struct hw_bytes *contexts,
                            size_t len,
                            uint64_t now_ms,
                            uint64_t *dropped,
                            uint64_t *operations,
                            struct hw_error **error);

/* ---- database ---------------------------------------------------------------------------------------------------- */

/**
 * Makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
 * detached. What any program writes to it is captured in the file itself from now on.
 *
 * The log is stream `REPLICA_<name>`: a link of it to a hub, or of the streams of two engines to one, joins nodes. The
 * file is in WAL mode from then on. It does not replicate what has no primary key and what is no ordinary table;
 * hw_database_status names those. An engine with such a file stays open until hw_engine_close.
 *
 * Errors:    HW_STATUS_INVALID (a configuration that cannot be), HW_STATUS_NOT_FOUND (no such file),
 *            HW_STATUS_CORRUPT (it is no SQLite file), HW_STATUS_CONFLICT (another file is attached under the name, or
 *            this one is worked on with another one; or this process has the file open otherwise, which is seen on
 *            Linux), HW_STATUS_UNSUPPORTED (`engine` cannot be written to, or the library was built without it),
 *            HW_STATUS_BUSY, HW_STATUS_IO.
 * Ownership: `config` is borrowed for the call; `*database` is yours, free with hw_database_free.
 * Threads:   any. The engine has a thread of its own for each file.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_attach(const struct hw_engine *engine,
                           const struct hw_database_config *config,
                           struct hw_database **database,
                           struct hw_error **error);

/**
 * The attached file of this name.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED.
 * Ownership: `*database` is yours, free with hw_database_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_database(const struct hw_engine *engine,
                             const char *name,
                             size_t name_len,
                             struct hw_database **database,
                             struct hw_error **error);

/**
 * How each attached file stands, by name: `*statuses` gets a list in JSON of what hw_database_status gives of one.
 * Waits at most `timeout_ms` milliseconds; -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_UNSUPPORTED, HW_STATUS_CLOSED.
 * Ownership: `*statuses` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_databases(const struct hw_engine *engine,
                              int64_t timeout_ms,
                              struct hw_blob **statuses,
                              struct hw_error **error);

/**
 * What the nodes call it.
 *
 * Ownership: `*name` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_name(const struct hw_database *database, struct hw_str *name, struct hw_error **error);

/**
 * The file, by its whole path.
 *
 * Ownership: `*path` is borrowed until the handle is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_path(const struct hw_database *database, struct hw_str *path, struct hw_error **error);

/**
 * The streams that are its log: one for each shard, so one unless `log_shards` said more.
 *
 * Ownership: `*names` is yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_stream_names(const struct hw_database *database,
                                   struct hw_strings **names,
                                   struct hw_error **error);

/**
 * Takes in all that was written here before the call and puts it into the log, and joins all that the log has of
 * others. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CONFLICT (it is paused), HW_STATUS_NOT_FOUND (it was detached),
 *            HW_STATUS_CLOSED; what its work ran into.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_sync(const struct hw_database *database, int64_t timeout_ms, struct hw_error **error);

/**
 * Leaves the file alone until hw_database_resume, across restarts too. What is written is captured, and waits.
 *
 * Errors:    HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED, HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_pause(const struct hw_database *database, struct hw_error **error);

/**
 * Goes on.
 *
 * Errors:    as hw_database_pause.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_resume(const struct hw_database *database, struct hw_error **error);

/**
 * Lets in what is held, as the clock of the node that wrote it is too far ahead. `count`, when not NULL, gets how many
 * units that was.
 *
 * Errors:    as hw_database_pause.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_release(const struct hw_database *database, uint64_t *count, struct hw_error **error);

/**
 * Ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
 * others, which hw_database_sync before prevents. The handle must still be freed.
 *
 * Errors:    as hw_database_pause; HW_STATUS_BUSY (a connection has a transaction open).
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_database_detach(const struct hw_database *database, struct hw_error **error);

/**
 * Frees the handle; NULL is nothing. The file goes on replicating.
 *
 * Since:     0.1
 */
HW_API void hw_database_free(struct hw_database *database);

/* ---- database status --------------------------------------------------------------------------------------------- */

/**
 * How it stands. `*status` gets one object in JSON: `name`, `path`, `node_id`, `node`, `state` ("stopped", "running",
 * "paused" or "failed"), `tables`, `refused` (each with `table` and `reason`), `left_out` (each `table.column`),
 * `pending`, `unsent`, `published`, `applied`, `changes`, `conflicts`, `parked`, `held`, `missing`, `lag_records`,
 * `lag_ms`, `idle_ms`, `job` (null, or `what`, `done` and `total`), `faults` and `last_error`. Waits at most
 * `timeout_ms` milliseconds; -1 waits for ever.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
 * Ownership: `*status` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_status(const struct hw_database *database,
                             int64_t timeout_ms,
                             struct hw_blob **status,
                             struct hw_error **error);

/**
 * Compares this node with all others, which work on: those that have the same units must have the same rows. With
 * `repair` not 0, all nodes give the rows of what differs, join them, and are compared again. `*report` gets one
 * object in JSON: `nodes` (each with `node_id`, `compared`: "equal", "differs", "apart" or "silent", `differing`: how
 * many of 64 ranges of keys, by table, and `schema`: the tables that it has otherwise), `dangling` (by table, the rows
 * here whose parent is not there) and `repaired`. Waits at most `timeout_ms` milliseconds; -1 waits for ever, which is
 * some seconds where a node does not answer.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
 * Ownership: `*report` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_check(const struct hw_database *database,
                            uint8_t repair,
                            int64_t timeout_ms,
                            struct hw_blob **report,
                            struct hw_error **error);

/**
 * Who has which schema. `*schemas` gets a list in JSON, each with `table` and `forms`: the nodes, by SHA-256 of the
 * schema that they have; those that have no such table are under the empty text. Waits at most `timeout_ms`
 * milliseconds; -1 waits for ever.
 *
 * Errors:    as hw_database_status.
 * Ownership: `*schemas` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_schema(const struct hw_database *database,
                             int64_t timeout_ms,
                             struct hw_blob **schemas,
                             struct hw_error **error);

/**
 * Makes a snapshot where `snapshot_store` says, as `nats` does when it is empty; it is consistent, and writers go on
 * meanwhile. `*snapshot` gets one object in JSON: `id`, `node_id`, `created_ms` (milliseconds since the epoch),
 * `bytes` and `stored_bytes`. Waits at most `timeout_ms` milliseconds; -1 waits for ever. After a timeout it goes on
 * by itself.
 *
 * Errors:    HW_STATUS_TIMEOUT, HW_STATUS_BUSY (another one is at work), HW_STATUS_UNSUPPORTED (there is no such kind
 *            of store), HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED, HW_STATUS_LIMIT, HW_STATUS_IO.
 * Ownership: `*snapshot` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_snapshot(const struct hw_database *database,
                               int64_t timeout_ms,
                               struct hw_blob **snapshot,
                               struct hw_error **error);

/**
 * The snapshots that there are, the newest first: `*snapshots` gets a list in JSON of what hw_database_snapshot gives
 * of one. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
 *
 * Errors:    as hw_database_snapshot.
 * Ownership: `*snapshots` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_snapshots(const struct hw_database *database,
                                int64_t timeout_ms,
                                struct hw_blob **snapshots,
                                struct hw_error **error);

/**
 * Joins a snapshot with the file: the one of this `id`, or the newest when it is empty. What was written here is kept,
 * as far as nothing newer is in it, and the application goes on meanwhile. `*snapshot` gets which one it was, as
 * hw_database_snapshot has it. Waits at most `timeout_ms` milliseconds; -1 waits for ever. After a timeout it goes on
 * by itself.
 *
 * Errors:    as hw_database_snapshot; HW_STATUS_NOT_FOUND (there is no such snapshot), HW_STATUS_CORRUPT (it is
 *            damaged: nothing was joined).
 * Ownership: `id` is borrowed for the call; `*snapshot` is yours, free with hw_blob_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_restore(const struct hw_database *database,
                              const char *id,
                              size_t id_len,
                              int64_t timeout_ms,
                              struct hw_blob **snapshot,
                              struct hw_error **error);

/* ---- connection -------------------------------------------------------------------------------------------------- */

/**
 * A connection to the file. Two copies of SQLite in one process must never have one file open, so a program with this
 * library in it works through these, on as many as it likes.
 *
 * Errors:    HW_STATUS_NOT_FOUND (the file is gone), HW_STATUS_BUSY (somebody has it locked for more than 5 s),
 *            HW_STATUS_IO.
 * Ownership: `*connection` is yours, free with hw_connection_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_connect(const struct hw_database *database,
                              struct hw_connection **connection,
                              struct hw_error **error);

/**
 * Runs one statement. `values` are for its `?` in their order. `answer` may be NULL. `BEGIN`, `COMMIT` and `ROLLBACK`
 * are statements as any other.
 *
 * Errors:    HW_STATUS_INVALID (it is no statement, more than one, or has not as many `?` as there are values),
 *            HW_STATUS_CONFLICT (a constraint refuses it), HW_STATUS_BUSY (another connection writes for more than
 *            5 s), HW_STATUS_LIMIT (an answer of more than 256 MiB, or the disk is full), HW_STATUS_UNSUPPORTED (the
 *            file cannot be written to), HW_STATUS_TIMEOUT (it was interrupted), HW_STATUS_MISUSE (in use on another
 *            thread), HW_STATUS_CORRUPT, HW_STATUS_IO.
 * Ownership: inputs are borrowed for the call; `*answer` is yours, free with hw_answer_free.
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_connection_execute(struct hw_connection *connection,
                                const char *sql,
                                size_t sql_len,
                                const struct hw_sql_value *values,
                                size_t values_len,
                                struct hw_answer **answer,
                                struct hw_error **error);

/**
 * Ends the statement that another thread runs here, with HW_STATUS_TIMEOUT: it changes nothing, and where it was to
 * change something the transaction that it was in is taken back too. It does nothing where none runs, or one is about
 * to begin or to end, or waits for another writer; call it again until hw_connection_execute has returned.
 *
 * Threads:   any, until hw_connection_free is called.
 * Since:     0.1
 */
HW_API hw_status hw_connection_interrupt(const struct hw_connection *connection, struct hw_error **error);

/**
 * Whether a transaction is open.
 *
 * Errors:    HW_STATUS_MISUSE (in use on another thread).
 * Threads:   one at a time.
 * Since:     0.1
 */
HW_API
hw_status hw_connection_in_transaction(struct hw_connection *connection,
                                       bool *in_transaction,
                                       struct hw_error **error);

/**
 * Closes and frees it; NULL is nothing. A transaction that is open is taken back.
 *
 * Since:     0.1
 */
HW_API void hw_connection_free(struct hw_connection *connection);

/* ---- answer ------------------------------------------------------------------------------------------------------ */

/**
 * How many columns its rows have; 0 for NULL, and for a statement that finds no rows.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_answer_columns_len(const struct hw_answer *answer);

/**
 * The name of the column at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end).
 * Ownership: `*name` is borrowed until the answer is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_answer_column(const struct hw_answer *answer,
                           size_t index,
                           struct hw_str *name,
                           struct hw_error **error);

/**
 * How many rows it has; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_answer_rows_len(const struct hw_answer *answer);

/**
 * The value at a row and column.
 *
 * Errors:    HW_STATUS_INVALID (past the end).
 * Ownership: what `*value` points to is borrowed until the answer is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_answer_value(const struct hw_answer *answer,
                          size_t row,
                          size_t column,
                          struct hw_sql_value *value,
                          struct hw_error **error);

/**
 * How many rows the statement inserted, updated or deleted, without what triggers did; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API uint64_t hw_answer_changes(const struct hw_answer *answer);

/**
 * The rowid of the last row that the connection had inserted then; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API int64_t hw_answer_last_insert_rowid(const struct hw_answer *answer);

/**
 * Frees it; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_answer_free(struct hw_answer *answer);

/* ---- change watcher ---------------------------------------------------------------------------------------------- */

/**
 * Follows what is joined from now on: the rows that writes of other nodes change, and those that a constraint shows or
 * hides. What a row is then is in the file.
 *
 * Errors:    HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
 * Ownership: `*watcher` is yours, free with hw_change_watcher_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_database_watch(const struct hw_database *database,
                            struct hw_change_watcher **watcher,
                            struct hw_error **error);

/**
 * Takes up to `max` changes (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
 * wait, -1 waits for ever. `*changes` has a row for each, with the columns `table`, `kind` ("insert", "update" or
 * "delete"), `node` (in whose name the write is, 16 hex digits), `stamp` (the hybrid time of the write), `time_ms`
 * (when that was, milliseconds since the epoch), and from column 5 on the values of the row's key, NULL behind them.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
 *            HW_STATUS_NOT_FOUND (it was detached).
 * Ownership: `*changes` is yours, free with hw_answer_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_change_watcher_next(const struct hw_change_watcher *watcher,
                                 size_t max,
                                 int64_t timeout_ms,
                                 struct hw_answer **changes,
                                 struct hw_error **error);

/**
 * How many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_change_watcher_missed(const struct hw_change_watcher *watcher,
                                   uint64_t *missed,
                                   struct hw_error **error);

/**
 * Arms once: when there is a change to take, or it is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_change_watcher_wake(const struct hw_change_watcher *watcher,
                                 const struct hw_waker *waker,
                                 uint64_t token,
                                 struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_change_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
 * open.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_change_watcher_cancel(const struct hw_change_watcher *watcher, struct hw_error **error);

/**
 * Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
 * freed.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_change_watcher_close(const struct hw_change_watcher *watcher, struct hw_error **error);

/**
 * Frees it; NULL is nothing. No other thread may be using it.
 *
 * Since:     0.1
 */
HW_API void hw_change_watcher_free(struct hw_change_watcher *watcher);

/* ---- waker ------------------------------------------------------------------------------------------------------- */

/**
 * Makes a waker whose hw_waker_fd becomes readable.
 *
 * Errors:    HW_STATUS_IO (too many open files).
 * Ownership: `*waker` is yours, free with hw_waker_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_waker_new(struct hw_waker **waker, struct hw_error **error);

/**
 * Makes a waker that calls `signal` with `user_data` whenever its list goes from empty to not empty: take until
 * fewer come than there is room for, else it will not call again.
 *
 * Ownership: `user_data` stays yours, and must live until hw_waker_free returns; no call begins after that.
 *            `*waker` is yours, free with hw_waker_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_waker_new_callback(hw_signal signal,
                                void *user_data,
                                struct hw_waker **waker,
                                struct hw_error **error);

/**
 * The file descriptor, for poll, epoll, kqueue or an event loop: readable while the list is not empty. Do not
 * read, write or close it.
 *
 * Errors:    HW_STATUS_INVALID (the waker has a callback).
 * Ownership: borrowed until the waker is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_waker_fd(const struct hw_waker *waker, int32_t *fd, struct hw_error **error);

/**
 * Takes up to `tokens_cap` ready tokens, oldest first, and writes how many to `*tokens_len`; it never waits. A
 * token says that its wait is worth trying again, not that something is still there: another thread may have been
 * faster.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any; each token goes to one taker.
 * Since:     0.1
 */
HW_API
hw_status hw_waker_take(const struct hw_waker *waker,
                        uint64_t *tokens,
                        size_t tokens_cap,
                        size_t *tokens_len,
                        struct hw_error **error);

/**
 * Frees it; NULL is nothing. Waits that are armed with it do nothing then.
 *
 * Threads:   must not be called from its own callback.
 * Since:     0.1
 */
HW_API void hw_waker_free(struct hw_waker *waker);

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

/**
 * Takes a snapshot of what the engine has done and holds.
 *
 * Ownership: `*metrics` is yours, free with hw_metrics_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_metrics(const struct hw_engine *engine,
                            struct hw_metrics **metrics,
                            struct hw_error **error);

/**
 * How many values there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_metrics_len(const struct hw_metrics *metrics);

/**
 * The value at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `metric->struct_size` is not set).
 * Ownership: its name is borrowed until the snapshot is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_metrics_get(const struct hw_metrics *metrics,
                         size_t index,
                         struct hw_metric *metric,
                         struct hw_error **error);

/**
 * Label `label` of the value at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end).
 * Ownership: `*name` and `*value` are borrowed until the snapshot is freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_metrics_label(const struct hw_metrics *metrics,
                           size_t index,
                           size_t label,
                           struct hw_str *name,
                           struct hw_str *value,
                           struct hw_error **error);

/**
 * Frees a snapshot; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_metrics_free(struct hw_metrics *metrics);

/* ---- logs -------------------------------------------------------------------------------------------------------- */

/**
 * Takes up to `max` lines (0 is 1,000), oldest first; it never waits. The engine keeps the newest 1,024 that were
 * not taken.
 *
 * Ownership: `*logs` is yours, free with hw_logs_free.
 * Threads:   any; each line goes to one taker.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_logs(const struct hw_engine *engine,
                         size_t max,
                         struct hw_logs **logs,
                         struct hw_error **error);

/**
 * As hw_engine_logs, and waits at most `timeout_ms` milliseconds for the first line: 0 does not wait, -1 waits for
 * ever. What is left after hw_engine_close can still be taken. An engine that was opened with `no_worker` ends waits
 * in hw_engine_step.
 *
 * Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (the engine is
 *            closed, and its last line was taken).
 * Ownership: `*logs` is yours, free with hw_logs_free.
 * Threads:   any; each line goes to one taker.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_next_logs(const struct hw_engine *engine,
                              size_t max,
                              int64_t timeout_ms,
                              struct hw_logs **logs,
                              struct hw_error **error);

/**
 * Arms once: when there is a line to take, or the engine is closed, `token` goes to the waker's list.
 *
 * Errors:    HW_STATUS_INVALID.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_wake_logs(const struct hw_engine *engine,
                              const struct hw_waker *waker,
                              uint64_t token,
                              struct hw_error **error);

/**
 * Cancels the waits of all threads that are in hw_engine_next_logs now: they return HW_STATUS_TIMEOUT.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API hw_status hw_engine_cancel_logs(const struct hw_engine *engine, struct hw_error **error);

/**
 * How many lines there are; 0 for NULL.
 *
 * Threads:   any.
 * Since:     0.1
 */
HW_API size_t hw_logs_len(const struct hw_logs *logs);

/**
 * The line at `index`.
 *
 * Errors:    HW_STATUS_INVALID (past the end, or `line->struct_size` is not set).
 * Ownership: its texts are borrowed until the lines are freed.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_logs_get(const struct hw_logs *logs,
                      size_t index,
                      struct hw_log_line *line,
                      struct hw_error **error);

/**
 * Frees the lines; NULL is nothing.
 *
 * Since:     0.1
 */
HW_API void hw_logs_free(struct hw_logs *logs);

/* ---- backup ------------------------------------------------------------------------------------------------------ */

/**
 * Copies the live directory to `to`, consistent by stream, while writers go on. `progress` and `bytes` may be
 * NULL; `*bytes` gets how many were copied. A copy that fails or is cancelled leaves nothing at `to`.
 *
 * Errors:    HW_STATUS_CONFLICT (`to` is there and not empty), HW_STATUS_TIMEOUT (cancelled with
 *            hw_progress_cancel), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO, HW_STATUS_CLOSED.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_engine_backup(const struct hw_engine *engine,
                           const char *to,
                           size_t to_len,
                           const struct hw_progress *progress,
                           uint64_t *bytes,
                           struct hw_error **error);

/**
 * Copies a backup to a new directory, after checking every byte. `progress` and `bytes` may be NULL; `progress`
 * counts the bytes checked and those copied, `*bytes` gets how many were copied. What fails or is cancelled leaves
 * nothing at `to`.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (`to` is there and not empty), HW_STATUS_CORRUPT,
 *            HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_restore(const char *from,
                     size_t from_len,
                     const char *to,
                     size_t to_len,
                     const struct hw_progress *progress,
                     uint64_t *bytes,
                     struct hw_error **error);

/**
 * Checks every byte of a directory without changing it. Damage is in the report, not an error: the directory is
 * sound when `damage_len` is 0. `progress`, `torn` and `damage` may be NULL; each text is a sentence, and that of
 * damage names file, offset and missing sequences.
 *
 * Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED (a newer format), HW_STATUS_TIMEOUT (cancelled with
 *            hw_progress_cancel; there is no report then), HW_STATUS_IO.
 * Ownership: `*torn` and `*damage` are yours, free with hw_strings_free.
 * Threads:   any.
 * Since:     0.1
 */
HW_API
hw_status hw_verify(const char *dir,
                    size_t dir_len,
                    const struct hw_progress *progress,
                    struct hw_verify_report *report,
                    struct hw_strings **torn,
                    struct hw_strings **damage,
                    struct hw_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HEADWATER_H */
