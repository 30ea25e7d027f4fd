/* References by example: the only form in which one object names another outside the kernel. */
#include "example.h"

/* A new reference names nothing. */
EXAMPLE(reference_create) {
  perdure_reference reference;
  uint64_t is_null = 0;
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&reference));
}

/* Its target lives on. */
EXAMPLE(reference_destroy) {
  perdure_mutex mutex;
  perdure_reference reference;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_reference_create(&reference));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_mutex_destroy(&mutex));
}

EXAMPLE(reference_move) {
  perdure_reference old_place, new_place;
  uint64_t type = 0;
  OK(perdure_reference_create(&old_place));
  OK(perdure_thread_reference(MY_THREAD, &old_place));
  OK(perdure_reference_move(&old_place, &new_place));
  OK(perdure_reference_type(&new_place, &type));
  EXPECT(type == PERDURE_TYPE_THREAD);
  OK(perdure_reference_destroy(&new_place));
}

/* The state of a reference is its target, so it comes out into another reference. */
EXAMPLE(reference_get_state) {
  perdure_reference reference, target;
  struct perdure_reference_state state;
  uint64_t is_same = 0;
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_create(&target));
  OK(perdure_thread_reference(MY_THREAD, &reference));
  OK(perdure_reference_get_state(&reference, &state, &target));
  OK(perdure_reference_compare(&reference, &target, &is_same));
  EXPECT(is_same && state.serial != 0);
  OK(perdure_reference_destroy(&target));
  OK(perdure_reference_destroy(&reference));
}

/* Points it at what another one points at; here at nothing. */
EXAMPLE(reference_set_state) {
  perdure_reference reference, nothing;
  uint64_t is_null = 0;
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_create(&nothing));
  OK(perdure_thread_reference(MY_THREAD, &reference));
  OK(perdure_reference_set_state(&reference, NULL, &nothing));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&nothing));
  OK(perdure_reference_destroy(&reference));
}

/* Every object has a serial number that is never used again: two looks at the same object see the same one. */
EXAMPLE(reference_peek_state) {
  perdure_reference reference;
  struct perdure_reference_state first, second;
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_peek_state(&reference, &first, NULL));
  OK(perdure_reference_peek_state(&reference, &second, NULL));
  EXPECT(first.serial == second.serial);
  OK(perdure_reference_destroy(&reference));
}

/* A reference becomes null by itself when its target is destroyed. */
EXAMPLE(reference_check) {
  perdure_mutex mutex;
  perdure_reference reference;
  uint64_t is_null = 1;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_reference_create(&reference));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(!is_null);
  OK(perdure_mutex_destroy(&mutex));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&reference));
}

/* The way to find out what a reference names: compare it with references to what I know. */
EXAMPLE(reference_compare) {
  perdure_mutex mutex, other;
  perdure_reference reference, known;
  uint64_t is_same = 1;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_create(&other));
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_create(&known));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_mutex_reference(&other, &known));
  OK(perdure_reference_compare(&reference, &known, &is_same));
  EXPECT(!is_same);
  OK(perdure_mutex_reference(&mutex, &known));
  OK(perdure_reference_compare(&reference, &known, &is_same));
  EXPECT(is_same);
  OK(perdure_reference_destroy(&known));
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mutex_destroy(&other));
  OK(perdure_mutex_destroy(&mutex));
}

/* Keeps what I was given, whatever becomes of the reference that I was given. */
EXAMPLE(reference_copy) {
  perdure_reference mine;
  uint64_t type = 0;
  OK(perdure_reference_create(&mine));
  OK(perdure_reference_copy((perdure_reference *)PERDURE_PARENT_OUTPUT_REFERENCE, &mine));
  OK(perdure_reference_type(&mine, &type));
  EXPECT(type == PERDURE_TYPE_PORT);
  OK(perdure_reference_destroy(&mine));
}

/* Looks a reference up in a table: the hash says where to look, and comparing says whether it is the same. */
EXAMPLE(reference_hash) {
  perdure_cond conds[2];
  perdure_reference reference;
  uint64_t hash = 0;
  OK(perdure_cond_create_hash(&conds[0], 100));
  OK(perdure_cond_create_hash(&conds[1], 101));
  OK(perdure_reference_create(&reference));
  OK(perdure_cond_reference(&conds[1], &reference));
  OK(perdure_reference_hash(&reference, &hash));
  EXPECT(hash - 100 == 1);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_cond_destroy(&conds[1]));
  OK(perdure_cond_destroy(&conds[0]));
}

EXAMPLE(reference_type) {
  perdure_reference reference;
  uint64_t type = 0;
  OK(perdure_reference_create(&reference));
  EXPECT(perdure_reference_type(&reference, &type) == PERDURE_NOT_FOUND);
  OK(perdure_reference_copy(MY_SPACE, &reference));
  OK(perdure_reference_type(&reference, &type));
  EXPECT(type == PERDURE_TYPE_SPACE);
  OK(perdure_reference_destroy(&reference));
}

/* Where the target of a reference lies in memory of mine. This is how a checkpointer writes a link down: it owns the
   region, so the answer tells it nothing that it could not find out. */
EXAMPLE(reference_locate) {
  static perdure_mutex mutex;
  perdure_region region;
  perdure_reference reference;
  const struct perdure_region_state state = {
      .start_address = PERDURE_PROGRAM_START,
      .size = PERDURE_PROGRAM_END - PERDURE_PROGRAM_START,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  uint64_t offset = 0, serial = 0, type = 0;
  OK(perdure_region_create(&region));
  OK(perdure_region_set_state(&region, &state, MY_SPACE, NULL));
  OK(perdure_mutex_create(&mutex));
  OK(perdure_reference_create(&reference));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_reference_locate(&reference, &region, &offset, &serial, &type));
  EXPECT(PERDURE_PROGRAM_START + offset == (uint64_t)&mutex);
  EXPECT(type == PERDURE_TYPE_MUTEX && serial != 0);
  /* The port that takes my output lies elsewhere. */
  OK(perdure_reference_copy((perdure_reference *)PERDURE_PARENT_OUTPUT_REFERENCE, &reference));
  EXPECT(perdure_reference_locate(&reference, &region, &offset, &serial, &type) == PERDURE_NOT_FOUND);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mutex_destroy(&mutex));
  OK(perdure_region_destroy(&region));
}
