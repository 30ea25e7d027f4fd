/* Places and shapes that kernel, servers and programs agree on.
   Generated from src/kernel/abi by `npm run guest:build`: do not edit. */
#ifndef PERDURE_MEMORY_H
#define PERDURE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

struct perdure_item {
  uint64_t offset;
  uint64_t pc;
  uint32_t kind;
  uint32_t type;
};
_Static_assert(sizeof(struct perdure_item) == 24, "perdure_item");
_Static_assert(offsetof(struct perdure_item, offset) == 0, "perdure_item.offset");
_Static_assert(offsetof(struct perdure_item, pc) == 8, "perdure_item.pc");
_Static_assert(offsetof(struct perdure_item, kind) == 16, "perdure_item.kind");
_Static_assert(offsetof(struct perdure_item, type) == 20, "perdure_item.type");

#define PERDURE_ITEM_OBJECT 0x1
#define PERDURE_ITEM_OBJECT_GONE 0x2
#define PERDURE_ITEM_PAGE 0x3
#define PERDURE_ITEM_PAGE_GONE 0x4

struct perdure_kernel_record {
  uint64_t tick;
  uint64_t next_ticket;
  uint64_t next_turn;
  uint64_t next_serial;
  uint64_t wall_base;
  uint64_t generator[4];
};
_Static_assert(sizeof(struct perdure_kernel_record) == 72, "perdure_kernel_record");
_Static_assert(offsetof(struct perdure_kernel_record, tick) == 0, "perdure_kernel_record.tick");
_Static_assert(offsetof(struct perdure_kernel_record, next_ticket) == 8, "perdure_kernel_record.next_ticket");
_Static_assert(offsetof(struct perdure_kernel_record, next_turn) == 16, "perdure_kernel_record.next_turn");
_Static_assert(offsetof(struct perdure_kernel_record, next_serial) == 24, "perdure_kernel_record.next_serial");
_Static_assert(offsetof(struct perdure_kernel_record, wall_base) == 32, "perdure_kernel_record.wall_base");
_Static_assert(offsetof(struct perdure_kernel_record, generator) == 40, "perdure_kernel_record.generator");

struct perdure_fault_message {
  uint64_t code;
  uint64_t address;
  uint64_t access;
  uint64_t pc;
  uint64_t thread;
};
_Static_assert(sizeof(struct perdure_fault_message) == 40, "perdure_fault_message");
_Static_assert(offsetof(struct perdure_fault_message, code) == 0, "perdure_fault_message.code");
_Static_assert(offsetof(struct perdure_fault_message, address) == 8, "perdure_fault_message.address");
_Static_assert(offsetof(struct perdure_fault_message, access) == 16, "perdure_fault_message.access");
_Static_assert(offsetof(struct perdure_fault_message, pc) == 24, "perdure_fault_message.pc");
_Static_assert(offsetof(struct perdure_fault_message, thread) == 32, "perdure_fault_message.thread");

struct perdure_scheduler_message {
  uint64_t value;
  uint64_t thread;
};
_Static_assert(sizeof(struct perdure_scheduler_message) == 16, "perdure_scheduler_message");
_Static_assert(offsetof(struct perdure_scheduler_message, value) == 0, "perdure_scheduler_message.value");
_Static_assert(offsetof(struct perdure_scheduler_message, thread) == 8, "perdure_scheduler_message.thread");

struct perdure_handlers {
  uint64_t trap;
  uint64_t interrupt;
  uint64_t client_alert;
  uint64_t server_alert;
};
_Static_assert(sizeof(struct perdure_handlers) == 32, "perdure_handlers");
_Static_assert(offsetof(struct perdure_handlers, trap) == 0, "perdure_handlers.trap");
_Static_assert(offsetof(struct perdure_handlers, interrupt) == 8, "perdure_handlers.interrupt");
_Static_assert(offsetof(struct perdure_handlers, client_alert) == 16, "perdure_handlers.client_alert");
_Static_assert(offsetof(struct perdure_handlers, server_alert) == 24, "perdure_handlers.server_alert");

