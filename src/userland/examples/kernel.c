/* The kernel record by example: the only words of the machine that belong to no object. */
#include "example.h"

EXAMPLE(kernel_record) {
  struct perdure_kernel_record before, after;
  perdure_mutex mutex;
  OK(perdure_kernel_record(&before));
  OK(perdure_mutex_create(&mutex));
  OK(perdure_kernel_record(&after));
  /* The new object took a serial number. */
  EXPECT(after.next_serial > before.next_serial);
  EXPECT(after.tick > before.tick);
  OK(perdure_mutex_destroy(&mutex));
}

/* Words of the machine's generator, whose state is part of the image: resumed, it goes on. */
EXAMPLE(kernel_entropy) {
  uint64_t first = 0, second = 0;
  OK(perdure_kernel_entropy(&first));
  OK(perdure_kernel_entropy(&second));
  EXPECT(first != second);
}
