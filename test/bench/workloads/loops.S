/* For costs.ts: five instructions a turn that go through memory, and the same five on registers. Each loop runs twice,
   and a byte is written before the second time and after it: m loop n, r loop s. */
        .equ    turns, 20000000
        .globl  _start

        .macro  say letter
        li      a7, 64
        li      a0, 1
        la      a1, \letter
        li      a2, 1
        ecall
        .endm

_start:
        la      s0, cell
        li      t1, 3
        li      s1, 2
1:      li      s2, turns
2:      ld      t0, 0(s0)
        add     t0, t0, t1
        sd      t0, 0(s0)
        addi    s2, s2, -1
        bnez    s2, 2b
        addi    s1, s1, -1
        beqz    s1, 3f
        say     m
        j       1b
3:      say     n
        li      s1, 2
4:      li      s2, turns
5:      mv      t0, s3
        add     t0, t0, t1
        mv      s3, t0
        addi    s2, s2, -1
        bnez    s2, 5b
        addi    s1, s1, -1
        beqz    s1, 6f
        say     r
        j       4b
6:      say     s
        li      a7, 93
        li      a0, 0
        ecall

        .data
        .balign 8
cell:   .dword  0
m:      .byte   'm'
n:      .byte   'n'
r:      .byte   'r'
s:      .byte   's'
