import { Secret } from '#engine/secret.ts'
import { checkedMatch } from './checked.ts'
import { declareEdit, type EditOptions } from './edit.ts'
import { checkedPlace, insertLines, linesOf, type Place, textOf } from './lines.ts'
import type { Declare } from './resource.ts'

/** How a line becomes a comment of the file's format; `['/*', '*\/']` where a comment has an end. */
export type Comment = string | readonly [string, string]

export interface BlockOptions extends EditOptions, Place {
  /** `#` by default. */
  readonly comment?: Comment
}

export interface DeclareBlock {
  (path: string, name: string, text: string | Secret, options?: BlockOptions): void
  absent(path: string, name: string, options?: Pick<BlockOptions, 'comment' | 'notify'>): void
}

/** `block('/etc/ssh/sshd_config', 'deploy', 'Match User deploy\n  X11Forwarding no\n')`: lines between two marks. */
export function block(declare: Declare): DeclareBlock {
  const present = (path: string, name: string, text: string | Secret, options: BlockOptions = {}): void => {
    const { comment, after, before, ...rest } = options
    const lines = linesOf(text instanceof Secret ? text.reveal() : text)
    const marks = marksOf(name, comment)
    if (lines.some(line => line.includes('\0') || Object.values(marks).includes(line)))
      throw new RangeError(`block ${name}: its text has a NUL byte or one of its own marks`)
    if (!(text instanceof Secret) && text.includes('***'))
      throw new RangeError(`block ${name}: a secret was joined to other text: make the whole text a Secret`)
    const place = checkedPlace({ after, before })
    const edit = (given: string) => withBlock(given, marks, lines, place)
    declareEdit(declare, 'block', path, name, { edit, isSecret: text instanceof Secret }, rest)
  }
  return Object.assign(present, {
    absent(path: string, name: string, options: Pick<BlockOptions, 'comment' | 'notify'> = {}): void {
      const { comment, ...rest } = options
      const marks = marksOf(name, comment)
      const edit = (given: string) => withBlock(given, marks, undefined, {})
      declareEdit(declare, 'block', path, name, { edit, isRemoval: true }, rest)
    },
  })
}

interface Marks {
  readonly begin: string
  readonly end: string
}

function marksOf(name: string, comment: Comment = '#'): Marks {
  checkedMatch('a block named by letters, digits, spaces, dots, - and _', /[\w.-]+( [\w.-]+)*/, name)
  const [before, after = ''] = typeof comment === 'string' ? [comment] : comment
  const mark = (word: string) => `${before} ${word} ${name} (Capstan)${after && ` ${after}`}`
  return { begin: mark('BEGIN'), end: mark('END') }
}

/** `lines` undefined: no block. Throws RangeError where only one of the marks is there. */
function withBlock(text: string, marks: Marks, lines: readonly string[] | undefined, place: Place) {
  const all = linesOf(text)
  const begin = all.indexOf(marks.begin)
  const end = all.indexOf(marks.end, begin + 1)
  if (begin < 0 !== end < 0 || all.indexOf(marks.end) < begin || all.indexOf(marks.begin, begin + 1) >= 0)
    throw new RangeError(`has not exactly one ${marks.begin} with an end after it`)
  const wanted = lines ? [marks.begin, ...lines, marks.end] : []
  const next = begin < 0 ? insertLines(all, wanted, place) : all.toSpliced(begin, end - begin + 1, ...wanted)
  const isSame = next.length === all.length && next.every((line, index) => line === all[index])
  const present = lines ? `block of ${count(lines.length)}` : 'absent'
  if (isSame) return { text, found: present, wanted: present }
  return {
    text: textOf(next),
    found: begin < 0 ? 'absent' : `block of ${count(end - begin - 1)}`,
    wanted: present,
  }
}

function count(lines: number): string {
  return lines === 1 ? '1 line' : `${lines} lines`
}
