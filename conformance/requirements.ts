// What the runtime-spec demands, and which cases show it.
export interface Requirement {
  readonly section: string
  /** The demand, in our words. */
  readonly demand: string
  /** Names of cases that show it together. */
  readonly cases: readonly string[]
  /** Why there is no case. */
  readonly because?: string
}

export const REQUIREMENTS: readonly Requirement[] = []
