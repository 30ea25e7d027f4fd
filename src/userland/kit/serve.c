/* Services of all flavours: messages enter the thread at a function of their flavour (ipc_setup_wait_receive).

   The kernel enters such a function with the registers that wait_receive would have returned: outcome, flavour, alias,
   buffer and room left are a0 to a4, which are the first five arguments of a C function. The stack is the one that
   perdure_serve waits with, and nothing returns to its caller: each function ends by waiting again. */
#include <perdure.h>
#include <setjmp.h>

struct serving {
  perdure_portset *portset;
  const struct perdure_services *services;
  void *context;
  char *buffer;
  size_t buffer_size;
  perdure_outcome outcome;
  jmp_buf end;
};

static _Thread_local struct serving *serving;

static _Noreturn void end(struct serving *self, perdure_outcome outcome) {
  self->outcome = outcome;
  longjmp(self->end, 1);
}

/* Comes back only when nothing will ever come: else the next message enters at its function. */
static _Noreturn void wait_again(struct serving *self) {
  void *receive = self->buffer;
  uint64_t room = self->buffer_size, flavour = 0, alias = 0;
  end(self, perdure_ipc_wait_receive(self->portset, &receive, &room, &flavour, &alias, NULL));
}

static void enter_oneway(perdure_outcome outcome, uint64_t flavour, uint64_t alias, char *receive, uint64_t room) {
  (void)outcome, (void)flavour, (void)room;
  struct serving *const self = serving;
  if (self->services->oneway) {
    self->services->oneway(self->context, alias, self->buffer, (size_t)(receive - self->buffer));
  }
  wait_again(self);
}

static void enter_idempotent(perdure_outcome outcome, uint64_t flavour, uint64_t alias, char *receive, uint64_t room) {
  (void)outcome, (void)room;
  struct serving *const self = serving;
  size_t length = 0;
  if (self->services->idempotent) {
    const size_t received = (size_t)(receive - self->buffer);
    length = self->services->idempotent(self->context, alias, self->buffer, received, self->buffer_size);
  }
  if (length == PERDURE_SERVER_STOP) end(self, PERDURE_SUCCESS);
  void *next = self->buffer;
  uint64_t next_room = self->buffer_size;
  end(self, perdure_ipc_reply_wait_receive(self->portset, self->buffer, length, &next, &next_room, &flavour, &alias, NULL));
}

static void enter_reliable(perdure_outcome outcome, uint64_t flavour, uint64_t alias, char *receive, uint64_t room) {
  (void)room;
  struct serving *const self = serving;
  /* A client that went away before it had turned the line asked nothing. */
  if (outcome != PERDURE_SUCCESS && outcome != PERDURE_RECEIVE_MORE_DATA) wait_again(self);
  size_t length = 0;
  if (self->services->reliable) {
    const size_t received = (size_t)(receive - self->buffer);
    length = self->services->reliable(self->context, alias, self->buffer, received, self->buffer_size);
  }
  if (length == PERDURE_SERVER_STOP) {
    perdure_ipc_server_disconnect();
    end(self, PERDURE_SUCCESS);
  }
  void *next = self->buffer;
  uint64_t next_room = self->buffer_size;
  end(self, perdure_ipc_server_ack_send_wait_receive(self->portset, self->buffer, length, &next, &next_room, &flavour,
                                                     &alias, NULL));
}

perdure_outcome perdure_serve(perdure_portset *portset, const struct perdure_services *services, void *context,
                              void *buffer, size_t buffer_size) {
  struct serving mine = {
      .portset = portset, .services = services, .context = context, .buffer = buffer, .buffer_size = buffer_size};
  struct serving *const outer = serving;
  serving = &mine;
  if (setjmp(mine.end) == 0) {
    void *receive = buffer;
    uint64_t room = buffer_size, flavour = 0, alias = 0;
    end(&mine, perdure_ipc_setup_wait_receive(portset, (uint64_t)enter_oneway, (uint64_t)enter_idempotent, &receive, &room,
                                              (uint64_t)enter_reliable, &flavour, &alias, NULL));
  }
  serving = outer;
  return mine.outcome;
}
