import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pages, root } from './pages.ts'

// Phrases that native speakers have to decode, with what to write instead.
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bis to hold\b|\bmakes? it so\b/i, 'A role declares a host’s state; one command applies and verifies it'],
  [/\bmend(s|ed|ing)?\b/i, 'fix'],
  [/\b(is|are|was|were|be|been|still) owed\b|\bowed handlers?\b|\bin silence\b/i, 'pending; never lost'],
  [/\bbe had again\b/i, 'could not be re-established'],
  [/\bnobody waits for an answer\b/i, 'once it has no requests in flight'],
  [
    /\bis no more (the )?live\b|\bwhat it is at\b/i,
    'to finish the current job after its release is replaced',
  ],
  [/\bthat others may keep\b/i, 'TTL, negative-cache TTL'],
  [/\b(be|are|is) told apart\b/i, 'hooks and options; distinguished'],
  [/\bwhere neither (is|has)\b/i, 'if neither is'],
  [/\bunless told\b/i, 'by default'],
  [/\banew\b/i, 'again, from scratch'],
  [/\b(is|are) told as\b/i, 'is reported as'],
  [/\bthe step (that )?it is at\b/i, 'each host finishes its current step'],
  [/\bfor all to read\b|\bhas it that\b|\bthere is none of it\b/i, 'say who does what'],
]

const sources = ['scripts', 'roles'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => `${folder}/${name}`)
    .filter(path => /\.(ts|mjs|sh|pl|ejs)$/.test(path)),
)

it('Pages, help, messages and comments have none of these phrases.', () => {
  const texts = [
    ...pages,
    ...sources.map(path => ({ path, text: readFileSync(join(root, path), 'utf8') })),
    { path: 'package.json', text: readFileSync(join(root, 'package.json'), 'utf8') },
  ]
  expect(texts.flatMap(({ path, text }) => findings(path, text))).toEqual([])
})

it('A phrase is found in a sentence, and not in the name of a folder.', () => {
  expect(findings('a', 'First.\nIt is made anew.')).toEqual(['a:2: “anew”; write “again, from scratch”'])
  expect(findings('a', 'Handlers are owed.')).toHaveLength(1)
  expect(findings('a', 'Run `rm -rf /var/lib/capstan/owed`; qw(pending owed)')).toEqual([])
})

function findings(path: string, text: string): readonly string[] {
  return text.split('\n').flatMap((line, at) =>
    phrases.flatMap(([phrase, better]) => {
      const found = phrase.exec(line)?.[0]
      return found === undefined ? [] : [`${path}:${at + 1}: “${found}”; write “${better}”`]
    }),
  )
}
