import type { TestCase } from 'vitest/node'
import type { Reporter } from 'vitest/reporters'

/** Tells at the end why a test failed that then passed: `retry x1` alone would hide it. */
export default class Retried implements Reporter {
  readonly #told: string[] = []

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result()
    if (state !== 'passed' || errors.length === 0) return
    this.#told.push(`retried  ${test.module.relativeModuleId} > ${test.fullName}`)
    for (const { message, diff, stacks = [] } of errors) {
      const at = stacks[0] ? `  at ${stacks[0].file}:${stacks[0].line}` : ''
      this.#told.push(
        ...[message, diff ?? '', at]
          .filter(Boolean)
          .flatMap(text => text.split('\n'))
          .slice(0, 40),
      )
    }
  }

  onTestRunEnd(): void {
    if (this.#told.length > 0) process.stdout.write(`${this.#told.join('\n')}\n`)
  }
}
