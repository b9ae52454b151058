// One value for one file of a cgroup: what resources become, for either cgroup version, before anything is touched.
// Which group a controller's files are in, and the writing itself, is apply.ts's.

export interface Write {
  /** "memory"; "io" of v2 is "blkio" in v1. */
  readonly controller: string
  readonly file: string
  readonly value: string
  /** Place in config.json. */
  readonly pointer: string
  /** What to write when the kernel lacks the file and has this one. */
  readonly otherwise?: { readonly file: string; readonly value: string }
  /** What to do when the kernel has none of the files; absent: it is an error. */
  readonly whenMissing?: 'skip'
  /** What to do when the kernel answers EPERM; absent: it is an error. */
  readonly whenDenied?: 'skip'
  /** What the kernel needs for the file to be there: "Linux 5.15", "swap accounting". */
  readonly needs?: string
  /** Values that bound each other: of consecutive writes with the same word, those that fail are tried once more. */
  readonly together?: string
  /** The kernel bends the value in silence, so that it is read back and compared. */
  readonly readBack?: true
  /** Would stop the container's init while it sets up, so it has a time of its own. */
  readonly late?: true
}
