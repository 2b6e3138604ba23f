import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { pages, prose, root } from './pages.ts'

it.each(pages)(
  'Each relative link of $path leads to a file, and each anchor to a heading.',
  ({ path, text }) => {
    const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
    const relativeLinks = links.filter(link => !/^[a-z]+:/.test(link))
    expect(relativeLinks.filter(link => !leadsSomewhere(path, link))).toEqual([])
  },
)

it('Each page of docs/ can be reached from the README.', () => {
  const linked = new Set<string>()
  const visit = (path: string): void => {
    const text = pages.find(each => each.path === path)?.text
    if (text === undefined || linked.has(path)) return
    linked.add(path)
    for (const [, link = ''] of prose(text).matchAll(/\]\(([^)#\s]+)/g)) visit(join(dirname(path), link))
  }
  visit('README.md')
  expect(pages.map(({ path }) => path).filter(path => !linked.has(path))).toEqual([])
})

function leadsSomewhere(path: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? path : relative(root, join(root, dirname(path), file))
  if (!existsSync(join(root, target))) return false
  if (anchor === undefined || statSync(join(root, target)).isDirectory()) return anchor === undefined
  return anchors(pages.find(each => each.path === target)?.text ?? '').includes(anchor)
}

/** The anchors that GitHub gives the headings. */
function anchors(text: string): readonly string[] {
  return [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
