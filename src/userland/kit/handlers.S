/* Where the kernel enters a handler, and how it is left: the whole of the interrupted registers becomes a struct
   perdure_exception on the stack, a C function is called with it, and what it then holds is what the thread goes on with.

   At the entry a0, a1 and a2 are the fault code, the address and the access; pc and the interrupted a0, a1, a2 and a7
   are in the thread's saved state, which perdure_handle reads and writes, and return_from_exception restores. All else
   is as it was, sp too. */
        .file   "handlers.S"
        .equ    FRAME, 560
        .equ    X, 40
        .equ    FCSR, 296
        .equ    F, 304

        .macro  ENTRY name, posted
        .globl  \name
        .type   \name, @function
\name:
        sd      t0, X + 8 * 5 - FRAME(sp)       /* nobody else writes below sp */
        li      t0, \posted
        j       perdure_handler_common
        .size   \name, . - \name
        .endm

        .section .text.perdure_handler, "ax", @progbits
        ENTRY   perdure_trap_entry, 0
        ENTRY   perdure_interrupt_entry, 1
        ENTRY   perdure_client_alert_entry, 2
        ENTRY   perdure_server_alert_entry, 4

        .type   perdure_handler_common, @function
perdure_handler_common:
        sd      a0, 0 - FRAME(sp)
        sd      a1, 8 - FRAME(sp)
        sd      a2, 16 - FRAME(sp)
        sd      t0, 24 - FRAME(sp)
        .irp    n, 1, 2, 3, 4, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        sd      x\n, X + 8 * \n - FRAME(sp)
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        fsd     f\n, F + 8 * \n - FRAME(sp)
        .endr
        frcsr   t0
        sd      t0, FCSR - FRAME(sp)
        addi    s0, sp, -FRAME                  /* the struct */
        andi    sp, s0, -16
        .option push
        .option norelax
        la      gp, __global_pointer$           /* whatever was interrupted, C finds its data */
        .option pop
        mv      a0, s0
        call    perdure_handle
        mv      a1, s0
        ld      t0, FCSR(a1)
        fscsr   t0
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        fld     f\n, F + 8 * \n(a1)
        .endr
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        ld      x\n, X + 8 * \n(a1)
        .endr
        li      a7, 0x617                       /* thread_return_from_exception */
        ecall
        unimp
        .size   perdure_handler_common, . - perdure_handler_common
        .section .note.GNU-stack, "", @progbits
