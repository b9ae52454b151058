// The parts of an ELF file that executables of 64 bits are made of: elf(5), include/uapi/linux/elf.h (v6.12).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

/** e_ident: 0x7f "ELF", 64 bit, little endian, version 1, System V, zeros; as two words of the header. */
export const ELF_IDENT = 0x00010102464c457fn

export const ET = defineEnum('include/uapi/linux/elf.h (v6.12); elf(5)', { ET_EXEC: 2n, ET_DYN: 3n })
export const EM = defineEnum('include/uapi/linux/elf-em.h (v6.12)', { EM_X86_64: 62n, EM_AARCH64: 183n })
export const PT = defineEnum('include/uapi/linux/elf.h (v6.12); elf(5)', {
  PT_NULL: 0n,
  PT_LOAD: 1n,
  PT_INTERP: 3n,
  PT_NOTE: 4n,
  PT_PHDR: 6n,
  PT_GNU_STACK: 0x6474e551n,
})
/** Of the auxiliary vector that a program finds on its stack. */
export const AT = defineEnum('include/uapi/linux/auxvec.h (v6.12); getauxval(3)', {
  AT_PHDR: 3n,
  AT_PHNUM: 5n,
  AT_BASE: 7n,
  AT_ENTRY: 9n,
  AT_SYSINFO_EHDR: 33n,
})
export const SHT = defineEnum('include/uapi/linux/elf.h (v6.12); elf(5)', { SHT_PROGBITS: 1n })
export const SHF = defineFlags('include/uapi/linux/elf.h (v6.12); elf(5)', {
  SHF_WRITE: 1n,
  SHF_ALLOC: 2n,
  SHF_EXECINSTR: 4n,
})
export const PF = defineFlags('include/uapi/linux/elf.h (v6.12); elf(5)', { PF_X: 1n, PF_W: 2n, PF_R: 4n })

export const elfHeader = defineStruct('Elf64_Ehdr, include/uapi/linux/elf.h (v6.12); elf(5)', {
  e_ident: 'u64',
  e_ident_padding: 'u64',
  e_type: 'u16',
  e_machine: 'u16',
  e_version: 'u32',
  e_entry: 'u64',
  e_phoff: 'u64',
  e_shoff: 'u64',
  e_flags: 'u32',
  e_ehsize: 'u16',
  e_phentsize: 'u16',
  e_phnum: 'u16',
  e_shentsize: 'u16',
  e_shnum: 'u16',
  e_shstrndx: 'u16',
})

export const programHeader = defineStruct('Elf64_Phdr, include/uapi/linux/elf.h (v6.12); elf(5)', {
  p_type: 'u32',
  p_flags: 'u32',
  p_offset: 'u64',
  p_vaddr: 'u64',
  p_paddr: 'u64',
  p_filesz: 'u64',
  p_memsz: 'u64',
  p_align: 'u64',
})

export const sectionHeader = defineStruct('Elf64_Shdr, include/uapi/linux/elf.h (v6.12); elf(5)', {
  sh_name: 'u32',
  sh_type: 'u32',
  sh_flags: 'u64',
  sh_addr: 'u64',
  sh_offset: 'u64',
  sh_size: 'u64',
  sh_link: 'u32',
  sh_info: 'u32',
  sh_addralign: 'u64',
  sh_entsize: 'u64',
})

export const symbol = defineStruct('Elf64_Sym, include/uapi/linux/elf.h (v6.12); elf(5)', {
  st_name: 'u32',
  st_info: 'u8',
  st_other: 'u8',
  st_shndx: 'u16',
  st_value: 'u64',
  st_size: 'u64',
})

export const rela = defineStruct('Elf64_Rela, include/uapi/linux/elf.h (v6.12); elf(5)', {
  r_offset: 'u64',
  r_info: 'u64',
  r_addend: 'u64',
})
