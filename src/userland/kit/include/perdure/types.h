/* The nine object types: numbers, places, exportable state.
   Generated from src/kernel/abi by `npm run guest:build`: do not edit. */
#ifndef PERDURE_TYPES_H
#define PERDURE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

#define PERDURE_OBJECT_SIZE 32
#define PERDURE_PAGE_SIZE 4096
#define PERDURE_QUANTUM_TICKS 100000
#define PERDURE_PRIORITY_MAX 31
#define PERDURE_PRIORITY_DEFAULT 16
#define PERDURE_SHORT_MESSAGE_BYTES 4096
#define PERDURE_MESSAGE_REFERENCES_MAX 16

/* Type numbers, as region_search and reference_type tell them. */
#define PERDURE_TYPE_MUTEX 1
#define PERDURE_TYPE_COND 2
#define PERDURE_TYPE_MAPPING 3
#define PERDURE_TYPE_REGION 4
#define PERDURE_TYPE_PORT 5
#define PERDURE_TYPE_PORTSET 6
#define PERDURE_TYPE_SPACE 7
#define PERDURE_TYPE_THREAD 8
#define PERDURE_TYPE_REFERENCE 9

/* Protection bits. */
#define PERDURE_READ 0x1
#define PERDURE_WRITE 0x2
#define PERDURE_EXECUTE 0x4

/* Bits of a thread's flags. */
#define PERDURE_THREAD_STOPPED 0x1
#define PERDURE_THREAD_EXCEPTIONS_ENABLED 0x2
#define PERDURE_THREAD_CLIENT_SENDER 0x4
#define PERDURE_THREAD_SERVER_SENDER 0x8
#define PERDURE_THREAD_FAULTING 0x10
#define PERDURE_THREAD_CLIENT_IDEMPOTENT 0x20
#define PERDURE_THREAD_SERVER_IDEMPOTENT 0x40
#define PERDURE_THREAD_SERVER_ENDED 0x80
#define PERDURE_THREAD_SERVER_BROKEN 0x100
#define PERDURE_THREAD_CLIENT_ENDED 0x200
#define PERDURE_THREAD_CLIENT_BROKEN 0x400
#define PERDURE_THREAD_ASKING 0x800
#define PERDURE_THREAD_SCHEDULED 0x1000
#define PERDURE_THREAD_DONATING 0x2000
#define PERDURE_THREAD_SERVER_PARKED 0x10000
#define PERDURE_THREAD_CLIENT_PARKED 0x20000

/* Bits of a thread's pending word. */
#define PERDURE_PENDING_INTERRUPT 0x1
#define PERDURE_PENDING_CLIENT_ALERT 0x2
#define PERDURE_PENDING_SERVER_ALERT 0x4

/* Bits of a mutex's flags; with PRIORITY_CEILING, bits from MUTEX_CEILING_SHIFT on are the ceiling. */
#define PERDURE_MUTEX_INHERIT_PRIORITY 0x1
#define PERDURE_MUTEX_PRIORITY_CEILING 0x2
#define PERDURE_MUTEX_MULTITASK 0x4
#define PERDURE_MUTEX_CEILING_SHIFT 8
#define PERDURE_COND_MULTITASK 0x4

/* Places for objects. An object belongs to its address: it is not in these bytes and must not be copied. */
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_mutex;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_cond;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_mapping;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_region;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_port;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_portset;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_space;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_thread;
typedef struct {
  uint8_t storage[PERDURE_OBJECT_SIZE];
} __attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_reference;

/* Simple state, as get_state, set_state and peek_state use it. */
struct perdure_mutex_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t flags;
  uint64_t locked;
};
_Static_assert(sizeof(struct perdure_mutex_state) == 32, "perdure_mutex_state");
_Static_assert(offsetof(struct perdure_mutex_state, hash) == 0, "perdure_mutex_state.hash");
_Static_assert(offsetof(struct perdure_mutex_state, serial) == 8, "perdure_mutex_state.serial");
_Static_assert(offsetof(struct perdure_mutex_state, flags) == 16, "perdure_mutex_state.flags");
_Static_assert(offsetof(struct perdure_mutex_state, locked) == 24, "perdure_mutex_state.locked");

struct perdure_cond_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t flags;
};
_Static_assert(sizeof(struct perdure_cond_state) == 24, "perdure_cond_state");
_Static_assert(offsetof(struct perdure_cond_state, hash) == 0, "perdure_cond_state.hash");
_Static_assert(offsetof(struct perdure_cond_state, serial) == 8, "perdure_cond_state.serial");
_Static_assert(offsetof(struct perdure_cond_state, flags) == 16, "perdure_cond_state.flags");

