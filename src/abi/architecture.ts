// The machines that an image can be made for, by their names in uname(2). Tables whose values differ have one column
// each, in this order.

export const ARCHITECTURES = ['x86_64', 'aarch64'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/** The index of an architecture's column. */
export const column = (architecture: Architecture): 0 | 1 => (architecture === 'x86_64' ? 0 : 1)
