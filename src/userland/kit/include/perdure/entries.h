/* The entry points: numbers, and a stub for each.
   Generated from src/kernel/abi by `npm run guest:build`: do not edit. */
#ifndef PERDURE_ENTRIES_H
#define PERDURE_ENTRIES_H

#include <perdure/codes.h>
#include <perdure/memory.h>
#include <perdure/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERDURE_ENTRY_MUTEX_CREATE 0x440
#define PERDURE_ENTRY_MUTEX_CREATE_HASH 0x441
#define PERDURE_ENTRY_MUTEX_DESTROY 0x442
#define PERDURE_ENTRY_MUTEX_MOVE 0x443
#define PERDURE_ENTRY_MUTEX_REFERENCE 0x444
#define PERDURE_ENTRY_MUTEX_GET_STATE 0x445
#define PERDURE_ENTRY_MUTEX_SET_STATE 0x446
#define PERDURE_ENTRY_MUTEX_PEEK_STATE 0x447
#define PERDURE_ENTRY_MUTEX_LOCK 0x450
#define PERDURE_ENTRY_MUTEX_TRYLOCK 0x451
#define PERDURE_ENTRY_MUTEX_UNLOCK 0x452
#define PERDURE_ENTRY_COND_CREATE 0x480
#define PERDURE_ENTRY_COND_CREATE_HASH 0x481
#define PERDURE_ENTRY_COND_DESTROY 0x482
#define PERDURE_ENTRY_COND_MOVE 0x483
#define PERDURE_ENTRY_COND_REFERENCE 0x484
#define PERDURE_ENTRY_COND_GET_STATE 0x485
#define PERDURE_ENTRY_COND_SET_STATE 0x486
#define PERDURE_ENTRY_COND_PEEK_STATE 0x487
#define PERDURE_ENTRY_COND_WAIT 0x490
#define PERDURE_ENTRY_COND_SIGNAL 0x491
#define PERDURE_ENTRY_COND_BROADCAST 0x492
#define PERDURE_ENTRY_COND_WAIT_AGAIN 0x493
#define PERDURE_ENTRY_MAPPING_CREATE 0x4c0
#define PERDURE_ENTRY_MAPPING_CREATE_HASH 0x4c1
#define PERDURE_ENTRY_MAPPING_DESTROY 0x4c2
#define PERDURE_ENTRY_MAPPING_MOVE 0x4c3
#define PERDURE_ENTRY_MAPPING_GET_STATE 0x4c5
#define PERDURE_ENTRY_MAPPING_SET_STATE 0x4c6
#define PERDURE_ENTRY_MAPPING_PEEK_STATE 0x4c7
#define PERDURE_ENTRY_MAPPING_PROTECT 0x4d0
#define PERDURE_ENTRY_REGION_CREATE 0x500
#define PERDURE_ENTRY_REGION_CREATE_HASH 0x501
#define PERDURE_ENTRY_REGION_DESTROY 0x502
#define PERDURE_ENTRY_REGION_MOVE 0x503
#define PERDURE_ENTRY_REGION_REFERENCE 0x504
#define PERDURE_ENTRY_REGION_GET_STATE 0x505
#define PERDURE_ENTRY_REGION_SET_STATE 0x506
#define PERDURE_ENTRY_REGION_PEEK_STATE 0x507
#define PERDURE_ENTRY_REGION_PROTECT 0x510
#define PERDURE_ENTRY_REGION_SEARCH 0x511
#define PERDURE_ENTRY_REGION_SUPPLY 0x512
#define PERDURE_ENTRY_REGION_EVICT 0x513
#define PERDURE_ENTRY_REGION_DISCARD 0x514
#define PERDURE_ENTRY_REGION_PROTECT_PAGE 0x515
#define PERDURE_ENTRY_REGION_COLLECT 0x516
#define PERDURE_ENTRY_REGION_PEEK_CHANGED 0x517
#define PERDURE_ENTRY_REGION_MARK_CHANGED 0x518
#define PERDURE_ENTRY_PORT_CREATE 0x540
#define PERDURE_ENTRY_PORT_CREATE_HASH 0x541
#define PERDURE_ENTRY_PORT_DESTROY 0x542
#define PERDURE_ENTRY_PORT_MOVE 0x543
#define PERDURE_ENTRY_PORT_REFERENCE 0x544
#define PERDURE_ENTRY_PORT_GET_STATE 0x545
#define PERDURE_ENTRY_PORT_SET_STATE 0x546
#define PERDURE_ENTRY_PORT_PEEK_STATE 0x547
#define PERDURE_ENTRY_PORTSET_CREATE 0x580
#define PERDURE_ENTRY_PORTSET_CREATE_HASH 0x581
#define PERDURE_ENTRY_PORTSET_DESTROY 0x582
#define PERDURE_ENTRY_PORTSET_MOVE 0x583
#define PERDURE_ENTRY_PORTSET_REFERENCE 0x584
#define PERDURE_ENTRY_PORTSET_GET_STATE 0x585
#define PERDURE_ENTRY_PORTSET_SET_STATE 0x586
#define PERDURE_ENTRY_PORTSET_PEEK_STATE 0x587
#define PERDURE_ENTRY_SPACE_CREATE 0x5c0
#define PERDURE_ENTRY_SPACE_CREATE_HASH 0x5c1
#define PERDURE_ENTRY_SPACE_DESTROY 0x5c2
#define PERDURE_ENTRY_SPACE_MOVE 0x5c3
#define PERDURE_ENTRY_SPACE_REFERENCE 0x5c4
#define PERDURE_ENTRY_SPACE_GET_STATE 0x5c5
#define PERDURE_ENTRY_SPACE_SET_STATE 0x5c6
#define PERDURE_ENTRY_SPACE_PEEK_STATE 0x5c7
#define PERDURE_ENTRY_THREAD_CREATE 0x600
#define PERDURE_ENTRY_THREAD_CREATE_HASH 0x601
#define PERDURE_ENTRY_THREAD_DESTROY 0x602
#define PERDURE_ENTRY_THREAD_MOVE 0x603
#define PERDURE_ENTRY_THREAD_REFERENCE 0x604
#define PERDURE_ENTRY_THREAD_GET_STATE 0x605
#define PERDURE_ENTRY_THREAD_SET_STATE 0x606
#define PERDURE_ENTRY_THREAD_PEEK_STATE 0x607
#define PERDURE_ENTRY_THREAD_SELF 0x610
#define PERDURE_ENTRY_THREAD_ENABLE_EXCEPTIONS 0x611
#define PERDURE_ENTRY_THREAD_DISABLE_EXCEPTIONS 0x612
#define PERDURE_ENTRY_THREAD_GET_HANDLERS 0x613
#define PERDURE_ENTRY_THREAD_SET_HANDLERS 0x614
#define PERDURE_ENTRY_THREAD_GET_SAVED_STATE 0x615
#define PERDURE_ENTRY_THREAD_SET_SAVED_STATE 0x616
#define PERDURE_ENTRY_THREAD_RETURN_FROM_EXCEPTION 0x617
#define PERDURE_ENTRY_THREAD_INTERRUPT 0x618
#define PERDURE_ENTRY_THREAD_GET_CLIENT 0x619
#define PERDURE_ENTRY_THREAD_SET_CLIENT 0x61a
#define PERDURE_ENTRY_THREAD_GET_SERVER 0x61b
#define PERDURE_ENTRY_THREAD_SET_SERVER 0x61c
#define PERDURE_ENTRY_THREAD_SCHEDULE 0x61d
#define PERDURE_ENTRY_REFERENCE_CREATE 0x640
#define PERDURE_ENTRY_REFERENCE_DESTROY 0x642
#define PERDURE_ENTRY_REFERENCE_MOVE 0x643
#define PERDURE_ENTRY_REFERENCE_GET_STATE 0x645
#define PERDURE_ENTRY_REFERENCE_SET_STATE 0x646
#define PERDURE_ENTRY_REFERENCE_PEEK_STATE 0x647
#define PERDURE_ENTRY_REFERENCE_CHECK 0x650
#define PERDURE_ENTRY_REFERENCE_COMPARE 0x651
#define PERDURE_ENTRY_REFERENCE_COPY 0x652
#define PERDURE_ENTRY_REFERENCE_HASH 0x653
#define PERDURE_ENTRY_REFERENCE_TYPE 0x654
#define PERDURE_ENTRY_REFERENCE_LOCATE 0x655
#define PERDURE_ENTRY_IPC_CALL 0x680
#define PERDURE_ENTRY_IPC_REPLY 0x681
#define PERDURE_ENTRY_IPC_REPLY_WAIT_RECEIVE 0x682
#define PERDURE_ENTRY_IPC_SEND 0x683
#define PERDURE_ENTRY_IPC_WAIT_RECEIVE 0x684
#define PERDURE_ENTRY_IPC_SETUP_WAIT_RECEIVE 0x685
#define PERDURE_ENTRY_IPC_CLIENT_CONNECT_SEND 0x688
#define PERDURE_ENTRY_IPC_CLIENT_CONNECT_SEND_OVER_RECEIVE 0x689
#define PERDURE_ENTRY_IPC_CLIENT_ACK_SEND 0x68a
#define PERDURE_ENTRY_IPC_CLIENT_ACK_SEND_OVER_RECEIVE 0x68b
#define PERDURE_ENTRY_IPC_CLIENT_ALERT 0x68c
#define PERDURE_ENTRY_IPC_CLIENT_DISCONNECT 0x68d
#define PERDURE_ENTRY_IPC_CLIENT_OVER_RECEIVE 0x68e
#define PERDURE_ENTRY_IPC_CLIENT_RECEIVE 0x68f
#define PERDURE_ENTRY_IPC_CLIENT_SEND 0x690
#define PERDURE_ENTRY_IPC_CLIENT_SEND_OVER_RECEIVE 0x691
#define PERDURE_ENTRY_IPC_SERVER_ACK_SEND_WAIT_RECEIVE 0x698
#define PERDURE_ENTRY_IPC_SERVER_SEND_WAIT_RECEIVE 0x699
#define PERDURE_ENTRY_IPC_SERVER_ACK_SEND 0x69a
#define PERDURE_ENTRY_IPC_SERVER_ACK_SEND_OVER_RECEIVE 0x69b
#define PERDURE_ENTRY_IPC_SERVER_ALERT 0x69c
#define PERDURE_ENTRY_IPC_SERVER_DISCONNECT 0x69d
#define PERDURE_ENTRY_IPC_SERVER_OVER_RECEIVE 0x69e
#define PERDURE_ENTRY_IPC_SERVER_RECEIVE 0x69f
#define PERDURE_ENTRY_IPC_SERVER_SEND 0x6a0
#define PERDURE_ENTRY_IPC_SERVER_SEND_OVER_RECEIVE 0x6a1
#define PERDURE_ENTRY_IPC_SERVER_RECEIVE_FIRST 0x6a2
#define PERDURE_ENTRY_CLOCK_READ 0x6c0
#define PERDURE_ENTRY_CLOCK_SLEEP 0x6c1
#define PERDURE_ENTRY_KERNEL_RECORD 0x700
#define PERDURE_ENTRY_KERNEL_ENTROPY 0x701

