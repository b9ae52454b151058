// One demand of the runtime-spec: a MUST, MUST NOT, SHALL or REQUIRED of its text, in our words.
export interface Requirement {
  /** "runtime.md create", as in sections.ts. */
  readonly section: string
  readonly demand: string
  /** The cases that show it together: a name, or what the names of several match. */
  readonly cases: readonly (string | RegExp)[]
  /** Why no case can. */
  readonly because?: string
}

export const shown = (section: string, demand: string, ...cases: readonly (string | RegExp)[]): Requirement => ({
  section,
  demand,
  cases,
})

export const mute = (section: string, demand: string, because: string): Requirement => ({
  section,
  demand,
  cases: [],
  because,
})
