/* Where a program begins: sets up gp and tp, fills in the first thread's TLS block, runs constructors and main.
   Entered with sp at argc, argv..., 0, envp..., 0, auxv..., as on Linux, and everything else unknown. Memory that
   has no bytes in the file is zero already. The same for Perdure and for bare mode. */
        .file   "crt0.S"
        .section .text.start, "ax", @progbits
        .globl  _start
        .type   _start, @function
_start:
        .option push
        .option norelax
        la      gp, __global_pointer$
        .option pop
        mv      s0, sp                  /* argc lies here */
        andi    sp, sp, -16
        la      tp, __first_tls
        mv      a0, tp
        call    _init_tls
        ld      s1, 0(s0)               /* argc */
        addi    s0, s0, 8               /* argv */
        addi    s2, s1, 1
        slli    s2, s2, 3
        add     s2, s2, s0              /* envp */
        la      t0, environ
        sd      s2, 0(t0)
        call    __libc_init_array
        mv      a0, s1
        mv      a1, s0
        mv      a2, s2
        call    main
        call    exit                    /* flushes, runs destructors, ends in _exit */
        unimp
        .size   _start, . - _start
        .section .note.GNU-stack, "", @progbits
