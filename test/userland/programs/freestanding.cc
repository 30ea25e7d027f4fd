// Freestanding C++: classes, templates, virtual calls, a static object's constructor, and the entry points' header.
#include <perdure.h>
#include <stdio.h>

namespace {

struct Shape {
  virtual long area() const = 0;
};

struct Square : Shape {
  explicit Square(long side) : side(side) {}
  long area() const override { return side * side; }
  long side;
};

template <typename T>
T twice(T value) {
  return value + value;
}

Square square(6);

}  // namespace

int main() {
  const Shape *shape = &square;
  printf("area %ld, twice %ld\n", shape->area(), twice(shape->area()));
  return static_cast<int>(sizeof(struct perdure_thread_state) != 0 ? 0 : 1);
}
