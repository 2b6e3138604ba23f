import { expect, it } from 'vitest'
import { holds, interpolate } from './expressions.ts'

const contexts = {
  github: { repository: 'a/b', event: {} },
  inputs: {},
  secrets: { A: 'x' },
  steps: { s: { outputs: { u: 'v' } } },
}
const well = { failed: false, cancelled: false }

it.each([
  ['${{ secrets.A }}', 'x'],
  ['${{ secrets.NOT_THERE }}', null],
  ["${{ inputs.a || 'production' }}", 'production'],
  ["x-${{ steps.s.outputs.u }}-${{ format('{0}!', 'y') }}", 'x-v-y!'],
  ["${{ inputs.capstan && 'a' || '' }}", ''],
])('%s is evaluated to what GitHub makes of it', (text, expected) => {
  expect(interpolate(text, contexts)).toBe(expected)
})

it.each([
  [undefined, well, true],
  [undefined, { failed: true, cancelled: false }, false],
  ['${{ !cancelled() }}', { failed: true, cancelled: false }, true],
  ['${{ !cancelled() }}', { failed: false, cancelled: true }, false],
  ['${{ github.event.pull_request.head.repo.full_name == github.repository }}', well, false],
  ["${{ github.repository == 'a/b' }}", { failed: true, cancelled: false }, false],
])('the condition %s on %o gives %s', (condition, status, expected) => {
  expect(holds(condition, contexts, status)).toBe(expected)
})