/* X(name, number) for each entry point, in the order of the table. */
#define PERDURE_FOR_EACH_ENTRY(X) \
  X(mutex_create, 0x440) \
  X(mutex_create_hash, 0x441) \
  X(mutex_destroy, 0x442) \
  X(mutex_move, 0x443) \
  X(mutex_reference, 0x444) \
  X(mutex_get_state, 0x445) \
  X(mutex_set_state, 0x446) \
  X(mutex_peek_state, 0x447) \
  X(mutex_lock, 0x450) \
  X(mutex_trylock, 0x451) \
  X(mutex_unlock, 0x452) \
  X(cond_create, 0x480) \
  X(cond_create_hash, 0x481) \
  X(cond_destroy, 0x482) \
  X(cond_move, 0x483) \
  X(cond_reference, 0x484) \
  X(cond_get_state, 0x485) \
  X(cond_set_state, 0x486) \
  X(cond_peek_state, 0x487) \
  X(cond_wait, 0x490) \
  X(cond_signal, 0x491) \
  X(cond_broadcast, 0x492) \
  X(cond_wait_again, 0x493) \
  X(mapping_create, 0x4c0) \
  X(mapping_create_hash, 0x4c1) \
  X(mapping_destroy, 0x4c2) \
  X(mapping_move, 0x4c3) \
  X(mapping_get_state, 0x4c5) \
  X(mapping_set_state, 0x4c6) \
  X(mapping_peek_state, 0x4c7) \
  X(mapping_protect, 0x4d0) \
  X(region_create, 0x500) \
  X(region_create_hash, 0x501) \
  X(region_destroy, 0x502) \
  X(region_move, 0x503) \
  X(region_reference, 0x504) \
  X(region_get_state, 0x505) \
  X(region_set_state, 0x506) \
  X(region_peek_state, 0x507) \
  X(region_protect, 0x510) \
  X(region_search, 0x511) \
  X(region_supply, 0x512) \
  X(region_evict, 0x513) \
  X(region_discard, 0x514) \
  X(region_protect_page, 0x515) \
  X(region_collect, 0x516) \
  X(region_peek_changed, 0x517) \
  X(region_mark_changed, 0x518) \
  X(port_create, 0x540) \
  X(port_create_hash, 0x541) \
  X(port_destroy, 0x542) \
  X(port_move, 0x543) \
  X(port_reference, 0x544) \
  X(port_get_state, 0x545) \
  X(port_set_state, 0x546) \
  X(port_peek_state, 0x547) \
  X(portset_create, 0x580) \
  X(portset_create_hash, 0x581) \
  X(portset_destroy, 0x582) \
  X(portset_move, 0x583) \
  X(portset_reference, 0x584) \
  X(portset_get_state, 0x585) \
  X(portset_set_state, 0x586) \
  X(portset_peek_state, 0x587) \
  X(space_create, 0x5c0) \
  X(space_create_hash, 0x5c1) \
  X(space_destroy, 0x5c2) \
  X(space_move, 0x5c3) \
  X(space_reference, 0x5c4) \
  X(space_get_state, 0x5c5) \
  X(space_set_state, 0x5c6) \
  X(space_peek_state, 0x5c7) \
  X(thread_create, 0x600) \
  X(thread_create_hash, 0x601) \
  X(thread_destroy, 0x602) \
  X(thread_move, 0x603) \
  X(thread_reference, 0x604) \
  X(thread_get_state, 0x605) \
  X(thread_set_state, 0x606) \
  X(thread_peek_state, 0x607) \
  X(thread_self, 0x610) \
  X(thread_enable_exceptions, 0x611) \
  X(thread_disable_exceptions, 0x612) \
  X(thread_get_handlers, 0x613) \
  X(thread_set_handlers, 0x614) \
  X(thread_get_saved_state, 0x615) \
  X(thread_set_saved_state, 0x616) \
  X(thread_return_from_exception, 0x617) \
  X(thread_interrupt, 0x618) \
  X(thread_get_client, 0x619) \
  X(thread_set_client, 0x61a) \
  X(thread_get_server, 0x61b) \
  X(thread_set_server, 0x61c) \
  X(thread_schedule, 0x61d) \
  X(reference_create, 0x640) \
  X(reference_destroy, 0x642) \
  X(reference_move, 0x643) \
  X(reference_get_state, 0x645) \
  X(reference_set_state, 0x646) \
  X(reference_peek_state, 0x647) \
  X(reference_check, 0x650) \
  X(reference_compare, 0x651) \
  X(reference_copy, 0x652) \
  X(reference_hash, 0x653) \
  X(reference_type, 0x654) \
  X(reference_locate, 0x655) \
  X(ipc_call, 0x680) \
  X(ipc_reply, 0x681) \
  X(ipc_reply_wait_receive, 0x682) \
  X(ipc_send, 0x683) \
  X(ipc_wait_receive, 0x684) \
  X(ipc_setup_wait_receive, 0x685) \
  X(ipc_client_connect_send, 0x688) \
  X(ipc_client_connect_send_over_receive, 0x689) \
  X(ipc_client_ack_send, 0x68a) \
  X(ipc_client_ack_send_over_receive, 0x68b) \
  X(ipc_client_alert, 0x68c) \
  X(ipc_client_disconnect, 0x68d) \
  X(ipc_client_over_receive, 0x68e) \
  X(ipc_client_receive, 0x68f) \
  X(ipc_client_send, 0x690) \
  X(ipc_client_send_over_receive, 0x691) \
  X(ipc_server_ack_send_wait_receive, 0x698) \
  X(ipc_server_send_wait_receive, 0x699) \
  X(ipc_server_ack_send, 0x69a) \
  X(ipc_server_ack_send_over_receive, 0x69b) \
  X(ipc_server_alert, 0x69c) \
  X(ipc_server_disconnect, 0x69d) \
  X(ipc_server_over_receive, 0x69e) \
  X(ipc_server_receive, 0x69f) \
  X(ipc_server_send, 0x6a0) \
  X(ipc_server_send_over_receive, 0x6a1) \
  X(ipc_server_receive_first, 0x6a2) \
  X(clock_read, 0x6c0) \
  X(clock_sleep, 0x6c1) \
  X(kernel_record, 0x700) \
  X(kernel_entropy, 0x701)