struct perdure_saved_state {
  uint64_t pc;
  uint64_t a0;
  uint64_t a1;
  uint64_t a2;
  uint64_t a7;
  uint64_t flags;
};
_Static_assert(sizeof(struct perdure_saved_state) == 48, "perdure_saved_state");
_Static_assert(offsetof(struct perdure_saved_state, pc) == 0, "perdure_saved_state.pc");
_Static_assert(offsetof(struct perdure_saved_state, a0) == 8, "perdure_saved_state.a0");
_Static_assert(offsetof(struct perdure_saved_state, a1) == 16, "perdure_saved_state.a1");
_Static_assert(offsetof(struct perdure_saved_state, a2) == 24, "perdure_saved_state.a2");
_Static_assert(offsetof(struct perdure_saved_state, a7) == 32, "perdure_saved_state.a7");
_Static_assert(offsetof(struct perdure_saved_state, flags) == 40, "perdure_saved_state.flags");

#define PERDURE_TICKS_PER_NANOSECOND 4

/* The parent page: addresses of the objects that a program was given. */
#define PERDURE_PARENT_PAGE 0x3ff0000000
#define PERDURE_PARENT_THREAD (PERDURE_PARENT_PAGE + 0x0)
#define PERDURE_PARENT_SPACE_REFERENCE (PERDURE_PARENT_PAGE + 0x40)
#define PERDURE_PARENT_THREAD_REFERENCE (PERDURE_PARENT_PAGE + 0x60)
#define PERDURE_PARENT_LIFE_REFERENCE (PERDURE_PARENT_PAGE + 0x80)
#define PERDURE_PARENT_OUTPUT_REFERENCE (PERDURE_PARENT_PAGE + 0xa0)
#define PERDURE_PARENT_INPUT_REFERENCE (PERDURE_PARENT_PAGE + 0xc0)
#define PERDURE_PARENT_PARENT_REFERENCE (PERDURE_PARENT_PAGE + 0xe0)

struct perdure_parent_request {
  uint64_t operation;
  uint64_t argument;
};
_Static_assert(sizeof(struct perdure_parent_request) == 16, "perdure_parent_request");
_Static_assert(offsetof(struct perdure_parent_request, operation) == 0, "perdure_parent_request.operation");
_Static_assert(offsetof(struct perdure_parent_request, argument) == 8, "perdure_parent_request.argument");

#define PERDURE_PARENT_OPERATION_EXIT 0x1
#define PERDURE_PARENT_OPERATION_LIFE 0x2

/* Lives of the machine. */
#define PERDURE_LIFE_CREATED 0x1
#define PERDURE_LIFE_RESUMED 0x2
#define PERDURE_LIFE_RESTORED 0x3
#define PERDURE_LIFE_FORKED 0x4

struct perdure_life {
  uint64_t outcome;
  uint64_t kind;
  uint64_t count;
  uint8_t id[16];
  uint64_t monotonic;
  uint64_t wall;
};
_Static_assert(sizeof(struct perdure_life) == 56, "perdure_life");
_Static_assert(offsetof(struct perdure_life, outcome) == 0, "perdure_life.outcome");
_Static_assert(offsetof(struct perdure_life, kind) == 8, "perdure_life.kind");
_Static_assert(offsetof(struct perdure_life, count) == 16, "perdure_life.count");
_Static_assert(offsetof(struct perdure_life, id) == 24, "perdure_life.id");
_Static_assert(offsetof(struct perdure_life, monotonic) == 40, "perdure_life.monotonic");
_Static_assert(offsetof(struct perdure_life, wall) == 48, "perdure_life.wall");

/* Where a program lies. */
#define PERDURE_STACK_END 0x3f00000000
#define PERDURE_STACK_SIZE 0x800000
#define PERDURE_PROGRAM_START 0x10000
#define PERDURE_PROGRAM_END 0x300000000

#ifdef __cplusplus
}
#endif

#endif
