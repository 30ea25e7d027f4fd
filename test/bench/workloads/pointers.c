/* Pointer chasing: along a shuffled list of 32 MiB, which no cache and no TLB reaches over, and down a search tree of
   16,384 nodes. A unit: 1,024 steps along the list and 64 searches. Making the list (524,288 nodes) is part of the
   time. */
#include "bench.h"

enum { LIST = 512 * 1024, TREE = 16 * 1024, STEPS = 1024, SEARCHES = 64 };

typedef struct node {
  struct node *next;
  uint64_t value;
  uint64_t unused[6];
} node;

typedef struct leaf {
  struct leaf *left, *right;
  uint32_t key, value;
} leaf;

/* Sattolo's shuffle: the list is one circle through all nodes. */
static node *make_list(uint64_t *state, node *nodes) {
  uint32_t *order = allocate(LIST * sizeof *order);
  for (uint32_t i = 0; i < LIST; i++) order[i] = i;
  for (uint32_t i = LIST - 1; i > 0; i--) {
    const uint32_t j = random_below(state, i);
    const uint32_t old = order[i];
    order[i] = order[j];
    order[j] = old;
  }
  for (uint32_t i = 0; i < LIST; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % LIST]];
    nodes[order[i]].value = i;
  }
  node *first = &nodes[order[0]];
  release(order);
  return first;
}

static leaf *make_tree(uint64_t *state, leaf *leaves) {
  leaf *root = NULL;
  for (uint32_t i = 0; i < TREE; i++) {
    leaves[i] = (leaf){NULL, NULL, (uint32_t)next_random(state), i};
    leaf **place = &root;
    while (*place != NULL) place = leaves[i].key < (*place)->key ? &(*place)->left : &(*place)->right;
    *place = &leaves[i];
  }
  return root;
}

uint64_t run_pointers(uint64_t size, uint64_t seed) {
  uint64_t state = seed, sum = 0;
  node *nodes = allocate(LIST * sizeof *nodes);
  const node *here = make_list(&state, nodes);
  leaf *leaves = allocate(TREE * sizeof *leaves);
  const leaf *root = make_tree(&state, leaves);
  for (uint64_t round = 0; round < size; round++) {
    const uint64_t start = here->value;
    for (int i = 0; i < STEPS; i++) {
      sum += here->value ^ sum >> 3;
      here = here->next;
    }
    require(here->value == (start + STEPS) % LIST, "so many steps lead to that node");
    for (int i = 0; i < SEARCHES; i++) {
      const uint32_t wanted = random_below(&state, TREE), key = leaves[wanted].key;
      const leaf *at = root;
      uint32_t depth = 0;
      while (at != NULL && at->key != key) {
        at = key < at->key ? at->left : at->right;
        depth++;
      }
      require(at != NULL && at->key == key, "every key is in the tree");
      sum = mix(sum, at->value + depth);
    }
  }
  release(leaves);
  release(nodes);
  return sum;
}