/* Flavours of a message, as wait_receive tells them. */
#define PERDURE_FLAVOUR_ONEWAY 0x1
#define PERDURE_FLAVOUR_IDEMPOTENT 0x2
#define PERDURE_FLAVOUR_RELIABLE 0x3

/* Sensitivities of thread_schedule. */
#define PERDURE_SENSITIVITY_BLOCK 0x0
#define PERDURE_SENSITIVITY_SWITCH 0x1
#define PERDURE_SENSITIVITY_CONFLICT 0x2

/* Tables of references to send from and to receive into; after a call, what is left of them. */
struct perdure_references {
  perdure_reference **send;
  uint64_t send_count;
  perdure_reference **receive;
  uint64_t receive_count;
};

/* A parameter that is a pointer to a buffer, length or offset is advanced: afterwards it says what is left.
   `port` is a reference to a port; `portset` is a port set itself. */

/* short: Makes a mutex at this address; its links are null. */
static inline perdure_outcome perdure_mutex_create(perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_mutex_create_hash(perdure_mutex *mutex, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Removes the mutex; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_mutex_destroy(perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living mutex to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_mutex_move(perdure_mutex *mutex, perdure_mutex *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this mutex. */
static inline perdure_outcome perdure_mutex_reference(perdure_mutex *mutex, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_mutex_get_state(perdure_mutex *mutex, struct perdure_mutex_state *state, perdure_reference *owner_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)owner_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_mutex_set_state(perdure_mutex *mutex, const struct perdure_mutex_state *state, perdure_reference *owner_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)owner_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_mutex_peek_state(perdure_mutex *mutex, struct perdure_mutex_state *state, perdure_reference *owner_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)owner_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* long: Waits until the mutex is free and owns it. */
static inline perdure_outcome perdure_mutex_lock(perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_LOCK;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Owns the mutex if it is free, else returns busy. */
static inline perdure_outcome perdure_mutex_trylock(perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_TRYLOCK;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Hands the mutex to the waiter with the lowest ticket, or frees it. */
static inline perdure_outcome perdure_mutex_unlock(perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_UNLOCK;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a cond at this address; its links are null. */
static inline perdure_outcome perdure_cond_create(perdure_cond *cond) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_cond_create_hash(perdure_cond *cond, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Removes the cond; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_cond_destroy(perdure_cond *cond) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living cond to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_cond_move(perdure_cond *cond, perdure_cond *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this cond. */
static inline perdure_outcome perdure_cond_reference(perdure_cond *cond, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_cond_get_state(perdure_cond *cond, struct perdure_cond_state *state, perdure_reference *inheritor_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)inheritor_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_cond_set_state(perdure_cond *cond, const struct perdure_cond_state *state, perdure_reference *inheritor_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)inheritor_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_cond_peek_state(perdure_cond *cond, struct perdure_cond_state *state, perdure_reference *inheritor_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)inheritor_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Unlocks the mutex, sleeps until signalled, locks it again. May wake without a signal. */
static inline perdure_outcome perdure_cond_wait(perdure_cond *cond, perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_WAIT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Wakes the sleeper with the lowest ticket. */
static inline perdure_outcome perdure_cond_signal(perdure_cond *cond) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_SIGNAL;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Wakes all sleepers, those too who lie down before it is over. */
static inline perdure_outcome perdure_cond_broadcast(perdure_cond *cond) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_BROADCAST;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: The rest of cond_wait: sleeps without unlocking, then locks the mutex. */
static inline perdure_outcome perdure_cond_wait_again(perdure_cond *cond, perdure_mutex *mutex) {
  register uint64_t a0 __asm__("a0") = (uint64_t)cond;
  register uint64_t a1 __asm__("a1") = (uint64_t)mutex;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_COND_WAIT_AGAIN;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a mapping at this address; its links are null. */
static inline perdure_outcome perdure_mapping_create(perdure_mapping *mapping) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_mapping_create_hash(perdure_mapping *mapping, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Removes the mapping; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_mapping_destroy(perdure_mapping *mapping) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living mapping to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_mapping_move(perdure_mapping *mapping, perdure_mapping *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_mapping_get_state(perdure_mapping *mapping, struct perdure_mapping_state *state, perdure_reference *region_reference, perdure_reference *space_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)region_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)space_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_mapping_set_state(perdure_mapping *mapping, const struct perdure_mapping_state *state, perdure_reference *region_reference, perdure_reference *space_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)region_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)space_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_mapping_peek_state(perdure_mapping *mapping, struct perdure_mapping_state *state, perdure_reference *region_reference, perdure_reference *space_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)region_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)space_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Changes what the mapping itself allows. */
static inline perdure_outcome perdure_mapping_protect(perdure_mapping *mapping, uint64_t protection) {
  register uint64_t a0 __asm__("a0") = (uint64_t)mapping;
  register uint64_t a1 __asm__("a1") = (uint64_t)protection;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MAPPING_PROTECT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a region at this address; its links are null. */
static inline perdure_outcome perdure_region_create(perdure_region *region) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_region_create_hash(perdure_region *region, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Removes the region; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_region_destroy(perdure_region *region) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living region to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_region_move(perdure_region *region, perdure_region *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this region. */
static inline perdure_outcome perdure_region_reference(perdure_region *region, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_region_get_state(perdure_region *region, struct perdure_region_state *state, perdure_reference *space_reference, perdure_reference *keeper_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)keeper_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_region_set_state(perdure_region *region, const struct perdure_region_state *state, perdure_reference *space_reference, perdure_reference *keeper_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)keeper_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_region_peek_state(perdure_region *region, struct perdure_region_state *state, perdure_reference *space_reference, perdure_reference *keeper_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)keeper_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Changes the most that any mapping of the region may do. */
static inline perdure_outcome perdure_region_protect(perdure_region *region, uint64_t protection) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)protection;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_PROTECT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Lists the objects in a range in address order; offset advances, itemCount becomes the unused entries. */
static inline perdure_outcome perdure_region_search(perdure_region *region, uint64_t *offset, uint64_t *size, struct perdure_item **items, uint64_t *item_count) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)*offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)*size;
  register uint64_t a3 __asm__("a3") = (uint64_t)*items;
  register uint64_t a4 __asm__("a4") = (uint64_t)*item_count;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_SEARCH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a7)
                   :
                   : "a5", "a6", "t0", "t1", "memory");
  *offset = (uint64_t)a1;
  *size = (uint64_t)a2;
  *items = (struct perdure_item *)a3;
  *item_count = (uint64_t)a4;
  return a0;
}

/* short: Gives a page its content from a page of the caller (0: zeros). Only the bottom region of a page. */
static inline perdure_outcome perdure_region_supply(perdure_region *region, uint64_t offset, const void *source) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)source;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_SUPPLY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Drops an unchanged page from memory; its objects stay. busy when it has changed since the last collect. */
static inline perdure_outcome perdure_region_evict(perdure_region *region, uint64_t offset) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)offset;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_EVICT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Destroys the objects in the range and forgets the content of its pages, one after another. */
static inline perdure_outcome perdure_region_discard(perdure_region *region, uint64_t offset, uint64_t size) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)size;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_DISCARD;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Caps what any mapping may do with this page while it is in memory. */
static inline perdure_outcome perdure_region_protect_page(perdure_region *region, uint64_t offset, uint64_t protection) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)protection;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_PROTECT_PAGE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Takes out of the changed set of the region as many items as fit; itemCount becomes the unused entries. */
static inline perdure_outcome perdure_region_collect(perdure_region *region, struct perdure_item **items, uint64_t *item_count) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)*items;
  register uint64_t a2 __asm__("a2") = (uint64_t)*item_count;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_COLLECT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  *items = (struct perdure_item *)a1;
  *item_count = (uint64_t)a2;
  return a0;
}

/* multi-stage: Lists the changed set without taking anything out of it. */
static inline perdure_outcome perdure_region_peek_changed(perdure_region *region, uint64_t *offset, struct perdure_item **items, uint64_t *item_count) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)*offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)*items;
  register uint64_t a3 __asm__("a3") = (uint64_t)*item_count;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_PEEK_CHANGED;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  *offset = (uint64_t)a1;
  *items = (struct perdure_item *)a2;
  *item_count = (uint64_t)a3;
  return a0;
}

/* short: Puts an item into the changed set; detail is the pc of a page, the type of an object that is gone. */
static inline perdure_outcome perdure_region_mark_changed(perdure_region *region, uint64_t offset, uint64_t kind, uint64_t detail) {
  register uint64_t a0 __asm__("a0") = (uint64_t)region;
  register uint64_t a1 __asm__("a1") = (uint64_t)offset;
  register uint64_t a2 __asm__("a2") = (uint64_t)kind;
  register uint64_t a3 __asm__("a3") = (uint64_t)detail;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REGION_MARK_CHANGED;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a port at this address; its links are null. */
static inline perdure_outcome perdure_port_create(perdure_port *port) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_port_create_hash(perdure_port *port, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Removes the port; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_port_destroy(perdure_port *port) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living port to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_port_move(perdure_port *port, perdure_port *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this port. */
static inline perdure_outcome perdure_port_reference(perdure_port *port, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_port_get_state(perdure_port *port, struct perdure_port_state *state, perdure_reference *portset_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)portset_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_port_set_state(perdure_port *port, const struct perdure_port_state *state, perdure_reference *portset_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)portset_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_port_peek_state(perdure_port *port, struct perdure_port_state *state, perdure_reference *portset_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)portset_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORT_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a portset at this address; its links are null. */
static inline perdure_outcome perdure_portset_create(perdure_portset *portset) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_portset_create_hash(perdure_portset *portset, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Removes the portset; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_portset_destroy(perdure_portset *portset) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living portset to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_portset_move(perdure_portset *portset, perdure_portset *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this portset. */
static inline perdure_outcome perdure_portset_reference(perdure_portset *portset, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_portset_get_state(perdure_portset *portset, struct perdure_portset_state *state) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_portset_set_state(perdure_portset *portset, const struct perdure_portset_state *state) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_portset_peek_state(perdure_portset *portset, struct perdure_portset_state *state) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_PORTSET_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a space at this address; its links are null. */
static inline perdure_outcome perdure_space_create(perdure_space *space) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_space_create_hash(perdure_space *space, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Removes the space; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_space_destroy(perdure_space *space) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living space to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_space_move(perdure_space *space, perdure_space *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this space. */
static inline perdure_outcome perdure_space_reference(perdure_space *space, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_space_get_state(perdure_space *space, struct perdure_space_state *state, perdure_reference *keeper_reference, perdure_reference *scheduler_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)keeper_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_space_set_state(perdure_space *space, const struct perdure_space_state *state, perdure_reference *keeper_reference, perdure_reference *scheduler_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)keeper_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_space_peek_state(perdure_space *space, struct perdure_space_state *state, perdure_reference *keeper_reference, perdure_reference *scheduler_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)space;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)keeper_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_SPACE_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Makes a thread at this address; its links are null and it is stopped. */
static inline perdure_outcome perdure_thread_create(perdure_thread *thread) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like create, with the write-once hash given (0: the kernel chooses). */
static inline perdure_outcome perdure_thread_create_hash(perdure_thread *thread, uint64_t hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)hash;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_CREATE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* long: Removes the thread; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_thread_destroy(perdure_thread *thread) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* long: Moves the living thread to another address, where no object may lie; what links to it follows. It must be stopped. */
static inline perdure_outcome perdure_thread_move(perdure_thread *thread, perdure_thread *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Points an existing reference at this thread. */
static inline perdure_outcome perdure_thread_reference(perdure_thread *thread, perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_REFERENCE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* long: Copies out the simple state and the links (0: not wanted) and leaves the thread stopped. */
static inline perdure_outcome perdure_thread_get_state(perdure_thread *thread, struct perdure_thread_state *state, perdure_reference *space_reference, perdure_reference *scheduler_reference, perdure_reference *waiting_for_reference, perdure_reference *client_reference, perdure_reference *server_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a4 __asm__("a4") = (uint64_t)waiting_for_reference;
  register uint64_t a5 __asm__("a5") = (uint64_t)client_reference;
  register uint64_t a6 __asm__("a6") = (uint64_t)server_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "t0", "t1", "memory");
  return a0;
}

/* long: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_thread_set_state(perdure_thread *thread, const struct perdure_thread_state *state, perdure_reference *space_reference, perdure_reference *scheduler_reference, perdure_reference *waiting_for_reference, perdure_reference *client_reference, perdure_reference *server_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a4 __asm__("a4") = (uint64_t)waiting_for_reference;
  register uint64_t a5 __asm__("a5") = (uint64_t)client_reference;
  register uint64_t a6 __asm__("a6") = (uint64_t)server_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_thread_peek_state(perdure_thread *thread, struct perdure_thread_state *state, perdure_reference *space_reference, perdure_reference *scheduler_reference, perdure_reference *waiting_for_reference, perdure_reference *client_reference, perdure_reference *server_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)space_reference;
  register uint64_t a3 __asm__("a3") = (uint64_t)scheduler_reference;
  register uint64_t a4 __asm__("a4") = (uint64_t)waiting_for_reference;
  register uint64_t a5 __asm__("a5") = (uint64_t)client_reference;
  register uint64_t a6 __asm__("a6") = (uint64_t)server_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "t0", "t1", "memory");
  return a0;
}

/* trivial: The address at which the calling thread says it lies. */
static inline perdure_outcome perdure_thread_self(uint64_t *address) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a1 __asm__("a1");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SELF;
  __asm__ volatile("ecall"
                   : "=r"(a0), "=r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (address) *address = a1;
  return a0;
}

/* trivial: Exceptions, interrupts and alerts go to my handlers from now on; what is pending is taken at once. */
static inline perdure_outcome perdure_thread_enable_exceptions(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_ENABLE_EXCEPTIONS;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* trivial: My handlers are not entered until exceptions are enabled again; interrupts and alerts stay pending. */
static inline perdure_outcome perdure_thread_disable_exceptions(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_DISABLE_EXCEPTIONS;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out where my handlers begin (0: none). */
static inline perdure_outcome perdure_thread_get_handlers(struct perdure_handlers *handlers) {
  register uint64_t a0 __asm__("a0") = (uint64_t)handlers;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_GET_HANDLERS;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Sets where my handlers begin (0: none); what is pending and has one now is taken at once. */
static inline perdure_outcome perdure_thread_set_handlers(const struct perdure_handlers *handlers) {
  register uint64_t a0 __asm__("a0") = (uint64_t)handlers;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SET_HANDLERS;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out what was saved when a handler of mine was last entered: pc, a0, a1, a2, a7, and whether exceptions were enabled. */
static inline perdure_outcome perdure_thread_get_saved_state(struct perdure_saved_state *saved) {
  register uint64_t a0 __asm__("a0") = (uint64_t)saved;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_GET_SAVED_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads what return_from_exception will restore: another pc, and the thread goes on elsewhere. */
static inline perdure_outcome perdure_thread_set_saved_state(const struct perdure_saved_state *saved) {
  register uint64_t a0 __asm__("a0") = (uint64_t)saved;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SET_SAVED_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* trivial: Goes on where my handler was entered, by the saved state; exceptions are enabled as they were, and what is pending is taken at once. A user task has no pc to go on at. */
static inline perdure_outcome perdure_thread_return_from_exception(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_RETURN_FROM_EXCEPTION;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Posts a software interrupt: taken at once, from a wait too, when the thread has exceptions enabled and the handler; else pending. A stopped thread takes it when it is set running; nobody interrupts himself. */
static inline perdure_outcome perdure_thread_interrupt(perdure_thread *thread) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_INTERRUPT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Takes the link to my client out into a reference, so that I can serve another meanwhile; my client waits. busy: it has taken out its own. */
static inline perdure_outcome perdure_thread_get_client(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_GET_CLIENT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Puts the link to my client back from a reference; null: I have none. Whoever was my client is let go. notConnected: it waits for me no more. */
static inline perdure_outcome perdure_thread_set_client(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SET_CLIENT;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Takes the link to my server out into a reference, so that I can call another meanwhile; my server waits. busy: it has taken out its own. */
static inline perdure_outcome perdure_thread_get_server(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_GET_SERVER;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Puts the link to my server back from a reference; null: I have none. Whoever was my server is let go. notConnected: it waits for me no more. */
static inline perdure_outcome perdure_thread_set_server(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SET_SERVER;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Donates my processor to a thread, for as many ticks (0: no limit). threadBlocked: nobody can use it now; messageWaits: a client is at the port set. Sensitivity SWITCH: while the thread is blocked I wait at the set, and it goes on when it asks there. CONFLICT: so does any of my clients that asks when nobody else can run. */
static inline perdure_outcome perdure_thread_schedule(perdure_thread *thread, uint64_t *ticks, perdure_portset *portset, uint64_t sensitivity) {
  register uint64_t a0 __asm__("a0") = (uint64_t)thread;
  register uint64_t a1 __asm__("a1") = (uint64_t)*ticks;
  register uint64_t a2 __asm__("a2") = (uint64_t)portset;
  register uint64_t a3 __asm__("a3") = (uint64_t)sensitivity;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_THREAD_SCHEDULE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  *ticks = (uint64_t)a1;
  return a0;
}

/* short: Makes a reference at this address; its links are null. */
static inline perdure_outcome perdure_reference_create(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_CREATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Removes the reference; links to it become null and what waited on it is woken. */
static inline perdure_outcome perdure_reference_destroy(perdure_reference *reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_DESTROY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Moves the living reference to another address, where no object may lie; what links to it follows. */
static inline perdure_outcome perdure_reference_move(perdure_reference *reference, perdure_reference *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_MOVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the simple state and the links (0: not wanted). */
static inline perdure_outcome perdure_reference_get_state(perdure_reference *reference, struct perdure_reference_state *state, perdure_reference *target_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)target_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_GET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Loads the simple state and the links (0: unchanged; a null reference: null). */
static inline perdure_outcome perdure_reference_set_state(perdure_reference *reference, const struct perdure_reference_state *state, perdure_reference *target_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)target_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_SET_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Like get_state, without stopping or disturbing anything. */
static inline perdure_outcome perdure_reference_peek_state(perdure_reference *reference, struct perdure_reference_state *state, perdure_reference *target_reference) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)state;
  register uint64_t a2 __asm__("a2") = (uint64_t)target_reference;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_PEEK_STATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Tells whether the reference is null. */
static inline perdure_outcome perdure_reference_check(perdure_reference *reference, uint64_t *is_null) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_CHECK;
  __asm__ volatile("ecall"
                   : "+r"(a0), "=r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (is_null) *is_null = a1;
  return a0;
}

/* short: Tells whether two references point at the same object. */
static inline perdure_outcome perdure_reference_compare(perdure_reference *reference, perdure_reference *other, uint64_t *is_same) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)other;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_COMPARE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (is_same) *is_same = a1;
  return a0;
}

/* short: Points an existing reference at the same object. */
static inline perdure_outcome perdure_reference_copy(perdure_reference *reference, perdure_reference *destination) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)destination;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_COPY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: The hash of the target; notFound for a null reference. */
static inline perdure_outcome perdure_reference_hash(perdure_reference *reference, uint64_t *hash) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_HASH;
  __asm__ volatile("ecall"
                   : "+r"(a0), "=r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (hash) *hash = a1;
  return a0;
}

/* short: The type number of the target; notFound for a null reference. */
static inline perdure_outcome perdure_reference_type(perdure_reference *reference, uint64_t *type) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_TYPE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "=r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (type) *type = a1;
  return a0;
}

/* short: Where in this region of the caller the target lies; notFound when it is null or elsewhere. */
static inline perdure_outcome perdure_reference_locate(perdure_reference *reference, perdure_region *region, uint64_t *offset, uint64_t *serial, uint64_t *type) {
  register uint64_t a0 __asm__("a0") = (uint64_t)reference;
  register uint64_t a1 __asm__("a1") = (uint64_t)region;
  register uint64_t a2 __asm__("a2");
  register uint64_t a3 __asm__("a3");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_REFERENCE_LOCATE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "=r"(a2), "=r"(a3), "+r"(a7)
                   :
                   : "a4", "a5", "a6", "t0", "t1", "memory");
  if (offset) *offset = a1;
  if (serial) *serial = a2;
  if (type) *type = a3;
  return a0;
}

/* multi-stage: Idempotent request and answer: delivered at least once, cut to the shorter buffer. */
static inline perdure_outcome perdure_ipc_call(perdure_reference *port, const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CALL;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a7)
                   :
                   : "a5", "a6", "t0", "t1", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  return a0;
}

/* multi-stage: Answers the idempotent request being served. */
static inline perdure_outcome perdure_ipc_reply(perdure_portset *portset, const void **send, uint64_t *send_length) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_REPLY;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  return a0;
}

/* multi-stage: reply, then wait_receive. */
static inline perdure_outcome perdure_ipc_reply_wait_receive(perdure_portset *portset, const void *send, uint64_t send_length, void **receive, uint64_t *receive_length, uint64_t *flavour, uint64_t *alias, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)send;
  register uint64_t a2 __asm__("a2") = (uint64_t)send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_REPLY_WAIT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (flavour) *flavour = a1;
  if (alias) *alias = a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: One-way: delivered at most once, lost when nobody waits. */
static inline perdure_outcome perdure_ipc_send(perdure_reference *port, const void **send, uint64_t *send_length) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  return a0;
}

/* multi-stage: Waits for a message of any flavour on the ports of the set. */
static inline perdure_outcome perdure_ipc_wait_receive(perdure_portset *portset, void **receive, uint64_t *receive_length, uint64_t *flavour, uint64_t *alias, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_WAIT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (flavour) *flavour = a1;
  if (alias) *alias = a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Says where messages of each flavour enter me (0: behind the call), with the stack as it is now, then wait_receive. */
static inline perdure_outcome perdure_ipc_setup_wait_receive(perdure_portset *portset, uint64_t oneway_entry, uint64_t idempotent_entry, void **receive, uint64_t *receive_length, uint64_t reliable_entry, uint64_t *flavour, uint64_t *alias, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)oneway_entry;
  register uint64_t a2 __asm__("a2") = (uint64_t)idempotent_entry;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = (uint64_t)reliable_entry;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SETUP_WAIT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (flavour) *flavour = a1;
  if (alias) *alias = a2;
  if (references) {
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Connects to a server of the port and sends the first piece; the line stays mine. */
static inline perdure_outcome perdure_ipc_client_connect_send(perdure_reference *port, const void **send, uint64_t *send_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_CONNECT_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "a3", "a4", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: The whole of a reliable call: connect, send all, turn the line, receive. */
static inline perdure_outcome perdure_ipc_client_connect_send_over_receive(perdure_reference *port, const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)port;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_CONNECT_SEND_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Takes the line, if my server has it, and sends; what the server was still sending is discarded. */
static inline perdure_outcome perdure_ipc_client_ack_send(const void **send, uint64_t *send_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_ACK_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "a3", "a4", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Takes the line, sends, turns the line, receives. */
static inline perdure_outcome perdure_ipc_client_ack_send_over_receive(const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_ACK_SEND_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* trivial: Alerts my server through the connection. */
static inline perdure_outcome perdure_ipc_client_alert(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_ALERT;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* trivial: Ends the conversation with my server. */
static inline perdure_outcome perdure_ipc_client_disconnect(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_DISCONNECT;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Turns the line and receives. */
static inline perdure_outcome perdure_ipc_client_over_receive(void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Receives from my server until it turns the line or ends. */
static inline perdure_outcome perdure_ipc_client_receive(void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Sends the next piece to my server; the line stays mine. */
static inline perdure_outcome perdure_ipc_client_send(const void **send, uint64_t *send_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "a3", "a4", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Sends the rest to my server, turns the line, receives. */
static inline perdure_outcome perdure_ipc_client_send_over_receive(const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_CLIENT_SEND_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: The whole of a reliable answer: take the line, send all, end, wait for the next message. */
static inline perdure_outcome perdure_ipc_server_ack_send_wait_receive(perdure_portset *portset, const void *send, uint64_t send_length, void **receive, uint64_t *receive_length, uint64_t *flavour, uint64_t *alias, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)send;
  register uint64_t a2 __asm__("a2") = (uint64_t)send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_ACK_SEND_WAIT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (flavour) *flavour = a1;
  if (alias) *alias = a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Sends the rest to my client, ends, waits for the next message. */
static inline perdure_outcome perdure_ipc_server_send_wait_receive(perdure_portset *portset, const void *send, uint64_t send_length, void **receive, uint64_t *receive_length, uint64_t *flavour, uint64_t *alias, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = (uint64_t)portset;
  register uint64_t a1 __asm__("a1") = (uint64_t)send;
  register uint64_t a2 __asm__("a2") = (uint64_t)send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_SEND_WAIT_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (flavour) *flavour = a1;
  if (alias) *alias = a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Takes the line, if my client has it, and sends; what the client was still sending is discarded. */
static inline perdure_outcome perdure_ipc_server_ack_send(const void **send, uint64_t *send_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_ACK_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "a3", "a4", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Takes the line, sends, turns the line, receives. */
static inline perdure_outcome perdure_ipc_server_ack_send_over_receive(const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_ACK_SEND_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* trivial: Alerts my client through the connection. */
static inline perdure_outcome perdure_ipc_server_alert(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_ALERT;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* trivial: Ends the conversation with my client. */
static inline perdure_outcome perdure_ipc_server_disconnect(void) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_DISCONNECT;
  __asm__ volatile("ecall"
                   : "=r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* multi-stage: Turns the line and receives. */
static inline perdure_outcome perdure_ipc_server_over_receive(void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Receives more from my client until it turns the line. */
static inline perdure_outcome perdure_ipc_server_receive(void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Sends the next piece to my client; the line stays mine. */
static inline perdure_outcome perdure_ipc_server_send(const void **send, uint64_t *send_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_SEND;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "a3", "a4", "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Sends the rest to my client, turns the line, receives. */
static inline perdure_outcome perdure_ipc_server_send_over_receive(const void **send, uint64_t *send_length, void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = (uint64_t)*send;
  register uint64_t a2 __asm__("a2") = (uint64_t)*send_length;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_SEND_OVER_RECEIVE;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *send = (const void *)a1;
  *send_length = (uint64_t)a2;
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* multi-stage: Like server_receive, then goes on at my reliable entry with my server stack: the rest of wait_receive when a client has connected and I have such an entry. */
static inline perdure_outcome perdure_ipc_server_receive_first(void **receive, uint64_t *receive_length, struct perdure_references *references) {
  register uint64_t a0 __asm__("a0") = 0;
  register uint64_t a1 __asm__("a1") = 0;
  register uint64_t a2 __asm__("a2") = 0;
  register uint64_t a3 __asm__("a3") = (uint64_t)*receive;
  register uint64_t a4 __asm__("a4") = (uint64_t)*receive_length;
  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;
  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;
  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;
  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_IPC_SERVER_RECEIVE_FIRST;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1), "+r"(a7)
                   :
                   : "memory");
  *receive = (void *)a3;
  *receive_length = (uint64_t)a4;
  if (references) {
    references->send = (perdure_reference **)a5;
    references->receive = (perdure_reference **)a6;
    references->send_count = t0;
    references->receive_count = t1;
  }
  return a0;
}

/* trivial: Nanoseconds since the machine was made, and since 1970-01-01T00:00Z. */
static inline perdure_outcome perdure_clock_read(uint64_t *monotonic, uint64_t *wall) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a1 __asm__("a1");
  register uint64_t a2 __asm__("a2");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_CLOCK_READ;
  __asm__ volatile("ecall"
                   : "=r"(a0), "=r"(a1), "=r"(a2), "+r"(a7)
                   :
                   : "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (monotonic) *monotonic = a1;
  if (wall) *wall = a2;
  return a0;
}

/* long: Sleeps until the monotonic clock reaches this many nanoseconds. */
static inline perdure_outcome perdure_clock_sleep(uint64_t deadline) {
  register uint64_t a0 __asm__("a0") = (uint64_t)deadline;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_CLOCK_SLEEP;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* short: Copies out the kernel record (tick, counters, clock, generator has its own entry). */
static inline perdure_outcome perdure_kernel_record(struct perdure_kernel_record *record) {
  register uint64_t a0 __asm__("a0") = (uint64_t)record;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_KERNEL_RECORD;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a7)
                   :
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  return a0;
}

/* trivial: 64 bits of the generator of the machine. */
static inline perdure_outcome perdure_kernel_entropy(uint64_t *word) {
  register uint64_t a0 __asm__("a0");
  register uint64_t a1 __asm__("a1");
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_KERNEL_ENTROPY;
  __asm__ volatile("ecall"
                   : "=r"(a0), "=r"(a1), "+r"(a7)
                   :
                   : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory");
  if (word) *word = a1;
  return a0;
}


#ifdef __cplusplus
}
#endif

#endif