struct perdure_mapping_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t region_offset;
  uint64_t start_address;
  uint64_t size;
  uint64_t protection;
};
_Static_assert(sizeof(struct perdure_mapping_state) == 48, "perdure_mapping_state");
_Static_assert(offsetof(struct perdure_mapping_state, hash) == 0, "perdure_mapping_state.hash");
_Static_assert(offsetof(struct perdure_mapping_state, serial) == 8, "perdure_mapping_state.serial");
_Static_assert(offsetof(struct perdure_mapping_state, region_offset) == 16, "perdure_mapping_state.region_offset");
_Static_assert(offsetof(struct perdure_mapping_state, start_address) == 24, "perdure_mapping_state.start_address");
_Static_assert(offsetof(struct perdure_mapping_state, size) == 32, "perdure_mapping_state.size");
_Static_assert(offsetof(struct perdure_mapping_state, protection) == 40, "perdure_mapping_state.protection");

struct perdure_region_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t start_address;
  uint64_t size;
  uint64_t protection;
  uint64_t collecting;
  uint64_t object_limit;
  uint64_t thread_limit;
};
_Static_assert(sizeof(struct perdure_region_state) == 64, "perdure_region_state");
_Static_assert(offsetof(struct perdure_region_state, hash) == 0, "perdure_region_state.hash");
_Static_assert(offsetof(struct perdure_region_state, serial) == 8, "perdure_region_state.serial");
_Static_assert(offsetof(struct perdure_region_state, start_address) == 16, "perdure_region_state.start_address");
_Static_assert(offsetof(struct perdure_region_state, size) == 24, "perdure_region_state.size");
_Static_assert(offsetof(struct perdure_region_state, protection) == 32, "perdure_region_state.protection");
_Static_assert(offsetof(struct perdure_region_state, collecting) == 40, "perdure_region_state.collecting");
_Static_assert(offsetof(struct perdure_region_state, object_limit) == 48, "perdure_region_state.object_limit");
_Static_assert(offsetof(struct perdure_region_state, thread_limit) == 56, "perdure_region_state.thread_limit");

struct perdure_port_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t alias;
};
_Static_assert(sizeof(struct perdure_port_state) == 24, "perdure_port_state");
_Static_assert(offsetof(struct perdure_port_state, hash) == 0, "perdure_port_state.hash");
_Static_assert(offsetof(struct perdure_port_state, serial) == 8, "perdure_port_state.serial");
_Static_assert(offsetof(struct perdure_port_state, alias) == 16, "perdure_port_state.alias");

struct perdure_portset_state {
  uint64_t hash;
  uint64_t serial;
};
_Static_assert(sizeof(struct perdure_portset_state) == 16, "perdure_portset_state");
_Static_assert(offsetof(struct perdure_portset_state, hash) == 0, "perdure_portset_state.hash");
_Static_assert(offsetof(struct perdure_portset_state, serial) == 8, "perdure_portset_state.serial");

struct perdure_space_state {
  uint64_t hash;
  uint64_t serial;
};
_Static_assert(sizeof(struct perdure_space_state) == 16, "perdure_space_state");
_Static_assert(offsetof(struct perdure_space_state, hash) == 0, "perdure_space_state.hash");
_Static_assert(offsetof(struct perdure_space_state, serial) == 8, "perdure_space_state.serial");

