/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled programs, as bytes: JB_BPF_OBJECT is the file. */
    .section .rodata
    .balign 16
    .global jb_bpf_object
    .hidden jb_bpf_object
jb_bpf_object:
    .incbin JB_BPF_OBJECT
    .global jb_bpf_object_end
    .hidden jb_bpf_object_end
jb_bpf_object_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
