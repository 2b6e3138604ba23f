import { expect, it } from 'vitest'
import { refuseEscapes } from '#engine/deploy/symlink-escape.ts'

const shared = new Set(['storage'])
const link = (path: string, target: string) => ({ type: 'link', path, target }) as const

it.each([
  ['to a file beside it', [link('a', 'b')]],
  ['up and down again', [link('public/tool', '../bin/tool')]],
  ['that leads nowhere', [link('a', 'gone/away')]],
  [
    'into a shared folder',
    [link('storage', '../../shared/storage'), link('public/storage', '../storage/public')],
  ],
  ['through another link', [link('a', 'b/c'), link('b', 'd')]],
  ['to the release itself', [link('public/root', '..')]],
])('lets a link pass %s', (_title, links) => {
  expect(refuseEscapes(links, shared)).toEqual([])
})

it.each([
  ['is absolute', [link('a', '/etc/passwd')], 'a → /etc/passwd: is absolute'],
  ['leads up too far', [link('public/a', '../../x')], 'leads out of the release'],
  [
    'leads out through a link that is harmless',
    [link('p', 'public/deep'), link('a', 'p/../../../x')],
    'a → p/../../../x: leads out',
  ],
  [
    'leads out of a shared folder',
    [link('storage', '../../shared/storage'), link('a', 'storage/..')],
    'leads out of a shared folder',
  ],
  ['goes round in a circle', [link('a', 'b'), link('b', 'a')], 'goes round in a circle'],
])('refuses a link that %s', (_title, links, why) => {
  expect(refuseEscapes(links, shared).join('\n')).toContain(why)
})
