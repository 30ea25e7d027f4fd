/* Virtual calls: objects of eight kinds behind tables of function pointers, as a C++ compiler lays them out.
   A unit: four calls on each of 256 objects in shuffled order. */
#include "bench.h"

enum { OBJECTS = 256, KINDS = 8 };

typedef struct object object;

typedef struct {
  uint64_t (*area)(const object *);
  uint64_t (*perimeter)(const object *);
  void (*grow)(object *, uint32_t);
  const object *(*partner)(const object *, const object *);
} table;

struct object {
  const table *methods;
  uint32_t a, b, c, age;
};

static uint64_t square_area(const object *o) { return (uint64_t)o->a * o->a; }
static uint64_t square_perimeter(const object *o) { return 4ull * o->a; }
static uint64_t rectangle_area(const object *o) { return (uint64_t)o->a * o->b; }
static uint64_t rectangle_perimeter(const object *o) { return 2ull * (o->a + o->b); }
static uint64_t triangle_area(const object *o) { return (uint64_t)o->a * o->b / 2; }
static uint64_t triangle_perimeter(const object *o) { return (uint64_t)o->a + o->b + o->c; }
static uint64_t circle_area(const object *o) { return (uint64_t)o->a * o->a * 355 / 113; }
static uint64_t circle_perimeter(const object *o) { return (uint64_t)o->a * 710 / 113; }
static uint64_t ring_area(const object *o) { return ((uint64_t)o->a * o->a - (o->b & 15)) * 22 / 7; }
static uint64_t box_area(const object *o) { return 2 * ((uint64_t)o->a * o->b + (uint64_t)o->b * o->c); }
static uint64_t box_perimeter(const object *o) { return 4ull * (o->a ^ o->b ^ o->c); }
static uint64_t line_area(const object *o) { return o->age & 1; }

static void grow_all(object *o, uint32_t by) { o->a += by & 3, o->b += by & 1, o->age++; }
static void grow_one(object *o, uint32_t by) { o->c = (o->c + by) & 1023, o->age++; }
static void turn(object *o, uint32_t by) {
  const uint32_t old = o->a;
  o->a = o->b, o->b = o->c, o->c = old & 0xffff, o->age += by & 1;
}
static void shrink(object *o, uint32_t by) {
  if (o->a > 64) o->a -= by & 31;
  o->age++;
}

static const object *itself(const object *o, const object *all) { (void)all; return o; }
static const object *next_one(const object *o, const object *all) { return &all[(o - all + 1) % OBJECTS]; }
static const object *by_age(const object *o, const object *all) { return &all[o->age % OBJECTS]; }

static const table kinds[KINDS] = {
    {square_area, square_perimeter, grow_all, itself},       {rectangle_area, rectangle_perimeter, turn, next_one},
    {triangle_area, triangle_perimeter, shrink, by_age},     {circle_area, circle_perimeter, grow_one, itself},
    {ring_area, circle_perimeter, grow_all, by_age},         {box_area, box_perimeter, turn, by_age},
    {line_area, square_perimeter, shrink, next_one},         {square_area, box_perimeter, grow_one, next_one},
};

uint64_t run_virtual(uint64_t size, uint64_t seed) {
  uint64_t state = seed, sum = 0;
  object *objects = allocate(OBJECTS * sizeof *objects);
  for (uint32_t i = 0; i < OBJECTS; i++) {
    const uint64_t r = next_random(&state);
    objects[i] = (object){&kinds[r >> 61], (uint32_t)r & 255, (uint32_t)(r >> 8) & 255, (uint32_t)(r >> 16) & 255, 0};
  }
  uint64_t calls = 0;
  for (uint64_t round = 0; round < size; round++) {
    for (uint32_t i = 0; i < OBJECTS; i++) {
      object *const o = &objects[(i * 37 + round) % OBJECTS];
      o->methods->grow(o, (uint32_t)(round + i));
      const object *const other = o->methods->partner(o, objects);
      sum += o->methods->area(o) ^ other->methods->perimeter(other);
      calls++;
      if (o->a > 4096) o->a &= 255;
    }
    sum = mix(sum, round);
  }
  uint64_t ages = 0;
  for (uint32_t i = 0; i < OBJECTS; i++) ages += objects[i].age;
  require(calls == size * OBJECTS && ages <= calls, "every object grew as often as it was asked");
  sum = mix(sum, ages);
  release(objects);
  return sum;
}