struct perdure_thread_state {
  uint64_t hash;
  uint64_t serial;
  uint64_t thread_address;
  uint64_t scheduler_value;
  uint64_t flags;
  uint64_t priority;
  uint64_t turn;
  uint64_t quantum_left;
  uint64_t ticket;
  uint64_t deadline;
  uint64_t pending;
  uint64_t fault_code;
  uint64_t fault_address;
  uint64_t fault_access;
  uint64_t trap_handler;
  uint64_t interrupt_handler;
  uint64_t client_alert_handler;
  uint64_t server_alert_handler;
  uint64_t saved_pc;
  uint64_t saved_a0;
  uint64_t saved_a1;
  uint64_t saved_a2;
  uint64_t saved_a7;
  uint64_t saved_flags;
  uint64_t server_stack;
  uint64_t server_oneway_entry;
  uint64_t server_idempotent_entry;
  uint64_t server_reliable_entry;
  uint64_t retired;
  uint64_t entry_count;
  uint64_t exception_count;
  uint64_t page_fault_count;
  uint64_t cancel_count;
  uint64_t copied_bytes;
  uint64_t reservation;
  uint64_t fcsr;
  uint64_t pc;
  uint64_t x[32];
  uint64_t f[32];
};
_Static_assert(sizeof(struct perdure_thread_state) == 808, "perdure_thread_state");
_Static_assert(offsetof(struct perdure_thread_state, hash) == 0, "perdure_thread_state.hash");
_Static_assert(offsetof(struct perdure_thread_state, serial) == 8, "perdure_thread_state.serial");
_Static_assert(offsetof(struct perdure_thread_state, thread_address) == 16, "perdure_thread_state.thread_address");
_Static_assert(offsetof(struct perdure_thread_state, scheduler_value) == 24, "perdure_thread_state.scheduler_value");
_Static_assert(offsetof(struct perdure_thread_state, flags) == 32, "perdure_thread_state.flags");
_Static_assert(offsetof(struct perdure_thread_state, priority) == 40, "perdure_thread_state.priority");
_Static_assert(offsetof(struct perdure_thread_state, turn) == 48, "perdure_thread_state.turn");
_Static_assert(offsetof(struct perdure_thread_state, quantum_left) == 56, "perdure_thread_state.quantum_left");
_Static_assert(offsetof(struct perdure_thread_state, ticket) == 64, "perdure_thread_state.ticket");
_Static_assert(offsetof(struct perdure_thread_state, deadline) == 72, "perdure_thread_state.deadline");
_Static_assert(offsetof(struct perdure_thread_state, pending) == 80, "perdure_thread_state.pending");
_Static_assert(offsetof(struct perdure_thread_state, fault_code) == 88, "perdure_thread_state.fault_code");
_Static_assert(offsetof(struct perdure_thread_state, fault_address) == 96, "perdure_thread_state.fault_address");
_Static_assert(offsetof(struct perdure_thread_state, fault_access) == 104, "perdure_thread_state.fault_access");
_Static_assert(offsetof(struct perdure_thread_state, trap_handler) == 112, "perdure_thread_state.trap_handler");
_Static_assert(offsetof(struct perdure_thread_state, interrupt_handler) == 120, "perdure_thread_state.interrupt_handler");
_Static_assert(offsetof(struct perdure_thread_state, client_alert_handler) == 128, "perdure_thread_state.client_alert_handler");
_Static_assert(offsetof(struct perdure_thread_state, server_alert_handler) == 136, "perdure_thread_state.server_alert_handler");
_Static_assert(offsetof(struct perdure_thread_state, saved_pc) == 144, "perdure_thread_state.saved_pc");
_Static_assert(offsetof(struct perdure_thread_state, saved_a0) == 152, "perdure_thread_state.saved_a0");
_Static_assert(offsetof(struct perdure_thread_state, saved_a1) == 160, "perdure_thread_state.saved_a1");
_Static_assert(offsetof(struct perdure_thread_state, saved_a2) == 168, "perdure_thread_state.saved_a2");
_Static_assert(offsetof(struct perdure_thread_state, saved_a7) == 176, "perdure_thread_state.saved_a7");
_Static_assert(offsetof(struct perdure_thread_state, saved_flags) == 184, "perdure_thread_state.saved_flags");
_Static_assert(offsetof(struct perdure_thread_state, server_stack) == 192, "perdure_thread_state.server_stack");
_Static_assert(offsetof(struct perdure_thread_state, server_oneway_entry) == 200, "perdure_thread_state.server_oneway_entry");
_Static_assert(offsetof(struct perdure_thread_state, server_idempotent_entry) == 208, "perdure_thread_state.server_idempotent_entry");
_Static_assert(offsetof(struct perdure_thread_state, server_reliable_entry) == 216, "perdure_thread_state.server_reliable_entry");
_Static_assert(offsetof(struct perdure_thread_state, retired) == 224, "perdure_thread_state.retired");
_Static_assert(offsetof(struct perdure_thread_state, entry_count) == 232, "perdure_thread_state.entry_count");
_Static_assert(offsetof(struct perdure_thread_state, exception_count) == 240, "perdure_thread_state.exception_count");
_Static_assert(offsetof(struct perdure_thread_state, page_fault_count) == 248, "perdure_thread_state.page_fault_count");
_Static_assert(offsetof(struct perdure_thread_state, cancel_count) == 256, "perdure_thread_state.cancel_count");
_Static_assert(offsetof(struct perdure_thread_state, copied_bytes) == 264, "perdure_thread_state.copied_bytes");
_Static_assert(offsetof(struct perdure_thread_state, reservation) == 272, "perdure_thread_state.reservation");
_Static_assert(offsetof(struct perdure_thread_state, fcsr) == 280, "perdure_thread_state.fcsr");
_Static_assert(offsetof(struct perdure_thread_state, pc) == 288, "perdure_thread_state.pc");
_Static_assert(offsetof(struct perdure_thread_state, x) == 296, "perdure_thread_state.x");
_Static_assert(offsetof(struct perdure_thread_state, f) == 552, "perdure_thread_state.f");

struct perdure_reference_state {
  uint64_t serial;
};
_Static_assert(sizeof(struct perdure_reference_state) == 8, "perdure_reference_state");
_Static_assert(offsetof(struct perdure_reference_state, serial) == 0, "perdure_reference_state.serial");


#ifdef __cplusplus
}
#endif

#endif
