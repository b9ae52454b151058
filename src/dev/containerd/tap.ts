// TAP 14 to stdout, and the count as the last line.
const MOST_PROBLEMS = 10

export class Tap {
  #number = 0
  #passed = 0
  #failed = 0
  #skipped = 0

  constructor() {
    console.log('TAP version 14')
  }

  say(text: string): void {
    console.log(text.trimEnd().replace(/^/gm, '# '))
  }

  /** Passes without problems. */
  test(title: string, problems: readonly string[], seconds?: number): void {
    const time = seconds === undefined ? '' : ` # time=${(seconds * 1000).toFixed(0)}ms`
    const mark = problems.length > 0 ? 'not ok' : 'ok'
    if (problems.length > 0) this.#failed++
    else this.#passed++
    console.log(`${mark} ${++this.#number} - ${title}${time}`)
    this.#list(problems)
  }

  /** What is wrong, and not with what is tested. */
  todo(title: string, reason: string, problems: readonly string[]): void {
    this.#skipped++
    console.log(`not ok ${++this.#number} - ${title} # TODO ${reason}`)
    this.#list(problems)
  }

  skip(title: string, reason: string): void {
    this.#skipped++
    console.log(`ok ${++this.#number} - ${title} # SKIP ${reason}`)
  }

  #list(problems: readonly string[]): void {
    for (const problem of problems.slice(0, MOST_PROBLEMS)) this.say(`  ${problem}`)
    if (problems.length > MOST_PROBLEMS) this.say(`  … ${problems.length} in all`)
  }

  /** The exit status. */
  end(): number {
    console.log(`1..${this.#number}`)
    console.log(
      `${this.#passed} passed, ${this.#failed} failed${this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''}`,
    )
    return this.#failed > 0 ? 1 : 0
  }
}
